//! Waits for what OAP's users come to see.

use serde_json::Value;

use crate::skywalking::program::eventually;
use crate::skywalking::real_oap::{Queries, VISIBLE_WITHIN};

/// What OAP's users come to see. Each waits until it is there.
pub(super) struct Sees(pub(super) Queries);

impl Sees {
    pub(super) async fn service(&self, name: &str) {
        eventually(name, VISIBLE_WITHIN, async || {
            let services = self.0.services().await?;
            let listed = services.iter().any(|it| it["name"] == name);
            listed.then_some(()).ok_or_else(|| format!("{services:?}"))
        })
        .await;
    }

    pub(super) async fn instance(&self, service: &str, instance: &str) -> Value {
        eventually(instance, VISIBLE_WITHIN, async || {
            let instances = self.0.instances(service).await?;
            let found = instances.iter().find(|it| it["name"] == instance);
            found.cloned().ok_or_else(|| format!("{instances:?}"))
        })
        .await
    }

    pub(super) async fn endpoint(&self, service: &str, endpoint: &str) {
        eventually(endpoint, VISIBLE_WITHIN, async || {
            let endpoints = self.0.endpoints(service).await?;
            let found = endpoints.iter().any(|it| it == endpoint);
            found.then_some(()).ok_or_else(|| format!("{endpoints:?}"))
        })
        .await;
    }

    pub(super) async fn edge(&self, caller: &str, called: &str) {
        let edge = format!("{caller} -> {called}");
        eventually(&edge, VISIBLE_WITHIN, async || {
            let edges = self.0.edges(caller).await?;
            let found = edges.contains(&edge);
            found.then_some(()).ok_or_else(|| format!("{edges:?}"))
        })
        .await;
    }

    /// The spans of a trace, once there are so many.
    pub(super) async fn trace(&self, trace: &str, count: usize) -> Vec<Value> {
        eventually(trace, VISIBLE_WITHIN, async || {
            let spans = self.0.trace(trace).await?;
            let whole = spans.len() == count;
            whole
                .then_some(spans.clone())
                .ok_or_else(|| format!("{spans:?}"))
        })
        .await
    }

    /// The spans of a trace that came as OTLP, once there are so many.
    pub(super) async fn zipkin_trace(&self, trace: &str, count: usize) -> Vec<Value> {
        eventually(trace, VISIBLE_WITHIN, async || {
            let spans = self.0.zipkin_trace(trace).await?;
            let whole = spans.len() == count;
            whole
                .then_some(spans.clone())
                .ok_or_else(|| format!("{spans:?}"))
        })
        .await
    }

    /// The logs of a trace, once there are so many.
    pub(super) async fn logs_of_trace(&self, trace: &str, count: usize) -> Vec<Value> {
        eventually(trace, VISIBLE_WITHIN, async || {
            let logs = self.0.logs_of_trace(trace).await?;
            let whole = logs.len() == count;
            whole
                .then_some(logs.clone())
                .ok_or_else(|| format!("{logs:?}"))
        })
        .await
    }

    /// Waits until a service has logs with exactly these texts.
    pub(super) async fn texts(&self, service: &str, expected: &[&str]) {
        eventually(service, VISIBLE_WITHIN, async || {
            let logs = self.0.logs_of_service(service).await?;
            let texts = logs.iter().filter_map(|log| log["content"].as_str());
            let mut texts: Vec<_> = texts.collect();
            texts.sort_unstable();
            let whole = texts == expected;
            whole.then_some(()).ok_or_else(|| format!("{logs:?}"))
        })
        .await;
    }

    pub(super) async fn service_sum(&self, metric: &str, service: &str, expected: f64) {
        eventually(metric, VISIBLE_WITHIN, async || {
            let sum = self.0.service_sum(metric, service).await?;
            let fits = sum == expected;
            fits.then_some(())
                .ok_or_else(|| format!("{sum} of {service}"))
        })
        .await;
    }
}
