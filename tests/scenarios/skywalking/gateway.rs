//! The program between SkyWalking's clients and an OAP.

use std::net::SocketAddr;
use std::sync::Arc;

use tempfile::TempDir;

use super::client::Grpc;
use crate::harness::Collector;
use crate::harness::oap::Oap;

/// A running program with a `skywalking` and an `otlp` receiver, and one `skywalking` exporter.
pub(crate) struct Gateway {
    pub(crate) collector: Collector,
}

impl Gateway {
    /// Starts it before this OAP, with further keys for the exporter.
    pub(crate) fn start(oap: SocketAddr, exporter: &str) -> Gateway {
        let collector = Collector::start(&config(oap, exporter));
        Gateway { collector }
    }

    /// As [`Gateway::start`], where one was before.
    pub(crate) fn start_in(dir: Arc<TempDir>, oap: SocketAddr, exporter: &str) -> Gateway {
        let collector = Collector::start_in(dir, &config(oap, exporter));
        Gateway { collector }
    }

    /// Before a mock OAP, without further keys.
    pub(crate) fn before(oap: &Oap) -> Gateway {
        Gateway::start(oap.address(), "")
    }

    pub(crate) fn grpc(&self) -> SocketAddr {
        self.collector.address("receivers/skywalking", "grpc")
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.collector.address("receivers/skywalking", "http")
    }

    /// Where OTLP over HTTP is taken.
    pub(crate) fn otlp(&self) -> SocketAddr {
        self.collector.address("receivers/otlp", "http")
    }

    pub(crate) async fn agent(&self) -> Grpc {
        Grpc::connect(self.grpc()).await
    }

    /// Ends it in an orderly way.
    #[track_caller]
    pub(crate) fn end(self) {
        let ended = self.collector.stop();
        assert_eq!(ended.code, Some(0), "{}", ended.log);
    }
}

fn config(oap: SocketAddr, exporter: &str) -> String {
    format!(
        "
receivers:
  skywalking:
    protocols:
      grpc: {{endpoint: '127.0.0.1:0'}}
      http: {{endpoint: '127.0.0.1:0'}}
  otlp:
    protocols:
      http: {{endpoint: '127.0.0.1:0'}}
exporters:
  skywalking:
    endpoint: '{oap}'
    tls: {{insecure: true}}
    retry_on_failure: {{initial_interval: 20ms, max_interval: 100ms}}
    {exporter}
service:
  pipelines:
    traces: {{receivers: [skywalking, otlp], exporters: [skywalking]}}
    metrics: {{receivers: [skywalking, otlp], exporters: [skywalking]}}
    logs: {{receivers: [skywalking, otlp], exporters: [skywalking]}}
    skywalking: {{receivers: [skywalking], exporters: [skywalking]}}
"
    )
}
