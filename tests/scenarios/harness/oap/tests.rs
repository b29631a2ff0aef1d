//! The mock itself: calls made of frames by hand, and what it makes of them.

mod losses;

use std::time::Duration;

use http::Request;
use pdata::skywalking::v3::{Command, Commands, Event, ProfileTaskCommandQuery};
use pdata::skywalking::v10::AsyncProfilerData;
use prost::Message;
use serde_json::Value;

use super::calls::{Outcome, items};
use super::frames::{code, frame};
use super::lints::Rule;
use super::methods::{ASYNC_PROFILER, EVENTS, Item, JVM, PROFILE_TASKS, SEGMENTS};
use super::numbered::{self, Numbered, Numbers, tag};
use super::{Failure, Generation, Habits, Oap};
use crate::skywalking::client::{Grpc, http, post_json};

/// How long something that must not happen is given to happen.
const MOMENT: Duration = Duration::from_millis(200);

fn rules(oap: &Oap) -> Vec<Rule> {
    oap.lints().into_iter().map(|lint| lint.rule).collect()
}

#[tokio::test]
async fn takes_every_message_of_a_stream_while_it_is_open() {
    let oap = Oap::start();
    let client = Grpc::connect(oap.address()).await;
    let client = client.with_metadata("authentication", "token");
    let mut stream = client.open(SEGMENTS);
    for number in 1..=3 {
        assert!(stream.send(&numbered::segment(number)).await);
        oap.until("the segment", |calls| calls.segments().count() == number)
            .await;
    }
    assert_eq!(oap.calls().0[0].outcome, Outcome::Open);
    let answer = stream.ended().await.expect("it is taken");
    assert!(answer.is_empty(), "`Commands` without any are no bytes");
    let calls = oap.calls();
    assert_eq!(calls.0[0].outcome, Outcome::Answered(code::OK));
    assert_eq!(calls.0[0].metadata["authentication"], "token");
    let seen = Numbers::of(calls.segments()).compare(&(1..=4).collect());
    assert_eq!(seen.missing, [4]);
    assert!(seen.doubled.is_empty() && seen.strange.is_empty(), "{seen}");
    oap.assert_clean_but_for(&[]);
}

#[tokio::test]
async fn refuses_what_is_no_message_and_what_is_no_method() {
    let oap = Oap::start();
    let client = Grpc::connect(oap.address()).await;
    let whole = frame(&numbered::segment(1).encode_to_vec());
    let two = [frame(&[]), frame(&[])].concat();
    for (path, body, expected) in [
        (SEGMENTS, whole[..whole.len() - 1].to_vec(), code::INTERNAL),
        (SEGMENTS, vec![0, 0], code::INTERNAL),
        (SEGMENTS, frame(&[0xff]).to_vec(), code::INTERNAL),
        (SEGMENTS, vec![1, 0, 0, 0, 0], code::INTERNAL),
        (SEGMENTS, vec![0, 255, 0, 0, 0], code::RESOURCE_EXHAUSTED),
        (JVM, two, code::INTERNAL),
        (JVM, vec![], code::INTERNAL),
        ("/LogReportService/collect", vec![], code::UNIMPLEMENTED),
        ("/nobody/knows", vec![], code::UNIMPLEMENTED),
    ] {
        let status = client.send(path, body).await.expect_err(path);
        assert_eq!(status.code, expected, "{path}: {status:?}");
    }
    assert_eq!(oap.calls().segments().count(), 0);
    let old = client.call("/JVMMetricReportService/collect", [numbered::jvm(7)]);
    old.await.expect("old agents call it so");
    let calls = oap.calls();
    let mut reports = items!(calls, Jvm);
    assert_eq!(reports.next().and_then(Numbered::number), Some(7));
}

