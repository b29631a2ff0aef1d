//! Load shedding: over a bound of open requests, the next is refused at once.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::Dialect;
use crate::grpc::Code;
use crate::outgoing::Body;

/// Refuses requests while as many as its bound are open. Everything made from one layer, or from its
/// clones, shares the bound.
#[derive(Clone, Debug)]
pub struct Shed {
    requests_max: usize,
    open: Arc<AtomicUsize>,
}

impl Shed {
    pub fn new(requests_max: usize) -> Self {
        Shed {
            requests_max,
            open: Arc::default(),
        }
    }

    fn take(&self) -> Option<Place> {
        self.open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
                (open < self.requests_max).then_some(open + 1)
            })
            .is_ok()
            .then(|| Place(self.open.clone()))
    }
}

impl<S> Layer<S> for Shed {
    type Service = ShedService<S>;

    fn layer(&self, inner: S) -> ShedService<S> {
        ShedService {
            inner,
            shed: self.clone(),
        }
    }
}

/// A service behind [`Shed`].
#[derive(Clone, Debug)]
pub struct ShedService<S> {
    inner: S,
    shed: Shed,
}

/// An open request's place; freed when dropped.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<S, B> Service<Request<B>> for ShedService<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Shedding<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.shed.take() {
            Some(place) => Shedding::Taken {
                answer: self.inner.call(request),
                _place: place,
            },
            None => Shedding::Refused {
                answer: Some(Dialect::of(request.headers()).unavailable(
                    Code::Unavailable,
                    "too many requests are open; send it again later",
                )),
            },
        }
    }
}

pin_project! {
    /// The answer of a [`ShedService`].
    #[project = Projection]
    pub enum Shedding<F> {
        Taken { #[pin] answer: F, _place: Place },
        Refused { answer: Option<Response<Body>> },
    }
}

impl<F> Future for Shedding<F>
where
    F: Future<Output = Result<Response<Body>, Infallible>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Projection::Taken { answer, .. } => answer.poll(cx),
            Projection::Refused { answer } => match answer.take() {
                Some(answer) => Poll::Ready(Ok(answer)),
                None => Poll::Pending,
            },
        }
    }
}
