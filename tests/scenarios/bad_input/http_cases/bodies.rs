//! Bodies that are no telemetry, in every encoding and size.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::super::{LIMIT, good};
use super::{After, Case, JSON, LOGS, PROTOBUF, Says, coded, malformed};
use crate::harness::http1::{post, request};

pub(super) fn all() -> Vec<Case> {
    let mut cases = payloads();
    cases.extend(encodings());
    cases.extend(sizes());
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
