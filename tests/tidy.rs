//! Rules of this repository that no compiler knows: who may depend on whom, how long a file may
//! be, what may not be called what. Each test names every place that breaks its rule.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Our crates, and which of ours each may depend on; the table of ARCHITECTURE.md. A new crate or a
/// new edge is a decision, so it needs a line here and an ADR.
const MAY_DEPEND_ON: [(&str, &[&str]); 13] = [
    ("pdata", &[]),
    ("queue", &[]),
    ("telemetry", &[]),
    ("lal", &["pdata"]),
    ("net", &["pdata"]),
    ("plugin", &["plugin-sdk"]),
    ("plugin-sdk", &[]),
    ("engine", &["pdata", "queue", "telemetry"]),
    ("receivers", &["engine", "net", "pdata", "telemetry"]),
    ("exporters", &["engine", "net", "pdata", "telemetry"]),
    (
        "processors",
        &["engine", "lal", "net", "pdata", "plugin", "telemetry"],
    ),
    ("admin", &["engine", "net", "telemetry"]),
    (
        "",
        &[
            "admin",
            "engine",
            "exporters",
            "lal",
            "net",
            "pdata",
            "plugin",
            "plugin-sdk",
            "processors",
            "receivers",
            "telemetry",
        ],
    ),
];

/// Lines of code a file may have: without comments, empty lines and the tests inside of it.
const CODE_LINES_MAX: usize = 400;
const LONGER_FILES: [(&str, &str); 3] = [
    (
        "core/pdata/src/walk.rs",
        "one walk over one grammar; its steps call each other",
    ),
    (
        "core/pdata/src/json/tests/arbitrary.rs",
        "one generator for every message of OTLP",
    ),
    ("core/pdata/src/skywalking/v3.rs", "generated"),
];

const NAMELESS: [&str; 7] = [
    "util", "utils", "common", "helper", "helpers", "manager", "misc",
];
const NAMED_AFTER_ALL: [(&str, &str); 1] = [(
    "core/pdata/src/schema/common.rs",
    "OTLP's own name: the protobuf package `common.v1`",
)];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A text file of the repository, its path from the root.
struct File {
    path: String,
    text: String,
}

/// Every text file of the repository, in order.
fn files() -> Vec<File> {
    let mut folders = vec![root()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).expect("the repository can be read");
        for entry in entries {
            let entry = entry.expect("the repository can be read");
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let skipped = name.starts_with(".git") || is_output(&path);
            if skipped {
                continue;
            }
            if entry.file_type().expect("it has a type").is_dir() {
                folders.push(path);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                let path = path.strip_prefix(root()).expect("we started there");
                let path = path.to_string_lossy().into_owned();
                files.push(File { path, text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(files.len() > 100, "this is not the whole repository");
    files
}

/// What `.gitignore` names.
fn is_output(path: &Path) -> bool {
    let names = [
        "target",
        "corpus",
        "artifacts",
        "skyferry-data",
        "node_modules",
    ];
    path.is_dir() && names.iter().any(|name| path.ends_with(name))
}

fn rust_files() -> Vec<File> {
    let mut files = files();
    files.retain(|file| file.path.ends_with(".rs"));
    files
}

/// Fails with everything that was found.
#[track_caller]
fn assert_none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}\n{}", found.join("\n"));
}

/// Lines that hold code, with their numbers, up to the tests inside of the file.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(n, line)| (n + 1, line));
    let mut in_test = false;
    lines
        .take_while(move |(_, line)| {
            let ends = in_test && line.starts_with("mod ") && line.ends_with('{');
            in_test = *line == "#[cfg(test)]";
            !ends
        })
        .filter(|(_, line)| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with("//")
        })
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--no-deps", "--format-version=1"])
        .current_dir(root())
        .output()
        .expect("cargo runs this test");
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("metadata is JSON")
}

/// A crate's name without what all of ours begin with; the program's own is empty.
fn short(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("skyferry")?;
    Some(rest.strip_prefix('-').unwrap_or(rest))
}

