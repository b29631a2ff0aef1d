use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::convert::{ids, log};
use crate::otlp::{InvalidUtf8, receive};
use crate::skywalking::v3::log_data_body::Content;
use crate::skywalking::v3::{
    JsonLog, KeyStringValuePair, LogData, LogDataBody, LogTags, TextLog, TraceContext, YamlLog,
};
use crate::wire::put_field;
use crate::{Budget, OtlpChunk, sample};

/// Any `LogData` of the fields that are known.
pub(crate) fn log_data() -> impl Strategy<Value = LogData> {
    let text = || "[a-z/]{0,6}";
    let content = prop_oneof![
        text().prop_map(|text| Content::Text(TextLog { text })),
        text().prop_map(|json| Content::Json(JsonLog { json })),
        text().prop_map(|yaml| Content::Yaml(YamlLog { yaml })),
    ];
    let body = (text(), prop::option::of(content));
    let body = body.prop_map(|(kind, content)| LogDataBody {
        r#type: kind,
        content,
    });
    let trace = (text(), text(), any::<i32>());
    let trace = trace.prop_map(|(trace_id, trace_segment_id, span_id)| TraceContext {
        trace_id,
        trace_segment_id,
        span_id,
    });
    let tag = ("[a-d]", text()).prop_map(|(key, value)| KeyStringValuePair { key, value });
    let tags = vec(tag, 0..4).prop_map(|data| LogTags { data });
    let parts = (
        prop::option::of(body),
        prop::option::of(trace),
        prop::option::of(tags),
    );
    let timestamp = prop_oneof![0..1_900_000_000_000i64, any::<i64>()];
    let names = (text(), text(), text(), text());
    (timestamp, names, parts).prop_map(|(timestamp, names, parts)| {
        let (service, service_instance, endpoint, layer) = names;
        let (body, trace_context, tags) = parts;
        LogData {
            timestamp,
            service,
            service_instance,
            endpoint,
            body,
            trace_context,
            tags,
            layer,
        }
    })
}

/// What the first record of a chunk says.
fn fields(chunk: &OtlpChunk) -> LogFields<'_> {
    let scope = chunk.scopes().next().expect("one scope");
    let record = scope.records().next().expect("one record");
    record.log_fields()
}

proptest! {
    #[test]
    fn a_log_data_reads_the_same_as_it_is_and_as_a_record(data in log_data()) {
        let bytes = data.encode_to_vec();
        let log = LogDataView::of(&bytes);
        prop_assert_eq!(log.fields.unix_ms, data.timestamp);
        prop_assert_eq!(log.service, &*data.service);
        prop_assert_eq!(log.instance, &*data.service_instance);
        prop_assert_eq!(log.layer, &*data.layer);
        prop_assert_eq!(log.fields.endpoint, &*data.endpoint);
        let trace = data.trace_context.unwrap_or_default();
        prop_assert_eq!(log.fields.trace.trace_id, &*trace.trace_id);
        prop_assert_eq!(log.fields.trace.segment_id, &*trace.trace_segment_id);
        prop_assert_eq!(log.fields.trace.span_id, trace.span_id);
        let body = match data.body.as_ref().and_then(|body| body.content.as_ref()) {
            None => LogBody::None,
            Some(Content::Text(log)) => LogBody::Text(&log.text),
            Some(Content::Json(log)) => LogBody::Json(&log.json),
            Some(Content::Yaml(log)) => LogBody::Yaml(&log.yaml),
        };
        prop_assert_eq!(log.fields.body, body);
        let record = log::to_otlp(&bytes, ids::Scheme::Hash).expect("it is valid");
        prop_assert_eq!(fields(&record), log.fields);
    }
}

#[test]
fn a_record_is_what_skywalkings_receiver_makes_of_it() {
    let budget = Budget::new(1 << 20);
    let request = Bytes::from(sample::logs(1));
    let received = receive(Signal::Logs, request, InvalidUtf8::Refuse, &budget);
    let chunk = received.expect("samples are valid").chunks.remove(0);
    let chunk = chunk.into_otlp().expect("it is OTLP");
    let found = fields(&chunk);
    assert_eq!(found.unix_ms, 1_795_219_200_000);
    assert_eq!(found.endpoint, "");
    assert_eq!(found.trace, LogTrace::default());
    assert!(matches!(found.body, LogBody::Text(text) if text.starts_with("TypeError")));
}

#[test]
fn the_time_of_observation_stands_in_and_other_bodies_are_empty_text() {
    let mut record = Vec::new();
    record.push(11 << 3 | 1);
    record.extend_from_slice(&7_000_000u64.to_le_bytes());
    // A body of an integer.
    put_field(&mut record, 5, &[3 << 3, 1]);
    let view = RecordView {
        signal: Signal::Logs,
        message: &record,
    };
    let found = view.log_fields();
    assert_eq!((found.unix_ms, found.body), (7, LogBody::Text("")));
    let span = RecordView {
        signal: Signal::Traces,
        message: &record,
    };
    assert_eq!(span.log_fields(), LogFields::default());
}

#[test]
fn the_parts_of_a_message_are_merged() {
    let mut message = Vec::new();
    // The text of a body in two parts, of which the second has no text.
    for text in [&[0x0A, 1, b'x'][..], &[]] {
        let mut body = Vec::new();
        put_field(&mut body, 2, text);
        put_field(&mut message, 5, &body);
    }
    put_field(&mut message, 6, &[0x0A, 1, b't']);
    put_field(&mut message, 6, &[0x12, 1, b's']);
    let log = LogDataView::of(&message);
    assert_eq!(log.fields.body, LogBody::Text("x"));
    let trace = log.fields.trace;
    assert_eq!((trace.trace_id, trace.segment_id), ("t", "s"));
    let decoded = LogData::decode(&message[..]).expect("it is valid");
    let trace = decoded.trace_context.expect("it is there");
    assert_eq!((&*trace.trace_id, &*trace.trace_segment_id), ("t", "s"));
}
