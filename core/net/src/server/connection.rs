//! One connection, from the accepted socket to its end.

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use super::activity::{Activity, Phase};
use super::counters::Counters;
use super::service::{Intake, Peer};
use super::streams::{Http2, Streams};
use super::wire::{HyperWire, Io, Stream, Version, Wire};
use super::{Service, Shared, Stage};
use crate::tls;

/// Half the width of the spread of connection ages, as a divisor: a tenth to either side.
const AGE_SPREAD: u32 = 10;

/// Serves one accepted socket until it ends; the place is freed with it.
pub(super) async fn run<S: Service>(
    stream: TcpStream,
    address: SocketAddr,
    service: S,
    shared: Arc<Shared>,
    _place: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, %address, "cannot send small answers without delay");
    }
    let mut peer = Peer {
        address,
        certificate_subject: None,
    };
    let (stream, version) = match &shared.tls {
        None => (Stream::Plain(stream), None),
        Some(acceptor) => {
            let Some(stream) = shake_hands(acceptor, stream, &shared).await else {
                Counters::add(&shared.counters.handshakes_failed);
                return;
            };
            let session = stream.get_ref().1;
            let certificate = session.peer_certificates().and_then(<[_]>::first);
            peer.certificate_subject = certificate.and_then(tls::subject);
            let version =
                (session.alpn_protocol() == Some(tls::ALPN_HTTP2)).then_some(Version::Http2);
            (Stream::Tls(Box::new(stream)), version)
        }
    };
    serve(Wire::new(stream), version, (service, peer), shared).await;
}

async fn shake_hands(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    shared: &Shared,
) -> Option<tokio_rustls::server::TlsStream<TcpStream>> {
    let mut stage = shared.stage.clone();
    let handshake = async {
        let _turn = shared.handshakes.acquire().await.ok()?;
        acceptor.accept(stream).await.ok()
    };
    tokio::select! {
        shaken = timeout(shared.settings.handshake_timeout, handshake) => shaken.ok().flatten(),
        _ = stage.wait_for(|stage| *stage != Stage::Serving) => None,
    }
}

/// Serves an established byte stream. Without a `version` it is recognised by the first bytes.
pub(super) async fn serve<I: Io, S: Service>(
    mut wire: Wire<I>,
    version: Option<Version>,
    (service, peer): (S, Peer),
    shared: Arc<Shared>,
) {
    let settings = &shared.settings;
    let mut stage = shared.stage.clone();
    let activity = Activity::new();
    let version = match version {
        Some(version) => version,
        None => tokio::select! {
            sniffed = timeout(settings.header_timeout, wire.sniff()) => match sniffed {
                Ok(Ok(version)) => version,
                Ok(Err(_)) => return,
                Err(_) => return Counters::add(&shared.counters.slow_headers),
            },
            _ = stage.wait_for(|stage| *stage != Stage::Serving) => return,
        },
    };
    let intake = Intake {
        service,
        peer,
        activity: activity.clone(),
    };
    let protocol = match version {
        Version::Http1 => {
            wire.observe(activity.clone());
            Protocol::Http1(Box::pin(
                http1(settings).serve_connection(TokioIo::new(wire), intake),
            ))
        }
        Version::Http2 => {
            let streams = Streams::default();
            let connection =
                http2(settings, streams.clone()).serve_connection(TokioIo::new(wire), intake);
            Protocol::Http2(Http2::new(connection, streams))
        }
    };
    Driver::new(protocol, activity, shared.clone())
        .run(&mut stage)
        .await;
}

fn http1(settings: &super::ServerSettings) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .max_header_size(settings.http1.header_bytes_max)
        .max_buf_size(settings.http1.buffer_bytes_max)
        // A peer that has said all it wants to say still gets its answer.
        .half_close(true)
        // The driver tells an idle connection from a slow header, which hyper's timeout does not.
        .header_read_timeout(None);
    builder
}

fn http2(settings: &super::ServerSettings, streams: Streams) -> http2::Builder<Streams> {
    let bounds = &settings.http2;
    let mut builder = http2::Builder::new(streams);
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(bounds.stream_window)
        .initial_connection_window_size(bounds.connection_window)
        .max_frame_size(bounds.frame_bytes_max)
        .max_concurrent_streams(bounds.streams_max)
        .max_header_list_size(bounds.header_bytes_max)
        .max_pending_accept_reset_streams(bounds.pending_resets_max)
        .max_local_error_reset_streams(bounds.local_resets_max)
        .keep_alive_interval(bounds.ping_interval)
        .keep_alive_timeout(bounds.ping_timeout);
    builder
}

