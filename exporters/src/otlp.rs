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
use std::time::Duration;

use bytes::Bytes;
use engine::Exporter;
use engine::component::{BuildContext, BuildError, Configured, Description, ExporterFactory};
use engine::config::{ForeignKey, Problems, Section};
use engine::exporter::Settings;
use net::Spawn;
use net::spawn::Task;
use pdata::{Batch, Chunk, Signal};

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
        signals: &Signal::ALL,
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
        signals: &Signal::ALL,
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
    batch.chunks().iter().map(framed).collect()
}

fn framed(chunk: &Chunk) -> Bytes {
    match chunk {
        Chunk::Otlp(chunk) => chunk.framed().clone(),
        _ => unreachable!("pipelines of OTLP signals carry OTLP chunks"),
    }
}

/// The attempt's bound is the engine's; this only ends what that has no bound for.
const CALL_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs a connection's task on the runtime of the attempt that opened it.
struct OnCurrentRuntime;

impl Spawn for OnCurrentRuntime {
    fn spawn(&self, task: Task) {
        drop(tokio::runtime::Handle::current().spawn(task));
    }
}

#[cfg(test)]
mod tests;
