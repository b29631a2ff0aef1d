//! From a request's path to the receiver that answers it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use net::Body;
use net::grpc::{self, Code, Status};
use net::layers::{Cors, CorsService};
use tower::{Layer, Service, ServiceExt};

/// Answers the requests of one path.
pub(crate) trait Handler: Send + Sync {
    fn handle(self: Arc<Self>, request: Request<Incoming>) -> Answer;
}

/// An answer on its way.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// Handlers by path; gRPC and HTTP apart, because they name their errors differently.
#[derive(Default)]
pub(crate) struct Routes {
    grpc: HashMap<String, Arc<dyn Handler>>,
    http: HashMap<String, Arc<dyn Handler>>,
    /// What answers paths that nobody has.
    other_grpc: Option<Arc<dyn Handler>>,
    other_http: Option<Arc<dyn Handler>>,
}

impl Routes {
    /// `path` is `/package.Service/Method`.
    pub(crate) fn grpc(&mut self, path: &str, handler: Arc<dyn Handler>) {
        self.grpc.insert(path.to_owned(), handler);
    }

    pub(crate) fn http(&mut self, path: &str, handler: Arc<dyn Handler>) {
        self.http.insert(path.to_owned(), handler);
    }

    /// `handler` answers every gRPC method that has no route.
    pub(crate) fn other_grpc(&mut self, handler: Arc<dyn Handler>) {
        self.other_grpc = Some(handler);
    }

    /// `handler` answers every path of HTTP that has no route.
    pub(crate) fn other_http(&mut self, handler: Arc<dyn Handler>) {
        self.other_http = Some(handler);
    }

    pub(super) fn extend(&mut self, other: Routes) {
        self.grpc.extend(other.grpc);
        self.http.extend(other.http);
        self.other_grpc = self.other_grpc.take().or(other.other_grpc);
        self.other_http = self.other_http.take().or(other.other_http);
    }

    fn answer(&self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path();
        if grpc::is_grpc(request.headers()) {
            return match self.grpc.get(path).or(self.other_grpc.as_ref()) {
                Some(handler) => Arc::clone(handler).handle(request),
                None => ready(unimplemented(path)),
            };
        }
        match self.http.get(path).or(self.other_http.as_ref()) {
            Some(handler) => Arc::clone(handler).handle(request),
            None => ready(net::server::closing(request.version(), not_found())),
        }
    }
}

fn ready(response: Response<Body>) -> Answer {
    Box::pin(std::future::ready(response))
}

fn unimplemented(path: &str) -> Response<Body> {
    let text = format!("no pipeline takes `{path}`");
    grpc::refuse(&Status::new(Code::Unimplemented, text))
}

fn not_found() -> Response<Body> {
    let mut response = Response::new(Body::from("404 page not found\n"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// The service of a listener.
#[derive(Clone)]
pub(super) enum Dispatch {
    Plain(Router),
    Cors(CorsService<Router>),
}

impl Dispatch {
    pub(super) fn new(routes: Routes, cors: Option<Cors>) -> Self {
        let router = Router(Arc::new(routes));
        match cors {
            Some(cors) => Dispatch::Cors(cors.layer(router)),
            None => Dispatch::Plain(router),
        }
    }
}

impl Service<Request<Incoming>> for Dispatch {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        match self {
            Dispatch::Plain(router) => router.call(request),
            Dispatch::Cors(service) => Box::pin(service.clone().oneshot(request)),
        }
    }
}

/// Looks the path up; always ready.
#[derive(Clone)]
pub(super) struct Router(Arc<Routes>);

impl Service<Request<Incoming>> for Router {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let answer = self.0.answer(request);
        Box::pin(async move { Ok(answer.await) })
    }
}