enum Protocol<I: Io, S: Service> {
    Http1(Pin<Box<http1::Connection<HyperWire<I>, Intake<S>>>>),
    Http2(Http2<I, S>),
}

/// Polls a connection and ends it in time.
struct Driver<I: Io, S: Service> {
    protocol: Protocol<I, S>,
    activity: Activity,
    shared: Arc<Shared>,
    /// Never later than the next thing that is due; often earlier, because moving it costs more than
    /// waking up in vain once per idle timeout.
    timer: Pin<Box<Sleep>>,
    retires: Option<Instant>,
    /// Set once the connection has been told to end.
    ends: Option<Instant>,
}

impl<I: Io, S: Service> Driver<I, S> {
    fn new(protocol: Protocol<I, S>, activity: Activity, shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        Driver {
            protocol,
            activity,
            timer: Box::pin(sleep_until(now + shared.settings.idle_timeout)),
            retires: shared.settings.age_max.map(|age| now + spread(age)),
            ends: None,
            shared,
        }
    }

    async fn run(mut self, stage: &mut watch::Receiver<Stage>) {
        let mut seen = Stage::Serving;
        loop {
            tokio::select! {
                biased;
                () = std::future::poll_fn(|cx| self.poll(cx)) => return,
                changed = stage.wait_for(|stage| *stage != seen) => {
                    seen = changed.map_or(Stage::Cut, |stage| *stage);
                }
            }
            if seen == Stage::Draining {
                if self.retire() {
                    continue;
                }
            } else {
                let open = self.activity.open_requests();
                self.shared.requests_cut.fetch_add(open, Ordering::Relaxed);
            }
            return;
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let ended = match &mut self.protocol {
            Protocol::Http1(connection) => connection.as_mut().poll(cx),
            Protocol::Http2(connection) => connection.poll(cx),
        };
        if let Poll::Ready(result) = ended {
            if let Err(error) = result {
                Counters::add(&self.shared.counters.failed);
                debug!(%error, "a connection failed");
            }
            return Poll::Ready(());
        }
        if let Some(due) = self.due().filter(|due| *due < self.timer.deadline()) {
            self.timer.as_mut().reset(due);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if !self.expire(now) {
                return Poll::Ready(());
            }
            let recheck = now + self.shared.settings.idle_timeout;
            let due = self.due().map_or(recheck, |due| due.min(recheck));
            self.timer.as_mut().reset(due);
        }
        Poll::Pending
    }

    /// The next moment at which something ends.
    fn due(&self) -> Option<Instant> {
        let settings = &self.shared.settings;
        let phase = match self.ends {
            Some(_) => None,
            None => self
                .activity
                .due(settings.header_timeout, settings.idle_timeout),
        };
        [phase, self.retires, self.ends].into_iter().flatten().min()
    }

    /// Acts on what is due; `false` ends the connection at once.
    fn expire(&mut self, now: Instant) -> bool {
        if self.ends.is_some_and(|ends| ends <= now) {
            return false;
        }
        let settings = &self.shared.settings;
        let (header, idle) = (settings.header_timeout, settings.idle_timeout);
        let grace = settings.age_grace;
        let counters = &self.shared.counters;
        if self.retires.is_some_and(|retires| retires <= now) {
            Counters::add(&counters.aged);
            self.ends = Some(now + grace);
            return self.retire();
        }
        if self.ends.is_some() || self.activity.due(header, idle).is_none_or(|due| due > now) {
            return true;
        }
        if let Phase::Header(_) = self.activity.phase() {
            Counters::add(&counters.slow_headers);
            return false;
        }
        Counters::add(&counters.idle);
        self.ends = Some(now + grace);
        self.retire()
    }

    /// Lets open requests finish and takes no more; `false` when there is nothing to wait for.
    fn retire(&mut self) -> bool {
        self.retires = None;
        match &mut self.protocol {
            // hyper would wait for a first request that never comes.
            Protocol::Http1(_) if !self.activity.has_seen_requests() => return false,
            Protocol::Http1(connection) => connection.as_mut().graceful_shutdown(),
            Protocol::Http2(connection) => connection.graceful_shutdown(),
        }
        true
    }
}

/// `age`, at random up to a tenth longer or shorter.
fn spread(age: Duration) -> Duration {
    let width = age / AGE_SPREAD;
    let thousandths = RandomState::new().hash_one(()) % 2001;
    age - width + width * (thousandths as u32) / 1000
}
