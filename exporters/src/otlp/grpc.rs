//! One attempt over gRPC.

use async_trait::async_trait;
use engine::component::BuildError;
use engine::{Delivery, ExportError, Exporter};
use http::HeaderMap;
use net::Client;
use net::client::{ClientSettings, Protocol, Unary};
use net::compress::Encoding;
use pdata::{Batch, Signal};

use super::config::{GrpcConfig, header_map};
use super::{CALL_MAX, OnCurrentRuntime, outcome, pieces};

pub(super) struct Grpc {
    client: Client,
    headers: HeaderMap,
    encoding: Encoding,
    /// Told to the server; the engine ends the attempt.
    timeout: std::time::Duration,
}

impl Grpc {
    pub(super) fn new(config: &GrpcConfig) -> Result<Self, BuildError> {
        let url = config.url();
        let plain = url.starts_with("http://");
        let security = match plain {
            true => None,
            false => config
                .tls
                .load()
                .map_err(|error| BuildError::at("tls", error.to_string()))?,
        };
        let mut settings = ClientSettings::default();
        if let Some(keepalive) = &config.keepalive {
            settings.ping_interval = Some(keepalive.time.into());
            settings.ping_timeout = keepalive.timeout.into();
        }
        let spawner = std::sync::Arc::new(OnCurrentRuntime);
        let client = Client::try_new(&url, Protocol::Http2, security, &settings, spawner)
            .map_err(|error| BuildError::at("endpoint", error.to_string()))?;
        let timeout = config.timeout.as_std();
        Ok(Grpc {
            client,
            headers: header_map(&config.headers),
            encoding: config.compression.encoding(),
            timeout: if timeout.is_zero() { CALL_MAX } else { timeout },
        })
    }
}

#[async_trait]
impl Exporter for Grpc {
    async fn export(&self, batch: &Batch) -> Result<Delivery, ExportError> {
        let message = pieces(batch);
        let call = Unary {
            path: path(batch.signal()),
            headers: self.headers.clone(),
            message: &message,
            encoding: self.encoding,
            timeout: self.timeout,
        };
        match self.client.call(call).await {
            Ok(response) => Ok(outcome::delivery(&response)),
            Err(status) => Err(outcome::of_status(&status)),
        }
    }
}

fn path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    }
}
