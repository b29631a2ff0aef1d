//! A server's bounds. The defaults are for a listener that strangers can reach.

use std::time::Duration;

use tokio::sync::Semaphore;

/// Bounds of a server and of each of its connections.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Connections open at the same time; more are closed when they come. 10,000.
    pub connections_max: u32,
    /// From a connection's start, or a request's first byte, to the end of the request's header
    /// fields. 5 s.
    pub header_timeout: Duration,
    /// How long a connection may be open without a request. 75 s: longer than the 60 s after which
    /// OpenTelemetry SDKs send their metrics by default, so that a periodic sender does not
    /// meet a connection that is just being closed.
    pub idle_timeout: Duration,
    /// When a connection is told to end (`Connection: close`, GOAWAY), give or take a tenth so that
    /// connections opened together do not come back together. Without it a balancer never
    /// spreads long-lived connections. 30 min; `None` is never.
    pub age_max: Option<Duration>,
    /// How long an aged connection's open requests may still take. 30 s.
    pub age_grace: Duration,
    /// For the whole TLS handshake, the wait for its turn included. 5 s.
    pub handshake_timeout: Duration,
    /// TLS handshakes at the same time; they cost a hundred times a small request. 64.
    pub handshakes_max: usize,
    pub http1: Http1Settings,
    pub http2: Http2Settings,
}

impl Default for ServerSettings {
    fn default() -> Self {
        ServerSettings {
            connections_max: 10_000,
            header_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(75),
            age_max: Some(Duration::from_secs(30 * 60)),
            age_grace: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(5),
            handshakes_max: 64,
            http1: Http1Settings::default(),
            http2: Http2Settings::default(),
        }
    }
}

/// Stands for any longer time, which a clock might not be able to express.
const TIME_MAX: Duration = Duration::from_secs(365 * 24 * 3600);
/// The smallest read buffer that hyper takes.
const HTTP1_BUFFER_MIN: usize = 8 * 1024;
/// The range of a frame's size and the largest window, by RFC 9113.
const FRAME_BYTES: std::ops::RangeInclusive<u32> = 16_384..=16_777_215;
const WINDOW_MAX: u32 = 0x7fff_ffff;

impl ServerSettings {
    /// The nearest settings that can be carried out: libraries below panic at others.
    pub(super) fn carried_out(mut self) -> Self {
        let times = [
            &mut self.header_timeout,
            &mut self.idle_timeout,
            &mut self.age_grace,
            &mut self.handshake_timeout,
            &mut self.http2.ping_timeout,
        ];
        let optional = [&mut self.age_max, &mut self.http2.ping_interval];
        for time in times.into_iter().chain(optional.into_iter().flatten()) {
            *time = (*time).min(TIME_MAX);
        }
        self.handshakes_max = self.handshakes_max.min(Semaphore::MAX_PERMITS);
        let buffer = &mut self.http1.buffer_bytes_max;
        *buffer = (*buffer).max(HTTP1_BUFFER_MIN);
        let http2 = &mut self.http2;
        let (smallest, largest) = FRAME_BYTES.into_inner();
        http2.frame_bytes_max = http2.frame_bytes_max.clamp(smallest, largest);
        http2.stream_window = http2.stream_window.min(WINDOW_MAX);
        http2.connection_window = http2.connection_window.min(WINDOW_MAX);
        self
    }
}

/// Bounds of an HTTP/1.1 connection. It takes 100 header fields, hyper's constant: any other number
/// would cost an allocation per request.
#[derive(Clone, Debug)]
pub struct Http1Settings {
    /// Request line and header fields together, in bytes. 16 KiB.
    pub header_bytes_max: usize,
    /// Bytes read ahead of the service; 8 KiB at least. 64 KiB, which bounds what a peer can have
    /// us hold outside the budget.
    pub buffer_bytes_max: usize,
}

impl Default for Http1Settings {
    fn default() -> Self {
        Http1Settings {
            header_bytes_max: 16 * 1024,
            buffer_bytes_max: 64 * 1024,
        }
    }
}

/// Bounds of an HTTP/2 connection.
#[derive(Clone, Debug)]
pub struct Http2Settings {
    /// Bytes that may be unread on one stream. 1 MiB: a usual request without waiting.
    pub stream_window: u32,
    /// Bytes that may be unread on all streams together. 2 MiB.
    pub connection_window: u32,
    /// Largest frame taken. 1 MiB: at the protocol's 16 KiB a body costs twice the CPU time.
    pub frame_bytes_max: u32,
    /// Requests open at the same time. 100.
    pub streams_max: u32,
    /// Header fields of one request, in bytes. 16 KiB.
    pub header_bytes_max: u32,
    /// Streams that the peer opened and reset before they were handled (rapid reset); more end the
    /// connection. 20.
    pub pending_resets_max: usize,
    /// Streams that we reset because of the peer's errors; more end the connection. 100.
    pub local_resets_max: usize,
    /// How long a connection may be silent before it is pinged. 60 s; `None` is never.
    pub ping_interval: Option<Duration>,
    /// How long a ping may be unanswered. 20 s.
    pub ping_timeout: Duration,
}

impl Default for Http2Settings {
    fn default() -> Self {
        Http2Settings {
            stream_window: 1024 * 1024,
            connection_window: 2 * 1024 * 1024,
            frame_bytes_max: 1024 * 1024,
            streams_max: 100,
            header_bytes_max: 16 * 1024,
            pending_resets_max: 20,
            local_resets_max: 100,
            ping_interval: Some(Duration::from_secs(60)),
            ping_timeout: Duration::from_secs(20),
        }
    }
}
