//! One pass over the bytes of a message: structure, text and item counts, no objects.
//!
//! Each message's table says at the first byte of a field how to pass it. Almost all bytes of
//! real traffic are short string attributes, so those have a path of their own: the field headers
//! inside a `KeyValue` are ASCII when every length is below 128, so one word-wise ASCII pass over
//! the whole `KeyValue` checks its key, its value and its lengths' form at once, and four
//! comparisons check the shape. Whatever is unusual goes through [`Walk::lookup`], which is
//! complete and slower.
//!
//! A fault collects the path of its field while the calls unwind, so a good request pays nothing
//! for it.

use std::fmt;
use std::ops::Range;

use crate::Signal;
use crate::repair::InvalidUtf8;
use crate::schema::{self, Field, Kind, Message, Pass, WireType};
use crate::wire::{NESTING_MAX, varint};

/// What the walk found in a request.
#[derive(Debug)]
pub(crate) struct Walked {
    pub(crate) resources: Vec<Resource>,
    pub(crate) items: usize,
    /// Strings that are not UTF-8, in ascending order.
    pub(crate) broken: Vec<Range<usize>>,
}

/// One resource-level message of a request.
#[derive(Debug)]
pub(crate) struct Resource {
    /// Where its field header starts.
    pub(crate) start: usize,
    pub(crate) body: Range<usize>,
    pub(crate) items: u32,
}

/// Where and why the bytes are not a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault(Box<Details>);

#[derive(Debug, PartialEq, Eq)]
struct Details {
    offset: usize,
    what: What,
    /// Names of the fields around it, innermost first.
    path: Vec<&'static str>,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    Varint,
    Tag,
    WireType { expected: WireType, found: u64 },
    NoWireType(u64),
    Length { length: u64, left: usize },
    FixedCut { length: usize, left: usize },
    Packed { length: usize, width: usize },
    GroupEnd,
    Nesting,
    Utf8,
}

impl Fault {
    #[cold]
    fn new(offset: usize, what: What) -> Self {
        Fault(Box::new(Details {
            offset,
            what,
            path: Vec::new(),
        }))
    }

    #[cold]
    fn within(mut self, field: &'static str) -> Self {
        self.0.path.push(field);
        self
    }

    /// Bytes from the start of the request.
    pub fn offset(&self) -> usize {
        self.0.offset
    }

    /// The field, as in `resource_spans.scope_spans.spans.name`; empty for the request itself.
    pub fn path(&self) -> String {
        let names: Vec<_> = self.0.path.iter().rev().copied().collect();
        names.join(".")
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.path.is_empty() {
            true => write!(f, "byte {}: ", self.0.offset)?,
            false => write!(f, "`{}` at byte {}: ", self.path(), self.0.offset)?,
        }
        match self.0.what {
            What::Varint => write!(f, "varint is cut off or longer than 64 bits"),
            What::Tag => write!(f, "field numbers go from 1 to 536870911"),
            What::WireType { expected, found } => {
                write!(f, "wire type {found} where {} is right", expected.code())
            }
            What::NoWireType(found) => write!(f, "there is no wire type {found}"),
            What::Length { length, left } => {
                write!(f, "length {length} exceeds the {left} bytes left")
            }
            What::FixedCut { length, left } => {
                write!(f, "{length} bytes expected, {left} left")
            }
            What::Packed { length, width } => {
                write!(f, "packed length {length} is not a multiple of {width}")
            }
            What::GroupEnd => write!(f, "end of a group that did not start"),
            What::Utf8 => write!(f, "text is not valid UTF-8"),
            What::Nesting => write!(f, "messages nest deeper than {NESTING_MAX} levels"),
        }
    }
}

