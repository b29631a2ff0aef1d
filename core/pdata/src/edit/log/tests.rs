use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs};
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::convert::log::{Options, from_otlp, to_otlp};
use crate::convert::{ids, places};
use crate::skywalking::v3::log_data_body::Content;
use crate::skywalking::v3::{JsonLog, KeyStringValuePair, LogData, LogDataBody, TraceContext};
use crate::view::LogBody;
use crate::view::log::tests::log_data;
use crate::{OtlpChunk, Signal};

/// No span has a place.
struct Nowhere;

impl places::Places for Nowhere {
    fn find(&self, _: &[u8], _: &[u8]) -> Option<places::Place> {
        None
    }

    fn record(&mut self, _: &[u8], _: &[u8], _: places::Place) {}
}

fn native(log: &LogData) -> NativeChunk {
    NativeChunk::from_checked(Kind::Log, log.encode_to_vec().into(), 0)
}

/// Changes in words of their own, to be borrowed by an edit.
#[derive(Clone, Debug)]
struct Words {
    unix_ms: Option<i64>,
    endpoint: Option<String>,
    trace: Option<(String, String, i32)>,
    /// 0 keeps the body, 1 reads it as JSON, 2 replaces it.
    body: u8,
    tags: Vec<(String, String)>,
}

fn words() -> impl Strategy<Value = Words> {
    let text = || "[a-z/]{0,5}";
    (
        prop::option::of(prop_oneof![0..1_900_000_000_000i64, any::<i64>()]),
        prop::option::of(text()),
        prop::option::of((text(), text(), any::<i32>())),
        0..3u8,
        // Keys that no generated log has.
        prop::collection::hash_map("[p-t]", text(), 0..3),
    )
        .prop_map(|(unix_ms, endpoint, trace, body, tags)| Words {
            unix_ms,
            endpoint,
            trace,
            body,
            tags: tags.into_iter().collect(),
        })
}

/// What the definitions of protobuf make of the same change.
fn expected(mut log: LogData, words: &Words) -> LogData {
    if let Some(unix_ms) = words.unix_ms {
        log.timestamp = unix_ms;
    }
    if let Some(endpoint) = &words.endpoint {
        log.endpoint.clone_from(endpoint);
    }
    if let Some((trace_id, segment_id, span_id)) = &words.trace {
        let trace = TraceContext {
            trace_id: trace_id.clone(),
            trace_segment_id: segment_id.clone(),
            span_id: *span_id,
        };
        log.trace_context = Some(trace).filter(|trace| *trace != TraceContext::default());
    }
    match (words.body, &mut log.body) {
        (1, Some(body)) => {
            if let Some(Content::Text(text)) = &body.content {
                let json = text.text.clone();
                body.content = Some(Content::Json(JsonLog { json }));
            }
        }
        (2, body) => {
            let json = "{}".to_owned();
            *body = Some(LogDataBody {
                r#type: "json".to_owned(),
                content: Some(Content::Json(JsonLog { json })),
            });
        }
        _ => {}
    }
    if !words.tags.is_empty() {
        let tags = words.tags.iter();
        let tags = tags.map(|(key, value)| KeyStringValuePair {
            key: key.clone(),
            value: value.clone(),
        });
        log.tags.get_or_insert_default().data.extend(tags);
    }
    log
}

fn with_edit<T>(words: &Words, then: impl FnOnce(&LogEdit<'_>) -> T) -> T {
    let tags = words.tags.iter();
    let tags: Vec<_> = tags.map(|(key, value)| (&**key, &**value)).collect();
    let trace = words.trace.as_ref();
    then(&LogEdit {
        unix_ms: words.unix_ms,
        endpoint: words.endpoint.as_deref(),
        trace: trace.map(|(trace_id, segment_id, span_id)| LogTrace {
            trace_id,
            segment_id,
            span_id: *span_id,
        }),
        body: match words.body {
            0 => BodyEdit::Keep,
            1 => BodyEdit::TextIsJson,
            _ => BodyEdit::Json("{}"),
        },
        tags: &tags,
    })
}

/// A chunk of one record.
fn chunk_of(record: &[u8]) -> OtlpChunk {
    let (mut scope, mut body) = (Vec::new(), Vec::new());
    put_field(&mut scope, 2, record);
    put_field(&mut body, 2, &scope);
    OtlpChunk::frame(Signal::Logs, 1, &body)
}

fn first(chunk: &OtlpChunk) -> RecordView<'_> {
    let scope = chunk.scopes().next().expect("one scope");
    scope.records().next().expect("one record")
}

