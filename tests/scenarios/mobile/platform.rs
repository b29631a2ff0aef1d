//! The platform is right on every item of every signal, whatever was left of it.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::resource::v1::Resource;
use pdata::skywalking::v3::SegmentObject;

use super::recorded::{self, Recorded, Recording};
use crate::harness::oap::Oap;
use crate::harness::{Backend, Collector, Export, Records, Sender};

const PLATFORM: &str = "miniprogram.platform";
/// As long as the attribute, so that it can take its place in protobuf.
const HIDDEN: &str = "mini.app.of.platform";
const _: () = assert!(PLATFORM.len() == HIDDEN.len());

const WECHAT_REFERER: (&str, &str) = (
    "referer",
    "https://servicewechat.com/wx0123456789abcdef/12/page-frame.html",
);
const ALIPAY_AGENT: (&str, &str) = (
    "user-agent",
    "Mozilla/5.0 (Linux; U; Android 14) AliApp(AP/10.5.96) AlipayClient/10.5.96",
);

/// What is done to a recording before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    Nothing,
    /// The platform has another spelling.
    Spelling,
    /// The platform is nowhere but in what the platform itself adds to a request.
    Platform,
}

impl Loss {
    fn headers(self, recording: &Recording) -> Vec<(&'static str, &'static str)> {
        match (self, recording.platform) {
            (Loss::Platform, "wechat") => vec![WECHAT_REFERER],
            (Loss::Platform, _) => vec![ALIPAY_AGENT],
            _ => vec![],
        }
    }

