//! Wire bytes to JSON, as the collector's file exporter writes it: one line, names in
//! lowerCamelCase, defaults and unknown fields left out; enumerations as numbers in OTLP and by name
//! in SkyWalking's messages.

use std::collections::BTreeMap;

use super::fields::{Raw, field, place};
use super::gather::{Index, Occurrences};
use super::value::Place;
use super::{Malformed, value};
use crate::schema::{self, Field, Kind, Message, Presence};
use crate::{Signal, wire};

/// Appends the JSON form of an export request of `signal`, without a newline behind it.
///
/// A field's occurrences are gathered into one list, in the order in which they stand; messages
/// that come twice are merged, and of other values the last one counts.
///
/// # Errors
///
/// `wire` is not such a request, which the check at reception rules out. `out` is then as it was.
pub fn write(signal: Signal, wire: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    write_parts(signal, [wire], out)
}

/// [`write()`] for a request in several parts, such as the framed bytes of chunks, that need not be
/// joined for it. Each part holds whole fields of the request.
///
/// # Errors
///
/// As for [`write()`].
pub fn write_parts<'a>(
    signal: Signal,
    parts: impl IntoIterator<Item = &'a [u8]>,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let parts: Vec<&[u8]> = parts.into_iter().collect();
    written(Enums::Numbers, schema::request(signal), &parts, out)
}

/// Appends the JSON form of a `message` of SkyWalking, without a newline behind it: enumerations by
/// name, numbers that have none as they are.
///
/// # Errors
///
/// As for [`write()`].
pub fn write_message(
    message: &'static Message,
    wire: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    written(Enums::Names, message, &[wire], out)
}

fn written(
    enums: Enums,
    message: &'static Message,
    parts: &[&[u8]],
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let start = out.len();
    // JSON of telemetry is about twice as long as the wire bytes.
    out.reserve(parts.iter().map(|part| 2 * part.len()).sum());
    let mut writer = Writer {
        out,
        enums,
        gathers: false,
    };
    let mut written = writer.message(message, parts, 0);
    if matches!(written, Err(Stop::Apart)) {
        // From the start rather than from the message at fault, so that no message is written
        // more than twice however deep they nest.
        writer.out.truncate(start);
        writer.gathers = true;
        written = writer.message(message, parts, 0);
    }
    written.map_err(|stop| {
        out.truncate(start);
        match stop {
            Stop::Malformed(malformed) => malformed,
            Stop::Apart => unreachable!("what is gathered stands together"),
        }
    })
}

struct Writer<'o> {
    out: &'o mut Vec<u8>,
    enums: Enums,
    /// Whether to look for the occurrences of a field in all of a message. Otherwise they are
    /// taken as they come, which is right for what an encoder has written in one go.
    gathers: bool,
}

/// How the values of enumerations are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Enums {
    Names,
    Numbers,
}

/// Why writing ended early.
enum Stop {
    Malformed(Malformed),
    /// Occurrences that must be gathered or merged do not stand together.
    Apart,
}

impl From<Malformed> for Stop {
    fn from(malformed: Malformed) -> Self {
        Stop::Malformed(malformed)
    }
}

/// A list that is being written.
#[derive(Clone, Copy)]
struct List {
    place: Place,
    /// Where its name begins.
    start: usize,
    /// Where its first element begins.
    first: usize,
}

