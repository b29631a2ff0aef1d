//! Queries and profilers, which need an answer from the OAP itself.

use pdata::skywalking::v3::{Command, Commands, ProfileTaskCommandQuery};
use prost::Message;

use super::gateway::Gateway;
use crate::harness::oap::Oap;
use crate::harness::oap::methods::PROFILE_TASKS;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_without_a_proxy_are_answered_with_no_commands() {
    let oap = Oap::start();
    let told = Commands {
        commands: vec![Command::default()],
    };
    oap.answer(PROFILE_TASKS, &told);
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
