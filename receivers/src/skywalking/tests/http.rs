//! One message or a list of them, in JSON.

use super::*;

#[tokio::test]
async fn reports_that_no_pipeline_takes_are_answered_and_data_is_not() {
    let rig = start(&[Signal::Logs]);
    let ping = rig.unary(Kind::InstancePing.path(), Vec::new()).await;
    assert_eq!(ping, Ok(Bytes::new()));
    let (status, _) = rig
        .post("/browser/perfData", "application/json", b"{}")
        .await;
    assert_eq!(status, StatusCode::OK);
    let segment = rig
        .stream(Kind::Segment.path(), &[message(Kind::Segment)])
        .await;
    let refused = segment.expect_err("no pipeline takes traces");
    assert_eq!(refused.status.code, Code::Unimplemented);
    let (status, _) = rig.post("/v3/segments", "application/json", b"[]").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(rig.chunks().len(), 0);
    rig.ended().await;
}

#[tokio::test]
async fn http_takes_one_message_or_a_list_of_them() {
    let rig = start(&Signal::ALL);
    let json = "application/json;charset=utf-8";
    let cases: [(&str, &str, &[u8], Kind, usize); 8] = [
        (
            "/v3/segment",
            json,
            br#"{"spans":[{"spanType":"Exit"}]}"#,
            Kind::Segment,
            1,
        ),
        (
            "/v3/segments",
            json,
            br#"[{"spans":[{}]},{"spans":[{}]}]"#,
            Kind::Segment,
            2,
        ),
        ("/v3/segments", json, b"[]", Kind::Segment, 0),
        ("/v3/logs", json, br#"[{"timestamp":"1"}]"#, Kind::Log, 1),
        (
            "/v3/management/keepAlive",
            "",
            b"\x0A\x01a",
            Kind::InstancePing,
            1,
        ),
        (
            "/browser/errorLogs",
            json,
            br#"[{"category":"ajax"}]"#,
            Kind::BrowserErrorLog,
            1,
        ),
        (
            "/browser/perfData/resources",
            json,
            b"[{}]",
            Kind::BrowserResource,
            1,
        ),
        (
            "/browser/perfData/webVitals",
            json,
            br#"{"cls":0.1}"#,
            Kind::BrowserWebVitals,
            1,
        ),
    ];
    let mut before = 0;
    for (path, media_type, body, kind, count) in cases {
        let answer = rig.post(path, media_type, body).await;
        assert_eq!(answer, (StatusCode::OK, String::new()), "{path}");
        let chunks = rig.chunks();
        assert_eq!(chunks.len(), before + count, "{path}");
        assert!(chunks[before..].iter().all(|chunk| chunk.kind() == kind));
        before = chunks.len();
    }
    rig.ended().await;
}

#[tokio::test]
async fn http_says_what_was_wrong_and_takes_nothing_of_it() {
    let rig = start(&Signal::ALL);
    let json = "application/json";
    let cases: [(&str, &str, &[u8], StatusCode, &str); 6] = [
        (
            "/v3/segments",
            json,
            br#"[{"spans":[{}]},{"spans":[{"spanType":"Middle"}]}]"#,
            StatusCode::BAD_REQUEST,
            "[1].spans[0].spanType: ",
        ),
        (
            "/v3/segments",
            json,
            b"{}",
            StatusCode::BAD_REQUEST,
            "expected a list",
        ),
        (
            "/v3/segment",
            json,
            b"",
            StatusCode::BAD_REQUEST,
            "expected an object",
        ),
        (
            "/v3/segment",
            "",
            b"\x1A\x05",
            StatusCode::BAD_REQUEST,
            "`spans` at byte",
        ),
        (
            "/v3/logs",
            "text/plain",
            b"[]",
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "supported:",
        ),
        ("/v3/meters", json, b"[]", StatusCode::NOT_FOUND, "404"),
    ];
    for (path, media_type, body, status, text) in cases {
        let answer = rig.post(path, media_type, body).await;
        assert_eq!(answer.0, status, "{path}: {}", answer.1);
        assert!(answer.1.contains(text), "{path}: {}", answer.1);
    }
    assert_eq!(rig.chunks().len(), 0);
    rig.ended().await;
}

#[test]
fn browsers_of_allowed_origins_may_ask_with_their_trace_header() {
    let yaml = "protocols: {http: {cors: {allowed_origins: [https://shop.example]}}}";
    let config = read_text::<Config>(yaml).expect("it is valid").0;
    let http = config.protocols.http.expect("it is configured");
    let cors = http.cors().expect("it is configured");
    assert_eq!(cors.allowed_headers, ["sw8"]);
    assert_eq!(cors.allowed_origins, ["https://shop.example"]);
}
