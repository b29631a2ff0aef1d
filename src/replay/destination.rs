//! The backend, and trying until it takes or refuses.

use std::sync::Arc;
use std::time::Duration;

use engine::component::{BuildContext, Decision, Delivery, ExportError, Exporter, ExporterFactory};
use engine::config::{self, Diagnostics, Kind, ProcessInputs, SourceArg};
use engine::{Factory, Leases, Registry, Reload};
use pdata::{Batch, Budget, Chunk, NativeChunk};
use serde_json::{Value as Json, json};
use telemetry::{Health, Metrics};
use tokio::time::{Instant, sleep, timeout};

use super::agents::{self, Agents};
use crate::cli::{ProtocolArg, ReplayArgs};
use crate::failure::Failure;
use crate::registry;

/// The ports that mean gRPC where nothing else says so: OTLP's, and that of SkyWalking OAP.
const GRPC_PORTS: [&str; 2] = [":4317", ":11800"];

/// How long is waited after a first attempt without an answer's own delay, and at most.
const RETRY_INITIAL: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// How long one request is tried.
const GIVE_UP_AFTER: Duration = Duration::from_secs(300);

/// Where everything is sent.
pub(super) struct Destination {
    protocol: ProtocolArg,
    otlp: Way,
    /// For the messages of SkyWalking's agents.
    agents: Way,
}

/// How one sort of records is sent.
struct Way {
    exporter: Arc<dyn Exporter>,
    /// For one attempt; zero is no bound.
    timeout: Duration,
}

/// What became of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Items.
    pub(super) delivered: usize,
    /// Items.
    pub(super) refused: usize,
    /// Why the first of them was refused.
    pub(super) reason: Option<String>,
    /// The destination takes nothing at all: credentials or the path are wrong.
    pub(super) closed: bool,
}

impl Destination {
    pub(super) fn new(args: &ReplayArgs) -> Result<Destination, Failure> {
        if !args.to.starts_with("http://") && !args.to.starts_with("https://") {
            let text = format!(
                "`--to {}` has no scheme; write `http://` or `https://`",
                args.to
            );
            return Err(Failure::Usage(text));
        }
        let protocol = protocol(args);
        let type_name = match protocol {
            ProtocolArg::Grpc => "otlp_grpc",
            ProtocolArg::Http => "otlp_http",
        };
        let otlp = build(type_name, &args.to)?;
        let agents = Agents::new(&args.to, protocol);
        let agents =
            agents.map_err(|error| Failure::Usage(format!("`--to` cannot be used: {error:#}")))?;
        Ok(Destination {
            protocol,
            otlp,
            // Each of its calls has its own limit.
            agents: Way::without_limit(Arc::new(agents)),
        })
    }

    #[cfg(test)]
    pub(super) fn of(exporter: Arc<dyn Exporter>) -> Destination {
        Destination {
            protocol: ProtocolArg::Grpc,
            otlp: Way::without_limit(Arc::clone(&exporter)),
            agents: Way::without_limit(exporter),
        }
    }

    /// The messages of a record as batches for [`Destination::deliver`], one for each call.
    pub(super) fn calls(&self, messages: Vec<NativeChunk>) -> Vec<Batch> {
        agents::calls(self.protocol, messages)
    }

    /// Tries until every item of `batch` is taken or refused. What is too large for one request is
    /// halved; each half is smaller, so this ends.
    pub(super) async fn deliver(&self, batch: Batch) -> Outcome {
        let way = match batch.chunks() {
            [Chunk::Native(_), ..] => &self.agents,
            _ => &self.otlp,
        };
        let mut outcome = Outcome::default();
        let mut waiting = vec![batch];
        while let Some(batch) = waiting.pop() {
            let items = batch.items();
            let error = match way.try_until_decided(&batch).await {
                Ok(delivery) => {
                    let rejected = delivery.rejected.min(items);
                    outcome.delivered += items - rejected;
                    if rejected > 0 {
                        outcome.refuse(rejected, delivery.message);
                    }
                    continue;
                }
                Err(error) => error,
            };
            if error.decision == Decision::Split
                && let Some(halves) = halves(&batch)
            {
                waiting.extend(halves.into_iter().rev());
                continue;
            }
            outcome.closed |= error.decision == Decision::Park;
            outcome.refuse(items, error.message.into_owned());
        }
        outcome
    }
}

impl Way {
    fn without_limit(exporter: Arc<dyn Exporter>) -> Way {
        Way {
            exporter,
            timeout: Duration::ZERO,
        }
    }

    /// The answer that is not "try again", or the last one when [`GIVE_UP_AFTER`] is over.
    async fn try_until_decided(&self, batch: &Batch) -> Result<Delivery, ExportError> {
        let start = Instant::now();
        let mut pause = RETRY_INITIAL;
        loop {
            let error = match self.attempt(batch).await {
                Ok(delivery) => return Ok(delivery),
                Err(error) => error,
            };
            let Decision::Retry { after } = error.decision else {
                return Err(error);
            };
            let wait = after.unwrap_or(pause);
            if start.elapsed() + wait > GIVE_UP_AFTER {
                return Err(error);
            }
            tracing::warn!(%error, ?wait, "not taken, trying again");
            sleep(wait).await;
            pause = (pause * 2).min(RETRY_MAX);
        }
    }

