//! The keys of the `skywalking` exporter.

use std::num::NonZeroUsize;

use engine::config::{Duration, Problems, Secret};
use engine::exporter::{QueueConfig, RetryConfig, Settings};
use http::{HeaderValue, Uri};
use net::tls::ClientTls;
use pdata::convert::assemble::{Options, UnresolvedParent};
use pdata::convert::identity::NAME_MAX;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outgoing::check_url;

/// OAP's defaults: what agents call, and what is asked for over HTTP.
const GRPC_PORT: u16 = 11800;
const REST_PORT: u16 = 12800;
const GRAPHQL: &str = "/graphql";

/// The `skywalking` exporter.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    /// `host:port` of the backend's gRPC; `http://` before it means plain text, `https://` TLS. A name
    /// that stands for several addresses is used as several backends.
    pub(super) endpoint: String,
    /// Several backends instead.
    pub(super) endpoints: Vec<String>,
    /// What the backend asks for as `authentication`.
    pub(super) authentication: Option<Secret>,
    pub(super) tls: ClientTls,
    /// In which form spans of OTLP are sent.
    pub(super) traces: TracesForm,
    /// With `traces: segments`, what the segments are like.
    pub(super) assemble: AssembleConfig,
    /// In which form logs of OTLP are sent.
    pub(super) logs: LogsForm,
    /// In which form metrics of OTLP are sent.
    pub(super) metrics: MetricsForm,
    /// With `metrics: meter`, attributes of a resource that become labels of its meters.
    pub(super) metric_resource_labels: Vec<String>,
    /// With `metrics: meter`, whether histograms with the unit `s` are sent in milliseconds, which is
    /// what the backend takes every histogram for.
    pub(super) metric_milliseconds: bool,
    /// Attributes of a log's resource that become tags of the native log.
    pub(super) log_resource_tags: Vec<String>,
    /// What to do with a call that may have been taken and was not answered.
    pub(super) unknown_outcome: UnknownOutcome,
    /// Layers of logs that the backend stores; it drops others without a word. A log of another layer
    /// is sent without one.
    pub(super) stored_layers: Vec<String>,
    /// Where the backend says what it is.
    pub(super) query: QueryConfig,
    /// For one call.
    pub(super) timeout: Duration,
    pub(super) retry_on_failure: RetryConfig,
    pub(super) sending_queue: QueueConfig,
    /// Drop and count what there is no room for, instead of refusing the sender.
    pub(super) optional: bool,
}

/// `query`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct QueryConfig {
    /// URL of the backend's GraphQL, for its version and its layers. Where none is written and the
    /// first endpoint has the port 11800, it is `http://HOST:12800/graphql` of the same host.
    pub(super) endpoint: String,
}

/// `traces`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum TracesForm {
    /// As segments, from which the backend makes topology, endpoints and metrics. The spans of a trace
    /// are waited for.
    #[default]
    Segments,
    /// As they are, for the backend's Zipkin store.
    Otlp,
}

/// `assemble`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct AssembleConfig {
    /// A segment with more spans goes on in another one.
    #[schemars(range(min = 1, max = 10000))]
    pub(super) span_limit: usize,
    /// What stands for a caller that is not known.
    pub(super) unresolved_parent: UnresolvedParentForm,
    /// The service that stands for it with `unresolved_parent: placeholder`.
    pub(super) placeholder: String,
    /// What becomes of the links of a consumer that was called by nobody else. Those of other spans
    /// are tags.
    pub(super) links: LinksForm,
}

/// `unresolved_parent`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum UnresolvedParentForm {
    /// Nothing: the backend shows a user. The caller's id is in the tag `otlp.parent_span_id`.
    #[default]
    Omit,
    /// A service of the name that `placeholder` gives.
    Placeholder,
}

/// `links`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum LinksForm {
    /// Tags `otlp.link.N`.
    #[default]
    Tags,
    /// References, each of which the backend counts as one more call.
    References,
}

impl Default for AssembleConfig {
    fn default() -> Self {
        AssembleConfig {
            span_limit: Options::default().span_limit.get(),
            unresolved_parent: UnresolvedParentForm::Omit,
            placeholder: "unknown_caller".to_owned(),
            links: LinksForm::Tags,
        }
    }
}

impl AssembleConfig {
    pub(super) fn options(&self) -> Options {
        let span_limit = NonZeroUsize::new(self.span_limit);
        Options {
            span_limit: span_limit.unwrap_or(NonZeroUsize::MIN),
            unresolved_parent: match self.unresolved_parent {
                UnresolvedParentForm::Omit => UnresolvedParent::Omit,
                UnresolvedParentForm::Placeholder => {
                    UnresolvedParent::Placeholder(self.placeholder.clone())
                }
            },
            links_are_references: self.links == LinksForm::References,
            ..Options::default()
        }
    }

