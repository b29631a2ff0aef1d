//! Requests that go wrong around their body: method, path, type, framing, head.

use super::super::good;
use super::{After, Case, LOGS, PROTOBUF, Says};
use crate::harness::http1::{post, post_with, request};

pub(super) fn all() -> Vec<Case> {
    let mut cases = routes();
    cases.extend(lengths());
    cases.extend(sequences());
    cases.extend(heads());
    cases
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

/// The head of a request for protobuf, with more header lines.
fn head(version: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut headers = vec![("content-type", PROTOBUF)];
    headers.extend_from_slice(more);
    request(&format!("POST /v1/logs HTTP/{version}"), &headers, b"")
}

fn lengths() -> Vec<Case> {
    let head = |more: &[_]| head("1.1", more);
    let bad_request = |name, request| {
        Case::new(name, request)
            .answers(400, Says::Text(""))
            .after(After::Closed)
    };
    let chunk = |body: &str| {
        let head = head(&[("transfer-encoding", "chunked")]);
        [head, body.as_bytes().to_vec()].concat()
    };
    vec![
        Case::new("no length at all", head(&[])).answers(200, Says::Success(PROTOBUF)),
        bad_request(
            "two lengths that differ",
            head(&[("content-length", "3"), ("content-length", "4")]),
        ),
        bad_request("a negative length", head(&[("content-length", "-1")])),
        bad_request(
            "a transfer encoding that is not chunked",
            head(&[("transfer-encoding", "gzip")]),
        ),
        Case::new("a chunk length that is no number", chunk("xyz\r\n"))
            .answers(400, Says::Status(PROTOBUF, 3, "framing"))
            .after(After::Closed),
        Case::new("both a length and chunks, of which chunks count", {
            let more = [("content-length", "4"), ("transfer-encoding", "chunked")];
            [head(&more), b"0\r\n\r\n".to_vec()].concat()
        })
        .answers(200, Says::Success(PROTOBUF))
        .header("connection", "close")
        .after(After::Closed),
        Case::new("a body shorter than declared", {
            let mut cut = post(LOGS, PROTOBUF, &good());
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
    ]
}

fn sequences() -> Vec<Case> {
    let good = good();
    let length = good.len().to_string();
    let old = head("1.0", &[("content-length", &length)]);
    let old = [old, good.to_vec()].concat();
    let twice = post(LOGS, PROTOBUF, &good).repeat(2);
    let bad_then_good = [
        post(LOGS, PROTOBUF, b"\x08\x01"),
        post(LOGS, PROTOBUF, &good),
    ]
    .concat();
    vec![
        Case::new("HTTP/1.0", old)
            .succeeds()
            .after(After::ClosedSilently),
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
