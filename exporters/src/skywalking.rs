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
use bytes::Bytes;
use engine::component::{
    BuildContext, BuildError, Configured, Decision, Description, ExporterFactory, Partial,
};
use engine::config::{Problems, Section};
use engine::exporter::{Assembler, Settings};
use engine::{Delivery, ExportError, Exporter};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use http::{HeaderMap, HeaderValue};
use net::client::{CallError, Fate, Stream, Unary};
use net::compress::Encoding;
use parking_lot::Mutex;
use pdata::convert::log::Options as LogOptions;
use pdata::skywalking::Kind;
use pdata::{Batch, Chunk, Signal};
use telemetry::Metrics;

mod calls;
mod config;
mod layers;
mod logs;
mod outcome;
mod register;
mod shapes;
mod spans;
mod targets;
mod window;

#[cfg(test)]
mod tests;

use calls::{Call, Form};
use config::{Config, LogsForm, TracesForm, UnknownOutcome};
use layers::Layers;
use register::Register;
use targets::Targets;
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
    register: Register,
    layers: Layers,
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
    logs: LogsForm,
    native_logs: LogOptions,
}

/// Calls in flight at once within one attempt.
const CALLS_AT_ONCE: usize = 8;

/// How a call ended.
enum End {
    Delivered,
    /// It may have been taken, and the operator wants nothing twice.
    Settled,
    Failed(ExportError),
    /// Another one had failed before it began.
    Untried,
}

#[async_trait]
impl Exporter for Skywalking {
    async fn export(&self, batch: &Batch) -> Result<Delivery, ExportError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_unix_ms = now.map_or(0, |now| now.as_millis() as u64);
        let mut plan = self.plan(batch, now_unix_ms);
        let refused = std::mem::take(&mut plan.refused);
        let fault = std::mem::take(&mut plan.fault);
        let stopped = AtomicBool::new(false);
        let chunks: Vec<Vec<usize>> = plan.calls.iter().map(|call| call.chunks.clone()).collect();
        let mut calls: Vec<BoxFuture<'_, (usize, End)>> = Vec::with_capacity(chunks.len());
        for (index, call) in plan.calls.into_iter().enumerate() {
            let end = self.make_unless(&stopped, call);
            calls.push(end.map(move |end| (index, end)).boxed());
        }
        let ends = futures_util::stream::iter(calls).buffer_unordered(CALLS_AT_ONCE);
        let ends: Vec<(usize, End)> = ends.collect().await;
        let outcome = verdict(batch, &chunks, ends, plan.dropped);
        if outcome.is_ok() {
            self.report(plan.heartbeats).await;
        }
        with_refused(outcome, refused, fault)
    }

    fn assembler(&self, signal: Signal) -> Option<Box<dyn Assembler>> {
        let waits = signal == Signal::Traces && self.forms.traces == TracesForm::Segments;
        let places = Arc::clone(&self.places);
        waits.then(|| -> Box<dyn Assembler> {
            Box::new(spans::Spans::new(places, &self.metrics, &self.id))
        })
    }
}

