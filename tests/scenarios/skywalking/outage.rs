//! The OAP is away, Skyferry is killed, both come back: what was acknowledged arrives.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use pdata::skywalking::v3::InstancePingPkg;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::client::{Grpc, post_json};
use super::gateway::Gateway;
use crate::harness::PATIENCE;
use crate::harness::oap::calls::{Calls, items};
use crate::harness::oap::frames::{Status, code};
use crate::harness::oap::methods::{EVENTS, JVM, KEEP_ALIVE, LOGS, METERS, SEGMENTS};
use crate::harness::oap::numbered::{self, Difference, Numbers};
use crate::harness::oap::{Failure, Oap};

/// Items that must be acknowledged before something happens.
const ACKNOWLEDGED: usize = 300;

/// What a lane sends, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lane {
    Segments,
    JsonSegments,
    Logs,
    Meters,
    Jvm,
    Events,
}

const LANES: [Lane; 6] = [
    Lane::Segments,
    Lane::JsonSegments,
    Lane::Logs,
    Lane::Meters,
    Lane::Jvm,
    Lane::Events,
];

impl Lane {
    /// What of this kind has arrived; both lanes of segments use one row of numbers.
    fn compare(self, calls: &Calls, expected: &BTreeSet<usize>) -> Difference {
        match self {
            Lane::Segments | Lane::JsonSegments => Numbers::of(calls.segments()),
            Lane::Logs => Numbers::of(calls.logs()),
            Lane::Meters => Numbers::of(calls.meters()),
            Lane::Jvm => Numbers::of(items!(calls, Jvm)),
            Lane::Events => Numbers::of(items!(calls, Event)),
        }
        .compare(expected)
    }
}

/// One sender for each kind, each item of its own number, until nobody answers or they are told.
struct Senders {
    lanes: Vec<JoinHandle<(Lane, BTreeSet<usize>)>>,
    stop: Arc<AtomicBool>,
    acknowledged: watch::Receiver<usize>,
}

/// What all senders share.
#[derive(Clone)]
struct Shared {
    next: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<watch::Sender<usize>>,
}

impl Senders {
    fn start(next: &Arc<AtomicUsize>, grpc: SocketAddr, http: SocketAddr) -> Senders {
        let acknowledged = watch::Sender::new(0);
        let watched = acknowledged.subscribe();
        let shared = Shared {
            next: Arc::clone(next),
            stop: Arc::default(),
            acknowledged: Arc::new(acknowledged),
        };
        let stop = Arc::clone(&shared.stop);
        let lanes = LANES.map(|lane| {
            let shared = shared.clone();
            Handle::current().spawn(async move { (lane, shared.run(lane, grpc, http).await) })
        });
        Senders {
            lanes: lanes.into(),
            stop,
            acknowledged: watched,
        }
    }

    async fn until_acknowledged(&mut self, count: usize) {
        let enough = self.acknowledged.wait_for(|known| *known >= count);
        let waited = timeout(PATIENCE, enough).await;
        waited.expect("in time").expect("senders are at work");
    }

    /// Adds what was acknowledged, by kind, once every sender has ended.
    async fn ended(self, told: &mut BTreeMap<Lane, BTreeSet<usize>>) {
        for lane in self.lanes {
            let (lane, acknowledged) = lane.await.expect("senders do not panic");
            told.entry(lane).or_default().extend(acknowledged);
        }
    }

    async fn stop(self, told: &mut BTreeMap<Lane, BTreeSet<usize>>) {
        self.stop.store(true, Ordering::Relaxed);
        self.ended(told).await;
    }
}

impl Shared {
    async fn run(self, lane: Lane, grpc: SocketAddr, http: SocketAddr) -> BTreeSet<usize> {
        let agent = Grpc::connect(grpc).await;
        let mut acknowledged = BTreeSet::new();
        while !self.stop.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            match send(lane, number, &agent, http).await {
                Ok(()) => {
                    acknowledged.insert(number);
                    self.acknowledged.send_modify(|count| *count += 1);
                }
                Err(status) if status.code == code::UNAVAILABLE => break,
                Err(status) => panic!("{lane:?} {number}: {status:?}"),
            }
        }
        acknowledged
    }
}

