//! The histogram that is derived from recorded segments is the one that the SDK made of the same
//! requests.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;

use super::recorded::{self, Recording};
use crate::harness::{Backend, Collector, Export, Sender};

const NAME: &str = "miniprogram.request.duration";

const PAGE: &str = "miniprogram.page.path";

/// Bucket counts and the sum of milliseconds by service, platform and the attributes of points but the
/// page: the SDK's histogram has the page on which the answer came, its segments that on which the
/// request began. Of the 80 recorded requests two were answered on another page.
type Histograms = BTreeMap<Vec<String>, (Vec<u64>, f64)>;

/// Requests by service and page.
type Pages = BTreeMap<[String; 2], u64>;

/// `key=value` of the attributes with these keys.
fn said(attributes: &[KeyValue], keys: &[&str]) -> Vec<String> {
    let wanted = attributes.iter().filter(|it| keys.contains(&&*it.key));
    let said = wanted.map(|attribute| {
        let value = attribute.value.as_ref().and_then(|it| it.value.as_ref());
        let Some(any_value::Value::StringValue(value)) = value else {
            panic!("the SDK's attributes are texts: {attribute:?}");
        };
        format!("{}={value}", attribute.key)
    });
    said.collect()
}

/// Adds the histograms of requests in an export.
fn add(histograms: &mut Histograms, export: &Export) {
    let Export::Metrics(request) = export else {
        return;
    };
    for resource in &request.resource_metrics {
        let attributes = &resource.resource.as_ref().expect("it has one").attributes;
        let keys = [
            "service.name",
            "service.instance.id",
            "miniprogram.platform",
        ];
        let whose = said(attributes, &keys);
        let metrics = resource.scope_metrics.iter().flat_map(|it| &it.metrics);
        for metric in metrics.filter(|metric| metric.name == NAME) {
            let Some(Data::Histogram(histogram)) = &metric.data else {
                panic!("a histogram: {metric:?}");
            };
            assert_eq!(
                (&*metric.unit, histogram.aggregation_temporality),
                ("ms", 1)
            );
            for point in &histogram.data_points {
                let keys = [
                    "http.request.method",
                    "http.response.status_code",
                    "server.address",
                ];
                assert_eq!(point.attributes.len(), keys.len() + 1, "{point:?}");
                let mut series = whose.clone();
                series.extend(said(&point.attributes, &keys));
                let sdk = [10., 25., 50., 100., 250., 500., 1000., 2500., 5000., 10000.];
                assert_eq!(point.explicit_bounds, sdk);
                assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
                let (counts, sum) = histograms
                    .entry(series)
                    .or_insert_with(|| (vec![0; sdk.len() + 1], 0.0));
                let pairs = counts.iter_mut().zip(&point.bucket_counts);
                pairs.for_each(|(all, count)| *all += count);
                *sum += point.sum.expect("the SDK has one");
            }
        }
    }
}

fn requests(histograms: &Histograms) -> u64 {
    histograms.values().flat_map(|(counts, _)| counts).sum()
}

/// The pages of the requests in an export.
fn pages_of(export: &Export) -> Pages {
    let mut pages = Pages::new();
    let Export::Metrics(request) = export else {
        return pages;
    };
    for resource in &request.resource_metrics {
        let attributes = &resource.resource.as_ref().expect("it has one").attributes;
        let service = said(attributes, &["service.name"]).remove(0);
        let metrics = resource.scope_metrics.iter().flat_map(|it| &it.metrics);
        for metric in metrics {
            if let Some(Data::Histogram(histogram)) = &metric.data {
                for point in &histogram.data_points {
                    let page = said(&point.attributes, &[PAGE]).remove(0);
                    *pages.entry([service.clone(), page]).or_default() += point.count;
                }
            }
        }
    }
    pages
}

/// The pages on which the recorded requests began.
fn pages_of_segments() -> Pages {
    let mut pages = Pages::new();
    for recording in recorded::ALL {
        let requests = recording.segments().into_iter();
        for segment in requests.flat_map(|recorded| recorded.decoded()) {
            for span in segment.spans {
                let service = format!("service.name={}", segment.service);
                let page = format!("{PAGE}={}", span.operation_name);
                *pages.entry([service, page]).or_default() += 1;
            }
        }
    }
    pages
}

