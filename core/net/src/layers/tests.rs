use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use http::header::{CONTENT_TYPE, ORIGIN};
use http::{Method, Request};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::*;

async fn ok(_: Request<()>) -> Result<Response<Body>, Infallible> {
    Ok(Response::new(Body::from("fine")))
}

fn request(method: Method, headers: &[(&'static str, &'static str)]) -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = method;
    for (name, value) in headers {
        request
            .headers_mut()
            .insert(*name, HeaderValue::from_static(value));
    }
    request
}

fn settings(origins: &[&str]) -> CorsSettings {
    CorsSettings {
        allowed_origins: origins.iter().map(|origin| (*origin).to_owned()).collect(),
        allowed_headers: vec!["X-Token".to_owned()],
        exposed_headers: vec!["Retry-After".to_owned()],
        max_age: Duration::from_secs(600),
    }
}

async fn cors(settings: &CorsSettings, request: Request<()>) -> Response<Body> {
    let layer = Cors::try_new(settings).unwrap();
    layer.layer(service_fn(ok)).oneshot(request).await.unwrap()
}

async fn allowed(origins: &[&str], origin: &'static str) -> Option<String> {
    let request = request(Method::POST, &[("origin", origin)]);
    let answer = cors(&settings(origins), request).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["vary"], "origin");
    let allowed = answer.headers().get("access-control-allow-origin")?;
    let credentials = answer.headers().get("access-control-allow-credentials");
    assert_eq!(credentials.is_some(), allowed != "*", "never with `*`");
    Some(allowed.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn origins_match_exactly_or_by_their_wildcards() {
    let origins = [
        "https://app.example.com",
        "https://*.shop.example",
        "http://localhost:*",
    ];
    for origin in [
        "https://app.example.com",
        "https://a.shop.example",
        "https://a.b.shop.example",
        "http://localhost:5173",
    ] {
        assert_eq!(allowed(&origins, origin).await.as_deref(), Some(origin));
    }
    for origin in [
        "http://app.example.com",
        "https://app.example.com.evil.org",
        "https://shop.example",
        "https://evil.org/.shop.example",
        "http://localhost",
        "null",
    ] {
        assert_eq!(allowed(&origins, origin).await, None, "{origin}");
    }
}

#[tokio::test]
async fn anybody_is_allowed_without_credentials_only() {
    let origin = "https://app.example.com";
    assert_eq!(allowed(&["*"], origin).await.as_deref(), Some("*"));
    assert_eq!(
        allowed(&["*", origin], origin).await.as_deref(),
        Some(origin)
    );
}

#[tokio::test]
async fn a_preflight_is_answered_without_the_service() {
    let ask = |origin| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
        ];
        request(Method::OPTIONS, &headers)
    };
    let settings = settings(&["https://app.example.com"]);
    let answer = cors(&settings, ask("https://app.example.com")).await;
    let headers = answer.headers();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(headers["access-control-allow-methods"], "POST");
    let allowed = headers["access-control-allow-headers"].to_str().unwrap();
    assert!(
        allowed.contains("content-type") && allowed.ends_with(", x-token"),
        "{allowed}"
    );
    assert_eq!(headers["access-control-max-age"], "600");
    let answer = cors(&settings, ask("https://other.example.com")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert!(
        !answer
            .headers()
            .contains_key("access-control-allow-headers")
    );
    let plain = cors(
        &settings,
        request(Method::OPTIONS, &[("origin", "https://x.org")]),
    )
    .await;
    assert_eq!(
        plain.status(),
        StatusCode::OK,
        "an OPTIONS request that asks nothing"
    );
}

#[tokio::test]
async fn any_header_means_those_that_were_asked_for() {
    let mut settings = settings(&["https://app.example.com"]);
    settings.allowed_headers = vec!["*".to_owned()];
    let headers = [
        ("origin", "https://app.example.com"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "x-one, x-two"),
    ];
    let answer = cors(&settings, request(Method::OPTIONS, &headers)).await;
    assert_eq!(
        answer.headers()["access-control-allow-headers"],
        "x-one, x-two"
    );
}

#[test]
fn origins_that_are_none_are_refused_with_their_form() {
    for origin in [
        "app.example.com",
        "https://",
        "https://a.org/path",
        "*://a.org",
        "",
    ] {
        let error = Cors::try_new(&settings(&[origin])).expect_err(origin);
        assert_eq!(error, OriginError::Origin(origin.to_owned()));
    }
}

#[tokio::test]
async fn over_the_bound_a_request_is_refused_and_afterwards_taken() {
    let shed = Shed::new(1);
    let mut held = shed.layer(service_fn(|_: Request<()>| pending()));
    let open = held.call(request(Method::POST, &[]));
    let mut service = shed.layer(service_fn(ok));
    let answer = service.call(request(Method::POST, &[])).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "1");
    let grpc = request(Method::POST, &[("content-type", "application/grpc")]);
    let answer = service.call(grpc).await.unwrap();
    let status = Status::read(answer.headers()).unwrap().unwrap_err();
    assert_eq!(status.code, Code::Unavailable);
    assert!(status.retry_after.is_some());
    drop(open);
    for _ in 0..2 {
        let answer = service.call(request(Method::POST, &[])).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_replaced_in_the_callers_own_time() {
    let layer = ResponseTimeout::new(Duration::from_secs(10));
    let mut service = layer.layer(service_fn(|_: Request<()>| pending()));
    let start = Instant::now();
    let answer = service.call(request(Method::POST, &[])).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(start.elapsed().as_secs(), 10);
    let headers = [
        ("content-type", "application/grpc+proto"),
        ("grpc-timeout", "3S"),
    ];
    let answer = service.call(request(Method::POST, &headers)).await.unwrap();
    let status = Status::read(answer.headers()).unwrap().unwrap_err();
    assert_eq!(status.code, Code::DeadlineExceeded);
    assert_eq!(start.elapsed().as_secs(), 13);
    assert!(!answer.headers().contains_key(ORIGIN) && answer.headers().contains_key(CONTENT_TYPE));
}
