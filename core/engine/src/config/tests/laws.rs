//! What holds for any input.

use proptest::prelude::*;

use super::fixture::{TestInputs, config, load_with, set};
use crate::config::diagnostic::Findings;
use crate::config::effective::render_tree;
use crate::config::expand::Expansion;
use crate::config::position::{Position, SourceKind, Sources};
use crate::config::tree::{Core, Entry, Mapping, Node, Scalar, Value, merge};
use crate::config::{ByteSize, Duration, yaml};

fn arb_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,12}",
        "[-+0-9.eExobtrufalsn~:#\\[\\]{}&*!|>'\"%@`$ ]{0,8}",
        "\\$?\\$\\{[a-z$]{0,3}\\}?",
    ]
}

fn arb_node() -> impl Strategy<Value = Node> {
    let plain = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        Just("0123".to_owned()),
        Just("1.5e3".to_owned()),
        "[a-z]{1,5}",
    ];
    let scalar = prop_oneof![
        plain.prop_map(Scalar::plain),
        arb_text().prop_map(Scalar::text),
    ];
    let leaf = scalar.prop_map(|scalar| Node::new(Value::Scalar(scalar), Position::DEFAULT));
    leaf.prop_recursive(5, 40, 5, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4);
        let entries = prop::collection::vec((arb_text(), inner), 0..4);
        prop_oneof![
            list.prop_map(|items| Node::new(Value::Sequence(items), Position::DEFAULT)),
            entries.prop_map(mapping),
        ]
    })
}

fn mapping(entries: Vec<(String, Node)>) -> Node {
    let key = Position::DEFAULT;
    let entries = entries
        .into_iter()
        .map(|(name, value)| (name, Entry { key, value }));
    Node::new(Value::Mapping(entries.collect::<Mapping>()), key)
}

/// Structure, types and texts; not places, and not whether a text was quoted.
fn meaning(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) => match scalar.core() {
            Core::Text => format!("text {:?}", scalar.text),
            Core::Null => "null".to_owned(),
            other => format!("{other:?} {}", scalar.text),
        },
        Value::Sequence(items) => format!("{:?}", items.iter().map(meaning).collect::<Vec<_>>()),
        Value::Mapping(entries) => {
            let entries = entries
                .iter()
                .map(|(key, entry)| (key, meaning(&entry.value)));
            format!("{:?}", entries.collect::<Vec<_>>())
        }
        Value::Broken => "broken".to_owned(),
    }
}

fn read_back(text: &str) -> Node {
    let mut sources = Sources::new();
    let mut findings = Findings::default();
    let source = sources.add("x", SourceKind::Lines, text);
    let node = yaml::parse(text, source, &mut findings);
    assert!(!findings.has_errors(), "{text:?} gives {findings:?}");
    let inputs = TestInputs::default();
    let mut expansion = Expansion::new(&inputs, &mut sources, &mut findings);
    let node = expansion.expand(node.expect("something was written"));
    assert!(!findings.has_errors(), "{text:?} gives {findings:?}");
    node
}

fn merged(mut base: Node, over: Node) -> Node {
    merge(&mut base, over);
    base
}

/// With keys that do not sound like secrets.
const WITH_SECRETS: &str = "\
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: a:1
    auth:
      basic:
        user: me
        password: hunter2
