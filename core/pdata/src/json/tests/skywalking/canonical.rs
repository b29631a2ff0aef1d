//! Any message of a table, encoded as prost would encode it: fields in order, no defaults.

use crate::schema::{Field, Kind, Message, Presence, WireType};
use crate::wire::{key, put_field, put_varint};

/// Elements of a list at most.
const ELEMENTS_MAX: u64 = 4;

/// Chooses by a seed, so that a failure can be seen again.
pub(super) struct Generator(pub(super) u64);

impl Generator {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    pub(super) fn message(&mut self, message: &'static Message) -> Vec<u8> {
        let members = message.fields.iter();
        let members: Vec<_> = members
            .filter(|field| field.presence == Presence::Oneof)
            .map(|field| field.number)
            .collect();
        let chosen = (!members.is_empty()).then(|| self.one_of(&members));
        let mut out = Vec::new();
        for field in message.fields {
            let unset = field.presence == Presence::Oneof && chosen != Some(field.number);
            if unset || self.below(4) == 0 {
                continue;
            }
            match field.kind {
                Kind::Map(entry) => self.entries(entry, field, &mut out),
                _ if field.repeated => {
                    for _ in 0..self.below(ELEMENTS_MAX) {
                        self.field(field, &mut out);
                    }
                }
                _ => self.field(field, &mut out),
            }
        }
        out
    }

    fn field(&mut self, field: &'static Field, out: &mut Vec<u8>) {
        match field.kind {
            Kind::Message(message) => {
                let content = self.message(message);
                put_field(out, field.number, &content);
            }
            Kind::String => {
                let text = self.text();
                if field.repeated || !text.is_empty() {
                    put_field(out, field.number, text.as_bytes());
                }
            }
            Kind::Double => {
                // None is whole, because the oracle writes those with a fraction.
                let value = self.one_of(&[1.5, -0.25, 1e300, 4e-320, f64::INFINITY]);
                put_varint(out, key(field.number, WireType::Fixed64));
                out.extend_from_slice(&value.to_le_bytes());
            }
            kind => {
                let value = match kind {
                    Kind::Bool => 1,
                    Kind::Int64 => self.one_of(&[1, u64::MAX, i64::MIN as u64, 1_700_000_000_000]),
                    // Numbers that no name stands for, too.
                    Kind::Enum(_) => self.one_of(&[1, 2, 3, 77]),
                    Kind::Int32 => self.one_of(&[1, 12_345, i32::MAX as u64, -1i64 as u64]),
                    other => panic!("no message of SkyWalking has {other:?}"),
                };
                put_varint(out, key(field.number, WireType::Varint));
                put_varint(out, value);
            }
        }
    }

    fn entries(&mut self, entry: &'static Message, field: &'static Field, out: &mut Vec<u8>) {
        let keys = ["", "a", "b 页"];
        for key in &keys[self.below(3) as usize..] {
            let mut content = Vec::new();
            if !key.is_empty() {
                put_field(&mut content, entry.fields[0].number, key.as_bytes());
            }
            self.field(&entry.fields[1], &mut content);
            put_field(out, field.number, &content);
        }
    }

    fn text(&mut self) -> &'static str {
        self.one_of(&["", "GET:/页/{id}", "a\"\\\n\u{1}", "🙂", "0123456789abcdef"])
    }
}
