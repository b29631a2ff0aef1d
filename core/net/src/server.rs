//! Serving HTTP/1.1 and HTTP/2, in plain text and over TLS, on one port.
//!
//! The accept loop hands each connection as one task to the spawner with the fewest open
//! connections, so several current-thread runtimes share the work without sharing connections.
//! Everything of a connection, its HTTP/2 streams included, lives in that task: to drop the task is to
//! cancel all of it, and a panic in a handler ends its connection only.

mod activity;
mod connection;
mod counters;
mod service;
mod settings;
mod streams;
mod wire;

#[cfg(test)]
pub(crate) mod tests;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_rustls::{TlsAcceptor, rustls};
use tracing::warn;

use crate::listen::Listener;
use crate::outgoing::Body;
use crate::spawn::Spawn;

pub use counters::Counters;
pub use service::{Peer, closing};
pub use settings::{Http1Settings, Http2Settings, ServerSettings};

/// First and longest pause after the system refused to accept, as it does when it runs out of file
/// descriptors.
const ACCEPT_PAUSE_MIN: Duration = Duration::from_millis(5);
const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);

/// How long connections that were told to end at once may take to do so.
const CUT_WAIT: Duration = Duration::from_secs(1);

/// What a server needs of the service behind it: it is cloned for every request and answers each,
/// failures included. The request's extensions hold its [`Peer`].
pub trait Service:
    tower::Service<
        Request<Incoming>,
        Response = Response<Body>,
        Error = Infallible,
        Future: Send + 'static,
    > + Clone
    + Send
    + 'static
{
}

impl<S> Service for S where
    S: tower::Service<
            Request<Incoming>,
            Response = Response<Body>,
            Error = Infallible,
            Future: Send + 'static,
        > + Clone
        + Send
        + 'static
{
}

/// A bound server that does not run yet.
pub struct Server {
    listener: Listener,
    settings: ServerSettings,
    tls: Option<TlsAcceptor>,
    counters: Arc<Counters>,
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Requests that were open at the deadline and got no answer.
    pub requests_cut: usize,
}

/// What connections are told, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Serving,
    /// Answer what is open, take nothing new.
    Draining,
    /// End now.
    Cut,
}

/// What all connections of a server share.
struct Shared {
    settings: ServerSettings,
    tls: Option<TlsAcceptor>,
    counters: Arc<Counters>,
    handshakes: Semaphore,
    stage: watch::Receiver<Stage>,
    requests_cut: AtomicUsize,
}

impl Server {
    /// Settings outside of what the protocols and the clock can express are moved to the nearest that
    /// they can. With `tls`, the server speaks TLS only, and HTTP/2 where the peer selects it by ALPN.
    pub fn new(
        listener: Listener,
        settings: ServerSettings,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Self {
        Server {
            listener,
            settings: settings.carried_out(),
            tls: tls.map(TlsAcceptor::from),
            counters: Arc::default(),
        }
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// What this server counts, to be read at any time.
    pub fn counters(&self) -> Arc<Counters> {
        self.counters.clone()
    }

    /// Serves until `shutdown` resolves; its value is the moment by which open requests must be
    /// answered. Then accepts no more, lets connections finish, and cuts off those that did not.
    ///
    /// Connections run on `spawners`, of which there must be at least one; `run` itself only accepts.
    /// Dropping the future stops accepting and ends all connections at once. The error is that of
    /// registering the socket with the current runtime; nothing was served then.
    pub async fn run<S: Service>(
        self,
        service: S,
        spawners: Vec<Arc<dyn Spawn>>,
        shutdown: impl Future<Output = Instant>,
    ) -> io::Result<Drained> {
        let listener = self.listener.into_tokio()?;
        let (stage, watched) = watch::channel(Stage::Serving);
        let shared = Arc::new(Shared {
            handshakes: Semaphore::new(self.settings.handshakes_max),
            settings: self.settings,
            tls: self.tls,
            counters: self.counters,
            stage: watched,
            requests_cut: AtomicUsize::new(0),
        });
        let places = Places::new(shared.settings.connections_max, spawners);
        let mut shutdown = pin!(shutdown);
        let deadline = loop {
            let (stream, address) = tokio::select! {
                biased;
                deadline = &mut shutdown => break deadline,
                accepted = accept(&listener) => accepted,
            };
            Counters::add(&shared.counters.accepted);
            let Some((place, spawner)) = places.take() else {
                Counters::add(&shared.counters.over_limit);
                continue;
            };
            let Ok(stream) = stream.into_std() else {
                continue;
            };
            let connection =
                connection::run(stream, address, service.clone(), shared.clone(), place);
            spawner.spawn(Box::pin(connection));
        };
        drop(listener);
        stage.send_replace(Stage::Draining);
        if timeout_at(deadline, places.all_free()).await.is_err() {
            stage.send_replace(Stage::Cut);
            if timeout(CUT_WAIT, places.all_free()).await.is_err() {
                warn!("connections did not end when told to; their runtime is blocked");
            }
        }
        Ok(Drained {
            requests_cut: shared.requests_cut.load(Ordering::Relaxed),
        })
    }
}

/// The next connection. Errors of one connection are its own affair; errors of the system are waited
/// out, ever longer. Cancel safe.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let mut pause = ACCEPT_PAUSE_MIN;
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => match error.kind() {
                io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionRefused
                | io::ErrorKind::ConnectionReset => {}
                _ => {
                    warn!(%error, ?pause, "cannot accept connections");
                    sleep(pause).await;
                    pause = (pause * 2).min(ACCEPT_PAUSE_MAX);
                }
            },
        }
    }
}

/// The places for connections: how many there are in all, and how many each spawner has.
struct Places {
    free: Arc<Semaphore>,
    total: u32,
    lanes: Vec<Lane>,
}

struct Lane {
    spawner: Arc<dyn Spawn>,
    open: Arc<AtomicUsize>,
}

/// One connection's place; dropping it frees the place.
struct Place {
    open: Arc<AtomicUsize>,
    _permit: tokio::sync::OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Places {
    fn new(connections_max: u32, spawners: Vec<Arc<dyn Spawn>>) -> Self {
        let lanes = spawners.into_iter().map(|spawner| Lane {
            spawner,
            open: Arc::default(),
        });
        Places {
            free: Arc::new(Semaphore::new(connections_max as usize)),
            total: connections_max,
            lanes: lanes.collect(),
        }
    }

    /// A place on the spawner with the fewest connections; `None` when all are taken.
    fn take(&self) -> Option<(Place, &dyn Spawn)> {
        let permit = self.free.clone().try_acquire_owned().ok()?;
        let lane = self
            .lanes
            .iter()
            .min_by_key(|lane| lane.open.load(Ordering::Relaxed))?;
        lane.open.fetch_add(1, Ordering::Relaxed);
        let place = Place {
            open: lane.open.clone(),
            _permit: permit,
        };
        Some((place, &*lane.spawner))
    }

    async fn all_free(&self) {
        let all = self.free.acquire_many(self.total).await;
        drop(all.expect("this semaphore is never closed"));
    }
}
