//! A configuration that most scenarios share: OTLP in, over both protocols, and OTLP out.

use super::Backend;

/// One exporter of a [`route`], in the words of a configuration.
#[derive(Clone)]
pub(crate) struct Exporter {
    id: String,
    settings: String,
}

impl Exporter {
    /// `otlp_grpc`, to this backend.
    pub(crate) fn grpc(backend: &Backend) -> Self {
        let endpoint = format!("'{}', tls: {{insecure: true}}", backend.address());
        Exporter::to("otlp_grpc", &endpoint)
    }

    /// `otlp_http`, to this backend.
    pub(crate) fn http(backend: &Backend) -> Self {
        Exporter::to("otlp_http", &format!("'http://{}'", backend.address()))
    }

    fn to(id: &str, endpoint: &str) -> Self {
        Exporter {
            id: id.to_owned(),
            settings: format!(
                "endpoint: {endpoint}, \
                 retry_on_failure: {{initial_interval: 20ms, max_interval: 20ms}}"
            ),
        }
    }

    /// As one of several of its type.
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.id = format!("{}/{name}", self.id);
        self
    }

    /// With more settings, as in `compression: zstd, timeout: 500ms`.
    pub(crate) fn with(mut self, settings: &str) -> Self {
        self.settings = format!("{}, {settings}", self.settings);
        self
    }

    /// With these settings of its queue.
    pub(crate) fn queue(self, settings: &str) -> Self {
        self.with(&format!("sending_queue: {{{settings}}}"))
    }
}

/// One receiver, and these exporters for every signal.
pub(crate) fn route(exporters: &[Exporter]) -> String {
    let ids: Vec<_> = exporters.iter().map(|of| &*of.id).collect();
    let ids = ids.join(", ");
    let sections: Vec<_> = exporters
        .iter()
        .map(|of| format!("  {}: {{{}}}", of.id, of.settings))
        .collect();
    format!(
        "
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: '127.0.0.1:0'}}
      http: {{endpoint: '127.0.0.1:0'}}
exporters:
{}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [{ids}]}}
    metrics: {{receivers: [otlp], exporters: [{ids}]}}
    logs: {{receivers: [otlp], exporters: [{ids}]}}
",
        sections.join("\n")
    )
}
