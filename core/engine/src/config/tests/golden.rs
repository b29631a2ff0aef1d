//! Every file in `testdata/config`: what it gives, or every word of what is wrong with it.
//!
//! A file starts with the circumstances it is read in, one on each line: `#! env NAME=value`,
//! `#! set path=value`, `#! config argument`, `#! file NAME=text` (`\n` is a line break). The result
//! stands beside it in `NAME.expected`; `UPDATE_EXPECT=1` writes it anew.

use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use serde_json::{Value as Json, json};

use super::fixture::{Exporter, Queue, Receiver, TestInputs, config, load_with, set};
use crate::config::{Origins, Section, SourceArg};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/config");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    files
}

fn result_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let mut inputs = TestInputs::default();
    let mut args: Vec<SourceArg> = vec![config("main.yaml")];
    for line in text.lines() {
        let Some((what, rest)) = line
            .strip_prefix("#! ")
            .and_then(|line| line.split_once(' '))
        else {
            continue;
        };
        match (what, rest.split_once('=')) {
            ("env", Some((name, value))) => {
                inputs = inputs.variable(name, value.replace("\\n", "\n"));
            }
            ("file", Some((name, value))) => inputs = inputs.file(name, value.replace("\\n", "\n")),
            ("set", _) => args.push(set(rest)),
            ("config", _) => args.push(config(rest)),
            _ => panic!("{}: unknown circumstance `{line}`", path.display()),
        }
    }
    let body = text.lines().filter(|line| !line.starts_with("#! "));
    let body: String = body.map(|line| format!("{line}\n")).collect();
    inputs = inputs.file("main.yaml", body);
    match load_with(&inputs, &args) {
        Err(problems) => problems.to_string(),
        Ok(loaded) => {
            let effective = loaded.document.effective(defaults).to_yaml(Origins::Shown);
            format!("{}----\n{effective}", loaded.warnings)
        }
    }
}

fn defaults(section: &Section) -> Option<Json> {
    match section.type_name() {
        "otlp" => serde_json::to_value(Receiver::default()).ok(),
        "otlp_grpc" => Some(json!({ "timeout": "5s", "sending_queue": Queue::default() })),
        _ => None,
    }
}

#[test]
fn gives_the_expected_result_for_every_case() {
    let cases = cases();
    assert!(cases.len() > 50, "only {} cases were found", cases.len());
    for path in cases {
        let result = result_of(&path);
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_error = result.contains("error: ");
        assert_eq!(
            is_error,
            name.starts_with("bad_"),
            "{name} gives:\n{result}"
        );
        expect_file![path.with_extension("expected")].assert_eq(&result);
    }
}

#[test]
fn shows_a_secret_in_no_result() {
    for path in cases() {
        let result = result_of(&path);
        assert!(
            !result.contains("hunter2"),
            "{} shows:\n{result}",
            path.display()
        );
    }
}

#[test]
fn reads_the_exporter_the_cases_are_about() {
    let text = "endpoint: a:1\nheaders: {authorization: hunter2}\n";
    let (exporter, _) = crate::config::read_text::<Exporter>(text).unwrap();
    assert_eq!(exporter.headers["authorization"].expose(), "hunter2");
}
