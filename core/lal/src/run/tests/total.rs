//! Whatever a rule says and whatever a log holds, running ends, and the same way each time.

use std::borrow::Cow;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Heard, NOW, Scratch};
use crate::{
    Body, Compatibility, Effect, Left, Loaded, Log, Metadata, Observer, RuleId, Rules, Source,
    Span, TraceContext, load,
};

/// A log of any content.
#[derive(Clone, Debug)]
struct Any {
    layer: &'static str,
    texts: [String; 4],
    timestamp_ms: i64,
    span_id: i32,
    body: Body<'static>,
    tags: Vec<(&'static str, String)>,
}

impl Log for Any {
    fn metadata(&self) -> Metadata<'_> {
        let [instance, endpoint, trace_id, segment_id] = &self.texts;
        Metadata {
            service: "svc",
            instance,
            endpoint,
            layer: self.layer,
            timestamp_ms: self.timestamp_ms,
            trace: TraceContext {
                trace_id,
                segment_id,
                span_id: self.span_id,
            },
        }
    }

    fn body(&self) -> Body<'_> {
        self.body.clone()
    }

    fn tag(&self, key: &str) -> Option<Cow<'_, str>> {
        let found = self.tags.iter().find(|it| it.0 == key);
        found.map(|it| Cow::Borrowed(&*it.1))
    }

    fn source_attribute(&self, key: &str) -> Option<Cow<'_, str>> {
        self.tag(key)
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec![
            "",
            "5",
            "-7",
            "1.5",
            "true",
            "a:b:c",
            "{\"k\": [1, null]}",
            "[1]",
            "2020-01-02"
        ])
        .prop_map(str::to_owned),
        any::<String>(),
        "\\PC{0,12}",
    ]
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|it| it.to_string()),
        any::<i64>().prop_map(|it| it.to_string()),
        any::<f64>()
            .prop_filter("JSON has no others", |it| it.is_finite())
            .prop_map(|it| it.to_string()),
        Just("18446744073709551616".to_owned()),
        text().prop_map(|it| serde_json::to_string(&it).expect("a text is JSON")),
    ];
    let inner = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|it| format!("[{}]", it.join(","))),
            object(inner),
        ]
    });
    object(inner)
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let entry = (
        select(vec!["a", "b", "c", "k", "service", "timestamp"]),
        value,
    );
    let entry = entry.prop_map(|(key, value)| format!("\"{key}\": {value}"));
    vec(entry, 0..5).prop_map(|it| format!("{{{}}}", it.join(",")))
}

fn log() -> impl Strategy<Value = Any> {
    let body = prop_oneof![
        3 => json().prop_map(|it| Body::Json(Cow::Owned(it))),
        1 => json().prop_map(|it| Body::Text(Cow::Owned(it))),
        1 => text().prop_map(|it| Body::Text(Cow::Owned(it))),
        1 => text().prop_map(|it| Body::Yaml(Cow::Owned(it))),
        1 => Just(Body::None),
    ];
    let tags = vec((select(vec!["a", "b", "k"]), text()), 0..4);
    let texts = [text(), text(), text(), text()];
    let numbers = (prop_oneof![Just(0), any::<i64>()], any::<i32>());
    (
        select(vec!["", "GENERAL", "IOS"]),
        texts,
        numbers,
        body,
        tags,
    )
        .prop_map(|(layer, texts, (timestamp_ms, span_id), body, tags)| Any {
            layer,
            texts,
            timestamp_ms,
            span_id,
            body,
            tags,
        })
}

const LEAVES: [&str; 20] = [
    "parsed.a",
    "parsed.a.b",
    "parsed?.a?.b?.c",
    "parsed?.k?.toString()",
    "parsed.service",
    "tag('a')",
    "tag('b').trim()",
    "sourceAttribute('k')",
    "log.service",
    "log.layer",
    "log.timestamp",
    "log.traceContext.spanId",
    "log.body.getText().getText()",
    "log.body.getJson().getJson().trim()",
    "'text'",
    "\"é😀\"",
    "7",
    "2147483648",
    "0.5",
    "'a' + 1",
];

/// Mostly values that OAP can compile: methods are called on what was cast to text, and numbers are
/// calculated with.
fn value() -> impl Strategy<Value = String> {
    let leaf = select(LEAVES.to_vec()).prop_map(str::to_owned);
    leaf.prop_recursive(4, 16, 2, |inner| {
        let cast = select(vec!["String", "Long", "Double", "Boolean", "x.Y"]);
        let chain = select(vec![
            ".trim()",
            ".substring(1)",
            ".substring(0, 2)",
            ".split(':')[1]",
            ".replaceAll('[a-z]', '$0$0')",
            ".replace('a', 'bb')",
            ".toUpperCase()",
            ".concat(log.service)",
            ".repeat(3)",
            ".nope()",
            "",
        ]);
        let number = select(vec!["Long", "Integer", "Double", "Float"]);
        let operator = select(vec!["+", "-", "*", "/"]);
        prop_oneof![
            (inner.clone(), cast).prop_map(|(it, cast)| format!("({it} as {cast})")),
            (inner.clone(), chain).prop_map(|(it, chain)| format!("({it} as String){chain}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} + {b}")),
            (inner.clone(), number.clone(), operator, inner, number).prop_map(
                |(a, one, sign, b, other)| format!("(({a} as {one}) {sign} ({b} as {other}))")
            ),
        ]
    })
}

