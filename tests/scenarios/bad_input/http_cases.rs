//! The table of bad HTTP requests, and of odd ones that must work.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::{LIMIT, good};
use crate::harness::http1::{post, post_with, request};

pub(super) const PROTOBUF: &str = "application/x-protobuf";
pub(super) const JSON: &str = "application/json";
const LOGS: &str = "/v1/logs";

/// What is sent on a fresh connection, and what must come back.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) request: Vec<u8>,
    /// Whether the sender then says that nothing more will come.
    pub(super) half_close: bool,
    pub(super) answers: Vec<Expected>,
    pub(super) after: After,
    /// Good requests that `request` holds.
    pub(super) good_inside: usize,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It takes the next request.
    Kept,
    /// It ends after the answers, and the failing one says so.
    Closed,
    /// It ends after the answers, and nothing else is said.
    ClosedSilently,
    /// It ends, whatever is said in another protocol.
    Ends,
}

pub(super) struct Expected {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) says: Says,
}

pub(super) enum Says {
    /// The answer of success in this content type.
    Success(&'static str),
    /// A `google.rpc.Status` in this content type: its code, and words of its message.
    Status(&'static str, u64, &'static str),
    /// Words of a plain text.
    Text(&'static str),
}

impl Case {
    fn new(name: &'static str, request: Vec<u8>) -> Case {
        Case {
            name,
            request,
            half_close: false,
            answers: Vec::new(),
            after: After::Kept,
            good_inside: 0,
        }
    }

    /// Expects one more answer.
    fn answers(mut self, status: u16, says: Says) -> Case {
        let headers = Vec::new();
        self.answers.push(Expected {
            status,
            headers,
            says,
        });
        self
    }

    /// Expects one more answer: that of a good request.
    fn succeeds(mut self) -> Case {
        self.good_inside += 1;
        self.answers(200, Says::Success(PROTOBUF))
    }

    /// Expects this header of the last expected answer.
    fn header(mut self, name: &'static str, value: &'static str) -> Case {
        let last = self.answers.last_mut().expect("an answer comes first");
        last.headers.push((name, value));
        self
    }

    fn after(mut self, after: After) -> Case {
        self.after = after;
        self
    }

    fn half_closes(mut self) -> Case {
        self.half_close = true;
        self
    }
}

/// A body that is refused as malformed, after it was read.
fn malformed(
    name: &'static str,
    form: &'static str,
    body: impl AsRef<[u8]>,
    words: &'static str,
) -> Case {
    let request = post(LOGS, form, body.as_ref());
    Case::new(name, request).answers(400, Says::Status(form, 3, words))
}

/// A coded body, sent as protobuf.
fn coded(name: &'static str, encoding: &str, body: &[u8]) -> Case {
    let more = [("content-encoding", encoding)];
    Case::new(name, post_with(LOGS, PROTOBUF, &more, body))
}

pub(super) fn all() -> Vec<Case> {
    let mut cases = payloads();
    cases.extend(encodings());
    cases.extend(sizes());
    cases.extend(routes());
    cases.extend(framing());
    cases.extend(heads());
    assert!(cases.len() >= 45, "the table shrank to {}", cases.len());
    cases
}

fn payloads() -> Vec<Case> {
    let good = good();
    let cut = &good[..good.len() - 3];
    let nested_json = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{}{}}}]}}]}}]}}"#,
        r#"{"arrayValue":{"values":["#.repeat(10_000),
        "]}}".repeat(10_000),
    );
    vec![
        malformed("protobuf that is cut off", PROTOBUF, cut, "resource_logs"),
        malformed("a wrong wire type", PROTOBUF, b"\x08\x01", "resource_logs"),
        malformed("an endless varint", PROTOBUF, [0xFF; 16], ""),
        malformed("field number zero", PROTOBUF, b"\x00\x00", ""),
        malformed(
            "a length beyond the end",
            PROTOBUF,
            b"\x0A\xFF\xFF\xFF\x7F",
            "",
        ),
        malformed("a group without an end", PROTOBUF, b"\x0A\x01\x0B", ""),
        malformed("protobuf nested too deep", PROTOBUF, deep_protobuf(), ""),
        malformed(
            "JSON sent as protobuf",
            PROTOBUF,
            r#"{"resourceLogs":[]}"#,
            "",
        ),
        malformed("protobuf sent as JSON", JSON, &good, ""),
        malformed("an empty JSON body", JSON, "", ""),
        malformed("JSON that is cut off", JSON, r#"{"resourceLogs":[{"#, ""),
        malformed("a JSON list at the top", JSON, "[]", ""),
        malformed(
            "text where a list belongs",
            JSON,
            r#"{"resourceLogs":"x"}"#,
            "resourceLogs",
        ),
        malformed("two JSON documents", JSON, r#"{}{}"#, ""),
        malformed("JSON nested too deep", JSON, nested_json, ""),
        malformed("brackets without end", JSON, "[".repeat(200_000), ""),
        malformed(
            "a trace id that is not hexadecimal",
            JSON,
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"zz"}]}]}]}"#,
            "traceId",
        ),
        malformed(
            "a number that is too large",
            JSON,
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityNumber":1e99}]}]}]}"#,
            "severityNumber",
        ),
        Case::new("an empty protobuf request", post(LOGS, PROTOBUF, b""))
            .answers(200, Says::Success(PROTOBUF)),
        Case::new("an empty JSON request", post(LOGS, JSON, b"{}"))
            .answers(200, Says::Success(JSON)),
        Case::new(
            "a content type with parameters",
            post(LOGS, "application/x-protobuf; charset=utf-8", &good),
        )
        .succeeds(),
    ]
}