#[tokio::test]
async fn fails_as_often_as_it_is_told_and_keeps_what_it_took_before() {
    let oap = Oap::start();
    let client = Grpc::connect(oap.address()).await;
    let two = || [numbered::segment(1), numbered::segment(2)];
    oap.fail_next("TraceSegment", 1, Failure::Refuse(code::UNAVAILABLE));
    oap.fail_next("", 1, Failure::RefuseAfter(1, code::RESOURCE_EXHAUSTED));
    oap.fail_next("", 1, Failure::RefuseTaken(code::UNAVAILABLE));
    for (expected, taken) in [
        (code::UNAVAILABLE, 0),
        (code::RESOURCE_EXHAUSTED, 1),
        (code::UNAVAILABLE, 2),
    ] {
        let status = client.call(SEGMENTS, two()).await.expect_err("told to");
        assert_eq!(status.code, expected);
        let calls = oap.calls();
        let last = calls.0.last().expect("there was a call");
        assert_eq!(last.items.len(), taken);
        assert_eq!(last.outcome, Outcome::Answered(expected));
    }
    client.call(SEGMENTS, two()).await.expect("told no more");
    assert_eq!(oap.calls().refused().count(), 3);
}

#[tokio::test]
async fn an_oap_that_does_not_read_stops_its_client_and_one_that_closes_says_nothing() {
    let oap = Oap::start();
    oap.fail_always(SEGMENTS, Failure::NeverRead);
    let client = Grpc::connect(oap.address()).await;
    let mut stream = client.open(SEGMENTS);
    let mut large = numbered::segment(1);
    large.service = "x".repeat(1 << 20);
    while !stream.is_blocked(&large, MOMENT).await {}
    assert_eq!(oap.calls().segments().count(), 0);
    oap.heal();
    oap.fail_next(SEGMENTS, 1, Failure::CloseAfter(1));
    let client = Grpc::connect(oap.address()).await;
    let sent = client.call(SEGMENTS, [numbered::segment(1)]).await;
    assert_eq!(sent.expect_err("told to").code, code::UNAVAILABLE);
    assert_eq!(oap.calls().segments().count(), 1);
}

#[tokio::test]
async fn goes_away_and_comes_back_to_the_same_address_with_what_it_had() {
    let oap = Oap::start();
    let client = Grpc::connect(oap.address()).await;
    let mut stream = client.open(SEGMENTS);
    stream.send(&numbered::segment(1)).await;
    oap.until("the segment", |calls| calls.segments().count() == 1)
        .await;
    oap.go_away().await;
    assert_eq!(
        stream.ended().await.expect_err("it is away").code,
        code::UNAVAILABLE
    );
    let refused = tokio::net::TcpStream::connect(oap.address()).await;
    assert!(refused.is_err(), "nobody listens");
    oap.come_back();
    let client = Grpc::connect(oap.address()).await;
    let sent = client.call(SEGMENTS, [numbered::segment(2)]);
    sent.await.expect("it is back");
    assert_eq!(oap.calls().segments().count(), 2);
}

#[tokio::test]
async fn asks_for_its_token_on_grpc_and_not_on_http() {
    let token = Some("let-me-in");
    let oap = Oap::start_with(Habits {
        token,
        ..Habits::default()
    });
    let client = Grpc::connect(oap.address()).await;
    let segment = || [numbered::segment(1)];
    let status = client.call(SEGMENTS, segment()).await;
    assert_eq!(status.expect_err("no token").code, code::PERMISSION_DENIED);
    let client = client.with_metadata("authentication", "let-me-in");
    client.call(SEGMENTS, segment()).await.expect("it is taken");
    let answer = post_json(oap.address(), "/v3/segments", "[]").await;
    assert_eq!(answer.expect("it answers").status(), 200);
}

#[tokio::test]
async fn answers_queries_with_the_commands_it_was_given() {
    let oap = Oap::start();
    let commands = Commands {
        commands: vec![Command {
            command: "ProfileTaskQuery".to_owned(),
            args: vec![tag("SerialNumber", "1")],
        }],
    };
    oap.answer(PROFILE_TASKS, &commands);
    let client = Grpc::connect(oap.address()).await;
    let query = ProfileTaskCommandQuery::default();
    let answer = client
        .call(PROFILE_TASKS, [query])
        .await
        .expect("it answers");
    assert_eq!(Commands::decode(answer), Ok(commands));
}