/// Walks a whole request.
pub(crate) fn request(
    signal: Signal,
    request: &[u8],
    invalid_utf8: InvalidUtf8,
) -> Result<Walked, Fault> {
    let shape = schema::request(signal);
    let resources = &shape.fields[0];
    let whole = Body {
        bytes: request,
        base: 0,
    };
    let mut walk = Walk {
        invalid_utf8,
        items: 0,
        broken: Vec::new(),
    };
    let mut found = Vec::new();
    let mut at = 0;
    while at < request.len() {
        let (number, wire_type, content) = tag(whole, at)?;
        if (number, wire_type) != (resources.number, u64::from(WireType::Len.code())) {
            at = walk.lookup(whole, at, shape, NESTING_MAX)?;
            continue;
        }
        let before = walk.items;
        let end = walk.nested(whole, content, resources, NESTING_MAX)?;
        let body = delimited(whole, content)?;
        found.push(Resource {
            start: at,
            body,
            items: (walk.items - before) as u32,
        });
        at = end;
    }
    Ok(Walked {
        resources: found,
        items: walk.items,
        broken: walk.broken,
    })
}

/// Walks one message of any shape; returns where its broken strings are.
pub(crate) fn message(
    shape: &'static Message,
    message: &[u8],
    invalid_utf8: InvalidUtf8,
) -> Result<Vec<Range<usize>>, Fault> {
    let mut walk = Walk {
        invalid_utf8,
        items: 0,
        broken: Vec::new(),
    };
    let whole = Body {
        bytes: message,
        base: 0,
    };
    walk.message(whole, shape, NESTING_MAX)?;
    Ok(walk.broken)
}

/// A message's bytes and where they stand in the request.
#[derive(Clone, Copy)]
struct Body<'a> {
    bytes: &'a [u8],
    base: usize,
}

struct Walk {
    invalid_utf8: InvalidUtf8,
    items: usize,
    broken: Vec<Range<usize>>,
}

impl Walk {
    /// Checks a message; `depth` more levels may follow below it.
    fn message(
        &mut self,
        body: Body<'_>,
        shape: &'static Message,
        depth: u32,
    ) -> Result<(), Fault> {
        let bytes = body.bytes;
        let mut at = 0;
        while at < bytes.len() {
            // A tag from 128 to 255 takes two bytes, of which the second is 1.
            let (tag, content) = match bytes[at] {
                tag @ 0..128 => (tag, at + 1),
                tag if bytes.get(at + 1) == Some(&1) => (tag, at + 2),
                _ => (0, at),
            };
            let step = shape.step(tag);
            let passed = match step.pass {
                Pass::Attribute => plain_attribute(bytes, content, depth),
                Pass::Text => short_text(bytes, content),
                Pass::Bytes => short_bytes(bytes, content),
                Pass::Varint => short_varint(bytes, content),
                Pass::Fixed64 => fixed(bytes, content + 8),
                Pass::Fixed32 => fixed(bytes, content + 4),
                Pass::Message | Pass::Item => {
                    let field = &shape.fields[usize::from(step.field)];
                    Some(self.nested(body, content, field, depth)?)
                }
                Pass::Lookup => None,
            };
            at = match passed {
                Some(next) => next,
                None => self.lookup(body, at, shape, depth)?,
            };
        }
        Ok(())
    }

    /// Checks a length-delimited message whose length stands at `at`.
    fn nested(
        &mut self,
        body: Body<'_>,
        at: usize,
        field: &'static Field,
        depth: u32,
    ) -> Result<usize, Fault> {
        let Some(shape) = field.kind.message() else {
            unreachable!("only messages are passed as messages")
        };
        let content = delimited(body, at).map_err(|fault| fault.within(field.name))?;
        if depth == 0 {
            return Err(Fault::new(body.base + at, What::Nesting).within(field.name));
        }
        self.items += usize::from(field.pass == Pass::Item);
        let inner = Body {
            bytes: &body.bytes[content.clone()],
            base: body.base + content.start,
        };
        self.message(inner, shape, depth - 1)
            .map_err(|fault| fault.within(field.name))?;
        Ok(content.end)
    }

    /// Passes any field: the complete rules, by the table.
    #[inline(never)]
    fn lookup(
        &mut self,
        body: Body<'_>,
        at: usize,
        shape: &'static Message,
        depth: u32,
    ) -> Result<usize, Fault> {
        let (number, wire_type, after) = tag(body, at)?;
        match shape.field(number) {
            None => skip(body, after, (number, wire_type), depth),
            Some(field) => match field.kind {
                Kind::Message(_) | Kind::Map(_) if wire_type == u64::from(WireType::Len.code()) => {
                    self.nested(body, after, field, depth)
                }
                _ => self
                    .scalar(body, after, field, wire_type)
                    .map_err(|fault| fault.within(field.name)),
            },
        }
    }

