//! The `skywalking` receiver: what SkyWalking's agents, browsers and mini programs send.
//!
//! ```yaml
//! receivers:
//!   skywalking:
//!     protocols:
//!       grpc: {endpoint: 127.0.0.1:11800}
//!       http: {endpoint: 127.0.0.1:12800}
//! ```
//!
//! With `proxy` a backend answers what agents ask for; without it they are told that there is nothing
//! to do.
//!
//! Segments, logs and meters are taken for the pipelines of traces, logs and metrics; all other
//! reports (heartbeats, runtime metrics, events, browser performance ...) for those of the signal
//! `skywalking`. A message is checked in one walk and handed on as the bytes it came in.

use std::sync::Arc;

use async_trait::async_trait;
use engine::component::{
    BuildContext, BuildError, Configured, Description, Receiver, ReceiverFactory, RunError,
};
use engine::config::{ForeignKey, Problems, Section};
use engine::{Outlets, Shutdown, Tasks};
use futures_util::future::try_join_all;
use net::grpc::MessageLimits;
use pdata::{Budget, Signal};
use telemetry::{Condition, Health, Metrics};

use crate::listeners::{Leased, Listeners};

mod config;
mod door;
mod grpc;
mod http;
mod proxy;
mod stream;

#[cfg(test)]
mod tests;

use config::Config;
use door::Door;
use proxy::Proxy;

/// Registers the receiver.
pub static FACTORY: &dyn ReceiverFactory = &Factory;

/// Makes `skywalking` receivers.
struct Factory;

impl Configured for Factory {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        type_name: "skywalking",
        aliases: &[],
        signals: &Signal::ALL,
        summary: "Takes what SkyWalking agents, browsers and mini programs send",
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
        let proxy = config.proxy.as_ref().map(Proxy::new).transpose()?;
        let leased = Leased::of(config.addresses(), &component, section, context)?;
        context.health.set(&component, Condition::Starting);
        Ok(Box::new(Skywalking {
            metrics: context.metrics.clone(),
            budget: context.budget.clone(),
            health: context.health.clone(),
            id,
            component,
            config,
            proxy: proxy.map(Arc::new),
            leased,
        }))
    }
}

struct Skywalking {
    id: String,
    component: String,
    config: Config,
    proxy: Option<Arc<Proxy>>,
    leased: Leased,
    budget: Budget,
    metrics: Metrics,
    health: Health,
}

#[async_trait]
impl Receiver for Skywalking {
    async fn run(
        self: Box<Self>,
        outlets: Outlets,
        tasks: Tasks,
        shutdown: Shutdown,
    ) -> Result<(), RunError> {
        let Skywalking {
            id,
            component,
            config,
            proxy,
            leased,
            budget,
            metrics,
            health,
        } = *self;
        let invalid_utf8 = config.invalid_utf8.setting();
        let door = |transport| {
            let counted = (&metrics, &*id);
            Door::new(transport, &outlets, counted, &budget, invalid_utf8)
        };
        // Before it is told: who reads the log may ask at once.
        health.set(&component, Condition::Ok);
        let mut serving = Vec::new();
        if let (Some(config), Some(lease)) = (&config.protocols.grpc, leased.grpc) {
            lease.log(&component, "grpc");
            let limits = MessageLimits {
                bytes_max: config.max_recv_msg_size_mib as usize * 1024 * 1024,
                ..MessageLimits::default()
            };
            let routes = grpc::routes(&limits, &door("grpc"), proxy.as_ref(), &shutdown);
            serving.push(lease.serve(routes, None, &tasks, shutdown.clone()));
        }
        if let (Some(config), Some(lease)) = (&config.protocols.http, leased.http) {
            lease.log(&component, "http");
            let routes = http::routes(config, &door("http"), proxy.as_ref());
            serving.push(lease.serve(routes, config.cors(), &tasks, shutdown.clone()));
        }
        let ended = try_join_all(serving).await;
        health.set(&component, Condition::Stopped);
        ended.map(|_| ()).map_err(RunError)
    }
}
