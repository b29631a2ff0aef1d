//! Spans of OTLP as segments, by the keys that say what these are like.

use pdata::skywalking::v3::RefType;
use serde_json::{Value, json};

use super::client::post_json;
use super::gateway::Gateway;
use crate::harness::oap::Oap;
use crate::harness::oap::calls::Calls;
use crate::harness::oap::numbered::now;

/// A call from somewhere else, and two steps of what was done for it.
fn request() -> Value {
    let start = now() * 1_000_000;
    let span = |id: &str, parent: &str, kind: u8| {
        json!({
            "traceId": "5b8efff798038103d269b633813fc60c", "spanId": id, "parentSpanId": parent,
            "name": id, "kind": kind, "startTimeUnixNano": start.to_string(),
            "endTimeUnixNano": (start + 1_000_000).to_string(),
        })
    };
    let entry = "0000000000000001";
    let spans = [
        span(entry, "00000000000000ff", 2),
        span("0000000000000002", entry, 1),
        span("0000000000000003", entry, 1),
    ];
    let name = json!({"key": "service.name", "value": {"stringValue": "shop"}});
    json!({"resourceSpans": [{
        "resource": {"attributes": [name]}, "scopeSpans": [{"spans": spans}],
    }]})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_segments_go_on_in_another_and_unknown_callers_have_the_name_they_are_given() {
    let oap = Oap::start();
    let keys = "assemble: {span_limit: 2, unresolved_parent: placeholder, placeholder: edge}";
    let gateway = Gateway::start(oap.address(), keys);
    let answer = post_json(gateway.otlp(), "/v1/traces", request().to_string()).await;
    assert_eq!(answer.expect("it answers").status(), 200);
    let there = |calls: &Calls| calls.segments().map(|it| it.spans.len()).sum::<usize>() == 3;
    oap.until("three spans", there).await;
    gateway.end();
    let calls = oap.calls();
    let mut segments: Vec<_> = calls.segments().collect();
    segments.sort_by_key(|segment| segment.spans.len());
    let [rest, first] = &segments[..] else {
        panic!("two segments are due: {segments:?}");
    };
    assert!(first.is_size_limited);
    assert_eq!(first.spans[0].refs[0].parent_service, "edge");
    let back = &rest.spans[0].refs[0];
    assert_eq!(back.ref_type(), RefType::CrossThread);
    assert_eq!(back.parent_trace_segment_id, first.trace_segment_id);
    oap.assert_clean_but_for(&[]);
}
