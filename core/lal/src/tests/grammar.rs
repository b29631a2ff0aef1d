//! Each construct of the language reads as the tree it should. Trees are shown as text in which
//! every group of conditions has parentheses.

use super::{accepted, load_rule, load_text, print, shown};
use crate::Compatibility;
use crate::tree::{Condition, Layer, Mode, Number, Root, StatementKind, Value};

fn condition_of(text: &str, compatibility: Compatibility) -> String {
    let dsl = format!("filter {{ json {{}} if ({text}) {{ sink {{}} }} }}");
    let loaded = load_rule(&dsl, compatibility);
    let rule = loaded.rules.first();
    let rule = rule.unwrap_or_else(|| panic!("{text}\n{}", shown(&loaded)));
    print::condition(first_condition(&rule.filter))
}

fn first_condition(filter: &[crate::tree::Statement]) -> &Condition {
    let StatementKind::If { branches, .. } = &filter[1].kind else {
        panic!("{filter:?}");
    };
    &branches[0].condition
}

#[test]
fn conditions_bind_as_in_oap() {
    let cases = [
        ("!parsed.a && parsed.b", "!(parsed.a && parsed.b)"),
        ("!parsed.a || parsed.b", "!(parsed.a || parsed.b)"),
        ("(!parsed.a) && parsed.b", "(!parsed.a) && parsed.b"),
        (
            "parsed.a && !parsed.b && parsed.c",
            "parsed.a && (!(parsed.b && parsed.c))",
        ),
        ("!parsed.a == \"b\"", "!(parsed.a == \"b\")"),
        (
            "parsed.a || parsed.b && parsed.c",
            "parsed.a || (parsed.b && parsed.c)",
        ),
        ("(tag(\"a\"))", "(tag(\"a\"))"),
        ("tag(\"a\") as Integer < 400", "tag(\"a\") as Integer < 400"),
        ("404 == parsed.a", "404 == parsed.a"),
        ("(parsed.a == 1)", "parsed.a == 1"),
        (
            "((parsed.a == 1 || (parsed.b > 2)))",
            "(parsed.a == 1) || (parsed.b > 2)",
        ),
    ];
    for (text, tree) in cases {
        assert_eq!(condition_of(text, Compatibility::Oap), tree, "{text}");
    }
}

#[test]
fn negation_binds_as_documented_if_asked() {
    let text = "!parsed.a && parsed.b";
    let tree = condition_of(text, Compatibility::Documented);
    assert_eq!(tree, "(!parsed.a) && parsed.b");
}

/// Statements of every kind, as text that reads the same.
const EVERYTHING: &str = r#"filter {
text { regexp $/(?<a>.+)"/$ abortOnFailure false }
def v = (log.service as String).toUpperCase()
if (tag("LOG_KIND") == "A") {
abort {}
} else if (v) {
json { abortOnFailure true }
} else {
yaml { abortOnFailure false }
}
extractor {
service "s" as String
instance parsed.a
endpoint log.endpoint
layer "GENERAL"
traceId log.traceContext.traceId
segmentId parsed.a
spanId parsed.a
timestamp parsed.a, "yyyy"
tag a: "x", layer: "y" + 1 * 2.5D
tag "http.status_code": parsed.a
def w = toJson(parsed.a)
metrics {
name "n"
timestamp log.timestamp as Long
labels a: parsed.a, service: log.service
value 1
}
if (w?.getAsJsonArray("a")[0]?.getAsString() != null) {
tag b: "c"
}
}
sink {
sampler {
rateLimit("a-${log.service}") { rpm 6 }
if (parsed.a) {
rateLimit("b") { rpm 2147483647 }
}
}
enforcer {}
dropper {}
}
}"#;

#[test]
fn reads_every_statement_and_prints_it_as_it_was() {
    let (rule, said) = accepted(EVERYTHING);
    assert_eq!(said, "");
    assert_eq!(rule.mode, Mode::Text);
    assert_eq!(print::filter(&rule.filter), EVERYTHING);
}

