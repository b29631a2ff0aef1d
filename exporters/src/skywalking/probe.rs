//! What the backend is: its version, the layers it knows, and whether it takes spans of OTLP.
//!
//! It is asked at the start and every minute. The answers are for people: in the log where they
//! change, in gauges and in the details of readiness. One of them is for data, too: an OAP without its
//! Zipkin receiver fails at every export of spans, an empty one included, after it has counted a part
//! of it. So spans stay where they are until it takes them.

use std::collections::BTreeSet;
use std::time::Duration;

use engine::component::{BuildContext, BuildError};
use futures_util::FutureExt;
use futures_util::future::join_all;
use http::HeaderMap;
use net::client::{CallError, Fate, Unary};
use net::compress::Encoding;
use net::grpc::Code;
use parking_lot::Mutex;
use pdata::{Signal, otlp};
use telemetry::{Condition, Gauge, Health, Metrics};

use super::config::{Config, TracesForm};
use super::targets::Targets;

mod queries;

#[cfg(test)]
mod tests;

use queries::Queries;

/// Between two rounds of questions.
pub(super) const INTERVAL: Duration = Duration::from_secs(60);
/// For one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Versions that have a series of their own; what comes after them is `other`.
const VERSIONS_MAX: usize = 8;

/// Asks the backend and remembers the answers.
pub(super) struct Probe {
    component: String,
    exporter: String,
    queries: Option<Queries>,
    /// Whether spans are sent as OTLP.
    sends_spans: bool,
    stored_layers: Vec<String>,
    health: Health,
    metrics: Metrics,
    takes_spans: Option<Gauge>,
    known: Mutex<Known>,
}

/// The last answer to each question.
#[derive(Debug, Default)]
struct Known {
    version: Option<String>,
    layers: Option<usize>,
    /// Configured layers that the backend did not know; each is told of once.
    unknown_layers: BTreeSet<String>,
    spans: Spans,
    /// Versions with a series.
    versions: Vec<String>,
    answers_queries: Option<bool>,
}

/// Whether the backend takes spans of OTLP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Spans {
    /// Nobody has asked yet.
    #[default]
    Unasked,
    /// It was asked, and the answer tells nothing.
    Unclear,
    Taken,
    Refused(Why),
}

/// Why a backend takes no spans of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    NoZipkin,
    NoHandler,
}

impl Why {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Why::NoZipkin => {
                "the backend's Zipkin receiver is off, so that it fails at every span; set \
                 `SW_RECEIVER_ZIPKIN=default` there, or `traces: segments` here"
            }
            Why::NoHandler => {
                "the backend takes no spans of OTLP; add `otlp-traces` to \
                 `SW_OTEL_RECEIVER_ENABLED_HANDLERS` there, or set `traces: segments` here"
            }
        }
    }
}

impl Probe {
    pub(super) fn new(
        exporter: &str,
        config: &Config,
        context: &BuildContext,
    ) -> Result<Self, BuildError> {
        let sends_spans = config.traces == TracesForm::Otlp;
        let takes_spans = sends_spans.then(|| {
            let labels = [("exporter", exporter)];
            let name = "skyferry_exporter_backend_takes_spans";
            context.metrics.gauge(name, &labels)
        });
        Ok(Probe {
            component: format!("exporters/{exporter}/backend"),
            exporter: exporter.to_owned(),
            queries: Queries::new(config)?,
            sends_spans,
            stored_layers: config.stored_layers.clone(),
            health: context.health.clone(),
            metrics: context.metrics.clone(),
            takes_spans,
            known: Mutex::default(),
        })
    }

    /// Whether there is anything to ask.
    pub(super) fn has_questions(&self) -> bool {
        self.sends_spans || self.queries.is_some()
    }

    /// Asks everything once.
    pub(super) async fn ask(&self, targets: &Targets, headers: &HeaderMap) {
        if self.sends_spans {
            self.ask_for_spans(targets, headers).await;
        }
        if let Some(queries) = &self.queries {
            self.query(queries).await;
        }
        self.tell();
    }

    /// Whether spans are taken, as far as that is known; asks where it is not, or was not so.
    pub(super) async fn spans(&self, targets: &Targets, headers: &HeaderMap) -> Spans {
        let known = self.known.lock().spans;
        match known {
            Spans::Taken | Spans::Unclear => known,
            Spans::Unasked | Spans::Refused(_) => self.ask_for_spans(targets, headers).await,
        }
    }

    /// Sends an empty export of spans to every backend. One that refuses it speaks for all, since calls
    /// take turns.
    pub(super) async fn ask_for_spans(&self, targets: &Targets, headers: &HeaderMap) -> Spans {
        let all = targets.all();
        let asked = all.iter().map(|target| {
            let unary = Unary {
                path: otlp::grpc_path(Signal::Traces),
                headers: headers.clone(),
                message: &[],
                encoding: Encoding::Identity,
                timeout: ANSWER_WITHIN,
            };
            let answer = target.client.call_once(unary);
            answer.map(|answer| verdict(answer.err().as_ref()))
        });
        let found = join_all(asked).await;
        let refused = found
            .iter()
            .find(|found| matches!(found, Spans::Refused(_)));
        let taken = found.iter().find(|found| **found == Spans::Taken);
        let found = *refused.or(taken).unwrap_or(&Spans::Unclear);
        self.learn_of_spans(found)
    }