    fn scalar(
        &mut self,
        body: Body<'_>,
        at: usize,
        field: &'static Field,
        found: u64,
    ) -> Result<usize, Fault> {
        let expected = field.kind.wire_type();
        if found == u64::from(expected.code()) {
            return match expected {
                WireType::Varint => read_varint(body, at).map(|(_, next)| next),
                WireType::Fixed64 => whole_fixed(body, at, 8),
                WireType::Fixed32 => whole_fixed(body, at, 4),
                WireType::Len => {
                    let content = delimited(body, at)?;
                    if matches!(field.kind, Kind::String) {
                        self.text(body, content.clone())?;
                    }
                    Ok(content.end)
                }
            };
        }
        let packable = field.repeated && expected != WireType::Len;
        if packable && found == u64::from(WireType::Len.code()) {
            return packed(body, at, expected);
        }
        Err(Fault::new(
            body.base + at,
            What::WireType { expected, found },
        ))
    }

    fn text(&mut self, body: Body<'_>, content: Range<usize>) -> Result<(), Fault> {
        let Err(error) = std::str::from_utf8(&body.bytes[content.clone()]) else {
            return Ok(());
        };
        let start = body.base + content.start;
        match self.invalid_utf8 {
            InvalidUtf8::Repair => {
                self.broken.push(start..body.base + content.end);
                Ok(())
            }
            InvalidUtf8::Refuse => Err(Fault::new(start + error.valid_up_to(), What::Utf8)),
        }
    }
}

/// The end of a `KeyValue` of the common shape, whose length stands at `at`:
///
/// ```text
/// <length> 0A <key length> <key> 12 <value length> 0A <text length> <text>
///                                                  18 <integer>
///                                                  10 <boolean>, 21 <double>
/// ```
///
/// with every length below 128 and all text ASCII. `None` says nothing against it.
#[inline]
fn plain_attribute(bytes: &[u8], at: usize, depth: u32) -> Option<usize> {
    let length = usize::from(*bytes.get(at)?);
    let pair = bytes.get(at + 1..at + 1 + length)?;
    let [0x0A, key_length, rest @ ..] = pair else {
        return None;
    };
    let key_length = usize::from(*key_length);
    let [0x12, value_length, kind, value @ ..] = rest.get(key_length..)? else {
        return None;
    };
    if usize::from(*value_length) != value.len() + 1 || length >= 128 || depth < 2 {
        return None;
    }
    let shaped = match (kind, value) {
        // A text length of 128 or more has its high bit set and fails the ASCII pass.
        (0x0A, [text_length, text @ ..]) => usize::from(*text_length) == text.len() && ascii(pair),
        (0x18 | 0x10, _) => whole_varint(value) && ascii(&rest[..key_length]),
        (0x21, _) => value.len() == 8 && ascii(&rest[..key_length]),
        _ => false,
    };
    shaped.then_some(at + 1 + length)
}

/// Whether `bytes` are one varint of at most nine bytes and nothing else.
#[inline]
fn whole_varint(bytes: &[u8]) -> bool {
    match bytes {
        [last] => *last < 128,
        [more @ .., last] => *last < 128 && more.len() < 9 && more.iter().all(|byte| *byte >= 128),
        [] => false,
    }
}

#[inline]
fn short_text(bytes: &[u8], at: usize) -> Option<usize> {
    let end = short_bytes(bytes, at)?;
    ascii(&bytes[at + 1..end]).then_some(end)
}

#[inline]
fn short_bytes(bytes: &[u8], at: usize) -> Option<usize> {
    let length = *bytes.get(at)?;
    let end = at + 1 + usize::from(length);
    (length < 128 && end <= bytes.len()).then_some(end)
}

/// The end of a varint of at most nine bytes; the tenth has room for one bit only.
#[inline]
fn short_varint(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    let last = rest.iter().take(9).position(|byte| *byte < 128)?;
    Some(at + last + 1)
}

