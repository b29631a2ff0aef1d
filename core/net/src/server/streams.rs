//! The streams of an HTTP/2 connection, run inside the connection's own task.
//!
//! hyper asks an executor to spawn each stream. This one only collects them, and the connection polls
//! them: nothing outlives the connection, and a request costs no task switch.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use parking_lot::Mutex;

use super::Service;
use super::service::Intake;
use super::wire::HyperWire;
use crate::spawn::Task;

/// Collects what hyper wants to run. Bounded by `streams_max`, because it is emptied after every poll
/// of the connection that fills it.
#[derive(Clone, Default)]
pub(super) struct Streams(Arc<Mutex<Vec<Task>>>);

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        self.0.lock().push(Box::pin(stream));
    }
}

type Connection<I, S> = http2::Connection<HyperWire<I>, Intake<S>, Streams>;

/// An HTTP/2 connection and its open streams.
pub(super) struct Http2<I, S: Service> {
    connection: Pin<Box<Connection<I, S>>>,
    arrived: Streams,
    running: FuturesUnordered<Task>,
}

impl<I, S> Http2<I, S>
where
    I: super::wire::Io,
    S: Service,
{
    pub(super) fn new(connection: Connection<I, S>, arrived: Streams) -> Self {
        Http2 {
            connection: Box::pin(connection),
            arrived,
            running: FuturesUnordered::new(),
        }
    }

    pub(super) fn graceful_shutdown(&mut self) {
        self.connection.as_mut().graceful_shutdown();
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        if let Poll::Ready(ended) = self.connection.as_mut().poll(cx) {
            return Poll::Ready(ended);
        }
        loop {
            self.running.extend(self.arrived.0.lock().drain(..));
            // A stream that has ended woke the connection itself, if there is more to send.
            match self.running.poll_next_unpin(cx) {
                Poll::Ready(Some(())) => {}
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl<I, S: Service> Drop for Http2<I, S> {
    fn drop(&mut self) {
        // Each collected stream owns a clone of the collection: a cycle unless it is broken here.
        self.arrived.0.lock().clear();
    }
}