exporters:
  otlp:
    endpoint: b:1
    timeout: 5s
    headers:
      x-team: hunter2
      x-tenant: hunter2
    compression: gzip
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [otlp]
";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_file_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let inputs = TestInputs::default().file("x", bytes);
        let problems = load_with(&inputs, &[config("x")]).expect_err("random bytes have no pipeline");
        prop_assert!(problems.render(true).contains("error"));
    }

    #[test]
    fn no_text_of_yaml_characters_makes_it_panic(
        text in "([a-z:\\-\\[\\]{},&*!|>'\"#%? \n\t$]|<<|\\$\\{|receivers|otlp|service|\n  |&a |\\*a |: ){0,60}",
    ) {
        let inputs = TestInputs::default().file("x", text);
        let problems = load_with(&inputs, &[config("x")]).expect_err("nothing here has an exporter");
        prop_assert!(problems.to_json().is_array());
    }

    #[test]
    fn no_argument_makes_it_panic(path in "[ab.\\[\\]0-9\"=: {}]{0,20}", argument in any::<String>()) {
        let inputs = TestInputs::default().file("x", "a: [1, {b: 2}]").variable("a", argument.clone());
        let args = [config("x"), config(&argument), set(&argument), set(&path), set("c=${a}")];
        let problems = load_with(&inputs, &args).expect_err("`a` is no key at the top level");
        prop_assert!(problems.has_errors());
    }

    #[test]
    fn no_order_of_lines_shows_a_secret(
        changes in prop::collection::vec((0..4_usize, 0..22_usize, 0..22_usize, 0..9_usize), 1..4),
    ) {
        let mut lines: Vec<String> = WITH_SECRETS.lines().map(str::to_owned).collect();
        for (change, one, other, indent) in changes {
            let (one, other) = (one % lines.len(), other % lines.len());
            match change {
                0 => lines.swap(one, other),
                1 => lines[one] = format!("{:indent$}{}", "", lines[one].trim_start()),
                2 => lines.insert(other, lines[one].clone()),
                _ => drop(lines.remove(one)),
            }
        }
        let text = lines.join("\n");
        let inputs = TestInputs::default().file("x", text.clone());
        let shown = match load_with(&inputs, &[config("x")]) {
            Ok(loaded) => loaded.warnings.to_string(),
            Err(problems) => problems.to_string(),
        };
        prop_assert!(!shown.contains("hunter2"), "{}\n----\n{}", text, shown);
    }

    #[test]
    fn what_is_rendered_reads_back_to_the_same_tree(node in arb_node()) {
        let text = render_tree(&node);
        prop_assert_eq!(meaning(&read_back(&text)), meaning(&node), "{}", text);
    }

    #[test]
    fn merging_with_nothing_changes_nothing(node in arb_node()) {
        let tree = mapping(vec![("a".to_owned(), node)]);
        let nothing = Node::empty_mapping(Position::DEFAULT);
        prop_assert_eq!(meaning(&merged(tree.clone(), nothing.clone())), meaning(&tree));
        prop_assert_eq!(meaning(&merged(nothing, tree.clone())), meaning(&tree));
    }

    #[test]
    fn merging_twice_is_merging_once(base in arb_node(), over in arb_node()) {
        let once = merged(base, over.clone());
        prop_assert_eq!(meaning(&merged(once.clone(), over)), meaning(&once));
    }

    #[test]
    fn every_key_of_both_sides_is_kept_and_the_right_one_wins(
        base in prop::collection::vec((arb_text(), arb_node()), 0..4),
        over in prop::collection::vec((arb_text(), arb_node()), 0..4),
    ) {
        let (below, above) = (mapping(base), mapping(over));
        let both = merged(below.clone(), above.clone());
        for (key, entry) in below.mapping().unwrap() {
            let kept = both.entry(key).expect("a key of the left side is kept");
            if above.entry(key).is_none() {
                prop_assert_eq!(meaning(&kept.value), meaning(&entry.value));
            }
        }
        for (key, entry) in above.mapping().unwrap() {
            let winner = &both.entry(key).expect("a key of the right side is kept").value;
            if entry.value.mapping().is_none() {
                prop_assert_eq!(meaning(winner), meaning(&entry.value));
            }
        }
    }

    #[test]
    fn a_duration_reads_back_from_what_it_shows(nanoseconds in any::<u64>()) {
        let duration = Duration::from(std::time::Duration::from_nanos(nanoseconds));
        prop_assert_eq!(Duration::parse(&duration.to_string()), Ok(duration));
    }

    #[test]
    fn a_size_reads_back_from_what_it_shows(bytes in any::<u64>()) {
        let size = ByteSize::from_bytes(bytes);
        prop_assert_eq!(ByteSize::parse(&size.to_string()), Ok(size));
    }

    #[test]
    fn no_text_makes_a_quantity_panic(text in "[+-]?[0-9.]{0,40}[a-zA-Zµ]{0,3}[0-9.]{0,4}[a-z]{0,2}") {
        if let Ok(duration) = Duration::parse(&text) {
            prop_assert_eq!(Duration::parse(&duration.to_string()), Ok(duration));
        }
        if let Ok(size) = ByteSize::parse(&text) {
            prop_assert_eq!(ByteSize::parse(&size.to_string()), Ok(size));
        }
    }
}
