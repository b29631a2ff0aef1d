//! Bodies and messages that nobody could read, a thousand for each way in: each gets an answer that
//! says so, and harms no other.

mod changes;

use std::collections::BTreeSet;

use bytes::Bytes;
use fastrand::Rng;
use pdata::skywalking::v3::{
    BrowserErrorLog, BrowserPerfData, ClrMetricCollection, Commands, Event, InstancePingPkg,
    InstanceProperties, JvmMetricCollection, LogData, MeterData, MeterDataCollection,
    SegmentCollection, SegmentObject, SpanAttachedEvent,
};
use prost::{DecodeError, Message};
use serde_json::{Value, json};

use super::client::Grpc;
use super::gateway::Gateway;
use crate::harness::Sender;
use crate::harness::oap::Oap;
use crate::harness::oap::frames::{code, frame};
use crate::harness::oap::lints::Rule;
use crate::harness::oap::methods::{
    EVENTS, JVM, KEEP_ALIVE, LOGS, METER_SETS, METERS, PROPERTIES, SEGMENTS,
};
use crate::harness::oap::numbered::{self, Numbers, tag};

/// Bodies for each way in.
const TRIES: usize = 1000;
/// So many are sent between two good ones.
const BETWEEN_GOOD: usize = 100;
/// Names one run again; it is told when a run fails.
const SEED: &str = "SKYFERRY_SEED";
/// The seed of a run that nobody gave one.
const SEED_DEFAULT: u64 = 0x5eed;

fn seed() -> u64 {
    let set = std::env::var(SEED).ok();
    set.map_or(SEED_DEFAULT, |text| text.parse().expect("a number"))
}

/// Counts good items, so that each has a number of its own.
struct Good {
    sent: BTreeSet<usize>,
}

impl Good {
    fn next(&mut self) -> usize {
        let number = self.sent.len();
        self.sent.insert(number);
        number
    }

    /// Every good one arrived once, and all that came with them can be read.
    async fn assert_arrive(&self, oap: &Oap, of: &str) {
        let missing = |calls: &crate::harness::oap::calls::Calls| {
            let difference = Numbers::of(calls.segments()).compare(&self.sent);
            difference.missing
        };
        oap.until(of, |calls| missing(calls).is_empty()).await;
        let unreadable: Vec<_> = oap
            .lints()
            .into_iter()
            .filter(|lint| lint.rule == Rule::Readable)
            .collect();
        assert_eq!(unreadable, [], "{of}");
    }
}