async fn send(lane: Lane, number: usize, agent: &Grpc, http: SocketAddr) -> Result<(), Status> {
    let sent = match lane {
        Lane::Segments => agent.call(SEGMENTS, [numbered::segment(number)]).await,
        Lane::Logs => agent.call(LOGS, [numbered::log(number)]).await,
        Lane::Meters => agent.call(METERS, [numbered::meter(number)]).await,
        Lane::Jvm => agent.call(JVM, [numbered::jvm(number)]).await,
        Lane::Events => agent.call(EVENTS, [numbered::event(number)]).await,
        Lane::JsonSegments => return post(http, number).await,
    };
    sent.map(drop)
}

/// A segment as a browser sends it.
async fn post(http: SocketAddr, number: usize) -> Result<(), Status> {
    let segment = numbered::segment(number);
    let span = &segment.spans[0];
    let body = serde_json::json!([{
        "traceId": segment.trace_id,
        "traceSegmentId": segment.trace_segment_id,
        "service": segment.service,
        "serviceInstance": segment.service_instance,
        "spans": [{
            "spanId": 0, "parentSpanId": -1, "spanType": "Entry", "spanLayer": "Http",
            "startTime": span.start_time, "endTime": span.end_time,
            "operationName": span.operation_name, "componentId": span.component_id,
        }],
    }]);
    let gone = |error: std::io::Error| Status::new(code::UNAVAILABLE, error.to_string());
    let answer = post_json(http, "/v3/segments", body.to_string()).await;
    let answer = answer.map_err(gone)?;
    match answer.status().as_u16() {
        200 => Ok(()),
        status => Err(Status::new(code::UNKNOWN, format!("HTTP {status}"))),
    }
}

