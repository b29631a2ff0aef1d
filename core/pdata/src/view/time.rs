//! When a span was.

use super::RecordView;
use crate::Signal;
use crate::wire::{Fields, Value};

impl RecordView<'_> {
    /// When a span began, in nanoseconds since the Unix epoch; 0 if it does not say, and of what is
    /// no span.
    pub fn start_unix_nano(&self) -> u64 {
        self.span_time(7)
    }

    /// When a span ended, as [`Self::start_unix_nano`].
    pub fn end_unix_nano(&self) -> u64 {
        self.span_time(8)
    }

    fn span_time(&self, number: u32) -> u64 {
        if self.signal != Signal::Traces {
            return 0;
        }
        let times = Fields::of(self.message).filter_map(|field| match field.value {
            Value::Fixed64(time) if field.number == number => Some(time),
            _ => None,
        });
        times.last().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::otlp::{InvalidUtf8, receive};
    use crate::{Budget, sample};

    fn times(signal: Signal) -> [u64; 2] {
        let request = Bytes::from(sample::request(signal, 1));
        let budget = Budget::new(1 << 20);
        let received = receive(signal, request, InvalidUtf8::Refuse, &budget);
        let chunk = received.expect("samples are valid").chunks.remove(0);
        let chunk = chunk.into_otlp().expect("it is OTLP");
        let scope = chunk.scopes().next().expect("one scope");
        let record = scope.records().next().expect("one record");
        [record.start_unix_nano(), record.end_unix_nano()]
    }

    #[test]
    fn only_spans_have_a_beginning_and_an_end() {
        let [start, end] = times(Signal::Traces);
        assert_eq!(end - start, 12_345_678);
        assert_eq!(times(Signal::Logs), [0, 0]);
        assert_eq!(times(Signal::Metrics), [0, 0]);
    }
}
