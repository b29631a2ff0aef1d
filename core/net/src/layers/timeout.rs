//! The longest time a service may take for an answer.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower::{Layer, Service};

use super::Dialect;
use crate::grpc::{self, Code};
use crate::outgoing::Body;

/// Ends requests that take longer than a bound, or than the `grpc-timeout` of their caller where that
/// is shorter. The inner future is dropped then: what it had not taken responsibility for is the
/// client's to send again, and the answer says so.
#[derive(Clone, Copy, Debug)]
pub struct ResponseTimeout(Duration);

impl ResponseTimeout {
    pub fn new(longest: Duration) -> Self {
        ResponseTimeout(longest)
    }

    fn of(self, headers: &HeaderMap) -> Duration {
        headers
            .get("grpc-timeout")
            .and_then(|value| value.to_str().ok())
            .and_then(grpc::parse_timeout)
            .map_or(self.0, |asked| asked.min(self.0))
    }
}

impl<S> Layer<S> for ResponseTimeout {
    type Service = ResponseTimeoutService<S>;

    fn layer(&self, inner: S) -> ResponseTimeoutService<S> {
        ResponseTimeoutService {
            inner,
            longest: *self,
        }
    }
}

/// A service behind [`ResponseTimeout`].
#[derive(Clone, Debug)]
pub struct ResponseTimeoutService<S> {
    inner: S,
    longest: ResponseTimeout,
}

impl<S, B> Service<Request<B>> for ResponseTimeoutService<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = TimedAnswer<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let headers = request.headers();
        TimedAnswer {
            timer: sleep(self.longest.of(headers)),
            dialect: Dialect::of(headers),
            answer: self.inner.call(request),
        }
    }
}

pin_project! {
    /// The answer of a [`ResponseTimeoutService`].
    pub struct TimedAnswer<F> {
        #[pin]
        answer: F,
        #[pin]
        timer: Sleep,
        dialect: Dialect,
    }
}

impl<F> Future for TimedAnswer<F>
where
    F: Future<Output = Result<Response<Body>, Infallible>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(answer) = this.answer.poll(cx) {
            return Poll::Ready(answer);
        }
        this.timer.poll(cx).map(|()| {
            Ok(this.dialect.unavailable(
                Code::DeadlineExceeded,
                "the request took too long; send it again later",
            ))
        })
    }
}
