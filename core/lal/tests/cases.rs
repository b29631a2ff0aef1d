//! Rules with logs that are written down: those of `tests/cases`, one for each kind of case that
//! OAP tests, and those that come with Skyferry.

use std::fs;
use std::path::{Path, PathBuf};

use lal::{Compatibility, Finding, Rules, Scratch, Severity, Source, case, load};

fn source(path: &Path) -> Source {
    let text = fs::read_to_string(path);
    Source {
        name: path.display().to_string(),
        text: text.unwrap_or_else(|error| panic!("{}: {error}", path.display())),
    }
}

/// Files of rules, each with the data beside it.
fn files(directory: &str) -> Vec<(PathBuf, PathBuf)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let entries = fs::read_dir(&directory).expect("the directory is there");
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("it can be read").path();
        let name = path.to_string_lossy().into_owned();
        if let Some(stem) = name
            .strip_suffix(".yaml")
            .filter(|it| !it.ends_with(".data"))
        {
            files.push((path, PathBuf::from(format!("{stem}.data.yaml"))));
        }
    }
    files.sort();
    assert!(!files.is_empty(), "{} is empty", directory.display());
    files
}

/// Some of the rules are there for what they are warned of.
fn errors(findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|it| it.severity == Severity::Error);
    errors.map(Finding::to_string).collect()
}

/// What is different in a file, and how many inputs it has.
fn run(rules: &Path, data: &Path) -> (String, usize) {
    let loaded = load(&[source(rules)], Compatibility::Oap);
    let mut report = errors(&loaded.findings);
    let rules = Rules::compile(loaded);
    let read = case::read(&source(data));
    report += &errors(&read.findings);
    let mut scratch = Scratch::default();
    for case in &read.cases {
        let result = case.run(&rules, &mut scratch);
        if !result.passed() {
            let (rule, number) = (&case.rule, case.number);
            report += &format!(
                "{}:{}: {rule} {number}\n{result}",
                data.display(),
                case.line
            );
        }
    }
    for (_, name) in rules.names() {
        if read.cases.iter().all(|case| case.rule != name) {
            report += &format!("{}: nothing tests `{name}`\n", data.display());
        }
    }
    (report, read.cases.len())
}

#[test]
fn every_rule_does_with_every_log_what_is_expected() {
    let mut report = String::new();
    let mut inputs = 0;
    for directory in ["tests/cases", "../../configs/lal"] {
        for (rules, data) in files(directory) {
            let (different, count) = run(&rules, &data);
            report += &different;
            inputs += count;
        }
    }
    assert!(report.is_empty(), "{report}");
    assert!(inputs > 60, "only {inputs} inputs were found");
}