/// What the SDK counted itself while it sent these recordings' segments.
fn counted_by_the_sdk<'a>(recordings: impl IntoIterator<Item = &'a Recording>) -> Histograms {
    let mut histograms = Histograms::new();
    for recording in recordings {
        for recorded in recording.otlp() {
            add(&mut histograms, &recorded.export());
        }
    }
    histograms
}

fn derived(backend: &Backend) -> Histograms {
    let mut histograms = Histograms::new();
    for taken in backend.taken() {
        add(&mut histograms, &taken.export);
    }
    histograms
}

/// The program with one backend for what the SDK sends and one for what is derived.
fn start(own: &Backend, derived: &Backend) -> Collector {
    Collector::start(&format!(
        "
receivers:
  otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}
  skywalking: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}
processors:
  platform: {{}}
  request_histogram: {{}}
exporters:
  otlp_http/own: {{endpoint: 'http://{own}'}}
  otlp_http/derived: {{endpoint: 'http://{derived}'}}
service:
  pipelines:
    traces: {{receivers: [skywalking], processors: [platform, request_histogram], exporters: [otlp_http/own]}}
    metrics: {{receivers: [otlp], processors: [platform, request_histogram], exporters: [otlp_http/own]}}
    metrics/requests: {{receivers: [request_histogram], exporters: [otlp_http/derived]}}
",
        own = own.address(),
        derived = derived.address(),
    ))
}

async fn send_segments(collector: &Collector) {
    let skywalking = Sender::http(collector.address("receivers/skywalking", "http"));
    for recording in recorded::ALL {
        for recorded in recording.segments() {
            recorded.send(&skywalking, &[]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_request_is_in_the_bucket_in_which_the_sdk_had_it() {
    let (own, backend) = (Backend::start(), Backend::start());
    let collector = start(&own, &backend);
    send_segments(&collector).await;
    let expected = counted_by_the_sdk(&recorded::ALL);
    assert_eq!(requests(&expected), 80, "as many requests as segments");
    backend
        .until("80 requests", |_| requests(&derived(&backend)) >= 80)
        .await;
    assert_eq!(derived(&backend), expected);
    let mut pages = Pages::new();
    for (page, count) in backend.taken().iter().flat_map(|it| pages_of(&it.export)) {
        *pages.entry(page).or_default() += count;
    }
    assert_eq!(pages, pages_of_segments());
    // The spans went on.
    own.until("80 spans", |tally| tally.items >= 80).await;
    assert_eq!(collector.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_sends_the_histogram_itself_is_not_counted_twice() {
    let (own, backend) = (Backend::start(), Backend::start());
    let collector = start(&own, &backend);
    let otlp = Sender::http(collector.address("receivers/otlp", "http"));
    let [wechat, alipay]: [Vec<_>; 2] = ["wechat", "alipay"].map(|platform| {
        let all = recorded::ALL.into_iter();
        all.filter(|it| it.platform == platform).collect()
    });
    for recording in &wechat {
        let metrics = recording
            .otlp()
            .into_iter()
            .filter(|it| it.path == "/v1/metrics");
        for recorded in metrics {
            recorded.send(&otlp, &[]).await;
        }
    }
    send_segments(&collector).await;
    let expected = counted_by_the_sdk(&alipay);
    let count = requests(&expected);
    backend
        .until("Alipay's requests", |_| {
            requests(&derived(&backend)) >= count
        })
        .await;
    assert_eq!(derived(&backend), expected);
    let operator = Sender::http(collector.endpoint("metrics"));
    let metrics = operator.get("/metrics").await;
    let left_out = requests(&counted_by_the_sdk(&wechat));
    let labels = "{processor=\"request_histogram\",reason=\"own_histogram\"}";
    let series = format!("skyferry_request_histogram_skipped_requests_total{labels} {left_out}");
    assert!(metrics.lines().any(|it| it == series), "{metrics}");
    assert_eq!(collector.stop().code, Some(0));
}
