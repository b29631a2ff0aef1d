//! Several OAPs behind one exporter.

use std::collections::{BTreeMap, BTreeSet};

use pdata::skywalking::v3::MeterData;

use super::client::Grpc;
use super::gateway::Gateway;
use crate::harness::Collector;
use crate::harness::oap::calls::Calls;
use crate::harness::oap::frames::code;
use crate::harness::oap::methods::{JVM, METER_SETS, METERS, SEGMENTS};
use crate::harness::oap::numbered::{self, Numbers};
use crate::harness::oap::{Failure, Oap};

/// Items of each kind.
const ITEMS: usize = 60;
const INSTANCES: usize = 12;

fn start(oaps: [&Oap; 2]) -> Collector {
    let [one, other] = oaps.map(Oap::address);
    start_before(&format!("'{one}', '{other}'"))
}

fn start_before(endpoints: &str) -> Collector {
    Collector::start(&format!(
        "
receivers:
  skywalking: {{protocols: {{grpc: {{endpoint: '127.0.0.1:0'}}}}}}
exporters:
  skywalking:
    endpoints: [{endpoints}]
    tls: {{insecure: true}}
    retry_on_failure: {{initial_interval: 20ms, max_interval: 100ms}}
service:
  pipelines:
    traces: {{receivers: [skywalking], exporters: [skywalking]}}
    metrics: {{receivers: [skywalking], exporters: [skywalking]}}
"
    ))
}

async fn send(agent: &Grpc, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let segment = agent.call(SEGMENTS, [numbered::segment(number)]);
        segment.await.expect("it is taken");
        let meter = MeterData {
            service_instance: format!("instance-{}", number % INSTANCES),
            ..numbered::meter(number)
        };
        let meter = agent.call(METERS, [meter]);
        meter.await.expect("it is taken");
    }
}

/// Waits until every number is at one of them.
async fn until_all(oaps: [&Oap; 2], expected: &BTreeSet<usize>) {
    let [one, other] = oaps;
    let missing = |calls: [&Calls; 2]| {
        let segments = calls.into_iter().flat_map(Calls::segments);
        let meters = calls.into_iter().flat_map(Calls::meters);
        let segments = Numbers::of(segments).compare(expected).missing;
        [segments, Numbers::of(meters).compare(expected).missing].concat()
    };
    // Whichever is the last to get anything sees all of it.
    let of_one = one.until("every item", |calls| {
        missing([calls, &other.calls()]).is_empty()
    });
    let of_other = other.until("every item", |calls| {
        missing([&one.calls(), calls]).is_empty()
    });
    tokio::select! {
        () = of_one => {}
        () = of_other => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn meters_of_an_instance_stay_with_one_oap_and_segments_go_to_all() {
    let oaps = [Oap::start(), Oap::start()];
    let oaps = oaps.each_ref();
    let collector = start(oaps);
    let agent = Grpc::connect(collector.address("receivers/skywalking", "grpc")).await;
    send(&agent, 0..ITEMS).await;
    until_all(oaps, &(0..ITEMS).collect()).await;
    let mut homes = BTreeMap::<String, BTreeSet<usize>>::new();
    for (number, oap) in oaps.into_iter().enumerate() {
        let calls = oap.calls();
        assert!(calls.segments().count() > 0, "one of them has no segments");
        assert!(
            calls.of(METER_SETS).count() > 0,
            "one of them has no meters"
        );
        for meter in calls.meters() {
            let home = homes.entry(meter.service_instance.clone()).or_default();
            home.insert(number);
        }
        oap.assert_clean_but_for(&[]);
    }
    assert_eq!(homes.len(), INSTANCES);
    let moved: Vec<_> = homes.iter().filter(|(_, homes)| homes.len() > 1).collect();
    assert!(moved.is_empty(), "instances with two homes: {moved:?}");
    assert_eq!(collector.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_oap_takes_over_what_another_cannot_take() {
    let oaps = [Oap::start(), Oap::start()];
    let oaps = oaps.each_ref();
    let collector = start(oaps);
    let agent = Grpc::connect(collector.address("receivers/skywalking", "grpc")).await;
    send(&agent, 0..ITEMS).await;
    oaps[0].go_away().await;
    send(&agent, ITEMS..2 * ITEMS).await;
    until_all(oaps, &(0..2 * ITEMS).collect()).await;
    assert_eq!(collector.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oap_is_found_by_its_name() {
    let oap = Oap::start();
    let collector = start_before(&format!("'localhost:{}'", oap.address().port()));
    collector.until_logged("the name", |line| {
        let is_it = line["message"] == "the endpoint's name was looked up";
        is_it.then_some(())
    });
    let agent = Grpc::connect(collector.address("receivers/skywalking", "grpc")).await;
    send(&agent, 0..ITEMS).await;
    let there = |calls: &Calls| calls.segments().count() + calls.meters().count() == 2 * ITEMS;
    oap.until("every item", there).await;
    assert_eq!(collector.stop().code, Some(0));
    oap.assert_clean_but_for(&[]);
}

/// OAP had its services in no package before version 8.8.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oap_that_has_services_without_their_package_only_gets_everything_by_those() {
    let oap = Oap::start();
    oap.fail_always("/skywalking.v3.", Failure::Refuse(code::UNIMPLEMENTED));
    let gateway = Gateway::before(&oap);
    let agent = gateway.agent().await;
    for number in 0..ITEMS {
        let segment = agent.call(SEGMENTS, [numbered::segment(number)]);
        segment.await.expect("it is taken");
        let jvm = agent.call(JVM, [numbered::jvm(number)]);
        jvm.await.expect("it is taken");
    }
    let expected: BTreeSet<usize> = (0..ITEMS).collect();
    oap.until("every segment", |calls| {
        Numbers::of(calls.segments())
            .compare(&expected)
            .missing
            .is_empty()
    })
    .await;
    oap.until("every report of a JVM", |calls| {
        let found = calls.of("/JVMMetricReportService/collect");
        found.map(|call| call.items.len()).sum::<usize>() == ITEMS
    })
    .await;
    let calls = oap.calls();
    let asked_in_vain = calls.refused().count();
    assert!(
        asked_in_vain <= 2,
        "once for each signal, not {asked_in_vain} times"
    );
    gateway.end();
}
