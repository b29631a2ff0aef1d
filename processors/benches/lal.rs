//! What rules cost a log, in the processor as a pipeline calls it.
//!
//! `cargo bench -p skyferry-processors --bench lal`. Every figure is for one log of a batch of
//! [`LOGS`]; beside the rule that reads JSON stands `serde_json` on the same body, in the same run.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main,
};
use engine::component::{Deriver, Processor};
use engine::config::read_text;
use engine::testkit::context;
use pdata::otlp::{InvalidUtf8, receive};
use pdata::skywalking::Kind;
use pdata::skywalking::v3::log_data_body::Content;
use pdata::skywalking::v3::{JsonLog, KeyStringValuePair, LogData, LogDataBody, LogTags, TextLog};
use pdata::{Batch, Budget, Chunk, NativeChunk, Origin, Signal};
use prost::Message;

/// Logs of a batch.
const LOGS: usize = 1000;

const RECORDINGS: [&str; 2] = [
    include_str!("../../tests/recordings/wechat-demo-json.jsonl"),
    include_str!("../../tests/recordings/alipay-error-storm-json.jsonl"),
];

const BODY: &str = r#"{"time":"2026-11-21T08:00:00.123Z","level":"ERROR","logger":"com.example.shop.OrderController","thread":"http-nio-8080-exec-7","service":"shop","instance":"shop-7d9f8b6c5-x2x4z","path":"/api/orders/{id}","status":500,"message":"cannot place the order: the payment was refused by the bank","user":{"id":"u-48151623","plan":"gold"},"duration_ms":1234.5}"#;

const NGINX: &str = r#"203.0.113.7 - - [21/Nov/2026:08:00:00 +0000] "GET /api/orders/7 HTTP/1.1" 500 612 "https://shop.example.com/cart" "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X)" 0.123"#;

/// A processor with this configuration.
fn processor(config: &str) -> Arc<dyn Deriver> {
    let (_, section) = read_text::<serde_json::Value>(config).expect("it is YAML");
    match processors::lal::FACTORY.build(&section, &mut context()) {
        Ok(Processor::Deriver(deriver)) => deriver,
        Ok(_) => unreachable!("it derives"),
        Err(error) => panic!("{error}"),
    }
}

fn message(body: Content, tags: &[(&str, &str)]) -> Chunk {
    let tags = tags.iter().map(|(key, value)| KeyStringValuePair {
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    });
    let log = LogData {
        timestamp: 1_795_219_200_000,
        service: "shop".to_owned(),
        service_instance: "one".to_owned(),
        body: Some(LogDataBody {
            r#type: String::new(),
            content: Some(body),
        }),
        tags: Some(LogTags {
            data: tags.collect(),
        }),
        ..LogData::default()
    };
    let bytes = log.encode_to_vec().into();
    Chunk::Native(NativeChunk::from_checked(Kind::Log, bytes, 0))
}

fn batch(chunks: Vec<Chunk>) -> Batch {
    let origin = Origin {
        arrived_unix_nano: 1_795_219_200_000_000_000,
        ..Origin::default()
    };
    Batch::new(Signal::Logs, chunks, Arc::new(origin))
}

fn text(text: &str) -> Content {
    Content::Text(TextLog {
        text: text.to_owned(),
    })
}

