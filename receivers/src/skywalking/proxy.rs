//! What is answered by a backend: tasks and configuration, what profilers bring, and, where the
//! operator asks for it, services and paths that are not known here.
//!
//! Bytes pass in both directions while they come, metadata and trailers with them. An answer is never
//! kept and a request never repeated once it has left: handing out a task changes the backend.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine::component::BuildError;
use engine::config::{Problems, Secret};
use http::header::{CONNECTION, HOST, HeaderName, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use net::client::{ClientSettings, Protocol, SendError};
use net::grpc::{self, Code, Status};
use net::spawn::OnCurrentRuntime;
use net::tls::ClientTls;
use net::{Body, Client};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::listeners::{Answer, Handler};

/// Requests at a backend at once; agents ask every 20 s, and profilers are few.
const OPEN_MAX: usize = 1000;
/// A backend that is overloaded is asked again after this.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// OAP's service for its own cluster, which no agent calls.
const INTERNAL_SERVICE: &str = "RemoteService";

const AUTHENTICATION: HeaderName = HeaderName::from_static("authentication");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// `proxy`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ProxyConfig {
    /// `host:port` of the backends' gRPC; `http://` before it means plain text, `https://` TLS.
    pub(super) endpoints: Vec<String>,
    /// Sent as `authentication` instead of the agent's own.
    pub(super) authentication: Option<Secret>,
    pub(super) tls: ClientTls,
    /// Whether methods that are not known here are proxied, too.
    pub(super) unknown: bool,
    /// Paths that are not known here, GraphQL among them; absent is not proxied.
    pub(super) http: Option<HttpProxy>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HttpProxy {
    /// The beginning of every URL, as in `http://oap:12800`.
    pub(super) endpoint: String,
}

impl ProxyConfig {
    pub(super) fn check(&self, problems: &mut Problems) {
        if self.endpoints.is_empty() {
            problems
                .at("proxy.endpoints", "`endpoints` is required")
                .help("write `host:port` of a backend's gRPC, as in `[oap:11800]`");
        }
        if let Err(error) = self.tls.check() {
            problems.at("proxy.tls", error.to_string());
        }
        let token = self.authentication.as_ref().map(Secret::expose);
        if token.is_some_and(|token| HeaderValue::try_from(token).is_err()) {
            problems.at(
                "proxy.authentication",
                "the token cannot be sent as metadata",
            );
        }
        // What is no endpoint is found by making its client, which connects to nothing.
        if let Err(error) = Proxy::new(self) {
            problems.at(error.path, error.message);
        }
    }
}

/// The backends that answer.
pub(super) struct Proxy {
    grpc: Vec<Client>,
    http: Option<Client>,
    next: AtomicUsize,
    authentication: Option<HeaderValue>,
    places: Arc<Semaphore>,
    pub(super) takes_unknown: bool,
}

impl Proxy {
    pub(super) fn new(config: &ProxyConfig) -> Result<Self, BuildError> {
        let grpc = config.endpoints.iter().enumerate();
        let grpc = grpc.map(|(index, endpoint)| {
            let url = config.tls.url(endpoint);
            client(
                config,
                &url,
                Protocol::Http2,
                format!("proxy.endpoints[{index}]"),
            )
        });
        let http = config.http.as_ref().map(|http| {
            let key = "proxy.http.endpoint".to_owned();
            client(config, http.endpoint.trim(), Protocol::Http1, key)
        });
        let token = config.authentication.as_ref();
        let token = token.and_then(|token| HeaderValue::try_from(token.expose()).ok());
        Ok(Proxy {
            grpc: grpc.collect::<Result<_, _>>()?,
            http: http.transpose()?,
            next: AtomicUsize::new(0),
            authentication: token.map(|mut token| {
                token.set_sensitive(true);
                token
            }),
            places: Arc::new(Semaphore::new(OPEN_MAX)),
            takes_unknown: config.unknown,
        })
    }

    pub(super) fn has_http(&self) -> bool {
        self.http.is_some()
    }

    async fn call(&self, mut request: Request<Incoming>) -> Result<Response<Body>, Status> {
        let service = request.uri().path().trim_start_matches('/');
        let service = service.split('/').next().unwrap_or_default();
        if service.rsplit('.').next() == Some(INTERNAL_SERVICE) {
            let text = format!("`{service}` is for a backend's own cluster and is not proxied");
            return Err(Status::new(Code::Unimplemented, text));
        }
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            let text = format!("{OPEN_MAX} requests are at the backend already");
            return Err(Status::new(Code::Unavailable, text).retry_after(RETRY_AFTER));
        };
        let index = self.next.fetch_add(1, Ordering::Relaxed) % self.grpc.len().max(1);
        let Some(client) = self.grpc.get(index) else {
            return Err(Status::new(Code::Unimplemented, "no backend is configured"));
        };
        strip(request.headers_mut());
        if let Some(token) = &self.authentication {
            request.headers_mut().insert(AUTHENTICATION, token.clone());
        }
        let answer = client.relay(request, Box::new(place)).await;
        let mut answer = answer.map_err(Status::from)?;
        strip(answer.headers_mut());
        Ok(answer)
    }

    async fn get(&self, mut request: Request<Incoming>) -> Result<Response<Body>, SendError> {
        let Some(client) = &self.http else {
            return Ok(status(StatusCode::NOT_FOUND, "404 page not found"));
        };
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            let text = format!("{OPEN_MAX} requests are at the backend already");
            return Ok(status(StatusCode::SERVICE_UNAVAILABLE, &text));
        };
        strip(request.headers_mut());
        let mut answer = client.relay(request, Box::new(place)).await?;
        strip(answer.headers_mut());
        Ok(answer)
    }
}

fn client(
    config: &ProxyConfig,
    url: &str,
    protocol: Protocol,
    key: String,
) -> Result<Client, BuildError> {
    let security = match url.starts_with("https://") {
        true => {
            let security = config.tls.load();
            security.map_err(|error| BuildError::at("proxy.tls", error.to_string()))?
        }
        false => None,
    };
    let settings = ClientSettings::default();
    let spawner = Arc::new(OnCurrentRuntime);
    let client = Client::try_new(url, protocol, security, &settings, spawner);
    client.map_err(|error| BuildError::at(&*key, error.to_string()))
}

/// Takes out what is about one connection.
fn strip(headers: &mut HeaderMap) {
    for name in [CONNECTION, HOST, TRANSFER_ENCODING, UPGRADE, KEEP_ALIVE] {
        headers.remove(name);
    }
}

fn status(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{text}\n")));
    *response.status_mut() = status;
    response
}

/// Answers gRPC methods with what the backend answers.
pub(super) struct Methods(pub(super) Arc<Proxy>);

impl Handler for Methods {
    fn handle(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        Box::pin(async move {
            let answer = self.0.call(request).await;
            answer.unwrap_or_else(|status| grpc::refuse(&status))
        })
    }
}

/// Answers paths of HTTP with what the backend answers.
pub(super) struct Paths(pub(super) Arc<Proxy>);

impl Handler for Paths {
    fn handle(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        Box::pin(async move {
            let answer = self.0.get(request).await;
            answer.unwrap_or_else(|error| {
                status(
                    StatusCode::BAD_GATEWAY,
                    &format!("502 bad gateway: {error}"),
                )
            })
        })
    }
}
