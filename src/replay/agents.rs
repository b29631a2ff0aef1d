//! The messages of SkyWalking's agents, sent as agents send them: what was recorded, nothing left out
//! and nothing added, in calls of the size that agents make.
//!
//! The `skywalking` exporter is not for this: it drops heartbeats that are old and what it has sent
//! before, which is what a record of the past consists of.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::component::{Delivery, ExportError, Exporter};
use net::Client;
use net::client::{ClientSettings, Protocol};
use net::spawn::OnCurrentRuntime;
use net::tls::ClientTls;
use pdata::skywalking::Kind;
use pdata::{Batch, Chunk, NativeChunk, Origin};

use crate::cli::ProtocolArg;

mod grpc;
mod http;

/// Messages of one call, of kinds that may share one.
const MESSAGES_MAX: usize = 500;

/// For one call.
const CALL_MAX: Duration = Duration::from_secs(20);

/// The field of a `LogData` that names the service.
const LOG_SERVICE: u32 = 2;

/// A backend that agents report to.
pub(super) struct Agents {
    client: Client,
    protocol: ProtocolArg,
}

impl Agents {
    /// A backend at `http://..` or `https://..`, which nothing is sent to yet.
    pub(super) fn new(endpoint: &str, protocol: ProtocolArg) -> anyhow::Result<Agents> {
        let security = match endpoint.starts_with("https://") {
            true => ClientTls::default().load()?,
            false => None,
        };
        let version = match protocol {
            ProtocolArg::Grpc => Protocol::Http2,
            ProtocolArg::Http => Protocol::Negotiated,
        };
        let settings = ClientSettings::default();
        let spawner = Arc::new(OnCurrentRuntime);
        let client = Client::try_new(endpoint, version, security, &settings, spawner)?;
        Ok(Agents { client, protocol })
    }
}

/// The calls that carry `messages`, each as a batch for [`Agents`]: of one kind, and logs of one
/// service, because a backend takes the first service of a stream for all of it. Messages that share a
/// call keep their order.
pub(super) fn calls(protocol: ProtocolArg, messages: Vec<NativeChunk>) -> Vec<Batch> {
    let mut calls: Vec<Vec<Chunk>> = Vec::new();
    let mut open: HashMap<(Kind, String), usize> = HashMap::new();
    for message in messages {
        let kind = message.kind();
        let service = match kind {
            Kind::Log => message.text(LOG_SERVICE).to_owned(),
            _ => String::new(),
        };
        let room = match protocol {
            ProtocolArg::Grpc => grpc::messages_max(kind),
            ProtocolArg::Http => http::messages_max(kind),
        };
        let key = (kind, service);
        let call = match open.get(&key) {
            Some(&call) if calls[call].len() < room => call,
            _ => {
                open.insert(key, calls.len());
                calls.push(Vec::new());
                calls.len() - 1
            }
        };
        calls[call].push(Chunk::Native(message));
    }
    let origin = Arc::new(Origin::default());
    let batch = |chunks: Vec<Chunk>| Batch::new(chunks[0].signal(), chunks, Arc::clone(&origin));
    calls.into_iter().map(batch).collect()
}

#[async_trait]
impl Exporter for Agents {
    /// `batch` is one of [`calls`], or a part of one.
    async fn export(&self, batch: &Batch) -> Result<Delivery, ExportError> {
        let natives = batch.chunks().iter().filter_map(|chunk| match chunk {
            Chunk::Native(message) => Some(message),
            Chunk::Otlp(_) => None,
        });
        let messages: Vec<&NativeChunk> = natives.collect();
        let Some(first) = messages.first() else {
            return Ok(Delivery::default());
        };
        let kind = first.kind();
        match self.protocol {
            ProtocolArg::Grpc => grpc::call(&self.client, kind, &messages).await?,
            ProtocolArg::Http => http::post(&self.client, kind, &messages).await?,
        }
        Ok(Delivery::default())
    }
}

#[cfg(test)]
mod tests;
