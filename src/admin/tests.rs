use http_body_util::BodyExt;
use serde_json::Value as Json;
use telemetry::Condition;

use super::*;

fn state() -> State {
    State {
        metrics: Metrics::new(),
        health: Health::default(),
        started: Instant::now(),
    }
}

async fn body(response: Response<Body>) -> String {
    let collected = response.into_body().collect().await;
    let bytes = collected.expect("a body of ours cannot fail").to_bytes();
    String::from_utf8(bytes.into()).expect("every page is text")
}

#[tokio::test]
async fn is_available_only_when_every_component_works() {
    let state = state();
    state.health.set("receivers/otlp", Condition::Ok);
    let failing = Condition::Failing("credentials refused".to_owned());
    state.health.set("exporters/otlp", failing);
    let response = answer(HEALTH, &state, &Method::GET, "/");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let report: Json = serde_json::from_str(&body(response).await).expect("it is JSON");
    assert_eq!(report["status"], "unavailable");
    assert_eq!(report["components"]["receivers/otlp"]["condition"], "ok");
    let exporter = &report["components"]["exporters/otlp"];
    assert_eq!(exporter["reason"], "credentials refused");

    let slow = Condition::Degraded("backend answers 503".to_owned());
    state.health.set("exporters/otlp", slow);
    let response = answer(HEALTH, &state, &Method::GET, "/status");
    assert_eq!(response.status(), StatusCode::OK);
    assert!(body(response).await.contains("\"status\":\"degraded\""));

    let text = "an OAP 11.0.0".to_owned();
    state.health.note("exporters/otlp", text.clone());
    let report = body(answer(HEALTH, &state, &Method::GET, "/status")).await;
    let report: Json = serde_json::from_str(&report).expect("it is JSON");
    assert_eq!(report["components"]["exporters/otlp"]["note"], text);
}

#[tokio::test]
async fn shows_what_the_process_costs() {
    let state = state();
    process::watch(&state.metrics, pdata::Budget::new(1024), state.started);
    let text = body(answer(METRICS, &state, &Method::GET, "/metrics")).await;
    for name in [
        "otelcol_process_uptime",
        "otelcol_process_cpu_seconds",
        "otelcol_process_memory_rss",
    ] {
        let value = state.metrics.value(name, &[]).expect(name);
        assert!(value > 0.0, "{name} is {value} in {text}");
    }
    assert!(text.contains("skyferry_memory_budget_bytes 1024"), "{text}");
}

#[tokio::test]
async fn refuses_other_methods_and_names_the_paths_there_are() {
    let state = state();
    let response = answer(METRICS, &state, &Method::POST, "/metrics");
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[ALLOW], "GET, HEAD");
    let response = answer(HEALTH, &state, &Method::GET, "/healthz");
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(body(response).await, "here are / and /status\n");
    let response = answer(METRICS, &state, &Method::HEAD, "/metrics");
    assert_eq!(response.status(), StatusCode::OK);
    assert!(body(response).await.is_empty());
}
