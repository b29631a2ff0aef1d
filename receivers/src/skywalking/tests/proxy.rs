//! What agents ask, with a backend that answers and without one.

use super::*;

#[tokio::test]
async fn a_backend_answers_what_is_asked_for_and_what_is_not_known() {
    let backend = start(&[]);
    let url = &backend.url;
    let proxy = format!(
        ", proxy: {{endpoints: [\"{url}\"], unknown: true, http: {{endpoint: \"{url}\"}}}}"
    );
    let rig = start_with(&Signal::ALL, &proxy);
    let tasks = "/skywalking.v3.ProfileTask/getProfileTaskCommands";
    assert_eq!(rig.unary(tasks, Vec::new()).await, Ok(Bytes::new()));
    let unknown = rig.unary("/skywalking.v9.Later/collect", Vec::new()).await;
    let status = unknown
        .expect_err("the backend does not know it either")
        .status;
    assert_eq!(status.code, Code::Unimplemented);
    assert_eq!(
        status.message,
        "no pipeline takes `/skywalking.v9.Later/collect`"
    );
    let internal = rig.unary("/RemoteService/call", Vec::new()).await;
    let status = internal.expect_err("it is no agent's business").status;
    assert!(
        status.message.contains("is not proxied"),
        "{}",
        status.message
    );
    let (status, text) = rig.post("/graphql", "application/json", b"{}").await;
    assert_eq!(
        (status, &*text),
        (StatusCode::NOT_FOUND, "404 page not found\n")
    );
    // Reports are not the backend's to take, and it would refuse a segment.
    let segment = rig
        .stream(Kind::Segment.path(), &[message(Kind::Segment)])
        .await;
    assert_eq!(segment, Ok(Bytes::new()));
    backend.ended().await;
    let gone = rig
        .unary(tasks, Vec::new())
        .await
        .expect_err("nobody is there");
    assert_eq!(gone.status.code, Code::Unavailable);
    rig.ended().await;
}

#[test]
fn problems_of_the_proxy_say_which_key() {
    let cases = [
        (
            "{protocols: {grpc: }, proxy: {}}",
            "`endpoints` is required",
        ),
        (
            "{protocols: {grpc: }, proxy: {endpoints: ['a b']}}",
            "is no endpoint",
        ),
        (
            "{protocols: {grpc: }, proxy: {endpoints: ['a:1'], http: {endpoint: oap}}}",
            "is no endpoint",
        ),
    ];
    for (yaml, expected) in cases {
        let section = read_text::<Config>(yaml)
            .expect("the schema lets it pass")
            .1;
        let mut problems = section.problems();
        FACTORY.check(&section, &mut problems);
        let found = problems.into_diagnostics().to_string();
        assert!(
            found.contains(expected),
            "{yaml}: expected `{expected}` in\n{found}"
        );
    }
}

#[tokio::test]
async fn whoever_asks_for_tasks_is_told_that_there_are_none() {
    let rig = start(&Signal::ALL);
    for path in [
        "/skywalking.v3.ConfigurationDiscoveryService/fetchConfigurations",
        "/skywalking.v10.AsyncProfilerTask/getAsyncProfilerTaskCommands",
        "/skywalking.v3.ContinuousProfilingService/queryPolicies",
    ] {
        assert_eq!(
            rig.unary(path, Vec::new()).await,
            Ok(Bytes::new()),
            "{path}"
        );
    }
    rig.ended().await;
}
