//! The requests in a chunk of spans: what the histogram needs of them, read from the bytes.

use pdata::skywalking::v3::SpanType;
use pdata::skywalking::view::SpanView;
use pdata::view::{Attribute, AttributeValue, RecordView};
use pdata::{Chunk, NativeChunk, OtlpChunk};

use super::groups::PathGroups;

/// The number of `SPAN_KIND_CLIENT`.
const KIND_CLIENT: i32 = 3;
/// What SkyWalking's clients write where they have no instance.
const NO_INSTANCE: &str = "-";
/// Methods of HTTP and what the mini programs' SDK calls the transfer of files.
const METHODS: [&str; 11] = [
    "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT", "DOWNLOAD",
    "UPLOAD",
];
/// The semantic conventions' name for any other, of which a stranger can make up any number.
const OTHER_METHOD: &str = "_OTHER";

/// Whose requests are counted together. Empty is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Resource<'a> {
    pub(super) service: &'a str,
    pub(super) instance: &'a str,
    pub(super) version: &'a str,
    pub(super) platform: &'a str,
}

/// The attributes of a point. Empty is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Series<'a> {
    pub(super) method: &'static str,
    /// 0 where there was no answer.
    pub(super) status: u16,
    pub(super) address: &'a str,
    pub(super) page: &'a str,
    pub(super) group: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Request<'a> {
    pub(super) resource: Resource<'a>,
    pub(super) series: Series<'a>,
    /// 0 where the span does not tell.
    pub(super) start_unix_nano: u64,
    pub(super) end_unix_nano: u64,
}

/// Hands each request in the chunk to `take`. Spans of others than mini programs are none.
pub(super) fn each<'a>(
    chunk: &'a Chunk,
    groups: &'a PathGroups,
    mut take: impl FnMut(Request<'a>),
) {
    match chunk {
        Chunk::Otlp(chunk) => {
            let resource = resource_of(chunk);
            if resource.platform.is_empty() {
                return;
            }
            for scope in chunk.scopes() {
                for span in scope.records().filter(|span| span.kind() == KIND_CLIENT) {
                    of_span(span, resource, groups)
                        .into_iter()
                        .for_each(&mut take);
                }
            }
        }
        Chunk::Native(chunk) => {
            let Some(resource) = resource_of_segment(chunk) else {
                return;
            };
            for span in chunk.spans() {
                of_exit(&span, resource, groups)
                    .into_iter()
                    .for_each(&mut take);
            }
        }
    }
}

fn resource_of(chunk: &OtlpChunk) -> Resource<'_> {
    let values = chunk.resource_values([
        "service.name",
        "service.instance.id",
        "service.version",
        "miniprogram.platform",
    ]);
    let [service, instance, version, platform] =
        values.map(|value| value.and_then(|value| value.as_str()).unwrap_or_default());
    Resource {
        service,
        instance,
        version,
        platform,
    }
}

/// Of a key that comes twice the first counts.
fn set_first<'a>(place: &mut &'a str, attribute: &Attribute<'a>) {
    if place.is_empty() {
        *place = attribute.value.as_str().unwrap_or_default();
    }
}

/// `None` of a segment that is no mini program's.
fn resource_of_segment(chunk: &NativeChunk) -> Option<Resource<'_>> {
    let mut tags = chunk
        .spans()
        .filter_map(|span| span.tag("miniprogram.platform"));
    let platform = tags.find(|platform| !platform.is_empty())?;
    let instance = chunk.instance();
    Some(Resource {
        service: chunk.text(4),
        instance: if instance == NO_INSTANCE {
            ""
        } else {
            instance
        },
        version: "",
        platform,
    })
}

