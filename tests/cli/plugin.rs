//! `skyferry plugin`: projects that build and pass their own tests, looked at and tried out.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::harness::{Output, skyferry};
use crate::{CONFIGURATION, DIFFERENT, START};

const USAGE: i32 = 2;

/// Runs cargo without a network, on what is in `directory` alone.
#[track_caller]
fn cargo(directory: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(directory)
        .args(arguments)
        .arg("--offline");
    // What this repository is built with does not hold for a project outside of it.
    for variable in [
        "CARGO_TARGET_DIR",
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
    ] {
        command.env_remove(variable);
    }
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("cargo runs this test");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(!stderr.contains("warning:"), "{stderr}");
    stdout.into_owned()
}

fn library(project: &Path, name: &str) -> String {
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let path = project.join(format!("target/debug/{prefix}{name}{suffix}"));
    path.to_str().expect("the path is UTF-8").to_owned()
}

/// A new project that has passed its own test and is built.
struct Project {
    directory: TempDir,
    library: String,
}

impl Project {
    #[track_caller]
    fn new() -> Project {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let path = directory.path().join("my-mask");
        let Output {
            code,
            stdout,
            stderr,
        } = skyferry(&["plugin", "new", text(&path)]);
        assert_eq!((code, &*stderr), (0, ""));
        assert!(stdout.contains("cargo test"), "{stdout}");
        let tested = cargo(&path, &["test"]);
        assert!(tested.contains("test result: ok. 2 passed"), "{tested}");
        cargo(&path, &["build"]);
        Project {
            library: library(&path, "my_mask"),
            directory,
        }
    }

    fn path(&self, name: &str) -> String {
        text(&self.directory.path().join("my-mask").join(name)).to_owned()
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).expect("it can be written");
        path
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is UTF-8")
}

#[test]
fn a_new_project_builds_offline_and_does_what_its_readme_says() {
    let project = Project::new();
    inspected(&project);
    tried(&project);
    configured(&project);
    damaged(&project);
}

/// The library is what it says it is, for people and for programs.
#[track_caller]
fn inspected(project: &Project) {
    let Output {
        code,
        stdout,
        stderr,
    } = skyferry(&["plugin", "inspect", &project.library]);
    assert_eq!((code, &*stderr), (0, ""));
    for expected in [
        "my-mask 0.1.0",
        "traces, logs",
        "in parallel",
        "ABI 1.0",
        "\"mask\"",
    ] {
        assert!(stdout.contains(expected), "{expected} in {stdout}");
    }
    let Output { stdout, .. } = skyferry(&["plugin", "inspect", "--json", &project.library]);
    let report: Json = serde_json::from_str(&stdout).expect("it is JSON");
    let bytes = fs::metadata(&project.library).expect("it was built").len();
    assert_eq!(
        (&report["name"], &report["bytes"]),
        (&"my-mask".into(), &bytes.into())
    );
    assert_eq!(
        report["sha256"].as_str().map(str::len),
        Some(64),
        "{report}"
    );
    assert_eq!(report["schema"]["additionalProperties"], false);
}

/// Exactly what is masked differs.
#[track_caller]
fn tried(project: &Project) {
    let (config, traffic) = (project.path("config.yaml"), project.path("traffic.jsonl"));
    let arguments = [
        "plugin",
        "test",
        &project.library,
        "--config",
        &config,
        &traffic,
    ];
    let Output {
        code,
        stdout,
        stderr,
    } = skyferry(&arguments);
    assert_eq!((code, &*stderr), (0, ""));
    let expected = format!(
        "{traffic}:1: traces\n  span \"GET /user/{{phone}}\"\n    \
         - attributes.url.path: \"/user/13912345678\"\n    \
         + attributes.url.path: \"/user/<number>\"\n\
         {traffic}:2: logs\n  log record \"a code was sent to 13912345678\"\n    \
         - body: \"a code was sent to 13912345678\"\n    \
         + body: \"a code was sent to <number>\"\n"
    );
    assert!(stdout.starts_with(&expected), "{stdout}");
    for expected in [
        "traces            0        1",
        "counter masked: 2",
        "2 calls, mean ",
    ] {
        assert!(stdout.contains(expected), "{expected} in {stdout}");
    }
    let quiet = skyferry(&[&arguments[..], &["--quiet"]].concat());
    assert!(quiet.stdout.starts_with("messages"), "{}", quiet.stdout);
    // Requests and segments that were recorded from real mini programs hold no long number.
    let recordings = format!("{}/tests/recordings", env!("CARGO_MANIFEST_DIR"));
    let [logs, segments] = ["wechat-demo-json", "segments/wechat-demo-json"]
        .map(|name| format!("{recordings}/{name}.jsonl"));
    let Output {
        code,
        stdout,
        stderr,
    } = skyferry(&["plugin", "test", &project.library, &logs, &segments]);
    assert_eq!((code, &*stderr), (0, ""));
    assert!(stdout.contains("0 failed"), "{stdout}");
    assert!(stdout.contains("not for it"), "{stdout}");
}

