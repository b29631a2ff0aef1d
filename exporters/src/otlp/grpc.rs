//! One attempt over gRPC.

use async_trait::async_trait;
use engine::component::BuildError;
use engine::{Delivery, ExportError, Exporter};
use http::HeaderMap;
use net::Client;
use net::client::{ClientSettings, Protocol, Unary};
use net::compress::Encoding;
use net::spawn::OnCurrentRuntime;
use pdata::{Batch, otlp};

use super::config::GrpcConfig;
use super::{outcome, pieces};
use crate::outgoing::{CALL_MAX, header_map};

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
        if message.is_empty() {
            return Ok(Delivery::default());
        }
        let call = Unary {
            path: otlp::grpc_path(batch.signal()),
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
