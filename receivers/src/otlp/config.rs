//! The collector's keys of its `otlp` receiver, with safer defaults where its own are not safe.

use std::collections::BTreeMap;

use engine::config::{ByteSize, Duration, ForeignKey, Problems};
use net::layers::{Cors, CorsSettings};
use net::tls::ServerTls;
use pdata::Signal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::listeners::Terms;

/// Keys of the collector's receiver that mean nothing here.
pub(super) const FOREIGN_KEYS: &[ForeignKey] = &[
    ForeignKey::ignored("protocols.grpc.include_metadata", METADATA),
    ForeignKey::ignored("protocols.http.include_metadata", METADATA),
    ForeignKey::ignored("protocols.grpc.read_buffer_size", BUFFERS),
    ForeignKey::ignored("protocols.grpc.write_buffer_size", BUFFERS),
    ForeignKey::ignored("protocols.grpc.keepalive.enforcement_policy", PINGS),
    ForeignKey::ignored("protocols.http.write_timeout", ANSWERS),
    ForeignKey::ignored("protocols.grpc.tls.ca_file", AUTHORITIES),
    ForeignKey::ignored("protocols.http.tls.ca_file", AUTHORITIES),
    ForeignKey::ignored(
        "protocols.grpc.tls.include_system_ca_certs_pool",
        AUTHORITIES,
    ),
    ForeignKey::ignored(
        "protocols.http.tls.include_system_ca_certs_pool",
        AUTHORITIES,
    ),
];

const METADATA: &str = "`User-Agent` and `Referer` travel with the data, other headers never";
const BUFFERS: &str = "buffers follow the traffic, within the process's budget";
const PINGS: &str = "clients may ping as often as they like";
const ANSWERS: &str = "answers are short and are not awaited";
const AUTHORITIES: &str = "it is for clients; `client_ca_file` names who may sign theirs";