    fn check(&self, problems: &mut Problems) {
        let length = self.placeholder.encode_utf16().count();
        if !(1..=NAME_MAX).contains(&length) {
            problems
                .at(
                    "assemble.placeholder",
                    format!("a name of `{length}` characters is no service's"),
                )
                .help(format!("write 1 to {NAME_MAX} characters"));
        }
    }
}

/// `logs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum LogsForm {
    /// As native logs, with trace, level and endpoint; those that the backend's rules for mini programs
    /// and iOS apps look for still go as OTLP.
    #[default]
    Native,
    /// As they are.
    Otlp,
}

/// `metrics`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum MetricsForm {
    /// As they are, for the backend's rules for OTLP.
    #[default]
    Otlp,
    /// As meters, for the backend's rules for agents.
    Meter,
}

/// `unknown_outcome`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum UnknownOutcome {
    /// Send it again: nothing is lost, and something may be counted twice.
    #[default]
    Resend,
    /// Count it as ended: nothing is counted twice, and something may be lost.
    Settle,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            endpoint: String::new(),
            endpoints: Vec::new(),
            authentication: None,
            tls: ClientTls::default(),
            traces: TracesForm::Segments,
            assemble: AssembleConfig::default(),
            logs: LogsForm::Native,
            metrics: MetricsForm::Otlp,
            metric_resource_labels: Vec::new(),
            metric_milliseconds: true,
            log_resource_tags: Vec::new(),
            unknown_outcome: UnknownOutcome::Resend,
            stored_layers: vec!["GENERAL".to_owned()],
            query: QueryConfig::default(),
            timeout: Duration::from_secs(20),
            retry_on_failure: RetryConfig::default(),
            sending_queue: QueueConfig::default(),
            optional: false,
        }
    }
}

impl Config {
    pub(super) fn settings(&self) -> Settings {
        Settings {
            queue: self.sending_queue.settings(),
            retry: self.retry_on_failure.settings(Some(&self.sending_queue)),
            // An attempt is several calls, each with its own limit.
            timeout: std::time::Duration::ZERO,
            optional: self.optional,
        }
    }

    /// The backends as URLs, with the scheme that says whether TLS is used, and the key of each.
    pub(super) fn urls(&self) -> Vec<(String, String)> {
        let one =
            (!self.endpoint.trim().is_empty()).then(|| ("endpoint".to_owned(), &self.endpoint));
        let several = self.endpoints.iter().enumerate();
        let several = several.map(|(index, endpoint)| (format!("endpoints[{index}]"), endpoint));
        let all = one.into_iter().chain(several);
        all.map(|(key, endpoint)| (key, self.tls.url(endpoint)))
            .collect()
    }

    /// The URL of the backend's GraphQL, if it is written or can be guessed.
    pub(super) fn query_url(&self) -> Option<String> {
        let written = self.query.endpoint.trim();
        if written.is_empty() {
            let (_, url) = self.urls().into_iter().next()?;
            let uri = url.parse::<Uri>().ok()?;
            let host = uri.host().filter(|_| uri.port_u16() == Some(GRPC_PORT))?;
            return Some(format!("http://{host}:{REST_PORT}{GRAPHQL}"));
        }
        let url = match written.contains("://") {
            true => written.to_owned(),
            false => format!("http://{written}"),
        };
        let has_path = url.parse::<Uri>().is_ok_and(|uri| uri.path() != "/");
        Some(match has_path {
            true => url,
            false => format!("{}{GRAPHQL}", url.trim_end_matches('/')),
        })
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        let urls = self.urls();
        if urls.is_empty() {
            problems
                .at("endpoint", "`endpoint` is required")
                .help("write `host:port` of the backend's gRPC, as in `oap:11800`");
        }
        if !self.endpoint.is_empty() && !self.endpoints.is_empty() {
            problems.at("endpoints", "`endpoint` and `endpoints` exclude each other");
        }
        for (key, url) in urls {
            check_url(&key, &url, problems);
            let port = url.parse::<Uri>().ok().and_then(|uri| uri.port_u16());
            if port.is_none() {
                problems
                    .at(&*key, "the port is missing")
                    .help("write `host:port`, as in `oap:11800`");
            }
        }
        if !self.query.endpoint.is_empty()
            && let Some(url) = self.query_url()
        {
            check_url("query.endpoint", &url, problems);
        }
        self.assemble.check(problems);
        let token = self.authentication.as_ref().map(Secret::expose);
        if token.is_some_and(|token| HeaderValue::try_from(token).is_err()) {
            problems.at("authentication", "the token cannot be sent as metadata");
        }
        if let Err(error) = self.tls.check() {
            problems.at("tls", error.to_string());
        }
        self.sending_queue.check("sending_queue", problems);
        let queue = Some(&self.sending_queue);
        self.retry_on_failure
            .check("retry_on_failure", queue, problems);
    }
}
