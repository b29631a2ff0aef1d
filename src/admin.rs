//! The endpoints for operators: metrics for Prometheus, and health.
//!
//! Both are bound with the rest of the graph, so that a port in use is a failed start, and both
//! answer until the last exporter is done. They only read. What changes something is asked for over
//! a socket in the data directory, which only the process's own user can open ([`Operators`]).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use engine::component::BuildContext;
use engine::config::{Diagnostics, Document};
use engine::{Shutdown, Tasks};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use net::server::ServerSettings;
use net::spawn::Task;
use net::{Body, Listener, Server, Spawn};
use telemetry::{Health, Metrics};

mod health;
mod process;
mod socket;

pub(crate) use socket::{Operators, place_of};

/// Connections to each endpoint: a scraper, a few probes, a person.
const CONNECTIONS_MAX: u32 = 64;

/// How long open requests may take once the run is over.
const END_WAIT: Duration = Duration::from_millis(500);

/// The sockets of the endpoints that are configured.
pub(crate) struct Listeners {
    metrics: Option<Listener>,
    health: Option<Listener>,
}

impl Listeners {
    /// Binds them; an error points at the key that names the address.
    pub(crate) fn bind(document: &Document) -> Result<Listeners, Diagnostics> {
        let telemetry = &document.service().telemetry;
        let mut problems = document.problems();
        // The outer option is `None` after an error, the inner one where there is to be no endpoint.
        let mut bind = |key: &str, address: Option<&str>| {
            let Some(address) = address else {
                return Some(None);
            };
            let report = |error| {
                let path = format!("service.telemetry.{key}.address");
                let error = anyhow::Error::from(error);
                problems
                    .at(&*path, format!("{error:#}"))
                    .help(format!("set `{path}` to a free port"));
            };
            Listener::bind(address).map_err(report).ok().map(Some)
        };
        let health = &telemetry.health;
        let metrics = bind("metrics", telemetry.metrics.address.as_deref());
        let health = bind("health", health.enabled.then_some(&*health.address));
        match (metrics, health) {
            (Some(metrics), Some(health)) => Ok(Listeners { metrics, health }),
            _ => Err(problems.into_diagnostics()),
        }
    }
}

/// The endpoints, bound.
pub(crate) struct Admin {
    listeners: Listeners,
    state: Arc<State>,
}

/// What the endpoints show.
struct State {
    metrics: Metrics,
    health: Health,
    started: Instant,
}

impl Admin {
    /// Binds the endpoints and adds the process's own metrics.
    pub(crate) fn bind(document: &Document, context: &BuildContext) -> Result<Admin, Diagnostics> {
        let listeners = Listeners::bind(document)?;
        let state = Arc::new(State {
            metrics: context.metrics.clone(),
            health: context.health.clone(),
            started: Instant::now(),
        });
        process::watch(&state.metrics, context.budget.clone(), state.started);
        Ok(Admin { listeners, state })
    }

    /// Answers until `shutdown` begins.
    pub(crate) fn run(self, tasks: &Tasks, shutdown: &Shutdown) {
        let Listeners { metrics, health } = self.listeners;
        if let Some(listener) = metrics {
            serve("metrics", METRICS, listener, &self.state, (tasks, shutdown));
        }
        if let Some(listener) = health {
            serve("health", HEALTH, listener, &self.state, (tasks, shutdown));
        }
    }
}

/// What one path answers.
type Page = fn(&State) -> Answer;

const METRICS: &[(&str, Page)] = &[("/metrics", metrics)];
const HEALTH: &[(&str, Page)] = &[("/", health), ("/status", health)];

struct Answer {
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
}

fn metrics(state: &State) -> Answer {
    Answer {
        status: StatusCode::OK,
        content_type: "text/plain; version=0.0.4; charset=utf-8",
        body: state.metrics.render().into(),
    }
}

fn health(state: &State) -> Answer {
    let status = match state.health.ready() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let report = health::describe(&state.health, state.started.elapsed());
    Answer {
        status,
        content_type: "application/json",
        body: format!("{report}\n").into(),
    }
}

fn serve(
    name: &'static str,
    pages: &'static [(&'static str, Page)],
    listener: Listener,
    state: &Arc<State>,
    (tasks, shutdown): (&Tasks, &Shutdown),
) {
    let settings = ServerSettings {
        connections_max: CONNECTIONS_MAX,
        ..ServerSettings::default()
    };
    let address: SocketAddr = listener.local_addr();
    let server = Server::new(listener, None).with(settings);
    let state = Arc::clone(state);
    let service = tower::service_fn(move |request: Request<Incoming>| {
        let response = answer(pages, &state, request.method(), request.uri().path());
        async { Ok::<_, Infallible>(response) }
    });
    let spawner: Arc<dyn Spawn> = Arc::new(Connections(tasks.clone()));
    let shutdown = shutdown.clone();
    let ended = async move {
        shutdown.begun().await;
        tokio::time::Instant::now() + END_WAIT
    };
    tasks.spawn(&format!("admin/{name}"), async move {
        tracing::info!(component = "admin", endpoint = name, %address, "listening");
        if let Err(error) = server.run(service, spawner, ended).await {
            tracing::error!(component = "admin", endpoint = name, %error, "endpoint failed");
        }
    });
}

/// Connections are tasks of the endpoint.
struct Connections(Tasks);

impl Spawn for Connections {
    fn spawn(&self, task: Task) {
        self.0.spawn("admin/connection", task);
    }
}

fn answer(pages: &[(&str, Page)], state: &State, method: &Method, path: &str) -> Response<Body> {
    let Some((_, page)) = pages.iter().find(|(known, _)| *known == path) else {
        let known: Vec<_> = pages.iter().map(|(known, _)| *known).collect();
        let text = format!("here are {}\n", known.join(" and "));
        return response(StatusCode::NOT_FOUND, "text/plain", text.into());
    };
    let is_head = method == Method::HEAD;
    if !is_head && method != Method::GET {
        let text = "only GET and HEAD\n".into();
        let mut refusal = response(StatusCode::METHOD_NOT_ALLOWED, "text/plain", text);
        let allowed = HeaderValue::from_static("GET, HEAD");
        refusal.headers_mut().insert(ALLOW, allowed);
        return refusal;
    }
    let Answer {
        status,
        content_type,
        body,
    } = page(state);
    let body = if is_head { Body::Empty } else { body.into() };
    response(status, content_type, body)
}

fn response(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
