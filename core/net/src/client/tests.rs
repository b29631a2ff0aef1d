mod tls;

use std::sync::atomic::{AtomicUsize, Ordering};

use pdata::Budget;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tower::service_fn;

use super::*;
use crate::compress::Encoding;
use crate::grpc::{Code, MessageLimits, Status};
use crate::server::tests::{PATIENCE, Running, counting_service, patient, post, start};
use crate::server::{ServerSettings, Service};

fn client(endpoint: &str, settings: &ClientSettings) -> Client {
    let spawner = Arc::new(Handle::current());
    Client::try_new(endpoint, Protocol::Http1, None, settings, spawner).unwrap()
}

/// Answers a call with its message twice, or refuses it where the message says so.
fn echo() -> impl Service {
    service_fn(|request: Request<Incoming>| async move {
        let (parts, body) = request.into_parts();
        let limits = MessageLimits::default();
        let budget = Budget::new(64 << 20);
        assert!(parts.headers.contains_key("grpc-timeout"));
        let read = crate::grpc::read_message(&parts.headers, body, &limits, &budget);
        Ok(match read.await {
            Ok(message) if &message[..] == b"refuse" => {
                let status = Status::new(Code::Unavailable, "später")
                    .retry_after(Duration::from_millis(2500));
                crate::grpc::refuse(&status)
            }
            Ok(message) => crate::grpc::answer(&[&message[..], &message[..]].concat()),
            Err(status) => crate::grpc::refuse(&status),
        })
    })
}

async fn call(client: &Client, message: &[Bytes], encoding: Encoding) -> Result<Bytes, Status> {
    let unary = Unary {
        path: "/package.Service/Method",
        headers: HeaderMap::new(),
        message,
        encoding,
        timeout: PATIENCE,
    };
    client.call(unary).await
}

fn grpc_server() -> Running {
    start(ServerSettings::default(), None, echo())
}

#[tokio::test]
async fn a_call_carries_its_message_in_every_encoding() {
    let server = grpc_server();
    let client = server.client(Protocol::Http2);
    let message = [Bytes::from_static(b"ab"), Bytes::from(vec![b'c'; 10_000])];
    let expected = message.concat().repeat(2);
    for encoding in [
        Encoding::Identity,
        Encoding::Gzip,
        Encoding::Zstd,
        Encoding::Deflate,
    ] {
        let answer = call(&client, &message, encoding).await.unwrap();
        assert_eq!(answer, expected, "{encoding}");
    }
    let answer = call(&client, &[], Encoding::Identity).await.unwrap();
    assert!(answer.is_empty());
    drop(client);
    server.stop_cleanly().await;
}

#[tokio::test]
async fn a_call_larger_than_every_window_arrives_whole() {
    let server = start(ServerSettings::default(), None, counting_service());
    let client = server.client(Protocol::Http2);
    let pieces = (0..900).map(|n| Bytes::from(vec![n as u8; 10 * n]));
    let total: usize = (0..900).map(|n| 10 * n).sum();
    assert!(total > 4_000_000);
    let answer = client.send(post(Body::from_pieces(pieces)), PATIENCE).await;
    assert_eq!(answer.unwrap().body, total.to_string());
    drop(client);
    server.stop_cleanly().await;
}

