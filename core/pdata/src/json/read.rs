//! JSON to wire bytes in one pass over both.
//!
//! Fields are written in the order in which they come, so that a name that comes twice means what
//! protobuf's merging makes of it: the last scalar and the last member of a oneof win, messages
//! merge, lists grow.

use std::borrow::Cow;

use super::error::{Fault, Problem};
use super::string::Quoted;
use super::text::Text;
use super::{BODY_MAX, List, Read, binary, number};
use crate::schema::{self, EnumValue, Field, Kind, Message, Presence, WireType};
use crate::{Signal, wire};

type Outcome<T> = Result<T, Box<Fault>>;

/// Room for the lengths of the two outer levels of messages: what [`BODY_MAX`] bytes of JSON can
/// become, and no more, fits. They hold the whole body, and with the room known beforehand it need
/// not be moved when its length is.
const OUTER_LENGTH_WIDTH: usize = 5;
const OUTER_DEPTH: u32 = 2;

pub(super) fn request(signal: Signal, body: &[u8]) -> Outcome<Read> {
    let mut reader = Reader::of(Dialect::Otlp, body)?;
    reader.message(schema::request(signal), 0)?;
    reader.text.end()?;
    Ok(Read {
        wire: reader.wire,
        repaired: reader.repaired,
    })
}

pub(super) fn message(message: &'static Message, body: &[u8]) -> Outcome<Read> {
    let mut reader = Reader::of(Dialect::SkyWalking, body)?;
    reader.message(message, 0)?;
    reader.text.end()?;
    Ok(Read {
        wire: reader.wire,
        repaired: reader.repaired,
    })
}

pub(super) fn list(message: &'static Message, body: &[u8]) -> Outcome<List> {
    let mut reader = Reader::of(Dialect::SkyWalking, body)?;
    reader.text.expect(b'[', "a list")?;
    let mut elements = Vec::new();
    let mut more = !reader.text.eat(b']');
    while more {
        let start = reader.wire.len();
        reader
            .message(message, 0)
            .map_err(|fault| fault.in_element(elements.len()))?;
        elements.push(start..reader.wire.len());
        more = reader.text.another(b']')?;
    }
    reader.text.end()?;
    Ok(List {
        wire: reader.wire,
        elements,
        repaired: reader.repaired,
    })
}

/// Where the two protocols' forms of JSON differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Otlp,
    /// Takes what OAP takes: a number or a boolean for a string, and a boolean as a string.
    SkyWalking,
}

struct Reader<'a> {
    text: Text<'a>,
    wire: Vec<u8>,
    repaired: u32,
    dialect: Dialect,
}

impl<'a> Reader<'a> {
    fn of(dialect: Dialect, body: &'a [u8]) -> Outcome<Self> {
        let text = Text::new(body);
        if body.len() > BODY_MAX {
            return Err(text.fault(Problem::TooLong(body.len())));
        }
        Ok(Reader {
            text,
            // Bodies of logs come to half of their text.
            wire: Vec::with_capacity(body.len() / 2),
            repaired: 0,
            dialect,
        })
    }

    /// Reads an object and appends its fields. `depth` counts the messages around it.
    fn message(&mut self, message: &'static Message, depth: u32) -> Outcome<()> {
        self.text.expect(b'{', "an object")?;
        if depth > wire::NESTING_MAX {
            return Err(self.text.fault(Problem::TooDeep));
        }
        // One bit for each field that has come, by its place in the table.
        let mut seen = 0u32;
        let mut guess = 0;
        let mut more = !self.text.eat(b'}');
        while more {
            match self.name(message.fields, guess)? {
                Some(place) => {
                    let field = &message.fields[place];
                    let again = seen >> place & 1 == 1;
                    self.field(field, again, depth)
                        .map_err(|fault| fault.in_field(field.json))?;
                    seen |= 1 << place;
                    guess = place + 1;
                }
                None => self.text.skip(0)?,
            }
            more = self.text.another(b'}')?;
        }
        Ok(())
    }

    /// Reads a name and finds its place in the table. `guess` is tried first: senders that write
    /// the fields in the order of the table are the rule.
    fn name(&mut self, fields: &'static [Field], guess: usize) -> Outcome<Option<usize>> {
        if let Some(field) = fields.get(guess)
            && self.text.eat_name(field.json)
        {
            return Ok(Some(guess));
        }
        let name = self.text.name()?.text();
        let camel = fields.iter().position(|f| f.json.as_bytes() == &*name);
        Ok(camel.or_else(|| fields.iter().position(|f| f.name.as_bytes() == &*name)))
    }