#[inline]
fn fixed(bytes: &[u8], end: usize) -> Option<usize> {
    (end <= bytes.len()).then_some(end)
}

/// Whether all bytes are below 128.
#[inline]
fn ascii(bytes: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut seen = 0u64;
    for word in words {
        seen |= u64::from_le_bytes(*word);
    }
    match bytes.last_chunk::<8>() {
        // The last word overlaps the one before it, which is cheaper than a loop over the rest.
        Some(last) => seen |= u64::from_le_bytes(*last),
        None => rest.iter().for_each(|byte| seen |= u64::from(*byte)),
    }
    seen & HIGH == 0
}

/// Field number and wire type, and the offset behind them.
fn tag(body: Body<'_>, at: usize) -> Result<(u32, u64, usize), Fault> {
    let (key, after) = read_varint(body, at)?;
    let number = u32::try_from(key).map_or(0, |key| key >> 3);
    if number == 0 {
        return Err(Fault::new(body.base + at, What::Tag));
    }
    match key & 7 {
        wire_type @ 0..=5 => Ok((number, wire_type, after)),
        wire_type => Err(Fault::new(body.base + at, What::NoWireType(wire_type))),
    }
}

fn read_varint(body: Body<'_>, at: usize) -> Result<(u64, usize), Fault> {
    varint(body.bytes, at).ok_or_else(|| Fault::new(body.base + at, What::Varint))
}

/// The content of a length-delimited field whose length stands at `at`.
#[inline]
fn delimited(body: Body<'_>, at: usize) -> Result<Range<usize>, Fault> {
    let (length, start) = read_varint(body, at)?;
    let left = body.bytes.len() - start;
    match usize::try_from(length) {
        Ok(length) if length <= left => Ok(start..start + length),
        _ => Err(Fault::new(body.base + at, What::Length { length, left })),
    }
}

fn whole_fixed(body: Body<'_>, at: usize, length: usize) -> Result<usize, Fault> {
    let left = body.bytes.len() - at;
    match length <= left {
        true => Ok(at + length),
        false => Err(Fault::new(body.base + at, What::FixedCut { length, left })),
    }
}

/// Passes a packed list of scalars.
fn packed(body: Body<'_>, at: usize, element: WireType) -> Result<usize, Fault> {
    let content = delimited(body, at)?;
    let width = match element {
        WireType::Fixed64 => 8,
        WireType::Fixed32 => 4,
        WireType::Varint | WireType::Len => 1,
    };
    let length = content.len();
    if length % width != 0 {
        return Err(Fault::new(body.base + at, What::Packed { length, width }));
    }
    if element == WireType::Varint {
        let list = Body {
            bytes: &body.bytes[..content.end],
            base: body.base,
        };
        let mut next = content.start;
        while next < content.end {
            (_, next) = read_varint(list, next)?;
        }
    }
    Ok(content.end)
}

/// Passes a field that the table does not know.
fn skip(body: Body<'_>, at: usize, tag: (u32, u64), depth: u32) -> Result<usize, Fault> {
    if depth == 0 {
        return Err(Fault::new(body.base + at, What::Nesting));
    }
    match tag.1 {
        0 => read_varint(body, at).map(|(_, next)| next),
        1 => whole_fixed(body, at, 8),
        2 => delimited(body, at).map(|content| content.end),
        3 => skip_group(body, at, tag.0, depth),
        5 => whole_fixed(body, at, 4),
        _ => Err(Fault::new(body.base + at, What::GroupEnd)),
    }
}

/// Passes a group up to its end; groups are long deprecated, but an unknown field may be one.
fn skip_group(body: Body<'_>, mut at: usize, number: u32, depth: u32) -> Result<usize, Fault> {
    const GROUP_END: u64 = 4;
    loop {
        let (inner, wire_type, after) = tag(body, at)?;
        if wire_type != GROUP_END {
            at = skip(body, after, (inner, wire_type), depth - 1)?;
        } else if inner == number {
            return Ok(after);
        } else {
            return Err(Fault::new(body.base + at, What::GroupEnd));
        }
    }
}
