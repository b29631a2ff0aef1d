//! Sources, references and bounds.

use expect_test::{Expect, expect};

use super::fixture::{BASE, Exporter, TestInputs, config, load_base, load_with, set};
use crate::config::{Document, Duration, Kind, SourceArg};

fn exporter(document: &Document) -> Exporter {
    document
        .components(Kind::Exporter)
        .next()
        .unwrap()
        .read()
        .unwrap()
}

fn refused(inputs: &TestInputs, args: &[SourceArg], expected: Expect) {
    expected.assert_eq(&load_with(inputs, args).unwrap_err().to_string());
}

/// The exporter's endpoint, written as `text`.
fn endpoint(inputs: TestInputs, text: &str) -> String {
    let inputs = inputs.file("base.yaml", BASE);
    let args = [
        config("base.yaml"),
        set(&format!("exporters.otlp.endpoint={text}")),
    ];
    exporter(&load_with(&inputs, &args).unwrap().document).endpoint
}

#[test]
fn later_sources_win_and_sets_come_last() {
    let args = [
        set("exporters.otlp.timeout=3s"),
        config("yaml:exporters: {otlp: {timeout: 2s, compression: gzip}}"),
    ];
    let read = exporter(&load_base(&args).unwrap().document);
    assert_eq!(read.timeout, Duration::from_secs(3));
    assert!(matches!(
        read.compression,
        super::fixture::Compression::Gzip
    ));
}

#[test]
fn an_empty_value_takes_away_what_came_before() {
    let args = [
        config("yaml:receivers: {otlp: {labels: {a: b}}}"),
        set("receivers.otlp="),
    ];
    let document = load_base(&args).unwrap().document;
    let receiver = document.components(Kind::Receiver).next().unwrap();
    let read: super::fixture::Receiver = receiver.read().unwrap();
    assert!(read.labels.is_empty() && read.protocols.grpc.is_none());
}

#[test]
fn a_text_field_takes_a_variable_as_it_stands() {
    for value in [
        "0123",
        "true",
        "a: b",
        "[1, 2",
        "x #y",
        "\"quoted\"",
        "1_000",
        " padded ",
    ] {
        let inputs = TestInputs::default().variable("X", value);
        assert_eq!(endpoint(inputs, "'${env:X}'"), value);
    }
}

#[test]
fn dollars_are_escaped_by_counting_them() {
    let with = |text: &str| endpoint(TestInputs::default().variable("X", "v"), text);
    assert_eq!(with("'$${X}'"), "${X}");
    assert_eq!(with("'$$${X}'"), "$v");
    assert_eq!(with("'$$$${X}'"), "$${X}");
    assert_eq!(with("'a$b $$ c'"), "a$b $ c");
    assert_eq!(with("'${X}-${env:X}'"), "v-v");
}

#[test]
fn references_nest_and_follow_one_another() {
    let inputs = || {
        TestInputs::default()
            .variable("NAME", "HOST")
            .variable("HOST", "${SCHEME}backend")
            .variable("SCHEME", "dns:")
            .file("port", "4317\n")
    };
    assert_eq!(
        endpoint(inputs(), "'${env:${env:NAME}}:${file:port}'"),
        "dns:backend:4317"
    );
    assert_eq!(endpoint(inputs(), "'${NONE:-${HOST}}'"), "dns:backend");
    assert_eq!(endpoint(inputs(), "'${HOST:-${NONE}}'"), "dns:backend");
    assert_eq!(endpoint(inputs(), "'${yaml:abc}'"), "abc");
}

#[test]
fn a_whole_reference_gives_any_value() {
    let inputs = TestInputs::default()
        .file("base.yaml", BASE)
        .file("headers.yaml", "a: '1'\nb: ${env:B}\n")
        .variable("B", "2")
        .variable("T", "5s");
    let args = [
        config("base.yaml"),
        set("exporters.otlp.headers=${file:headers.yaml}"),
        set("exporters.otlp.timeout=${env:T}"),
    ];
    let read = exporter(&load_with(&inputs, &args).unwrap().document);
    assert_eq!(read.headers["a"].expose(), "1");
    assert_eq!(read.headers["b"].expose(), "2");
    assert_eq!(read.timeout, Duration::from_secs(5));
}

#[test]
fn a_reference_that_is_replaced_is_not_read() {
    let args = [
        config("yaml:exporters: {otlp: {endpoint: '${env:NONE}'}}"),
        set("exporters.otlp.endpoint=a:1"),
    ];
    assert!(load_base(&args).is_ok());
}