fn of_span<'a>(
    span: RecordView<'a>,
    resource: Resource<'a>,
    groups: &'a PathGroups,
) -> Option<Request<'a>> {
    let [mut method, mut old_method, mut address, mut old_address] = [""; 4];
    let [mut page, mut path, mut url, mut target] = [""; 4];
    let [mut status, mut old_status] = [None; 2];
    for attribute in span.attributes() {
        let place = match attribute.key {
            "http.request.method" => &mut method,
            "http.method" => &mut old_method,
            "server.address" => &mut address,
            "net.peer.name" => &mut old_address,
            "miniprogram.page.path" => &mut page,
            "url.path" => &mut path,
            "url.full" | "http.url" => &mut url,
            "http.target" => &mut target,
            "http.response.status_code" => {
                status = status.or(status_of(&attribute.value));
                continue;
            }
            "http.status_code" => {
                old_status = old_status.or(status_of(&attribute.value));
                continue;
            }
            _ => continue,
        };
        set_first(place, &attribute);
    }
    let (host, path_of_url) = split_url(url);
    let path = first([path, path_of_url, without_query(target)]);
    Some(Request {
        resource,
        series: Series {
            method: method_of(first([method, old_method, ""]))?,
            status: status.or(old_status).unwrap_or_default(),
            address: first([address, old_address, host]),
            page,
            group: groups.of(path),
        },
        start_unix_nano: span.start_unix_nano(),
        end_unix_nano: span.end_unix_nano(),
    })
}

fn of_exit<'a>(
    span: &SpanView<'a>,
    resource: Resource<'a>,
    groups: &'a PathGroups,
) -> Option<Request<'a>> {
    if span.span_type != i32::from(SpanType::Exit) {
        return None;
    }
    let [mut method, mut status, mut url] = [""; 3];
    for (key, value) in span.tags() {
        match key {
            "http.method" => method = value,
            "http.status_code" | "status_code" => status = value,
            "url" => url = value,
            _ => {}
        }
    }
    let (host, path) = split_url(url);
    let nanos = |millis: i64| u64::try_from(millis).ok()?.checked_mul(1_000_000);
    Some(Request {
        resource,
        series: Series {
            method: method_of(method)?,
            status: status.parse().unwrap_or_default(),
            address: first([span.peer, host, ""]),
            page: span.operation,
            group: groups.of(path),
        },
        start_unix_nano: nanos(span.start_unix_ms).unwrap_or_default(),
        end_unix_nano: nanos(span.end_unix_ms).unwrap_or_default(),
    })
}

/// The first text that is not empty.
fn first(texts: [&str; 3]) -> &str {
    let mut texts = texts.into_iter();
    texts.find(|text| !text.is_empty()).unwrap_or_default()
}

/// `None` where there is none: then it is no request.
fn method_of(method: &str) -> Option<&'static str> {
    if method.is_empty() {
        return None;
    }
    let mut known = METHODS.into_iter();
    let found = known.find(|name| name.eq_ignore_ascii_case(method));
    Some(found.unwrap_or(OTHER_METHOD))
}

fn status_of(value: &AttributeValue<'_>) -> Option<u16> {
    match value {
        AttributeValue::Int(status) => u16::try_from(*status).ok(),
        AttributeValue::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Host and path of an address: `https://host:port/path?query` or a path alone.
fn split_url(url: &str) -> (&str, &str) {
    let Some((_, rest)) = url.split_once("://") else {
        return ("", without_query(url));
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let path = without_query(path);
    (host, if path.is_empty() { "/" } else { path })
}

fn without_query(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_apart() {
        for (url, host, path) in [
            (
                "https://api.example.com/users/1?a=/b#c",
                "api.example.com",
                "/users/1",
            ),
            (
                "https://user:word@api.example.com:8443/a",
                "api.example.com:8443",
                "/a",
            ),
            ("https://api.example.com", "api.example.com", "/"),
            ("https://api.example.com?a=b", "api.example.com", "/"),
            ("/users/1?a", "", "/users/1"),
            ("", "", ""),
        ] {
            assert_eq!(split_url(url), (host, path), "{url}");
        }
    }

    #[test]
    fn methods_are_those_of_the_sdk_and_one_for_all_others() {
        for (method, expected) in [
            ("GET", Some("GET")),
            ("get", Some("GET")),
            ("DOWNLOAD", Some("DOWNLOAD")),
            ("UPLOAD", Some("UPLOAD")),
            ("BREW", Some("_OTHER")),
            ("", None),
        ] {
            assert_eq!(method_of(method), expected);
        }
    }
}