/// A log record whose body is a list in a list, a thousand times.
fn deep_protobuf() -> Vec<u8> {
    use prost::encoding::bytes::encode;
    let wrap = |field: u32, inner: &Vec<u8>| {
        let mut outer = Vec::new();
        encode(field, inner, &mut outer);
        outer
    };
    let mut value = Vec::new();
    for _ in 0..1_000 {
        // `AnyValue.array_value`, `ArrayValue.values`.
        value = wrap(5, &wrap(1, &value));
    }
    let record = wrap(5, &value);
    wrap(1, &wrap(2, &wrap(2, &record)))
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).expect("memory takes bytes");
    encoder.finish().expect("memory takes bytes")
}

fn deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).expect("memory takes bytes");
    encoder.finish().expect("memory takes bytes")
}

fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::encode_all(body, 1).expect("memory takes bytes")
}

fn encodings() -> Vec<Case> {
    let good = good();
    let broken = |name, encoding, body: &[u8]| {
        coded(name, encoding, body).answers(400, Says::Status(PROTOBUF, 3, encoding))
    };
    let zipped = gzip(&good);
    let half = &good[..good.len() / 2];
    let members = [gzip(half), gzip(&good[half.len()..])].concat();
    let trailing = [&zipped[..], b"more"].concat();
    // A frame that asks for a window of 2^31 bytes: magic, descriptor, window descriptor.
    let wide = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xA8, 0x01, 0x00, 0x00];
    let zstd = zstd(&good);
    vec![
        broken("gzip that is cut off", "gzip", &zipped[..zipped.len() - 9]),
        broken("gzip that is none", "gzip", &good),
        broken("gzip with bytes behind it", "gzip", &trailing),
        broken("deflate that is none", "deflate", b"not deflate"),
        broken("zstd that is cut off", "zstd", &zstd[..zstd.len() - 2]),
        broken("zstd that is none", "zstd", &good),
        broken("zstd with a window of 2 GiB", "zstd", &wide),
        coded("an unknown encoding", "br", b"x")
            .answers(400, Says::Status(PROTOBUF, 3, "`br`"))
            .after(After::Closed),
        coded("gzip in two members", "gzip", &members).succeeds(),
        coded("deflate", "deflate", &deflate(&good)).succeeds(),
        coded("zstd", "zstd", &zstd).succeeds(),
    ]
}

