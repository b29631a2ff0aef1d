use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::ResourceLogs;
use opentelemetry_proto::tonic::metrics::v1::{ResourceMetrics, metric};
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::otlp;
use crate::tests::arbitrary::{KEYS, key, metrics, resource_logs, resource_spans};

/// A change of an item, as it is asked of the bytes and of the structs.
#[derive(Clone, Debug)]
enum Change {
    Set(&'static str, i64),
    SetText(&'static str, String),
    Remove(&'static str),
    Name(String),
    Drop,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => (key(), any::<i64>()).prop_map(|(key, value)| Change::Set(key, value)),
        3 => (key(), ".{0,200}").prop_map(|(key, text)| Change::SetText(key, text)),
        3 => key().prop_map(Change::Remove),
        1 => ".{0,20}".prop_map(Change::Name),
        2 => Just(Change::Drop),
    ]
}

/// For each item in turn what is done to it.
fn changes() -> impl Strategy<Value = Vec<Vec<Change>>> {
    prop::collection::vec(prop::collection::vec(change(), 0..4), 1..6)
}

fn set(attributes: &mut Vec<KeyValue>, key: &str, value: Any) {
    let pair = KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..Default::default()
    };
    match attributes.iter().position(|pair| pair.key == key) {
        None => attributes.push(pair),
        Some(first) => {
            attributes[first] = pair;
            let mut index = 0;
            attributes.retain(|pair| {
                index += 1;
                index <= first + 1 || pair.key != key
            });
        }
    }
}

/// The same on structs; says whether the item stays.
fn model(changes: &[Change], attributes: &mut Vec<KeyValue>, name: impl FnOnce(&str)) -> bool {
    // Of several changes of one key the last one counts.
    let key_of = |change: &Change| match change {
        Change::Set(key, _) | Change::SetText(key, _) | Change::Remove(key) => Some(*key),
        Change::Name(_) | Change::Drop => None,
    };
    for (index, change) in changes.iter().enumerate() {
        let later = &changes[index + 1..];
        if key_of(change).is_some_and(|key| later.iter().any(|later| key_of(later) == Some(key))) {
            continue;
        }
        match change {
            Change::Set(key, value) => set(attributes, key, Any::IntValue(*value)),
            Change::SetText(key, text) => set(attributes, key, Any::StringValue(text.clone())),
            Change::Remove(key) => attributes.retain(|pair| pair.key != *key),
            Change::Name(_) | Change::Drop => {}
        }
    }
    let mut names = changes.iter().filter_map(|change| match change {
        Change::Name(name) => Some(name),
        _ => None,
    });
    if let Some(last) = names.next_back() {
        name(last);
    }
    !changes.iter().any(|change| matches!(change, Change::Drop))
}

/// Asks an edit for `$changes`; what each kind of item calls its name and its end differs.
macro_rules! ask {
    ($changes:expr, $edit:expr, $name:ident, $drop:ident) => {
        for change in $changes {
            match change {
                Change::Set(key, value) => $edit.set_attribute(key, *value),
                Change::SetText(key, text) => $edit.set_attribute(key, text),
                Change::Remove(key) => $edit.remove_attribute(key),
                Change::Name(name) => $edit.$name(&**name),
                Change::Drop => $edit.$drop(),
            }
        }
    };
}

/// What is expected where `after` is what the structs became: nothing for no change.
fn expected<M: Message + PartialEq + Default>(before: &M, after: M, is_left: bool) -> Option<M> {
    match (is_left, *before == after) {
        (_, true) => None,
        (true, false) => Some(after),
        (false, false) => Some(M::default()),
    }
}

fn decoded<M: Message + Default>(bytes: Option<Vec<u8>>) -> Option<M> {
    bytes.map(|bytes| M::decode(&bytes[..]).expect("edits write valid messages"))
}

proptest! {
    #[test]
    fn spans_become_what_the_same_edit_of_structs_makes(
        before in resource_spans(),
        changes in changes(),
    ) {
        let mut after = before.clone();
        let mut turn = changes.iter().cycle();
        for scope in &mut after.scope_spans {
            scope.spans.retain_mut(|span| {
                let name = &mut span.name;
                let changes = turn.next().expect("it is endless");
                model(changes, &mut span.attributes, |new| new.clone_into(name))
            });
        }
        let mut had = before.scope_spans.iter().map(|scope| scope.spans.is_empty());
        after.scope_spans.retain(|scope| had.next() == Some(true) || !scope.spans.is_empty());
        let is_left = after.scope_spans.iter().any(|scope| !scope.spans.is_empty());

        let mut turn = changes.iter().cycle();
        let edited = edit_spans(&before.encode_to_vec(), |_, edit| {
            ask!(turn.next().expect("it is endless"), edit, set_name, drop_span);
        });
        prop_assert_eq!(decoded(edited), expected(&before, after, is_left));
    }

    #[test]
    fn logs_become_what_the_same_edit_of_structs_makes(
        before in resource_logs(),
        changes in changes(),
    ) {
        let mut after = before.clone();
        let mut turn = changes.iter().cycle();
        for scope in &mut after.scope_logs {
            scope.log_records.retain_mut(|record| {
                let body = &mut record.body;
                model(turn.next().expect("it is endless"), &mut record.attributes, |new| {
                    *body = Some(AnyValue { value: Some(Any::StringValue(new.to_owned())) });
                })
            });
        }
        let mut had = before.scope_logs.iter().map(|scope| scope.log_records.is_empty());
        after.scope_logs.retain(|scope| had.next() == Some(true) || !scope.log_records.is_empty());
        let is_left = after.scope_logs.iter().any(|scope| !scope.log_records.is_empty());

        let mut turn = changes.iter().cycle();
        let edited = edit_logs(&before.encode_to_vec(), |_, edit| {
            ask!(turn.next().expect("it is endless"), edit, set_body, drop_record);
        });
        prop_assert_eq!(decoded(edited), expected(&before, after, is_left));
    }

    #[test]
    fn points_of_every_kind_become_what_the_same_edit_of_structs_makes(
        before in metrics(),
        changes in changes(),
    ) {
        let mut after = before.clone();
        let mut turn = changes.iter().cycle();
        let mut next = |attributes: &mut Vec<KeyValue>| {
            model(turn.next().expect("it is endless"), attributes, |_| {})
        };
        for scope in &mut after.scope_metrics {
            scope.metrics.retain_mut(|metric| {
                use metric::Data;
                let Some(data) = &mut metric.data else { return true };
                let (before, after) = match data {
                    Data::Gauge(it) => retain(&mut it.data_points, |it| next(&mut it.attributes)),
                    Data::Sum(it) => retain(&mut it.data_points, |it| next(&mut it.attributes)),
                    Data::Histogram(it) => {
                        retain(&mut it.data_points, |it| next(&mut it.attributes))
                    }
                    Data::ExponentialHistogram(it) => {
                        retain(&mut it.data_points, |it| next(&mut it.attributes))
                    }
                    Data::Summary(it) => retain(&mut it.data_points, |it| next(&mut it.attributes)),
                };
                after > 0 || before == 0
            });
        }
        let mut had = before.scope_metrics.iter().map(|scope| scope.metrics.is_empty());
        after.scope_metrics.retain(|scope| had.next() == Some(true) || !scope.metrics.is_empty());
        let is_left = after.scope_metrics.iter().any(|scope| !scope.metrics.is_empty());

        let mut turn = changes.iter().cycle();
        let edited = edit_points(&before.encode_to_vec(), |_, _, edit| {
            for change in turn.next().expect("it is endless") {
                match change {
                    Change::Set(key, value) => edit.set_attribute(key, *value),
                    Change::SetText(key, text) => edit.set_attribute(key, text),
                    Change::Remove(key) => edit.remove_attribute(key),
                    Change::Name(_) => {}
                    Change::Drop => edit.drop_point(),
                }
            }
        });
        prop_assert_eq!(decoded(edited), expected(&before, after, is_left));
    }

    #[test]
    fn resources_become_what_the_same_edit_of_structs_makes(
        before in resource_spans(),
        changes in prop::collection::vec(change(), 0..4),
    ) {
        let mut after = before.clone();
        let mut attributes = after.resource.take().unwrap_or_default();
        let had_one = before.resource.is_some();
        model(&changes, &mut attributes.attributes, |_| {});
        after.resource = (had_one || !attributes.attributes.is_empty()).then_some(attributes);
        let edited = edit_resource(&before.encode_to_vec(), |_, edit| {
            for change in &changes {
                match change {
                    Change::Set(key, value) => edit.set_attribute(key, *value),
                    Change::SetText(key, text) => edit.set_attribute(key, text),
                    Change::Remove(key) => edit.remove_attribute(key),
                    Change::Name(_) | Change::Drop => {}
                }
            }
        });
        prop_assert_eq!(decoded(edited), expected(&before, after, true));
    }

    #[test]
    fn edits_of_any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        edit_spans(&bytes, |span, edit| {
            edit.set_name(span.trace_state());
            edit.set_attribute(KEYS[0], 1);
            edit.remove_attribute(KEYS[1]);
        });
        edit_logs(&bytes, |_, edit| edit.set_body("none"));
        edit_logs(&bytes, |_, edit| edit.drop_record());
        edit_points(&bytes, |_, _, edit| edit.set_attribute(KEYS[0], true));
        edit_points(&bytes, |_, _, edit| edit.drop_point());
        edit_metrics(&bytes, |metric, edit| edit.set_name(metric.unit()));
        edit_resource(&bytes, |_, edit| edit.set_attribute(KEYS[0], 0.5));
        otlp::AnyValue::of(&bytes).change_strings(|text| Some(format!("{text}!")));
    }