/// The `otlp` receiver.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    /// What to listen for; at least one. An empty key takes the defaults.
    pub(super) protocols: Protocols,
    /// What to do with text that is not UTF-8: real SDKs send half surrogate pairs.
    pub(super) invalid_utf8: InvalidUtf8,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Protocols {
    /// OTLP over gRPC.
    pub(super) grpc: Option<Grpc>,
    /// OTLP over HTTP, protobuf and JSON.
    pub(super) http: Option<Http>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum InvalidUtf8 {
    /// Replace what is broken and count it.
    #[default]
    Repair,
    /// Refuse the request.
    Refuse,
}

/// How connections are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Transport {
    #[default]
    Tcp,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Grpc {
    /// `host:port`; port 0 takes any that is free.
    pub(super) endpoint: String,
    pub(super) transport: Transport,
    /// Absent is plain text.
    pub(super) tls: Option<ServerTls>,
    /// The longest message, decompressed.
    #[schemars(range(min = 1, max = 1024))]
    pub(super) max_recv_msg_size_mib: u32,
    /// Requests open at once on a connection.
    #[schemars(range(min = 1))]
    pub(super) max_concurrent_streams: u32,
    pub(super) keepalive: Keepalive,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Keepalive {
    pub(super) server_parameters: ServerParameters,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ServerParameters {
    /// How long a connection may be without a request.
    pub(super) max_connection_idle: Duration,
    /// When a connection is asked to end, give or take a tenth; 0 is never.
    pub(super) max_connection_age: Duration,
    /// How long its open requests may take then.
    pub(super) max_connection_age_grace: Duration,
    /// How long a connection may be silent before it is pinged.
    pub(super) time: Duration,
    /// How long a ping may be unanswered.
    pub(super) timeout: Duration,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Http {
    /// `host:port`; port 0 takes any that is free.
    pub(super) endpoint: String,
    pub(super) transport: Transport,
    /// Absent is plain text.
    pub(super) tls: Option<ServerTls>,
    /// Which web pages may send; absent is none.
    pub(super) cors: Option<CorsConfig>,
    /// The longest body, as sent and again decompressed.
    pub(super) max_request_body_size: ByteSize,
    /// Headers added to every answer.
    pub(super) response_headers: BTreeMap<String, String>,
    /// For a request's headers and body together.
    pub(super) read_timeout: Duration,
    /// For a request's headers.
    pub(super) read_header_timeout: Duration,
    /// How long a connection may be without a request.
    pub(super) idle_timeout: Duration,
    /// When a connection is asked to end, give or take a tenth; 0 is never.
    pub(super) max_connection_age: Duration,
    pub(super) traces_url_path: String,
    pub(super) metrics_url_path: String,
    pub(super) logs_url_path: String,
}

/// `cors`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct CorsConfig {
    /// Origins such as `https://*.example.com`, or `*`.
    pub(super) allowed_origins: Vec<String>,
    /// Request headers beyond the usual ones.
    pub(super) allowed_headers: Vec<String>,
    /// Response headers that scripts may read.
    pub(super) exposed_headers: Vec<String>,
    /// Seconds for which browsers may remember the answer to a preflight.
    pub(super) max_age: u32,
}

impl Default for Grpc {
    fn default() -> Self {
        Grpc {
            endpoint: "127.0.0.1:4317".to_owned(),
            transport: Transport::Tcp,
            tls: None,
            max_recv_msg_size_mib: 4,
            max_concurrent_streams: 100,
            keepalive: Keepalive::default(),
        }
    }
}

impl Default for ServerParameters {
    fn default() -> Self {
        ServerParameters {
            max_connection_idle: Duration::from_secs(75),
            // Without an age a balancer never spreads long-lived connections.
            max_connection_age: Duration::from_secs(30 * 60),
            max_connection_age_grace: Duration::from_secs(30),
            time: Duration::from_secs(60),
            timeout: Duration::from_secs(20),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Http {
            endpoint: "127.0.0.1:4318".to_owned(),
            transport: Transport::Tcp,
            tls: None,
            cors: None,
            max_request_body_size: ByteSize::from_mib(20),
            response_headers: BTreeMap::new(),
            read_timeout: Duration::from_secs(15),
            read_header_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(75),
            max_connection_age: Duration::from_secs(30 * 60),
            traces_url_path: "/v1/traces".to_owned(),
            metrics_url_path: "/v1/metrics".to_owned(),
            logs_url_path: "/v1/logs".to_owned(),
        }
    }
}

impl Config {
    pub(super) fn check(&self, problems: &mut Problems) {
        let Protocols { grpc, http } = &self.protocols;
        if grpc.is_none() && http.is_none() {
            problems
                .at("protocols", "must specify at least one protocol")
                .help("write `grpc:` or `http:` under `protocols`, or both");
        }
        if let Some(grpc) = grpc {
            check_endpoint("protocols.grpc.endpoint", &grpc.endpoint, problems);
            check_tls("protocols.grpc.tls", grpc.tls.as_ref(), problems);
        }
        if let Some(http) = http {
            check_endpoint("protocols.http.endpoint", &http.endpoint, problems);
            check_tls("protocols.http.tls", http.tls.as_ref(), problems);
            http.check(problems);
        }
    }
}

impl Http {
    fn check(&self, problems: &mut Problems) {
        if let Some(cors) = &self.cors
            && let Err(error) = Cors::try_new(&cors.settings())
        {
            problems.at("protocols.http.cors", error.to_string());
        }
        for (name, value) in &self.response_headers {
            let valid = http::HeaderName::try_from(name).is_ok()
                && http::HeaderValue::try_from(value).is_ok();
            if !valid {
                let text = format!("`{name}: {value}` is no header");
                problems.at("protocols.http.response_headers", text);
            }
        }
        let paths = Signal::ALL.map(|signal| self.path(signal));
        if paths[0] == paths[1] || paths[1] == paths[2] || paths[0] == paths[2] {
            problems
                .at("protocols.http", "two signals have the same path")
                .help("`traces_url_path`, `metrics_url_path` and `logs_url_path` must differ");
        }
    }

    /// The path of a signal, with the leading slash that may be left out.
    pub(super) fn path(&self, signal: Signal) -> String {
        let path = match signal {
            Signal::Traces => &self.traces_url_path,
            Signal::Metrics => &self.metrics_url_path,
            Signal::Logs => &self.logs_url_path,
        };
        format!("/{}", path.trim_start_matches('/'))
    }

    pub(super) fn terms(&self) -> Terms {
        Terms {
            tls: self.tls.clone(),
            header_timeout: Some(self.read_header_timeout.into()),
            idle_timeout: Some(self.idle_timeout.into()),
            age_max: Some(self.max_connection_age.into()),
            ..Terms::default()
        }
    }
}

impl Grpc {
    pub(super) fn terms(&self) -> Terms {
        let keepalive = &self.keepalive.server_parameters;
        Terms {
            tls: self.tls.clone(),
            streams_max: Some(self.max_concurrent_streams),
            idle_timeout: Some(keepalive.max_connection_idle.into()),
            age_max: Some(keepalive.max_connection_age.into()),
            age_grace: Some(keepalive.max_connection_age_grace.into()),
            ping_interval: Some(keepalive.time.into()),
            ping_timeout: Some(keepalive.timeout.into()),
            ..Terms::default()
        }
    }
}

impl CorsConfig {
    pub(super) fn settings(&self) -> CorsSettings {
        CorsSettings {
            allowed_origins: self.allowed_origins.clone(),
            allowed_headers: self.allowed_headers.clone(),
            exposed_headers: self.exposed_headers.clone(),
            max_age: std::time::Duration::from_secs(self.max_age.into()),
        }
    }
}

/// Whether it has the form `host:port`; whether the host exists is for the machine to say.
fn check_endpoint(path: &str, endpoint: &str, problems: &mut Problems) {
    let port = endpoint
        .rsplit_once(':')
        .filter(|(host, _)| !host.is_empty());
    if port.is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
        problems
            .at(path, format!("`{endpoint}` is no address to listen on"))
            .help("write `host:port`, as in `127.0.0.1:4318` or `[::]:4318`");
    }
}

fn check_tls(path: &str, tls: Option<&ServerTls>, problems: &mut Problems) {
    if let Some(Err(error)) = tls.map(ServerTls::check) {
        problems.at(path, error.to_string());
    }
}
