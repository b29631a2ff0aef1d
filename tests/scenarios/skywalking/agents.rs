//! Real agents of SkyWalking, unmodified: only their address is changed. What each sends is at the
//! OAP behind, and an OAP would lose none of it.

mod services;

use std::net::SocketAddr;
use std::time::Duration;

use pdata::skywalking::v3::{LogData, SegmentObject, SpanObject, SpanType};

use crate::harness::Collector;
use crate::harness::oap::calls::{Calls, items};
use crate::harness::oap::{Habits, Oap};
use services::{Identity, Transport};

/// The slowest reports come first 20 s after an agent's start, and nothing can change that.
const REPORTED_WITHIN: Duration = Duration::from_secs(60);
/// What the OAP asks for; no agent has it.
const TOKEN_OF_OAP: &str = "what-the-oap-asks-for";

/// The program before an OAP that asks for a token of its own.
struct Rig {
    oap: Oap,
    collector: Collector,
}

impl Rig {
    fn start() -> Rig {
        let oap = Oap::start_with(Habits {
            token: Some(TOKEN_OF_OAP),
            ..Habits::default()
        });
        let collector = Collector::start(&format!(
            "
receivers:
  skywalking:
    protocols:
      grpc: {{endpoint: '127.0.0.1:0'}}
      http: {{endpoint: '127.0.0.1:0'}}
exporters:
  skywalking:
    endpoint: '{}'
    tls: {{insecure: true}}
    authentication: {TOKEN_OF_OAP}
service:
  pipelines:
    traces: {{receivers: [skywalking], exporters: [skywalking]}}
    metrics: {{receivers: [skywalking], exporters: [skywalking]}}
    logs: {{receivers: [skywalking], exporters: [skywalking]}}
    skywalking: {{receivers: [skywalking], exporters: [skywalking]}}
",
            oap.address()
        ));
        Rig { oap, collector }
    }

    fn address(&self, protocol: &str) -> SocketAddr {
        self.collector.address("receivers/skywalking", protocol)
    }

    /// Waits until all of these have come from the service.
    async fn until_reported(&self, identity: Identity, reports: &[Report]) {
        for report in reports {
            let what = format!("{report:?} of {identity:?}");
            let there = |calls: &Calls| report.is_in(calls, identity);
            let within = REPORTED_WITHIN;
            self.oap.until_within(within, &what, there).await;
        }
    }

    fn end(self) {
        let ended = self.collector.stop();
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        self.oap.assert_clean_but_for(&[]);
    }
}

/// What an agent reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Report {
    /// A segment of `/front` and one of `/back` that names it as its parent, and a failed one.
    Trace,
    /// A log record with the trace of `/front`, and this in its text.
    Log(&'static str),
    Heartbeat,
    Properties,
    Jvm,
    /// A meter whose name begins like this.
    Meter(&'static str),
    /// The event of a start.
    Start,
}

impl Report {
    fn is_in(self, calls: &Calls, of: Identity) -> bool {
        let is_of =
            |service: &str, instance: &str| service == of.service && instance == of.instance;
        match self {
            Report::Trace => has_trace(calls, of),
            Report::Log(text) => {
                let front = entry(calls, of, "/front");
                let trace = front.map(|(segment, _)| &segment.trace_id);
                calls.logs().any(|log| {
                    let context = log.trace_context.as_ref();
                    is_of(&log.service, &log.service_instance)
                        && text_of(log).contains(text)
                        && context.map(|it| &it.trace_id) == trace
                })
            }
            Report::Heartbeat => {
                items!(calls, KeepAlive).any(|it| is_of(&it.service, &it.service_instance))
            }
            Report::Properties => items!(calls, Properties).any(|it| {
                is_of(&it.service, &it.service_instance)
                    && it.properties.iter().any(|it| it.key == "language")
            }),
            Report::Jvm => items!(calls, Jvm)
                .any(|it| is_of(&it.service, &it.service_instance) && !it.metrics.is_empty()),
            Report::Meter(prefix) => calls.meters().any(|meter| {
                is_of(&meter.service, &meter.service_instance)
                    && name_of(meter).is_some_and(|name| name.starts_with(prefix))
            }),
            Report::Start => items!(calls, Event).any(|event| {
                let source = event.source.as_ref();
                event.name == "Start" && source.is_some_and(|it| it.service == of.service)
            }),
        }
    }
}

/// The segment of a service that answers `path`, and its Entry span.
fn entry<'a>(
    calls: &'a Calls,
    of: Identity,
    path: &str,
) -> Option<(&'a SegmentObject, &'a SpanObject)> {
    let mut segments = calls.segments().filter(|it| it.service == of.service);
    segments.find_map(|segment| {
        let is_it = |span: &&SpanObject| {
            span.span_type() == SpanType::Entry && span.operation_name.ends_with(path)
        };
        Some((segment, segment.spans.iter().find(is_it)?))
    })
}