#[tokio::test]
async fn a_refused_call_returns_its_status_with_the_delay() {
    let server = grpc_server();
    let client = server.client(Protocol::Http2);
    let refused = call(&client, &[Bytes::from_static(b"refuse")], Encoding::Gzip).await;
    let expected = Status::new(Code::Unavailable, "später");
    assert_eq!(
        refused,
        Err(expected.retry_after(Duration::from_millis(2500)))
    );
    let large = [Bytes::from(vec![0; 5 << 20])];
    let refused = call(&client, &large, Encoding::Identity).await;
    assert_eq!(refused.unwrap_err().code, Code::ResourceExhausted);
    drop(client);
    server.stop_cleanly().await;
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused_to_calls_and_cut_for_requests() {
    let server = grpc_server();
    let caller = server.client(Protocol::Http2);
    let half = [Bytes::from(vec![0; 32 * 1024])];
    let answer = call(&caller, &half, Encoding::Identity).await.unwrap();
    assert_eq!(answer.len(), 64 * 1024);
    let more = [Bytes::from(vec![0; 32 * 1024 + 1])];
    let refused = call(&caller, &more, Encoding::Identity).await;
    assert_eq!(refused.unwrap_err().code, Code::ResourceExhausted);
    let service = service_fn(|_: Request<Incoming>| async {
        Ok(Response::new(Body::from(Bytes::from(vec![b'x'; 100_000]))))
    });
    let pages = start(ServerSettings::default(), None, service);
    let client = pages.client(Protocol::Http1);
    let answer = client.send(post(""), PATIENCE).await.unwrap();
    assert_eq!((answer.body.len(), answer.complete), (64 * 1024, false));
    drop((caller, client));
    server.stop_cleanly().await;
    pages.stop_cleanly().await;
}

#[tokio::test]
async fn an_answer_that_is_not_grpc_is_read_by_its_http_status() {
    let service = service_fn(|_: Request<Incoming>| async {
        let mut response = Response::new(Body::from("gateway"));
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        Ok(response)
    });
    let server = start(ServerSettings::default(), None, service);
    let client = server.client(Protocol::Http2);
    let refused = call(&client, &[], Encoding::Identity).await.unwrap_err();
    assert_eq!(refused.code, Code::Unavailable);
    assert!(refused.message.contains("`502`"), "{refused}");
    drop(client);
    server.stop_cleanly().await;
}

#[tokio::test]
async fn requests_in_a_row_share_a_connection_and_the_base_path() {
    let paths = Arc::new(AtomicUsize::new(0));
    let service = {
        let paths = paths.clone();
        service_fn(move |request: Request<Incoming>| {
            assert_eq!(request.uri().path(), "/base/v1/logs");
            paths.fetch_add(1, Ordering::Relaxed);
            async { Ok(Response::new(Body::Empty)) }
        })
    };
    let server = start(ServerSettings::default(), None, service);
    let endpoint = format!("http://{}/base/", server.address);
    let client = client(&endpoint, &ClientSettings::default());
    for _ in 0..3 {
        let mut request = post("body");
        *request.uri_mut() = "/v1/logs".parse().unwrap();
        client.send(request, PATIENCE).await.unwrap();
    }
    assert_eq!(paths.load(Ordering::Relaxed), 3);
    assert_eq!(server.counters.accepted.load(Ordering::Relaxed), 1);
    drop(client);
    server.stop_cleanly().await;
}

#[tokio::test]
async fn an_address_stands_for_the_name_which_the_server_still_sees() {
    let host = service_fn(|request: Request<Incoming>| async move {
        let host = request.headers()[http::header::HOST].as_bytes().to_vec();
        Ok(Response::new(Body::from(Bytes::from(host))))
    });
    let server = start(ServerSettings::default(), None, host);
    let endpoint = format!("http://backend.invalid:{}", server.address.port());
    let settings = ClientSettings {
        address: Some(server.address.ip()),
        ..ClientSettings::default()
    };
    let client = client(&endpoint, &settings);
    let answer = client.send(post(Body::Empty), PATIENCE).await.unwrap();
    assert_eq!(answer.body, endpoint["http://".len()..]);
    drop(client);
    server.stop_cleanly().await;
}

#[tokio::test]
async fn failures_say_whether_the_request_may_have_arrived() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let client = client(&endpoint, &ClientSettings::default());
    let slow = client.send(post("abc"), Duration::from_millis(50)).await;
    let error = slow.expect_err("nobody answers");
    assert!(matches!(error, SendError::TimedOut { .. }), "{error}");
    assert!(error.may_have_arrived());
    drop(listener.accept().await.unwrap());

    let close = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap();
    };
    let send = client.send(post("abc"), PATIENCE);
    let (sent, ()) = patient(futures_util::future::join(send, close)).await;
    let error = sent.expect_err("the connection was closed");
    assert!(matches!(error, SendError::Reset { .. }), "{error}");
    assert!(error.may_have_arrived());

    drop(listener);
    let error = client
        .send(post("abc"), PATIENCE)
        .await
        .expect_err("closed");
    assert!(matches!(error, SendError::Connect { .. }), "{error}");
    assert!(
        !error.may_have_arrived() && error.to_string().contains("refused"),
        "{error}"
    );
}

#[tokio::test]
async fn endpoints_are_checked_before_anything_is_sent() {
    let refusal = |endpoint| {
        let (settings, spawner) = (ClientSettings::default(), Arc::new(Handle::current()));
        Client::try_new(endpoint, Protocol::Http1, None, &settings, spawner)
            .err()
            .expect(endpoint)
    };
    for endpoint in ["localhost:4317", "ftp://x:1", "", "/path", "http://"] {
        assert_eq!(
            refusal(endpoint),
            EndpointError::Invalid(endpoint.to_owned())
        );
    }
    assert!(matches!(refusal("https://x:1"), EndpointError::NeedsTls(_)));
    assert!(matches!(
        refusal("http://x:1/?a=b"),
        EndpointError::Query(_)
    ));
}
