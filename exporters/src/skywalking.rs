//! The `skywalking` exporter: to SkyWalking OAP, in its own protocol.
//!
//! ```yaml
//! exporters:
//!   skywalking: {endpoint: "oap:11800", tls: {insecure: true}}
//! ```
//!
//! What agents have sent goes out as the same bytes. One call of [`Exporter::export`] is an attempt
//! made of several gRPC calls; where some of them fail, it says which, and what was delivered is not
//! sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use engine::component::{
    BuildContext, BuildError, Configured, Decision, Description, ExporterFactory,
};
use engine::config::{Problems, Section};
use engine::exporter::{Assembler, Settings};
use engine::{Delivery, ExportError, Exporter};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use http::{HeaderMap, HeaderValue};
use net::client::{CallError, Fate};
use parking_lot::Mutex;
use pdata::convert::assemble::Options as SegmentOptions;
use pdata::convert::log::Options as LogOptions;
use pdata::convert::meter::Options as MeterOptions;
use pdata::{Batch, Signal};
use telemetry::Metrics;

mod calls;
mod config;
mod copies;
mod layers;
mod logs;
mod meters;
mod outcome;
mod probe;
mod register;
mod send;
mod shapes;
mod spans;
mod targets;
mod verdict;
mod window;

#[cfg(test)]
mod tests;

use calls::{Call, Plan, Share};
use config::{Config, LogsForm, MetricsForm, TracesForm, UnknownOutcome};
use layers::Layers;
use probe::{Probe, Spans};
use register::Register;
use targets::Targets;
use verdict::{End, verdict, with_refused};
use window::Window;

/// Registers the exporter.
pub static FACTORY: &dyn ExporterFactory = &Factory;

/// Makes `skywalking` exporters.
struct Factory;

impl Configured for Factory {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        type_name: "skywalking",
        aliases: &[],
        signals: &Signal::ALL,
        summary: "Sends to SkyWalking OAP in its own protocol",
    };

    fn check(config: &Config, problems: &mut Problems) {
        config.check(problems);
    }

    fn check_strictly(config: &Config, problems: &mut Problems) {
        if let Err(error) = config.tls.load() {
            problems.at("tls", error.to_string());
        }
    }
}

impl ExporterFactory for Factory {
    fn build(
        &self,
        section: &Section,
        context: &mut BuildContext,
    ) -> Result<(Arc<dyn Exporter>, Settings), BuildError> {
        let config = Self::read(section)?;
        let settings = config.settings();
        let id = section.id().to_string();
        let exporter = Skywalking::new(&id, &config, context)?;
        Ok((Arc::new(exporter), settings))
    }
}

fn headers(config: &Config) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let token = config.authentication.as_ref();
    if let Some(Ok(mut token)) = token.map(|token| HeaderValue::try_from(token.expose())) {
        token.set_sensitive(true);
        headers.insert("authentication", token);
    }
    headers
}

struct Skywalking {
    targets: Targets,
    window: Window,
    /// What was sent of the spans of OTLP as they are.
    sent_spans: Window,
    register: Register,
    layers: Layers,
    probe: Probe,
    /// Where the spans of OTLP went lately.
    places: Arc<Mutex<spans::Memory>>,
    forms: Forms,
    metrics: Metrics,
    id: String,
    /// Metadata of every call.
    headers: HeaderMap,
    /// For one call.
    timeout: Duration,
    unknown_outcome: UnknownOutcome,
}

/// In which form OTLP is sent.
struct Forms {
    traces: TracesForm,
    segments: SegmentOptions,
    logs: LogsForm,
    native_logs: LogOptions,
    metrics: MetricsForm,
    meters: MeterOptions,
}

/// Calls in flight at once within one attempt.
const CALLS_AT_ONCE: usize = 8;
/// Backends that a call is passed on from before the attempt has failed.
const PASSED_MAX: usize = 8;

