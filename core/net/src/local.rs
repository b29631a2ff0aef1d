//! HTTP/1 over a socket in the file system: for commands of the same user on the same machine.
//!
//! The file is open to its user only from before anybody can connect. One that a process has left
//! behind is replaced; one that answers is not.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::outgoing::Body;
use crate::spawn::Spawn;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 16;
/// Connections at once: a person and a few scripts.
const CONNECTIONS_MAX: usize = 8;
/// Both are commands and what became of them, not data.
const REQUEST_BYTES_MAX: usize = 64 << 10;
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// How long a request may take to come in.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may take; what is asked for may wait for a disk.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// A pause after the system refused to accept.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
const MODE: u32 = 0o600;

/// A bound socket. Its file is removed with it.
#[derive(Debug)]
pub struct LocalListener {
    socket: UnixListener,
    file: SocketFile,
}

#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Whoever starts next replaces what is left.
        std::fs::remove_file(&self.0).ok();
    }
}

/// Why a path cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum LocalBindError {
    #[error("another process answers on `{0}`")]
    InUse(PathBuf),
    #[error("cannot listen on `{path}`")]
    Io { path: PathBuf, source: io::Error },
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// Nobody listens: nothing was done.
    #[error("cannot connect to `{path}`")]
    Connect { path: PathBuf, source: io::Error },
    #[error("no answer from the running process")]
    Exchange(#[source] hyper::Error),
    #[error("no answer from the running process within {0:?}")]
    Timeout(Duration),
    #[error("the answer of the running process cannot be read")]
    Answer(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl LocalListener {
    /// Binds the socket at `path`, whose directory exists. Needs no runtime.
    pub fn bind(path: &Path) -> Result<Self, LocalBindError> {
        match UnixStream::connect(path) {
            Ok(_) => return Err(LocalBindError::InUse(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && is_socket(path) => {
                std::fs::remove_file(path).ok();
            }
            Err(_) => {}
        }
        let bound = open(path).map_err(|source| LocalBindError::Io {
            path: path.to_owned(),
            source,
        });
        Ok(LocalListener {
            socket: bound?,
            file: SocketFile(path.to_owned()),
        })
    }

    /// Answers until `shutdown` resolves, and then lets open requests finish. Each request is given
    /// as a whole. The error is that of registering the socket with the current runtime.
    pub async fn run<A, F>(
        self,
        answer: A,
        spawner: Arc<dyn Spawn>,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()>
    where
        A: Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send,
    {
        let LocalListener { socket, file } = self;
        let listener = tokio::net::UnixListener::from_std(socket)?;
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                accepted = listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!(%error, "cannot accept local connections");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                continue;
            };
            let answer = answer.clone();
            spawner.spawn(Box::pin(async move {
                // What it takes is bounded, whatever the peer or a disk does.
                drop(timeout(ANSWER_TIMEOUT, serve(stream, answer)).await);
                drop(place);
            }));
        }
        drop(file);
        drop(listener);
        // Who was accepted is answered.
        drop(places.acquire_many(CONNECTIONS_MAX as u32).await);
        Ok(())
    }
}

fn is_socket(path: &Path) -> bool {
    let found = std::fs::symlink_metadata(path);
    found.is_ok_and(|found| found.file_type().is_socket())
}

fn open(path: &Path) -> io::Result<UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // Until it listens, nobody can connect.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(MODE))?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// One connection, and one request on it.
async fn serve<A, F>(stream: tokio::net::UnixStream, answer: A)
where
    A: Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send,
{
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let answer = answer.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = timeout(
                REQUEST_TIMEOUT,
                Limited::new(body, REQUEST_BYTES_MAX).collect(),
            );
            let response = match body.await {
                Ok(Ok(body)) => answer(Request::from_parts(head, body.to_bytes())).await,
                _ => {
                    let mut refusal = Response::new(Body::Empty);
                    *refusal.status_mut() = StatusCode::BAD_REQUEST;
                    refusal
                }
            };
            Ok::<_, Infallible>(response)
        }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIMEOUT)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        debug!(%error, "a local connection failed");
    }
}

/// Posts `body` to the process that listens at `socket`.
pub async fn post(
    socket: &Path,
    path: &str,
    body: Bytes,
) -> Result<(StatusCode, Bytes), LocalError> {
    let connected = tokio::net::UnixStream::connect(socket).await;
    let stream = connected.map_err(|source| LocalError::Connect {
        path: socket.to_owned(),
        source,
    })?;
    match timeout(ANSWER_TIMEOUT, exchange(stream, path, body)).await {
        Ok(answered) => answered,
        Err(_) => Err(LocalError::Timeout(ANSWER_TIMEOUT)),
    }
}

async fn exchange(
    stream: tokio::net::UnixStream,
    path: &str,
    body: Bytes,
) -> Result<(StatusCode, Bytes), LocalError> {
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(LocalError::Exchange)?;
    let mut request = Request::post(path)
        .body(Full::new(body))
        .map_err(|error| LocalError::Answer(error.into()))?;
    let headers = request.headers_mut();
    headers.insert(http::header::HOST, HeaderValue::from_static("localhost"));
    let json = HeaderValue::from_static("application/json");
    headers.insert(http::header::CONTENT_TYPE, json);
    let answered = async {
        let response = sender.send_request(request).await;
        let response = response.map_err(LocalError::Exchange)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
        let body = body.collect().await.map_err(LocalError::Answer)?;
        Ok((status, body.to_bytes()))
    };
    // The connection is driven beside the exchange, which it may end before.
    let mut answered = std::pin::pin!(answered);
    tokio::select! {
        outcome = &mut answered => return outcome,
        _ = connection => {}
    }
    answered.await
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Handle;
    use tokio::sync::oneshot;

    use super::*;

    async fn echo(request: Request<Bytes>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        Response::new(Bytes::from([path.as_bytes(), request.body()].concat()).into())
    }

    #[tokio::test]
    async fn answers_whoever_may_open_its_file() {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let path = directory.path().join("socket");
        let listener = LocalListener::bind(&path).expect("it is free");
        let mode = std::fs::metadata(&path).expect("it is there");
        assert_eq!(mode.permissions().mode() & 0o777, MODE);
        assert!(matches!(
            LocalListener::bind(&path),
            Err(LocalBindError::InUse(_))
        ));
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let running = listener.run(echo, Arc::new(Handle::current()), stopped);
        let asking = async {
            let answer = post(&path, "/a", "b".into()).await;
            assert_eq!(answer.expect("it answers"), (StatusCode::OK, "/ab".into()));
            let long = vec![0; REQUEST_BYTES_MAX + 1];
            let (status, _) = post(&path, "/a", long.into()).await.expect("it answers");
            assert_eq!(status, StatusCode::BAD_REQUEST);
            stop.send(()).expect("it runs");
        };
        let (ran, ()) = tokio::join!(running, asking);
        ran.expect("it ran");
        assert!(!path.exists());
        let refused = post(&path, "/a", Bytes::new()).await;
        assert!(matches!(refused, Err(LocalError::Connect { .. })));
    }

    #[test]
    fn replaces_what_a_dead_process_left() {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let path = directory.path().join("socket");
        drop(UnixListener::bind(&path).expect("it is free"));
        assert!(path.exists());
        assert!(LocalListener::bind(&path).is_ok());
        std::fs::write(&path, "no socket").expect("it can be written");
        assert!(LocalListener::bind(&path).is_err());
        assert!(path.exists(), "what is no socket is not ours");
    }
}
