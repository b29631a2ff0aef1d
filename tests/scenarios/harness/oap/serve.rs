//! The mock's side of the wire: connections, and calls on hyper's HTTP/2.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::channel::{Channel, Sender};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::calls::Outcome;
use super::frames::{Frames, Status, code, frame};
use super::methods::{self, Method, Shape};
use super::state::{State, Taken};
use super::{Failure, Generation, paths};

type Body = BoxBody<Bytes, Infallible>;

/// Frames of an answer that wait for the client to read them.
const FRAMES_WAITING_MAX: usize = 4;

/// Takes connections. Aborting this ends all of them.
pub(super) async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(converse(stream, Arc::clone(&state)));
        while connections.try_join_next().is_some() {}
    }
}

/// One connection, and what its calls need of it.
#[derive(Clone)]
struct Connection {
    state: Arc<State>,
    /// Ends the connection.
    cut: Arc<Notify>,
}

async fn converse(stream: TcpStream, state: Arc<State>) {
    let connection = Connection {
        state,
        cut: Arc::default(),
    };
    let cut = Arc::clone(&connection.cut);
    let service = service_fn(move |request| {
        let connection = connection.clone();
        async move { Ok::<_, Infallible>(connection.answer(request).await) }
    });
    let server = auto::Builder::new(TokioExecutor::new());
    let serving = server.serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ended = serving => {}
        () = cut.notified() => {}
    }
}

/// How a call ends without a message.
enum End {
    Status(Status),
    Silence,
    Cut,
}

impl From<Status> for End {
    fn from(status: Status) -> End {
        End::Status(status)
    }
}

impl Connection {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let form = request.headers().get(CONTENT_TYPE);
        let is_grpc = form.is_some_and(|it| it.as_bytes().starts_with(b"application/grpc"));
        match is_grpc {
            true => self.answer_grpc(request).await,
            false => self.answer_http(request).await,
        }
    }

    async fn answer_grpc(&self, request: Request<Incoming>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let mut frames = Frames::new(&parts.headers, body);
        let mut call = OpenCall::begin(self, path, parts.headers);
        let ended = match call.admit(path, self.state.failure(path)) {
            Ok((method, failure)) if method.shape == Shape::Profiler => {
                match call.take_first(&mut frames).await {
                    Ok(()) => return call.profile(method, failure, frames),
                    Err(end) => Err(end),
                }
            }
            Ok((method, failure)) => {
                let taken = call.take_all(method, failure, frames).await;
                taken.map(|()| method.path)
            }
            Err(status) => Err(End::Status(status)),
        };
        match ended {
            Ok(path) => {
                call.close(Outcome::Answered(code::OK));
                well(self.state.answer_to(path))
            }
            Err(end) => call.end(end).await,
        }
    }

    async fn answer_http(&self, request: Request<Incoming>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let failure = self.state.failure(path);
        if let Some(Failure::Refuse(code)) = failure {
            return empty(http_status(code));
        }
        let Ok(body) = body.collect().await else {
            return empty(StatusCode::BAD_REQUEST);
        };
        let body = body.to_bytes();
        let generation = self.state.habits.generation;
        let mut call = OpenCall::begin(self, path, parts.headers.clone());
        if path == "/graphql" {
            call.close(Outcome::Answered(code::OK));
            return json(paths::graphql(generation).to_string());
        }
        let items = match paths::read(&parts.method, path, &parts.headers, body, generation) {
            Ok(items) => items,
            Err(status) => {
                call.close(Outcome::Answered(code::INVALID_ARGUMENT));
                return empty(status);
            }
        };
        let mut taken = Ok(());
        for item in items {
            taken = taken.and(call.take(item));
        }
        let ended = match (taken, failure) {
            (Err(end), _) => Err(end),
            (Ok(()), Some(failure)) => Err(after_all(failure)),
            (Ok(()), None) => Ok(()),
        };
        match ended {
            Ok(()) => {
                call.close(Outcome::Answered(code::OK));
                empty(StatusCode::OK)
            }
            Err(End::Status(status)) => {
                call.close(Outcome::Answered(status.code));
                empty(http_status(status.code))
            }
            Err(end) => call.end(end).await,
        }
    }
}

/// What a failure comes to when everything was taken.
fn after_all(failure: Failure) -> End {
    match failure {
        Failure::Refuse(code) | Failure::RefuseAfter(_, code) | Failure::RefuseTaken(code) => {
            End::Status(Status::new(code, "told to fail"))
        }
        Failure::NeverRead | Failure::NeverAnswer => End::Silence,
        Failure::CloseAfter(_) => End::Cut,
    }
}

/// A call that has begun. Dropped before it is closed, it was broken off.
struct OpenCall {
    connection: Connection,
    number: usize,
    open: bool,
}

impl OpenCall {
    fn begin(connection: &Connection, path: &str, metadata: HeaderMap) -> OpenCall {
        let number = connection.state.open(path, metadata);
        OpenCall {
            connection: connection.clone(),
            number,
            open: true,
        }
    }

    fn state(&self) -> &State {
        &self.connection.state
    }

    fn close(&mut self, outcome: Outcome) {
        self.open = false;
        self.state().close(self.number, outcome);
    }

    /// What is refused before any message is read.
    fn admit(
        &self,
        path: &str,
        failure: Option<Failure>,
    ) -> Result<(Method, Option<Failure>), Status> {
        let habits = self.state().habits;
        let calls = self.state().calls.borrow();
        let presented = calls.0[self.number].metadata.get("authentication");
        let presented = presented.map(HeaderValue::as_bytes);
        if habits
            .token
            .is_some_and(|token| presented != Some(token.as_bytes()))
        {
            let text = "Request is not authenticated";
            return Err(Status::new(code::PERMISSION_DENIED, text));
        }
        if let Some(Failure::Refuse(code)) = failure {
            return Err(Status::new(code, "told to refuse"));
        }
        let is_new = path.starts_with("/skywalking.v10.");
        let known =
            methods::find(path).filter(|_| !is_new || habits.generation == Generation::Eleven);
        let method = known.ok_or_else(|| Status::new(code::UNIMPLEMENTED, "unknown method"))?;
        Ok((method, failure))
    }