#[async_trait]
impl Exporter for Skywalking {
    async fn export(&self, batch: &Batch) -> Result<Delivery, ExportError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_unix_ms = now.map_or(0, |now| now.as_millis() as u64);
        let mut plan = self.plan(batch, now_unix_ms);
        let refused = std::mem::take(&mut plan.refused);
        let fault = std::mem::take(&mut plan.fault);
        let spans_wait = self.spans_wait(&plan).await;
        let stopped = AtomicBool::new(false);
        let shares: Vec<Share> = plan.calls.iter().map(Call::share).collect();
        let mut calls: Vec<BoxFuture<'_, (usize, End)>> = Vec::with_capacity(shares.len());
        for (index, call) in plan.calls.into_iter().enumerate() {
            if let Some(error) = spans_wait.as_ref().filter(|_| call.carries_spans()) {
                let end = End::Failed(error.clone());
                calls.push(std::future::ready((index, end)).boxed());
                continue;
            }
            let end = self.make_unless(&stopped, call);
            calls.push(end.map(move |end| (index, end)).boxed());
        }
        let ends = futures_util::stream::iter(calls).buffer_unordered(CALLS_AT_ONCE);
        let ends: Vec<(usize, End)> = ends.collect().await;
        let outcome = verdict(batch, &shares, ends, plan.dropped);
        if outcome.is_ok() {
            self.report(plan.heartbeats).await;
        }
        with_refused(outcome, refused, fault)
    }

    async fn run(&self) {
        let asking = async {
            while self.probe.has_questions() {
                self.probe.ask(&self.targets, &self.headers).await;
                tokio::time::sleep(probe::INTERVAL).await;
            }
        };
        futures_util::join!(self.targets.follow_names(), asking);
    }

    fn assembler(&self, signal: Signal) -> Option<Box<dyn Assembler>> {
        let waits = signal == Signal::Traces && self.forms.traces == TracesForm::Segments;
        let places = Arc::clone(&self.places);
        waits.then(|| -> Box<dyn Assembler> {
            let options = self.forms.segments.clone();
            Box::new(spans::Spans::new(places, options, &self.metrics, &self.id))
        })
    }
}

/// What becomes of spans at a backend that takes none.
fn refusal(spans: Spans) -> Option<ExportError> {
    match spans {
        Spans::Refused(why) => Some(ExportError::new(Decision::Park, why.text())),
        Spans::Unasked | Spans::Unclear | Spans::Taken => None,
    }
}

impl Skywalking {
    fn new(id: &str, config: &Config, context: &BuildContext) -> Result<Self, BuildError> {
        Ok(Skywalking {
            targets: Targets::new(config)?,
            window: Window::new(window::MESSAGES_MAX),
            sent_spans: Window::new(window::SPANS_MAX),
            register: Register::default(),
            layers: Layers::new(&config.stored_layers, &context.metrics, id),
            probe: Probe::new(id, config, context)?,
            places: Arc::default(),
            forms: Forms {
                traces: config.traces,
                segments: config.assemble.options(),
                logs: config.logs,
                native_logs: LogOptions {
                    resource_tags: config.log_resource_tags.clone(),
                    ..LogOptions::default()
                },
                metrics: config.metrics,
                meters: MeterOptions {
                    resource_labels: config.metric_resource_labels.clone(),
                    milliseconds: config.metric_milliseconds,
                    ..MeterOptions::default()
                },
            },
            metrics: context.metrics.clone(),
            id: id.to_owned(),
            headers: headers(config),
            timeout: config.timeout.into(),
            unknown_outcome: config.unknown_outcome,
        })
    }

    /// Why the spans of a plan are not sent now, if they are not.
    async fn spans_wait(&self, plan: &Plan<'_>) -> Option<ExportError> {
        if !plan.calls.iter().any(Call::carries_spans) {
            return None;
        }
        let spans = self.probe.spans(&self.targets, &self.headers).await;
        refusal(spans)
    }

    /// Makes a call, unless another one has failed; if it fails itself, no more begin.
    async fn make_unless(&self, stopped: &AtomicBool, call: Call<'_>) -> End {
        if stopped.load(Ordering::Relaxed) {
            return End::Untried;
        }
        let end = self.make(call).await;
        if matches!(end, End::Failed(_)) {
            stopped.store(true, Ordering::Relaxed);
        }
        end
    }

    /// Makes one call, at another backend where one cannot be reached.
    async fn make(&self, call: Call<'_>) -> End {
        let mut passed = Vec::new();
        let mut failed: Option<CallError> = None;
        while let Some(target) = self.targets.choose(call.home, &passed) {
            match self.send(&call, &target).await {
                Ok(()) => {
                    target.succeeded();
                    call.claims.delivered();
                    return End::Delivered;
                }
                Err(error) => {
                    if outcome::blames_backend(&error) {
                        target.failed();
                    }
                    let unsent = error.fate == Fate::Unsent;
                    failed = Some(error);
                    if !unsent || passed.len() == PASSED_MAX {
                        break;
                    }
                    passed.push(target);
                }
            }
        }
        let Some(error) = failed else {
            return End::Failed(ExportError::retry("no backend is configured"));
        };
        if call.carries_spans() && probe::is_doubtful(&error) {
            let spans = self.probe.ask_for_spans(&self.targets, &self.headers);
            if let Some(refusal) = refusal(spans.await) {
                return End::Failed(refusal);
            }
        }
        if error.fate == Fate::Unknown && self.unknown_outcome == UnknownOutcome::Settle {
            call.claims.delivered();
            return End::Settled;
        }
        End::Failed(outcome::of(&error, call.form))
    }
}
