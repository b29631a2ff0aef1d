//! What is said about mistakes, and where.

use expect_test::{Expect, expect, expect_file};

use super::{load_rule, load_text, rule_file, shown};
use crate::Compatibility;

#[track_caller]
fn check(dsl: &str, said: Expect) {
    said.assert_eq(&shown(&load_rule(dsl, Compatibility::Oap)));
}

#[test]
fn a_finding_shows_the_line_of_the_file_with_a_caret() {
    let loaded = load_text(&rule_file("filter {\n  json {} ;\n}"));
    let said: String = loaded.findings.iter().map(ToString::to_string).collect();
    expect![[r#"
        error: a statement is expected here, not `;`
         --> rules.yaml:6:17
          |
        6 |         json {} ;
          |                 ^
          = help: statements are not separated: take the `;` away
    "#]]
    .assert_eq(&said);
}

#[test]
fn places_are_those_in_the_file_however_yaml_writes_the_text() {
    let written = [
        "filter { nope {} }",
        "'filter { if (log.service == ''a'') {} nope {} }'",
        "\"filter {\\n if (log.\\x73ervice == \\\"a\\\") {} \\\n      nope {} }\"",
        ">-\n      filter {\n\n        json {}\n      nope {} }",
        "|2+ # a comment\n      filter { nope {} }",
        "filter {\n      nope {} }",
    ];
    for written in written {
        let file = format!("# é\nrules:\n  - name: é\n    layer: auto\n    dsl: {written}\n");
        let loaded = load_text(&file);
        let place = loaded.findings.first().map(|it| (it.line, it.column));
        let found = file.find("nope").expect("it is in there");
        let line = file[..found].matches('\n').count() + 1;
        let column = found - file[..found].rfind('\n').expect("there are lines before");
        assert_eq!(place, Some((line, column)), "{file}\n{}", shown(&loaded));
    }
}

#[test]
fn a_mistake_does_not_hide_the_next_ones() {
    let dsl = "filter {\n  json { abort }\n  if (parsed.a = 1) {\n    enforcer { x }\n  }\n  extractor {\n    tag (a): b\n    service\n    \
               layer IOS = 1\n  }\n  sink { drop {} }\n}";
    check(
        dsl,
        expect![[r#"
        6:16 error: `abort` cannot stand here in `json` (`abortOnFailure true|false`, once)
        7:22 error: `)` is expected here, not `=` (equality is `==`)
        8:22 error: `}` is expected here, not `x` (nothing can stand between its braces)
        11:18 error: a key cannot be computed (a key is a plain name or a quoted text)
        13:11 error: a value is expected here, not `layer` (it is a word of the language: quote it, or read `parsed` or `log`)
        13:21 error: a statement is expected here, not `=` (for example `json {}`, `extractor { .. }`, `sink {}`)
        15:16 error: there is no block `drop` (`sink { dropper {} }` drops a log)
    "#]],
    );
}

/// Bodies of filters that do not load.
const REFUSED: [&str; 23] = [
    "json {}; sink {}",
    "extractor { tag 'a': 'b', 'c': 'd' }",
    "extractor { tag (parsed.code): 'x' }",
    "extractor { tag as: 'x' }",
    "extractor { abort {} }",
    "sink { abort {} }",
    "sink { def a = 1 }",
    "extractor { service -1 }",
    "extractor { service parsed.a as Long as String }",
    "extractor { service parsed.if }",
    "extractor { service $/a/$ }",
    "extractor { service a ? b : c }",
    "if ((log.service == 'a') == 'b') {}",
    "if (1 < log.timestamp < 2) {}",
    "if (log.service) { abort {} tag a: 'b' }",
    "sink { sampler { possibility(1) {} } }",
    "sink { sampler { rateLimit { rpm 1 } } }",
    "sink { sampler { rateLimit('a') { rpm 1L } } }",
    "sink { sampler { rateLimit('${a') { rpm 1 } } }",
    "json { abortOnFailure true abortOnFailure true }",
    "text { grok 'x' }",
    "drop {}",
    "} filter {",
];

#[test]
fn refuses_what_oap_refuses() {
    let mut said = String::new();
    for body in REFUSED {
        let loaded = load_rule(&format!("filter {{ {body} }}"), Compatibility::Oap);
        assert!(loaded.rules.is_empty(), "{body}");
        said.push_str(&format!("{body}\n{}", shown(&loaded)));
    }
    expect![[r#"
        json {}; sink {}
        5:23 error: a statement is expected here, not `;` (statements are not separated: take the `;` away)
        extractor { tag 'a': 'b', 'c': 'd' }
        5:40 error: a quoted key stands alone (write one `tag` for each key, or keys without quotes)
        extractor { tag (parsed.code): 'x' }
        5:45 error: a key cannot be computed (a key is a plain name or a quoted text)
        extractor { tag as: 'x' }
        5:32 error: a value is expected here, not `as` (for example `parsed.code`, `tag("key")`, `log.service`, `"text"` or `7`)
        extractor { abort {} }
        5:28 error: `abort` cannot stand in `extractor` (it belongs in `filter`)
        sink { abort {} }
        5:23 error: `abort` cannot stand in `sink` (it belongs in `filter`)
        sink { def a = 1 }
        5:23 error: `def` cannot stand in `sink` (it belongs in `filter` or `extractor`)
        extractor { service -1 }
        5:36 error: a value is expected here, not `-` (numbers have no sign: write `(0 - 1)`)
        extractor { service parsed.a as Long as String }
        5:53 error: a second cast cannot follow the first (put the first one into parentheses: `(value as Long) as String`)
        extractor { service parsed.if }
        5:43 error: `if` is a word of the language and cannot be a name (a key that is no plain name cannot be written here; see `toJson`)
        extractor { service $/a/$ }
        5:36 error: a value is expected here, not a text (`$/../$` is for `regexp`; use quotes)
        extractor { service a ? b : c }
        5:40 error: `.` is expected here, not `b` (`?.` reads a field of what may be null; there is no `a ? b : c`)
        if ((log.service == 'a') == 'b') {}
        5:41 error: a condition cannot be compared (compare two values, and join comparisons by `&&`)
        if (1 < log.timestamp < 2) {}
        5:38 error: a condition cannot be compared (compare two values, and join comparisons by `&&`)
        if (log.service) { abort {} tag a: 'b' }
        5:44 error: `tag` does not go with what stands before it (an `if` holds statements of a filter, an extractor, a sink or a sampler, not of two)
        sink { sampler { possibility(1) {} } }
        5:33 error: `possibility` cannot stand in `sampler` (OAP has no such sampler: `rateLimit("id") { rpm 100 }`)
        5:48 error: a statement is expected here, not `{` (for example `json {}`, `extractor { .. }`, `sink {}`)
        sink { sampler { rateLimit { rpm 1 } } }
        5:43 error: `(` is expected here, not `{` (for example `rateLimit("id") { rpm 100 }`)
        sink { sampler { rateLimit('a') { rpm 1L } } }
        5:54 error: `rpm` takes a plain number, not `1L` (logs a minute, from 0 to 2147483647)
        sink { sampler { rateLimit('${a') { rpm 1 } } }
        5:43 error: a `${` in this id is not closed (end the value with `}`)
        json { abortOnFailure true abortOnFailure true }
        5:43 error: `abortOnFailure` cannot stand here in `json` (`abortOnFailure true|false`, once)
        text { grok 'x' }
        5:23 error: `grok` cannot stand here in `text` (`regexp` with a text, or `abortOnFailure true|false`)
        drop {}
        5:16 error: there is no block `drop` (`sink { dropper {} }` drops a log)
        } filter {
        5:18 error: `filter` follows the end of `filter` (a rule has one `filter`: make it two rules)
    "#]].assert_eq(&said);
}

#[test]
fn warns_of_what_oap_ignores() {
    let dsl = "filter {\n  #\n  json {}\n  extractor {\n    if (parsed.a) { abort {} }\n  }\n  sink {\n    if (parsed.b) {\n      \
               if (parsed.c) { dropper {} }\n      enforcer {}\n    }\n    sampler {\n      if (parsed.d) { rateLimit('a') { rpm 1 } }\n      \
               rateLimit('b') { rpm 1 }\n    }\n  }\n  if (!parsed.a && parsed.b) { abort {} }\n}";
    check(
        dsl,
        expect![[r#"
        6:9 warning: `#` is no part of the language: OAP skips it (a comment starts with `//`)
        9:27 warning: OAP ignores `abort` in an `if` of `extractor` (move the `if` with it to the block where it belongs)
        13:13 warning: OAP ignores an `if` beside other statements in an `if` of a `sink` (write both conditions into one `if`: `if (a && b) { .. }`)
        18:13 warning: OAP evaluates this limit before the `if`s in front of it (the last verdict wins: write limits first, to see their order)
        21:13 warning: OAP negates everything to the right of this `!`, not what is next to it (`(!a) && b` negates `a` alone, `!(a && b)` says what OAP does)
    "#]],
    );
}

#[test]
fn files_are_read_as_oap_reads_them() {
    let file = "layerDefinitions:\n  - name: iot\n    ordinal: 10000\n  - name: A\n    ordinal: 10001\n  - name: B\n    ordinal: 10001\n    \
                normal: maybe\n  - name: C\n    ordinal: 10001\nrules:\n  - name: a\n    layer: auto\n    dsl: filter {}\n  - name: a\n    layer: AUTO\n    \
                dsl: filter {}\n  - name: b\n    layers: GENERAL\n    v2Only: true\n    dsl:\n";
    expect![[r#"
        2:11 error: `iot` cannot name a layer (capital letters, digits and `_`, a letter first: `IOT_FLEET`)
        8:13 error: `maybe` is no boolean (`true` or `false`)
        9:11 error: the layer clashes with `A`, which has the ordinal 10001 (give it a name and an ordinal of its own, or define both alike)
        15:11 error: the automatic rules have a `a` already (give each rule of a layer a name of its own)
        18:5 error: a rule needs a `layer` (add `layer:` with a layer's name, or `auto`)
        19:5 error: a rule has no key `layers` (is `layer` meant?)
        20:5 error: a rule has no key `v2Only` (its keys are `name`, `layer`, `inputType`, `outputType`, `dsl`)
        21:5 error: a rule needs a `dsl` (add `dsl:` with `|` and the rule: `filter { .. }`)
    "#]].assert_eq(&shown(&load_text(file)));
    expect![[r#"
        1:1 warning: there are no `rules`: OAP skips the file (add `rules:` with a list of rules)
    "#]]
    .assert_eq(&shown(&load_text("layerDefinitions: []\n")));
    expect![[r#"
        1:8 error: broken YAML: unclosed bracket '[' (a rule file is a YAML mapping with `rules:`)
    "#]]
    .assert_eq(&shown(&load_text("rules: [\n")));
    expect![[""]].assert_eq(&shown(&load_text("")));
}

/// Bodies of filters whose grammar is right and whose types are not, or that deceive.
const STATIC: [&str; 43] = [
    "extractor { tag 'a': true }",
    "extractor { service null }",
    "if (true) {}",
    "json {} if (parsed.f == true) {}",
    "extractor { layer IOS }",
    "def a = sourceAttribute('x') extractor { service a }",
    "if (a) {} def a = log.service",
    "if (log.service) { def a = 'x' } if (a) {}",
    "if (log.service) { def a = 'x' } else { def a = 'y' } if (a) {}",
    "def a = sourceAttribute('x') if (a.startsWith('b')) {}",
    "def a = sourceAttribute('x') as String if (a.startsWith('b')) {}",
    "def a = sourceAttribute('x') as String if (a?.startsWith('b')) {}",
    "json {} def a = toJson(parsed.c) if (a?.has('k')) {}",
    "json {} extractor { service toJson(parsed.c) }",
    "json {} extractor { service parsed.a.b.c }",
    "json {} extractor { service parsed.a.b.c.d }",
    "json {} extractor { service parsed.a[0] }",
    "json {} extractor { service parsed?.a?.trim() }",
    "json {} extractor { service parsed.a.trim() }",
    "json {} extractor { service whatever.a }",
    "text { regexp '(?<a>.)' } extractor { service parsed.a.b }",
    "extractor { service parsed.service }",
    "extractor { service parsed.code }",
    "extractor { service log.traceContext.spanId }",
    "extractor { service log.body.text }",
    "extractor { service log.body.getText().getText() }",
    "extractor { service log.name }",
    "if (tag('name').startsWith('x')) {}",
    "if ((tag('name') as String).startsWith('x')) {}",
    "if (tag(log.service)) {}",
    "if (regexp('a')) {}",
    "if (matches('a')) {}",
    "if (tag('a') == null) {}",
    "if (tag('a') == log.service as String) {}",
    "if ((tag('a') as String).length() > 3) {}",
    "def s = tag('a') as String if (s?.length() > 3) {}",
    "def s = tag('a') as String if (s.length() > 3) {}",
    "json {} extractor { tag a: parsed.n / 2 }",
    "json {} extractor { tag a: (parsed.n as Long) / 2 + 'ms' }",
    "extractor { tag a: ('abc').length() }",
    "extractor { metrics { name log.service timestamp log.timestamp labels a: log.service as Long value 1 } }",
    "extractor { service ProcessRegistry.find('a') }",
    "sink { sampler { rateLimit('${nobody}') { rpm 1 } } }",
];

#[test]
fn checks_what_oap_compiles_to_java() {
    let mut said = String::new();
    for body in STATIC {
        let loaded = load_rule(&format!("filter {{ {body} }}"), Compatibility::Oap);
        let has_errors = shown(&loaded).contains("error");
        assert_eq!(loaded.rules.is_empty(), has_errors, "{body}");
        said.push_str(&format!("{body}\n{}", shown(&loaded)));
    }
    expect_file!["../../testdata/static.txt"].assert_eq(&said);
}

#[test]
fn warns_of_a_rule_for_a_layer_that_nobody_has() {
    let rule = |layer: &str| format!("rules: [{{name: a, layer: {layer}, dsl: 'filter {{}}'}}]\n");
    expect![[r#"
        1:26 warning: no layer `general` is known: its logs never meet a rule (a layer of OAP, one of `layerDefinitions`, or `auto`)
    "#]].assert_eq(&shown(&load_text(&rule("general"))));
    assert_eq!(shown(&load_text(&rule("AIRFLOW"))), "");
    let definition = "layerDefinitions: [{name: FLEET, ordinal: 10000}]\n";
    let files = [
        super::source(&rule("FLEET")),
        super::source(&format!("{definition}rules: []")),
    ];
    assert_eq!(shown(&crate::load(&files, Compatibility::Oap)), "");
}
