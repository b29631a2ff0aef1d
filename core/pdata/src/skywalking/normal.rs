//! What agents write once for a whole stream, written into each of its messages.
//!
//! In a stream of logs only the first message may name the service, in a stream of meters only the
//! first may carry service, instance and time. A backend that reads the stream as a whole knows them;
//! whoever cuts the stream into pieces must write them down first. Bytes that are there are not
//! touched: a field that is missing is appended.

use bytes::Bytes;

use super::{Kind, NativeChunk};
use crate::otlp::ReceiveError;
use crate::wire::{Fields, Value, put_field, put_varint};
use crate::{Budget, Lease};

/// `LogData`: 2 the service.
const LOG_SERVICE: u32 = 2;
/// `MeterData`: 3 the service, 4 its instance, 5 the time in Unix ms.
const METER_SERVICE: u32 = 3;
const METER_INSTANCE: u32 = 4;
const METER_TIME: u32 = 5;

/// The logs of one stream.
#[derive(Debug, Default)]
pub struct LogStream {
    service: Bytes,
}

impl LogStream {
    /// The next log of the stream with the service that the first one named, unless it names its own.
    pub fn normalise(
        &mut self,
        log: NativeChunk,
        budget: &Budget,
    ) -> Result<NativeChunk, ReceiveError> {
        let named = content(&log.message, LOG_SERVICE);
        if !named.is_empty() {
            if self.service.is_empty() {
                self.service = Bytes::copy_from_slice(&named);
            }
            return Ok(log);
        }
        if self.service.is_empty() {
            return Ok(log);
        }
        let room = log.message.len() + field_len(&self.service);
        let lease = lease(room, budget)?;
        let mut message = Vec::with_capacity(room);
        message.extend_from_slice(&log.message);
        put_field(&mut message, LOG_SERVICE, &self.service);
        let message = lease.hold(message);
        Ok(NativeChunk::from_checked(
            Kind::Log,
            message,
            log.arrived_unix_ms,
        ))
    }
}

/// The meters of one stream, gathered into units that are complete by themselves.
#[derive(Debug, Default)]
pub struct MeterStream {
    unit: MeterUnit,
}

/// Meters of one instance, in order.
#[derive(Debug, Default)]
pub struct MeterUnit {
    head: MeterHead,
    meters: Vec<Meter>,
    /// What the collection will take.
    bytes: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct MeterHead {
    service: Bytes,
    instance: Bytes,
    unix_ms: u64,
}

/// A meter and the fields that are to be appended to it.
#[derive(Debug)]
struct Meter {
    message: Bytes,
    missing: Vec<u8>,
}

impl MeterStream {
    /// Adds a `MeterData` that was checked. If it belongs to another instance than those before, these
    /// are given back as a unit, and the new one begins the next.
    pub fn push(&mut self, meter: Bytes) -> Option<MeterUnit> {
        let own = MeterHead::of(&meter);
        let head = own.completed_by(&self.unit.head);
        let goes_on = head.service == self.unit.head.service
            && head.instance == self.unit.head.instance
            || self.unit.meters.is_empty();
        let ended = if goes_on { None } else { self.take() };
        let missing = head.missing_in(&own);
        let length = meter.len() + missing.len();
        self.unit.bytes += length + super::envelope::HEAD_BYTES_MAX;
        self.unit.meters.push(Meter {
            message: meter,
            missing,
        });
        self.unit.head = head;
        ended
    }

    /// Bytes of the unit that is being gathered.
    pub fn bytes(&self) -> usize {
        self.unit.bytes
    }

