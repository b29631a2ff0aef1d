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
use engine::component::{BuildContext, BuildError, Component, Description, ExporterFactory};
use engine::config::{Problems, Section, schema_of};
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
pub static GRPC: GrpcFactory = GrpcFactory;

/// Registers the HTTP exporter.
pub static HTTP: HttpFactory = HttpFactory;

/// Makes `otlp_grpc` exporters.
pub struct GrpcFactory;

impl Component for GrpcFactory {
    fn description(&self) -> Description {
        Description {
            type_name: "otlp_grpc",
            aliases: &["otlp"],
            signals: &Signal::ALL,
            summary: "Sends OTLP over gRPC",
        }
    }

    fn schema(&self) -> serde_json::Value {
        schema_of::<GrpcConfig>()
    }

    fn defaults(&self) -> serde_json::Value {
        serde_json::to_value(GrpcConfig::default()).unwrap_or_default()
    }

    fn check(&self, section: &Section, problems: &mut Problems) {
        if let Ok(config) = section.read::<GrpcConfig>() {
            config.check(problems);
        }
    }

    fn check_strictly(&self, section: &Section, problems: &mut Problems) {
        if let Ok(config) = section.read::<GrpcConfig>()
            && let Err(error) = config.tls.load()
        {
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
        let config: GrpcConfig = section.read().map_err(unreadable)?;
        let settings = config.settings();
        Ok((Arc::new(grpc::Grpc::new(&config)?), settings))
    }
}

/// Makes `otlp_http` exporters.
pub struct HttpFactory;

impl Component for HttpFactory {
    fn description(&self) -> Description {
        Description {
            type_name: "otlp_http",
            aliases: &["otlphttp"],
            signals: &Signal::ALL,
            summary: "Sends OTLP over HTTP, protobuf or JSON",
        }
    }

    fn schema(&self) -> serde_json::Value {
        schema_of::<HttpConfig>()
    }

    fn defaults(&self) -> serde_json::Value {
        serde_json::to_value(HttpConfig::default()).unwrap_or_default()
    }

    fn check(&self, section: &Section, problems: &mut Problems) {
        if let Ok(config) = section.read::<HttpConfig>() {
            config.check(problems);
        }
    }

    fn check_strictly(&self, section: &Section, problems: &mut Problems) {
        if let Ok(config) = section.read::<HttpConfig>()
            && let Err(error) = config.tls.load()
        {
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
        let config: HttpConfig = section.read().map_err(unreadable)?;
        let settings = config.settings();
        Ok((Arc::new(http::Http::new(&config)?), settings))
    }
}

fn unreadable(error: engine::config::Diagnostics) -> BuildError {
    BuildError::at("", error.to_string())
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
