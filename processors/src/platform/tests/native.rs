use pdata::skywalking::v3::{
    KeyStringValuePair, LogData, LogTags, SegmentObject, SpanObject, SpanType,
};
use prost::Message;

use super::*;

fn pair(key: &str, value: &str) -> KeyStringValuePair {
    KeyStringValuePair {
        key: key.to_owned(),
        value: value.to_owned(),
    }
}

fn span(parent: i32, span_type: SpanType, component: i32, platform: Option<&str>) -> SpanObject {
    let tags = platform.map(|platform| pair("miniprogram.platform", platform));
    SpanObject {
        parent_span_id: parent,
        span_type: span_type.into(),
        component_id: component,
        tags: tags.into_iter().collect(),
        ..SpanObject::default()
    }
}

fn segment(spans: Vec<SpanObject>) -> Chunk {
    let segment = SegmentObject {
        trace_segment_id: "1".to_owned(),
        service: "shop".to_owned(),
        service_instance: "mp-8f3a91".to_owned(),
        spans,
        ..SegmentObject::default()
    };
    native(Kind::Segment, segment.encode_to_vec())
}

fn native(kind: Kind, message: Vec<u8>) -> Chunk {
    Chunk::Native(NativeChunk::from_checked(kind, message.into(), 0))
}

fn message<M: Message + Default>(chunk: &Chunk) -> M {
    let Chunk::Native(chunk) = chunk else {
        panic!("it was native");
    };
    M::decode(chunk.message().clone()).expect("it is one")
}

/// Component and tag of each span.
fn told(chunk: &Chunk) -> Vec<(i32, Option<String>)> {
    let spans = message::<SegmentObject>(chunk).spans.into_iter();
    let told = spans.map(|span| {
        let mut tags = span.tags.iter();
        let tag = tags.find(|tag| tag.key == "miniprogram.platform");
        (span.component_id, tag.map(|tag| tag.value.clone()))
    });
    told.collect()
}

fn wechat() -> Option<String> {
    Some("wechat".to_owned())
}

#[test]
fn a_segment_that_says_all_of_it_stays_the_same_bytes() {
    use SpanType::{Entry, Exit, Local};
    let fixture = Fixture::new(
        "{set_layer: true, set_layer_on_logs: true, instance_from_version: true, \
         fix_component: true}",
    );
    for (spans, headers) in [
        (
            vec![span(-1, Exit, 10002, Some("wechat"))],
            &[WECHAT_REFERER][..],
        ),
        (vec![span(-1, Entry, 1, None), span(0, Exit, 0, None)], &[]),
        (
            vec![span(-1, Exit, 10001, None)],
            &[("user-agent", "Mozilla/5.0")],
        ),
        (vec![span(-1, Local, 0, Some("baidu"))], &[]),
        (vec![], &[WECHAT_REFERER]),
    ] {
        let before = segment(spans);
        let after = fixture.mark(before.clone(), headers);
        assert!(is_same(&before, &after), "{before:?}");
    }
}

#[test]
fn the_tag_goes_to_the_first_span_and_the_component_to_every_call() {
    use SpanType::{Exit, Local};
    let fixture = Fixture::new("{}");
    // Agents write spans in the order in which they end: children first.
    let spans = vec![
        span(0, Exit, 0, None),
        span(0, Exit, 2, None),
        span(0, Local, 0, None),
        span(-1, Exit, 10001, None),
    ];
    let marked = fixture.mark(segment(spans), &[WECHAT_REFERER]);
    assert_eq!(
        told(&marked),
        [(10002, None), (2, None), (0, None), (10001, wechat())]
    );
    let without_root = vec![span(0, Exit, 10002, None), span(0, Exit, 10002, None)];
    let marked = fixture.mark(segment(without_root), &[]);
    assert_eq!(told(&marked), [(10002, wechat()), (10002, None)]);
}

#[test]
fn the_component_of_browsers_is_corrected_where_asked() {
    let spans = vec![
        span(-1, SpanType::Exit, 10001, Some("wechat")),
        span(0, SpanType::Local, 10001, None),
    ];
    let marked = Fixture::new("fix_component: true").mark(segment(spans.clone()), &[]);
    assert_eq!(told(&marked), [(10002, wechat()), (10001, None)]);
    let before = segment(spans);
    let after = Fixture::new("{}").mark(before.clone(), &[]);
    assert!(is_same(&before, &after));
}

#[test]
fn the_component_tells_the_platform_and_spellings_of_the_tag_are_mended() {
    let fixture = Fixture::new("{}");
    let alipay = vec![span(-1, SpanType::Exit, 10003, None)];
    let marked = fixture.mark(segment(alipay), &[]);
    assert_eq!(told(&marked), [(10003, Some("alipay".to_owned()))]);
    let misspelt = vec![
        span(-1, SpanType::Exit, 10002, Some("WeChat")),
        span(0, SpanType::Exit, 10002, Some("")),
    ];
    let marked = fixture.mark(segment(misspelt), &[]);
    assert_eq!(
        told(&marked),
        [(10002, wechat()), (10002, Some(String::new()))]
    );
    let respelled = fixture.count("skyferry_platform_respelled_items_total", &[]);
    assert_eq!(respelled, 2.0);
}