/// What the ends of all calls mean for the batch.
fn verdict(
    batch: &Batch,
    chunks: &[Vec<usize>],
    mut ends: Vec<(usize, End)>,
    dropped: Vec<(&'static str, usize)>,
) -> Result<Delivery, ExportError> {
    ends.sort_by_key(|(index, _)| *index);
    let mut delivery = Delivery {
        dropped,
        ..Delivery::default()
    };
    let mut partial = Partial::default();
    let mut first: Option<ExportError> = None;
    for (index, end) in ends {
        let own = &chunks[index];
        match end {
            End::Delivered => {}
            End::Settled => {
                let items = own.iter().map(|chunk| batch.chunks()[*chunk].items());
                delivery.dropped.push(("unknown_outcome", items.sum()));
            }
            End::Untried => partial.untried.extend(own),
            End::Failed(error) => match &first {
                Some(first) if !same(first.decision, error.decision) => {
                    partial.untried.extend(own);
                }
                _ => {
                    partial.failed.extend(own);
                    first.get_or_insert(error);
                }
            },
        }
    }
    let Some(error) = first else {
        return Ok(delivery);
    };
    for chunks in [&mut partial.failed, &mut partial.untried] {
        chunks.sort_unstable();
        chunks.dedup();
    }
    // A chunk may be in several calls; it is what the worst of them says.
    let failed = &partial.failed;
    partial
        .untried
        .retain(|chunk| failed.binary_search(chunk).is_err());
    partial.delivery = delivery;
    Err(error.after(partial))
}

/// The outcome of an attempt from which something was left out because it is never taken.
fn with_refused(
    outcome: Result<Delivery, ExportError>,
    refused: Vec<(usize, Chunk)>,
    fault: String,
) -> Result<Delivery, ExportError> {
    if refused.is_empty() {
        return outcome;
    }
    match outcome {
        Ok(delivery) => Err(ExportError::new(Decision::Reject, fault).after(Partial {
            refused,
            delivery,
            ..Partial::default()
        })),
        Err(mut error) => {
            if let Some(partial) = &mut error.partial {
                // Of a chunk that is sent again, what is refused is refused then.
                let again = |index: &usize| {
                    partial.failed.contains(index) || partial.untried.contains(index)
                };
                let now = refused.into_iter().filter(|(index, _)| !again(index));
                partial.refused = now.collect();
            }
            Err(error)
        }
    }
}

/// Whether two failures are of one sort; how long to wait is no difference.
fn same(one: Decision, other: Decision) -> bool {
    std::mem::discriminant(&one) == std::mem::discriminant(&other)
}

impl Skywalking {
    fn new(id: &str, config: &Config, context: &BuildContext) -> Result<Self, BuildError> {
        Ok(Skywalking {
            targets: Targets::new(config)?,
            window: Window::new(),
            register: Register::default(),
            layers: Layers::new(&config.stored_layers, &context.metrics, id),
            places: Arc::default(),
            forms: Forms {
                traces: config.traces,
                logs: config.logs,
                native_logs: LogOptions {
                    resource_tags: config.log_resource_tags.clone(),
                    ..LogOptions::default()
                },
            },
            metrics: context.metrics.clone(),
            id: id.to_owned(),
            headers: headers(config),
            timeout: config.timeout.into(),
            unknown_outcome: config.unknown_outcome,
        })
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

    /// Tells the backend of services that it would not list. It is told again in a minute, so a failure
    /// is no more than said.
    async fn report(&self, heartbeats: Vec<Bytes>) {
        for heartbeat in heartbeats {
            let Some(target) = self.targets.choose(None, &[]) else {
                return;
            };
            let unary = Unary {
                path: Kind::InstancePing.path(),
                headers: self.headers.clone(),
                message: &[heartbeat],
                encoding: Encoding::Identity,
                timeout: self.timeout,
            };
            if let Err(error) = target.client.call_once(unary).await {
                tracing::debug!(%error, "a mini program was not reported");
                return;
            }
        }
    }

    /// Makes one call, at another backend where one cannot be reached.
    async fn make(&self, call: Call<'_>) -> End {
        let mut passed = Vec::new();
        let error = loop {
            let Some(target) = self.targets.choose(call.home, &passed) else {
                break None;
            };
            match self.send(&call, &target.client).await {
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
                    passed.push(target);
                    if !unsent || passed.len() == self.targets.len() {
                        break Some(error);
                    }
                }
            }
        };
        let Some(error) = error else {
            return End::Failed(ExportError::retry("no backend is configured"));
        };
        if error.fate == Fate::Unknown && self.unknown_outcome == UnknownOutcome::Settle {
            call.claims.delivered();
            return End::Settled;
        }
        End::Failed(outcome::of(&error, call.form))
    }

    async fn send(&self, call: &Call<'_>, client: &net::Client) -> Result<(), CallError> {
        let (path, timeout) = (call.path, self.timeout);
        let headers = self.headers.clone();
        let answer = match call.form {
            Form::Stream => {
                let stream = Stream {
                    path,
                    headers,
                    messages: &call.messages,
                    timeout,
                };
                client.call_with_stream(stream).await
            }
            Form::Unary | Form::Otlp => {
                let unary = Unary {
                    path,
                    headers,
                    message: &call.messages,
                    encoding: Encoding::Identity,
                    timeout,
                };
                client.call_once(unary).await
            }
        };
        // Whatever commands it holds are for the agents that ask for them.
        answer.map(drop)
    }
}
