//! A `LogData` with everything that its bytes say, borrowed from where it was read.

use std::borrow::Cow;

use crate::convert::Malformed;
use crate::convert::attributes::Pair;
use crate::convert::decode::{FromWire, int32, int64, merge_nested, nested, text};
use crate::convert::encode::{self, integer};
use crate::wire::Field;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Log<'a> {
    /// Milliseconds since 1970.
    pub(super) timestamp: i64,
    pub(super) service: Cow<'a, str>,
    pub(super) instance: Cow<'a, str>,
    pub(super) endpoint: Cow<'a, str>,
    pub(super) body: Option<Body<'a>>,
    pub(super) trace: Option<Trace<'a>>,
    pub(super) tags: Option<Tags<'a>>,
    pub(super) layer: Cow<'a, str>,
    pub(super) unknown: Vec<u8>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Body<'a> {
    pub(super) kind: Cow<'a, str>,
    pub(super) content: Option<(Form, Content<'a>)>,
    pub(super) unknown: Vec<u8>,
}

/// The members of the body's oneof: messages of one text each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text = 2,
    Json = 3,
    Yaml = 4,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Content<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) unknown: Vec<u8>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Trace<'a> {
    pub(super) trace_id: Cow<'a, str>,
    pub(super) segment_id: Cow<'a, str>,
    pub(super) span_id: i32,
    pub(super) unknown: Vec<u8>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tags<'a> {
    pub(super) data: Vec<Pair<'a>>,
    pub(super) unknown: Vec<u8>,
}

impl<'a> FromWire<'a> for Log<'a> {
    const NAME: &'static str = "LogData";

    fn take(&mut self, field: Field<'a>) -> Result<bool, Malformed> {
        match field.number {
            1 => self.timestamp = int64::<Self>(field)?,
            2 => self.service = text::<Self>(field)?,
            3 => self.instance = text::<Self>(field)?,
            4 => self.endpoint = text::<Self>(field)?,
            5 => merge_nested::<Self, _>(&mut self.body, field)?,
            6 => merge_nested::<Self, _>(&mut self.trace, field)?,
            7 => merge_nested::<Self, _>(&mut self.tags, field)?,
            8 => self.layer = text::<Self>(field)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn unknown(&mut self) -> &mut Vec<u8> {
        &mut self.unknown
    }
}

impl<'a> FromWire<'a> for Body<'a> {
    const NAME: &'static str = "LogDataBody";

    fn take(&mut self, field: Field<'a>) -> Result<bool, Malformed> {
        let form = match field.number {
            1 => {
                self.kind = text::<Self>(field)?;
                return Ok(true);
            }
            2 => Form::Text,
            3 => Form::Json,
            4 => Form::Yaml,
            _ => return Ok(false),
        };
        // The same member twice is merged, another one takes its place.
        let known = self.content.take().filter(|(known, _)| *known == form);
        let mut content = known.map(|(_, content)| content);
        merge_nested::<Self, _>(&mut content, field)?;
        self.content = content.map(|content| (form, content));
        Ok(true)
    }

    fn unknown(&mut self) -> &mut Vec<u8> {
        &mut self.unknown
    }
}

impl<'a> FromWire<'a> for Content<'a> {
    const NAME: &'static str = "TextLog";

    fn take(&mut self, field: Field<'a>) -> Result<bool, Malformed> {
        match field.number {
            1 => self.text = text::<Self>(field)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn unknown(&mut self) -> &mut Vec<u8> {
        &mut self.unknown
    }
}

impl<'a> FromWire<'a> for Trace<'a> {
    const NAME: &'static str = "TraceContext";

    fn take(&mut self, field: Field<'a>) -> Result<bool, Malformed> {
        match field.number {
            1 => self.trace_id = text::<Self>(field)?,
            2 => self.segment_id = text::<Self>(field)?,
            3 => self.span_id = int32::<Self>(field)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn unknown(&mut self) -> &mut Vec<u8> {
        &mut self.unknown
    }
}

impl<'a> FromWire<'a> for Tags<'a> {
    const NAME: &'static str = "LogTags";

    fn take(&mut self, field: Field<'a>) -> Result<bool, Malformed> {
        match field.number {
            1 => self.data.push(nested::<Self, _>(field)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn unknown(&mut self) -> &mut Vec<u8> {
        &mut self.unknown
    }
}

/// The bytes of a `LogData`: fields ascending, defaults left out, what is unknown at the end of its
/// message.
pub(super) fn write(log: &Log<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    integer(&mut out, 1, log.timestamp);
    encode::text(&mut out, 2, &log.service);
    encode::text(&mut out, 3, &log.instance);
    encode::text(&mut out, 4, &log.endpoint);
    if let Some(body) = &log.body {
        encode::nested(&mut out, 5, |out| {
            encode::text(out, 1, &body.kind);
            if let Some((form, content)) = &body.content {
                encode::nested(out, *form as u32, |out| {
                    encode::text(out, 1, &content.text);
                    out.extend_from_slice(&content.unknown);
                });
            }
            out.extend_from_slice(&body.unknown);
        });
    }
    if let Some(trace) = &log.trace {
        encode::nested(&mut out, 6, |out| {
            encode::text(out, 1, &trace.trace_id);
            encode::text(out, 2, &trace.segment_id);
            integer(out, 3, trace.span_id.into());
            out.extend_from_slice(&trace.unknown);
        });
    }
    if let Some(tags) = &log.tags {
        encode::nested(&mut out, 7, |out| {
            for pair in &tags.data {
                encode::nested(out, 1, |out| pair.put(out));
            }
            out.extend_from_slice(&tags.unknown);
        });
    }
    encode::text(&mut out, 8, &log.layer);
    out.extend_from_slice(&log.unknown);
    out
}