#[test]
fn crates_depend_only_on_what_the_table_allows() {
    let table: BTreeMap<_, _> = MAY_DEPEND_ON.into_iter().collect();
    let metadata = metadata();
    let mut found = Vec::new();
    for package in metadata["packages"].as_array().expect("a list") {
        let name = short(package["name"].as_str().expect("a name"));
        let name = name.expect("ours begin with the program's name");
        let Some(allowed) = table.get(name) else {
            found.push(format!("`{name}` is not in the table"));
            continue;
        };
        for dependency in package["dependencies"].as_array().expect("a list") {
            let other = dependency["name"].as_str().expect("a name");
            let source = dependency["source"].as_str().unwrap_or_default();
            if source.starts_with("git") {
                found.push(format!("`{name}` takes `{other}` from git"));
            }
            // Tests may use more: the engine's testkit, or a crate of the same layer.
            let is_for_tests = dependency["kind"] == "dev";
            if let Some(other) = short(other).filter(|_| !is_for_tests)
                && !allowed.contains(&other)
            {
                found.push(format!("`{name}` depends on `{other}`"));
            }
        }
    }
    assert_none(&found, "the table of crates does not allow:");
}

/// The components of a crate, as the program registers them: `exporters::otlp::HTTP` is `otlp`.
fn components(kind: &str) -> BTreeSet<String> {
    let registry = read("src/registry.rs");
    let path = format!("{kind}::");
    let uses = registry.split(&path).skip(1);
    let names = uses.filter_map(|rest| rest.split_once("::"));
    names.map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn components_do_not_import_each_other() {
    let mut found = Vec::new();
    for kind in ["receivers", "processors", "exporters"] {
        let components = components(kind);
        assert!(!components.is_empty(), "{kind} are registered");
        let prefix = format!("{kind}/src/");
        for file in rust_files() {
            let Some(path) = file.path.strip_prefix(&prefix) else {
                continue;
            };
            let own = path.split(['/', '.']).next().unwrap_or_default();
            if !components.contains(own) {
                continue;
            }
            for other in components.iter().filter(|other| **other != own) {
                let import = format!("crate::{other}");
                if file.text.contains(&import) {
                    found.push(format!("{}: `{import}`", file.path));
                }
            }
        }
    }
    assert_none(&found, "what components share has a module of its own:");
}

#[test]
fn files_stay_short() {
    let allowed: BTreeMap<_, _> = LONGER_FILES.into_iter().collect();
    let mut found = Vec::new();
    let mut longer = BTreeSet::new();
    for file in rust_files() {
        let lines = code(&file.text).count();
        if lines <= CODE_LINES_MAX {
            continue;
        }
        longer.insert(file.path.clone());
        if !allowed.contains_key(&*file.path) {
            found.push(format!("{}: {lines} lines", file.path));
        }
    }
    for (path, _) in LONGER_FILES {
        if !longer.contains(path) {
            found.push(format!("{path} is short now: take it off the list"));
        }
    }
    assert_none(
        &found,
        &format!("{CODE_LINES_MAX} lines of code are enough:"),
    );
}

#[test]
fn modules_are_named_for_what_they_hold() {
    let allowed: BTreeMap<_, _> = NAMED_AFTER_ALL.into_iter().collect();
    let nameless = |file: &File| {
        let parts = file.path.trim_end_matches(".rs").split('/');
        parts
            .clone()
            .any(|part| NAMELESS.contains(&part) || part == "mod")
            && !allowed.contains_key(&*file.path)
    };
    let found: Vec<_> = rust_files()
        .into_iter()
        .filter(nameless)
        .map(|file| file.path)
        .collect();
    assert_none(&found, "a name that fits everything says nothing:");
}

#[test]
fn unsafe_code_lives_in_the_plugin_crate_only() {
    let word = concat!("uns", "afe ");
    let mut found = Vec::new();
    for file in rust_files() {
        if file.path.starts_with("core/plugin/") {
            continue;
        }
        for (number, line) in code(&file.text) {
            if line.contains(word) {
                found.push(format!("{}:{number}: {}", file.path, line.trim()));
            }
        }
    }
    assert_none(&found, "outside of `core/plugin`:");
}

/// Lines of text files that hold any of `words`, but for files that `skip` names.
fn mentions(words: &[&str], skip: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for file in files() {
        if skip(&file.path) {
            continue;
        }
        for (number, line) in file.text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                let line: String = line.trim().chars().take(100).collect();
                found.push(format!("{}:{}: {line}", file.path, number + 1));
            }
        }
    }
    found
}

