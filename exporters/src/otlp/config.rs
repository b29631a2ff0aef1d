//! The collector's keys of its `otlp_grpc` and `otlp_http` exporters.

use std::collections::BTreeMap;

use engine::config::{Duration, ForeignKey, Problems, Secret};
use engine::exporter::{QueueConfig, RetryConfig, Settings};
use http::{HeaderName, HeaderValue, Uri};
use net::compress::Encoding;
use net::tls::ClientTls;
use pdata::{Signal, otlp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outgoing::check_url;

/// Keys of the collector's `otlp_grpc` exporter that have no counterpart.
pub(super) const GRPC_FOREIGN_KEYS: &[ForeignKey] = &[
    ForeignKey::ignored("read_buffer_size", BUFFERS),
    ForeignKey::ignored("write_buffer_size", BUFFERS),
    ForeignKey::ignored(
        "wait_for_ready",
        "every attempt waits for a connection, within `timeout`",
    ),
    ForeignKey::ignored("balancer_name", ONE_CONNECTION),
    ForeignKey::ignored(
        "keepalive.permit_without_stream",
        "a connection in use is pinged only",
    ),
    ForeignKey::refused("authority", "write the host into `endpoint`"),
    ForeignKey::refused("user_agent", "the program names itself"),
    ForeignKey::refused("tls.reload_interval", CERTIFICATES),
];

/// Keys of the collector's `otlp_http` exporter that have no counterpart.
pub(super) const HTTP_FOREIGN_KEYS: &[ForeignKey] = &[
    ForeignKey::ignored("read_buffer_size", BUFFERS),
    ForeignKey::ignored("write_buffer_size", BUFFERS),
    ForeignKey::ignored(
        "max_idle_conns_per_host",
        "`max_idle_conns` is for the one host there is",
    ),
    ForeignKey::ignored(
        "max_conns_per_host",
        "`sending_queue.num_consumers` bounds connections",
    ),
    ForeignKey::ignored("force_attempt_http2", "HTTP/1.1 is spoken"),
    ForeignKey::ignored("http2_read_idle_timeout", "HTTP/1.1 is spoken"),
    ForeignKey::ignored("http2_ping_timeout", "HTTP/1.1 is spoken"),
    ForeignKey::ignored(
        "compression_params",
        "the level is the fastest that is worth it",
    ),
    ForeignKey::refused(
        "disable_keep_alives",
        "connections are kept for `idle_conn_timeout`",
    ),
    ForeignKey::refused("proxy_url", "connections go straight to the endpoint").secret(),
    ForeignKey::refused("cookies", "cookies are not kept"),
    ForeignKey::refused("tls.reload_interval", CERTIFICATES),
];

const BUFFERS: &str = "buffers follow the traffic";
const ONE_CONNECTION: &str = "there is one connection to the endpoint";
const CERTIFICATES: &str = "certificates are read once, at the start";

/// The `otlp_grpc` exporter.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct GrpcConfig {
    /// `host:port`; `http://` before it means plain text, `https://` TLS.
    pub(super) endpoint: String,
    pub(super) tls: ClientTls,
    pub(super) compression: Compression,
    /// Metadata of every call.
    pub(super) headers: BTreeMap<String, Secret>,
    /// Pings while an answer is awaited; absent is none.
    pub(super) keepalive: Option<Keepalive>,
    /// For one attempt; 0 is no limit.
    pub(super) timeout: Duration,
    pub(super) retry_on_failure: RetryConfig,
    pub(super) sending_queue: QueueConfig,
    /// Drop and count what there is no room for, instead of refusing the sender.
    pub(super) optional: bool,
}