    /// Faults in the middle of something that begins as a message does.
    #[test]
    fn edits_of_damaged_messages_end(
        message in resource_spans(),
        at in any::<prop::sample::Index>(),
        byte: u8,
    ) {
        let mut bytes = message.encode_to_vec();
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        edit_spans(&bytes, |_, edit| edit.set_attribute(KEYS[0], "value"));
        edit_spans(&bytes, |_, edit| edit.drop_span());
    }

    #[test]
    fn edits_that_ask_for_nothing_change_nothing(
        spans in resource_spans(), logs in resource_logs(), metrics in metrics(),
    ) {
        prop_assert_eq!(edit_spans(&spans.encode_to_vec(), |_, _| {}), None);
        prop_assert_eq!(edit_logs(&logs.encode_to_vec(), |_, _| {}), None);
        prop_assert_eq!(edit_points(&metrics.encode_to_vec(), |_, _, _| {}), None);
        prop_assert_eq!(edit_metrics(&metrics.encode_to_vec(), |_, _| {}), None);
        prop_assert_eq!(edit_resource(&spans.encode_to_vec(), |_, _| {}), None);
    }

    #[test]
    fn metrics_are_renamed_and_dropped(before in metrics(), name in ".{0,200}") {
        let mut after = before.clone();
        let mut is_left = false;
        for scope in &mut after.scope_metrics {
            scope.metrics.retain(|metric| metric.unit.is_empty());
            for metric in &mut scope.metrics {
                is_left = true;
                metric.name.clone_from(&name);
            }
        }
        let mut had = before.scope_metrics.iter().map(|scope| scope.metrics.is_empty());
        after.scope_metrics.retain(|scope| had.next() == Some(true) || !scope.metrics.is_empty());
        let edited = edit_metrics(&before.encode_to_vec(), |metric, edit| {
            edit.set_name(&name);
            if !metric.unit().is_empty() {
                edit.drop_metric();
            }
        });
        // An empty name that is written out is the same message in other bytes.
        let edited = decoded::<ResourceMetrics>(edited).filter(|edited| *edited != before);
        prop_assert_eq!(edited, expected(&before, after, is_left));
    }
}

