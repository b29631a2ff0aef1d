//! Whatever the text is, reading it ends, and says where something is wrong.

use proptest::prelude::*;

use super::{load_rule, load_text, print, rule_file, shown};
use crate::tree::DEPTH_MAX;
use crate::{Compatibility, Loaded};

/// Each finding points into the file.
#[track_caller]
fn assert_located(file: &str, loaded: &Loaded) {
    for finding in &loaded.findings {
        let line = file.split('\n').nth(finding.line - 1);
        let line = line.unwrap_or_else(|| panic!("{finding:?}\n{file}"));
        assert!(
            finding.column <= line.chars().count() + 1,
            "{finding:?}\n{file}"
        );
    }
}

fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "filter",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "if",
        "else",
        "json",
        "text",
        "regexp",
        "extractor",
        "sink",
        "sampler",
        "rateLimit",
        "rpm",
        "1",
        "2.5",
        "\"a${b}\"",
        "'x",
        "$/",
        "/$",
        "tag",
        "parsed",
        "log",
        ".",
        "?",
        "!",
        "==",
        "&&",
        "||",
        "&",
        "as",
        "Long",
        "def",
        "=",
        "a",
        "+",
        "*",
        ",",
        ":",
        ";",
        "metrics",
        "name",
        "true",
        "null",
        "#",
        "é",
        "\n",
        "/*",
        "*/",
        "//",
    ]);
    prop::collection::vec(word, 0..60).prop_map(|words| words.join(" "))
}

fn condition() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "parsed.a",
        "tag(\"k\") == \"v\"",
        "parsed?.a?.b as Integer >= 400",
        "(parsed.a as Long) + 1 > 2 * 3",
        "(parsed.a as String).split(\":\")[1] != null",
    ]);
    leaf.prop_map(str::to_owned)
        .prop_recursive(6, 40, 2, |inner| {
            prop_oneof![
                inner.clone().prop_map(|it| format!("!{it}")),
                inner.clone().prop_map(|it| format!("({it})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} && {b}")),
                (inner.clone(), inner).prop_map(|(a, b)| format!("{a} || {b}")),
            ]
        })
}

proptest! {
    #[test]
    fn any_file_ends_in_rules_and_located_findings(file in any::<String>()) {
        assert_located(&file, &load_text(&file));
    }

    #[test]
    fn any_words_end_in_a_rule_or_a_located_error(
        before in prop::sample::select(vec!["", "filter { ", "filter { json {} extractor { ", "filter { sink { if ("]),
        words in words(),
        compatibility in prop::sample::select(vec![Compatibility::Oap, Compatibility::Documented]),
    ) {
        let dsl = format!("{before}{words}");
        let loaded = load_rule(&dsl, compatibility);
        assert_located(&rule_file(&dsl), &loaded);
        prop_assert!(!loaded.rules.is_empty() || !loaded.findings.is_empty());
    }

    #[test]
    fn printed_conditions_read_as_the_same_tree(text in condition()) {
        let dsl = format!("filter {{ json {{}} if ({text}) {{ sink {{}} }} }}");
        let once = load_rule(&dsl, Compatibility::Oap);
        prop_assert_eq!(once.rules.len(), 1, "{}\n{}", dsl, shown(&once));
        let printed = print::filter(&once.rules[0].filter);
        let twice = load_rule(&printed, Compatibility::Oap);
        prop_assert_eq!(twice.rules.len(), 1, "{}\n{}", printed, shown(&twice));
        prop_assert_eq!(print::filter(&twice.rules[0].filter), printed);
    }
}

#[test]
fn deep_nesting_is_refused_and_long_chains_are_not() {
    let deep = "(".repeat(100_000);
    for text in [&*deep, &"!".repeat(100_000), &"tag(".repeat(DEPTH_MAX + 1)] {
        let loaded = load_rule(&format!("filter {{ if ({text}"), Compatibility::Oap);
        assert!(loaded.rules.is_empty());
    }
    let blocks = "if (log.service) { ".repeat(DEPTH_MAX * 20);
    let loaded = load_rule(&format!("filter {{ {blocks}"), Compatibility::Oap);
    assert!(
        shown(&loaded).contains("nested deeper than 64 levels"),
        "{}",
        shown(&loaded)
    );
    let chain = "log.service && ".repeat(10_000);
    let dsl = format!("filter {{ if ({chain} log.service) {{}} }}");
    let loaded = load_rule(&dsl, Compatibility::Oap);
    assert_eq!(loaded.rules.len(), 1, "{}", shown(&loaded));
}
