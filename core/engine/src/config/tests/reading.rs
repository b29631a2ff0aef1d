//! Typed reading, and problems that components find afterwards.

use expect_test::expect;

use super::fixture::{Exporter, Listener, Receiver};
use crate::config::{KeyPath, Segment, read_text};

fn grpc(text: &str) -> Option<Listener> {
    let (receiver, _) = read_text::<Receiver>(text).unwrap();
    receiver.protocols.grpc
}

#[test]
fn an_empty_block_is_present_with_defaults_and_a_missing_one_is_absent() {
    let listener = grpc("protocols: {grpc: }").unwrap();
    assert_eq!(listener.endpoint, "localhost:4317");
    assert!(listener.keepalive);
    assert!(grpc("protocols: {http: }").is_none());
    assert!(grpc("").is_none());
}

#[test]
fn a_field_of_text_keeps_the_text_as_written() {
    let (receiver, _) = read_text::<Receiver>("labels: {zip: 0123, on: true, size: 1e3}").unwrap();
    assert_eq!(receiver.labels["zip"], "0123");
    assert_eq!(receiver.labels["on"], "true");
    assert_eq!(receiver.labels["size"], "1e3");
}

#[test]
fn a_text_with_commas_is_a_list() {
    let listener = grpc("protocols: {grpc: {origins: 'a, b,c'}}").unwrap();
    assert_eq!(listener.origins, ["a", "b", "c"]);
}

#[test]
fn reads_numbers_by_the_core_schema() {
    let streams = |text: &str| {
        grpc(&format!("protocols: {{grpc: {{max_streams: {text}}}}}"))
            .unwrap()
            .max_streams
    };
    assert_eq!(streams("0x10"), Some(16));
    assert_eq!(streams("0o17"), Some(15));
    assert_eq!(streams("010"), Some(10));
    assert_eq!(streams("null"), None);
}

#[test]
fn merge_keys_give_way_to_keys_of_their_own() {
    let text = "\
protocols:
  grpc: &base
    endpoint: a:1
    keepalive: false
  http:
    <<: *base
    endpoint: b:2
";
    let (receiver, _) = read_text::<Receiver>(text).unwrap();
    let http = receiver.protocols.http.unwrap();
    assert_eq!((http.endpoint.as_str(), http.keepalive), ("b:2", false));
}

#[test]
fn problems_are_placed_at_what_was_written() {
    let (_, section) =
        read_text::<Receiver>("protocols:\n  grpc:\n    endpoint: nonsense\n  http:\n").unwrap();
    let mut problems = section.problems();
    problems
        .at("protocols.grpc.endpoint", "`nonsense` has no port")
        .help("write `host:port`");
    let path = [
        Segment::from("protocols"),
        Segment::from("http"),
        Segment::from("endpoint"),
    ];
    problems.warn_at(path.into_iter().collect::<KeyPath>(), "anybody can connect");
    problems.at("", "two listeners are too many");
    assert!(problems.has_errors());
    expect![[r#"
        error: two listeners are too many
         --> config.yaml:1:1
          |
        1 | protocols:
          | ^

        error: `nonsense` has no port
         --> config.yaml:3:15
          |
        3 |     endpoint: nonsense
          |               ^^^^^^^^
          = help: write `host:port`

        warning: anybody can connect
         --> config.yaml:4:3
          |
        4 |   http:
          |   ^^^^
          = note: `endpoint` is not written here, so its default applies

        2 errors, 1 warning
    "#]]
    .assert_eq(&problems.into_diagnostics().to_string());
}

#[test]
fn what_only_serde_refuses_is_placed_too() {
    #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
    struct Config {
        #[serde(deserialize_with = "even")]
        #[schemars(with = "Vec<u8>")]
        #[expect(dead_code, reason = "reading it is the test")]
        numbers: Vec<u8>,
    }
    fn even<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let numbers: Vec<u8> = serde::Deserialize::deserialize(deserializer)?;
        match numbers.iter().find(|number| *number % 2 == 1) {
            Some(number) => Err(serde::de::Error::custom(format!("`{number}` is odd"))),
            None => Ok(numbers),
        }
    }
    let problems = read_text::<Config>("numbers: [2, 3]").unwrap_err();
    expect![[r#"
        error: `3` is odd
         --> config.yaml:1:1
          |
        1 | numbers: [2, 3]
          | ^^^^^^^

        1 error
    "#]]
    .assert_eq(&problems.to_string());
}

#[test]
fn problems_can_be_read_by_programs() {
    let problems = read_text::<Exporter>("endpoint: a:1\ntimeout: soon\n").unwrap_err();
    expect![[r#"
        [
          {
            "severity": "error",
            "message": "`timeout`: `soon` is not a duration; write for example `200ms`, `1.5s` or `1h30m`",
            "place": {
              "source": "config.yaml",
              "line": 2,
              "column": 10,
              "text": "timeout: soon",
              "caret_start": 9,
              "caret_width": 4
            }
          }
        ]"#]]
    .assert_eq(&serde_json::to_string_pretty(&problems.to_json()).unwrap());
}

#[test]
fn colours_only_when_asked() {
    let problems = read_text::<Exporter>("").unwrap_err();
    assert!(!problems.render(false).contains('\u{1b}'));
    assert!(
        problems
            .render(true)
            .starts_with("\u{1b}[1;31merror\u{1b}[0m: ")
    );
}

/// Alternatives within alternatives that only the innermost value tells apart.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "reading it is the test")]
enum Tree {
    Left {
        next: Box<Tree>,
        left: Option<bool>,
    },
    Right {
        next: Box<Tree>,
        right: Option<bool>,
    },
    Leaf {
        leaf: u8,
    },
}

fn nested(levels: usize, leaf: &str) -> String {
    format!(
        "{}{{leaf: {leaf}}}{}",
        "{next: ".repeat(levels),
        "}".repeat(levels)
    )
}

#[test]
fn reads_alternatives_that_contain_themselves() {
    assert!(read_text::<Tree>(&nested(60, "1")).is_ok());
}

#[test]
fn gives_up_on_endless_alternatives() {
    let problems = read_text::<Tree>(&nested(60, "wrong")).unwrap_err();
    assert!(problems.iter().any(|problem| {
        problem.message == "the configuration has too many values or alternatives to check"
    }));
}
