//! SkyWalking's own messages.

use pdata::skywalking::v3::log_data_body::Content;
use pdata::skywalking::v3::{KeyStringValuePair, LogDataBody, LogTags, TextLog};

use super::*;

fn log(tags: &[(&str, &str)]) -> LogData {
    let tags = tags.iter().map(|(key, value)| KeyStringValuePair {
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    });
    LogData {
        timestamp: 1_795_219_190_000,
        service: "shop".to_owned(),
        service_instance: "one".to_owned(),
        tags: Some(LogTags {
            data: tags.collect(),
        }),
        ..LogData::default()
    }
}

fn with_text(mut log: LogData, text: &str) -> LogData {
    log.body = Some(LogDataBody {
        r#type: String::new(),
        content: Some(Content::Text(TextLog {
            text: text.to_owned(),
        })),
    });
    log
}

fn tags(log: &LogData) -> Vec<(&str, &str)> {
    let tags = log.tags.as_ref().map(|tags| &tags.data);
    let tags = tags.into_iter().flatten();
    tags.map(|tag| (&*tag.key, &*tag.value)).collect()
}

#[test]
fn a_message_is_filed_as_a_record_would_be() {
    let fixture = Fixture::new(TAKE);
    let left = fixture.messages(&log(&[("take", "crash"), ("page", "Home")]));
    let mut expected = log(&[("take", "crash"), ("page", "Home"), ("kind", "crash")]);
    expected.layer = "IOS".to_owned();
    expected.endpoint = "Home".to_owned();
    // A message has no source attributes: what is not there is empty.
    expected.service_instance = String::new();
    assert_eq!(left, [expected]);
}

#[test]
fn fields_that_nobody_knows_survive_a_change() {
    let fixture = Fixture::new(TAKE);
    let mut bytes = log(&[("take", "crash")]).encode_to_vec();
    let unknown = [0x9A, 0x06, 1, b'u'];
    bytes.extend(unknown);
    let chunk = NativeChunk::from_checked(Kind::Log, bytes.into(), 0);
    let left = fixture.left(vec![Chunk::Native(chunk)]);
    let [Chunk::Native(chunk)] = &left[..] else {
        panic!("one message, not {left:?}");
    };
    let mut places = chunk.message().windows(unknown.len());
    assert!(places.any(|it| it == unknown));
}

#[test]
fn a_tag_that_is_there_is_not_stored_twice() {
    let fixture = Fixture::new(
        "
rules:
  - name: stack
    layer: auto
    dsl: |
      filter {
        extractor {
          layer \"IOS\"
          tag stack: tag(\"stack\"), level: \"ERROR\"
        }
        sink {}
      }
",
    );
    let left = fixture.messages(&log(&[("stack", "a b c"), ("level", "WARN")]));
    let expected = [("stack", "a b c"), ("level", "WARN"), ("level", "ERROR")];
    assert_eq!(tags(&left[0]), expected, "OAP keeps both of a key");
}

#[test]
fn text_that_a_rule_reads_as_json_is_json() {
    let fixture = Fixture::new(
        "
rules:
  - name: json
    layer: auto
    dsl: 'filter { json {} extractor { layer \"IOS\" } sink {} }'
",
    );
    let left = fixture.messages(&with_text(log(&[]), "{\"a\":1}"));
    let body = left[0].body.as_ref().and_then(|body| body.content.as_ref());
    assert!(
        matches!(body, Some(Content::Json(json)) if json.json == "{\"a\":1}"),
        "{body:?}"
    );
}

#[test]
fn a_sampled_trace_leaves_as_the_log_that_oaps_rules_read() {
    let fixture = Fixture::new(
        "
rules:
  - name: traces
    layer: auto
    outputType: SampledTrace
    dsl: |
      filter {
        extractor {
          layer \"K8S_SERVICE\"
          uri \"/orders\"
          reason \"slow\"
          latency 700
          processId \"p1\"
          destProcessId \"p2\"
          componentId 129
          detectPoint \"client\"
          traceId \"t\"
        }
        sink {}
      }
",
    );
    let left = fixture.messages(&log(&[("LOG_KIND", "OTHER")]));
    let kind = [("LOG_KIND", "NET_PROFILING_SAMPLED_TRACE")];
    assert_eq!(tags(&left[0]), kind, "rules see the first of a key");
    assert_eq!(left[0].layer, "K8S_SERVICE");
    let body = left[0].body.as_ref().and_then(|body| body.content.as_ref());
    let Some(Content::Json(body)) = body else {
        panic!("{body:?} is no JSON");
    };
    let body: serde_json::Value = serde_json::from_str(&body.json).expect("it is JSON");
    let expected = serde_json::json!({
        "layer": "K8S_SERVICE",
        "service": "shop",
        "serviceInstance": "one",
        "trace_id": "t",
        "timestamp": 1_795_219_190_000i64,
        "latency": 700,
        "uri": "/orders",
        "reason": "SLOW",
        "client_process": {"process_id": "p1"},
        "server_process": {"process_id": "p2"},
        "detect_point": "CLIENT",
        "component": "http",
        "ssl": true,
    });
    assert_eq!(body, expected);
}

#[test]
fn what_messages_of_one_sender_measure_is_one_resource() {
    let fixture = Fixture::new(
        "
rules:
  - name: count
    layer: auto
    dsl: |
      filter {
        extractor { metrics { name \"logs\" labels kind: tag(\"kind\") value 1 } }
      }
",
    );
    let mut other = log(&[]);
    other.service = "other".to_owned();
    let chunks = [&log(&[("kind", "a")]), &other, &log(&[("kind", "b")])];
    let chunks = chunks.map(|log| Chunk::Native(native(log)));
    let derivation = fixture.derive(chunks.to_vec());
    let [metrics] = &derivation.derived[..] else {
        panic!("one batch, not {:?}", derivation.derived);
    };
    let items: Vec<_> = metrics.chunks().iter().map(Chunk::items).collect();
    assert_eq!(items, [1, 2], "`other`, then `shop`");
    assert!(
        derivation.main.is_none(),
        "a rule without a sink keeps nothing"
    );
}
