//! SkyWalking's browser client in a real browser, from another origin than the program's.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use pdata::skywalking::v3::{ErrorCategory, SpanType};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::runtime::Handle;

use super::program::{PROGRAM_PATIENCE, Program};
use crate::clients::{installed, program};
use crate::harness::Collector;
use crate::harness::oap::Oap;
use crate::harness::oap::calls::{Calls, items};

const SERVICE: &str = "shop-browser";
/// The component of the browser client.
const AJAX: i32 = 10001;

/// Type and content of what is at a path.
type Files = BTreeMap<&'static str, (&'static str, Bytes)>;

/// Serves the page and what it asks for; the runtime's end is its own.
async fn serve_page(client: &Path) -> SocketAddr {
    let read = |path: &Path| Bytes::from(std::fs::read(path).expect("it is there"));
    let files = Arc::new(Files::from([
        (
            "/page.html",
            ("text/html", read(&program("skywalking/page.html"))),
        ),
        ("/client.js", ("text/javascript", read(client))),
        ("/items", ("application/json", "[]".into())),
        ("/left.html", ("text/html", "left".into())),
    ]));
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("loopback has free ports");
    let address = listener.local_addr().expect("it is bound");
    Handle::current().spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let files = Arc::clone(&files);
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = answer(&files, request.uri().path());
                async move { Ok::<_, Infallible>(answer) }
            });
            let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            Handle::current().spawn(serving);
        }
    });
    address
}

fn answer(files: &Files, path: &str) -> Response<Full<Bytes>> {
    let Some((form, content)) = files.get(path) else {
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let mut response = Response::new(Full::from(content.clone()));
    let form = http::HeaderValue::from_static(form);
    response.headers_mut().insert("content-type", form);
    response
}

/// Starts a browser that goes to `url` and asks nobody outside of this machine.
fn browse(browser: &Path, url: &str, profile: &Path) -> Program {
    let mut command = Command::new(browser);
    command
        .args(["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--disable-background-networking", "--no-first-run"])
        .arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
        // Keeps it running behind the page's end.
        .arg("--remote-debugging-port=0")
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(url);
    Program::start("the browser", &mut command)
}

fn start(oap: &Oap, page: SocketAddr) -> Collector {
    Collector::start(&format!(
        "
receivers:
  skywalking:
    protocols:
      http:
        endpoint: '127.0.0.1:0'
        cors: {{allowed_origins: ['http://{page}']}}
exporters:
  skywalking: {{endpoint: '{oap}', tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [skywalking], exporters: [skywalking]}}
    skywalking: {{receivers: [skywalking], exporters: [skywalking]}}
",
        oap = oap.address(),
    ))
}

/// Whether all is there that the page makes its client report.
fn has_everything(calls: &Calls) -> bool {
    let categories: BTreeSet<_> = items!(calls, BrowserError)
        .filter(|error| error.service == SERVICE)
        .map(|error| error.category())
        .collect();
    let has_call = calls.segments().any(|segment| {
        let mut spans = segment.spans.iter();
        segment.service == SERVICE
            && spans.any(|span| span.span_type() == SpanType::Exit && span.component_id == AJAX)
    });
    let wanted = [
        ErrorCategory::Js,
        ErrorCategory::Promise,
        ErrorCategory::Resource,
    ];
    has_call
        && wanted.iter().all(|wanted| categories.contains(wanted))
        && items!(calls, BrowserPerf).any(|it| it.service == SERVICE)
        && items!(calls, BrowserVitals).any(|it| it.service == SERVICE)
        && items!(calls, BrowserResource).any(|it| it.service == SERVICE)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_of_the_browser_client_arrives_once() {
    let parts = installed("skywalking_browser/browser").zip(installed(
        "skywalking_browser/node_modules/skywalking-client-js/lib/index.js",
    ));
    let Some((browser, client)) = parts else {
        return;
    };
    let page = serve_page(&client).await;
    let oap = Oap::start();
    let collector = start(&oap, page);
    let address = collector.address("receivers/skywalking", "http");
    let profile = tempfile::tempdir().expect("the system has a folder for temporary files");
    let url = format!("http://{page}/page.html?collector=http://{address}");
    let browser = browse(&browser, &url, profile.path());
    oap.until_within(PROGRAM_PATIENCE, "all of the page", has_everything)
        .await;
    browser.end().await;
    assert_eq!(collector.stop().code, Some(0));
    // The client posts its errors several times when a page is left.
    let calls = oap.calls();
    let mut ids = BTreeSet::new();
    for error in items!(calls, BrowserError) {
        assert!(ids.insert(&error.unique_id), "twice: {error:?}");
    }
    oap.assert_clean_but_for(&[]);
}