    /// Reads the value of a field, whatever it may be. `again` says that the field came before in
    /// the same object, so that even a default value must be written to replace the earlier one.
    fn field(&mut self, field: &'static Field, again: bool, depth: u32) -> Outcome<()> {
        if self.text.eat_literal("null") {
            return Ok(());
        }
        if let Kind::Map(entry) = field.kind {
            return self.map(field, entry);
        }
        if field.repeated {
            return self.list(field, depth);
        }
        let start = self.wire.len();
        self.key(field, field.kind.wire_type());
        let is_default = self.value(field.kind, depth)?;
        if is_default && field.presence == Presence::Implicit && !again {
            self.wire.truncate(start);
        }
        Ok(())
    }

    fn list(&mut self, field: &'static Field, depth: u32) -> Outcome<()> {
        self.text.expect(b'[', "a list")?;
        if self.text.eat(b']') {
            return Ok(());
        }
        let packed = field.kind.wire_type() != WireType::Len;
        let content = packed.then(|| {
            self.key(field, WireType::Len);
            self.open(1)
        });
        let mut index = 0;
        loop {
            self.element(field, packed, depth)
                .map_err(|fault| fault.in_element(index))?;
            if !self.text.another(b']')? {
                break;
            }
            index += 1;
        }
        if let Some(content) = content {
            self.close(content, 1);
        }
        Ok(())
    }

    /// Reads an object whose names are not ours as the entries of a map.
    fn map(&mut self, field: &'static Field, entry: &'static Message) -> Outcome<()> {
        let [key, value] = entry.fields else {
            unreachable!("the message of an entry has a key and a value");
        };
        self.text.expect(b'{', "an object")?;
        let mut more = !self.text.eat(b'}');
        while more {
            self.key(field, WireType::Len);
            let content = self.open(1);
            let name = self.text.name()?;
            let start = self.wire.len();
            self.key(key, WireType::Len);
            if self.string(name) {
                self.wire.truncate(start);
            }
            self.field(value, false, 0)?;
            self.close(content, 1);
            more = self.text.another(b'}')?;
        }
        Ok(())
    }

    fn element(&mut self, field: &'static Field, packed: bool, depth: u32) -> Outcome<()> {
        if !packed {
            self.key(field, WireType::Len);
        }
        // An empty message keeps the place: in a list of any values it is what `null` means.
        if matches!(field.kind, Kind::Message(_)) && self.text.eat_literal("null") {
            self.wire.push(0);
            return Ok(());
        }
        self.value(field.kind, depth).map(drop)
    }

    fn key(&mut self, field: &Field, wire_type: WireType) {
        wire::put_varint(&mut self.wire, wire::key(field.number, wire_type));
    }

    /// Leaves room for a length of `width` bytes; returns where the content begins.
    fn open(&mut self, width: usize) -> usize {
        const ROOM: [u8; OUTER_LENGTH_WIDTH] = [0; OUTER_LENGTH_WIDTH];
        self.wire.extend_from_slice(&ROOM[..width]);
        self.wire.len()
    }

    /// Writes the length of everything behind `content` into the room before it, and makes more
    /// room if it needs more than the `width` bytes it was given.
    fn close(&mut self, content: usize, width: usize) {
        let len = self.wire.len() - content;
        if width == 1 && len < 0x80 {
            self.wire[content - 1] = len as u8;
            return;
        }
        let needed = wire::varint_len(len as u64).max(width);
        let start = content - width;
        if needed > width {
            self.wire.resize(start + needed + len, 0);
            self.wire
                .copy_within(content..content + len, start + needed);
        }
        wire::fill_varint(&mut self.wire[start..start + needed], len as u64);
    }

    /// Reads one value and appends it without its key; whether it is the default of its kind.
    /// `depth` counts the messages around the one it belongs to.
    fn value(&mut self, kind: Kind, depth: u32) -> Outcome<bool> {
        match kind {
            Kind::Message(message) => {
                let width = match self.dialect {
                    Dialect::Otlp if depth < OUTER_DEPTH => OUTER_LENGTH_WIDTH,
                    _ => 1,
                };
                let content = self.open(width);
                self.message(message, depth + 1)?;
                self.close(content, width);
                Ok(false)
            }
            Kind::String => {
                if self.dialect == Dialect::SkyWalking
                    && let Some(plain) = self.text.number_or_boolean()
                {
                    wire::put_varint(&mut self.wire, plain.len() as u64);
                    self.wire.extend_from_slice(plain);
                    return Ok(false);
                }
                let text = self.text.string("a string")?;
                Ok(self.string(text))
            }
            Kind::Id => self.encoded("an id in hexadecimal", binary::decode_hex),
            Kind::Bytes => self.encoded("bytes in base64", binary::decode_base64),
            Kind::Fixed64 => {
                let value: u64 = self.integer(UNSIGNED_64)?;
                self.wire.extend_from_slice(&value.to_le_bytes());
                Ok(value == 0)
            }
            Kind::Sfixed64 => {
                let value: i64 = self.integer(SIGNED_64)?;
                self.wire.extend_from_slice(&value.to_le_bytes());
                Ok(value == 0)
            }
            Kind::Fixed32 => {
                let value: u32 = self.integer(UNSIGNED_32)?;
                self.wire.extend_from_slice(&value.to_le_bytes());
                Ok(value == 0)
            }
            Kind::Double => {
                let value = self.double()?;
                self.wire.extend_from_slice(&value.to_le_bytes());
                // The negative zero is not the default.
                Ok(value.to_bits() == 0)
            }
            kind => {
                let value = self.varint(kind)?;
                wire::put_varint(&mut self.wire, value);
                Ok(value == 0)
            }
        }
    }

