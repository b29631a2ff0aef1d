//! When the items of a record happened.

use pdata::skywalking::Kind;
use pdata::wire::{Fields, Value};
use pdata::{NativeChunk, Signal};

use super::reader::Content;

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

/// The earliest time of an item, in nanoseconds since the Unix epoch: the start of a span, the
/// time of a data point, the time of a log record or when it was observed, or when what an agent
/// reports began. `None` if no item has one.
pub(super) fn earliest(content: &Content) -> Option<u64> {
    match content {
        Content::Otlp { signal, request } => earliest_of_request(*signal, request),
        Content::Native(messages) => {
            let times = messages.iter().filter_map(earliest_of_message);
            times.min()
        }
    }
}

/// The fields that lead to the times at which things began, and their unit in nanoseconds.
fn beginnings(kind: Kind) -> (&'static [&'static [u32]], u64) {
    match kind {
        // `spans.startTime`
        Kind::Segment => (&[&[3, 3]], MILLISECOND),
        // `timestamp`
        Kind::Log => (&[&[1]], MILLISECOND),
        // `meterData.timestamp`
        Kind::Meters => (&[&[1, 5]], MILLISECOND),
        // `startTime.seconds`
        Kind::SpanAttachedEvent => (&[&[1, 1]], SECOND),
        // `metrics.time`
        Kind::Jvm | Kind::Clr => (&[&[1, 1]], MILLISECOND),
        // `startTime`
        Kind::Event => (&[&[7]], MILLISECOND),
        // `time`
        Kind::BrowserErrorLog => (&[&[4]], MILLISECOND),
        Kind::BrowserPerf
        | Kind::BrowserWebVitals
        | Kind::BrowserResource
        | Kind::BrowserWebInteractions => (&[&[3]], MILLISECOND),
        // `httpMetrics.metrics.startTime`, `tcpMetrics.metrics.startTime`
        Kind::ServiceMesh => (&[&[1, 1, 1], &[2, 1, 1]], MILLISECOND),
        Kind::InstanceProperties | Kind::InstancePing => (&[], MILLISECOND),
    }
}

fn earliest_of_message(message: &NativeChunk) -> Option<u64> {
    let (paths, unit) = beginnings(message.kind());
    let times = paths
        .iter()
        .filter_map(|path| first_along(path, message.message()));
    times.min()?.checked_mul(unit)
}

/// The lowest number in the field at the end of `path`; a time before 1970 is as good as none.
fn first_along(path: &[u32], message: &[u8]) -> Option<u64> {
    let (number, rest) = path.split_first()?;
    let fields = Fields::of(message).filter(|field| field.number == *number);
    let times = fields.filter_map(|field| match field.value {
        Value::Varint(time) if rest.is_empty() => {
            Some(time).filter(|time| (1..=i64::MAX as u64).contains(time))
        }
        Value::Len(content) if !rest.is_empty() => first_along(rest, content),
        _ => None,
    });
    times.min()
}

fn earliest_of_request(signal: Signal, request: &[u8]) -> Option<u64> {
    let resources = messages(request, |number| number == 1);
    let scopes = resources.flat_map(|resource| messages(resource, |number| number == 2));
    let items = scopes.flat_map(|scope| messages(scope, |number| number == 2));
    match signal {
        Signal::Traces => items.filter_map(|span| time(span, 7)).min(),
        Signal::Logs => {
            let time_of = |record| time(record, 1).or_else(|| time(record, 11));
            items.filter_map(time_of).min()
        }
        Signal::Metrics => {
            // Gauge, sum, histogram, exponential histogram and summary have their points in
            // field 1, and those their time in field 3.
            let data = items.flat_map(|metric| messages(metric, |number| number >= 5));
            let points = data.flat_map(|data| messages(data, |number| number == 1));
            points.filter_map(|point| time(point, 3)).min()
        }
        Signal::Skywalking => unreachable!("a request is of OTLP"),
    }
}

fn messages(message: &[u8], wanted: impl Fn(u32) -> bool) -> impl Iterator<Item = &[u8]> {
    Fields::of(message).filter_map(move |field| match field.value {
        Value::Len(content) if wanted(field.number) => Some(content),
        _ => None,
    })
}

/// A field that holds a time; zero means that there is none.
fn time(message: &[u8], number: u32) -> Option<u64> {
    let mut times = Fields::of(message).filter_map(|field| match field.value {
        Value::Fixed64(time) if field.number == number && time > 0 => Some(time),
        _ => None,
    });
    times.next()
}