/// The recorded logs of both platforms, again and again.
fn recorded() -> Batch {
    let budget = Budget::new(1 << 30);
    let mut chunks = Vec::new();
    for line in RECORDINGS.iter().flat_map(|recording| recording.lines()) {
        let line: serde_json::Value = serde_json::from_str(line).expect("recordings are JSON");
        if line["path"] != "/v1/logs" {
            continue;
        }
        let body = STANDARD.decode(line["body_base64"].as_str().expect("it has a body"));
        let read = pdata::json::read(Signal::Logs, &body.expect("bodies are base64"));
        let bytes = Bytes::from(read.expect("it is OTLP/JSON").wire);
        let received = receive(Signal::Logs, bytes, InvalidUtf8::Refuse, &budget);
        chunks.extend(received.expect("it is valid").chunks);
    }
    let all: usize = chunks.iter().map(Chunk::items).sum();
    let again = chunks
        .iter()
        .cycle()
        .take(chunks.len() * LOGS.div_ceil(all));
    batch(again.cloned().collect())
}

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, config: &str, batch: &Batch) {
    let processor = processor(config);
    group.throughput(Throughput::Elements(batch.items() as u64));
    group.bench_function(name, |bencher| {
        bencher.iter_batched(
            || batch.clone(),
            |batch| processor.derive(batch),
            BatchSize::LargeInput,
        );
    });
}

const JSON: &str = "
rules:
  - name: json
    layer: auto
    dsl: |
      filter {
        json {}
        extractor {
          layer 'GENERAL'
          instance parsed.instance as String
          endpoint parsed.path as String
          tag level: parsed.level as String
          tag 'http.status_code': parsed.status as String
          tag plan: parsed.user.plan as String
        }
        sink {}
      }
";

const LINE: &str = r"
rules:
  - name: nginx
    layer: auto
    dsl: |
      filter {
        text {
          regexp $/^(?<client>\S+) \S+ \S+ \[[^\]]+\] \x22(?<method>\S+) (?<uri>\S+) [^\x22]*\x22 (?<status>\d{3}) (?<bytes>\d+)/$
        }
        extractor {
          layer 'NGINX'
          endpoint parsed.uri as String
          tag 'http.method': parsed.method
          tag 'http.status_code': parsed.status
        }
        sink {}
      }
";

/// So many automatic rules, each for logs of its own, and one for those of the batch.
fn automatic(rules: usize) -> String {
    let mut config = "rules:\n".to_owned();
    for number in 1..rules {
        config.push_str(&format!(
            "
  - name: other-{number}
    layer: auto
    dsl: 'filter {{ if (tag(\"kind\") != \"other-{number}\") {{ abort {{}} }} extractor {{ layer \"MESH\" }} sink {{}} }}'
"
        ));
    }
    config.push_str(
        "
  - name: own
    layer: auto
    dsl: 'filter { if (tag(\"kind\") != \"own\") { abort {} } extractor { layer \"IOS\" tag level: \"ERROR\" } sink {} }'
",
    );
    config
}

fn lal(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lal");
    let json = || {
        message(
            Content::Json(JsonLog {
                json: BODY.to_owned(),
            }),
            &[],
        )
    };
    let bodies = batch((0..LOGS).map(|_| json()).collect());
    measure(&mut group, "json rule", JSON, &bodies);
    group.bench_function("serde_json alone", |bencher| {
        bencher.iter(|| {
            for _ in 0..LOGS {
                let parsed: serde_json::Value =
                    serde_json::from_str(std::hint::black_box(BODY)).expect("it is JSON");
                std::hint::black_box(parsed);
            }
        });
    });
    let lines = batch((0..LOGS).map(|_| message(text(NGINX), &[])).collect());
    measure(&mut group, "regexp of an nginx line", LINE, &lines);
    let tagged = (0..LOGS).map(|_| message(text("it happened"), &[("kind", "own")]));
    let tagged = batch(tagged.collect());
    for rules in [1, 50] {
        let name = format!("{rules} automatic rules");
        measure(&mut group, &name, &automatic(rules), &tagged);
    }
    let files = concat!("files: ['", env!("CARGO_MANIFEST_DIR"), "/../configs/lal']");
    let recorded = recorded();
    measure(
        &mut group,
        "recorded errors, rules that come with it",
        files,
        &recorded,
    );
    let foreign = "rules: [{name: a, layer: IOS, dsl: 'filter { sink {} }'}]";
    measure(
        &mut group,
        "recorded errors, no rule is for them",
        foreign,
        &recorded,
    );
    group.finish();
}

criterion_group!(benches, lal);
criterion_main!(benches);
