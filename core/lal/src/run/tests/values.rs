//! Values, arithmetic and casts: sections 6 and 7.

use super::{load_only, sent, value};

const BODY: &str = r#"{"i": 5, "l": 5000000000, "d": 1.5, "e": 1e10, "b": true, "f": false, "t": "text",
    "n": "12", "big": 18446744073709551617, "m": {"k": [1, null, "x"]}, "list": [1, 2.0, "three"],
    "path": "a:b:c"}"#;

/// Values and what a tag shows of them; what starts with `!` ends the rule.
#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let found = match value(text, sent().json(BODY).tagged("n", "12").tagged("x", "y")) {
            Ok(Some(value)) => value,
            Ok(None) => "null".to_owned(),
            Err(error) => format!("!{error}"),
        };
        let is_met = match expected.strip_prefix('!') {
            Some(part) => found.starts_with('!') && found.contains(part),
            None => found == *expected,
        };
        assert!(is_met, "{text}: {found}, not {expected}");
    }
}

#[test]
fn values_print_as_in_java() {
    check(&[
        ("parsed.i", "5"),
        ("parsed.l", "5000000000"),
        ("parsed.d", "1.5"),
        ("parsed.e", "1.0E10"),
        ("parsed.b", "true"),
        ("parsed.big", "18446744073709551617"),
        ("parsed.m", "{k=[1, null, x]}"),
        ("parsed.list", "[1, 2.0, three]"),
        ("parsed.none", "null"),
        ("7", "7"),
        ("7L", "7"),
        ("1.0", "1.0"),
        ("1.5F", "1.5"),
        ("log.timestamp", "1000"),
        ("log.traceContext.spanId", "0"),
        ("log.traceContext.traceId", ""),
    ]);
}

#[test]
fn casts_convert_as_section_7_says() {
    check(&[
        ("parsed.none as String", "null"),
        ("parsed.none as Long", "0"),
        ("parsed.none as Integer", "0"),
        ("parsed.none as Double", "0.0"),
        ("parsed.none as Float", "0.0"),
        ("parsed.none as Boolean", "false"),
        ("parsed.d as Long", "1"),
        ("parsed.l as Integer", "705032704"),
        ("parsed.e as Integer", "2147483647"),
        ("parsed.i as Double", "5.0"),
        ("parsed.big as Long", "1"),
        ("parsed.big as Double", "1.8446744073709552E19"),
        ("parsed.n as Long", "12"),
        ("parsed.t as Long", "!`text` is no whole number of 64 bits"),
        (
            "parsed.t as Integer",
            "!`text` is no whole number of 32 bits",
        ),
        ("parsed.t as Double", "!`text` is no number"),
        ("' 1.5e1 ' as Double", "15.0"),
        ("' 12' as Long", "!` 12` is no whole number"),
        ("'+12' as Integer", "12"),
        ("parsed.b as Long", "0"),
        ("parsed.m as Integer", "0"),
        ("parsed.i as Boolean", "true"),
        ("parsed.f as Boolean", "false"),
        ("'TRUE' as Boolean", "true"),
        ("'yes' as Boolean", "false"),
        ("parsed.m as Boolean", "true"),
        ("parsed.i as string", "5"),
    ]);
}

#[test]
fn arithmetic_is_that_of_java() {
    check(&[
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("7 / 2", "3"),
        ("7 / 2.0", "3.5"),
        ("(0 - 7) / 2", "-3"),
        ("2147483647 + 1", "-2147483648"),
        ("2147483647 + 1L", "2147483648"),
        ("1 / 0", "!a division by zero"),
        ("1L / 0", "!a division by zero"),
        ("1 / 0.0", "Infinity"),
        ("1.5F * 2", "3.0"),
        ("(parsed.n as Integer) * 2", "24"),
        ("(parsed.d as Long) + (parsed.i as Integer)", "6"),
        ("10 - 2 - 3", "5"),
    ]);
}

#[test]
fn text_makes_text_from_there_on() {
    check(&[
        ("1 + 2 + 'x'", "3x"),
        ("tag(\"n\") + 1 + 2", "1212"),
        ("'x' + 1 + 2", "x12"),
        ("parsed.i + 1", "51"),
        ("log.timestamp + 1", "10001"),
        ("'a' + parsed.none", "anull"),
        ("parsed.none + parsed.none", "nullnull"),
        ("'a' + (1 + 2)", "a3"),
        ("parsed.d + 'ms'", "1.5ms"),
        ("'a' + parsed.m", "a{k=[1, null, x]}"),
    ]);
    for refused in [
        "log.timestamp - 1",
        "parsed.i / 2",
        "tag('n') * 2",
        "'a' + 1 - 2",
    ] {
        let said = load_only(&format!("json {{}} extractor {{ tag a: {refused} }}"));
        assert!(
            said.contains("this is not known to be a number"),
            "{refused}: {said}"
        );
    }
}