    fn of(self, recorded: &Recorded) -> Recorded {
        let mut changed = recorded.clone();
        let replacements: &[(&str, &str)] = match self {
            Loss::Nothing => &[],
            Loss::Spelling => &[
                // Protobuf, OTLP/JSON, and a segment's tag.
                (
                    "platform\x12\x08\n\x06wechat",
                    "platform\x12\x08\n\x06WeChat",
                ),
                (
                    "platform\x12\x08\n\x06alipay",
                    "platform\x12\x08\n\x06ALIPAY",
                ),
                (r#"{"stringValue":"wechat"}"#, r#"{"stringValue":"weixin"}"#),
                (r#"{"stringValue":"alipay"}"#, r#"{"stringValue":"AliPay"}"#),
                (r#"platform","value":"wechat""#, r#"platform","value":"WX""#),
                (
                    r#"platform","value":"alipay""#,
                    r#"platform","value":"Alipay""#,
                ),
            ],
            Loss::Platform => &[
                (PLATFORM, HIDDEN),
                (r#""componentId":10002"#, r#""componentId":10001"#),
                (r#""componentId":10003"#, r#""componentId":0"#),
            ],
        };
        for (from, to) in replacements {
            changed.body = replace(&changed.body, from.as_bytes(), to.as_bytes());
        }
        let is_changed = changed.body != recorded.body;
        assert_eq!(
            is_changed,
            self != Loss::Nothing,
            "{self:?} changes every request"
        );
        changed
    }
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}

fn start(backend: &Backend, oap: &Oap) -> Collector {
    Collector::start(&format!(
        "
receivers:
  otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}
  skywalking: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}
processors:
  platform: {{fix_component: true}}
exporters:
  otlp_http: {{endpoint: 'http://{backend}'}}
  skywalking: {{endpoint: '{oap}', tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [skywalking], processors: [platform], exporters: [skywalking]}}
    metrics: {{receivers: [otlp], processors: [platform], exporters: [otlp_http]}}
    logs: {{receivers: [otlp], processors: [platform], exporters: [otlp_http]}}
",
        backend = backend.address(),
        oap = oap.address(),
    ))
}

fn resources(export: &mut Export) -> Vec<&mut Resource> {
    let resources: Vec<_> = match export {
        Export::Traces(request) => {
            let all = request.resource_spans.iter_mut();
            all.map(|it| &mut it.resource).collect()
        }
        Export::Metrics(request) => {
            let all = request.resource_metrics.iter_mut();
            all.map(|it| &mut it.resource).collect()
        }
        Export::Logs(request) => {
            let all = request.resource_logs.iter_mut();
            all.map(|it| &mut it.resource).collect()
        }
    };
    let resources = resources.into_iter();
    resources
        .map(|it| it.as_mut().expect("the SDK has one"))
        .collect()
}

/// The export without what hides the platform, its resources in an order of their own.
fn restored(export: &Export) -> Export {
    let mut export = export.clone();
    for resource in resources(&mut export) {
        resource.attributes.retain(|it| it.key != HIDDEN);
        resource.attributes.sort_by(|a, b| a.key.cmp(&b.key));
    }
    export
}

/// Segments by id, without what hides the platform, their tags in an order of their own.
fn by_id<'a>(
    segments: impl IntoIterator<Item = &'a SegmentObject>,
) -> BTreeMap<String, SegmentObject> {
    let segments = segments.into_iter().map(|segment| {
        let mut segment = segment.clone();
        for span in &mut segment.spans {
            span.tags.retain(|tag| tag.key != HIDDEN);
            span.tags.sort_by(|a, b| a.key.cmp(&b.key));
        }
        (segment.trace_segment_id.clone(), segment)
    });
    segments.collect()
}

/// Plays every recording with this loss, and expects at the backends what was recorded.
async fn nothing_of_the_platform_is_missing_after(loss: Loss) {
    let (backend, oap) = (Backend::start(), Oap::start());
    let collector = start(&backend, &oap);
    let otlp = Sender::http(collector.address("receivers/otlp", "http"));
    let skywalking = Sender::http(collector.address("receivers/skywalking", "http"));
    let mut records = Records::default();
    let mut segments = Vec::new();
    for recording in recorded::ALL {
        let headers = loss.headers(&recording);
        for recorded in recording.otlp() {
            records.add(&restored(&recorded.export()));
            loss.of(&recorded).send(&otlp, &headers).await;
        }
        for recorded in recording.segments() {
            segments.extend(recorded.decoded());
            loss.of(&recorded).send(&skywalking, &headers).await;
        }
        let mut spans = segments.iter().flat_map(|it| &it.spans).rev();
        assert_eq!(
            spans.next().map(|it| it.component_id),
            Some(recording.component)
        );
    }
    assert!(
        records.len() > 100 && segments.len() == 80,
        "the recordings are whole"
    );
    let items = records.len();
    backend
        .until("all records", |tally| tally.items >= items)
        .await;
    let exports: Vec<_> = backend
        .taken()
        .iter()
        .map(|it| restored(&it.export))
        .collect();
    Records::of(&exports).assert_are(&records, "the backend");
    let count = segments.len();
    oap.until("all segments", |calls| calls.segments().count() >= count)
        .await;
    assert_eq!(by_id(oap.calls().segments()), by_id(&segments), "{loss:?}");
    let operator = Sender::http(collector.endpoint("metrics"));
    let metrics = operator.get("/metrics").await;
    for (platform, is_there) in [("wechat", true), ("alipay", true), ("none", false)] {
        let labels = format!("{{processor=\"platform\",platform=\"{platform}\"}} 0");
        let series = format!("skyferry_platform_items_total{labels}");
        assert_eq!(
            metrics.lines().any(|it| it == series),
            !is_there,
            "{metrics}"
        );
    }
    assert_eq!(collector.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_says_its_platform_passes_as_it_was() {
    nothing_of_the_platform_is_missing_after(Loss::Nothing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_misspelt_platform_becomes_the_one_that_skywalking_knows() {
    nothing_of_the_platform_is_missing_after(Loss::Spelling).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_that_nobody_names_is_told_by_the_request() {
    nothing_of_the_platform_is_missing_after(Loss::Platform).await;
}