fn test() -> impl Strategy<Value = String> {
    let method = select(vec![
        "startsWith('a')",
        "matches('.*a')",
        "equals(tag('a'))",
        "contains('5')",
        "isEmpty()",
    ]);
    (value(), method).prop_map(|(value, method)| format!("({value} as String).{method}"))
}

fn operand() -> impl Strategy<Value = String> {
    let cast = select(vec![
        "",
        " as String",
        " as Long",
        " as Double",
        " as Boolean",
    ]);
    (value(), cast).prop_map(|(value, cast)| value + cast)
}

fn condition() -> impl Strategy<Value = String> {
    let sign = select(vec!["==", "!=", "<", ">", "<=", ">="]);
    let leaf = prop_oneof![
        operand(),
        test(),
        (operand(), sign, operand()).prop_map(|(a, sign, b)| format!("{a} {sign} {b}")),
        operand().prop_map(|it| format!("{it} == null")),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|it| format!("!{it}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) && {b}")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a}) || {b}")),
        ]
    })
}

fn statement() -> impl Strategy<Value = String> {
    let word = select(vec![
        "service",
        "instance",
        "endpoint",
        "traceId",
        "segmentId",
        "spanId",
    ]);
    let leaf = prop_oneof![
        (word, operand()).prop_map(|(word, value)| format!("{word} {value}")),
        operand().prop_map(|it| format!("tag t: {it}")),
        operand().prop_map(|it| format!("timestamp {it}")),
        value().prop_map(|it| format!("timestamp {it}, 'yyyy-MM-dd'")),
        operand().prop_map(|it| format!("def v = {it} if (v == 5) {{ tag v: v }} if (v) {{ tag w: v + 1 }}")),
        test().prop_map(|it| format!("def s = tag('a') as String if (s?.length() > 1 && {it}) {{ tag s: s.trim() }}")),
        value().prop_map(|it| format!("def j = toJson({it}) tag j: j?.get('k')?.toString(), n: j?.size()")),
        value().prop_map(|it| format!("def j = toJsonArray({it}) tag j: j[0]?.getAsString()")),
        (value(), operand()).prop_map(|(label, value)| {
            format!("metrics {{ name 'm' labels l: {label} timestamp log.timestamp as Long value {value} }}")
        }),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        (condition(), inner.clone(), inner)
            .prop_map(|(test, then, other)| format!("if ({test}) {{ {then} }} else {{ {other} }}"))
    })
}

/// What many rules start with: a value compared with texts.
fn key() -> impl Strategy<Value = String> {
    let value = select(vec![
        "tag('a')",
        "parsed.a",
        "parsed.service",
        "log.service",
        "parsed.layer",
    ]);
    let text = select(vec!["", "5", "true", "a:", "a", "svc"]);
    let leaf = (value, text, 0..4).prop_map(|(value, text, form)| match form {
        0 => format!("{value} == '{text}'"),
        1 => format!("{value} != '{text}'"),
        2 => format!("({value} as String).startsWith('{text}')"),
        _ => format!("({value} as String).equals('{text}')"),
    });
    leaf.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) || {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) && {b}")),
            inner.prop_map(|it| format!("!({it})")),
        ]
    })
}

fn filter() -> impl Strategy<Value = String> {
    let parser = select(vec![
        "json {}",
        "json { abortOnFailure false }",
        "yaml { abortOnFailure false }",
        "text { regexp '(?<a>[^:]*):?(?<b>.)?' abortOnFailure false }",
        "",
    ]);
    let start = prop_oneof![
        Just(String::new()),
        condition().prop_map(|it| format!("if ({it}) {{ abort {{}} }}")),
        key().prop_map(|it| format!(
            "if ({it}) {{ extractor {{ tag s: 's' }} }} else {{ abort {{}} }}"
        )),
        key().prop_map(|it| format!(
            "json {{}} if ({it}) {{ extractor {{ tag s: 's' }} }} else {{ abort {{}} }}"
        )),
        key().prop_map(|it| format!("json {{}} if (!({it})) {{ abort {{}} }}")),
        condition().prop_map(|it| format!(
            "if ({it}) {{ extractor {{ tag s: 's' }} }} else {{ abort {{}} }}"
        )),
    ];
    let sink = prop_oneof![
        Just("sink {}".to_owned()),
        condition().prop_map(|it| format!("sink {{ if ({it}) {{ dropper {{}} }} }}")),
        value().prop_map(|it| format!(
            "sink {{ sampler {{ rateLimit(\"${{{it}}}\") {{ rpm 1 }} }} }}"
        )),
        Just(String::new()),
    ];
    (start, parser, vec(statement(), 0..3), sink).prop_map(|(start, parser, statements, sink)| {
        let statements = statements.join("\n");
        format!(
            "{start}\n{parser}\nextractor {{ def v = tag('a') as String {statements} }}\n{sink}"
        )
    })
}

