//! Receivers that name the same address share one listener.
//!
//! A mini program's SDK has one base URL for everything it sends, so gRPC and HTTP, and later other
//! protocols, must answer on one port. Each receiver leases its address when it is built, which
//! binds it, and hands over its routes when it runs; the server starts when all of them are there.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use engine::component::{BuildContext, BuildError};
use engine::config::{Problems, Section};
use engine::{Shutdown, Tasks};
use net::layers::{Cors, CorsSettings};
use net::server::{Counters, ServerSettings};
use net::spawn::Task;
use net::tls::ServerTls;
use net::{Listener, Server, Spawn};
use parking_lot::Mutex;
use tokio::time::Instant;

pub(crate) mod config;
mod routes;
mod shown;

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
    /// Whether a client may have a stream for its whole life, which is lost when a connection ages.
    pub(crate) has_endless_streams: bool,
}

impl Terms {
    /// Both together: what one of them leaves open, the other one sets. `None` if they contradict each
    /// other.
    fn joined(&self, other: &Terms) -> Option<Terms> {
        fn one<T: Clone + PartialEq>(here: &Option<T>, there: &Option<T>) -> Option<Option<T>> {
            match (here, there) {
                (Some(here), Some(there)) if here != there => None,
                (here, there) => Some(here.clone().or_else(|| there.clone())),
            }
        }
        Some(Terms {
            tls: one(&self.tls, &other.tls)?,
            streams_max: one(&self.streams_max, &other.streams_max)?,
            header_timeout: one(&self.header_timeout, &other.header_timeout)?,
            idle_timeout: one(&self.idle_timeout, &other.idle_timeout)?,
            age_max: one(&self.age_max, &other.age_max)?,
            age_grace: one(&self.age_grace, &other.age_grace)?,
            ping_interval: one(&self.ping_interval, &other.ping_interval)?,
            ping_timeout: one(&self.ping_timeout, &other.ping_timeout)?,
            has_endless_streams: self.has_endless_streams || other.has_endless_streams,
        })
    }

    /// Takes from `other` what is open here; of two time limits the shorter holds.
    fn complete_from(&mut self, other: &Terms) {
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
        self.has_endless_streams |= other.has_endless_streams;
    }
}

/// A protocol's key, its endpoint as configured, and its terms.
pub(crate) type Address = (&'static str, String, Terms);

impl Terms {
    /// The addresses of one receiver: where two protocols have one port, what one of them leaves open,
    /// the other one sets.
    pub(crate) fn agree(mut addresses: Vec<Address>) -> Vec<Address> {
        if let [first, second] = &mut addresses[..]
            && first.1 == second.1
        {
            first.2.complete_from(&second.2);
            second.2 = first.2.clone();
        }
        addresses
    }
}

/// The listeners of a receiver that speaks gRPC, HTTP or both.
pub(crate) struct Leased {
    pub(crate) grpc: Option<Lease>,
    pub(crate) http: Option<Lease>,
}

impl Leased {
    /// Leases the addresses of a receiver, as its section names them.
    pub(crate) fn of(
        addresses: Vec<Address>,
        component: &str,
        section: &Section,
        context: &mut BuildContext,
    ) -> Result<Self, BuildError> {
        let mut leased = Leased {
            grpc: None,
            http: None,
        };
        for (protocol, endpoint, terms) in addresses {
            let path = format!("protocols.{protocol}.endpoint");
            let named_at = section.place_of(&*path);
            let lease = context
                .leases
                .table::<Listeners>()
                .lease(&endpoint, terms, named_at)
                .map_err(|error| BuildError::at(&*path, error.to_string()))?;
            lease.watch(component, context);
            match protocol {
                "grpc" => leased.grpc = Some(lease),
                _ => leased.http = Some(lease),
            }
        }
        Ok(leased)
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
    has_tls: bool,
    /// Where the first receiver that named it stands, for errors.
    named_at: String,
    state: Mutex<State>,
}

struct State {
    server: Option<Server>,
    /// Of all receivers that have leased it so far.
    terms: Terms,
    routes: Routes,
    cors: Option<CorsSettings>,
    /// Leases whose routes are not there yet.
    waiting: usize,
}

/// A receiver's share of a listener.
pub(crate) struct Lease(Arc<Shared>);

impl Listeners {
    /// Reports which of the addresses cannot be had.
    pub(crate) fn try_all(addresses: Vec<Address>, problems: &mut Problems) {
        let mut listeners = Listeners::default();
        for (protocol, endpoint, terms) in addresses {
            let key = format!("protocols.{protocol}");
            let named_at = format!("`{key}`");
            if let Err(error) = listeners.lease(&endpoint, terms, named_at) {
                problems.at(&*key, error.to_string());
            }
        }
    }

    /// Binds `endpoint`, or joins the receivers that have. `named_at` says where the configuration
    /// names it.
    pub(crate) fn lease(
        &mut self,
        endpoint: &str,
        terms: Terms,
        named_at: String,
    ) -> Result<Lease, LeaseError> {
        if let Some(shared) = self.0.get(endpoint) {
            let mut state = shared.state.lock();
            let joined = state.terms.joined(&terms);
            // Who speaks TLS has to be clear to all: plain text is no open question.
            let Some(joined) = joined.filter(|_| state.terms.tls == terms.tls) else {
                let (endpoint, other) = (endpoint.to_owned(), shared.named_at.clone());
                return Err(LeaseError::Disagree { endpoint, other });
            };
            state.terms = joined;
            state.waiting += 1;
            drop(state);
            return Ok(Lease(Arc::clone(shared)));
        }
        let tls = terms.tls.as_ref().map(ServerTls::load).transpose()?;
        let server = Server::new(Listener::bind(endpoint)?, tls);
        let shared = Arc::new(Shared {
            address: server.local_addr(),
            has_tls: terms.tls.is_some(),
            named_at,
            state: Mutex::new(State {
                server: Some(server),
                terms,
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
    settings.age_max = match terms.age_max {
        Some(age) => (!age.is_zero()).then_some(age),
        None if terms.has_endless_streams => None,
        None => settings.age_max,
    };
    settings.http2.ping_interval = terms.ping_interval.or(settings.http2.ping_interval);
    settings.http2.streams_max = terms.streams_max.unwrap_or(settings.http2.streams_max);
    settings
}

impl Lease {
    /// The address that is bound.
    fn address(&self) -> SocketAddr {
        self.0.address
    }

    fn has_tls(&self) -> bool {
        self.0.has_tls
    }

    /// What the listener counts; `None` once it runs.
    fn counters(&self) -> Option<Arc<Counters>> {
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
        let server = state.server.take()?.with(settings(&state.terms));
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
