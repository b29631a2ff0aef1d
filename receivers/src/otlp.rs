//! The `otlp` receiver: traces, metrics and logs over gRPC and HTTP, protobuf and JSON.
//!
//! ```yaml
//! receivers:
//!   otlp:
//!     protocols:
//!       grpc: {endpoint: 127.0.0.1:4317}
//!       http: {endpoint: 127.0.0.1:4318}
//! ```
//!
//! A request is admitted by its length, read once, checked in one walk and handed on as slices of
//! what was read. The answer is the pipeline's: success means that every exporter of it has taken
//! responsibility.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use engine::component::{
    BuildContext, BuildError, Configured, Description, Receiver, ReceiverFactory, RunError,
};
use engine::config::{ForeignKey, Problems, Section};
use engine::{Outlets, Shutdown, Tasks};
use futures_util::future::try_join_all;
use net::server::Counters;
use pdata::Signal;
use telemetry::{Condition, Health};

use crate::listeners::{Lease, Listeners, Terms};

mod answer;
mod config;
mod door;
mod grpc;
mod http;

use config::Config;
use door::{Door, Tally};

/// Registers the receiver.
pub static FACTORY: &dyn ReceiverFactory = &Factory;

/// Makes `otlp` receivers.
struct Factory;

impl Configured for Factory {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        type_name: "otlp",
        aliases: &[],
        signals: &Signal::ALL,
        summary: "Takes OTLP over gRPC and HTTP, protobuf and JSON",
    };
    const FOREIGN_KEYS: &'static [ForeignKey] = config::FOREIGN_KEYS;

    fn check(config: &Config, problems: &mut Problems) {
        config.check(problems);
    }

    fn check_strictly(config: &Config, problems: &mut Problems) {
        let mut listeners = Listeners::default();
        for (protocol, endpoint, terms) in addresses(config) {
            let key = format!("protocols.{protocol}");
            let named_at = format!("`{key}`");
            if let Err(error) = listeners.lease(&endpoint, terms, named_at) {
                problems.at(&*key, error.to_string());
            }
        }
    }
}

/// Protocol, endpoint and terms of each protocol that is switched on.
fn addresses(config: &Config) -> Vec<(&'static str, String, Terms)> {
    let grpc = config.protocols.grpc.as_ref();
    let http = config.protocols.http.as_ref();
    let grpc = grpc.map(|grpc| ("grpc", grpc.endpoint.clone(), grpc.terms()));
    let http = http.map(|http| ("http", http.endpoint.clone(), http.terms()));
    let mut all: Vec<_> = grpc.into_iter().chain(http).collect();
    // One receiver's protocols on one port: what both leave open, the other one sets.
    if let [first, second] = &mut all[..]
        && first.1 == second.1
    {
        first.2.complete_from(&second.2);
        second.2 = first.2.clone();
    }
    all
}

impl ReceiverFactory for Factory {
    fn build(
        &self,
        section: &Section,
        context: &mut BuildContext,
    ) -> Result<Box<dyn Receiver>, BuildError> {
        let config = Self::read(section)?;
        let id = section.id().to_string();
        let component = format!("receivers/{id}");
        let (mut grpc, mut http) = (None, None);
        for (protocol, endpoint, terms) in addresses(&config) {
            let path = format!("protocols.{protocol}.endpoint");
            let named_at = section.place_of(&*path);
            let lease = context
                .leases
                .table::<Listeners>()
                .lease(&endpoint, terms, named_at)
                .map_err(|error| BuildError::at(&*path, error.to_string()))?;
            watch(&lease, &component, context);
            let place = if protocol == "grpc" {
                &mut grpc
            } else {
                &mut http
            };
            *place = Some(lease);
        }
        context.health.set(&component, Condition::Starting);
        Ok(Box::new(Otlp {
            tally: Tally::new(&context.metrics, &id),
            budget: context.budget.clone(),
            health: context.health.clone(),
            component,
            config,
            grpc,
            http,
        }))
    }
}

/// Shows what a listener counts in every scrape.
fn watch(lease: &Lease, component: &str, context: &BuildContext) {
    let Some(counters) = lease.counters() else {
        return;
    };
    let address = lease.address().to_string();
    let gauge = |event| {
        let labels = [
            ("component", component),
            ("address", &*address),
            ("event", event),
        ];
        context
            .metrics
            .gauge("skyferry_listener_connections", &labels)
    };
    let gauges = EVENTS.map(|(event, _)| gauge(event));
    context.metrics.before_render(move || {
        for (gauge, (_, count)) in gauges.iter().zip(EVENTS) {
            gauge.set(count(&counters).load(Ordering::Relaxed) as f64);
        }
    });
}

type Count = fn(&Counters) -> &AtomicU64;

/// What happens to connections, and where a listener counts it.
const EVENTS: [(&str, Count); 7] = [
    ("accepted", |counters| &counters.accepted),
    ("over_limit", |counters| &counters.over_limit),
    ("handshake_failed", |counters| &counters.handshakes_failed),
    ("slow_headers", |counters| &counters.slow_headers),
    ("idle", |counters| &counters.idle),
    ("aged", |counters| &counters.aged),
    ("failed", |counters| &counters.failed),
];

struct Otlp {
    component: String,
    config: Config,
    grpc: Option<Lease>,
    http: Option<Lease>,
    budget: pdata::Budget,
    tally: Tally,
    health: Health,
}

#[async_trait]
impl Receiver for Otlp {
    async fn run(
        self: Box<Self>,
        outlets: Outlets,
        tasks: Tasks,
        shutdown: Shutdown,
    ) -> Result<(), RunError> {
        let Otlp {
            component,
            config,
            grpc,
            http,
            budget,
            tally,
            health,
        } = *self;
        let invalid_utf8 = match config.invalid_utf8 {
            config::InvalidUtf8::Repair => pdata::otlp::InvalidUtf8::Repair,
            config::InvalidUtf8::Refuse => pdata::otlp::InvalidUtf8::Refuse,
        };
        let door = |transport, signal| {
            let intake = outlets.intake(signal, transport)?;
            let tally = tally.of(transport);
            Some(Door {
                signal,
                intake,
                invalid_utf8,
                budget: budget.clone(),
                tally,
            })
        };
        // Before it is told: who reads the log may ask at once.
        health.set(&component, Condition::Ok);
        let mut serving = Vec::new();
        if let (Some(config), Some(lease)) = (&config.protocols.grpc, grpc) {
            log_listening(&component, "grpc", &lease);
            let routes = grpc::routes(config, |signal| door("grpc", signal));
            serving.push(lease.serve(routes, None, &tasks, shutdown.clone()));
        }
        if let (Some(config), Some(lease)) = (&config.protocols.http, http) {
            log_listening(&component, "http", &lease);
            let routes = http::routes(config, |signal| door("http", signal));
            let cors = config.cors.as_ref().map(config::CorsConfig::settings);
            serving.push(lease.serve(routes, cors, &tasks, shutdown.clone()));
        }
        let ended = try_join_all(serving).await;
        health.set(&component, Condition::Stopped);
        ended.map(|_| ()).map_err(RunError)
    }
}

fn log_listening(component: &str, protocol: &str, lease: &Lease) {
    let (address, tls) = (lease.address(), lease.has_tls());
    tracing::info!(component, protocol, %address, tls, "listening");
}

#[cfg(test)]
mod tests;
