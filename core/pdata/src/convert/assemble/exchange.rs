//! What kind of exchange a span stands for, by the attributes that semantic conventions give it.

use opentelemetry_proto::tonic::common::v1::KeyValue;

use crate::convert::any;
use crate::skywalking::v3::SpanLayer;

/// Databases that OAP shows as caches.
const CACHES: [&str; 7] = [
    "redis",
    "memcached",
    "valkey",
    "keydb",
    "dragonfly",
    "geode",
    "hazelcast",
];

/// The other side of an exchange. Holds the name of the system where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exchange<'a> {
    Cache(&'a str),
    Database(&'a str),
    Messaging(&'a str),
    Function,
    Rpc(&'a str),
    Http,
    Unknown,
}

impl<'a> Exchange<'a> {
    /// More particular conventions first: a database may be asked over HTTP.
    pub(super) fn of(attributes: &'a [KeyValue]) -> Self {
        let find = |keys: &[&str]| keys.iter().find_map(|key| any::find_str(attributes, key));
        if let Some(system) = find(&["db.system.name", "db.system"]) {
            return match CACHES.contains(&system) {
                true => Exchange::Cache(system),
                false => Exchange::Database(system),
            };
        }
        if let Some(system) = find(&["messaging.system"]) {
            return Exchange::Messaging(system);
        }
        if find(&["faas.trigger", "faas.invoked_name"]).is_some() {
            return Exchange::Function;
        }
        if let Some(system) = find(&["rpc.system.name", "rpc.system"]) {
            return Exchange::Rpc(system);
        }
        let is_http = |attribute: &KeyValue| {
            ["http.", "url."]
                .iter()
                .any(|prefix| attribute.key.starts_with(prefix))
        };
        match attributes.iter().any(is_http) {
            true => Exchange::Http,
            false => Exchange::Unknown,
        }
    }

    pub(super) fn layer(self) -> SpanLayer {
        match self {
            Exchange::Cache(_) => SpanLayer::Cache,
            Exchange::Database(_) => SpanLayer::Database,
            Exchange::Messaging(_) => SpanLayer::Mq,
            Exchange::Function => SpanLayer::Faas,
            Exchange::Rpc(_) => SpanLayer::RpcFramework,
            Exchange::Http => SpanLayer::Http,
            Exchange::Unknown => SpanLayer::Unknown,
        }
    }
}
