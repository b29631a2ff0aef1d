//! The processor as a pipeline sees it, with rules in the language itself.

use std::sync::Arc;
use std::time::Duration;

use engine::component::Derivation;
use engine::config::read_text;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use pdata::skywalking::Kind;
use pdata::skywalking::v3::LogData;
use pdata::{Batch, Chunk, Decoded, NativeChunk, Origin, OtlpChunk, Signal};
use prost::Message;
use telemetry::Metrics;

use super::*;

mod decisions;
mod messages;
mod properties;
mod records;

/// When every batch arrives.
const NOW_MS: i64 = 1_795_219_200_000;

/// Claims what has the tag `take`, as logs of iOS.
const TAKE: &str = "
rules:
  - name: take
    layer: auto
    dsl: |
      filter {
        if (tag(\"take\") == \"\") { abort {} }
        extractor {
          layer \"IOS\"
          instance sourceAttribute(\"service.version\")
          endpoint tag(\"page\")
          tag kind: tag(\"take\")
          tag 'os.version': sourceAttribute(\"os.version\")
        }
        sink {}
      }
";

/// A processor and its counters.
struct Fixture {
    lal: Lal,
    metrics: Metrics,
}

impl Fixture {
    fn new(config: &str) -> Fixture {
        let (config, section) = read_text::<Config>(config).unwrap_or_else(|it| panic!("{it}"));
        let mut problems = section.problems();
        config.check(&mut problems);
        assert!(!problems.has_errors(), "{}", problems.into_diagnostics());
        let metrics = Metrics::new();
        let lal = Lal::try_new("lal", config, &metrics);
        Fixture {
            lal: lal.unwrap_or_else(|error| panic!("{error}")),
            metrics,
        }
    }

    fn derive(&self, chunks: Vec<Chunk>) -> Derivation {
        let origin = Origin {
            arrived_unix_nano: NOW_MS as u64 * 1_000_000,
            ..Origin::default()
        };
        let batch = Batch::new(Signal::Logs, chunks, Arc::new(origin));
        self.lal.process(batch, Duration::ZERO)
    }

    /// What is left of these chunks in the main pipeline.
    fn left(&self, chunks: Vec<Chunk>) -> Vec<Chunk> {
        let main = self.derive(chunks).main;
        main.map(Batch::into_chunks).unwrap_or_default()
    }

    /// What is left of these logs under one resource.
    fn logs(&self, resource: &[(&str, &str)], records: Vec<LogRecord>) -> Vec<ResourceLogs> {
        let left = self.left(vec![Chunk::Otlp(logs(resource, records))]);
        left.into_iter().map(decoded).collect()
    }

    /// What is left of a message.
    fn messages(&self, log: &LogData) -> Vec<LogData> {
        let left = self.left(vec![Chunk::Native(native(log))]);
        let messages = left.into_iter().map(|chunk| match chunk {
            Chunk::Native(chunk) => LogData::decode(&chunk.message()[..]).expect("it is valid"),
            Chunk::Otlp(_) => panic!("it was a message"),
        });
        messages.collect()
    }

    fn count(&self, name: &str, label: (&str, &str)) -> f64 {
        self.metrics.value(name, &[label]).unwrap_or_default()
    }
}

fn attributes(texts: &[(&str, &str)]) -> Vec<KeyValue> {
    let texts = texts.iter().map(|(key, value)| KeyValue {
        key: (*key).to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue((*value).to_owned())),
        }),
        ..KeyValue::default()
    });
    texts.collect()
}

/// Keys and texts.
fn texts(attributes: &[KeyValue]) -> Vec<(&str, &str)> {
    let texts = attributes.iter().map(|it| {
        let value = it.value.as_ref().and_then(|it| it.value.as_ref());
        match value {
            Some(Value::StringValue(text)) => (&*it.key, &**text),
            other => panic!("{}: {other:?} is no text", it.key),
        }
    });
    texts.collect()
}

fn record(tags: &[(&str, &str)]) -> LogRecord {
    LogRecord {
        time_unix_nano: 1_795_219_190_000_000_000,
        body: Some(AnyValue {
            value: Some(Value::StringValue("it happened".to_owned())),
        }),
        attributes: attributes(tags),
        ..LogRecord::default()
    }
}

/// A chunk as it comes from a receiver: bytes and nothing else.
fn logs(resource: &[(&str, &str)], records: Vec<LogRecord>) -> OtlpChunk {
    let chunk = OtlpChunk::from_decoded(Decoded::Logs(ResourceLogs {
        resource: Some(Resource {
            attributes: attributes(resource),
            ..Resource::default()
        }),
        scope_logs: vec![ScopeLogs {
            log_records: records,
            ..ScopeLogs::default()
        }],
        ..ResourceLogs::default()
    }));
    assert!(!chunk.framed().is_empty());
    chunk
}

fn decoded(chunk: Chunk) -> ResourceLogs {
    match chunk {
        Chunk::Otlp(chunk) => ResourceLogs::decode(chunk.body()).expect("it is valid"),
        Chunk::Native(_) => panic!("it was OTLP"),
    }
}

fn resource_of(logs: &ResourceLogs) -> Vec<(&str, &str)> {
    texts(&logs.resource.as_ref().expect("it has one").attributes)
}

fn records_of(logs: &ResourceLogs) -> Vec<&LogRecord> {
    logs.scope_logs
        .iter()
        .flat_map(|it| &it.log_records)
        .collect()
}

fn native(log: &LogData) -> NativeChunk {
    NativeChunk::from_checked(Kind::Log, log.encode_to_vec().into(), 0)
}

/// Whether nothing was copied.
fn is_same(before: &Chunk, after: &Chunk) -> bool {
    match (before, after) {
        (Chunk::Otlp(before), Chunk::Otlp(after)) => {
            before.framed().as_ptr() == after.framed().as_ptr()
        }
        (Chunk::Native(before), Chunk::Native(after)) => {
            before.message().as_ptr() == after.message().as_ptr()
        }
        _ => false,
    }
}
