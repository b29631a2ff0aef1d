//! Serving HTTP/1.1 and HTTP/2, in plain text and over TLS, on one port.
//!
//! The accept loop hands each connection to the spawner as one task. Everything of a connection, its
//! HTTP/2 streams included, lives in that task: to drop the task is to cancel all of it, and a panic
//! in a handler ends its connection only.

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
    /// A server with the default settings. With `tls` it speaks TLS only, and HTTP/2 where the peer
    /// selects it by ALPN.
    pub fn new(listener: Listener, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        Server {
            listener,
            settings: ServerSettings::default(),
            tls: tls.map(TlsAcceptor::from),
            counters: Arc::default(),
        }
    }

    /// The same with other settings. Those outside of what the protocols and the clock can express are
    /// moved to the nearest that they can.
    #[must_use]
    pub fn with(self, settings: ServerSettings) -> Self {
        Server {
            settings: settings.carried_out(),
            ..self
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
    /// Connections are started by `spawner`, on the runtime this is polled on; `run` itself only accepts.
    /// Dropping the future stops accepting and ends all connections at once. The error is that of
    /// registering the socket with the current runtime; nothing was served then.
    pub async fn run<S: Service>(
        self,
        service: S,
        spawner: Arc<dyn Spawn>,
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
        let connections_max = shared.settings.connections_max;
        let places = Arc::new(Semaphore::new(connections_max as usize));
        let all_ended = || places.acquire_many(connections_max);
        let mut shutdown = pin!(shutdown);
        let deadline = loop {
            let (stream, address) = tokio::select! {
                biased;
                deadline = &mut shutdown => break deadline,
                accepted = accept(&listener) => accepted,
            };
            Counters::add(&shared.counters.accepted);
            let Ok(place) = places.clone().try_acquire_owned() else {
                Counters::add(&shared.counters.over_limit);
                continue;
            };
            let connection =
                connection::run(stream, address, service.clone(), shared.clone(), place);
            spawner.spawn(Box::pin(connection));
        };
        // In this order: who sees the port closed has been told to go on elsewhere.
        stage.send_replace(Stage::Draining);
        drop(listener);
        if timeout_at(deadline, all_ended()).await.is_err() {
            stage.send_replace(Stage::Cut);
            if timeout(CUT_WAIT, all_ended()).await.is_err() {
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
