//! Between hyper and the service: every request is counted as open and told its peer.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, Version};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower::ServiceExt;
use tower::util::Oneshot;

use super::Service;
use super::activity::{Activity, Open};
use crate::outgoing::Body;

/// Who sent a request; an extension of every request that a server hands over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    pub address: SocketAddr,
    /// The subject of the certificate that the peer proved to own, as `CN=..,O=..`; `None` without
    /// mutual TLS.
    pub certificate_subject: Option<Arc<str>>,
}

/// Marks an answer that was given before the request's body was read: an HTTP/1 connection cannot be
/// used again then, and the peer should know. The server then reads and drops a little of what the
/// peer still sends, so that a peer in the middle of an upload sees the answer and not a reset.
pub fn closing(request: Version, mut response: Response<Body>) -> Response<Body> {
    if request < Version::HTTP_2 {
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A connection's view of the service.
#[derive(Clone)]
pub(super) struct Intake<S> {
    pub(super) service: S,
    pub(super) peer: Peer,
    pub(super) activity: Activity,
}

impl<S: Service> hyper::service::Service<Request<Incoming>> for Intake<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering<S>;

    fn call(&self, mut request: Request<Incoming>) -> Answering<S> {
        request.extensions_mut().insert(self.peer.clone());
        Answering {
            answer: self.service.clone().oneshot(request),
            _open: self.activity.request_came(),
        }
    }
}

pin_project! {
    /// A request's way through the service.
    pub(super) struct Answering<S: Service> {
        #[pin]
        answer: Oneshot<S, Request<Incoming>>,
        _open: Open,
    }
}

impl<S: Service> Future for Answering<S> {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().answer.poll(cx)
    }
}
