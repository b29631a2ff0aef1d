//! What holds for any logs.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Any tags, of which one is what [`TAKE`] claims by.
fn tags() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let key = prop::sample::select(vec!["take", "page", "level", "exception.type"]);
    vec((key, "[a-z]{0,3}"), 0..4)
}

fn any_record() -> impl Strategy<Value = LogRecord> {
    tags().prop_map(|tags| {
        let tags: Vec<_> = tags.iter().map(|(key, value)| (*key, &**value)).collect();
        record(&tags)
    })
}

fn is_taken(record: &LogRecord) -> bool {
    let tags = texts(&record.attributes);
    let take = tags.into_iter().find(|it| it.0 == "take");
    take.is_some_and(|(_, value)| !value.is_empty())
}

proptest! {
    #[test]
    fn what_no_rule_changes_stays_the_bytes_it_is(
        chunks in vec(vec(any_record(), 1..5), 1..4),
        layer in prop::sample::select(vec!["", "MESH"]),
    ) {
        let fixture = Fixture::new(TAKE);
        let resource = [("service.name", "shop"), ("service.layer", layer)];
        let before: Vec<_> = chunks
            .iter()
            .map(|records| Chunk::Otlp(logs(&resource, records.clone())))
            .collect();
        let mut left = fixture.left(before.clone()).into_iter();
        for (before, records) in before.iter().zip(&chunks) {
            let is_taken = |record: &&LogRecord| layer.is_empty() && is_taken(record);
            let first = left.next().expect("nothing is dropped");
            if !records.iter().any(|record| is_taken(&record)) {
                prop_assert!(is_same(before, &first));
                continue;
            }
            let kept: Vec<_> = records.iter().filter(|it| !is_taken(it)).collect();
            let taken = match kept.is_empty() {
                true => decoded(first),
                false => {
                    let first = decoded(first);
                    prop_assert_eq!(records_of(&first), kept);
                    decoded(left.next().expect("the others follow"))
                }
            };
            let expected: Vec<_> = records.iter().filter(is_taken).collect();
            let found = records_of(&taken);
            prop_assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                let found = texts(&found.attributes);
                for tag in texts(&expected.attributes) {
                    prop_assert!(found.contains(&tag));
                }
            }
        }
        prop_assert!(left.next().is_none());
    }

    #[test]
    fn a_message_that_no_rule_changes_stays_the_bytes_it_is(level in "[a-z]{0,3}") {
        let fixture = Fixture::new(&format!("{TAKE}
  - {{name: pass, layer: GENERAL, dsl: 'filter {{ extractor {{ tag level: tag(\"level\") }} sink {{}} }}'}}
"));
        let mut log = LogData {
            service: "shop".to_owned(),
            timestamp: 7,
            layer: "GENERAL".to_owned(),
            ..LogData::default()
        };
        log.tags.get_or_insert_default().data.push(pdata::skywalking::v3::KeyStringValuePair {
            key: "level".to_owned(),
            value: level,
        });
        let before = Chunk::Native(native(&log));
        let left = fixture.left(vec![before.clone()]);
        prop_assert!(is_same(&before, &left[0]));
    }
}