#[test]
fn nothing_is_left_for_later_in_the_code() {
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
    ];
    // The list of rules names the word it forbids.
    let found = mentions(&words, |path| path == "CONTRIBUTING.md");
    assert_none(&found, "an issue is where work waits:");
}

/// Where a developer's or a build machine's own files are.
const MACHINE_PATHS: [&str; 5] = [
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/wo", "rk/"),
    concat!("/tm", "p/"),
    concat!("../sha", "red"),
];

#[test]
fn no_path_of_a_machine_is_written_down() {
    let found = mentions(&MACHINE_PATHS, |_| false);
    assert_none(&found, "this exists on one machine only:");
}

#[test]
fn no_path_of_a_machine_is_in_a_recording() {
    let mut found = Vec::new();
    let mut recordings = 0;
    let is_recording = |file: &&File| file.path.contains("recordings/");
    for file in files()
        .iter()
        .filter(is_recording)
        .filter(|it| it.path.ends_with(".jsonl"))
    {
        recordings += 1;
        for (number, line) in file.text.lines().enumerate() {
            let line: Value = serde_json::from_str(line).expect("recordings are JSON lines");
            let body = line["body_base64"]
                .as_str()
                .expect("a recording has a body");
            let body = STANDARD.decode(body).expect("bodies are base64");
            let body = String::from_utf8_lossy(&body);
            let paths = MACHINE_PATHS.iter().filter(|path| body.contains(**path));
            found.extend(paths.map(|path| format!("{}:{}: {path}", file.path, number + 1)));
        }
    }
    assert!(recordings > 0, "there are recordings");
    assert_none(&found, "this exists on one machine only:");
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_architecture_can_be_read_in_one_sitting() {
    let lines = read("ARCHITECTURE.md").lines().count();
    assert!(lines < 300, "ARCHITECTURE.md has {lines} lines");
}

#[test]
fn what_the_readme_tells_to_run_exists() {
    let readme = read("README.md");
    let mut found = Vec::new();
    let mut commands = 0;
    for line in readme.lines() {
        let words: Vec<_> = line.trim_start_matches("$ ").split_whitespace().collect();
        let args = match &words[..] {
            ["cargo", "run", ..] => words.split(|word| *word == "--").nth(1),
            ["skyferry" | "./target/release/skyferry", args @ ..] => Some(args),
            _ => None,
        };
        let is_in_path = |char: char| char.is_alphanumeric() || "/._-".contains(char);
        for word in line.split(|char| !is_in_path(char)) {
            if word.starts_with("configs/") && !root().join(word).exists() {
                found.push(format!("`{word}` is not there"));
            }
        }
        let Some(args) = args else { continue };
        commands += 1;
        let command = args.first().filter(|arg| !arg.starts_with('-'));
        let help: Vec<_> = command.copied().into_iter().chain(["--help"]).collect();
        let output = Command::new(env!("CARGO_BIN_EXE_skyferry"))
            .args(&help)
            .output()
            .expect("the program was built for this test");
        if !output.status.success() {
            found.push(format!("`{}` is no command", line.trim()));
        }
        let help = String::from_utf8_lossy(&output.stdout).into_owned();
        let flags = args.iter().filter(|arg| arg.starts_with("--"));
        for flag in flags.filter(|flag| !help.contains(**flag)) {
            found.push(format!("`{}` has no {flag}", line.trim()));
        }
    }
    assert!(commands > 0, "the README tells how to run the program");
    assert_none(&found, "the README says more than is true:");
}

#[test]
fn every_example_configuration_is_valid() {
    let examples = files();
    let examples = examples.iter().map(|file| &*file.path);
    let examples: Vec<_> = examples
        .filter(|path| path.starts_with("configs/"))
        // Those in `configs/oap` are for OAP; rules and their test data are run by `core/lal`.
        .filter(|path| !path.starts_with("configs/oap/") && !path.starts_with("configs/lal/"))
        .collect();
    assert!(!examples.is_empty(), "there are examples");
    let mut found = Vec::new();
    for example in examples {
        let output = Command::new(env!("CARGO_BIN_EXE_skyferry"))
            .args(["validate", "--config", example])
            .current_dir(root())
            .output()
            .expect("the program was built for this test");
        if !output.status.success() {
            found.push(String::from_utf8_lossy(&output.stderr).into_owned());
        }
    }
    assert_none(&found, "an example must work as it stands:");
}
