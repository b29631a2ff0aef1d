//! Native items that carry a number each, and what of a set of numbers is missing or there twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use pdata::skywalking::v3::{
    Event, JvmMetric, JvmMetricCollection, KeyStringValuePair, LogData, LogDataBody, LogTags,
    MeterData, MeterSingleValue, SegmentObject, Source, SpanLayer, SpanObject, SpanType, TextLog,
    TraceContext, log_data_body, meter_data,
};

/// The names under which numbered items report, unless a test gives them others.
pub(crate) const SERVICE: &str = "numbered";
pub(crate) const INSTANCE: &str = "numbered-1";
/// The name of every numbered meter.
pub(crate) const METER: &str = "numbered_meter";

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

pub(crate) fn tag(key: &str, value: &str) -> KeyStringValuePair {
    KeyStringValuePair {
        key: key.to_owned(),
        value: value.to_owned(),
    }
}

fn trace_id(number: usize) -> String {
    format!("trace-{number:06}")
}

fn segment_id(number: usize) -> String {
    format!("segment-{number:06}")
}

/// A segment of one Entry span.
pub(crate) fn segment(number: usize) -> SegmentObject {
    let now = now();
    let span = SpanObject {
        span_id: 0,
        parent_span_id: -1,
        start_time: now - 5,
        end_time: now,
        operation_name: "/numbered".to_owned(),
        span_type: SpanType::Entry.into(),
        span_layer: SpanLayer::Http.into(),
        component_id: 49,
        tags: vec![tag("http.method", "GET"), tag("http.status_code", "200")],
        ..SpanObject::default()
    };
    SegmentObject {
        trace_id: trace_id(number),
        trace_segment_id: segment_id(number),
        spans: vec![span],
        service: SERVICE.to_owned(),
        service_instance: INSTANCE.to_owned(),
        is_size_limited: false,
    }
}

/// A log record that belongs to the segment of the same number.
pub(crate) fn log(number: usize) -> LogData {
    let text = TextLog {
        text: format!("line {number}"),
    };
    LogData {
        timestamp: now(),
        service: SERVICE.to_owned(),
        service_instance: INSTANCE.to_owned(),
        endpoint: "/numbered".to_owned(),
        body: Some(LogDataBody {
            r#type: "text".to_owned(),
            content: Some(log_data_body::Content::Text(text)),
        }),
        trace_context: Some(TraceContext {
            trace_id: trace_id(number),
            trace_segment_id: segment_id(number),
            span_id: 0,
        }),
        tags: Some(LogTags {
            data: vec![tag("level", "ERROR")],
        }),
        layer: String::new(),
    }
}

/// A meter whose value is the number.
pub(crate) fn meter(number: usize) -> MeterData {
    let value = u32::try_from(number).expect("tests count to less than 2^32");
    let single = MeterSingleValue {
        name: METER.to_owned(),
        labels: Vec::new(),
        value: value.into(),
    };
    MeterData {
        metric: Some(meter_data::Metric::SingleValue(single)),
        service: SERVICE.to_owned(),
        service_instance: INSTANCE.to_owned(),
        timestamp: now(),
    }
}

/// A report of the JVM with no values, whose time is the number.
pub(crate) fn jvm(number: usize) -> JvmMetricCollection {
    let metric = JvmMetric {
        time: i64::try_from(number).expect("tests count to less than 2^63"),
        ..JvmMetric::default()
    };
    JvmMetricCollection {
        metrics: vec![metric],
        service: SERVICE.to_owned(),
        service_instance: INSTANCE.to_owned(),
    }
}

pub(crate) fn event(number: usize) -> Event {
    Event {
        uuid: format!("event-{number:06}"),
        source: Some(Source {
            service: SERVICE.to_owned(),
            service_instance: INSTANCE.to_owned(),
            endpoint: String::new(),
        }),
        name: "Start".to_owned(),
        message: "numbered".to_owned(),
        start_time: now(),
        end_time: now(),
        layer: "GENERAL".to_owned(),
        ..Event::default()
    }
}

/// The number of a numbered item, if it is one.
pub(crate) trait Numbered {
    fn number(&self) -> Option<usize>;
}

impl Numbered for SegmentObject {
    fn number(&self) -> Option<usize> {
        self.trace_segment_id.strip_prefix("segment-")?.parse().ok()
    }
}

impl Numbered for LogData {
    fn number(&self) -> Option<usize> {
        match self.body.as_ref()?.content.as_ref()? {
            log_data_body::Content::Text(it) => it.text.strip_prefix("line ")?.parse().ok(),
            _ => None,
        }
    }
}

impl Numbered for MeterData {
    fn number(&self) -> Option<usize> {
        match self.metric.as_ref()? {
            meter_data::Metric::SingleValue(it) if it.name == METER => {
                // Made from an integer, so its text is one.
                format!("{}", it.value).parse().ok()
            }
            _ => None,
        }
    }
}

impl Numbered for JvmMetricCollection {
    fn number(&self) -> Option<usize> {
        usize::try_from(self.metrics.first()?.time).ok()
    }
}

impl Numbered for Event {
    fn number(&self) -> Option<usize> {
        self.uuid.strip_prefix("event-")?.parse().ok()
    }
}

/// How often each number was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers(BTreeMap<usize, usize>);

/// How numbers differ from those that were expected.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) missing: Vec<usize>,
    pub(crate) doubled: Vec<usize>,
    /// Seen, and not expected.
    pub(crate) strange: Vec<usize>,
}

impl Numbers {
    pub(crate) fn of<'a, N: Numbered + 'a>(items: impl IntoIterator<Item = &'a N>) -> Numbers {
        let mut numbers = Numbers::default();
        for number in items.into_iter().filter_map(Numbered::number) {
            *numbers.0.entry(number).or_default() += 1;
        }
        numbers
    }

    pub(crate) fn compare(&self, expected: &BTreeSet<usize>) -> Difference {
        let seen = |number: &usize| self.0.contains_key(number);
        let doubled = self.0.iter().filter(|(_, count)| **count > 1);
        let strange = self.0.keys().filter(|number| !expected.contains(number));
        Difference {
            missing: expected.iter().filter(|it| !seen(it)).copied().collect(),
            doubled: doubled.map(|(number, _)| *number).collect(),
            strange: strange.copied().collect(),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference {
            missing,
            doubled,
            strange,
        } = self;
        write!(
            f,
            "missing {missing:?}, doubled {doubled:?}, not expected {strange:?}"
        )
    }
}