#[test]
fn refuses_sources_that_cannot_be_read() {
    let inputs = TestInputs::default().file("latin1.yaml", b"a: b\nc: \xe4\n".as_slice());
    let args = [
        config("none.yaml"),
        config("latin1.yaml"),
        config("env:NONE"),
        config("env:NO-NAME"),
        config("https://example.org/config.yaml"),
        set("a.b"),
        set("a..b=1"),
        set("a.b=[1"),
    ];
    refused(
        &inputs,
        &args,
        expect![[r#"
            error: the file `none.yaml` cannot be read: no such file

            error: the file `latin1.yaml` is not UTF-8 on line 2

            error: the environment variable `NONE` is not set

            error: `NO-NAME` is not the name of an environment variable: it is made of letters, digits and `_`, and starts with no digit

            error: `https:` is no known source of configuration
              = help: the schemes are `file:`, `env:` and `yaml:`

            error: the `=` is missing
             --> --set
              |
              | a.b
              | ^^^
              = help: write `--set some.key=value`

            error: this is no path: a key is missing at character 3
             --> --set
              |
              | a..b
              | ^^^^
              = help: write `--set receivers."otlp/a.b".protocols=value` or `..headers[0]=value`

            error: `[` is not closed
             --> --set a.b
              |
              | a.b=[REDACTED]
              |     ^^^^^^^^^^

            8 errors
        "#]],
    );
}

#[test]
fn refuses_to_start_from_nothing() {
    refused(
        &TestInputs::default(),
        &[set("a=b")],
        expect![[r#"
        error: no configuration is given
          = help: name a file with `--config`

        1 error
    "#]],
    );
    let inputs = TestInputs::default().file("empty.yaml", "# nothing\n");
    refused(
        &inputs,
        &[config("empty.yaml")],
        expect![[r#"
        error: there is no pipeline
          = help: name at least one under `service.pipelines`, with `receivers` and `exporters`

        1 error
    "#]],
    );
    let too_many = vec![config("empty.yaml"); 101];
    refused(
        &inputs,
        &too_many,
        expect![[r#"
        error: more than 100 sources are given

        1 error
    "#]],
    );
}

#[test]
fn refuses_a_bomb_of_aliases() {
    let mut text = String::from("a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n");
    for level in 1..10 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    let inputs = TestInputs::default().file("bomb.yaml", text);
    let problems = load_with(&inputs, &[config("bomb.yaml")]).unwrap_err();
    let first = problems.iter().next().unwrap();
    assert_eq!(
        first.message,
        "the configuration has more than 100000 values here, aliases counted"
    );
}

#[test]
fn refuses_references_without_an_end() {
    let twice = |name: &str| format!("${{{name}}}${{{name}}}");
    let mut inputs = TestInputs::default().file("base.yaml", BASE);
    for level in 0..30 {
        inputs = inputs.variable(&format!("V{level}"), twice(&format!("V{}", level + 1)));
    }
    inputs = inputs.variable("V30", "x").variable("SELF", "a${SELF}");
    for (text, message) in [
        ("${V0}", "more than 1000 references in one value"),
        ("${SELF}", "`env:SELF` refers to itself"),
    ] {
        let args = [
            config("base.yaml"),
            set(&format!("exporters.otlp.endpoint={text}")),
        ];
        let problems = load_with(&inputs, &args).unwrap_err();
        assert!(
            problems.iter().any(|problem| problem.message == message),
            "{text} gives {problems}"
        );
    }
}

#[test]
fn refuses_nesting_without_an_end() {
    for text in ["[".repeat(5000), "- ".repeat(5000), "{a: ".repeat(5000)] {
        let inputs = TestInputs::default().file("deep.yaml", text);
        let problems = load_with(&inputs, &[config("deep.yaml")]).unwrap_err();
        let first = problems.iter().next().unwrap();
        assert_eq!(first.message, "nested deeper than 64 levels");
    }
}

#[test]
fn shows_a_bounded_number_of_problems() {
    let text: String = (0..1000)
        .map(|number| format!("key{number}: 1\n"))
        .collect();
    let inputs = TestInputs::default().file("many.yaml", text);
    let problems = load_with(&inputs, &[config("many.yaml")]).unwrap_err();
    assert_eq!(problems.iter().count(), 201);
    assert_eq!(
        problems.iter().last().unwrap().message,
        "801 more problems are not shown"
    );
}

#[test]
fn process_inputs_read_files_and_refuse_large_ones() {
    use crate::config::{Inputs, MAX_FILE_BYTES, ProcessInputs};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.yaml");
    std::fs::write(&path, "a: b").unwrap();
    assert_eq!(ProcessInputs.read(&path).unwrap(), b"a: b");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(MAX_FILE_BYTES + 1).unwrap();
    assert_eq!(
        ProcessInputs.read(&path).unwrap_err().kind(),
        std::io::ErrorKind::FileTooLarge
    );
    assert!(ProcessInputs.env("SKYFERRY_TEST_IS_NEVER_SET").is_none());
}
