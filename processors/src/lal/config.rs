//! What the `lal` processor can be told.

use std::path::PathBuf;

use engine::config::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::inline::{self, InlineRule};

/// The `lal` processor.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    /// Rule files as OAP has them, and directories of such files: of a directory all `*.yaml` and
    /// `*.yml` in the order of their names, but for the test data in `*.data.yaml` and `*.input.data`.
    /// They are watched; while a changed file cannot be loaded, the older rules stay at work.
    pub(super) files: Vec<PathBuf>,
    /// Rules that are written here, as they are in the `rules` of a file. A `${..}` of a rule is written
    /// `$${..}`, as this file has references of its own.
    pub(super) rules: Vec<InlineRule>,
    /// What becomes of a log of which no rule has made a record because one has failed.
    pub(super) on_error: OnError,
    /// Whether OAP's code or its documentation decides where they differ.
    pub(super) compatibility: Compatibility,
    /// What becomes of a log that no rule claims: one without a layer, or one that every rule for its
    /// layer aborts. A log with a layer for which there is no rule here always goes on.
    pub(super) unclaimed: Unclaimed,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnError {
    /// It goes on as it came.
    #[default]
    Keep,
    /// It is gone, as it is in OAP.
    Drop,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Compatibility {
    /// What OAP's code does.
    #[default]
    Oap,
    /// What OAP's documentation says.
    Documented,
}

impl From<Compatibility> for lal::Compatibility {
    fn from(compatibility: Compatibility) -> Self {
        match compatibility {
            Compatibility::Oap => lal::Compatibility::Oap,
            Compatibility::Documented => lal::Compatibility::Documented,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unclaimed {
    /// It goes on as it came. An OAP behind this stores it in the layer `GENERAL` if it has none.
    #[default]
    Keep,
    /// It gets the layer `GENERAL` if it has none.
    General,
    /// It is gone. So is in OAP what every rule for its layer aborts.
    Drop,
}

/// What decides of a log that rules have not decided of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    pub(super) on_error: OnError,
    pub(super) unclaimed: Unclaimed,
}

impl Config {
    pub(super) fn policy(&self) -> Policy {
        Policy {
            on_error: self.on_error,
            unclaimed: self.unclaimed,
        }
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        if self.files.is_empty() && self.rules.is_empty() {
            problems
                .at("", "it has no rules, so it does nothing")
                .help("name rule files under `files`, or write rules under `rules`");
        }
        inline::report(&self.rules, self.compatibility.into(), problems);
    }
}

#[cfg(test)]
mod tests {
    use engine::config::read_text;
    use engine::testkit;

    use super::*;

    fn problems(text: &str) -> String {
        testkit::problems(text, Config::check)
    }

    #[test]
    fn nothing_is_lost_that_no_rule_takes_away_unless_it_is_told_to() {
        let (config, _) = read_text::<Config>("files: [rules]").expect("it is valid");
        assert_eq!(config.on_error, OnError::Keep);
        assert_eq!(config.unclaimed, Unclaimed::Keep);
        assert_eq!(config.compatibility, Compatibility::Oap);
        assert_eq!(problems("files: [rules]"), "");
    }

    #[test]
    fn refuses_what_cannot_be_meant() {
        for (text, expected) in [
            ("{}", "it has no rules, so it does nothing"),
            ("files: [a]\nunclaimed: general_\n", "`general_`"),
            ("rules: [{name: a, layer: auto}]", "dsl"),
            (
                "rules: [{name: a, layer: auto, dsl: '', script: ''}]",
                "script",
            ),
        ] {
            let found = problems(text);
            assert!(found.contains(expected), "{text}: {found}");
        }
    }

    #[test]
    fn a_finding_in_a_rule_has_the_place_of_the_rule_and_its_line() {
        let text = "
files: [a]
rules:
  - name: good
    layer: auto
    dsl: 'filter { sink {} }'
  - name: bad
    layer: auto
    dsl: |
      filter {
        extractor {
          service nothing()
        }
      }
";
        expect_test::expect![[r#"
            error: OAP cannot resolve the function `nothing` here
              --> config.yaml:10:7
               |
            10 |       filter {
               |       ^^^^^^^^
               = note: line 3, column 13 of the rule: `service nothing()`
               = help: `tag("key")` and `sourceAttribute("key")` are functions

            1 error
        "#]]
        .assert_eq(&problems(text));
    }

    #[test]
    fn every_rule_with_an_error_is_reported() {
        let found = problems(
            "rules:
  - {name: bad, layer: auto, dsl: 'filter { one }'}
  - {name: bad, layer: auto, dsl: 'filter { two }'}
  - {name: odd, layer: auto, dsl: \"filter {\\x07 three }\"}
",
        );
        for place in ["config.yaml:2:", "config.yaml:3:", "config.yaml:4:"] {
            assert!(found.contains(place), "{found}");
        }
        assert!(found.contains("have a `bad` already"), "{found}");
    }
}
