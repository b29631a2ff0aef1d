use std::fs;
use std::path::Path;

use engine::config::read_text;
use telemetry::Metrics;

use super::*;

const GOOD: &str = "rules:\n  - {name: one, layer: auto, dsl: 'filter { sink {} }'}\n";
const TWO: &str = "rules:
  - {name: one, layer: auto, dsl: 'filter { sink {} }'}
  - {name: two, layer: auto, dsl: 'filter { sink {} }'}
";
const BAD: &str = "rules:\n  - {name: one, layer: auto, dsl: 'filter { sink { }'}\n";

struct Fixture {
    folder: tempfile::TempDir,
    metrics: Metrics,
    account: Account,
    live: Live,
}

impl Fixture {
    fn new() -> Fixture {
        let folder = tempfile::tempdir().expect("there is room");
        fs::write(folder.path().join("a.yaml"), GOOD).expect("there is room");
        let metrics = Metrics::new();
        let account = Account::new("lal", &metrics);
        let live = open(folder.path(), &account).unwrap_or_else(|error| panic!("{error}"));
        Fixture {
            folder,
            metrics,
            account,
            live,
        }
    }

    fn write(&self, text: &str) {
        fs::write(self.folder.path().join("a.yaml"), text).expect("there is room");
    }

    /// The names of the rules, so many milliseconds after the start.
    fn names_at(&self, ms: u64) -> Vec<String> {
        let ruleset = self.live.rules(Duration::from_millis(ms), &self.account);
        let names = ruleset.rules.names();
        names.map(|(_, name)| name.to_owned()).collect()
    }

    fn reloads(&self, result: &str) -> Option<f64> {
        let labels = [("processor", "lal"), ("result", result)];
        self.metrics.value("skyferry_lal_reloads_total", &labels)
    }

    fn is_stale(&self) -> bool {
        self.metrics.value("skyferry_lal_rules_stale", &[]) == Some(1.0)
    }
}

fn open(folder: &Path, account: &Account) -> Result<Live, LoadError> {
    let text = format!("files: [{}]", folder.display());
    let (config, _) = read_text::<Config>(&text).expect("it is valid");
    Live::open(config, account)
}

#[test]
fn changed_files_are_loaded_with_the_next_log_after_a_second() {
    let fixture = Fixture::new();
    assert_eq!(fixture.names_at(2000), ["one"]);
    fixture.write(TWO);
    assert_eq!(fixture.names_at(2999), ["one"], "nobody looks that often");
    assert_eq!(fixture.names_at(3000), ["one", "two"]);
    assert_eq!(
        (fixture.reloads("loaded"), fixture.is_stale()),
        (Some(1.0), false)
    );
    assert_eq!(fixture.names_at(9000), ["one", "two"]);
    assert_eq!(fixture.reloads("loaded"), Some(1.0), "nothing has changed");
}

#[test]
fn bad_files_keep_the_rules_that_there_are_and_are_told_of_once() {
    let fixture = Fixture::new();
    fixture.write(BAD);
    for ms in [1000, 2000, 3000] {
        assert_eq!(fixture.names_at(ms), ["one"]);
    }
    assert_eq!(
        (fixture.reloads("refused"), fixture.is_stale()),
        (Some(1.0), true)
    );
    fixture.write(TWO);
    assert_eq!(fixture.names_at(4000), ["one", "two"]);
    assert!(!fixture.is_stale());
}

#[test]
fn a_file_that_is_gone_for_a_while_changes_nothing() {
    let fixture = Fixture::new();
    let path = fixture.folder.path().join("a.yaml");
    let aside = fixture.folder.path().join("a.txt");
    fs::rename(&path, &aside).expect("it is there");
    assert_eq!(fixture.names_at(1000), ["one"]);
    assert_eq!(fixture.names_at(2000), ["one"]);
    assert_eq!(
        (fixture.reloads("refused"), fixture.is_stale()),
        (Some(1.0), true)
    );
    fs::rename(&aside, &path).expect("it is there");
    assert_eq!(fixture.names_at(3000), ["one"]);
    assert!(!fixture.is_stale(), "they are the files' rules again");
}

#[test]
fn every_error_of_every_file_is_told_at_the_start() {
    let folder = tempfile::tempdir().expect("there is room");
    for name in ["a.yaml", "b.yaml"] {
        fs::write(folder.path().join(name), BAD).expect("there is room");
    }
    let account = Account::new("lal", &Metrics::new());
    let Err(error) = open(folder.path(), &account) else {
        panic!("they are wrong");
    };
    let text = error.to_string();
    assert!(text.starts_with("the rules have "), "{text}");
    for name in ["a.yaml:2:", "b.yaml:2:"] {
        assert!(text.contains(name), "{text}");
    }
    let missing = folder.path().join("missing");
    let Err(error) = open(&missing, &account) else {
        panic!("it is not there");
    };
    assert!(error.to_string().contains("missing"), "{error}");
}