/// Waits until all that was acknowledged has arrived.
async fn assert_everything_arrives(oap: &Oap, told: &BTreeMap<Lane, BTreeSet<usize>>) {
    for (lane, expected) in told {
        assert!(!expected.is_empty(), "nothing of {lane:?} was acknowledged");
        let what = format!("all {} of {lane:?}", expected.len());
        oap.until(&what, |calls| {
            lane.compare(calls, expected).missing.is_empty()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_oap_is_away_and_the_program_is_killed() {
    let oap = Oap::start();
    let mut told = BTreeMap::new();
    let next = Arc::default();
    let gateway = Gateway::before(&oap);
    let mut senders = Senders::start(&next, gateway.grpc(), gateway.http());
    senders.until_acknowledged(ACKNOWLEDGED).await;
    oap.go_away().await;
    senders.until_acknowledged(3 * ACKNOWLEDGED).await;
    let dir = gateway.collector.kill();
    senders.ended(&mut told).await;

    // It starts without an OAP, and goes on taking.
    let gateway = Gateway::start_in(dir, oap.address(), "");
    let mut senders = Senders::start(&next, gateway.grpc(), gateway.http());
    senders.until_acknowledged(ACKNOWLEDGED).await;
    oap.come_back();
    senders.until_acknowledged(2 * ACKNOWLEDGED).await;
    // Now while it sends.
    let dir = gateway.collector.kill();
    senders.ended(&mut told).await;

    let gateway = Gateway::start_in(dir, oap.address(), "");
    let mut senders = Senders::start(&next, gateway.grpc(), gateway.http());
    senders.until_acknowledged(ACKNOWLEDGED).await;
    senders.stop(&mut told).await;
    assert_everything_arrives(&oap, &told).await;
    gateway.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_credentials_lose_nothing_and_are_told() {
    /// A destination that refused them is tried again after half a minute.
    const PARKED: Duration = Duration::from_secs(60);
    let oap = Oap::start();
    oap.fail_always(SEGMENTS, Failure::Refuse(code::PERMISSION_DENIED));
    let gateway = Gateway::before(&oap);
    let agent = gateway.agent().await;
    let sent = agent.call(SEGMENTS, [numbered::segment(1)]);
    sent.await.expect("it is taken");
    gateway.collector.until_logged("a word about it", |line| {
        let is_alarm = line["level"] == "ERROR" || line["level"] == "WARN";
        let tells = line.to_string().contains("told to refuse");
        (is_alarm && tells).then_some(())
    });
    oap.heal();
    let there = |calls: &Calls| calls.segments().count() == 1;
    oap.until_within(PARKED, "the segment", there).await;
    gateway.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_refusal_of_the_oap_loses_anything() {
    let oap = Oap::start();
    for failure in [
        Failure::Refuse(code::UNAVAILABLE),
        Failure::Refuse(code::RESOURCE_EXHAUSTED),
        Failure::RefuseAfter(1, code::RESOURCE_EXHAUSTED),
        Failure::CloseAfter(1),
        Failure::RefuseTaken(code::UNAVAILABLE),
    ] {
        for service in [
            "TraceSegment",
            "LogReport",
            "MeterReport",
            "JVMMetric",
            "EventService",
        ] {
            oap.fail_next(service, 2, failure);
        }
    }
    let mut told = BTreeMap::new();
    let gateway = Gateway::before(&oap);
    let next = Arc::default();
    let mut senders = Senders::start(&next, gateway.grpc(), gateway.http());
    senders.until_acknowledged(ACKNOWLEDGED).await;
    senders.stop(&mut told).await;
    assert_everything_arrives(&oap, &told).await;
    assert!(oap.calls().refused().count() > 0, "nothing was refused");
    gateway.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_have_arrived_is_sent_again_or_settled_as_the_operator_says() {
    for (choice, copies) in [("resend", 2), ("settle", 1)] {
        let oap = Oap::start();
        oap.fail_next(SEGMENTS, 1, Failure::NeverAnswer);
        let exporter = format!("timeout: 500ms\n    unknown_outcome: {choice}");
        let gateway = Gateway::start(oap.address(), &exporter);
        let agent = gateway.agent().await;
        for number in 1..=2 {
            let sent = agent.call(SEGMENTS, [numbered::segment(number)]);
            sent.await.expect("it is taken");
        }
        let there = |calls: &Calls| calls.segments().count() > copies;
        oap.until(choice, there).await;
        // Whatever is still to be sent is sent before it ends.
        gateway.end();
        let calls = oap.calls();
        let difference = Numbers::of(calls.segments()).compare(&[1, 2].into());
        assert_eq!(
            calls.segments().count(),
            copies + 1,
            "{choice}: {difference}"
        );
        assert!(difference.missing.is_empty(), "{choice}: {difference}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_do_not_pile_up_while_the_oap_is_away() {
    const BEATS: usize = 50;
    let oap = Oap::start();
    oap.go_away().await;
    let gateway = Gateway::before(&oap);
    let agent = gateway.agent().await;
    for _ in 0..BEATS {
        for instance in ["one", "two"] {
            let ping = InstancePingPkg {
                service: numbered::SERVICE.to_owned(),
                service_instance: instance.to_owned(),
                layer: String::new(),
            };
            let sent = agent.call(KEEP_ALIVE, [ping]);
            sent.await.expect("it is taken");
        }
    }
    oap.come_back();
    let beats = |calls: &Calls, instance: &str| {
        let beats = items!(calls, KeepAlive);
        beats.filter(|it| it.service_instance == instance).count()
    };
    oap.until("both instances", |calls| {
        beats(calls, "one") > 0 && beats(calls, "two") > 0
    })
    .await;
    // Whatever is still to be sent is sent before it ends.
    gateway.end();
    for instance in ["one", "two"] {
        let count = beats(&oap.calls(), instance);
        // One may be in an attempt when the next replaces those that wait.
        assert!(count <= 2, "{count} heartbeats of `{instance}`");
    }
}
