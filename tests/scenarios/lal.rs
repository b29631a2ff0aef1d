//! Rules for logs on the real binary.

use std::net::SocketAddr;

mod filed;
mod in_oap;
mod messages;
mod rule_files;

/// A configuration with this `lal` processor between every way in and an OAP, which also writes the
/// logs into a file and what is measured to a backend.
fn config(lal: &str, oap: SocketAddr, backend: SocketAddr) -> String {
    format!(
        "
receivers:
  otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}
  skywalking: {{protocols: {{grpc: {{endpoint: '127.0.0.1:0'}}}}}}
processors:
  lal: {lal}
exporters:
  file: {{path: {FILE}}}
  skywalking: {{endpoint: '{oap}', tls: {{insecure: true}}, stored_layers: [{STORED}]}}
  otlp_http: {{endpoint: 'http://{backend}'}}
service:
  pipelines:
    logs: {{receivers: [otlp, skywalking], processors: [lal], exporters: [file, skywalking]}}
    metrics: {{receivers: [lal], exporters: [otlp_http]}}
"
    )
}

/// Layers that the rules of the OAP store, or the exporter would take them off.
const STORED: &str = "GENERAL, IOS, MESH, NGINX, WECHAT_MINI_PROGRAM, ALIPAY_MINI_PROGRAM";

/// Where the logs are written.
const FILE: &str = "logs.jsonl";

/// A rule file that comes with the program.
fn shipped(name: &str) -> String {
    format!("{}/configs/lal/{name}", env!("CARGO_MANIFEST_DIR"))
}