    /// Takes one item, and says how the call ends if it ends by it.
    fn take(&self, item: methods::Item) -> Result<(), End> {
        match self.state().take(self.number, item) {
            Taken::Well => Ok(()),
            Taken::Invalid => Err(Status::new(code::INVALID_ARGUMENT, "layer is required").into()),
            Taken::Failed => {
                let text = "Application error processing RPC";
                Err(Status::new(code::UNKNOWN, text).into())
            }
            Taken::Forgotten => Err(End::Silence),
        }
    }

    /// Takes every message of a call.
    async fn take_all(
        &self,
        method: Method,
        failure: Option<Failure>,
        mut frames: Frames,
    ) -> Result<(), End> {
        if failure == Some(Failure::NeverRead) {
            return Err(silence(frames).await);
        }
        if method.shape == Shape::Unary {
            let (Some(message), None) = (frames.next().await?, frames.next().await?) else {
                let text = "a call of one message has none, or more";
                return Err(Status::new(code::INTERNAL, text).into());
            };
            self.take_message(method, message)?;
            return failure.map_or(Ok(()), |failure| Err(after_all(failure)));
        }
        let mut count = 0;
        while let Some(message) = frames.next().await? {
            self.take_message(method, message)?;
            count += 1;
            match failure {
                Some(Failure::RefuseAfter(most, code)) if count == most => {
                    return Err(Status::new(code, "told to refuse the rest").into());
                }
                Some(Failure::CloseAfter(most)) if count == most => return Err(End::Cut),
                _ => {}
            }
        }
        failure.map_or(Ok(()), |failure| Err(after_all(failure)))
    }

    fn take_message(&self, method: Method, message: Bytes) -> Result<(), End> {
        let items = (method.read)(message).map_err(|error| {
            self.state().complain(self.number, error.clone());
            Status::new(code::INTERNAL, error)
        })?;
        items.into_iter().try_for_each(|item| self.take(item))
    }

    /// Takes the message after which a profiler waits.
    async fn take_first(&self, frames: &mut Frames) -> Result<(), End> {
        let first = frames.next().await?;
        let first = first.ok_or_else(|| Status::new(code::INTERNAL, "no message"))?;
        self.take(methods::Item::Opaque(first))
    }

    /// Answers what was taken at once, and takes the rest after it.
    fn profile(self, method: Method, failure: Option<Failure>, frames: Frames) -> Response<Body> {
        let (sender, body) = Channel::<Bytes>::new(FRAMES_WAITING_MAX);
        Handle::current().spawn(self.profile_on(method, failure, frames, sender));
        grpc(body.boxed())
    }

    async fn profile_on(
        mut self,
        method: Method,
        failure: Option<Failure>,
        frames: Frames,
        mut sender: Sender<Bytes>,
    ) {
        let answer = frame(&self.state().answer_to(method.path));
        if sender.send_data(answer).await.is_err() {
            return;
        }
        let status = match self.take_all(method, failure, frames).await {
            Ok(()) => Status::new(code::OK, ""),
            Err(End::Status(status)) => status,
            Err(End::Silence) => std::future::pending().await,
            Err(End::Cut) => return self.connection.cut.notify_one(),
        };
        let outcome = Outcome::Answered(status.code);
        if sender.send_trailers(trailers(&status)).await.is_ok() {
            self.close(outcome);
        }
    }

    /// Ends the call without a message.
    async fn end(mut self, end: End) -> Response<Body> {
        match end {
            End::Status(status) => {
                self.close(Outcome::Answered(status.code));
                let mut response = grpc(Empty::new().boxed());
                response.headers_mut().extend(trailers(&status));
                response
            }
            End::Silence => std::future::pending().await,
            End::Cut => {
                self.close(Outcome::Broken);
                self.connection.cut.notify_one();
                std::future::pending().await
            }
        }
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        if self.open {
            self.state().close(self.number, Outcome::Broken);
        }
    }
}

/// Holds a body unread for ever, so that flow control stops its sender.
async fn silence(frames: Frames) -> End {
    let held = std::future::pending::<End>().await;
    drop(frames);
    held
}

fn grpc(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let form = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(CONTENT_TYPE, form);
    response
}

/// An answer of one message.
fn well(message: Bytes) -> Response<Body> {
    let status = trailers(&Status::new(code::OK, ""));
    let body = Full::new(frame(&message)).with_trailers(async { Some(Ok(status)) });
    grpc(body.boxed())
}

fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", status.code.into());
    if let Ok(message) = HeaderValue::from_str(&status.message) {
        trailers.insert("grpc-message", message);
    }
    trailers
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Empty::new().boxed());
    *response.status_mut() = status;
    response
}

fn json(text: String) -> Response<Body> {
    let mut response = Response::new(Full::from(text).boxed());
    let form = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, form);
    response
}

/// The status of HTTP that says what this code of gRPC says.
fn http_status(code: u16) -> StatusCode {
    match code {
        code::INVALID_ARGUMENT => StatusCode::BAD_REQUEST,
        code::PERMISSION_DENIED => StatusCode::FORBIDDEN,
        code::RESOURCE_EXHAUSTED => StatusCode::TOO_MANY_REQUESTS,
        code::UNAVAILABLE => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
