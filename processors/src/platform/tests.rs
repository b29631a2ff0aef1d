use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use engine::config::read_text;
use engine::testkit::batch as sample_batch;
use pdata::edit::Pair;
use pdata::skywalking::Kind;
use pdata::view::AttributeValue;
use pdata::{Chunk, Edit, NativeChunk, Origin};
use proptest::prelude::*;
use telemetry::Metrics;

use super::*;

mod native;

const WECHAT_REFERER: (&str, &str) = (
    "referer",
    "https://servicewechat.com/wx0123456789abcdef/12/page-frame.html",
);
const ALIPAY_AGENT: (&str, &str) = ("user-agent", "AliApp(AP/10.5.96) AlipayClient/10.5.96");

/// A processor and its counters.
struct Fixture {
    marker: Marker,
    metrics: Metrics,
}

impl Fixture {
    fn new(config: &str) -> Fixture {
        let (config, _) = read_text::<Config>(config).expect("the schema takes it");
        let metrics = Metrics::new();
        let marker = Marker::try_new("platform", config, &metrics);
        Fixture {
            marker: marker.expect("its patterns are right"),
            metrics,
        }
    }

    fn mark(&self, chunk: Chunk, headers: &[(&str, &str)]) -> Chunk {
        let mut batch = Batch::new(chunk.signal(), vec![chunk], origin(headers));
        self.marker.mark(&mut batch);
        batch.into_chunks().remove(0)
    }