    /// Reads a value whose wire type is a varint.
    fn varint(&mut self, kind: Kind) -> Outcome<u64> {
        // The wire has no shorter form for negative numbers: they are extended to 64 bits.
        let signed = |value: i64| value as u64;
        match kind {
            Kind::Bool => self.bool(),
            Kind::Int32 => self.integer::<i32>(SIGNED_32).map(|v| signed(v.into())),
            Kind::Int64 => self.integer(SIGNED_64).map(signed),
            Kind::Uint32 => self.integer::<u32>(UNSIGNED_32).map(u64::from),
            Kind::Sint32 => {
                let value: i32 = self.integer(SIGNED_32)?;
                Ok(u64::from((value << 1 ^ value >> 31) as u32))
            }
            Kind::Enum(values) => self.enumeration(values).map(|v| signed(v.into())),
            _ => self.integer(UNSIGNED_64),
        }
    }

    fn bool(&mut self) -> Outcome<u64> {
        if self.text.eat_literal("true") {
            Ok(1)
        } else if self.text.eat_literal("false") {
            Ok(0)
        } else if self.dialect == Dialect::SkyWalking && self.text.eat_literal("\"true\"") {
            Ok(1)
        } else if self.dialect == Dialect::SkyWalking && self.text.eat_literal("\"false\"") {
            Ok(0)
        } else {
            Err(self.text.unexpected("`true` or `false`"))
        }
    }

    fn integer<T: TryFrom<i128>>(&mut self, expected: &'static str) -> Outcome<T> {
        let offset = self.text.offset();
        let text = self.text.number_or_string()?;
        text.and_then(|text| T::try_from(number::integer(&text)?).ok())
            .ok_or_else(|| self.text.unexpected_at(offset, Cow::Borrowed(expected)))
    }

    fn double(&mut self) -> Outcome<f64> {
        const EXPECTED: Cow<'_, str> =
            Cow::Borrowed("a number, or a string with a number, `NaN`, `Infinity` or `-Infinity`");
        let offset = self.text.offset();
        let text = self.text.number_or_string()?;
        text.and_then(|text| number::double(&text))
            .ok_or_else(|| self.text.unexpected_at(offset, EXPECTED))
    }

    /// The number of an enumeration's value. Numbers this version does not know are kept.
    fn enumeration(&mut self, values: &'static [EnumValue]) -> Outcome<i32> {
        let offset = self.text.offset();
        let text = self.text.number_or_string()?;
        let by_name = |text: &[u8]| values.iter().find(|(name, _)| name.as_bytes() == text);
        let number = text.and_then(|text| match by_name(&text) {
            Some(&(_, number)) => Some(number),
            None => number::integer(&text)?.try_into().ok(),
        });
        number.ok_or_else(|| {
            let example = values.last().map_or("", |(name, _)| name);
            let expected = format!("a 32-bit number or a name such as `{example}`");
            self.text.unexpected_at(offset, Cow::Owned(expected))
        })
    }

    fn string(&mut self, text: Quoted<'_>) -> bool {
        if let Some(same) = text.verbatim() {
            wire::put_varint(&mut self.wire, same.len() as u64);
            self.wire.extend_from_slice(same);
            return same.is_empty();
        }
        let content = self.open(1);
        self.repaired += u32::from(text.append_to(&mut self.wire));
        self.close(content, 1);
        false
    }

    /// Reads a string that stands for bytes.
    fn encoded(
        &mut self,
        expected: &'static str,
        decode: fn(&[u8], &mut Vec<u8>) -> Option<()>,
    ) -> Outcome<bool> {
        let offset = self.text.offset();
        let text = self.text.string(expected)?.text();
        let content = self.open(1);
        decode(&text, &mut self.wire)
            .ok_or_else(|| self.text.unexpected_at(offset, Cow::Borrowed(expected)))?;
        self.close(content, 1);
        Ok(self.wire.len() == content)
    }
}

const SIGNED_32: &str = "a signed 32-bit integer as number or string";
const UNSIGNED_32: &str = "an unsigned 32-bit integer as number or string";
const SIGNED_64: &str = "a signed 64-bit integer as string or number";
const UNSIGNED_64: &str = "an unsigned 64-bit integer as string or number";
