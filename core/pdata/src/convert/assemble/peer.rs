//! The address of the other side.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::exchange::Exchange;
use crate::convert::any;

/// Attributes with a host and its port, the current names first.
const SERVERS: [[&str; 2]; 5] = [
    ["server.address", "server.port"],
    ["net.peer.name", "net.peer.port"],
    ["network.peer.address", "network.peer.port"],
    ["net.peer.ip", "net.peer.port"],
    ["net.sock.peer.addr", "net.sock.peer.port"],
];

const CLIENTS: [[&str; 2]; 2] = [
    ["client.address", "client.port"],
    ["network.peer.address", "network.peer.port"],
];

/// Whom a span called, or who called it; empty if it does not say.
///
/// A message's broker is never empty: OAP takes it for the caller of whoever receives the message,
/// and an empty one for a service without a name.
pub(super) fn peer(kind: SpanKind, exchange: Exchange<'_>, attributes: &[KeyValue]) -> String {
    let text = |key| any::find_str(attributes, key);
    let addresses = |pairs: &[[&str; 2]]| pairs.iter().find_map(|pair| address(attributes, *pair));
    let found = match kind {
        SpanKind::Server => addresses(&CLIENTS),
        SpanKind::Client | SpanKind::Producer | SpanKind::Consumer => addresses(&SERVERS)
            .or_else(|| {
                let urls = ["url.full", "http.url"];
                urls.into_iter().find_map(|key| authority(text(key)?))
            })
            .or_else(|| text("peer.service").map(str::to_owned))
            .or_else(|| match exchange {
                Exchange::Messaging(system) => Some(system.to_owned()),
                Exchange::Rpc(_) => text("rpc.service").map(str::to_owned),
                _ => None,
            }),
        SpanKind::Internal | SpanKind::Unspecified => None,
    };
    found.unwrap_or_default()
}

fn address(attributes: &[KeyValue], [host, port]: [&str; 2]) -> Option<String> {
    let host = any::find_str(attributes, host)?;
    let port = any::find(attributes, port).map(any::text);
    Some(match port.filter(|port| !port.is_empty()) {
        None => host.to_owned(),
        // An IPv6 address, whose last part would look like the port.
        Some(port) if host.contains(':') && !host.starts_with('[') => format!("[{host}]:{port}"),
        Some(port) => format!("{host}:{port}"),
    })
}

/// What stands between `//` and the path, without a user's name.
fn authority(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = &rest[..end];
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    (!host.is_empty()).then(|| host.to_owned())
}
