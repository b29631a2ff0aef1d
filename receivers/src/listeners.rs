//! Receivers that name the same address share one listener.
//!
//! A mini program's SDK has one base URL for everything it sends, so gRPC and HTTP, and later other
//! protocols, must answer on one port. Each receiver leases its address when it is built, which
//! binds it, and hands over its routes when it runs; the server starts when all of them are there.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use engine::{Shutdown, Tasks};
use net::layers::{Cors, CorsSettings};
use net::server::{Counters, ServerSettings};
use net::spawn::Task;
use net::tls::ServerTls;
use net::{Listener, Server, Spawn};
use parking_lot::Mutex;
use tokio::time::Instant;

mod routes;

pub(crate) use routes::{Answer, Handler, Routes};

use routes::Dispatch;

/// The listeners of a graph by the address as configured.
#[derive(Default)]
pub(crate) struct Listeners(HashMap<String, Arc<Shared>>);

/// What receivers on one address must agree on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Terms {
    pub(crate) tls: Option<ServerTls>,
    pub(crate) streams_max: Option<u32>,
    pub(crate) header_timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) age_max: Option<Duration>,
    pub(crate) age_grace: Option<Duration>,
    pub(crate) ping_interval: Option<Duration>,
    pub(crate) ping_timeout: Option<Duration>,
}

impl Terms {
    /// Takes from `other` what is open here; of two time limits the shorter holds.
    pub(crate) fn complete_from(&mut self, other: &Terms) {
        let shorter = |here: &mut Option<Duration>, there: Option<Duration>| {
            *here = [*here, there].into_iter().flatten().min();
        };
        self.tls = self.tls.take().or_else(|| other.tls.clone());
        self.streams_max = self.streams_max.or(other.streams_max);
        shorter(&mut self.header_timeout, other.header_timeout);
        shorter(&mut self.idle_timeout, other.idle_timeout);
        shorter(&mut self.age_max, other.age_max);
        shorter(&mut self.age_grace, other.age_grace);
        shorter(&mut self.ping_interval, other.ping_interval);
        shorter(&mut self.ping_timeout, other.ping_timeout);
    }
}

/// Why an address could not be leased.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LeaseError {
    #[error("{error}{}", cause(error))]
    Bind {
        #[from]
        error: net::listen::BindError,
    },
    #[error(transparent)]
    Tls(#[from] net::tls::TlsError),
    #[error(
        "`{endpoint}` is shared with {other}: both must agree on `tls`, time limits and streams"
    )]
    Disagree { endpoint: String, other: String },
}

fn cause(error: &dyn std::error::Error) -> String {
    error
        .source()
        .map(|source| format!(": {source}"))
        .unwrap_or_default()
}

struct Shared {
    address: SocketAddr,
    terms: Terms,
    /// Where the first receiver that named it stands, for errors.
    named_at: String,
    state: Mutex<State>,
}

struct State {
    server: Option<Server>,
    routes: Routes,
    cors: Option<CorsSettings>,
    /// Leases whose routes are not there yet.
    waiting: usize,
}

/// A receiver's share of a listener.
pub(crate) struct Lease(Arc<Shared>);

impl Listeners {
    /// Binds `endpoint`, or joins the receivers that have. `named_at` says where the configuration
    /// names it.
    pub(crate) fn lease(
        &mut self,
        endpoint: &str,
        terms: Terms,
        named_at: String,
    ) -> Result<Lease, LeaseError> {
        if let Some(shared) = self.0.get(endpoint) {
            if shared.terms != terms {
                let (endpoint, other) = (endpoint.to_owned(), shared.named_at.clone());
                return Err(LeaseError::Disagree { endpoint, other });
            }
            shared.state.lock().waiting += 1;
            return Ok(Lease(Arc::clone(shared)));
        }
        let tls = terms.tls.as_ref().map(ServerTls::load).transpose()?;
        let server = Server::new(Listener::bind(endpoint)?, settings(&terms), tls);
        let shared = Arc::new(Shared {
            address: server.local_addr(),
            terms,
            named_at,
            state: Mutex::new(State {
                server: Some(server),
                routes: Routes::default(),
                cors: None,
                waiting: 1,
            }),
        });
        // Port 0 is a new port each time it is asked for.
        if !endpoint.ends_with(":0") {
            self.0.insert(endpoint.to_owned(), Arc::clone(&shared));
        }
        Ok(Lease(shared))
    }
}

fn settings(terms: &Terms) -> ServerSettings {
    let mut settings = ServerSettings::default();
    let set = |target: &mut Duration, value: Option<Duration>| {
        if let Some(value) = value {
            *target = value;
        }
    };
    set(&mut settings.header_timeout, terms.header_timeout);
    set(&mut settings.idle_timeout, terms.idle_timeout);
    set(&mut settings.age_grace, terms.age_grace);
    set(&mut settings.http2.ping_timeout, terms.ping_timeout);
    if let Some(age) = terms.age_max {
        settings.age_max = (!age.is_zero()).then_some(age);
    }
    settings.http2.ping_interval = terms.ping_interval.or(settings.http2.ping_interval);
    settings.http2.streams_max = terms.streams_max.unwrap_or(settings.http2.streams_max);
    settings
}

impl Lease {
    /// The address that is bound.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address
    }

    pub(crate) fn has_tls(&self) -> bool {
        self.0.terms.tls.is_some()
    }

    /// What the listener counts; `None` once it runs.
    pub(crate) fn counters(&self) -> Option<Arc<Counters>> {
        self.0.state.lock().server.as_ref().map(Server::counters)
    }

    /// Adds `routes` to the listener and serves until `shutdown` has begun and every open request
    /// is answered, or until it ends. The lease that completes the routes runs the server; the
    /// others wait for the shutdown.
    pub(crate) async fn serve(
        self,
        routes: Routes,
        cors: Option<CorsSettings>,
        tasks: &Tasks,
        shutdown: Shutdown,
    ) -> Result<(), String> {
        let Some((server, routes, cors)) = self.complete(routes, cors) else {
            shutdown.begun().await;
            return Ok(());
        };
        let cors = cors.map(|cors| Cors::try_new(&cors)).transpose();
        let cors = cors.map_err(|error| error.to_string())?;
        let dispatch = Dispatch::new(routes, cors);
        let spawner = Arc::new(Spawner(tasks.clone()));
        let begun = shutdown.clone();
        let drain = async move {
            begun.begun().await;
            // The engine bounds the drain; this is only later than any bound it has.
            Instant::now() + DRAIN_MAX
        };
        let serving = server.run(dispatch, spawner, drain);
        tokio::select! {
            served = serving => served.map(|_| ()).map_err(|error| error.to_string()),
            () = shutdown.ended() => Ok(()),
        }
    }

    /// The whole of the listener, once this lease's routes are the last that were missing.
    fn complete(
        &self,
        routes: Routes,
        cors: Option<CorsSettings>,
    ) -> Option<(Server, Routes, Option<CorsSettings>)> {
        let mut state = self.0.state.lock();
        state.routes.extend(routes);
        state.cors = state.cors.take().or(cors);
        state.waiting -= 1;
        if state.waiting > 0 {
            return None;
        }
        let server = state.server.take()?;
        Some((server, std::mem::take(&mut state.routes), state.cors.take()))
    }
}

/// Longer than any `shutdown_timeout` one would write.
const DRAIN_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Starts a listener's connections.
struct Spawner(Tasks);

impl Spawn for Spawner {
    fn spawn(&self, task: Task) {
        self.0.spawn("connection", task);
    }
}