/// Paths over HTTP, and a good body of each.
fn bodies() -> Vec<(&'static str, Value)> {
    let segment = || {
        json!({
            "traceId": "t", "traceSegmentId": "s", "service": "shop", "serviceInstance": "1",
            "spans": [{
                "spanId": 0, "parentSpanId": -1, "startTime": "1795235466369",
                "endTime": 1795235466439_i64, "spanType": "Exit", "spanLayer": "Http",
                "componentId": 10002, "peer": "api", "isError": false, "operationName": "pages/a",
                "tags": [{"key": "url", "value": "https://api"}],
                "refs": [{"refType": "CrossProcess", "traceId": "t", "parentSpanId": 0}],
                "logs": [{"time": 1, "data": [{"key": "event", "value": "error"}]}],
            }],
        })
    };
    let log = json!({
        "timestamp": 1795235466369_i64, "service": "shop", "body": {"text": {"text": "line"}},
        "traceContext": {"traceId": "t", "spanId": 0}, "tags": {"data": [{"key": "level"}]},
    });
    let event = json!({
        "uuid": "u", "source": {"service": "shop"}, "name": "Start", "type": "Normal",
        "parameters": {"a": "b"}, "startTime": 1, "layer": "GENERAL",
    });
    let error = || json!({"uniqueId": "u", "service": "shop", "category": "js", "line": 1, "firstReportedError": true});
    let perf =
        json!({"service": "shop", "serviceVersion": "1", "pagePath": "/", "redirectTime": 3});
    let vitals = json!({"service": "shop", "cls": 0.25, "lcpTime": "12"});
    let item = json!([{"service": "shop", "time": 1, "pagePath": "/"}]);
    vec![
        ("/v3/segment", segment()),
        ("/v3/segments", json!([segment(), segment()])),
        ("/v3/logs", json!([log])),
        ("/v3/events", json!([event])),
        (
            "/v3/management/reportProperties",
            json!({"service": "shop", "serviceInstance": "1", "properties": [{"key": "a"}]}),
        ),
        (
            "/v3/management/keepAlive",
            json!({"service": "shop", "serviceInstance": "1"}),
        ),
        ("/browser/perfData", perf),
        ("/browser/perfData/webVitals", vitals),
        ("/browser/perfData/webInteractions", item.clone()),
        ("/browser/perfData/resources", item),
        ("/browser/errorLog", error()),
        ("/browser/errorLogs", json!([error()])),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_malformed_bodies_for_each_path_are_answered_and_harm_no_other() {
    let oap = Oap::start();
    let gateway = Gateway::before(&oap);
    let sender = Sender::http(gateway.http());
    let mut random = Rng::with_seed(seed());
    let mut good = Good {
        sent: BTreeSet::new(),
    };
    for (path, body) in bodies() {
        for number in 0..TRIES {
            let changed = changes::of_json(&body, &mut random);
            let is_bad = changes::is_bad(&changed, &body);
            let place = format!("seed {}, {path}, {number}: {}", seed(), shown(&changed));
            let form = [("content-type", "application/json")];
            let answer = sender.post(path, &form, changed).await;
            let answer = answer.unwrap_or_else(|error| panic!("{place}: {error}"));
            let status = answer.status.as_u16();
            let refused = (400..500).contains(&status);
            assert!(refused || (status == 200 && !is_bad), "{place}: {answer:?}");
            assert_eq!(refused, !answer.body.is_empty(), "{place}: {answer:?}");
            if number % BETWEEN_GOOD == 0 {
                let agent = gateway.agent().await;
                let sent = agent.call(SEGMENTS, [numbered::segment(good.next())]);
                sent.await
                    .unwrap_or_else(|status| panic!("{place}: {status:?}"));
                let answer = sender.post(path, &form, body.to_string()).await;
                let answer = answer.unwrap_or_else(|error| panic!("{place}: {error}"));
                assert_eq!(answer.status, 200, "{path}: {answer:?}");
            }
        }
    }
    good.assert_arrive(&oap, "every good segment").await;
    gateway.end();
}

/// What reads a message, as a check of what may be taken.
type Read = fn(Bytes) -> Result<(), DecodeError>;

fn read<M: Message + Default>(message: Bytes) -> Result<(), DecodeError> {
    M::decode(message).map(drop)
}

/// Methods of the reports, a good message of each, and what reads it.
fn messages() -> Vec<(&'static str, Vec<u8>, Read)> {
    fn row<M: Message + Default>(path: &'static str, message: M) -> (&'static str, Vec<u8>, Read) {
        (path, message.encode_to_vec(), read::<M>)
    }
    let named = |service: &str| service.to_owned();
    let collection = SegmentCollection {
        segments: vec![numbered::segment(1), numbered::segment(2)],
    };
    let properties = InstanceProperties {
        service: named("shop"),
        properties: vec![tag("language", "java")],
        ..InstanceProperties::default()
    };
    let ping = InstancePingPkg {
        service: named("shop"),
        service_instance: named("1"),
        ..InstancePingPkg::default()
    };
    let clr = ClrMetricCollection {
        service: named("shop"),
        ..ClrMetricCollection::default()
    };
    let attached = SpanAttachedEvent {
        event: named("sendto"),
        tags: vec![tag("a", "b")],
        ..SpanAttachedEvent::default()
    };
    let set = MeterDataCollection {
        meter_data: vec![numbered::meter(1), numbered::meter(2)],
    };
    let perf = BrowserPerfData {
        service: named("shop"),
        redirect_time: 3,
        ..BrowserPerfData::default()
    };
    let error = BrowserErrorLog {
        unique_id: named("u"),
        service: named("shop"),
        ..BrowserErrorLog::default()
    };
    vec![
        row::<SegmentObject>(SEGMENTS, numbered::segment(1)),
        row(
            "/skywalking.v3.TraceSegmentReportService/collectInSync",
            collection,
        ),
        row(
            "/skywalking.v3.SpanAttachedEventReportService/collect",
            attached,
        ),
        row::<LogData>(LOGS, numbered::log(1)),
        row::<MeterData>(METERS, numbered::meter(1)),
        row(METER_SETS, set),
        row::<JvmMetricCollection>(JVM, numbered::jvm(1)),
        row("/skywalking.v3.CLRMetricReportService/collect", clr),
        row::<Event>(EVENTS, numbered::event(1)),
        row(PROPERTIES, properties),
        row(KEEP_ALIVE, ping),
        row("/skywalking.v3.BrowserPerfService/collectPerfData", perf),
        row("/skywalking.v3.BrowserPerfService/collectErrorLogs", error),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_malformed_messages_for_each_method_are_answered_and_harm_no_other() {
    let oap = Oap::start();
    let gateway = Gateway::before(&oap);
    let agent = gateway.agent().await;
    let mut random = Rng::with_seed(seed());
    let mut good = Good {
        sent: BTreeSet::new(),
    };
    for (path, message, read) in messages() {
        for number in 0..TRIES {
            let changed = Bytes::from(changes::of_bytes(&message, &mut random));
            let place = format!("seed {}, {path}, {number}: {}", seed(), shown(&changed));
            let is_bad = match read(changed.clone()) {
                Ok(()) => false,
                // Repaired, as it is in OTLP.
                Err(error) => !error.to_string().contains("UTF-8"),
            };
            let answer = agent.send(path, frame(&changed).to_vec()).await;
            match answer {
                Ok(answer) => {
                    assert!(!is_bad, "{place}: it was taken");
                    assert_eq!(Commands::decode(answer), Ok(Commands::default()), "{place}");
                }
                Err(status) => {
                    assert_eq!(status.code, code::INVALID_ARGUMENT, "{place}: {status:?}");
                    assert!(!status.message.is_empty(), "{place}");
                }
            }
            if number % BETWEEN_GOOD == 0 {
                send_good(&agent, &mut good, &place).await;
            }
        }
        let sent = agent.send(path, frame(&message).to_vec()).await;
        sent.unwrap_or_else(|status| panic!("{path}: {status:?}"));
    }
    good.assert_arrive(&oap, "every good segment").await;
    gateway.end();
}

async fn send_good(agent: &Grpc, good: &mut Good, place: &str) {
    let sent = agent.call(SEGMENTS, [numbered::segment(good.next())]);
    sent.await
        .unwrap_or_else(|status| panic!("{place}: {status:?}"));
}

/// Bytes as far as somebody wants to see them.
fn shown(bytes: &[u8]) -> String {
    const SHOWN_MAX: usize = 400;
    let text = bytes.escape_ascii().to_string();
    text.chars().take(SHOWN_MAX).collect()
}