fn sizes() -> Vec<Case> {
    let zeros = vec![0; LIMIT * 64];
    let too_large = |case: Case| case.answers(413, Says::Status(PROTOBUF, 8, "limit"));
    let declared = (LIMIT + 1).to_string();
    let head = |more: &[(&str, &str)]| {
        let mut headers = vec![("content-type", PROTOBUF)];
        headers.extend_from_slice(more);
        request("POST /v1/logs HTTP/1.1", &headers, b"")
    };
    let mut chunked = head(&[("transfer-encoding", "chunked")]);
    for _ in 0..17 {
        chunked.extend_from_slice(b"10000\r\n");
        chunked.resize(chunked.len() + 0x10000, 0);
        chunked.extend_from_slice(b"\r\n");
    }
    let body = vec![0; LIMIT + 1];
    vec![
        too_large(Case::new("a declared length over the limit", {
            head(&[("content-length", &declared)])
        }))
        .after(After::Closed),
        too_large(Case::new(
            "a body over the limit, sent whole",
            post(LOGS, PROTOBUF, &body),
        ))
        .after(After::Closed),
        too_large(Case::new(
            "a huge length, waiting for leave to send",
            head(&[
                ("content-length", "999999999999"),
                ("expect", "100-continue"),
            ]),
        ))
        .after(After::Closed),
        too_large(Case::new("chunks over the limit", chunked)).after(After::Closed),
        too_large(coded("a gzip bomb", "gzip", &gzip(&zeros))),
        too_large(coded("a zstd bomb", "zstd", &zstd(&zeros))),
        too_large(coded("a deflate bomb", "deflate", &deflate(&zeros))),
        too_large(coded(
            "a gzip bomb of many members",
            "gzip",
            &gzip(&zeros[..LIMIT / 8]).repeat(16),
        )),
    ]
}

fn routes() -> Vec<Case> {
    let good = good();
    let wrong_method = |name, line| {
        Case::new(name, request(line, &[], b""))
            .answers(405, Says::Text("supported: [POST]"))
            .header("allow", "POST")
            .after(After::Closed)
    };
    let wrong_type = |name, request| {
        Case::new(name, request)
            .answers(415, Says::Text("application/x-protobuf"))
            .after(After::Closed)
    };
    let untyped = [("content-length", "0")];
    vec![
        wrong_method("GET", "GET /v1/logs HTTP/1.1"),
        wrong_method("PUT", "PUT /v1/logs HTTP/1.1"),
        wrong_method("DELETE", "DELETE /v1/logs HTTP/1.1"),
        wrong_method("a method nobody knows", "BREW /v1/logs HTTP/1.1"),
        wrong_type(
            "no content type",
            request("POST /v1/logs HTTP/1.1", &untyped, b""),
        ),
        wrong_type("plain text", post(LOGS, "text/plain", &good)),
        wrong_type(
            "a form",
            post(LOGS, "application/x-www-form-urlencoded", b"a=b"),
        ),
        wrong_type("a longer type", post(LOGS, "application/jsonp", b"{}")),
        Case::new("an unknown path", post("/v1/profiles", PROTOBUF, &good))
            .answers(404, Says::Text("404"))
            .after(After::Closed),
        Case::new(
            "a signal without a pipeline",
            post("/v1/traces", PROTOBUF, &good),
        )
        .answers(404, Says::Text("404"))
        .after(After::Closed),
        Case::new("a path that climbs", post("/../v1/logs", PROTOBUF, &good))
            .answers(404, Says::Text("404"))
            .after(After::Closed),
    ]
}