fn retain<T>(points: &mut Vec<T>, keep: impl FnMut(&mut T) -> bool) -> (usize, usize) {
    let before = points.len();
    points.retain_mut(keep);
    (before, points.len())
}

#[test]
fn unknown_fields_and_their_places_survive() {
    // Field 100 of the span, before and behind its name; field 99 of the message at its end.
    let unknown = [0xA2, 0x06, 3, b'o', b'l', b'd'];
    let span = |path: &[u8]| {
        let mut span = unknown.to_vec();
        crate::wire::put_len(&mut span, 5, b"GET /");
        span.extend_from_slice(&unknown);
        span.extend_from_slice(path);
        span
    };
    let message = |span: &[u8]| {
        let mut message = Vec::new();
        crate::wire::put_message(&mut message, 2, |out| crate::wire::put_len(out, 2, span));
        message.extend_from_slice(&[0x98, 0x06, 1]);
        message
    };
    let mut path = Vec::new();
    otlp::KeyValue::put(&mut path, 9, "url.path", "/".into());
    let edited = edit_spans(&message(&span(&[])), |_, edit| {
        edit.set_attribute("url.path", "/");
    });
    assert_eq!(edited, Some(message(&span(&path))));
}

#[test]
fn strings_deep_inside_of_a_body_are_changed() {
    let text = |text: &str| AnyValue {
        value: Some(Any::StringValue(text.to_owned())),
    };
    let body = |inner: &str| {
        let pair = |key: &str, value| KeyValue {
            key: key.to_owned(),
            value: Some(value),
            ..Default::default()
        };
        let array = opentelemetry_proto::tonic::common::v1::ArrayValue {
            values: vec![text("b"), text(inner)],
        };
        let values = vec![
            pair("a", text("a")),
            pair(
                "list",
                AnyValue {
                    value: Some(Any::ArrayValue(array)),
                },
            ),
        ];
        let list = opentelemetry_proto::tonic::common::v1::KeyValueList { values };
        AnyValue {
            value: Some(Any::KvlistValue(list)),
        }
        .encode_to_vec()
    };
    let (before, after) = (body("c"), body("longer"));
    let change = |text: &str| (text == "c").then(|| "longer".to_owned());
    let changed = otlp::AnyValue::of(&before).change_strings(change);
    let changed = changed.expect("one string is to be changed");
    assert_eq!(otlp::AnyValue::from(&changed), otlp::AnyValue::of(&after));
    assert_eq!(otlp::AnyValue::of(&after).change_strings(change), None);
}

#[test]
fn an_edit_that_sets_what_is_there_changes_nothing() {
    use crate::testing::{span, spans};
    let message = spans([span("GET /").attribute("url.path", "/")]);
    let edited = edit_spans(&message, |_, edit| {
        edit.set_name("GET /");
        edit.set_attribute("url.path", "/");
        edit.remove_attribute("other");
    });
    assert_eq!(edited, None);
    let empty: Option<ResourceLogs> = decoded(edit_logs(&[], |_, edit| edit.drop_record()));
    assert_eq!(empty, None);
    let all = edit_spans(&message, |_, edit| edit.drop_span());
    assert_eq!(all, Some(Vec::new()));
    assert!(ResourceSpans::decode(&message[..]).is_ok());
}