    /// The unit gathered so far; what follows inherits its head.
    pub fn take(&mut self) -> Option<MeterUnit> {
        if self.unit.meters.is_empty() {
            return None;
        }
        let head = self.unit.head.clone();
        let next = MeterUnit {
            head,
            ..MeterUnit::default()
        };
        Some(std::mem::replace(&mut self.unit, next))
    }
}

impl MeterUnit {
    /// The meters as one `MeterDataCollection`.
    pub fn into_chunk(
        self,
        arrived_unix_ms: u64,
        budget: &Budget,
    ) -> Result<NativeChunk, ReceiveError> {
        let lease = lease(self.bytes, budget)?;
        let mut collection = Vec::with_capacity(self.bytes);
        for Meter { message, missing } in self.meters {
            put_varint(&mut collection, 1 << 3 | 2);
            put_varint(&mut collection, (message.len() + missing.len()) as u64);
            collection.extend_from_slice(&message);
            collection.extend_from_slice(&missing);
        }
        let message = lease.hold(collection);
        Ok(NativeChunk::from_checked(
            Kind::Meters,
            message,
            arrived_unix_ms,
        ))
    }
}

impl NativeChunk {
    /// A collection of meters as units of one instance each, with every meter's head written down.
    /// A collection that is one already is given back as it is.
    pub fn into_meter_units(self, budget: &Budget) -> Result<Vec<NativeChunk>, ReceiveError> {
        let meters = || {
            let fields = Fields::of(&self.message).filter(|field| field.number == 1);
            fields.filter_map(|field| match field.value {
                Value::Len(meter) => Some(meter),
                _ => None,
            })
        };
        let mut heads = meters().map(MeterHead::of);
        let first = heads.next().unwrap_or_default();
        let is_unit = first.is_complete()
            && heads.all(|head| {
                head.is_complete()
                    && head.service == first.service
                    && head.instance == first.instance
            });
        if is_unit {
            return Ok(vec![self]);
        }
        let mut stream = MeterStream::default();
        let mut units = Vec::new();
        for meter in meters() {
            units.extend(stream.push(self.message.slice_ref(meter)));
        }
        units.extend(stream.take());
        let chunks = units.into_iter();
        chunks
            .map(|unit| unit.into_chunk(self.arrived_unix_ms, budget))
            .collect()
    }
}

impl MeterHead {
    fn of(meter: &[u8]) -> Self {
        let mut head = MeterHead::default();
        for field in Fields::of(meter) {
            match (field.number, field.value) {
                (METER_SERVICE, Value::Len(text)) => head.service = Bytes::copy_from_slice(text),
                (METER_INSTANCE, Value::Len(text)) => head.instance = Bytes::copy_from_slice(text),
                (METER_TIME, Value::Varint(time)) => head.unix_ms = time,
                _ => {}
            }
        }
        head
    }

    fn is_complete(&self) -> bool {
        !self.service.is_empty() && !self.instance.is_empty() && self.unix_ms != 0
    }

    /// Itself, and from `before` what it does not say.
    fn completed_by(&self, before: &MeterHead) -> MeterHead {
        let text = |own: &Bytes, before: &Bytes| match own.is_empty() {
            true => before.clone(),
            false => own.clone(),
        };
        MeterHead {
            service: text(&self.service, &before.service),
            instance: text(&self.instance, &before.instance),
            unix_ms: match self.unix_ms {
                0 => before.unix_ms,
                own => own,
            },
        }
    }

    /// The fields that `own` has not.
    fn missing_in(&self, own: &MeterHead) -> Vec<u8> {
        let mut fields = Vec::new();
        if own.service.is_empty() && !self.service.is_empty() {
            put_field(&mut fields, METER_SERVICE, &self.service);
        }
        if own.instance.is_empty() && !self.instance.is_empty() {
            put_field(&mut fields, METER_INSTANCE, &self.instance);
        }
        if own.unix_ms == 0 && self.unix_ms != 0 {
            put_varint(&mut fields, u64::from(METER_TIME) << 3);
            put_varint(&mut fields, self.unix_ms);
        }
        fields
    }
}

/// The last content of a field; empty if it is not there.
fn content(message: &Bytes, number: u32) -> Bytes {
    let fields = Fields::of(message).filter(|field| field.number == number);
    match fields.last().map(|field| field.value) {
        Some(Value::Len(content)) => message.slice_ref(content),
        _ => Bytes::new(),
    }
}

fn field_len(content: &[u8]) -> usize {
    content.len() + super::envelope::HEAD_BYTES_MAX
}

fn lease(bytes: usize, budget: &Budget) -> Result<Lease, ReceiveError> {
    budget
        .try_lease(bytes)
        .ok_or(ReceiveError::Overloaded(bytes))
}
