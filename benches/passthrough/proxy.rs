//! The baseline: a proxy that copies bodies and looks at nothing, with the same HTTP settings.

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::{Context, Result};
use http::uri::{Authority, Scheme};
use http::{Request, Response, StatusCode, Uri, Version};
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use net::Body;
use net::server::ServerSettings;
use tokio::net::TcpListener;

/// The argument that makes this program a proxy.
pub(crate) const MODE: &str = "bare-proxy";
/// What it says before its port.
pub(crate) const LISTENING: &str = "listening on port ";

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Copies requests to `upstream` until it is killed.
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
pub(crate) async fn run(protocol: &str, upstream: &str) -> Result<()> {
    let http2 = protocol == "h2";
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    eprintln!("{LISTENING}{}", listener.local_addr()?.port());
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new())
        .http2_only(http2)
        .http2_max_frame_size(1024 * 1024)
        .http2_max_send_buf_size(1024 * 1024)
        .build::<_, Incoming>(connector);
    let proxy = Arc::new(Proxy {
        client,
        upstream: upstream.parse().context("upstream")?,
    });
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let proxy = Arc::clone(&proxy);
        let service = service_fn(move |request| {
            let proxy = Arc::clone(&proxy);
            async move { Ok::<_, Infallible>(proxy.forward(request).await) }
        });
        let io = TokioIo::new(stream);
        drop(tokio::runtime::Handle::current().spawn(async move {
            let settings = ServerSettings::default().http2;
            let served = match http2 {
                true => {
                    hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .timer(TokioTimer::new())
                        .initial_stream_window_size(settings.stream_window)
                        .initial_connection_window_size(settings.connection_window)
                        .max_frame_size(settings.frame_bytes_max)
                        .serve_connection(io, service)
                        .await
                }
                false => {
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(io, service)
                        .await
                }
            };
            // The bench ends its connections as it likes.
            drop(served);
        }));
    }
}

struct Proxy {
    client: Client<HttpConnector, Incoming>,
    upstream: Authority,
}

impl Proxy {
    async fn forward(&self, mut request: Request<Incoming>) -> Response<Either<Incoming, Body>> {
        let uri = Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.upstream.clone())
            .path_and_query(request.uri().path())
            .build();
        if let Ok(uri) = uri {
            *request.uri_mut() = uri;
        }
        *request.version_mut() = Version::HTTP_11;
        match self.client.request(request).await {
            Ok(response) => response.map(Either::Left),
            Err(error) => {
                let mut response = Response::new(Either::Right(Body::from(error.to_string())));
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                response
            }
        }
    }
}
