//! The `otlp_grpc` and `otlp_http` exporters: to any OTLP backend.
//!
//! ```yaml
//! exporters:
//!   otlp_grpc: {endpoint: "backend:4317", tls: {insecure: true}}
//!   otlp_http: {endpoint: "https://backend:4318"}
//! ```
//!
//! What was received goes out as the same bytes: a request is the concatenation of its chunks. One
//! call here is one attempt; queue, retry and timeouts are the engine's.

use std::sync::Arc;

use bytes::Bytes;
use engine::Exporter;
use engine::component::{BuildContext, BuildError, Configured, Description, ExporterFactory};
use engine::config::{ForeignKey, Problems, Section};
use engine::exporter::Settings;
use pdata::{Batch, Chunk, Signal, convert};

mod config;
mod grpc;
mod http;
mod outcome;

use config::{GrpcConfig, HttpConfig};

/// Registers the gRPC exporter.
pub static GRPC: &dyn ExporterFactory = &GrpcFactory;

/// Registers the HTTP exporter.
pub static HTTP: &dyn ExporterFactory = &HttpFactory;

/// Makes `otlp_grpc` exporters.
struct GrpcFactory;

impl Configured for GrpcFactory {
    type Config = GrpcConfig;

    const DESCRIPTION: Description = Description {
        type_name: "otlp_grpc",
        aliases: &["otlp"],
        signals: &Signal::OTLP,
        summary: "Sends OTLP over gRPC",
    };
    const FOREIGN_KEYS: &'static [ForeignKey] = config::GRPC_FOREIGN_KEYS;

    fn check(config: &GrpcConfig, problems: &mut Problems) {
        config.check(problems);
    }

    fn check_strictly(config: &GrpcConfig, problems: &mut Problems) {
        if let Err(error) = config.tls.load() {
            problems.at("tls", error.to_string());
        }
    }
}

impl ExporterFactory for GrpcFactory {
    fn build(
        &self,
        section: &Section,
        _: &mut BuildContext,
    ) -> Result<(Arc<dyn Exporter>, Settings), BuildError> {
        let config = Self::read(section)?;
        let settings = config.settings();
        Ok((Arc::new(grpc::Grpc::new(&config)?), settings))
    }
}

/// Makes `otlp_http` exporters.
struct HttpFactory;

impl Configured for HttpFactory {
    type Config = HttpConfig;

    const DESCRIPTION: Description = Description {
        type_name: "otlp_http",
        aliases: &["otlphttp"],
        signals: &Signal::OTLP,
        summary: "Sends OTLP over HTTP, protobuf or JSON",
    };
    const FOREIGN_KEYS: &'static [ForeignKey] = config::HTTP_FOREIGN_KEYS;

    fn check(config: &HttpConfig, problems: &mut Problems) {
        config.check(problems);
    }

    fn check_strictly(config: &HttpConfig, problems: &mut Problems) {
        if let Err(error) = config.tls.load() {
            problems.at("tls", error.to_string());
        }
    }
}

impl ExporterFactory for HttpFactory {
    fn build(
        &self,
        section: &Section,
        _: &mut BuildContext,
    ) -> Result<(Arc<dyn Exporter>, Settings), BuildError> {
        let config = Self::read(section)?;
        let settings = config.settings();
        Ok((Arc::new(http::Http::new(&config)?), settings))
    }
}

/// The bytes of a batch, in pieces that together are one request.
fn pieces(batch: &Batch) -> Vec<Bytes> {
    let mut pieces = Vec::with_capacity(batch.chunks().len());
    for chunk in batch.chunks() {
        match chunk {
            Chunk::Otlp(chunk) => pieces.push(chunk.framed().clone()),
            Chunk::Native(chunk) => {
                let converted = convert::to_otlp(chunk).into_iter();
                pieces.extend(converted.map(|chunk| chunk.framed().clone()));
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests;