/// The `otlp_http` exporter.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HttpConfig {
    /// The beginning of every URL: `/v1/traces`, `/v1/metrics` or `/v1/logs` is appended.
    pub(super) endpoint: String,
    /// The whole URL for traces, instead.
    pub(super) traces_endpoint: String,
    /// The whole URL for metrics, instead.
    pub(super) metrics_endpoint: String,
    /// The whole URL for logs, instead.
    pub(super) logs_endpoint: String,
    pub(super) encoding: BodyEncoding,
    pub(super) tls: ClientTls,
    pub(super) compression: Compression,
    /// Headers of every request.
    pub(super) headers: BTreeMap<String, Secret>,
    /// For one attempt; 0 is no limit.
    pub(super) timeout: Duration,
    /// How long an unused connection is kept.
    pub(super) idle_conn_timeout: Duration,
    /// Unused connections kept.
    pub(super) max_idle_conns: usize,
    pub(super) retry_on_failure: RetryConfig,
    pub(super) sending_queue: QueueConfig,
    /// Drop and count what there is no room for, instead of refusing the sender.
    pub(super) optional: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum BodyEncoding {
    #[default]
    Proto,
    Json,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Compression {
    #[default]
    Gzip,
    Zstd,
    Deflate,
    None,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Keepalive {
    /// Between two pings.
    pub(super) time: Duration,
    /// How long a ping may be unanswered.
    pub(super) timeout: Duration,
}

impl Default for GrpcConfig {
    fn default() -> Self {
        GrpcConfig {
            endpoint: String::new(),
            tls: ClientTls::default(),
            compression: Compression::Gzip,
            headers: BTreeMap::new(),
            keepalive: None,
            timeout: Duration::from_secs(5),
            retry_on_failure: RetryConfig::default(),
            sending_queue: QueueConfig::default(),
            optional: false,
        }
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        HttpConfig {
            endpoint: String::new(),
            traces_endpoint: String::new(),
            metrics_endpoint: String::new(),
            logs_endpoint: String::new(),
            encoding: BodyEncoding::Proto,
            tls: ClientTls::default(),
            compression: Compression::Gzip,
            headers: BTreeMap::new(),
            timeout: Duration::from_secs(30),
            idle_conn_timeout: Duration::from_secs(90),
            max_idle_conns: 100,
            retry_on_failure: RetryConfig::default(),
            sending_queue: QueueConfig::default(),
            optional: false,
        }
    }
}

impl Default for Keepalive {
    fn default() -> Self {
        Keepalive {
            time: Duration::from_secs(10),
            timeout: Duration::from_secs(10),
        }
    }
}

impl Compression {
    pub(super) fn encoding(self) -> Encoding {
        match self {
            Compression::Gzip => Encoding::Gzip,
            Compression::Zstd => Encoding::Zstd,
            Compression::Deflate => Encoding::Deflate,
            Compression::None => Encoding::Identity,
        }
    }
}

impl GrpcConfig {
    pub(super) fn settings(&self) -> Settings {
        settings(
            &self.sending_queue,
            &self.retry_on_failure,
            self.timeout,
            self.optional,
        )
    }

    /// The endpoint as a URL, with the scheme that says whether TLS is used.
    pub(super) fn url(&self) -> String {
        self.tls.url(&self.endpoint)
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        if self.endpoint.trim().is_empty() {
            problems
                .at("endpoint", "`endpoint` is required")
                .help("write `host:port`");
        } else {
            check_url("endpoint", &self.url(), problems);
            let port = self
                .url()
                .parse::<Uri>()
                .ok()
                .and_then(|uri| uri.port_u16());
            if port.is_none() {
                problems
                    .at("endpoint", "the port is missing")
                    .help("write `host:port`");
            }
        }
        check_shared(&self.tls, &self.headers, problems);
        self.sending_queue.check("sending_queue", problems);
        let queue = Some(&self.sending_queue);
        self.retry_on_failure
            .check("retry_on_failure", queue, problems);
    }
}

impl HttpConfig {
    pub(super) fn settings(&self) -> Settings {
        settings(
            &self.sending_queue,
            &self.retry_on_failure,
            self.timeout,
            self.optional,
        )
    }

    /// The URL of each signal; empty if none is configured.
    pub(super) fn urls(&self) -> [(Signal, String); Signal::OTLP.len()] {
        [
            (Signal::Traces, &self.traces_endpoint),
            (Signal::Metrics, &self.metrics_endpoint),
            (Signal::Logs, &self.logs_endpoint),
        ]
        .map(|(signal, own)| {
            let url = match self.endpoint.trim_end_matches('/') {
                _ if !own.is_empty() => own.clone(),
                "" => String::new(),
                base => format!("{base}{}", otlp::http_path(signal)),
            };
            (signal, url)
        })
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        let own = [
            ("endpoint", &self.endpoint),
            ("traces_endpoint", &self.traces_endpoint),
            ("metrics_endpoint", &self.metrics_endpoint),
            ("logs_endpoint", &self.logs_endpoint),
        ];
        if own.iter().all(|(_, url)| url.is_empty()) {
            problems
                .at("endpoint", "`endpoint` is required")
                .help("write the URL's beginning, as in `https://backend:4318`");
        }
        for (key, url) in own.into_iter().filter(|(_, url)| !url.is_empty()) {
            check_url(key, url, problems);
        }
        check_shared(&self.tls, &self.headers, problems);
        self.sending_queue.check("sending_queue", problems);
        let queue = Some(&self.sending_queue);
        self.retry_on_failure
            .check("retry_on_failure", queue, problems);
    }
}

fn settings(
    queue: &QueueConfig,
    retry: &RetryConfig,
    timeout: Duration,
    optional: bool,
) -> Settings {
    Settings {
        queue: queue.settings(),
        retry: retry.settings(Some(queue)),
        timeout: timeout.into(),
        optional,
    }
}

fn check_shared(tls: &ClientTls, headers: &BTreeMap<String, Secret>, problems: &mut Problems) {
    if let Err(error) = tls.check() {
        problems.at("tls", error.to_string());
    }
    for (name, value) in headers {
        if HeaderName::try_from(name).is_err() {
            problems.at("headers", format!("`{name}` is no header name"));
        } else if HeaderValue::try_from(value.expose()).is_err() {
            problems.at(
                "headers",
                format!("the value of `{name}` cannot be sent in a header"),
            );
        }
    }
}
