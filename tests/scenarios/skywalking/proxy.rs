//! Queries and profilers, which need an answer from the OAP itself.

use std::net::SocketAddr;

use pdata::skywalking::v3::{Command, Commands, ProfileTaskCommandQuery};
use pdata::skywalking::v10::{
    AsyncProfilerCollectionResponse, AsyncProfilerData, AsyncProfilingStatus,
};
use prost::Message;

use super::client::Grpc;
use super::gateway::Gateway;
use crate::harness::Collector;
use crate::harness::oap::frames::code;
use crate::harness::oap::methods::{ASYNC_PROFILER, PROFILE_TASKS};
use crate::harness::oap::numbered::tag;
use crate::harness::oap::{Failure, Oap};

/// Between nodes of an OAP, and nobody else's.
const REMOTE: &str = "/RemoteService/call";
/// A service that no version of Skyferry knows.
const UNKNOWN: &str = "/skywalking.v11.Later/collect";

fn command(number: usize) -> Commands {
    let command = Command {
        command: "ProfileTaskQuery".to_owned(),
        args: vec![tag("SerialNumber", &number.to_string())],
    };
    Commands {
        commands: vec![command],
    }
}

/// The program with an OAP to ask, and where agents find it.
fn start(oap: &Oap, more: &str) -> (Collector, SocketAddr) {
    let address = oap.address();
    let collector = Collector::start(&format!(
        "
receivers:
  skywalking:
    protocols: {{grpc: {{endpoint: '127.0.0.1:0'}}}}
    proxy: {{endpoints: ['{address}'], tls: {{insecure: true}}, authentication: the-gateways, {more}}}
exporters:
  skywalking: {{endpoint: '{address}', tls: {{insecure: true}}}}
service:
  pipelines:
    skywalking: {{receivers: [skywalking], exporters: [skywalking]}}
"
    ));
    let address = collector.address("receivers/skywalking", "grpc");
    (collector, address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_without_a_proxy_are_answered_with_no_commands() {
    let oap = Oap::start();
    oap.answer(PROFILE_TASKS, &command(1));
    let gateway = Gateway::before(&oap);
    let agent = gateway.agent().await;
    let query = ProfileTaskCommandQuery::default();
    let answer = agent
        .call(PROFILE_TASKS, [query])
        .await
        .expect("it answers");
    assert_eq!(Commands::decode(answer), Ok(Commands::default()));
    assert_eq!(oap.calls().of(PROFILE_TASKS).count(), 0);
    gateway.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_gets_what_the_oap_says_now() {
    let oap = Oap::start();
    let (collector, address) = start(&oap, "");
    let agent = Grpc::connect(address).await;
    let agent = agent.with_metadata("agent-version", "9.3.0");
    for number in 1..=3 {
        oap.answer(PROFILE_TASKS, &command(number));
        let query = ProfileTaskCommandQuery {
            last_command_time: 12,
            ..ProfileTaskCommandQuery::default()
        };
        let answer = agent
            .call(PROFILE_TASKS, [query])
            .await
            .expect("it answers");
        assert_eq!(Commands::decode(answer), Ok(command(number)));
    }
    let calls = oap.calls();
    assert_eq!(calls.of(PROFILE_TASKS).count(), 3);
    for call in calls.of(PROFILE_TASKS) {
        assert_eq!(call.metadata["agent-version"], "9.3.0");
        assert_eq!(call.metadata["authentication"], "the-gateways");
    }
    assert_eq!(collector.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_is_not_repeated_and_its_failure_is_the_agents_to_know() {
    let oap = Oap::start();
    let (collector, address) = start(&oap, "");
    let agent = Grpc::connect(address).await;
    // A task is handed out once; an OAP that lost the answer must not be asked again.
    oap.fail_next(PROFILE_TASKS, 1, Failure::RefuseTaken(code::INTERNAL));
    let query = ProfileTaskCommandQuery::default();
    let status = agent.call(PROFILE_TASKS, [query.clone()]).await;
    assert_eq!(status.expect_err("told to").code, code::INTERNAL);
    assert_eq!(oap.calls().of(PROFILE_TASKS).count(), 1);
    oap.go_away().await;
    let status = agent.call(PROFILE_TASKS, [query]).await;
    // `UNIMPLEMENTED` would end an agent's asking for good.
    assert_eq!(status.expect_err("it is away").code, code::UNAVAILABLE);
    assert_eq!(collector.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profiler_gets_its_answer_before_it_sends_the_rest() {
    let oap = Oap::start();
    let (collector, address) = start(&oap, "");
    let told = AsyncProfilerCollectionResponse {
        r#type: AsyncProfilingStatus::TerminatedByOversize.into(),
    };
    oap.answer(ASYNC_PROFILER, &told);
    let agent = Grpc::connect(address).await;
    let mut stream = agent.open(ASYNC_PROFILER);
    assert!(stream.send(&AsyncProfilerData::default()).await);
    let mut answer = stream.answer().await.expect("it answers at once");
    let message = answer.next().await.expect("it is open");
    let message = message.map(AsyncProfilerCollectionResponse::decode);
    assert_eq!(message, Some(Ok(told)));
    for _ in 0..3 {
        assert!(stream.send(&AsyncProfilerData::default()).await);
    }
    stream.finish();
    answer.ended().await.expect("it ends well");
    assert_eq!(oap.calls().items().count(), 4);
    assert_eq!(collector.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_knows_is_passed_on_only_when_asked_and_what_is_the_oaps_own_never() {
    for (more, asked) in [("", false), ("unknown: true", true)] {
        let oap = Oap::start();
        let (collector, address) = start(&oap, more);
        let agent = Grpc::connect(address).await;
        for path in [UNKNOWN, REMOTE] {
            let query = ProfileTaskCommandQuery::default();
            let status = agent.call(path, [query]).await;
            // This OAP does not know the first of them either.
            assert_eq!(status.expect_err(path).code, code::UNIMPLEMENTED, "{path}");
        }
        let calls = oap.calls();
        assert_eq!(calls.of(UNKNOWN).count(), usize::from(asked));
        assert_eq!(calls.of(REMOTE).count(), 0);
        assert_eq!(collector.stop().code, Some(0));
    }
}
