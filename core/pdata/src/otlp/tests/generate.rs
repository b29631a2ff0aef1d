//! Requests that no SDK would write and every protobuf reader must take: any order of fields,
//! repeated singular fields, unknown fields, groups, packed and unpacked lists, long varints.

use crate::Signal;
use crate::schema::{self, Field, Kind, Message, WireType};
use crate::wire::put_varint;

/// Fields per message at most, so that a request stays small enough for many cases.
const FIELDS_MAX: u64 = 6;
/// Message levels at most; the deep end has a test of its own.
const LEVELS_MAX: u32 = 12;

pub(super) struct Generator(u64);

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Generator(seed)
    }

    pub(super) fn request(&mut self, signal: Signal) -> Vec<u8> {
        self.message(schema::request(signal), LEVELS_MAX)
    }

    /// SplitMix64: good enough to spread a seed over the choices below.
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

    fn message(&mut self, shape: &'static Message, levels: u32) -> Vec<u8> {
        let mut out = Vec::new();
        for _ in 0..=self.below(FIELDS_MAX) {
            if self.below(12) == 0 {
                self.unknown(&mut out, shape, levels);
            } else {
                let field = &shape.fields[self.below(shape.fields.len() as u64) as usize];
                self.field(&mut out, field, levels);
            }
        }
        out
    }

    fn field(&mut self, out: &mut Vec<u8>, field: &'static Field, levels: u32) {
        let wire_type = field.kind.wire_type();
        let packable = field.repeated && wire_type != WireType::Len;
        if packable && self.below(2) == 0 {
            let mut list = Vec::new();
            for _ in 0..self.below(4) {
                self.scalar(&mut list, wire_type);
            }
            self.delimited(out, field.number, &list);
            return;
        }
        match field.kind {
            Kind::Message(_) if levels == 0 => {}
            Kind::Message(shape) => {
                let inner = self.message(shape, levels - 1);
                self.delimited(out, field.number, &inner);
            }
            Kind::String => {
                let text = self.text();
                self.delimited(out, field.number, &text);
            }
            Kind::Bytes | Kind::Id => {
                let bytes = self.next().to_le_bytes();
                let length = self.below(9) as usize;
                self.delimited(out, field.number, &bytes[..length]);
            }
            _ => {
                self.tag(out, field.number, wire_type.code());
                self.scalar(out, wire_type);
            }
        }
    }

    /// Mostly short ASCII, sometimes long, not ASCII or not UTF-8.
    fn text(&mut self) -> Vec<u8> {
        match self.below(16) {
            0 => "x".repeat(120 + self.below(20) as usize).into_bytes(),
            1 => "页面加载🙂".as_bytes().to_vec(),
            2 => b"cut \xED\xA0\xBD here".to_vec(),
            3 => vec![b'a', 0xFF, b'b'],
            4 => Vec::new(),
            _ => b"pages/index/index"[..self.below(18) as usize].to_vec(),
        }
    }

    fn scalar(&mut self, out: &mut Vec<u8>, wire_type: WireType) {
        match wire_type {
            WireType::Varint => {
                let shift = self.below(64);
                put_varint(out, self.0 >> shift);
            }
            WireType::Fixed64 => out.extend(self.next().to_le_bytes()),
            WireType::Fixed32 => out.extend((self.next() as u32).to_le_bytes()),
            WireType::Len => unreachable!("only numbers are scalars here"),
        }
    }

    fn unknown(&mut self, out: &mut Vec<u8>, shape: &'static Message, levels: u32) {
        const NUMBERS: [u32; 4] = [19, 31, 100, (1 << 29) - 1];
        let number = NUMBERS[self.below(4) as usize];
        assert!(
            shape.field(number).is_none(),
            "{number} is no longer unknown"
        );
        match self.below(5) {
            0 => {
                self.tag(out, number, 0);
                self.scalar(out, WireType::Varint);
            }
            1 => {
                self.tag(out, number, 1);
                self.scalar(out, WireType::Fixed64);
            }
            2 => self.delimited(out, number, b"\xFFunknown"),
            3 => {
                self.tag(out, number, 3);
                let inner = self.message(shape, levels.min(1));
                out.extend(inner);
                self.tag(out, number, 4);
            }
            _ => {
                self.tag(out, number, 5);
                self.scalar(out, WireType::Fixed32);
            }
        }
    }

    fn delimited(&mut self, out: &mut Vec<u8>, number: u32, content: &[u8]) {
        self.tag(out, number, 2);
        self.varint(out, content.len() as u64);
        out.extend_from_slice(content);
    }

    fn tag(&mut self, out: &mut Vec<u8>, number: u32, wire_type: u32) {
        self.varint(out, u64::from(number << 3 | wire_type));
    }

    /// A varint, now and then longer than it needs to be, which is allowed.
    fn varint(&mut self, out: &mut Vec<u8>, value: u64) {
        put_varint(out, value);
        if self.below(20) == 0 && value < 1 << 28 {
            let last = out.len() - 1;
            out[last] |= 0x80;
            out.push(0);
        }
    }
}
