//! Streams that stay open for the life of an agent.

use std::collections::BTreeSet;

use pdata::skywalking::v3::{LogData, MeterData};

use super::gateway::Gateway;
use crate::harness::oap::Oap;
use crate::harness::oap::calls::Calls;
use crate::harness::oap::methods::{LOGS, METERS, SEGMENTS};
use crate::harness::oap::numbered::{self, Numbered, Numbers};

/// Messages of one stream.
const MESSAGES: usize = 20;

fn all() -> BTreeSet<usize> {
    (0..MESSAGES).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_segments_is_delivered_while_it_is_open() {
    let oap = Oap::start();
    let gateway = Gateway::before(&oap);
    let agent = gateway.agent().await;
    let mut stream = agent.open(SEGMENTS);
    for number in 0..MESSAGES {
        assert!(stream.send(&numbered::segment(number)).await);
        let there = |calls: &Calls| calls.segments().count() > number;
        oap.until("the segment before the next is sent", there)
            .await;
    }
    stream.ended().await.expect("all of it was taken");
    let difference = Numbers::of(oap.calls().segments()).compare(&all());
    assert_eq!(difference, Default::default(), "{difference}");
    gateway.end();
    oap.assert_clean_but_for(&[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_logs_is_delivered_while_it_is_open_under_the_service_of_its_first() {
    let oap = Oap::start();
    let gateway = Gateway::before(&oap);
    let agent = gateway.agent().await;
    let mut stream = agent.open(LOGS);
    for number in 0..MESSAGES {
        let mut log = numbered::log(number);
        if number > 0 {
            log.service.clear();
        }
        assert!(stream.send(&log).await);
        let there = |calls: &Calls| calls.logs().count() > number;
        oap.until("the log before the next is sent", there).await;
    }
    stream.ended().await.expect("all of it was taken");
    let calls = oap.calls();
    let difference = Numbers::of(calls.logs()).compare(&all());
    assert_eq!(difference, Default::default(), "{difference}");
    assert!(calls.logs().all(|log| log.service == numbered::SERVICE));
    gateway.end();
    oap.assert_clean_but_for(&[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_that_share_a_stream_of_logs_do_not_share_one_at_the_oap() {
    let oap = Oap::start();
    let gateway = Gateway::before(&oap);
    let agent = gateway.agent().await;
    let logs = (0..MESSAGES).map(|number| LogData {
        service: format!("service-{}", number % 3),
        ..numbered::log(number)
    });
    agent.call(LOGS, logs).await.expect("it is taken");
    let there = |calls: &Calls| calls.logs().count() >= MESSAGES;
    oap.until("every log", there).await;
    for log in oap.calls().logs() {
        let number = log.number().expect("it is numbered");
        assert_eq!(log.service, format!("service-{}", number % 3));
    }
    gateway.end();
    // An OAP files a stream under its first service.
    oap.assert_clean_but_for(&[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_meters_that_stays_open_is_delivered_with_the_names_of_its_first() {
    let oap = Oap::start();
    let gateway = Gateway::before(&oap);
    let agent = gateway.agent().await;
    let mut stream = agent.open(METERS);
    let first = numbered::meter(0);
    let time = first.timestamp;
    assert!(stream.send(&first).await);
    for number in 1..MESSAGES {
        let nameless = MeterData {
            service: String::new(),
            service_instance: String::new(),
            timestamp: 0,
            ..numbered::meter(number)
        };
        assert!(stream.send(&nameless).await);
    }
    // It is a unit for as long as 10 s, and goes on its way then.
    let there = |calls: &Calls| calls.meters().count() >= MESSAGES;
    oap.until("the meters of the open stream", there).await;
    let late = MeterData {
        service: String::new(),
        service_instance: String::new(),
        timestamp: 0,
        ..numbered::meter(MESSAGES)
    };
    assert!(stream.send(&late).await);
    stream.ended().await.expect("all of it was taken");
    let there = |calls: &Calls| calls.meters().count() > MESSAGES;
    oap.until("the meter behind the split", there).await;
    let calls = oap.calls();
    let difference = Numbers::of(calls.meters()).compare(&(0..=MESSAGES).collect());
    assert_eq!(difference, Default::default(), "{difference}");
    for meter in calls.meters().filter(|meter| !meter.service.is_empty()) {
        assert_eq!(meter.service, numbered::SERVICE);
        assert_eq!(meter.service_instance, numbered::INSTANCE);
        assert_eq!(meter.timestamp, time);
    }
    gateway.end();
    // Among others: every set has its service and instance.
    oap.assert_clean_but_for(&[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_a_stream_was_broken_off_is_delivered() {
    let oap = Oap::start();
    let gateway = Gateway::before(&oap);
    let agent = gateway.agent().await;
    let mut stream = agent.open(SEGMENTS);
    assert!(stream.send(&numbered::segment(0)).await);
    oap.until("the segment", |calls| calls.segments().count() == 1)
        .await;
    agent.cut();
    stream.ended().await.expect_err("nobody answers any more");
    let agent = gateway.agent().await;
    let sent = agent.call(SEGMENTS, [numbered::segment(1)]);
    sent.await.expect("others are served");
    oap.until("the other", |calls| calls.segments().count() == 2)
        .await;
    gateway.end();
    oap.assert_clean_but_for(&[]);
}