#[tokio::test]
async fn answers_a_profiler_before_it_sends_the_rest() {
    let oap = Oap::start();
    let client = Grpc::connect(oap.address()).await;
    let mut stream = client.open(ASYNC_PROFILER);
    let data = AsyncProfilerData::default();
    assert!(stream.send(&data).await);
    let mut answer = stream.answer().await.expect("it answers at once");
    assert_eq!(answer.next().await, Ok(Some(Default::default())));
    assert_eq!(oap.calls().0[0].outcome, Outcome::Open);
    assert!(stream.send(&data).await);
    oap.until("the rest", |calls| calls.items().count() == 2)
        .await;
    stream.finish();
    answer.ended().await.expect("it ends well");
    assert_eq!(oap.calls().0[0].outcome, Outcome::Answered(code::OK));
    let ten = Oap::start_with(Habits {
        generation: Generation::Ten,
        ..Habits::default()
    });
    let client = Grpc::connect(ten.address()).await;
    let status = client.call(ASYNC_PROFILER, [data]).await;
    assert_eq!(status.expect_err("10.1 has none").code, code::UNIMPLEMENTED);
}

#[tokio::test]
async fn refuses_an_event_without_layer_over_grpc() {
    let oap = Oap::start();
    let client = Grpc::connect(oap.address()).await;
    let layerless = Event {
        layer: String::new(),
        ..numbered::event(2)
    };
    let sent = client.call(EVENTS, [numbered::event(1), layerless]).await;
    assert_eq!(sent.expect_err("no layer").code, code::INVALID_ARGUMENT);
    let calls = oap.calls();
    assert_eq!(items!(calls, Event).count(), 1);
    assert_eq!(rules(&oap), [Rule::EventHasLayer]);
}

#[tokio::test]
async fn http_is_answered_as_a_real_oap_answers() {
    let oap = Oap::start();
    let ten = Oap::start_with(Habits {
        generation: Generation::Ten,
        ..Habits::default()
    });
    let segment = r#"{"traceSegmentId": "segment-000001", "spans": [{"spanType": "Exit",
        "startTime": "12", "unknown": 1}], "service": "s"}"#;
    let list = format!("[{segment}]");
    for (path, form, body, status) in [
        ("/v3/segment", "application/json", segment, 200),
        ("/v3/segments", "application/json;charset=utf-8", &list, 200),
        ("/v3/segments", "application/json", segment, 400),
        ("/v3/segments", "application/json", "[{", 500),
        ("/v3/segments", "text/plain", &list, 400),
        ("/v3/meters", "application/json", "[]", 404),
        ("/v1/logs", "application/json", "{}", 415),
    ] {
        let request = Request::post(path).header("content-type", form);
        let answer = http(oap.address(), request, body.to_owned()).await;
        assert_eq!(
            answer.expect("it answers").status(),
            status,
            "{path} {form} {body}"
        );
    }
    let answer = http(oap.address(), Request::options("/v3/segments"), "").await;
    assert_eq!(answer.expect("it answers").status(), 405);
    for path in ["/v1/logs", "/browser/perfData/webVitals"] {
        let answer = post_json(ten.address(), path, "{}").await;
        assert_eq!(answer.expect("it answers").status(), 404, "{path}");
    }
    let calls = oap.calls();
    assert_eq!(calls.segments().count(), 2);
    assert_eq!(
        calls.segments().next().map(|it| it.spans[0].start_time),
        Some(12)
    );
    assert!(calls.items().all(|item| matches!(item, Item::Segment(_))));
    let answer = post_json(ten.address(), "/graphql", r#"{"query": "{version}"}"#).await;
    let answer: Value =
        serde_json::from_slice(answer.expect("it answers").body()).expect("it is JSON");
    assert_eq!(answer["data"]["version"], "10.1.0");
}
