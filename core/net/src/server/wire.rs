//! A connection's byte stream: plain or TLS, with what was read to recognise the protocol put back,
//! and with a closing that lets the peer read our last answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;

use super::activity::Activity;

/// What an HTTP/2 client with prior knowledge sends first (RFC 9113, 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How much of an unread request is read and thrown away after the last answer, and how long the
/// socket stays open for the peer to read that answer. A socket closed with unread bytes
/// in it resets the connection, which discards answers that the peer has not read yet.
const LINGER_BYTES: usize = 64 * 1024;
const LINGER_TIME: Duration = Duration::from_secs(1);
const LINGER_READ_BYTES: usize = 4 * 1024;

/// Anything that carries bytes both ways.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<I: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for I {}

/// What hyper reads and writes.
pub(super) type HyperWire<I> = TokioIo<Wire<I>>;

/// A socket as accepted.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection's bytes.
pub(super) struct Wire<I> {
    io: I,
    sniffed: [u8; PREFACE.len()],
    /// The part of `sniffed` that is still to be read.
    unread: std::ops::Range<usize>,
    /// Told of incoming bytes on protocols where they begin a request.
    activity: Option<Activity>,
    peer_ended: bool,
    linger: Option<Linger>,
}

struct Linger {
    until: Pin<Box<Sleep>>,
    discarded: usize,
}

/// The protocol that a peer's first bytes announce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

impl<I: Io> Wire<I> {
    pub(super) fn new(io: I) -> Self {
        Wire {
            io,
            sniffed: [0; PREFACE.len()],
            unread: 0..0,
            activity: None,
            peer_ended: false,
            linger: None,
        }
    }

    /// Reads until the protocol is certain; every HTTP/1 method differs from the preface within its
    /// first two bytes. The bytes are read again by whoever reads next. Not cancel safe.
    pub(super) async fn sniff(&mut self) -> io::Result<Version> {
        while self.unread.end < PREFACE.len() {
            let read = self.io.read(&mut self.sniffed[self.unread.end..]).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.unread.end += read;
            if !PREFACE.starts_with(&self.sniffed[..self.unread.end]) {
                return Ok(Version::Http1);
            }
        }
        Ok(Version::Http2)
    }

    pub(super) fn observe(&mut self, activity: Activity) {
        self.activity = Some(activity);
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let linger = self.linger.get_or_insert_with(|| Linger {
            until: Box::pin(tokio::time::sleep(LINGER_TIME)),
            discarded: 0,
        });
        while linger.discarded < LINGER_BYTES && !self.peer_ended {
            let mut scratch = [0; LINGER_READ_BYTES];
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.io).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    linger.discarded += buffer.filled().len();
                }
                Poll::Ready(_) => self.peer_ended = true,
                Poll::Pending => break,
            }
        }
        if self.peer_ended {
            return Poll::Ready(());
        }
        linger.until.as_mut().poll(cx)
    }
}

impl<I: Io> AsyncRead for Wire<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if self.unread.is_empty() {
            ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        } else {
            let amount = self.unread.len().min(buffer.remaining());
            let end = self.unread.start + amount;
            buffer.put_slice(&self.sniffed[self.unread.start..end]);
            self.unread.start = end;
        }
        if buffer.filled().len() > before {
            if let Some(activity) = &self.activity {
                activity.bytes_came();
            }
        } else if buffer.remaining() > 0 {
            self.peer_ended = true;
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: Io> AsyncWrite for Wire<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Says that nothing more will be sent, and then lingers.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
        }
        self.poll_linger(cx).map(Ok)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(io) => Pin::new(io).poll_read(cx, buffer),
            Stream::Tls(io) => Pin::new(io).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(io) => Pin::new(io).poll_write(cx, bytes),
            Stream::Tls(io) => Pin::new(io).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(io) => Pin::new(io).poll_write_vectored(cx, pieces),
            Stream::Tls(io) => Pin::new(io).poll_write_vectored(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Stream::Plain(io) => io.is_write_vectored(),
            Stream::Tls(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(io) => Pin::new(io).poll_flush(cx),
            Stream::Tls(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Stream::Tls(io) => Pin::new(io).poll_shutdown(cx),
        }
    }
}