    /// Remembers the answer; what tells nothing is no reason to forget an earlier one.
    fn learn_of_spans(&self, found: Spans) -> Spans {
        let mut known = self.known.lock();
        if found == known.spans || (found == Spans::Unclear && known.spans != Spans::Unasked) {
            return known.spans;
        }
        let before = std::mem::replace(&mut known.spans, found);
        drop(known);
        if let Some(gauge) = self
            .takes_spans
            .as_ref()
            .filter(|_| found != Spans::Unclear)
        {
            gauge.set(if found == Spans::Taken { 1.0 } else { 0.0 });
        }
        match found {
            Spans::Refused(why) => {
                tracing::warn!(component = self.component, "{}; spans wait", why.text());
            }
            Spans::Taken if matches!(before, Spans::Refused(_)) => {
                tracing::info!(component = self.component, "the backend takes spans now");
            }
            _ => {}
        }
        self.tell();
        found
    }

    async fn query(&self, queries: &Queries) {
        let version = queries.version().await;
        let answers = version.is_ok();
        match version {
            Ok(version) => self.learn_version(version),
            Err(error) if self.known.lock().answers_queries != Some(false) => {
                let url = &queries.url;
                // One that was not configured need not be there.
                match queries.is_configured {
                    true => tracing::warn!(component = self.component, url, error, NO_ANSWER),
                    false => tracing::info!(component = self.component, url, error, NO_ANSWER),
                }
            }
            Err(_) => {}
        }
        self.known.lock().answers_queries = Some(answers);
        if answers && let Ok(layers) = queries.layers().await {
            self.learn_layers(&layers);
        }
    }

    fn learn_version(&self, version: String) {
        let mut known = self.known.lock();
        if known.version.as_ref() == Some(&version) {
            return;
        }
        tracing::info!(
            component = self.component,
            version,
            "the backend says what it is"
        );
        if let Some(before) = &known.version {
            self.version_gauge(&known.versions, before).set(0.0);
        }
        if known.versions.len() < VERSIONS_MAX && !known.versions.contains(&version) {
            known.versions.push(version.clone());
        }
        self.version_gauge(&known.versions, &version).set(1.0);
        known.version = Some(version);
    }

    fn version_gauge(&self, versions: &[String], version: &str) -> Gauge {
        let has_own = versions.iter().any(|known| known == version);
        let version = if has_own { version } else { "other" };
        let labels = [("exporter", &*self.exporter), ("version", version)];
        self.metrics
            .gauge("skyferry_exporter_backend_info", &labels)
    }

    fn learn_layers(&self, layers: &[String]) {
        let mut known = self.known.lock();
        known.layers = Some(layers.len());
        for layer in &self.stored_layers {
            let is_unknown = !layer.is_empty() && !layers.contains(layer);
            if is_unknown && known.unknown_layers.insert(layer.clone()) {
                tracing::warn!(
                    component = self.component,
                    layer,
                    "the backend does not know a layer of `stored_layers`; it drops logs that have it"
                );
            }
        }
    }

    /// Puts what is known among the details of readiness, which it does not change.
    fn tell(&self) {
        let known = self.known.lock();
        let condition = match known.spans {
            Spans::Refused(why) => Condition::Degraded(why.text().to_owned()),
            _ => Condition::Ok,
        };
        let mut notes = Vec::new();
        if let Some(version) = &known.version {
            notes.push(format!("version {version}"));
        }
        if let Some(layers) = known.layers {
            notes.push(format!("knows {layers} layers"));
        }
        for layer in &known.unknown_layers {
            notes.push(format!("does not know the layer `{layer}`"));
        }
        if known.answers_queries == Some(false) {
            notes.push("does not answer queries".to_owned());
        }
        if known.spans == Spans::Taken {
            notes.push("takes spans".to_owned());
        }
        drop(known);
        self.health.set(&self.component, condition);
        self.health.note(&self.component, notes.join(", "));
    }
}

const NO_ANSWER: &str = "the backend does not answer queries";

/// What the answer to an empty export says about others.
fn verdict(error: Option<&CallError>) -> Spans {
    let Some(error) = error else {
        return Spans::Taken;
    };
    match (error.fate, error.status.code) {
        (Fate::Answered, Code::Unknown) => Spans::Refused(Why::NoZipkin),
        (Fate::Answered, Code::Unimplemented) => Spans::Refused(Why::NoHandler),
        _ => Spans::Unclear,
    }
}

/// Whether a failed export of spans may be the backend's fault and not that of the spans.
pub(super) fn is_doubtful(error: &CallError) -> bool {
    matches!(verdict(Some(error)), Spans::Refused(_))
}