fn framing() -> Vec<Case> {
    let good = good();
    let head = |version: &str, more: &[(&str, &str)]| {
        let mut headers = vec![("content-type", PROTOBUF)];
        headers.extend_from_slice(more);
        request(&format!("POST /v1/logs HTTP/{version}"), &headers, b"")
    };
    let bad_request = |name, request| {
        Case::new(name, request)
            .answers(400, Says::Text(""))
            .after(After::Closed)
    };
    let length = good.len().to_string();
    let old = [head("1.0", &[("content-length", &length)]), good.to_vec()].concat();
    let chunk = |body: &str| {
        let head = head("1.1", &[("transfer-encoding", "chunked")]);
        [head, body.as_bytes().to_vec()].concat()
    };
    let twice = [post(LOGS, PROTOBUF, &good), post(LOGS, PROTOBUF, &good)].concat();
    let bad_then_good = [
        post(LOGS, PROTOBUF, b"\x08\x01"),
        post(LOGS, PROTOBUF, &good),
    ]
    .concat();
    vec![
        Case::new("HTTP/1.0", old)
            .succeeds()
            .after(After::ClosedSilently),
        Case::new("no length at all", head("1.1", &[])).answers(200, Says::Success(PROTOBUF)),
        bad_request(
            "two lengths that differ",
            head("1.1", &[("content-length", "3"), ("content-length", "4")]),
        ),
        bad_request(
            "a negative length",
            head("1.1", &[("content-length", "-1")]),
        ),
        bad_request(
            "a transfer encoding that is not chunked",
            head("1.1", &[("transfer-encoding", "gzip")]),
        ),
        Case::new("a chunk length that is no number", chunk("xyz\r\n"))
            .answers(400, Says::Status(PROTOBUF, 3, "framing"))
            .after(After::Closed),
        Case::new("both a length and chunks, of which chunks count", {
            let more = [("content-length", "4"), ("transfer-encoding", "chunked")];
            [head("1.1", &more), b"0\r\n\r\n".to_vec()].concat()
        })
        .answers(200, Says::Success(PROTOBUF))
        .header("connection", "close")
        .after(After::Closed),
        Case::new("a body shorter than declared", {
            let mut cut = post(LOGS, PROTOBUF, &good);
            cut.truncate(cut.len() - 5);
            cut
        })
        .half_closes()
        .answers(400, Says::Status(PROTOBUF, 3, "went away"))
        .after(After::Closed),
        Case::new("chunks that break off", chunk("5\r\nab"))
            .half_closes()
            .answers(400, Says::Status(PROTOBUF, 3, "went away"))
            .after(After::Closed),
        Case::new(
            "half-closed after a good request",
            post(LOGS, PROTOBUF, &good),
        )
        .half_closes()
        .succeeds()
        .after(After::ClosedSilently),
        Case::new("two requests at once", twice)
            .succeeds()
            .succeeds(),
        Case::new("a bad request and a good one at once", bad_then_good)
            .answers(400, Says::Status(PROTOBUF, 3, ""))
            .succeeds(),
        Case::new("an offer to upgrade to HTTP/2", {
            let more = [
                ("connection", "upgrade, http2-settings"),
                ("upgrade", "h2c"),
                ("http2-settings", "AAMAAABkAAQAAP__"),
            ];
            post_with(LOGS, PROTOBUF, &more, &good)
        })
        .succeeds(),
    ]
}

fn heads() -> Vec<Case> {
    let long = "x".repeat(20_000);
    let many: Vec<(&str, &str)> = std::iter::repeat_n(("x-header", "x"), 200).collect();
    let head = |headers: &[(&str, &str)]| request("POST /v1/logs HTTP/1.1", headers, b"");
    let refused = |name, status, request| {
        Case::new(name, request)
            .answers(status, Says::Text(""))
            .after(After::Closed)
    };
    // The record header of a TLS handshake, and an HTTP/2 preface that goes wrong.
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nthis is no frame".to_vec();
    vec![
        refused(
            "a header line that is too long",
            431,
            head(&[("x-long", &long)]),
        ),
        refused("too many header lines", 431, head(&many)),
        refused(
            "a space in a header's name",
            400,
            head(&[("bad name", "x")]),
        ),
        refused("a zero byte in a header", 400, head(&[("x-zero", "a\0b")])),
        refused(
            "a path of 100 KiB",
            431,
            format!("POST /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000)).into_bytes(),
        ),
        refused(
            "a version nobody knows",
            400,
            b"POST /v1/logs HTTP/3.7\r\n\r\n".to_vec(),
        ),
        refused(
            "a TLS handshake on a plain port",
            400,
            [hello, b"\r\n\r\n".to_vec()].concat(),
        ),
        Case::new("a broken HTTP/2 preface", preface).after(After::Ends),
        Case::new("nothing", Vec::new())
            .half_closes()
            .after(After::ClosedSilently),
        Case::new("half a head", b"POST /v1/logs HT".to_vec())
            .half_closes()
            .after(After::ClosedSilently),
    ]
}