fn loaded(layer: &str, filters: &[String], compatibility: Compatibility) -> Loaded {
    let mut text = "rules:\n".to_owned();
    for (index, filter) in filters.iter().enumerate() {
        let filter = filter.replace('\n', "\n      ");
        text += &format!(
            "  - name: r{index}\n    layer: {layer}\n    dsl: |\n      filter {{\n      {filter}\n      }}\n"
        );
    }
    let name = "rules.yaml".to_owned();
    load(&[Source { name, text }], compatibility)
}

fn run(rules: &Rules, log: &Any, scratch: &mut Scratch) -> Vec<String> {
    let mut outcome = Heard::default();
    let claim = rules.run(log, NOW, scratch, &mut outcome);
    outcome.lines.push(format!("{claim:?}"));
    outcome.lines
}

/// Counts what it is told.
#[derive(Default)]
struct Counting {
    statements: usize,
    rules: usize,
}

impl Observer for Counting {
    fn statement(&mut self, _: RuleId, _: Span, _: Effect<'_>) {
        self.statements += 1;
    }

    fn left(&mut self, _: RuleId, _: Left<'_>) {
        self.rules += 1;
    }
}

/// What rules do that keep nothing from log to log but counters.
fn observed(rules: &Rules, log: &Any) -> (Vec<String>, Counting) {
    let mut outcome = Heard::default();
    let mut observer = Counting::default();
    let runner = rules.runner().observed(&mut observer);
    let claim = runner.run(log, NOW, &mut Scratch::default(), &mut outcome);
    outcome.lines.push(format!("{claim:?}"));
    (outcome.lines, observer)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_loads_runs_on_any_log_and_each_time_alike(
        layer in select(vec!["auto", "GENERAL"]),
        filters in vec(filter(), 1..4),
        logs in vec(log(), 1..4),
        compatibility in select(vec![Compatibility::Oap, Compatibility::Documented]),
    ) {
        let compile = || Rules::compile(loaded(layer, &filters, compatibility));
        let (once, again, heard) = (compile(), compile(), compile());
        let mut scratch = Scratch::default();
        for log in &logs {
            let lines = run(&once, log, &mut scratch);
            prop_assert_eq!(&lines, &run(&again, log, &mut Scratch::default()));
            let (lines_heard, observer) = observed(&heard, log);
            prop_assert_eq!(&lines, &lines_heard, "an observer changes something");
            let ends = lines.iter().filter(|line| !line.contains(" keeps ") && !line.contains(" measures ")).count();
            prop_assert_eq!(observer.rules, ends - 1, "{:?}", lines);
        }
    }

    #[test]
    fn rules_that_set_no_layer_do_not_see_each_other(
        filters in vec(filter(), 2..4),
        log in log(),
    ) {
        let log = Any { layer: "GENERAL", ..log };
        let rules = loaded("GENERAL", &filters, Compatibility::Oap);
        let names: Vec<_> = rules.rules.iter().map(|rule| rule.name.text.clone()).collect();
        let together = run(&Rules::compile(rules), &log, &mut Scratch::default());
        let mut apart = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let place: usize = name[1..].parse().expect("an index");
            let rules = loaded("GENERAL", &filters[place..=place], Compatibility::Oap);
            let mut lines = run(&Rules::compile(rules), &log, &mut Scratch::default());
            lines.pop();
            apart.extend(lines.into_iter().map(|line| format!("{index}{}", &line[1..])));
        }
        prop_assert_eq!(&together[..together.len() - 1], &apart[..]);
    }
}

#[test]
fn the_generator_makes_rules_that_load() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let filters = filter();
    let mut loads = 0;
    for _ in 0..200 {
        let tree = filters
            .new_tree(&mut runner)
            .expect("nothing is filtered out");
        let filter = proptest::strategy::ValueTree::current(&tree);
        loads += loaded("GENERAL", &[filter], Compatibility::Oap).rules.len();
    }
    assert!(
        loads >= 40,
        "only {loads} of 200 rules load: the properties say little"
    );
}
