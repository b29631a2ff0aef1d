//! What a small request costs the server: CPU time of its thread per POST of 1 KiB, over 64 kept-alive
//! HTTP/1.1 connections, through `net` and through bare hyper.
//!
//! Run with `cargo run --release --example small_posts -p skyferry-net`. Linux only: the CPU time is
//! the kernel's, from `/proc/thread-self/schedstat`. Each figure is the median of its rounds, which
//! alternate so that both sides see the same disturbances.
#![expect(clippy::print_stdout, reason = "a program that prints figures")]

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use net::body::{self, BodyLimits};
use net::server::ServerSettings;
use net::{Body, Listener, Server, Spawn};
use pdata::Budget;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::time::Instant;

const CONNECTIONS: usize = 64;
const REQUESTS_EACH: usize = 2_000;
const ROUNDS: usize = 7;
const BODY_BYTES: usize = 1024;
const ANY_PORT: &str = "127.0.0.1:0";

fn main() {
    let mut through_net = Vec::new();
    let mut bare = Vec::new();
    for _ in 0..ROUNDS {
        let listener = Listener::bind(ANY_PORT).expect("loopback has free ports");
        let address = listener.local_addr();
        through_net.push(measure(address, |stopped| {
            serve_with_net(listener, stopped)
        }));
        let listener = std::net::TcpListener::bind(ANY_PORT).expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound");
        bare.push(measure(address, |stopped| {
            serve_with_hyper(listener, stopped)
        }));
    }
    let requests = CONNECTIONS * REQUESTS_EACH;
    println!("server CPU per request, median of {ROUNDS} rounds of {requests} requests:");
    println!("  net          {:6.2} us", median(through_net));
    println!("  bare hyper   {:6.2} us", median(bare));
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime needs nothing special")
}

/// Microseconds of CPU that one request to `address` costs the thread of `serve`, which ends when told
/// to.
fn measure<F>(
    address: SocketAddr,
    serve: impl FnOnce(oneshot::Receiver<()>) -> F + Send + 'static,
) -> f64
where
    F: Future<Output = ()>,
{
    let (stop, stopped) = oneshot::channel();
    let (report, reported) = sync_channel(1);
    let server = thread::spawn(move || {
        let before = cpu_nanos();
        runtime().block_on(serve(stopped));
        report.send(cpu_nanos() - before).expect("somebody waits");
    });
    runtime().block_on(load(address));
    stop.send(()).expect("the server runs until told to stop");
    let nanos = reported.recv().expect("the server reports");
    server.join().expect("the server ends");
    nanos as f64 / 1000.0 / (CONNECTIONS * REQUESTS_EACH) as f64
}

/// CPU time of this thread since it began.
fn cpu_nanos() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let running = stat.split(' ').next().expect("the first of three numbers");
    running.parse().expect("a number")
}

async fn load(address: SocketAddr) {
    let request = format!(
        "POST /v1/logs HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: {BODY_BYTES}\r\n\r\n{}",
        "x".repeat(BODY_BYTES)
    );
    let request: Arc<[u8]> = request.into_bytes().into();
    let connections: Vec<_> = (0..CONNECTIONS)
        .map(|_| Handle::current().spawn(post_many(address, request.clone())))
        .collect();
    for connection in connections {
        connection.await.expect("every request is answered");
    }
}

async fn post_many(address: SocketAddr, request: Arc<[u8]>) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.set_nodelay(true).expect("a TCP option");
    let mut answer = [0; 1024];
    for _ in 0..REQUESTS_EACH {
        stream.write_all(&request).await.expect("it reads");
        let mut length = 0;
        while !answer[..length].ends_with(b"\r\n\r\n") {
            length += stream.read(&mut answer[length..]).await.expect("an answer");
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"));
    }
}

async fn serve_with_net(listener: Listener, stopped: oneshot::Receiver<()>) {
    let budget = Budget::new(64 << 20);
    let limits = Arc::new(BodyLimits::default());
    let service = tower::service_fn(move |request: Request<Incoming>| {
        let (budget, limits) = (budget.clone(), limits.clone());
        async move {
            let bytes = body::read(request.into_body(), &limits, &budget).await;
            assert_eq!(bytes.expect("within every limit").len(), BODY_BYTES);
            Ok(Response::new(Body::Empty))
        }
    });
    let spawner: Arc<dyn Spawn> = Arc::new(Handle::current());
    let shutdown = async {
        stopped.await.expect("told to stop");
        Instant::now() + Duration::from_secs(1)
    };
    let server = Server::new(listener, ServerSettings::default(), None);
    let drained = server.run(service, vec![spawner], shutdown).await;
    assert_eq!(drained.expect("the socket is usable").requests_cut, 0);
}

async fn serve_with_hyper(listener: std::net::TcpListener, mut stopped: oneshot::Receiver<()>) {
    listener.set_nonblocking(true).expect("a socket option");
    let listener = TcpListener::from_std(listener).expect("inside a runtime");
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted.expect("connections come"),
            _ = &mut stopped => return,
        };
        stream.set_nodelay(true).expect("a TCP option");
        let service = service_fn(|request: Request<Incoming>| async move {
            let bytes = request
                .into_body()
                .collect()
                .await
                .expect("whole")
                .to_bytes();
            assert_eq!(bytes.len(), BODY_BYTES);
            Ok::<_, Infallible>(Response::new(Body::Empty))
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        Handle::current().spawn(async move { connection.await.expect("no errors") });
    }
}
