//! What looking and editing costs, over 1,000 spans of about 250 bytes.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use skyferry_plugin_sdk::edit::edit_spans;
use skyferry_plugin_sdk::otlp::ResourceSpans;
use skyferry_plugin_sdk::testing::{span, spans};

const SPANS: usize = 1000;

fn message() -> Vec<u8> {
    spans((0..SPANS).map(|index| {
        span("GET /api/products/{id}")
            .attribute("http.request.method", "GET")
            .attribute("url.scheme", "https")
            .attribute("server.port", 443)
            .attribute("url.path", &format!("/api/products/{index}"))
            .attribute("http.response.status_code", 200)
            .attribute("http.route", "/api/products/{id}")
    }))
}

fn look(criterion: &mut Criterion) {
    let message = message();
    let mut group = criterion.benchmark_group("spans");
    group.throughput(Throughput::Elements(SPANS as u64));
    group.bench_function("look", |bencher| {
        bencher.iter(|| {
            let mut found = 0;
            for span in ResourceSpans::of(black_box(&message)).spans() {
                let path = span.attribute("url.path").and_then(|path| path.as_str());
                found += usize::from(path.is_some_and(|path| path.starts_with('/')));
                found += span.name().len();
            }
            found
        });
    });
    group.bench_function("edit_none", |bencher| {
        bencher.iter(|| {
            edit_spans(black_box(&message), |span, edit| {
                let path = span.attribute("url.path").and_then(|path| path.as_str());
                if path.is_none() {
                    edit.drop_span();
                }
            })
        });
    });
    group.bench_function("edit_one_attribute", |bencher| {
        bencher.iter(|| {
            edit_spans(black_box(&message), |_, edit| {
                edit.set_attribute("url.path", "/api/products/?");
            })
        });
    });
    group.finish();
}

criterion_group!(benches, look);
criterion_main!(benches);
