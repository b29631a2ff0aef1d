//! What many rules share on one log, and what stays from log to log.

use std::borrow::Cow;
use std::cell::RefCell;

use super::{Heard, NOW, Sent, heard, rules, sent};
use crate::{Body, Log, Metadata, Rules, Scratch};

/// A log that counts what is asked of it.
struct Counted {
    log: Sent,
    asked: RefCell<Vec<String>>,
}

impl Log for Counted {
    fn metadata(&self) -> Metadata<'_> {
        self.log.metadata()
    }

    fn body(&self) -> Body<'_> {
        self.asked.borrow_mut().push("body".to_owned());
        self.log.body()
    }

    fn tag(&self, key: &str) -> Option<Cow<'_, str>> {
        self.asked.borrow_mut().push(format!("tag {key}"));
        self.log.tag(key)
    }

    fn source_attribute(&self, key: &str) -> Option<Cow<'_, str>> {
        self.asked.borrow_mut().push(format!("attribute {key}"));
        let value = self.log.source_attribute(key)?;
        // As of a log that has to make its texts.
        Some(Cow::Owned(value.into_owned()))
    }
}

fn asked(rules: &Rules, log: Sent) -> Vec<String> {
    let asked = RefCell::default();
    let log = Counted { log, asked };
    rules.run(&log, NOW, &mut Scratch::default(), &mut Heard::default());
    log.asked.into_inner()
}

#[test]
fn each_key_and_the_body_are_asked_for_once_however_many_rules_look() {
    let filter = "json {} if (tag('k') == 'v' && sourceAttribute('k') == 'w') { \
                  extractor { tag a: tag('k'), b: parsed.b } sink {} }";
    let rules = rules(&[("GENERAL", filter); 5]);
    let log = sent()
        .json(r#"{"b": 1}"#)
        .tagged("k", "v")
        .from("k", "w")
        .layer("GENERAL");
    assert_eq!(asked(&rules, log), ["body", "tag k", "attribute k"]);
}

#[test]
fn nothing_is_asked_for_that_no_rule_needs() {
    let filter =
        "if (tag('k') != 'v') { abort {} } json {} extractor { tag a: tag('other') } sink {}";
    let rules = rules(&[("auto", filter); 3]);
    assert_eq!(asked(&rules, sent().json("{}")), ["tag k"]);
    assert!(asked(&rules, sent().layer("IOS")).is_empty());
}

#[test]
fn rules_that_are_turned_away_early_end_as_if_they_had_run() {
    let filters = [
        "json {} if ((parsed.a as String).equals('')) { sink {} } else { abort {} }",
        "json {} if (parsed.a != 'x') { abort {} } sink {}",
        "if ((tag('k') as String).startsWith('v')) { sink {} } else { abort {} }",
        "if (tag('k') == 'w' || tag('k') == 'v1') { sink {} } else { abort {} }",
        "if (!(tag('k') == 'v1' && tag('n') > 1)) { abort {} } sink {}",
        "if (tag('n') > 1 && tag('k') == 'none') { sink {} } else { abort {} }",
    ];
    let rules = rules(&filters.map(|filter| ("GENERAL", filter)));
    assert_eq!(
        heard(
            &rules,
            &sent().layer("GENERAL").json("{}").tagged("k", "v1")
        ),
        "0 failed: a method is called on null; `?.` lets null pass\n1 aborted\n\
         2 keeps svc///GENERAL []\n2 done 1\n3 keeps svc///GENERAL []\n3 done 1\n\
         4 failed: `` is no whole number of 32 bits\n5 failed: `` is no whole number of 32 bits\n\
         Claimed"
    );
    let said = heard(
        &rules,
        &sent().layer("GENERAL").text("none").tagged("k", "u"),
    );
    // A rule that could not read its body still decides its conditions.
    let failed = "failed: `parsed` is read, and no parser has read a body";
    let rest =
        "2 aborted\n3 aborted\n4 aborted\n5 failed: `` is no whole number of 32 bits\nClaimed";
    assert_eq!(said, format!("0 {failed}\n1 {failed}\n{rest}"));
}

#[test]
fn a_scratch_fits_any_rules_and_any_log() {
    let text = rules(&[(
        "GENERAL",
        "text { regexp '(?<a>.)(?<b>.)' } extractor { tag b: parsed.b } sink {}",
    )]);
    let other = rules(&[(
        "GENERAL",
        "text { regexp '(?<b>x)' } extractor { def c = toJson(tag('c')) tag b: parsed.b, c: c?.get('k') } sink {}",
    )]);
    let logs = [
        sent().text("xy").tagged("c", "{\"k\": 1}").layer("GENERAL"),
        sent().text("zx").tagged("c", "{\"k\": 2}").layer("GENERAL"),
        sent().text("").layer("GENERAL"),
    ];
    let mut scratch = Scratch::default();
    for _ in 0..2 {
        for rules in [&text, &other] {
            for log in &logs {
                let mut outcome = Heard::default();
                let claim = rules.run(log, NOW, &mut scratch, &mut outcome);
                outcome.lines.push(format!("{claim:?}"));
                assert_eq!(outcome.lines.join("\n"), heard(rules, log));
            }
        }
    }
}

#[test]
fn rules_are_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    fn owned<T: Send>(_: &T) {}
    shared(&rules(&[]));
    owned(&Scratch::default());
}

#[test]
fn rules_have_the_names_that_were_written_in_the_order_of_their_ids() {
    let rules = rules(&[("auto", ""), ("IOS", "")]);
    let names: Vec<_> = rules.names().map(|(rule, name)| (rule.0, name)).collect();
    assert_eq!(names, [(0, "rule-0"), (1, "rule-1")]);
}
