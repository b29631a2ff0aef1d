//! When the items of a request happened.

use pdata::Signal;
use pdata::wire::{Fields, Value};

/// The earliest time of an item, in nanoseconds since the Unix epoch: the start of a span, the
/// time of a data point, the time of a log record or when it was observed. `None` if no item has
/// one.
pub(super) fn earliest(signal: Signal, request: &[u8]) -> Option<u64> {
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
