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

use async_trait::async_trait;
use engine::component::{
    BuildContext, BuildError, Configured, Description, Receiver, ReceiverFactory, RunError,
};
use engine::config::{ForeignKey, Problems, Section};
use engine::{Outlets, Shutdown, Tasks};
use futures_util::future::try_join_all;
use pdata::Signal;
use telemetry::{Condition, Health};

use crate::intake::Tally;
use crate::listeners::config::CorsConfig;
use crate::listeners::{Lease, Leased, Listeners};

mod answer;
mod config;
mod door;
mod grpc;
mod http;

use config::Config;
use door::Door;

/// Registers the receiver.
pub static FACTORY: &dyn ReceiverFactory = &Factory;

/// Makes `otlp` receivers.
struct Factory;

impl Configured for Factory {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        type_name: "otlp",
        aliases: &[],
        signals: &Signal::OTLP,
        summary: "Takes OTLP over gRPC and HTTP, protobuf and JSON",
    };
    const FOREIGN_KEYS: &'static [ForeignKey] = config::FOREIGN_KEYS;

    fn check(config: &Config, problems: &mut Problems) {
        config.check(problems);
    }

    fn check_strictly(config: &Config, problems: &mut Problems) {
        Listeners::try_all(config.addresses(), problems);
    }
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
        let Leased { grpc, http } = Leased::of(config.addresses(), &component, section, context)?;
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
        let invalid_utf8 = config.invalid_utf8.setting();
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
            lease.log(&component, "grpc");
            let routes = grpc::routes(config, |signal| door("grpc", signal));
            serving.push(lease.serve(routes, None, &tasks, shutdown.clone()));
        }
        if let (Some(config), Some(lease)) = (&config.protocols.http, http) {
            lease.log(&component, "http");
            let routes = http::routes(config, |signal| door("http", signal));
            let cors = config.cors.as_ref().map(CorsConfig::settings);
            serving.push(lease.serve(routes, cors, &tasks, shutdown.clone()));
        }
        let ended = try_join_all(serving).await;
        health.set(&component, Condition::Stopped);
        ended.map(|_| ()).map_err(RunError)
    }
}

#[cfg(test)]
mod tests;
