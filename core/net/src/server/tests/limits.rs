//! What a peer cannot do.

use super::*;
use crate::body::Pace;

fn brief() -> ServerSettings {
    ServerSettings {
        header_timeout: Duration::from_millis(50),
        idle_timeout: Duration::from_millis(50),
        ..ServerSettings::default()
    }
}

fn load(counter: &std::sync::atomic::AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[tokio::test]
async fn a_header_that_does_not_end_is_ended() {
    let patient_when_idle = ServerSettings {
        idle_timeout: PATIENCE * 10,
        ..brief()
    };
    let server = start(patient_when_idle, None, counting_service());
    let mut first = server.connect().await;
    first.write_all(b"POST / HTTP/1.1\r\nhos").await.unwrap();
    assert_eq!(read_all(first).await, "");
    let mut second = server.connect().await;
    second
        .write_all(b"POST / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut second, "\r\n\r\n0").await;
    second.write_all(b"P").await.unwrap();
    assert_eq!(read_all(second).await, "");
    assert_eq!(load(&server.counters.slow_headers), 2);
    server.stop_cleanly().await;
}

#[tokio::test]
async fn a_silent_connection_is_ended() {
    let server = start(brief(), None, counting_service());
    assert_eq!(read_all(server.connect().await).await, "");
    assert_eq!(load(&server.counters.slow_headers), 1);
    server.stop_cleanly().await;
}

#[tokio::test]
async fn an_idle_connection_is_ended_after_its_answer() {
    let settings = ServerSettings {
        header_timeout: PATIENCE * 10,
        ..brief()
    };
    let server = start(settings, None, counting_service());
    let mut stream = server.connect().await;
    stream
        .write_all(b"POST / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    assert!(read_all(stream).await.starts_with("HTTP/1.1 200"));
    assert_eq!(load(&server.counters.idle), 1);
    server.stop_cleanly().await;
}

#[tokio::test]
async fn a_slow_body_is_told_so_and_leaves_nothing_leased() {
    let budget = Budget::new(1000);
    let limits = BodyLimits {
        pace: Pace {
            time_max: Duration::from_millis(50),
            ..Pace::default()
        },
        ..BodyLimits::default()
    };
    let service = count_bytes(limits, budget.clone());
    let server = start(ServerSettings::default(), None, service);
    let mut stream = server.connect().await;
    let request = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc";
    stream.write_all(request).await.unwrap();
    let answer = read_all(stream).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert_eq!(budget.used(), 0);
    server.stop_cleanly().await;
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_nothing_leased() {
    let budget = Budget::new(1000);
    let service = count_bytes(BodyLimits::default(), budget.clone());
    let server = start(ServerSettings::default(), None, service);
    let mut stream = server.connect().await;
    let request = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc";
    stream.write_all(request).await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(!read_all(stream).await.starts_with("HTTP/1.1 200"));
    server.stop_cleanly().await;
    assert_eq!(budget.used(), 0);
}

#[tokio::test]
async fn a_broken_chunk_is_malformed() {
    let budget = Budget::new(1 << 20);
    let service = count_bytes(BodyLimits::default(), budget.clone());
    let server = start(ServerSettings::default(), None, service);
    let mut stream = server.connect().await;
    let request = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n";
    stream.write_all(request).await.unwrap();
    let answer = read_all(stream).await;
    assert!(
        answer.contains(&ReadError::Malformed.to_string()),
        "{answer}"
    );
    assert_eq!(budget.used(), 0);
    server.stop_cleanly().await;
}

#[tokio::test]
async fn a_refused_upload_sees_its_status() {
    const UPLOAD: usize = 10 << 20;
    let budget = Budget::new(64 << 20);
    let limits = BodyLimits {
        bytes_max: 1000,
        ..BodyLimits::default()
    };
    let service = count_bytes(limits, budget.clone());
    let server = start(ServerSettings::default(), None, service);
    for framing in [
        format!("content-length: {UPLOAD}\r\n\r\n"),
        format!("transfer-encoding: chunked\r\n\r\n{UPLOAD:x}\r\n"),
    ] {
        let (mut read, mut write) = server.connect().await.into_split();
        let header = format!("POST / HTTP/1.1\r\nhost: x\r\n{framing}");
        let upload = async {
            write.write_all(header.as_bytes()).await?;
            write.write_all(&vec![0; UPLOAD]).await
        };
        let answer = async {
            let mut answer = Vec::new();
            while !answer.ends_with(b"bytes") {
                assert_ne!(read.read_buf(&mut answer).await.unwrap(), 0);
            }
            String::from_utf8(answer).unwrap()
        };
        let (sent, answer) = patient(futures_util::future::join(upload, answer)).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        assert!(sent.is_err(), "the server read the whole upload");
    }
    assert_eq!(budget.used(), 0);
    server.stop_cleanly().await;
}

#[tokio::test]
async fn a_body_without_budget_is_refused_on_both_protocols() {
    let budget = Budget::new(100);
    let service = count_bytes(BodyLimits::default(), budget.clone());
    let server = start(ServerSettings::default(), None, service);
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let client = server.client(protocol);
        let answer = client
            .send(post(Bytes::from(vec![0; 101])), PATIENCE)
            .await
            .unwrap();
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        let answer = client
            .send(post(Bytes::from(vec![0; 100])), PATIENCE)
            .await
            .unwrap();
        assert_eq!(answer.status, StatusCode::OK);
    }
    assert_eq!(budget.used(), 0);
    server.stop_cleanly().await;
}

#[tokio::test]
async fn extreme_settings_serve_all_the_same() {
    let low = ServerSettings {
        handshakes_max: usize::MAX,
        age_max: Some(Duration::MAX),
        idle_timeout: Duration::MAX,
        header_timeout: Duration::MAX,
        http1: Http1Settings {
            buffer_bytes_max: 0,
            ..Http1Settings::default()
        },
        http2: Http2Settings {
            frame_bytes_max: 0,
            ..Http2Settings::default()
        },
        ..ServerSettings::default()
    };
    let high = ServerSettings {
        http2: Http2Settings {
            frame_bytes_max: u32::MAX,
            stream_window: u32::MAX,
            connection_window: u32::MAX,
            ping_interval: Some(Duration::MAX),
            ping_timeout: Duration::MAX,
            ..Http2Settings::default()
        },
        ..ServerSettings::default()
    };
    for settings in [low, high] {
        let limits = BodyLimits {
            pace: Pace {
                time_max: Duration::MAX,
                rate_grace: Duration::MAX,
                rate_min: 0,
            },
            ..BodyLimits::default()
        };
        let server = start(settings, None, count_bytes(limits, Budget::new(1000)));
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let client = server.client(protocol);
            let answer = client.send(post("abc"), PATIENCE).await.unwrap();
            assert_eq!(answer.body, "3");
        }
        server.stop_cleanly().await;
    }
}

#[tokio::test]
async fn a_header_over_the_limit_is_told_so() {
    let server = start(ServerSettings::default(), None, counting_service());
    let mut stream = server.connect().await;
    let request = format!("POST / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(17 * 1024));
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = read_all(stream).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    server.stop_cleanly().await;
}

#[tokio::test]
async fn a_connection_over_the_limit_is_closed_and_counted() {
    let settings = ServerSettings {
        connections_max: 1,
        ..ServerSettings::default()
    };
    let server = start(settings, None, counting_service());
    let first = server.client(Protocol::Http1);
    first.send(post("abc"), PATIENCE).await.unwrap();
    assert_eq!(read_all(server.connect().await).await, "");
    assert_eq!(load(&server.counters.over_limit), 1);
    let answer = first.send(post("abc"), PATIENCE).await.unwrap();
    assert_eq!(answer.body, "3");
    drop(first);
    server.stop_cleanly().await;
}

/// An HTTP/2 frame.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

#[tokio::test]
async fn a_peer_that_opens_and_resets_streams_in_a_row_is_sent_away() {
    const CANCEL: [u8; 4] = [0, 0, 0, 8];
    const ENHANCE_YOUR_CALM: [u8; 4] = [0, 0, 0, 11];
    let server = start(ServerSettings::default(), None, counting_service());
    let mut attack = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    attack.extend(frame(4, 0, 0, &[]));
    for stream in (1..400).step_by(2) {
        // POST http://a/, by HPACK's static table; END_HEADERS and END_STREAM.
        attack.extend(frame(1, 0x5, stream, &[0x83, 0x86, 0x84, 0x41, 1, b'a']));
        attack.extend(frame(3, 0, stream, &CANCEL));
    }
    let mut stream = server.connect().await;
    stream.write_all(&attack).await.unwrap();
    let mut received = Vec::new();
    patient(stream.read_to_end(&mut received)).await.unwrap();
    let mut goaway = None;
    let mut rest = &received[..];
    while let Some((header, after)) = rest.split_first_chunk::<9>() {
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        let (payload, after) = after.split_at(length);
        if header[3] == 7 {
            goaway = Some(payload[4..8].to_vec());
        }
        rest = after;
    }
    assert_eq!(goaway.as_deref(), Some(&ENHANCE_YOUR_CALM[..]));
    server.stop_cleanly().await;
}
