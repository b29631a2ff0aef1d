//! Records of OTLP.

use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics;
use pdata::convert::log::{Options, from_otlp};
use pdata::convert::places::{Place, Places};

use super::*;

const APP: [(&str, &str); 4] = [
    ("service.name", "shop"),
    ("service.version", "5.3.0"),
    ("os.name", "iOS"),
    ("os.version", "19.1"),
];

/// No span has a place.
struct Nowhere;

impl Places for Nowhere {
    fn find(&self, _: &[u8], _: &[u8]) -> Option<Place> {
        None
    }

    fn record(&mut self, _: &[u8], _: &[u8], _: Place) {}
}

/// What the `skywalking` exporter makes of logs.
fn exported(logs: &ResourceLogs) -> Vec<LogData> {
    let messages = from_otlp(logs, &Options::default(), &Nowhere);
    let messages = messages.iter().map(|bytes| LogData::decode(&bytes[..]));
    messages
        .map(|message| message.expect("it is valid"))
        .collect()
}

fn tags(log: &LogData) -> Vec<(&str, &str)> {
    let tags = log.tags.as_ref().map(|tags| &tags.data);
    let tags = tags.into_iter().flatten();
    tags.map(|tag| (&*tag.key, &*tag.value)).collect()
}

#[test]
fn a_crash_without_a_layer_comes_out_ios_with_the_rules_tags_and_no_other_attribute() {
    let fixture = Fixture::new(TAKE);
    let left = fixture.logs(&APP, vec![record(&[("take", "crash"), ("page", "Home")])]);
    let [logs] = &left[..] else {
        panic!("one resource, not {left:?}");
    };
    let mut expected = APP.to_vec();
    expected.extend([("service.instance.id", "5.3.0"), ("service.layer", "IOS")]);
    assert_eq!(resource_of(logs), expected);
    let messages = exported(logs);
    let [message] = &messages[..] else {
        panic!("one log, not {messages:?}");
    };
    assert_eq!(message.layer, "IOS");
    assert_eq!(
        (&*message.service, &*message.service_instance),
        ("shop", "5.3.0")
    );
    assert_eq!(message.endpoint, "Home");
    assert_eq!(message.timestamp, 1_795_219_190_000);
    let expected = [
        ("take", "crash"),
        ("page", "Home"),
        ("kind", "crash"),
        ("os.version", "19.1"),
    ];
    assert_eq!(tags(message), expected);
    assert_eq!(
        fixture.count("skyferry_lal_records_total", ("rule", "take")),
        1.0
    );
}

