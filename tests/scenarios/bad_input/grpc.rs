//! Bad gRPC calls: each is answered with the code that grpc-go gives for the same fault.

use bytes::Bytes;
use http::{Method, Request};
use net::Body;
use net::client::Protocol;
use net::compress::{Encoding, compress};
use net::grpc::{Code, Status};
use pdata::Signal;

use super::{LIMIT, good, log, start};
use crate::harness::sender::method;
use crate::harness::{Backend, Export, Records, Sender};

/// One call, and what must come back.
struct Case {
    name: &'static str,
    path: &'static str,
    method: Method,
    headers: Vec<(&'static str, &'static str)>,
    body: Vec<u8>,
    code: Code,
    says: &'static str,
}

impl Case {
    fn new(name: &'static str, body: Vec<u8>, code: Code, says: &'static str) -> Case {
        Case {
            name,
            path: method(Signal::Logs),
            method: Method::POST,
            headers: vec![("content-type", "application/grpc"), ("te", "trailers")],
            body,
            code,
            says,
        }
    }

    fn header(mut self, name: &'static str, value: &'static str) -> Case {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value));
        self
    }

    fn path(mut self, path: &'static str) -> Case {
        self.path = path;
        self
    }

    fn method(mut self, method: Method) -> Case {
        self.method = method;
        self
    }

    fn request(&self) -> Request<Body> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(self.path);
        for (name, value) in &self.headers {
            request = request.header(*name, *value);
        }
        let body = Body::from(Bytes::from(self.body.clone()));
        request.body(body).expect("the table's headers are valid")
    }
}

/// A message behind its prefix: the flag, and the length as claimed.
fn framed(flag: u8, claimed: usize, message: &[u8]) -> Vec<u8> {
    let claimed = u32::try_from(claimed).expect("lengths here are short");
    [&[flag][..], &claimed.to_be_bytes(), message].concat()
}

fn whole(message: &[u8]) -> Vec<u8> {
    framed(0, message.len(), message)
}

fn cases() -> Vec<Case> {
    let mut cases = framing();
    cases.extend(encodings());
    cases.extend(messages());
    cases
}

fn framing() -> Vec<Case> {
    let (good, refused) = (good(), Case::new);
    vec![
        refused("no message", vec![], Code::Internal, "no message"),
        refused("half a prefix", vec![0, 0, 0], Code::Internal, "prefix"),
        refused(
            "a message that is cut off",
            framed(0, good.len() + 9, &good),
            Code::Internal,
            "ends after",
        ),
        refused(
            "two messages",
            [whole(&good), whole(&good)].concat(),
            Code::Internal,
            "one message",
        ),
        refused(
            "bytes behind the message",
            [whole(&good), b"x".to_vec()].concat(),
            Code::Internal,
            "one message",
        ),
        refused(
            "a flag nobody knows",
            framed(7, good.len(), &good),
            Code::Internal,
            "flag `7`",
        ),
    ]
}

fn encodings() -> Vec<Case> {
    let (good, refused) = (good(), Case::new);
    let zeros = [Bytes::from(vec![0; 64 * LIMIT])];
    let bomb = compress(Encoding::Gzip, &zeros);
    let zstd_bomb = compress(Encoding::Zstd, &zeros);
    let zipped = compress(Encoding::Gzip, std::slice::from_ref(&good));
    let cut = &zipped[..zipped.len() - 9];
    vec![
        refused(
            "compressed, without saying how",
            framed(1, zipped.len(), &zipped),
            Code::Internal,
            "grpc-encoding",
        ),
        refused(
            "an unknown encoding",
            framed(1, good.len(), &good),
            Code::Unimplemented,
            "`snappy`",
        )
        .header("grpc-encoding", "snappy"),
        refused(
            "gzip that is cut off",
            framed(1, cut.len(), cut),
            Code::Internal,
            "gzip",
        )
        .header("grpc-encoding", "gzip"),
        refused(
            "a gzip bomb",
            framed(1, bomb.len(), &bomb),
            Code::ResourceExhausted,
            "larger than max",
        )
        .header("grpc-encoding", "gzip"),
        refused(
            "a zstd bomb",
            framed(1, zstd_bomb.len(), &zstd_bomb),
            Code::ResourceExhausted,
            "larger than max",
        )
        .header("grpc-encoding", "zstd"),
    ]
}

