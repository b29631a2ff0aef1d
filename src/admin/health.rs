//! The health of the process, as JSON.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};
use telemetry::{Condition, Health};

/// The state of the whole and of each component:
///
/// ```json
/// {"status": "unavailable", "uptime_seconds": 7, "version": "0.1.0",
///  "components": {"exporters/otlp": {"condition": "failing", "reason": "credentials refused"}}}
/// ```
///
/// A component may have a `note` beside it, which is neither good nor bad.
///
/// `status` is `ok`, `degraded` (it works, but not as it should) or `unavailable`.
pub(crate) fn describe(health: &Health, uptime: Duration) -> Json {
    let (report, notes) = (health.report(), health.notes());
    let degraded = report
        .values()
        .any(|condition| matches!(condition, Condition::Degraded(_)));
    let status = match health.ready() {
        false => "unavailable",
        true if degraded => "degraded",
        true => "ok",
    };
    let components: Map<String, Json> = report
        .iter()
        .map(|(component, condition)| (component.clone(), one(condition, notes.get(component))))
        .collect();
    json!({
        "status": status,
        "uptime_seconds": uptime.as_secs(),
        "version": env!("CARGO_PKG_VERSION"),
        "components": components,
    })
}

fn one(condition: &Condition, note: Option<&String>) -> Json {
    let mut entry = json!({ "condition": condition.name() });
    if let Some(reason) = condition.reason() {
        entry["reason"] = reason.into();
    }
    if let Some(note) = note {
        entry["note"] = note.as_str().into();
    }
    entry
}
