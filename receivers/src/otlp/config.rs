//! The collector's keys of its `otlp` receiver, with safer defaults where its own are not safe.

use std::collections::BTreeMap;

use engine::config::{ByteSize, Duration, ForeignKey, Problems};
use net::layers::Cors;
use net::tls::ServerTls;
use pdata::Signal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::listeners::Terms;
use crate::listeners::config::{
    CorsConfig, InvalidUtf8, Keepalive, Transport, changed, check_endpoint, check_response_headers,
    check_tls,
};

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

    /// Protocol, endpoint and terms of each protocol that is switched on.
    pub(super) fn addresses(&self) -> Vec<(&'static str, String, Terms)> {
        let grpc = self.protocols.grpc.as_ref();
        let http = self.protocols.http.as_ref();
        let grpc = grpc.map(|grpc| ("grpc", grpc.endpoint.clone(), grpc.terms()));
        let http = http.map(|http| ("http", http.endpoint.clone(), http.terms()));
        Terms::agree(grpc.into_iter().chain(http).collect())
    }
}

impl Http {
    fn check(&self, problems: &mut Problems) {
        if let Some(cors) = &self.cors
            && let Err(error) = Cors::try_new(&cors.settings())
        {
            problems.at("protocols.http.cors", error.to_string());
        }
        check_response_headers(
            "protocols.http.response_headers",
            &self.response_headers,
            problems,
        );
        let paths = self.paths().map(|(_, path)| path);
        if paths[0] == paths[1] || paths[1] == paths[2] || paths[0] == paths[2] {
            problems
                .at("protocols.http", "two signals have the same path")
                .help("`traces_url_path`, `metrics_url_path` and `logs_url_path` must differ");
        }
    }

    /// The path of each signal, with the leading slash that may be left out.
    pub(super) fn paths(&self) -> [(Signal, String); Signal::OTLP.len()] {
        [
            (Signal::Traces, &self.traces_url_path),
            (Signal::Metrics, &self.metrics_url_path),
            (Signal::Logs, &self.logs_url_path),
        ]
        .map(|(signal, path)| (signal, format!("/{}", path.trim_start_matches('/'))))
    }

    fn terms(&self) -> Terms {
        let defaults = Http::default();
        Terms {
            tls: self.tls.clone(),
            header_timeout: changed(self.read_header_timeout, defaults.read_header_timeout),
            idle_timeout: changed(self.idle_timeout, defaults.idle_timeout),
            age_max: changed(self.max_connection_age, defaults.max_connection_age),
            ..Terms::default()
        }
    }
}

impl Grpc {
    fn terms(&self) -> Terms {
        let defaults = Grpc::default();
        let streams_max = self.max_concurrent_streams;
        Terms {
            tls: self.tls.clone(),
            streams_max: (streams_max != defaults.max_concurrent_streams).then_some(streams_max),
            ..self.keepalive.terms(&defaults.keepalive)
        }
    }
}
