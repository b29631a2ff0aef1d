//! The bytes of a `SegmentObject`, and back.

use super::model::{Log, Reference, Segment, Span};
use crate::convert::Malformed;
use crate::convert::decode::{FromWire, flag, int32, int64, nested, text};
use crate::wire::Field;

impl<'a> FromWire<'a> for Segment<'a> {
    const NAME: &'static str = "SegmentObject";

    fn take(&mut self, field: Field<'a>) -> Result<bool, Malformed> {
        match field.number {
            1 => self.trace_id = text::<Self>(field)?,
            2 => self.segment_id = text::<Self>(field)?,
            3 => self.spans.push(nested::<Self, _>(field)?),
            4 => self.service = text::<Self>(field)?,
            5 => self.instance = text::<Self>(field)?,
            6 => self.is_size_limited = flag::<Self>(field)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn unknown(&mut self) -> &mut Vec<u8> {
        &mut self.unknown
    }
}

impl<'a> FromWire<'a> for Span<'a> {
    const NAME: &'static str = "SpanObject";

    fn take(&mut self, field: Field<'a>) -> Result<bool, Malformed> {
        match field.number {
            1 => self.id = int32::<Self>(field)?,
            2 => self.parent = int32::<Self>(field)?,
            3 => self.start = int64::<Self>(field)?,
            4 => self.end = int64::<Self>(field)?,
            5 => self.refs.push(nested::<Self, _>(field)?),
            6 => self.operation = text::<Self>(field)?,
            7 => self.peer = text::<Self>(field)?,
            8 => self.span_type = int32::<Self>(field)?,
            9 => self.layer = int32::<Self>(field)?,
            10 => self.component = int32::<Self>(field)?,
            11 => self.is_error = flag::<Self>(field)?,
            12 => self.tags.push(nested::<Self, _>(field)?),
            13 => self.logs.push(nested::<Self, _>(field)?),
            14 => self.skip_analysis = flag::<Self>(field)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn unknown(&mut self) -> &mut Vec<u8> {
        &mut self.unknown
    }
}

impl<'a> FromWire<'a> for Reference<'a> {
    const NAME: &'static str = "SegmentReference";

    fn take(&mut self, field: Field<'a>) -> Result<bool, Malformed> {
        match field.number {
            1 => self.ref_type = int32::<Self>(field)?,
            2 => self.trace_id = text::<Self>(field)?,
            3 => self.segment_id = text::<Self>(field)?,
            4 => self.span = int32::<Self>(field)?,
            5 => self.service = text::<Self>(field)?,
            6 => self.instance = text::<Self>(field)?,
            7 => self.endpoint = text::<Self>(field)?,
            8 => self.address_used = text::<Self>(field)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn unknown(&mut self) -> &mut Vec<u8> {
        &mut self.unknown
    }
}

impl<'a> FromWire<'a> for Log<'a> {
    const NAME: &'static str = "Log";

    fn take(&mut self, field: Field<'a>) -> Result<bool, Malformed> {
        match field.number {
            1 => self.time = int64::<Self>(field)?,
            2 => self.data.push(nested::<Self, _>(field)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn unknown(&mut self) -> &mut Vec<u8> {
        &mut self.unknown
    }
}