    async fn attempt(&self, batch: &Batch) -> Result<Delivery, ExportError> {
        if self.timeout.is_zero() {
            return self.exporter.export(batch).await;
        }
        match timeout(self.timeout, self.exporter.export(batch)).await {
            Ok(answer) => answer,
            Err(_) => Err(ExportError::retry(format!(
                "no answer within {:?}",
                self.timeout
            ))),
        }
    }
}

impl Outcome {
    fn refuse(&mut self, items: usize, reason: String) {
        self.refused += items;
        self.reason.get_or_insert(reason);
    }
}

/// What was asked for, else what the port means.
fn protocol(args: &ReplayArgs) -> ProtocolArg {
    let to = args.to.trim_end_matches('/');
    let by_port = match GRPC_PORTS.iter().any(|port| to.ends_with(port)) {
        true => ProtocolArg::Grpc,
        false => ProtocolArg::Http,
    };
    args.protocol.unwrap_or(by_port)
}

/// The exporter that a configuration with nothing but this endpoint would have.
fn build(type_name: &str, endpoint: &str) -> Result<Way, Failure> {
    let registry = Registry::new(&registry::components());
    let source = SourceArg::Config(format!("yaml:{}", configuration(type_name, endpoint)));
    let loaded = config::load(&[source], &ProcessInputs, &registry).map_err(usage)?;
    let mut sections = loaded.document.components(Kind::Exporter);
    let section = sections.next().expect("the configuration has one exporter");
    let factory = registry.factory(Kind::Exporter, type_name);
    let Some(Factory::Exporter(factory)) = factory else {
        unreachable!("a section of a document has a factory");
    };
    let mut problems = section.problems();
    factory.check(section, &mut problems);
    if problems.has_errors() {
        return Err(usage(problems.into_diagnostics()));
    }
    let mut context = BuildContext {
        metrics: Metrics::new(),
        health: Health::default(),
        budget: Budget::new(0),
        data_dir: loaded.document.service().data_dir.clone(),
        leases: Leases::default(),
        reload: Reload::default(),
    };
    let (exporter, settings) = ExporterFactory::build(factory, section, &mut context)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(Way {
        exporter,
        timeout: settings.timeout,
    })
}

/// A whole configuration, of which the exporter is used. JSON is YAML.
fn configuration(type_name: &str, endpoint: &str) -> Json {
    let pipeline = json!({ "receivers": ["otlp"], "exporters": [type_name] });
    json!({
        "receivers": { "otlp": { "protocols": { "http": {} } } },
        "exporters": { type_name: { "endpoint": endpoint.replace('$', "$$") } },
        "service": { "pipelines": {
            "traces": pipeline,
            "metrics": pipeline,
            "logs": pipeline,
        } },
    })
}

/// The configuration is ours but for the endpoint, so its place would mean nothing.
fn usage(found: Diagnostics) -> Failure {
    let messages: Vec<_> = found
        .iter()
        .map(|problem| problem.message.clone())
        .collect();
    Failure::Usage(format!("`--to` cannot be used: {}", messages.join(", ")))
}

/// Two batches with the items of one; `None` if it cannot be made smaller.
fn halves(batch: &Batch) -> Option<[Batch; 2]> {
    let part = |chunks: Vec<Chunk>| Batch::new(batch.signal(), chunks, Arc::clone(batch.origin()));
    match batch.chunks() {
        [] => None,
        [chunk] => {
            let [first, second] = chunk.split_at(chunk.items() / 2)?;
            Some([part(vec![first]), part(vec![second])])
        }
        chunks => {
            let (first, second) = chunks.split_at(chunks.len() / 2);
            Some([part(first.to_vec()), part(second.to_vec())])
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn chosen(arguments: &[&str]) -> ProtocolArg {
        let words = ["skyferry", "replay", "a.jsonl"].iter().chain(arguments);
        let cli = Cli::try_parse_from(words).expect("it is valid");
        let Some(Command::Replay(args)) = cli.command else {
            panic!("it is a replay");
        };
        protocol(&args)
    }

    #[test]
    fn the_ports_of_collectors_and_oaps_mean_grpc_unless_it_is_said_otherwise() {
        for to in ["http://a:4317", "https://oap:11800/"] {
            assert_eq!(chosen(&["--to", to]), ProtocolArg::Grpc, "{to}");
            let told = chosen(&["--to", to, "--protocol", "http"]);
            assert_eq!(told, ProtocolArg::Http);
        }
        for to in ["http://a:4318", "http://oap:12800", "http://a:1180"] {
            assert_eq!(chosen(&["--to", to]), ProtocolArg::Http, "{to}");
        }
    }
}
