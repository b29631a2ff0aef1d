//! What a span says about its request, by the stable semantic conventions or the old ones.

use std::borrow::Cow;

use pdata::view::AttributeValue;

use crate::span_listeners::listener::SpanView;

/// A request as its span has it. Where a span has both conventions, the stable one counts.
#[derive(Debug, PartialEq)]
pub(super) struct Request<'a> {
    /// As the span has it.
    pub(super) host: &'a str,
    /// The host in lower case, without the dot that may end it.
    pub(super) domain: Cow<'a, str>,
    /// As written, or the scheme's.
    pub(super) port: Option<u16>,
    pub(super) path: &'a str,
    /// 0 if there was no answer.
    pub(super) status: i64,
    pub(super) has_method: bool,
    pub(super) lacks_peer_name: bool,
}

/// The stable attribute and the old one.
type Both<'a> = [Option<AttributeValue<'a>>; 2];

/// What is read, each with its stable and its old name.
const KEYS: [[&str; 2]; 6] = [
    ["server.address", "net.peer.name"],
    ["server.port", "net.peer.port"],
    ["url.path", "http.target"],
    ["url.scheme", "http.scheme"],
    ["http.response.status_code", "http.status_code"],
    ["http.request.method", "http.method"],
];

impl<'a> Request<'a> {
    /// `None` if it does not say where to.
    pub(super) fn of(span: &SpanView<'a>) -> Option<Self> {
        let mut found: [Both<'a>; KEYS.len()] = [[None; 2]; KEYS.len()];
        for attribute in span.attributes() {
            for (names, values) in KEYS.iter().zip(&mut found) {
                for (name, value) in names.iter().zip(values) {
                    if attribute.key == *name {
                        value.get_or_insert(attribute.value);
                    }
                }
            }
        }
        let [host, port, path, scheme, status, method] = found;
        let lacks_peer_name = host[1].is_none();
        let host = text(host)?;
        let scheme_port = match text(scheme) {
            Some("https") => Some(443),
            Some("http") => Some(80),
            _ => None,
        };
        let port = number(port).and_then(|port| u16::try_from(port).ok());
        Some(Request {
            host,
            domain: domain(host),
            port: port.or(scheme_port),
            path: text(path).unwrap_or("/"),
            status: number(status).unwrap_or_default(),
            has_method: text(method).is_some(),
            lacks_peer_name,
        })
    }

    /// As OAP has it: no answer is a failure.
    pub(super) fn has_failed(&self) -> bool {
        !(1..400).contains(&self.status)
    }
}

/// A host as it is compared: names of hosts know no case, and may end with the root's dot.
pub(super) fn domain(host: &str) -> Cow<'_, str> {
    let host = host.strip_suffix('.').unwrap_or(host);
    let host = host.strip_prefix('[').unwrap_or(host);
    let host = host.strip_suffix(']').unwrap_or(host);
    match host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(host.to_ascii_lowercase()),
        false => Cow::Borrowed(host),
    }
}

fn text<'a>(values: Both<'a>) -> Option<&'a str> {
    let texts = values.into_iter().flatten();
    texts
        .filter_map(|value| value.as_str())
        .find(|text| !text.is_empty())
}

fn number(values: Both<'_>) -> Option<i64> {
    values.into_iter().flatten().find_map(|value| match value {
        AttributeValue::Int(number) => Some(number),
        AttributeValue::String(text) => text.parse().ok(),
        _ => None,
    })
}