#[test]
fn records_go_under_a_resource_for_each_sender_and_the_others_stay() {
    let fixture = Fixture::new(
        "
rules:
  - name: by-user
    layer: auto
    dsl: |
      filter {
        if (tag(\"user\") == \"\") { abort {} }
        extractor {
          layer \"GENERAL\"
          service tag(\"user\")
          instance tag(\"at\")
        }
        sink {}
      }
",
    );
    let resource = [("service.name", "shop"), ("service.instance.id", "one")];
    let records = [
        record(&[("user", "a"), ("at", "1")]),
        record(&[("n", "first")]),
        record(&[("user", "b"), ("at", "1")]),
        record(&[("user", "a"), ("at", "1"), ("n", "again")]),
        record(&[("n", "second")]),
        record(&[("user", "shop"), ("at", "")]),
    ];
    let left = fixture.logs(&resource, records.to_vec());
    let found: Vec<_> = left
        .iter()
        .map(|logs| (resource_of(logs), records_of(logs)))
        .collect();
    let under = |service, instance| {
        let mut resource = vec![("service.name", service)];
        resource.extend([
            ("service.instance.id", instance),
            ("service.layer", "GENERAL"),
        ]);
        resource
    };
    let expected = [
        (resource.to_vec(), vec![&records[1], &records[4]]),
        (under("a", "1"), vec![&records[0], &records[3]]),
        (under("b", "1"), vec![&records[2]]),
        (
            vec![("service.name", "shop"), ("service.layer", "GENERAL")],
            vec![&records[5]],
        ),
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_otlp_has_no_words_for_reaches_the_exporter_to_skywalking() {
    let fixture = Fixture::new(
        "
rules:
  - name: context
    layer: auto
    dsl: |
      filter {
        json {}
        extractor {
          layer \"MESH\"
          traceId parsed.trace as String
          segmentId parsed.segment as String
          spanId parsed.span as Integer
          endpoint parsed.path as String
          timestamp parsed.at as Long
          tag 'http.status_code': parsed.status as String
        }
        sink {}
      }
",
    );
    let body = r#"{"trace":"t.1","segment":"s.1","span":3,"path":"/orders","at":1795219200007,"status":404}"#;
    let mut log = record(&[("http.status_code", "200")]);
    log.body = Some(AnyValue {
        value: Some(Value::StringValue(body.to_owned())),
    });
    let left = fixture.logs(&[("service.name", "shop")], vec![log]);
    let messages = exported(&left[0]);
    let message = &messages[0];
    let trace = message.trace_context.as_ref().expect("it has one");
    let trace = (&*trace.trace_id, &*trace.trace_segment_id, trace.span_id);
    assert_eq!(trace, ("t.1", "s.1", 3));
    assert_eq!(
        (&*message.endpoint, message.timestamp),
        ("/orders", 1_795_219_200_007)
    );
    let content = message.body.as_ref().expect("it has one");
    assert_eq!(content.r#type, "json");
    assert_eq!(
        tags(message),
        [("http.status_code", "404")],
        "OAP takes no key twice"
    );
}

#[test]
fn what_is_measured_becomes_gauges_of_the_resource() {
    let fixture = Fixture::new(
        "
rules:
  - name: count
    layer: auto
    dsl: |
      filter {
        extractor {
          layer \"IOS\"
          metrics {
            name \"errors\"
            timestamp log.timestamp as Long
            labels service_name: log.service, kind: tag(\"kind\")
            value 1
          }
        }
        sink { dropper {} }
      }
",
    );
    let records = vec![record(&[("kind", "js")]), record(&[("kind", "ajax")])];
    let derivation = fixture.derive(vec![Chunk::Otlp(logs(&APP, records))]);
    assert!(derivation.main.is_none(), "every log is dropped");
    assert_eq!(
        fixture.count("skyferry_lal_filtered_logs_total", ("rule", "count")),
        2.0
    );
    let [metrics] = &derivation.derived[..] else {
        panic!("one batch, not {:?}", derivation.derived);
    };
    assert_eq!((metrics.signal(), metrics.items()), (Signal::Metrics, 2));
    let Chunk::Otlp(chunk) = &metrics.chunks()[0] else {
        panic!("it is OTLP");
    };
    let metrics = ResourceMetrics::decode(chunk.body()).expect("it is valid");
    let resource = metrics.resource.expect("it has one");
    let kept = [("service.name", "shop"), ("os.name", "iOS")];
    assert_eq!(texts(&resource.attributes), kept);
    let text = format!("{:?}", metrics.scope_metrics[0].metrics);
    assert_eq!(text.matches("name: \"errors\"").count(), 1, "{text}");
    for label in ["service_name", "\"js\"", "\"ajax\""] {
        assert!(text.contains(label), "{text}");
    }
}

#[test]
fn a_slow_statement_leaves_as_the_log_that_oaps_rules_read() {
    let fixture = Fixture::new(
        "
rules:
  - name: slow
    layer: MYSQL
    outputType: SlowSQL
    dsl: |
      filter {
        extractor {
          id tag(\"id\")
          statement tag(\"sql\")
          latency tag(\"ms\") as Long
        }
        sink {}
      }
",
    );
    let resource = [("service.name", "db"), ("service.layer", "MYSQL")];
    let log = record(&[("id", "7"), ("sql", "select \"1\""), ("ms", "2000")]);
    let left = fixture.logs(&resource, vec![log]);
    assert_eq!(resource_of(&left[0]), resource);
    let log = &records_of(&left[0])[0];
    let kind = texts(&log.attributes)
        .into_iter()
        .find(|it| it.0 == "LOG_KIND");
    assert_eq!(kind, Some(("LOG_KIND", "SLOW_SQL")));
    let body = log.body.as_ref().and_then(|it| it.value.as_ref());
    let Some(Value::StringValue(body)) = body else {
        panic!("{body:?} is no text");
    };
    let body: serde_json::Value = serde_json::from_str(body).expect("it is JSON");
    let expected = serde_json::json!({
        "layer": "MYSQL",
        "service": "db",
        "time": "1795219190000",
        "id": "7",
        "statement": "select \"1\"",
        "query_time": 2000,
    });
    assert_eq!(body, expected);
}

#[test]
fn a_request_of_very_many_senders_is_left_alone_where_it_would_grow() {
    let fixture = Fixture::new(
        "
rules:
  - name: many
    layer: auto
    dsl: 'filter { extractor { layer \"IOS\" instance tag(\"n\") } sink {} }'
",
    );
    let large = "x".repeat(1 << 20);
    let resource = [("service.name", "shop"), ("large", &*large)];
    let numbers: Vec<_> = (0..20).map(|n| n.to_string()).collect();
    let records: Vec<_> = numbers.iter().map(|n| record(&[("n", n)])).collect();
    let left = fixture.logs(&resource, records.clone());
    let count: usize = left.iter().map(|logs| records_of(logs).len()).sum();
    assert_eq!(count, 20);
    assert_eq!(left.len(), 8, "seven resources more");
    assert_eq!(
        records_of(&left[0]),
        records[7..].iter().collect::<Vec<_>>()
    );
    let alone = fixture.count("skyferry_lal_left_alone_logs_total", ("processor", "lal"));
    assert_eq!(alone, 13.0);
}