#[test]
fn words_of_the_language_can_name_fields_and_keys() {
    let dsl = "filter {\njson { abortOnFailure true }\nextractor {\ntag service: parsed.layer, def: parsed?.sink?.tag, \
               abort: parsed.regexp\n}\n}";
    let (rule, _) = accepted(dsl);
    assert_eq!(print::filter(&rule.filter), dsl);
}

#[test]
fn numbers_have_the_types_of_java() {
    let cases = [
        ("7", Number::Integer(7)),
        ("2147483648", Number::Long(2_147_483_648)),
        ("7l", Number::Long(7)),
        ("1.5", Number::Double(1.5)),
        (".5", Number::Double(0.5)),
        ("1e3", Number::Double(1000.0)),
        ("1F", Number::Float(1.0)),
        ("1.5e-1f", Number::Float(0.15)),
        ("2D", Number::Double(2.0)),
    ];
    for (text, number) in cases {
        let (rule, _) = accepted(&format!(
            "filter {{ json {{}} if (parsed.a == {text}) {{}} }}"
        ));
        let Condition::Compare { right, .. } = first_condition(&rule.filter) else {
            panic!("{text}: {rule:?}");
        };
        let Value::Term(term) = &right.value else {
            panic!("{text}: {right:?}");
        };
        assert_eq!(term.root, Root::Number(number), "{text}");
    }
}

#[test]
fn nothing_in_a_quoted_text_is_an_escape() {
    let (rule, _) = accepted("filter { extractor { service 'it\\'s a\\nb' } sink {} }");
    assert!(print::filter(&rule.filter).contains("\"it\\'s a\\nb\""));
}

#[test]
fn reads_rules_and_layers_of_a_file() {
    let file = "layerDefinitions:\n  - {name: IOT, ordinal: 10_000}\nrules:\n  - name: a\n    layer: Auto\n    dsl: filter {}\n  \
                - name: b\n    layer: IOT\n    outputType: SlowSQL\n    dsl: >\n      filter {\n      }\n";
    let loaded = load_text(file);
    assert_eq!(shown(&loaded), "");
    assert_eq!(loaded.layers[0].ordinal, 10_000);
    assert!(loaded.layers[0].normal);
    assert_eq!(loaded.rules[0].layer, Layer::Auto);
    assert_eq!(loaded.rules[1].name.text, "b");
    let output = loaded.rules[1].output_type.as_ref();
    assert_eq!(output.map(|it| &*it.text), Some("SlowSQL"));
}

#[test]
fn rules_of_every_kind_load_without_a_finding() {
    let loaded = load_text(include_str!("../../testdata/kinds.yaml"));
    assert_eq!(shown(&loaded), "");
    let modes: Vec<_> = loaded.rules.iter().map(|rule| rule.mode).collect();
    let none = Mode::None;
    let (json, text) = (Mode::Json, Mode::Text);
    assert_eq!(modes, [none, json, json, text, none, json]);
    for rule in &loaded.rules {
        let printed = print::filter(&rule.filter);
        assert_eq!(print::filter(&reread(rule, &printed)), printed);
    }
}

/// The filter of `rule` in the words of the printer.
#[track_caller]
fn reread(rule: &crate::tree::Rule, printed: &str) -> Vec<crate::tree::Statement> {
    let lines = printed.replace('\n', "\n      ");
    let layer = match &rule.layer {
        Layer::Auto => "auto",
        Layer::Named(name) => &name.text,
    };
    let output = rule.output_type.as_ref().map_or("Log", |it| &it.text);
    let head = format!("name: a\n    layer: {layer}\n    outputType: {output}");
    let file = format!("rules:\n  - {head}\n    dsl: |\n      {lines}\n");
    let mut loaded = load_text(&file);
    let said = shown(&loaded);
    let rule = loaded.rules.pop();
    rule.unwrap_or_else(|| panic!("{file}\n{said}")).filter
}
