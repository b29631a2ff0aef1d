mod ending;
mod limits;

use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use http::{Method, StatusCode};
use pdata::Budget;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tower::service_fn;

use super::*;
use crate::body::{self, BodyLimits, ReadError};
use crate::client::{Client, ClientSettings, Protocol};

/// Longest wait for anything that a test expects to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A server of a test.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) counters: Arc<Counters>,
    stop: oneshot::Sender<Instant>,
    done: JoinHandle<io::Result<Drained>>,
}

pub(crate) fn start(
    settings: ServerSettings,
    tls: Option<Arc<rustls::ServerConfig>>,
    service: impl Service,
) -> Running {
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let server = Server::new(listener, tls).with(settings);
    let (address, counters) = (server.local_addr(), server.counters());
    let (stop, stopped) = oneshot::channel();
    let shutdown = async { stopped.await.expect("tests stop their servers") };
    let done = Handle::current().spawn(server.run(service, Arc::new(Handle::current()), shutdown));
    Running {
        address,
        counters,
        stop,
        done,
    }
}

impl Running {
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub(crate) fn client(&self, protocol: Protocol) -> Client {
        let endpoint = format!("http://{}", self.address);
        let settings = ClientSettings::default();
        let spawner = Arc::new(Handle::current());
        Client::try_new(&endpoint, protocol, None, &settings, spawner).unwrap()
    }

    fn begin_stop(self, grace: Duration) -> JoinHandle<io::Result<Drained>> {
        self.stop.send(Instant::now() + grace).unwrap();
        self.done
    }

    pub(crate) async fn stop(self, grace: Duration) -> Drained {
        let done = self.begin_stop(grace);
        patient(done).await.unwrap().unwrap()
    }

    /// Stops a server whose connections are expected to end by themselves.
    pub(crate) async fn stop_cleanly(self) {
        assert_eq!(self.stop(PATIENCE).await, Drained { requests_cut: 0 });
    }
}

pub(crate) async fn patient<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("took too long")
}

/// A service that reads its body and answers with its length, or with the status of its refusal.
pub(crate) fn count_bytes(limits: BodyLimits, budget: Budget) -> impl Service {
    service_fn(move |request: Request<Incoming>| {
        let (limits, budget) = (limits.clone(), budget.clone());
        async move {
            let version = request.version();
            Ok(
                match body::read(request.into_body(), &limits, &budget).await {
                    Ok(bytes) => Response::new(Body::from(bytes.len().to_string())),
                    Err(error) => {
                        let mut response = Response::new(Body::from(error.to_string()));
                        *response.status_mut() = match error {
                            ReadError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                            ReadError::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
                            ReadError::TimedOut => StatusCode::REQUEST_TIMEOUT,
                            _ => StatusCode::BAD_REQUEST,
                        };
                        closing(version, response)
                    }
                },
            )
        }
    })
}

pub(crate) fn counting_service() -> impl Service {
    count_bytes(BodyLimits::default(), Budget::new(64 << 20))
}

pub(crate) fn post(body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::new(body.into());
    *request.method_mut() = Method::POST;
    request
}

/// Everything that comes until the server ends the connection.
async fn read_all(mut stream: TcpStream) -> String {
    let mut all = Vec::new();
    patient(stream.read_to_end(&mut all)).await.unwrap();
    String::from_utf8_lossy(&all).into_owned()
}

/// Reads until `text` has come.
async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut all = Vec::new();
    while !String::from_utf8_lossy(&all).contains(text) {
        let read = patient(stream.read_buf(&mut all)).await.unwrap();
        assert_ne!(read, 0, "ended after {:?}", String::from_utf8_lossy(&all));
    }
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test]
async fn one_port_speaks_http1_and_http2() {
    let server = start(ServerSettings::default(), None, counting_service());
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let client = server.client(protocol);
        for body in [Bytes::new(), Bytes::from(vec![1; 300_000])] {
            let expected = body.len().to_string();
            let answer = client.send(post(body), PATIENCE).await.unwrap();
            assert_eq!((answer.status, answer.complete), (StatusCode::OK, true));
            assert_eq!(answer.body, expected, "{protocol:?}");
        }
    }
    server.stop_cleanly().await;
}

#[tokio::test]
async fn a_preface_that_comes_byte_by_byte_is_recognised() {
    let server = start(ServerSettings::default(), None, counting_service());
    let mut stream = server.connect().await;
    stream.set_nodelay(true).unwrap();
    for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" {
        stream.write_all(&[*byte]).await.unwrap();
    }
    // An empty SETTINGS frame, answered with the server's own settings: type 4 on stream 0.
    stream
        .write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])
        .await
        .unwrap();
    let mut header = [0; 9];
    patient(stream.read_exact(&mut header)).await.unwrap();
    assert_eq!((header[3], &header[5..]), (4, &[0, 0, 0, 0][..]));
    drop(stream);
    server.stop_cleanly().await;
}

#[tokio::test]
async fn requests_know_their_peer() {
    let service = service_fn(|request: Request<Incoming>| async move {
        let peer = request.extensions().get::<Peer>().unwrap();
        Ok(Response::new(Body::from(peer.address.to_string())))
    });
    let server = start(ServerSettings::default(), None, service);
    let mut stream = server.connect().await;
    let own = stream.local_addr().unwrap().to_string();
    let request = b"POST / HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request).await.unwrap();
    assert!(
        read_until(&mut stream, &own)
            .await
            .starts_with("HTTP/1.1 200")
    );
    drop(stream);
    server.stop_cleanly().await;
}

#[tokio::test]
async fn a_panic_ends_its_connection_only_and_frees_the_place() {
    let service = service_fn(|request: Request<Incoming>| async move {
        assert_ne!(request.uri().path(), "/panic", "a fault in a handler");
        Ok(Response::new(Body::from("fine")))
    });
    let server = start(ServerSettings::default(), None, service);
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut faulty = post("");
        *faulty.uri_mut() = "/panic".parse().unwrap();
        let client = server.client(protocol);
        let broken = client.send(faulty, PATIENCE).await;
        assert!(broken.expect_err("no answer").may_have_arrived());
        let answer = client.send(post(""), PATIENCE).await.unwrap();
        assert_eq!(answer.body, "fine");
    }
    server.stop_cleanly().await;
}

#[tokio::test]
async fn a_peer_that_has_finished_sending_still_gets_its_answer() {
    let (asked, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let service = {
        let (asked, release) = (asked.clone(), release.clone());
        service_fn(move |_: Request<Incoming>| {
            let (asked, release) = (asked.clone(), release.clone());
            async move {
                asked.notify_one();
                release.notified().await;
                Ok(Response::new(Body::from("late")))
            }
        })
    };
    let server = start(ServerSettings::default(), None, service);
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    stream.shutdown().await.unwrap();
    patient(asked.notified()).await;
    release.notify_one();
    assert!(read_all(stream).await.ends_with("late"));
    server.stop_cleanly().await;
}