#[test]
fn texts_have_the_methods_of_java() {
    check(&[
        ("(parsed.t as String).toUpperCase()", "TEXT"),
        ("(parsed.t as String).substring(1, 3)", "ex"),
        (
            "(parsed.t as String).substring(5)",
            "!begin 5, end 4, length 4",
        ),
        ("(parsed.path as String).split(':')[1]", "b"),
        ("(parsed.path as String).split(':', 2)[1]", "b:c"),
        (
            "(parsed.path as String).split(':')[3]",
            "!the index 3 is out of bounds for length 3",
        ),
        (
            "(parsed.path as String).replaceAll('[a-c]', '<$0>')",
            "<a>:<b>:<c>",
        ),
        ("(parsed.path as String).replaceFirst(':', '-')", "a-b:c"),
        ("(parsed.path as String).replace(':', '')", "abc"),
        ("('  x ').trim()", "x"),
        ("'  x '.trim()", "x"),
        (
            "(parsed.t as String).concat('!').concat(parsed.n as String)",
            "text!12",
        ),
        ("'' + (parsed.t as String).length()", "4"),
        ("'' + (parsed.t as String).indexOf('x')", "2"),
        ("'' + (parsed.t as String).indexOf(120)", "2"),
        ("'' + (parsed.t as String).lastIndexOf('t')", "3"),
        ("'' + (parsed.t as String).charAt(1)", "e"),
        ("'' + (parsed.t as String).hashCode()", "3556653"),
        ("'' + (parsed.t as String).compareTo('tex')", "1"),
        ("('ab').repeat(3)", "ababab"),
        ("'' + ('ab').isEmpty()", "false"),
        (
            "(parsed.none as String).trim()",
            "!a method is called on null",
        ),
        ("(parsed.none as String)?.trim()", "null"),
        ("parsed?.i?.trim()", "5"),
        ("parsed?.m?.toString()", "{k=[1, null, x]}"),
        ("parsed?.none?.toString()", "null"),
        ("(tag(\"x\")).toUpperCase()", "Y"),
        (
            "(parsed.t as String).startsWith(parsed.none as String)",
            "!an argument is no text",
        ),
    ]);
}

#[test]
fn no_chain_of_methods_fills_the_memory() {
    let mut statements = "def a = 'x' as String ".to_owned();
    for _ in 0..40 {
        statements += "def a = a + a ";
    }
    let filter = format!("extractor {{ {statements} }} sink {{}}");
    let said = super::of_rule(&filter, sent());
    assert!(
        said.contains("failed: the rules of one log make more than"),
        "{said}"
    );
    assert_eq!(
        value("('x').repeat(2000000000)", sent()),
        Err("the text would be longer than 16777216 bytes".to_owned())
    );
}

#[test]
fn variables_keep_what_they_were_given() {
    let filter = "json {} extractor { def a = parsed.i def b = a as Long def a = 'new' \
                  if (b == 5) { tag a: a, b: b + 1 } } sink {}";
    let said = super::of_rule(filter, sent().json(BODY));
    assert!(said.contains("[a=new, b=6]"), "{said}");
    let blocks =
        "def a = 'outer' extractor { def b = 'inner' tag b: b } if (a == 'outer') { sink {} }";
    assert!(super::of_rule(blocks, sent()).contains("keeps svc///GENERAL [b=inner]"));
}

#[test]
fn json_has_the_methods_of_gson() {
    let body = r#"{"o": {"s": "x", "i": 7, "d": 1.50, "b": true, "n": null, "a": [1, "2"], "o": {"k": "v"}}}"#;
    let cases = [
        ("o.get('s').getAsString()", "x"),
        ("o.get('a')?.getAsInt()", "!is not a primitive"),
        ("o.get('i')?.getAsInt()", "7"),
        ("o.get('d')?.getAsInt()", "1"),
        ("o.get('d')?.getAsDouble()", "1.5"),
        ("o.get('b')?.getAsBoolean()", "true"),
        ("o.get('s')?.getAsLong()", "!is not a number"),
        ("o.getAsJsonObject('o').get('k').getAsString()", "v"),
        ("o.getAsJsonObject('s')", "!is not an object"),
        ("o.getAsJsonObject('none')", "null"),
        ("o.getAsJsonArray('a')[1]?.getAsString()", "2"),
        ("o.getAsJsonArray('a').get(0).toString()", "1"),
        (
            "o.getAsJsonArray('a').get(2)",
            "!out of bounds for length 2",
        ),
        ("o.get('o')", r#"{"k":"v"}"#),
        ("o.get('none')", "null"),
        ("o.get('none').getAsString()", "!a method is called on null"),
        ("o?.get('none')?.getAsString()", "null"),
        ("o?.size()", "7"),
        ("o.asString", "!is not a primitive"),
    ];
    for (chain, expected) in cases {
        let filter = format!(
            "json {{}} extractor {{ def o = toJson(tag('o')) tag v: {chain}, end: 'x' }} sink {{}}"
        );
        let text = &body[6..body.len() - 1];
        let said = super::of_rule(&filter, sent().json("{}").tagged("o", text));
        let is_met = match expected.strip_prefix('!') {
            Some(part) => said.contains("failed") && said.contains(part),
            None if expected == "null" => said.contains("[end=x]"),
            None => said.contains(&format!("[v={expected}, end=x]")),
        };
        assert!(is_met, "{chain}: {said}, not {expected}");
    }
}

#[test]
fn json_of_a_map_leaves_null_out_and_json_of_a_text_does_not() {
    let has = |source: &str| {
        let filter = format!(
            "json {{}} extractor {{ def o = toJson({source}) if (o.has('n')) {{ tag v: 'has' }} }} sink {{}}"
        );
        let log = sent().json(r#"{"m": {"n": null}, "t": "{\"n\": null}"}"#);
        super::of_rule(&filter, log).contains("[v=has]")
    };
    assert!(!has("parsed.m"));
    assert!(has("parsed.t"));
}
