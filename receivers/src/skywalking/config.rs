//! The keys of the `skywalking` receiver.

use std::collections::BTreeMap;

use engine::config::{ByteSize, Duration, ForeignKey, Problems};
use net::layers::{Cors, CorsSettings};
use net::tls::ServerTls;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::proxy::ProxyConfig;
use crate::listeners::Terms;
use crate::listeners::config::{
    CorsConfig, InvalidUtf8, Keepalive, ServerParameters, Transport, changed, check_endpoint,
    check_response_headers, check_tls,
};

/// Keys of the collector's receiver of the same name that mean nothing here.
pub(super) const FOREIGN_KEYS: &[ForeignKey] = &[
    ForeignKey::ignored("protocols.grpc.include_metadata", METADATA),
    ForeignKey::ignored("protocols.http.include_metadata", METADATA),
    ForeignKey::ignored("protocols.grpc.read_buffer_size", BUFFERS),
    ForeignKey::ignored("protocols.grpc.write_buffer_size", BUFFERS),
    ForeignKey::ignored("protocols.grpc.keepalive.enforcement_policy", PINGS),
];

const METADATA: &str = "`User-Agent` and `Referer` travel with the data, other headers never";
const BUFFERS: &str = "buffers follow the traffic, within the process's budget";
const PINGS: &str = "agents may ping as often as they like";

/// The header with which the browser client marks requests that belong to a trace; it traces its own.
const TRACE_HEADER: &str = "sw8";

/// The `skywalking` receiver.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    /// What to listen for; at least one. An empty key takes the defaults.
    pub(super) protocols: Protocols,
    /// The backend that answers what agents ask: for tasks, for their configuration. Absent: they are
    /// told that there is nothing to do.
    pub(super) proxy: Option<ProxyConfig>,
    /// What to do with text that is not UTF-8: real SDKs send half surrogate pairs.
    pub(super) invalid_utf8: InvalidUtf8,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Protocols {
    /// What agents speak by default.
    pub(super) grpc: Option<Grpc>,
    /// JSON, from browsers, mini programs and agents without gRPC.
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
    /// The longest message, decompressed; a backend takes 50 MiB, too.
    #[schemars(range(min = 1, max = 1024))]
    pub(super) max_recv_msg_size_mib: u32,
    /// Streams open at once on a connection.
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
}

impl Default for Grpc {
    fn default() -> Self {
        Grpc {
            endpoint: "127.0.0.1:11800".to_owned(),
            transport: Transport::Tcp,
            tls: None,
            max_recv_msg_size_mib: 50,
            max_concurrent_streams: 100,
            keepalive: Keepalive {
                server_parameters: ServerParameters {
                    // Some agents keep one stream for their whole life and lose data when it is cut.
                    max_connection_age: Duration::from_secs(0),
                    ..ServerParameters::default()
                },
            },
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Http {
            endpoint: "127.0.0.1:12800".to_owned(),
            transport: Transport::Tcp,
            tls: None,
            cors: None,
            max_request_body_size: ByteSize::from_mib(20),
            response_headers: BTreeMap::new(),
            read_timeout: Duration::from_secs(15),
            read_header_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(75),
            max_connection_age: Duration::from_secs(30 * 60),
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
        if let Some(proxy) = &self.proxy {
            proxy.check(problems);
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
    }

    /// Who may send from a browser, with the header that the browser client adds.
    pub(super) fn cors(&self) -> Option<CorsSettings> {
        let mut settings = self.cors.as_ref()?.settings();
        settings.allowed_headers.push(TRACE_HEADER.to_owned());
        Some(settings)
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
            has_endless_streams: true,
            ..self.keepalive.terms(&defaults.keepalive)
        }
    }
}