    /// The resource of a chunk of this signal after it came with these attributes and headers.
    fn resource(
        &self,
        signal: Signal,
        attributes: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> BTreeMap<String, String> {
        let Chunk::Otlp(marked) = self.mark(chunk(signal, attributes), headers) else {
            panic!("it was OTLP");
        };
        let attributes = marked.resource_attributes();
        let attributes = attributes.map(|it| match it.value {
            AttributeValue::String(text) => (it.key.to_owned(), text.to_owned()),
            other => (it.key.to_owned(), format!("{other:?}")),
        });
        attributes.collect()
    }

    fn count(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.metrics.value(name, labels).unwrap_or_default()
    }
}

fn origin(headers: &[(&str, &str)]) -> Arc<Origin> {
    let headers = headers.iter();
    let headers = headers.map(|(name, value)| ((*name).into(), (*value).into()));
    Arc::new(Origin {
        headers: headers.collect(),
        arrived_unix_nano: 1_795_219_200_000_000_000,
        ..Origin::default()
    })
}

/// Two items of a resource with these attributes and no others.
fn chunk(signal: Signal, attributes: &[(&str, &str)]) -> Chunk {
    let Chunk::Otlp(chunk) = sample_batch(signal, 2).into_chunks().remove(0) else {
        panic!("samples are OTLP");
    };
    let keys = chunk.resource_attributes().map(|attribute| Edit::Delete {
        key: attribute.key.to_owned(),
    });
    let mut edits: Vec<_> = keys.collect();
    let added = attributes.iter();
    edits.extend(added.map(|(key, value)| Edit::Insert(Pair::string(key, value))));
    Chunk::Otlp(chunk.edit_resource(&edits))
}

fn is_same(before: &Chunk, after: &Chunk) -> bool {
    match (before, after) {
        (Chunk::Otlp(before), Chunk::Otlp(after)) => {
            before.framed().as_ptr() == after.framed().as_ptr()
        }
        (Chunk::Native(before), Chunk::Native(after)) => {
            before.message().as_ptr() == after.message().as_ptr()
        }
        _ => false,
    }
}

fn map(attributes: &[(&str, &str)]) -> BTreeMap<String, String> {
    let attributes = attributes.iter();
    attributes
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn adds_what_is_missing_on_every_signal_of_otlp() {
    let fixture = Fixture::new("{}");
    for signal in Signal::OTLP {
        for (attributes, headers, expected) in [
            (
                &[("service.name", "shop")][..],
                &[WECHAT_REFERER][..],
                &[("service.name", "shop"), ("miniprogram.platform", "wechat")][..],
            ),
            (&[], &[ALIPAY_AGENT], &[("miniprogram.platform", "alipay")]),
            (
                &[("miniprogram.platform", "")],
                &[ALIPAY_AGENT],
                &[("miniprogram.platform", "alipay")],
            ),
            (
                &[("miniprogram.platform", "WeiXin")],
                &[],
                &[("miniprogram.platform", "wechat")],
            ),
            (&[("os.name", "ios")], &[], &[("os.name", "iOS")]),
            (&[("os.name", "iPad OS")], &[], &[("os.name", "iPadOS")]),
            (
                &[("telemetry.sdk.name", "fc-sdk-wechat-miniprogram")],
                &[],
                &[
                    ("telemetry.sdk.name", "fc-sdk-wechat-miniprogram"),
                    ("miniprogram.platform", "wechat"),
                ],
            ),
        ] {
            let resource = fixture.resource(signal, attributes, headers);
            assert_eq!(resource, map(expected), "{signal:?}");
        }
    }
}

#[test]
fn what_says_it_already_or_tells_nothing_stays_the_same_bytes() {
    let fixture = Fixture::new(
        "{set_layer: true, set_layer_on_logs: true, instance_from_version: true, \
         remove_device_instance: true, fix_component: true}",
    );
    for signal in Signal::OTLP {
        for (attributes, headers) in [
            (&[][..], &[][..]),
            (&[("service.version", "1"), ("os.name", "macOS")], &[]),
            (
                &[],
                &[
                    ("user-agent", "node"),
                    ("referer", "https://shop.example.com/"),
                ],
            ),
            (
                &[
                    ("miniprogram.platform", "wechat"),
                    ("service.layer", "MY_OWN"),
                    ("service.instance.id", "v1.2.0"),
                ],
                &[WECHAT_REFERER],
            ),
            (
                &[
                    ("os.name", "iOS"),
                    ("service.layer", "IOS"),
                    ("service.instance.id", "mp-1a2b"),
                ],
                &[],
            ),
        ] {
            let before = chunk(signal, attributes);
            let after = fixture.mark(before.clone(), headers);
            assert!(is_same(&before, &after), "{signal:?} {attributes:?}");
        }
    }
}

#[test]
fn contradicting_evidence_is_counted_and_nothing_is_overwritten() {
    let fixture = Fixture::new("{}");
    let attributes = [("miniprogram.platform", "wechat"), ("os.name", "iOS")];
    let before = chunk(Signal::Logs, &attributes);
    let after = fixture.mark(before.clone(), &[ALIPAY_AGENT]);
    assert!(is_same(&before, &after));
    let name = "skyferry_platform_contradicting_items_total";
    for against in ["os", "user_agent"] {
        let labels = [("decided_by", "attribute"), ("against", against)];
        assert_eq!(fixture.count(name, &labels), 2.0, "{against}");
    }
    let labels = [("decided_by", "attribute"), ("against", "referer")];
    assert_eq!(fixture.count(name, &labels), 0.0);
}

#[test]
fn more_trusted_evidence_decides_what_is_absent() {
    let config = "{evidence: [referer, user_agent, attribute], set_layer: true}";
    let fixture = Fixture::new(config);
    let headers = [WECHAT_REFERER, ALIPAY_AGENT];
    let resource = fixture.resource(Signal::Traces, &[], &headers);
    let expected = [
        ("miniprogram.platform", "wechat"),
        ("service.layer", "WECHAT_MINI_PROGRAM"),
    ];
    assert_eq!(resource, map(&expected));
    // What is there stays, whatever is trusted more.
    let there = [("miniprogram.platform", "alipay")];
    let resource = fixture.resource(Signal::Traces, &there, &[WECHAT_REFERER]);
    assert_eq!(resource["miniprogram.platform"], "alipay");
    let labels = [("decided_by", "referer"), ("against", "attribute")];
    let name = "skyferry_platform_contradicting_items_total";
    assert_eq!(fixture.count(name, &labels), 2.0);
}

#[test]
fn what_is_not_listed_is_not_looked_at() {
    let fixture = Fixture::new("evidence: [referer]");
    let there = [("miniprogram.platform", "WeChat"), ("os.name", "ios")];
    let before = chunk(Signal::Metrics, &there);
    let after = fixture.mark(before.clone(), &[ALIPAY_AGENT]);
    assert!(is_same(&before, &after));
    assert_eq!(
        fixture.count("skyferry_platform_items_total", &[("platform", "none")]),
        2.0
    );
}

#[test]
fn layers_are_set_where_asked_and_on_logs_only_where_asked_for_logs() {
    let layer = |config: &str, signal, attributes: &[(&str, &str)]| {
        let resource = Fixture::new(config).resource(signal, attributes, &[]);
        resource.get("service.layer").cloned()
    };
    let wechat = [("miniprogram.platform", "wechat")];
    let alipay = [("miniprogram.platform", "alipay")];
    let ipad = [("os.name", "iPadOS")];
    let baidu = [("miniprogram.platform", "baidu")];
    for signal in [Signal::Traces, Signal::Metrics] {
        for (attributes, expected) in [
            (wechat, Some("WECHAT_MINI_PROGRAM")),
            (alipay, Some("ALIPAY_MINI_PROGRAM")),
            (ipad, Some("IOS")),
            (baidu, None),
        ] {
            let found = layer("set_layer: true", signal, &attributes);
            assert_eq!(found.as_deref(), expected, "{signal:?}");
            assert_eq!(layer("set_layer_on_logs: true", signal, &attributes), None);
        }
    }
    assert_eq!(layer("set_layer: true", Signal::Logs, &wechat), None);
    let on_logs = layer("set_layer_on_logs: true", Signal::Logs, &wechat);
    assert_eq!(on_logs.as_deref(), Some("WECHAT_MINI_PROGRAM"));
}

#[test]
fn instances_come_from_the_version_and_never_from_a_device() {
    let platform = ("miniprogram.platform", "wechat");
    let version = ("service.version", "1.2.0");
    let device = ("service.instance.id", "mp-8f3a91");
    let instance = |config: &str, attributes: &[(&str, &str)]| {
        let resource = Fixture::new(config).resource(Signal::Metrics, attributes, &[]);
        resource.get("service.instance.id").cloned()
    };
    let both = "{remove_device_instance: true, instance_from_version: true}";
    for (config, attributes, expected) in [
        (
            "instance_from_version: true",
            &[platform, version][..],
            Some("1.2.0"),
        ),
        ("instance_from_version: true", &[version], None),
        ("instance_from_version: true", &[platform], None),
        (
            "instance_from_version: true",
            &[platform, version, device],
            Some("mp-8f3a91"),
        ),
        (
            "remove_device_instance: true",
            &[platform, version, device],
            None,
        ),
        (
            "remove_device_instance: true",
            &[version, device],
            Some("mp-8f3a91"),
        ),
        (both, &[platform, version, device], Some("1.2.0")),
        (both, &[platform, device], None),
        (
            both,
            &[platform, ("service.instance.id", "mp-blue-1")],
            Some("mp-blue-1"),
        ),
        ("{}", &[platform, version], None),
    ] {
        let found = instance(config, attributes);
        assert_eq!(found.as_deref(), expected, "{config} {attributes:?}");
    }
}

#[test]
fn counts_items_by_platform_and_spellings_that_were_mended() {
    let fixture = Fixture::new("rules: [{platform: douyin, evidence: sdk, pattern: '^tt-'}]");
    for (attributes, platform) in [
        ([("miniprogram.platform", "WX")], "wechat"),
        ([("os.name", "iOS")], "ios"),
        ([("telemetry.sdk.name", "tt-sdk")], "douyin"),
        ([("miniprogram.platform", "a stranger's")], "other"),
        ([("service.name", "shop")], "none"),
    ] {
        fixture.resource(Signal::Logs, &attributes, &[]);
        let labels = [("processor", "platform"), ("platform", platform)];
        assert_eq!(fixture.count("skyferry_platform_items_total", &labels), 2.0);
    }
    let respelled = fixture.count("skyferry_platform_respelled_items_total", &[]);
    assert_eq!(respelled, 2.0);
}

#[test]
fn each_chunk_of_a_batch_is_judged_by_itself() {
    let fixture = Fixture::new("{}");
    let told = chunk(Signal::Logs, &[("miniprogram.platform", "alipay")]);
    let untold = chunk(Signal::Logs, &[]);
    let chunks = vec![told.clone(), untold];
    let mut batch = Batch::new(Signal::Logs, chunks, origin(&[WECHAT_REFERER]));
    fixture.marker.mark(&mut batch);
    let [first, Chunk::Otlp(second)] = batch.chunks() else {
        panic!("there were two");
    };
    assert!(is_same(&told, first));
    assert_eq!(
        second.resource_attribute("miniprogram.platform"),
        Some(AttributeValue::String("wechat"))
    );
}

proptest! {
    /// Whatever is missing, marking what is marked changes nothing more.
    #[test]
    fn marking_twice_is_marking_once(
        signal in prop::sample::select(Signal::OTLP.to_vec()),
        platform in prop::sample::select(vec![None, Some(""), Some("WX"), Some("alipay"), Some("qq")]),
        os in prop::sample::select(vec![None, Some("ios"), Some("Android")]),
        headers in prop::sample::subsequence(vec![WECHAT_REFERER, ALIPAY_AGENT], 0..=2),
    ) {
        let fixture = Fixture::new(
            "{set_layer: true, instance_from_version: true, remove_device_instance: true}",
        );
        let mut attributes = vec![("service.version", "1"), ("service.instance.id", "mp-1a")];
        attributes.extend(platform.map(|platform| ("miniprogram.platform", platform)));
        attributes.extend(os.map(|os| ("os.name", os)));
        let once = fixture.mark(chunk(signal, &attributes), &headers);
        let twice = fixture.mark(once.clone(), &headers);
        prop_assert!(is_same(&once, &twice));
        prop_assert_eq!(once.items(), 2);
    }
}