/// A mistake in the configuration is shown where it stands.
#[track_caller]
fn configured(project: &Project) {
    let traffic = project.path("traffic.jsonl");
    for (text, place, message) in [
        (
            "mask: x\nattributes:\n  - a\n  - 7\n",
            ":4:5",
            "is not of type",
        ),
        (
            "mask: x\nmusk: y\n",
            ":2:",
            "`musk` is no key that the plugin knows",
        ),
        ("mask: [\n", ":", "error"),
    ] {
        let config = project.write("wrong.yaml", text);
        let Output { code, stderr, .. } = skyferry(&[
            "plugin",
            "test",
            &project.library,
            "--config",
            &config,
            &traffic,
        ]);
        assert_eq!(code, CONFIGURATION, "{stderr}");
        assert!(
            stderr.contains(&format!("{config}{place}")),
            "{place} in {stderr}"
        );
        assert!(stderr.contains(message), "{message} in {stderr}");
    }
    let json = project.write("right.json", r##"{"mask": "#"}"##);
    let Output { code, stdout, .. } = skyferry(&[
        "plugin",
        "test",
        &project.library,
        "--config",
        &json,
        &traffic,
    ]);
    assert_eq!(code, 0);
    assert!(stdout.contains("\"/user/#\""), "{stdout}");
}

/// Records that cannot be read are told, and the others are shown to the plugin.
#[track_caller]
fn damaged(project: &Project) {
    let traffic = fs::read_to_string(project.path("traffic.jsonl")).expect("it was written");
    let traffic = project.write(
        "damaged.jsonl",
        &format!("{{\"resourceSpans\": 7}}\n{traffic}"),
    );
    let Output {
        code,
        stdout,
        stderr,
    } = skyferry(&["plugin", "test", &project.library, &traffic]);
    assert_eq!(code, DIFFERENT, "{stderr}");
    assert!(stderr.contains("1 records could not be read"), "{stderr}");
    assert!(stdout.contains("counter masked: 2"), "{stdout}");
}

#[test]
fn nothing_is_overwritten_and_names_are_checked() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let there = directory.path().join("there");
    fs::create_dir(&there).expect("a directory can be made");
    let Output { code, stderr, .. } = skyferry(&["plugin", "new", text(&there)]);
    assert_eq!(code, USAGE);
    assert!(stderr.contains("is there already"), "{stderr}");
    assert_eq!(fs::read_dir(&there).expect("it is there").count(), 0);
    let Output { code, stderr, .. } = skyferry(&["plugin", "new", "Not A Name"]);
    assert_eq!(code, USAGE);
    assert!(
        stderr.contains("`Not A Name` is no name for a plugin"),
        "{stderr}"
    );
    let nowhere = directory.path().join("missing/plugin");
    assert_eq!(skyferry(&["plugin", "new", text(&nowhere)]).code, START);
}

#[test]
fn a_project_for_wasm_says_how_it_is_built() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let path = directory.path().join("sandboxed");
    assert_eq!(skyferry(&["plugin", "new", "--wasm", text(&path)]).code, 0);
    let readme = fs::read_to_string(path.join("README.md")).expect("it was written");
    for expected in [
        "rustup target add wasm32-unknown-unknown",
        "plugin inspect target/wasm32-unknown-unknown/release/sandboxed.wasm",
    ] {
        assert!(readme.contains(expected), "{expected} in {readme}");
    }
    for left in ["{name}", "{file}", "{library}", "{build}"] {
        assert!(!readme.contains(left), "{left} in {readme}");
    }
}

#[test]
fn what_is_no_plugin_is_refused_by_what_it_is() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let script = directory.path().join("plugin.so");
    fs::write(&script, "#!/bin/sh\n").expect("it can be written");
    for command in ["inspect", "test"] {
        let mut arguments = vec!["plugin", command, text(&script)];
        if command == "test" {
            arguments.push("none.jsonl");
        }
        let Output { code, stderr, .. } = skyferry(&arguments);
        assert_eq!(code, START, "{stderr}");
        assert!(stderr.contains("it is a script"), "{stderr}");
    }
}

/// The example in this repository is held to what it promises by its own tests.
#[test]
fn the_reference_plugin_passes_its_own_tests() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("core/plugin/examples/redact");
    let directory = tempfile::tempdir().expect("a directory can be made");
    let target = text(directory.path());
    let tested = cargo(&source, &["test", "--target-dir", target]);
    assert!(tested.contains("test result: ok."), "{tested}");
    cargo(&source, &["build", "--target-dir", target]);
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = format!("{target}/debug/{prefix}redact{suffix}");
    let traffic = directory.path().join("traffic.jsonl");
    let lines = include_str!("../../src/plugin/new/template/traffic.jsonl");
    fs::write(&traffic, lines).expect("it can be written");
    let config = directory.path().join("config.yaml");
    fs::write(&config, "page: app.page\ncount: true\n").expect("it can be written");
    let Output {
        code,
        stdout,
        stderr,
    } = skyferry(&[
        "plugin",
        "test",
        &library,
        "--config",
        text(&config),
        text(&traffic),
    ]);
    assert_eq!((code, &*stderr), (0, ""));
    for expected in [
        "+ attributes.url.path: \"/user/***\"",
        "+ attributes.app.page: \"user/***\"",
        "+ body: \"a code was sent to ***\"",
        "  derived\n    + resource \"shop\"\n",
        "+   metric: \"redact.redactions\"",
        "2 derived, 0 failed",
    ] {
        assert!(stdout.contains(expected), "{expected} in {stdout}");
    }
}
