//! Whether the process can do its work, component by component.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// How a component fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Built, not yet at work.
    Starting,
    Ok,
    /// Works, but not as it should: a backend fails, a queue is nearly full.
    Degraded(String),
    /// Cannot take or deliver anything; the process is not ready.
    Failing(String),
    /// Ended on purpose.
    Stopped,
}

impl Condition {
    pub const fn name(&self) -> &'static str {
        match self {
            Condition::Starting => "starting",
            Condition::Ok => "ok",
            Condition::Degraded(_) => "degraded",
            Condition::Failing(_) => "failing",
            Condition::Stopped => "stopped",
        }
    }

    /// Why it is not well, if it is not.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Condition::Degraded(reason) | Condition::Failing(reason) => Some(reason),
            _ => None,
        }
    }
}

/// The conditions of all components. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    conditions: Report,
    notes: BTreeMap<String, String>,
}

/// All conditions at one moment, by component.
pub type Report = BTreeMap<String, Condition>;

impl Health {
    pub fn set(&self, component: &str, condition: Condition) {
        let conditions = &mut self.0.lock().conditions;
        if conditions.get(component) != Some(&condition) {
            conditions.insert(component.to_owned(), condition);
        }
    }

    /// Says something about a component that is neither good nor bad, such as what it talks to; in the
    /// place of what was said before.
    pub fn note(&self, component: &str, text: String) {
        self.0.lock().notes.insert(component.to_owned(), text);
    }

    pub fn report(&self) -> Report {
        self.0.lock().conditions.clone()
    }

    /// What was noted, by component.
    pub fn notes(&self) -> BTreeMap<String, String> {
        self.0.lock().notes.clone()
    }

    /// Ready means that every component started and none is failing or stopped.
    pub fn ready(&self) -> bool {
        let conditions = &self.0.lock().conditions;
        !conditions.is_empty()
            && conditions
                .values()
                .all(|condition| matches!(condition, Condition::Ok | Condition::Degraded(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_ready_only_when_every_component_works() {
        let health = Health::default();
        assert!(!health.ready(), "nothing has started");
        health.set("receivers/otlp", Condition::Ok);
        health.set("exporters/otlp", Condition::Starting);
        assert!(!health.ready());
        health.set(
            "exporters/otlp",
            Condition::Degraded("backend answers 503".to_owned()),
        );
        assert!(health.ready());
        health.set(
            "exporters/otlp",
            Condition::Failing("credentials refused".to_owned()),
        );
        assert!(!health.ready());
        assert_eq!(
            health.report()["exporters/otlp"].reason(),
            Some("credentials refused")
        );
    }
}
