//! Time per log record for reading and writing OTLP/JSON, beside the generated types with serde.
//!
//! The body holds 1000 of the recorded mini programs' log records, with the ids and the two more
//! attributes that a full SDK adds: about 700 bytes a record.

use std::fs;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use pdata::{Signal, json};
use prost::Message;

const RECORDS: usize = 1000;

/// Text that a Chinese mini program would send instead of the recorded English.
const CHINESE: &str = "请求超时，请检查网络连接后重试";

fn body(message: Option<&str>) -> Vec<u8> {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/testdata/json/alipay-logs.jsonl"
    );
    let recorded = fs::read_to_string(file).expect("recorded bodies are part of the source");
    let mut request = ExportLogsServiceRequest::default();
    for line in recorded.lines() {
        let body: ExportLogsServiceRequest = serde_json::from_str(line).expect("recorded so");
        request.resource_logs.extend(body.resource_logs);
    }
    let scopes = request
        .resource_logs
        .iter()
        .flat_map(|resource| &resource.scope_logs);
    let recorded: Vec<LogRecord> = scopes.flat_map(|scope| scope.log_records.clone()).collect();
    let records = recorded.iter().cycle().take(RECORDS);
    request.resource_logs.truncate(1);
    request.resource_logs[0].scope_logs[0].log_records = records
        .map(|record| complete(record.clone(), message))
        .collect();
    let mut body = Vec::new();
    json::write(Signal::Logs, &request.encode_to_vec(), &mut body).expect("a valid request");
    body
}

fn complete(mut record: LogRecord, message: Option<&str>) -> LogRecord {
    let attribute = |key: &str, value| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    };
    let text = |text: &str| Value::StringValue(text.to_owned());
    record.observed_time_unix_nano = record.time_unix_nano + 1_000_000;
    record.trace_id = (0x50..0x60).collect();
    record.span_id = (0xA0..0xA8).collect();
    if let Some(message) = message {
        record.body = Some(AnyValue {
            value: Some(text(message)),
        });
        record.attributes[1] = attribute("exception.stacktrace", text(&message.repeat(4)));
    }
    record
        .attributes
        .push(attribute("session.id", text("f3c1b174")));
    record
        .attributes
        .push(attribute("network.online", Value::BoolValue(true)));
    record
}

fn reading(c: &mut Criterion) {
    let mut group = c.benchmark_group("read");
    group.throughput(Throughput::Elements(RECORDS as u64));
    for (name, message) in [("logs", None), ("logs_chinese", Some(CHINESE))] {
        let body = body(message);
        let per_record = body.len() / RECORDS;
        group.bench_function(format!("{name}_{per_record}_bytes"), |b| {
            b.iter(|| json::read(Signal::Logs, black_box(&body)).expect("a valid body"));
        });
        group.bench_function(format!("{name}_serde_and_prost"), |b| {
            b.iter(|| {
                let request: ExportLogsServiceRequest =
                    serde_json::from_slice(black_box(&body)).expect("a valid body");
                request.encode_to_vec()
            });
        });
    }
    group.finish();
}

fn writing(c: &mut Criterion) {
    let mut group = c.benchmark_group("write");
    group.throughput(Throughput::Elements(RECORDS as u64));
    for (name, message) in [("logs", None), ("logs_chinese", Some(CHINESE))] {
        let wire = json::read(Signal::Logs, &body(message))
            .expect("a valid body")
            .wire;
        let per_record = wire.len() / RECORDS;
        group.bench_function(format!("{name}_{per_record}_bytes"), |b| {
            b.iter(|| {
                let mut out = Vec::new();
                json::write(Signal::Logs, black_box(&wire), &mut out).expect("a valid request");
                out
            });
        });
        group.bench_function(format!("{name}_prost_and_serde"), |b| {
            b.iter(|| {
                let request = ExportLogsServiceRequest::decode(black_box(&wire[..]));
                serde_json::to_vec(&request.expect("a valid request")).expect("it has a JSON form")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, reading, writing);
criterion_main!(benches);
