use super::{java, refusal};
use crate::document::{Document, Kind};

fn yaml(text: &str) -> Result<Document, String> {
    let mut document = Document::default();
    document.parse_yaml(text).map(|()| document)
}

#[track_caller]
fn printed(text: &str) -> String {
    java(yaml(text).unwrap().root())
}

#[test]
fn plain_scalars_are_those_of_yaml_1_1() {
    let cases = [
        ("yes", Kind::Boolean(true)),
        ("Off", Kind::Boolean(false)),
        ("y", Kind::Text("y")),
        ("~", Kind::Null),
        ("", Kind::Null),
        ("12_000", Kind::Int(12_000)),
        ("-0x1F", Kind::Int(-31)),
        ("0b101", Kind::Int(5)),
        ("017", Kind::Int(15)),
        ("0o17", Kind::Text("0o17")),
        ("08", Kind::Text("08")),
        ("190:20:30", Kind::Int(685_230)),
        ("3000000000", Kind::Long(3_000_000_000)),
        (
            "-99999999999999999999",
            Kind::Number("-99999999999999999999"),
        ),
        ("1.5", Kind::Double(1.5)),
        ("1.", Kind::Double(1.0)),
        (".5", Kind::Double(0.5)),
        ("1e3", Kind::Double(1000.0)),
        ("-.inf", Kind::Double(f64::NEG_INFINITY)),
        ("190:20:30.15", Kind::Double(685_230.15)),
        ("1.2.3", Kind::Text("1.2.3")),
        ("2001-12-14", Kind::Date(1_008_288_000_000)),
        (
            "2001-12-14t21:59:43.10-05:00",
            Kind::Date(1_008_385_183_100),
        ),
        ("2001-12-14 21:59:43", Kind::Date(1_008_367_183_000)),
        ("2001-1-1", Kind::Text("2001-1-1")),
        ("\"12\"", Kind::Text("12")),
        ("!!str 12", Kind::Text("12")),
        ("!!int \"12\"", Kind::Int(12)),
        ("!!timestamp 2001-12-14", Kind::Date(1_008_288_000_000)),
        ("! 12", Kind::Text("12")),
        ("!!float 1", Kind::Double(1.0)),
    ];
    for (scalar, kind) in cases {
        let document = yaml(&format!("k: {scalar}")).unwrap();
        assert_eq!(document.root().get("k").unwrap().kind(), kind, "{scalar}");
    }
}

#[test]
fn collections_print_as_in_java() {
    let text = "a:\n  - 1\n  - {b: ~, 2: 2001-12-14}\nc: |\n  two\n  lines\n";
    assert_eq!(
        printed(text),
        "{a=[1, {b=null, 2=Fri Dec 14 00:00:00 UTC 2001}], c=two\nlines\n}"
    );
}

#[test]
fn merge_keys_add_what_is_not_there() {
    let text = "base: &base {a: 1, b: 2}\nother: &other {b: 3, c: 4}\n\
                x: {<<: [*base, *other], b: 9}\ny: {<<: *base}\n";
    let document = yaml(text).unwrap();
    assert_eq!(java(document.root().get("x").unwrap()), "{a=1, c=4, b=9}");
    assert_eq!(java(document.root().get("y").unwrap()), "{a=1, b=2}");
}

#[test]
fn the_number_1_and_the_text_1_are_two_keys() {
    let document = yaml("1: a\n'1': b\n").unwrap();
    assert_eq!(document.root().len(), 2);
    assert_eq!(document.root().get("1").unwrap().as_text(), Some("b"));
}

#[test]
fn refusals_say_why() {
    let cases = [
        ("", "a mapping is expected"),
        ("- a", "a mapping is expected"),
        ("a: 1\n---\nb: 2\n", "a single document is expected"),
        ("a: &a [*a]", "an alias stands inside of what it names"),
        (
            "a: !!binary aGk=",
            "the tag `!!binary` is not taken here: `!!str` is",
        ),
        (
            "a: !!set {}",
            "the tag `!!set` is not taken: str, int, float, bool, null, timestamp, seq and map are",
        ),
        ("a: !!int x", "`x` is no `!!int`"),
        ("<<: 1", "`<<` takes a mapping or a list of mappings"),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(yaml(text)), expected, "{text}");
    }
    assert!(refusal(yaml("a: !java.lang.String x")).contains("the tag `!java.lang.String`"));
    assert!(refusal(yaml("a: [")).starts_with("broken YAML in line "));
}

#[test]
fn aliases_and_depth_are_bounded() {
    let mut laughs = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned();
    for level in 1..8 {
        let aliases = vec![format!("*a{}", level - 1); 6].join(", ");
        laughs += &format!("a{level}: &a{level} [{aliases}]\n");
    }
    assert_eq!(
        refusal(yaml(&laughs)),
        "more than 100000 values, aliases counted"
    );
    let many = format!("a: &a []\nb: [{}]", "*a, ".repeat(51));
    assert_eq!(refusal(yaml(&many)), "more than 50 aliases of collections");
    let long = format!("a: {}", "é".repeat(3 << 20));
    assert_eq!(refusal(yaml(&long)), "more than 3145728 characters");
    let deep = format!("a: {}", "[".repeat(1000));
    assert!(refusal(yaml(&deep)).len() < 200);
}