#[test]
fn a_segment_whose_tag_and_component_differ_is_counted_and_kept() {
    let fixture = Fixture::new("fix_component: true");
    let before = segment(vec![span(-1, SpanType::Exit, 10003, Some("wechat"))]);
    let after = fixture.mark(before.clone(), &[]);
    assert!(is_same(&before, &after));
    let labels = [("decided_by", "attribute"), ("against", "component")];
    let name = "skyferry_platform_contradicting_items_total";
    assert_eq!(fixture.count(name, &labels), 1.0);
}

#[test]
fn the_instance_of_a_device_leaves_segments_and_logs() {
    let fixture = Fixture::new("remove_device_instance: true");
    let spans = vec![span(-1, SpanType::Exit, 10002, Some("wechat"))];
    let marked: SegmentObject = message(&fixture.mark(segment(spans), &[]));
    assert_eq!(marked.service_instance, "-");
    let log = LogData {
        service_instance: "mp-8f3a91".to_owned(),
        ..LogData::default()
    };
    let log = native(Kind::Log, log.encode_to_vec());
    let marked: LogData = message(&fixture.mark(log.clone(), &[WECHAT_REFERER]));
    assert_eq!(marked.service_instance, "-");
    let after = fixture.mark(log.clone(), &[]);
    assert!(is_same(&log, &after));
}

#[test]
fn a_native_log_gets_the_tag_and_where_asked_the_layer() {
    let log = LogData {
        service: "shop".to_owned(),
        tags: Some(LogTags {
            data: vec![pair("level", "ERROR")],
        }),
        ..LogData::default()
    };
    let log = native(Kind::Log, log.encode_to_vec());
    for (config, layer) in [
        ("set_layer: true", ""),
        ("set_layer_on_logs: true", "WECHAT_MINI_PROGRAM"),
    ] {
        let fixture = Fixture::new(config);
        let marked = fixture.mark(log.clone(), &[WECHAT_REFERER]);
        let told: LogData = message(&marked);
        let tags = told.tags.clone().unwrap_or_default().data;
        let expected = [
            pair("level", "ERROR"),
            pair("miniprogram.platform", "wechat"),
        ];
        assert_eq!(tags, expected);
        assert_eq!(told.layer, layer);
        let again = fixture.mark(marked.clone(), &[WECHAT_REFERER]);
        assert!(is_same(&marked, &again));
    }
}

#[test]
fn reports_of_instances_and_events_get_the_layer_where_asked() {
    let asked = Fixture::new("set_layer: true");
    let unasked = Fixture::new("{}");
    for (kind, field) in [
        (Kind::InstanceProperties, 4),
        (Kind::InstancePing, 3),
        (Kind::Event, 9),
    ] {
        let before = native(kind, Vec::new());
        let Chunk::Native(marked) = asked.mark(before.clone(), &[WECHAT_REFERER]) else {
            panic!("it was native");
        };
        assert_eq!(marked.text(field), "WECHAT_MINI_PROGRAM");
        let there = native(kind, {
            let mut out = Vec::new();
            pdata::wire::put_field(&mut out, field, b"GENERAL");
            out
        });
        for (fixture, before) in [(&asked, there), (&unasked, before)] {
            let after = fixture.mark(before.clone(), &[WECHAT_REFERER]);
            assert!(is_same(&before, &after), "{kind:?}");
        }
    }
    let jvm = Chunk::Native(NativeChunk::from_checked(
        Kind::Jvm,
        Bytes::from_static(b"\x0a\x01x"),
        0,
    ));
    let after = asked.mark(jvm.clone(), &[WECHAT_REFERER]);
    assert!(is_same(&jvm, &after));
}

proptest! {
    /// Fields that the definitions do not know survive, whatever is added beside them.
    #[test]
    fn a_segment_keeps_what_nobody_knows(
        component in prop::sample::select(vec![0, 1, 10001, 10002]),
        platform in prop::sample::select(vec![None, Some("WX"), Some("wechat")]),
        unknown in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let fixture = Fixture::new("{fix_component: true, remove_device_instance: true}");
        let mut span = span(-1, SpanType::Exit, component, platform).encode_to_vec();
        pdata::wire::put_field(&mut span, 100, &unknown);
        let mut message = Vec::new();
        pdata::wire::put_field(&mut message, 101, &unknown);
        pdata::wire::put_field(&mut message, 3, &span);
        pdata::wire::put_field(&mut message, 5, b"mp-1a2b");
        pdata::wire::put_field(&mut message, 102, &unknown);
        let marked = fixture.mark(native(Kind::Segment, message), &[WECHAT_REFERER]);
        let Chunk::Native(chunk) = &marked else {
            panic!("it was native");
        };
        let mut raw = Vec::new();
        for number in [101, 102] {
            raw.clear();
            pdata::wire::put_field(&mut raw, number, &unknown);
            prop_assert!(chunk.message().windows(raw.len()).any(|it| it == raw));
        }
        raw.clear();
        pdata::wire::put_field(&mut raw, 100, &unknown);
        prop_assert!(chunk.message().windows(raw.len()).any(|it| it == raw));
        let expected = if component == 1 { 1 } else { 10002 };
        prop_assert_eq!(told(&marked), [(expected, wechat())]);
        prop_assert_eq!(chunk.text(5), "-");
        let again = fixture.mark(marked.clone(), &[WECHAT_REFERER]);
        prop_assert!(is_same(&marked, &again));
    }
}