fn messages() -> Vec<Case> {
    let (good, refused) = (good(), Case::new);
    vec![
        refused(
            "a message over the limit",
            whole(&vec![0; LIMIT + 1]),
            Code::ResourceExhausted,
            "larger than max",
        ),
        refused(
            "a claim of 4 GiB",
            framed(0, u32::MAX as usize, b"x"),
            Code::ResourceExhausted,
            "larger than max",
        ),
        refused(
            "protobuf that is cut off",
            whole(&good[..good.len() - 3]),
            Code::InvalidArgument,
            "resource_logs",
        ),
        refused("JSON", whole(b"{}"), Code::InvalidArgument, ""),
        refused("a method nobody has", whole(&good), Code::Unimplemented, "")
            .path("/opentelemetry.proto.collector.logs.v1.LogsService/Import"),
        refused(
            "a service nobody has",
            whole(&good),
            Code::Unimplemented,
            "",
        )
        .path("/grpc.health.v1.Health/Check"),
        refused(
            "a signal without a pipeline",
            whole(&good),
            Code::Unimplemented,
            "TraceService",
        )
        .path(method(Signal::Traces)),
        refused("GET", vec![], Code::Internal, "GET").method(Method::GET),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_grpc_call_is_answered_and_harms_no_other() {
    let backend = Backend::start();
    let collector = start(&backend);
    let address = collector.address("receivers/otlp", "grpc");
    let mut expected = Records::default();
    for case in cases() {
        let name = case.name;
        let sender = Sender::grpc(address);
        let answer = sender.send(case.request()).await;
        let answer = answer.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            answer.status, 200,
            "{name}: gRPC's failures are in its own status"
        );
        let status = Status::read(&answer.headers);
        let refusal = status.and_then(Result::err);
        let refusal = refusal.unwrap_or_else(|| panic!("{name}: {answer:?}"));
        assert_eq!(refusal.code, case.code, "{name}: {refusal}");
        assert!(refusal.message.contains(case.says), "{name}: {refusal}");
        for sender in [sender, Sender::grpc(address)] {
            let called = sender.export(Signal::Logs, good(), Encoding::Identity);
            called
                .await
                .unwrap_or_else(|status| panic!("{name}: afterwards: {status}"));
            expected.add(&Export::Logs(log("good")));
        }
    }
    assert!(collector.memory().peak < 64 << 20, "bombs stay small");
    backend.assert_takes(&expected, "the backend").await;
    assert_eq!(collector.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grpc_path_refuses_what_is_no_grpc() {
    let backend = Backend::start();
    let collector = start(&backend);
    let address = collector.address("receivers/otlp", "grpc");
    for (protocol, content_type) in [
        (Protocol::Http2, "application/json"),
        (Protocol::Http2, "application/grpcweb"),
        (Protocol::Http1, "application/x-protobuf"),
    ] {
        let sender = Sender::over(address, protocol);
        let headers = [("content-type", content_type)];
        let answer = sender.post(method(Signal::Logs), &headers, good()).await;
        let answer = answer.expect("it answers");
        assert_eq!(answer.status, 404, "{content_type}");
    }
    assert_eq!(collector.stop().code, Some(0));
    assert_eq!(backend.tally().items, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_works_over_http2_without_tls_and_a_call_in_every_encoding() {
    let backend = Backend::start();
    let collector = start(&backend);
    let http = collector.address("receivers/otlp", "http");
    let over_http2 = Sender::over(http, Protocol::Http2);
    let answer = over_http2.post_protobuf(Signal::Logs, good());
    assert_eq!(answer.await.expect("it answers").status, 200);
    let grpc = Sender::grpc(collector.address("receivers/otlp", "grpc"));
    let http = Sender::http(http);
    for encoding in [
        Encoding::Identity,
        Encoding::Gzip,
        Encoding::Zstd,
        Encoding::Deflate,
    ] {
        let called = grpc.export(Signal::Logs, good(), encoding);
        called.await.expect("it is taken");
        let answer = http.post_encoded(Signal::Logs, good(), encoding).await;
        assert_eq!(answer.expect("it answers").status, 200);
    }
    let one = Export::Logs(log("good"));
    let expected = Records::of(std::iter::repeat_n(&one, 9));
    backend.assert_takes(&expected, "the backend").await;
}