proptest! {
    #[test]
    fn a_log_data_changes_where_it_is_told_to_and_nowhere_else(
        log in log_data(),
        words in words(),
        service in prop::option::of("[a-z]{0,3}"),
        layer in prop::option::of("[A-Z]{0,3}"),
    ) {
        let sender = SenderEdit {
            service: service.as_deref(),
            instance: None,
            layer: layer.as_deref(),
        };
        let edited = with_edit(&words, |edit| native(&log).edit_log(&sender, edit));
        let mut expected = expected(log, &words);
        expected.service = service.unwrap_or(expected.service);
        expected.layer = layer.unwrap_or(expected.layer);
        let mut decoded = LogData::decode(&edited.message()[..]).expect("it is valid");
        // A context that was there and empty stays there.
        decoded.trace_context = decoded.trace_context.filter(|it| *it != TraceContext::default());
        expected.trace_context = expected.trace_context.filter(|it| *it != TraceContext::default());
        prop_assert_eq!(decoded, expected);
    }

    #[test]
    fn a_record_that_was_a_log_data_changes_as_the_log_data_would(
        log in log_data(),
        words in words(),
    ) {
        // There is no text to be JSON where there is none, and a body has an end where it has content.
        prop_assume!(words.body == 0 || matches!(
            &log.body, Some(LogDataBody { content: Some(Content::Text(_)), .. })
        ));
        let record = to_otlp(&log.encode_to_vec(), ids::Scheme::Hash).expect("it is valid");
        let edited = with_edit(&words, |edit| first(&record).edited_log(edit));
        let chunk = chunk_of(&edited);
        let back = ResourceLogs::decode(chunk.body()).expect("it is valid");
        let back = from_otlp(&back, &Options::default(), &Nowhere).remove(0);
        let mut back = LogData::decode(&back[..]).expect("it is valid");
        let mut expected = expected(log, &words);
        // These are on the resource; the body's kind is the sender's own word.
        (expected.service, expected.service_instance) = Default::default();
        expected.layer.clear();
        for log in [&mut back, &mut expected] {
            log.body.iter_mut().for_each(|body| body.r#type.clear());
            log.body = log.body.take().filter(|body| *body != LogDataBody::default());
            log.trace_context = log.trace_context.take().filter(|it| *it != TraceContext::default());
            let tags = log.tags.take().filter(|tags| !tags.data.is_empty());
            log.tags = tags.map(|mut tags| {
                tags.data.sort_by(|a, b| (&a.key, &a.value).cmp(&(&b.key, &b.value)));
                tags
            });
        }
        prop_assert_eq!(back, expected);
    }
}

const EDIT: LogEdit<'static> = LogEdit {
    unix_ms: Some(1_795_219_200_000),
    endpoint: Some("pages/index"),
    trace: Some(LogTrace {
        trace_id: "t",
        segment_id: "s",
        span_id: 3,
    }),
    body: BodyEdit::TextIsJson,
    tags: &[("a", "1"), ("b", "2"), ("a", "3")],
};

#[test]
fn unknown_fields_survive_wherever_they_are() {
    let mut message = Vec::new();
    for (number, known) in [(5, 2), (6, 1)] {
        let mut inner = Vec::new();
        put_field(&mut inner, known, &[0x7A, 1, b'u']);
        put_field(&mut inner, 15, b"unknown");
        put_field(&mut message, number, &inner);
    }
    put_field(&mut message, 99, b"unknown");
    let chunk = NativeChunk::from_checked(Kind::Log, message.into(), 0);
    let edited = chunk.edit_log(&SenderEdit::default(), &EDIT);
    let count = edited.message().windows(7);
    assert_eq!(count.filter(|it| *it == b"unknown").count(), 3);
    let inside_text = [0x1A, 3, 0x7A, 1, b'u'];
    let mut places = edited.message().windows(5);
    assert!(
        places.any(|it| it == inside_text),
        "the text's own fields go with it"
    );
    let other = NativeChunk::from_checked(Kind::Jvm, vec![0x0A, 1, b'x'].into(), 0);
    let same = other.edit_log(&SenderEdit::default(), &EDIT);
    assert_eq!(same.message(), other.message());
}

#[test]
fn a_record_says_in_attributes_what_otlp_has_no_words_for() {
    let record = LogRecord {
        time_unix_nano: 5,
        severity_number: 9,
        body: Some(opentelemetry_proto::tonic::common::v1::AnyValue {
            value: Some(Any::StringValue("{}".to_owned())),
        }),
        ..LogRecord::default()
    };
    let mut bytes = record.encode_to_vec();
    for key in ["b", "c"] {
        put_attribute(&mut bytes, key, Said::Text("0"));
    }
    let chunk = chunk_of(&bytes);
    let edited = chunk_of(&first(&chunk).edited_log(&EDIT));
    let record = first(&edited);
    let fields = record.log_fields();
    assert_eq!(fields.unix_ms, 1_795_219_200_000);
    assert_eq!(fields.endpoint, "pages/index");
    assert_eq!(Some(fields.trace), EDIT.trace);
    assert_eq!(fields.body, LogBody::Json("{}"));
    assert_eq!(record.kind(), 9);
    let text = |key: &str| record.attribute(key).and_then(|value| value.as_str());
    assert_eq!(
        [text("a"), text("b"), text("c")],
        [Some("3"), Some("2"), Some("0")]
    );
    let count = |key| record.attributes().filter(|it| it.key == key).count();
    assert_eq!(
        ["a", "b", "c"].map(count),
        [1; 3],
        "OAP drops a record with a key twice"
    );

    let logs = ResourceLogs::decode(edited.body()).expect("it is valid");
    let log = from_otlp(&logs, &Options::default(), &Nowhere).remove(0);
    let log = LogData::decode(&log[..]).expect("it is valid");
    assert_eq!(log.endpoint, "pages/index");
    let trace = log.trace_context.expect("it was named");
    assert_eq!((&*trace.trace_id, trace.span_id), ("t", 3));
    let content = log.body.and_then(|body| body.content);
    assert!(matches!(content, Some(Content::Json(json)) if json.json == "{}"));

    let emptied = LogEdit {
        endpoint: Some(""),
        trace: Some(LogTrace::default()),
        ..LogEdit::default()
    };
    let emptied = chunk_of(&record.edited_log(&emptied));
    let fields = first(&emptied).log_fields();
    assert_eq!((fields.endpoint, fields.trace), ("", LogTrace::default()));
}
