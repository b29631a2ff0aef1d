//! A client made by hand on hyper: calls that no agent makes, and streams that stay open.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::channel::{Channel, Sender};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::harness::PATIENCE;
use crate::harness::oap::frames::{Frames, Status, code, frame};

/// Frames that wait in a stream for the peer to read them.
const FRAMES_WAITING_MAX: usize = 16;

type Body = BoxBody<Bytes, Infallible>;

/// One HTTP/2 connection to a gRPC server.
#[derive(Clone)]
pub(crate) struct Grpc {
    connection: http2::SendRequest<Body>,
    /// The connection's own, once more.
    socket: Arc<std::net::TcpStream>,
    metadata: HeaderMap,
}

impl Grpc {
    pub(crate) async fn connect(address: SocketAddr) -> Grpc {
        let stream = TcpStream::connect(address).await.expect("it listens");
        stream.set_nodelay(true).expect("a TCP option");
        let stream = stream.into_std().expect("it is registered");
        let socket = stream.try_clone().expect("the system has room for it");
        let stream = TcpStream::from_std(stream).expect("it does not block");
        let shaking = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, driving) = shaking.await.expect("it speaks HTTP/2");
        // It ends with the connection; what the calls see says how.
        Handle::current().spawn(async move {
            let _ended = driving.await;
        });
        Grpc {
            connection: sender,
            socket: Arc::new(socket),
            metadata: HeaderMap::new(),
        }
    }

    /// Ends the connection without a word, as a killed process does.
    pub(crate) fn cut(self) {
        let cut = self.socket.shutdown(std::net::Shutdown::Both);
        cut.expect("it is connected");
    }

    /// Sends this with every later call.
    pub(crate) fn with_metadata(mut self, name: &'static str, value: &'static str) -> Grpc {
        let value = HeaderValue::from_static(value);
        self.metadata.insert(name, value);
        self
    }

    /// Sends these messages and the end of the stream; gives the only message of the answer.
    pub(crate) async fn call<M: Message>(
        &self,
        path: &str,
        messages: impl IntoIterator<Item = M>,
    ) -> Result<Bytes, Status> {
        let frames = messages.into_iter().map(|it| frame(&it.encode_to_vec()));
        self.send(path, frames.collect::<Vec<_>>().concat()).await
    }

    /// Sends these bytes as the whole body of a call; gives the only message of the answer.
    pub(crate) async fn send(&self, path: &str, body: Vec<u8>) -> Result<Bytes, Status> {
        let answering = async {
            let response = self.request(path, Full::from(body).boxed()).await?;
            let mut answer = Answer::new(response)?;
            let message = answer.next().await?;
            answer.ended().await?;
            message.ok_or_else(|| Status::new(code::INTERNAL, "OK without a message"))
        };
        let answered = timeout(PATIENCE, answering).await;
        answered.unwrap_or_else(|_| panic!("{path}: no answer"))
    }

    /// Opens a call whose messages follow one by one.
    pub(crate) fn open(&self, path: &'static str) -> Stream {
        let (sender, body) = Channel::<Bytes>::new(FRAMES_WAITING_MAX);
        let client = self.clone();
        let answering = async move { client.request(path, body.boxed()).await };
        Stream {
            path,
            sender: Some(sender),
            answering: Handle::current().spawn(answering),
        }
    }

    async fn request(&self, path: &str, body: Body) -> Result<Response<Incoming>, Status> {
        let request = Request::post(format!("http://skyferry.test{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        let mut request = request.body(body).expect("a test's own path is valid");
        request.headers_mut().extend(self.metadata.clone());
        let answer = self.connection.clone().send_request(request).await;
        answer.map_err(|error| Status::new(code::UNAVAILABLE, error.to_string()))
    }
}

/// A call that is open for messages.
pub(crate) struct Stream {
    path: &'static str,
    sender: Option<Sender<Bytes>>,
    answering: JoinHandle<Result<Response<Incoming>, Status>>,
}

impl Stream {
    /// Sends one message; returns whether the peer still takes any.
    pub(crate) async fn send(&mut self, message: &impl Message) -> bool {
        let sender = self.sender.as_mut().expect("the stream is open");
        let sending = sender.send_data(frame(&message.encode_to_vec()));
        let sent = timeout(PATIENCE, sending).await;
        sent.unwrap_or_else(|_| panic!("{}: it does not read", self.path))
            .is_ok()
    }

    /// Whether one more message could not be handed over in this time.
    pub(crate) async fn is_blocked(&mut self, message: &impl Message, within: Duration) -> bool {
        let sender = self.sender.as_mut().expect("the stream is open");
        let sending = sender.send_data(frame(&message.encode_to_vec()));
        timeout(within, sending).await.is_err()
    }

    /// Says that nothing follows.
    pub(crate) fn finish(&mut self) {
        self.sender = None;
    }

    /// The answer, as soon as the peer begins it.
    pub(crate) async fn answer(&mut self) -> Result<Answer, Status> {
        let response = timeout(PATIENCE, &mut self.answering).await;
        let response = response.unwrap_or_else(|_| panic!("{}: no answer", self.path));
        Answer::new(response.expect("requests do not panic")?)
    }

    /// Ends the stream and waits for its only answer.
    pub(crate) async fn ended(mut self) -> Result<Bytes, Status> {
        self.finish();
        let mut answer = self.answer().await?;
        let message = answer.next().await?;
        answer.ended().await?;
        message.ok_or_else(|| Status::new(code::INTERNAL, "OK without a message"))
    }
}

/// An answer that is being read.
pub(crate) struct Answer {
    frames: Frames,
}

impl Answer {
    fn new(response: Response<Incoming>) -> Result<Answer, Status> {
        match Status::read(response.headers()) {
            Some(status) if status.code != code::OK => return Err(status),
            _ => {}
        }
        if response.status() != 200 {
            let text = format!("HTTP {}", response.status());
            return Err(Status::new(code::UNKNOWN, text));
        }
        let (parts, body) = response.into_parts();
        let frames = Frames::new(&parts.headers, body);
        Ok(Answer { frames })
    }

    /// The next message; `None` at the end of a call that went well.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Status> {
        let reading = timeout(PATIENCE, self.frames.next()).await;
        match reading.expect("a message, or the end")? {
            Some(message) => Ok(Some(message)),
            None => self.status().map(|()| None),
        }
    }

    /// Reads to the end.
    pub(crate) async fn ended(&mut self) -> Result<(), Status> {
        while self.next().await?.is_some() {}
        Ok(())
    }

    fn status(&self) -> Result<(), Status> {
        match self.frames.trailers().and_then(Status::read) {
            Some(status) if status.code == code::OK => Ok(()),
            Some(status) => Err(status),
            None => Err(Status::new(code::INTERNAL, "no status")),
        }
    }
}

/// Sends one HTTP/1.1 request on a connection of its own; gives the answer's status, headers and body.
pub(crate) async fn http(
    address: SocketAddr,
    request: http::request::Builder,
    body: impl Into<Bytes>,
) -> io::Result<Response<Bytes>> {
    let stream = TcpStream::connect(address).await?;
    let shaking = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, driving) = shaking.map_err(io::Error::other)?;
    Handle::current().spawn(async move {
        let _ended = driving.await;
    });
    let request = request.header("host", "skyferry.test");
    let request = request.body(Full::new(body.into()));
    let request = request.expect("a test's own request is valid");
    let answering = async {
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok::<_, hyper::Error>(Response::from_parts(parts, body))
    };
    let answered = timeout(PATIENCE, answering).await?;
    answered.map_err(io::Error::other)
}

/// Posts JSON.
pub(crate) async fn post_json(
    address: SocketAddr,
    path: &str,
    body: impl Into<Bytes>,
) -> io::Result<Response<Bytes>> {
    let request = Request::post(path).header("content-type", "application/json");
    http(address, request, body).await
}