impl Writer<'_> {
    /// Writes the message that stands in `parts`. `depth` counts the messages around it.
    fn message(
        &mut self,
        message: &'static Message,
        parts: &[&[u8]],
        depth: u32,
    ) -> Result<(), Stop> {
        if depth > wire::NESTING_MAX {
            return Err(Malformed::TooDeep.into());
        }
        self.out.push(b'{');
        if self.gathers {
            self.gathered(message, parts, depth)?;
        } else {
            self.as_it_stands(message, parts, depth)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn as_it_stands(
        &mut self,
        message: &'static Message,
        parts: &[&[u8]],
        depth: u32,
    ) -> Result<(), Stop> {
        /// Shared by the members of the oneof; beyond the bits of the places.
        const ONEOF: u32 = 1 << schema::FIELDS_MAX;
        let mut seen = 0u32;
        let mut list: Option<List> = None;
        let mut last = 0;
        for part in parts {
            let mut offset = 0;
            while offset < part.len() {
                let (number, raw) = field(part, &mut offset).ok_or(Malformed::Framing {
                    message: message.name,
                })?;
                let Some(found) = place(message.fields, number, last) else {
                    continue;
                };
                let field = &message.fields[found];
                let place = Place { message, field };
                if let Some(open) = list.filter(|_| found == last) {
                    self.element(open.place, raw, depth)?;
                    continue;
                }
                if let Some(list) = list.take() {
                    self.close(list);
                }
                let bit = match field.presence {
                    Presence::Oneof => ONEOF,
                    _ => 1 << found,
                };
                if seen & bit != 0 {
                    return Err(Stop::Apart);
                }
                seen |= bit;
                last = found;
                if matches!(field.kind, Kind::Map(_)) {
                    // Entries replace each other, so all of them must be known.
                    return Err(Stop::Apart);
                }
                if field.repeated {
                    list = Some(self.open(place));
                    self.element(place, raw, depth)?;
                } else {
                    self.singular(place, raw, depth)?;
                }
            }
        }
        if let Some(list) = list {
            self.close(list);
        }
        Ok(())
    }

    fn gathered(
        &mut self,
        message: &'static Message,
        parts: &[&[u8]],
        depth: u32,
    ) -> Result<(), Stop> {
        for (field, mut occurrences) in Index::of(message, parts)?.fields() {
            let place = Place { message, field };
            if let Kind::Map(entry) = field.kind {
                self.map(place, entry, occurrences)?;
            } else if field.repeated {
                let list = self.open(place);
                for raw in occurrences {
                    self.element(place, raw, depth)?;
                }
                self.close(list);
            } else if occurrences.len() > 1 {
                self.merged(place, occurrences, depth)?;
            } else if let Some(raw) = occurrences.next() {
                self.singular(place, raw, depth)?;
            }
        }
        Ok(())
    }

    /// Writes a map as an object, ascending by key. Of the entries with one key the last counts.
    fn map(
        &mut self,
        place: Place,
        entry: &'static Message,
        occurrences: Occurrences<'_>,
    ) -> Result<(), Stop> {
        let mut entries: BTreeMap<&[u8], &[u8]> = BTreeMap::new();
        for raw in occurrences {
            let [key, value] = pair(entry, place.content(raw)?)?;
            entries.insert(key, value);
        }
        self.name(place.field);
        self.out.push(b'{');
        for (key, value) in entries {
            value::string(place, key, self.out)?;
            self.out.push(b':');
            value::string(place, value, self.out)?;
            self.out.push(b',');
        }
        // In place of the last comma: a field in the index has an occurrence.
        self.out.pop();
        self.out.push(b'}');
        Ok(())
    }

    /// Writes a message that comes several times as the one that they add up to.
    fn merged(
        &mut self,
        place: Place,
        occurrences: Occurrences<'_>,
        depth: u32,
    ) -> Result<(), Stop> {
        let Kind::Message(message) = place.field.kind else {
            unreachable!("only the last of other values is in the index");
        };
        let parts = occurrences.map(|raw| place.content(raw));
        let parts: Vec<&[u8]> = parts.collect::<Result<_, _>>()?;
        self.name(place.field);
        self.message(message, &parts, depth + 1)
    }

    /// Writes a name and its only value, unless the value says no more than its absence.
    fn singular(&mut self, place: Place, raw: Raw<'_>, depth: u32) -> Result<(), Stop> {
        let Place { field, .. } = place;
        if let Kind::Message(message) = field.kind {
            self.name(field);
            return self.message(message, &[place.content(raw)?], depth + 1);
        }
        if !raw.is_of(field.kind.wire_type()) {
            return Err(place.wrong_wire_type().into());
        }
        if field.presence == Presence::Implicit && raw.is_default() {
            return Ok(());
        }
        self.name(field);
        self.value(place, raw)
    }

    /// Writes a value that is no message.
    fn value(&mut self, place: Place, raw: Raw<'_>) -> Result<(), Stop> {
        if self.enums == Enums::Names
            && let (Kind::Enum(values), Raw::Varint(number)) = (place.field.kind, raw)
            && let Some((name, _)) = values.iter().find(|(_, known)| *known == number as i32)
        {
            self.out.push(b'"');
            self.out.extend_from_slice(name.as_bytes());
            self.out.push(b'"');
            return Ok(());
        }
        Ok(value::append(place, raw, self.out)?)
    }

    fn name(&mut self, field: &Field) {
        self.out.reserve(field.json.len() + b",\"\":".len());
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(field.json.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn open(&mut self, place: Place) -> List {
        let start = self.out.len();
        self.name(place.field);
        self.out.push(b'[');
        let first = self.out.len();
        List {
            place,
            start,
            first,
        }
    }

    /// Ends the list, or takes it back if it has no elements.
    fn close(&mut self, list: List) {
        if self.out.len() == list.first {
            self.out.truncate(list.start);
        } else {
            // In place of the last comma.
            self.out.pop();
            self.out.push(b']');
        }
    }

    /// Writes an occurrence of a list's field: one element, or a packed list of them. Each gets a
    /// comma behind it.
    fn element(&mut self, place: Place, raw: Raw<'_>, depth: u32) -> Result<(), Stop> {
        match (place.field.kind, raw) {
            (Kind::Message(message), raw) => {
                self.message(message, &[place.content(raw)?], depth + 1)?;
            }
            (Kind::String | Kind::Bytes | Kind::Id, raw) => self.value(place, raw)?,
            (_, Raw::Len(mut packed)) => {
                while !packed.is_empty() {
                    let raw;
                    (raw, packed) = place.unpack(packed)?;
                    self.value(place, raw)?;
                    self.out.push(b',');
                }
                return Ok(());
            }
            (_, raw) => self.value(place, raw)?,
        }
        self.out.push(b',');
        Ok(())
    }
}

/// The key and the value in an entry of a map.
fn pair<'a>(entry: &'static Message, content: &'a [u8]) -> Result<[&'a [u8]; 2], Malformed> {
    let mut pair: [&[u8]; 2] = [&[]; 2];
    let mut offset = 0;
    while offset < content.len() {
        let (number, raw) = field(content, &mut offset).ok_or(Malformed::Framing {
            message: entry.name,
        })?;
        let Some(found) = place(entry.fields, number, 0) else {
            continue;
        };
        let place = Place {
            message: entry,
            field: &entry.fields[found],
        };
        pair[found] = place.content(raw)?;
    }
    Ok(pair)
}
