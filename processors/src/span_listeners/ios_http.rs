//! `ios_http`: the requests of iOS apps, as metrics, and the end of a feedback loop.
//!
//! The SDK's URLSession instrumentation makes a span of every request, its own exports included:
//! each export is a span that is exported. In a published case 41,213 of 41,217 spans were those.
//! Requests to `own_hosts` are dropped; of all others the count, the duration and the errors are
//! measured by service, version and domain. Stable and old semantic conventions are read.

mod own_hosts;
mod request;

use std::borrow::Cow;

use engine::config::Problems;
use pdata::edit::Pair;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Tally;
use super::bounded::{BoundedNames, OVERFLOW};
use super::listener::{Kind, Measured, Metric, SpanListener, SpanView, Verdict};
use own_hosts::{OwnHost, OwnHosts};
use request::Request;

const NAME: &str = "ios_http";
const SCOPE: &str = "NSURLSession";
/// OTLP's `SPAN_KIND_CLIENT`.
const CLIENT: i32 = 3;
const NANOS_PER_SECOND: f64 = 1e9;

/// OAP's layer of iOS apps.
const LAYER: &str = "IOS";
/// The attribute of which OAP makes the other side of a call.
const PEER_NAME: &str = "net.peer.name";

/// In seconds, as the semantic conventions recommend for HTTP.
static BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

static COUNT: Metric<'_> = Metric {
    name: "ios.http.request.count",
    unit: "{request}",
    labels: &[],
    kind: Kind::Sum,
};
/// Requests without an answer, or with a status of 400 or more.
static ERRORS: Metric<'_> = Metric {
    name: "ios.http.request.errors",
    unit: "{request}",
    labels: &[],
    kind: Kind::Sum,
};
static DURATION: Metric<'_> = Metric {
    name: "ios.http.request.duration",
    unit: "s",
    labels: &[],
    kind: Kind::Histogram {
        bounds: &BOUNDS,
        is_capped: false,
    },
};

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    /// Where apps send their telemetry, as `host`, `host:port` or `host/path`: spans of requests to
    /// it are dropped. With a path, only those to that path and below it.
    own_hosts: Vec<String>,
    /// Domains that have metrics of their own; all others share `_other`.
    #[schemars(range(min = 1, max = 100_000))]
    max_domains: usize,
    /// Give resources of iOS and iPadOS the layer `IOS`, as `service.layer`.
    set_layer: bool,
    /// Add `net.peer.name` where only `server.address` is there: OAP knows the other side of a call
    /// by it.
    set_peer_name: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            own_hosts: Vec::new(),
            // An app talks to a few of its own and to some dozens of third parties.
            max_domains: 200,
            set_layer: false,
            set_peer_name: false,
        }
    }
}

impl Config {
    pub(super) fn check(&self, problems: &mut Problems) {
        for (index, written) in self.own_hosts.iter().enumerate() {
            if let Err(error) = OwnHost::parse(written) {
                let path = format!("listeners.ios_http.own_hosts[{index}]");
                problems
                    .at(path.as_str(), format!("`{written}` is no host: {error}"))
                    .help("write it as in `telemetry.example.com`, with a port or path if need be");
            }
        }
    }
}

pub(super) struct IosHttp {
    own_hosts: OwnHosts,
    domains: BoundedNames,
    set_layer: bool,
    set_peer_name: bool,
}

impl IosHttp {
    pub(super) fn new(config: Config, tally: &Tally<'_>) -> Self {
        IosHttp {
            own_hosts: OwnHosts::parse(&config.own_hosts),
            domains: BoundedNames::new(config.max_domains, NAME, tally),
            set_layer: config.set_layer,
            set_peer_name: config.set_peer_name,
        }
    }

    fn measure<'a>(&self, span: &SpanView<'a>, request: &Request<'a>) -> Measured<'a> {
        let domain = match self.domains.admits(&request.domain) {
            true => request.domain.clone(),
            false => Cow::Borrowed(OVERFLOW),
        };
        let mut attributes = vec![("server.address", domain)];
        if let Some(version) = span.resource_text("service.version") {
            attributes.push(("service.version", version.into()));
        }
        let error = if request.has_failed() { 1.0 } else { 0.0 };
        let mut values = vec![(COUNT, 1.0), (ERRORS, error)];
        let (start, end) = (span.start_unix_nano(), span.end_unix_nano());
        // Without both times, or with a clock that was set back, only the duration is unknown.
        let took = end.checked_sub(start).filter(|_| start > 0);
        if let Some(took) = took {
            values.push((DURATION, took as f64 / NANOS_PER_SECOND));
        }
        Measured {
            window: span.window(),
            attributes,
            values,
        }
    }

    fn layer(&self, span: &SpanView<'_>) -> Option<&'static str> {
        (self.set_layer && span.is_of_ios()).then_some(LAYER)
    }

    fn tags(&self, request: &Request<'_>) -> Vec<Pair> {
        match self.set_peer_name && request.lacks_peer_name {
            true => vec![Pair::string(PEER_NAME, request.host)],
            false => Vec::new(),
        }
    }
}

impl SpanListener for IosHttp {
    fn name(&self) -> &str {
        NAME
    }

    fn scopes(&self) -> Vec<String> {
        vec![SCOPE.to_owned()]
    }

    fn look<'a>(&'a self, span: &SpanView<'a>) -> Verdict<'a> {
        let Some(request) = Request::of(span) else {
            return Verdict::default();
        };
        if self.own_hosts.include(&request) {
            return Verdict {
                veto: true,
                ..Verdict::default()
            };
        }
        // What has no method is no request to OAP either, so that both count the same.
        if span.kind() != CLIENT || !request.has_method {
            return Verdict::default();
        }
        Verdict {
            veto: false,
            tags: self.tags(&request),
            layer: self.layer(span),
            measured: Some(self.measure(span, &request)),
        }
    }
}

#[cfg(test)]
mod tests;