fn has_trace(calls: &Calls, of: Identity) -> bool {
    let entries = ["/front", "/back", "/fail"].map(|path| entry(calls, of, path));
    let [Some((front, _)), Some((back, called)), Some((_, failed))] = entries else {
        return false;
    };
    let parent = called.refs.first();
    let parent = parent.map(|it| (&it.parent_trace_segment_id, &it.parent_service));
    failed.is_error
        && back.trace_id == front.trace_id
        && parent == Some((&front.trace_segment_id, &front.service))
}

fn text_of(log: &LogData) -> &str {
    use pdata::skywalking::v3::log_data_body::Content;
    let content = log.body.as_ref().and_then(|body| body.content.as_ref());
    match content {
        Some(Content::Text(it)) => &it.text,
        _ => "",
    }
}

fn name_of(meter: &pdata::skywalking::v3::MeterData) -> Option<&str> {
    use pdata::skywalking::v3::meter_data::Metric;
    Some(match meter.metric.as_ref()? {
        Metric::SingleValue(it) => &it.name,
        Metric::Histogram(it) => &it.name,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_of_the_java_agent_arrives() {
    let rig = Rig::start();
    let identity = Identity {
        service: "shop-java",
        instance: "shop-java-1",
    };
    let Some(service) = services::java(identity, rig.address("grpc")).await else {
        return;
    };
    // An agent drops what it sees before its connection is there.
    rig.until_reported(identity, &[Report::Start, Report::Jvm])
        .await;
    service.visit().await;
    let reports = [
        Report::Trace,
        Report::Log("served /front"),
        Report::Properties,
        Report::Heartbeat,
    ];
    rig.until_reported(identity, &reports).await;
    service.end().await;
    rig.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_of_the_python_agent_arrives_over_grpc() {
    let rig = Rig::start();
    let identity = Identity {
        service: "shop-python",
        instance: "shop-python-1",
    };
    let address = rig.address("grpc");
    let Some(service) = services::python(identity, address, Transport::Grpc).await else {
        return;
    };
    rig.until_reported(identity, &[Report::Properties, Report::Heartbeat])
        .await;
    service.visit().await;
    let reports = [
        Report::Trace,
        Report::Log("front calls back"),
        Report::Meter("instance_pvm_"),
    ];
    rig.until_reported(identity, &reports).await;
    service.end().await;
    rig.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_of_the_python_agent_arrives_over_http() {
    let rig = Rig::start();
    let identity = Identity {
        service: "shop-python-http",
        instance: "shop-python-http-1",
    };
    let address = rig.address("http");
    let Some(service) = services::python(identity, address, Transport::Http).await else {
        return;
    };
    rig.until_reported(identity, &[Report::Properties, Report::Heartbeat])
        .await;
    service.visit().await;
    let reports = [Report::Trace, Report::Log("front calls back")];
    rig.until_reported(identity, &reports).await;
    service.end().await;
    rig.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_of_the_node_agent_arrives() {
    let rig = Rig::start();
    let identity = Identity {
        service: "shop-node",
        instance: "shop-node-1",
    };
    let Some(service) = services::node(identity, rig.address("grpc")).await else {
        return;
    };
    service.visit().await;
    let reports = [Report::Trace, Report::Properties, Report::Heartbeat];
    rig.until_reported(identity, &reports).await;
    service.end().await;
    rig.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_rust_agent_sends_in_streams_without_an_end_arrives_while_they_are_open() {
    let rig = Rig::start();
    let identity = Identity {
        service: "shop-rust",
        instance: "shop-rust-1",
    };
    let Some(mut program) = services::rust(identity, rig.address("grpc")) else {
        return;
    };
    let all = services::RUST_SERVES;
    let there = |calls: &Calls| calls.segments().count() == all && calls.logs().count() == all;
    let what = "every segment and log";
    rig.oap.until_within(REPORTED_WITHIN, what, there).await;
    rig.until_reported(identity, &[Report::Meter("rust_served")])
        .await;
    let calls = rig.oap.calls();
    for number in 0..all {
        let path = format!("/request/{number}");
        let (segment, _) = entry(&calls, identity, &path).expect("each has its own path");
        let text = format!("serves {number}");
        let log = calls.logs().find(|log| text_of(log) == text);
        let context = log.and_then(|log| log.trace_context.as_ref());
        assert_eq!(context.map(|it| &it.trace_id), Some(&segment.trace_id));
    }
    program.assert_runs();
    program.end().await;
    rig.end();
}
