//! Keys that receivers share: what a listener can be told.

use std::collections::BTreeMap;

use engine::config::{Duration, Problems};
use net::layers::CorsSettings;
use net::tls::ServerTls;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Terms;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum InvalidUtf8 {
    /// Replace what is broken and count it.
    #[default]
    Repair,
    /// Refuse the request.
    Refuse,
}

/// How connections are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Transport {
    #[default]
    Tcp,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Keepalive {
    pub(crate) server_parameters: ServerParameters,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServerParameters {
    /// How long a connection may be without a request.
    pub(crate) max_connection_idle: Duration,
    /// When a connection is asked to end, give or take a tenth; 0 is never.
    pub(crate) max_connection_age: Duration,
    /// How long its open requests may take then.
    pub(crate) max_connection_age_grace: Duration,
    /// How long a connection may be silent before it is pinged.
    pub(crate) time: Duration,
    /// How long a ping may be unanswered.
    pub(crate) timeout: Duration,
}

/// `cors`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CorsConfig {
    /// Origins such as `https://*.example.com`, or `*`.
    pub(crate) allowed_origins: Vec<String>,
    /// Request headers beyond the usual ones.
    pub(crate) allowed_headers: Vec<String>,
    /// Response headers that scripts may read.
    pub(crate) exposed_headers: Vec<String>,
    /// Seconds for which browsers may remember the answer to a preflight.
    pub(crate) max_age: u32,
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

impl Keepalive {
    /// What differs from the receiver's `defaults`.
    pub(crate) fn terms(&self, defaults: &Keepalive) -> Terms {
        let ours = &self.server_parameters;
        let theirs = &defaults.server_parameters;
        Terms {
            idle_timeout: changed(ours.max_connection_idle, theirs.max_connection_idle),
            age_max: changed(ours.max_connection_age, theirs.max_connection_age),
            age_grace: changed(
                ours.max_connection_age_grace,
                theirs.max_connection_age_grace,
            ),
            ping_interval: changed(ours.time, theirs.time),
            ping_timeout: changed(ours.timeout, theirs.timeout),
            ..Terms::default()
        }
    }
}

impl InvalidUtf8 {
    pub(crate) fn setting(self) -> pdata::otlp::InvalidUtf8 {
        match self {
            InvalidUtf8::Repair => pdata::otlp::InvalidUtf8::Repair,
            InvalidUtf8::Refuse => pdata::otlp::InvalidUtf8::Refuse,
        }
    }
}

impl CorsConfig {
    pub(crate) fn settings(&self) -> CorsSettings {
        CorsSettings {
            allowed_origins: self.allowed_origins.clone(),
            allowed_headers: self.allowed_headers.clone(),
            exposed_headers: self.exposed_headers.clone(),
            max_age: std::time::Duration::from_secs(self.max_age.into()),
        }
    }
}

/// A value that was changed; one that is as by default leaves it to the other receivers of the port.
pub(crate) fn changed(ours: Duration, default: Duration) -> Option<std::time::Duration> {
    (ours != default).then(|| ours.into())
}

/// Whether it has the form `host:port`; whether the host exists is for the machine to say.
pub(crate) fn check_endpoint(path: &str, endpoint: &str, problems: &mut Problems) {
    let port = endpoint
        .rsplit_once(':')
        .filter(|(host, _)| !host.is_empty());
    if port.is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
        problems
            .at(path, format!("`{endpoint}` is no address to listen on"))
            .help("write `host:port`, as in `127.0.0.1:4318` or `[::]:4318`");
    }
}

pub(crate) fn check_tls(path: &str, tls: Option<&ServerTls>, problems: &mut Problems) {
    if let Some(Err(error)) = tls.map(ServerTls::check) {
        problems.at(path, error.to_string());
    }
}

pub(crate) fn check_response_headers(
    path: &str,
    headers: &BTreeMap<String, String>,
    problems: &mut Problems,
) {
    for (name, value) in headers {
        let valid =
            http::HeaderName::try_from(name).is_ok() && http::HeaderValue::try_from(value).is_ok();
        if !valid {
            problems.at(path, format!("`{name}: {value}` is no header"));
        }
    }
}

/// Headers that have passed [`check_response_headers`].
pub(crate) fn header_map(headers: &BTreeMap<String, String>) -> http::HeaderMap {
    let entries = headers.iter().filter_map(|(name, value)| {
        let name = http::HeaderName::try_from(name).ok()?;
        Some((name, http::HeaderValue::try_from(value).ok()?))
    });
    entries.collect()
}
