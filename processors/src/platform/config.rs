//! What the `platform` processor can be told.

use engine::config::Problems;
use regex_lite::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::names::Platform;

/// The `platform` processor.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    /// What tells the platform, the most trusted first. What is not listed is not looked at.
    pub(super) evidence: Vec<Evidence>,
    /// Further platforms, or further ways to tell one; the first that fits counts, and before what is
    /// known without rules.
    pub(super) rules: Vec<Rule>,
    /// Sets `service.layer` of traces, metrics and reports of instances and events where it is missing.
    /// Rules of SkyWalking that find the layer by themselves are passed over then.
    pub(super) set_layer: bool,
    /// Sets the layer of logs where it is missing. SkyWalking drops logs of a layer that none of its
    /// rules for logs is for.
    pub(super) set_layer_on_logs: bool,
    /// Where the platform is known and `service.instance.id` is missing, sets it to `service.version`.
    pub(super) instance_from_version: bool,
    /// Removes the instance of mini programs where it is one of a device: `mp-` and random letters, as
    /// their SDK made it up to 0.3. Each device would be an instance of its own.
    pub(super) remove_device_instance: bool,
    /// Gives calls of mini programs their platform's component (10002, 10003) where they have that of
    /// browsers (10001).
    pub(super) fix_component: bool,
}

/// What tells a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Evidence {
    /// `miniprogram.platform`: the resource attribute, or the tag of a SkyWalking span or log.
    Attribute,
    /// The component of a SkyWalking span.
    Component,
    /// The resource attribute `telemetry.sdk.name`.
    Sdk,
    /// The resource attribute `os.name`: iOS and iPadOS.
    Os,
    /// The `User-Agent` of the request. That of WeChat or Alipay counts only without a web page in
    /// `Referer`, with which it is their browser.
    UserAgent,
    /// The `Referer` of the request, which the platform sets and the program cannot.
    Referer,
}

impl Evidence {
    pub(super) const ALL: [Evidence; 6] = [
        Evidence::Attribute,
        Evidence::Component,
        Evidence::Sdk,
        Evidence::Os,
        Evidence::UserAgent,
        Evidence::Referer,
    ];

    /// In labels and configuration.
    pub(super) fn name(self) -> &'static str {
        match self {
            Evidence::Attribute => "attribute",
            Evidence::Component => "component",
            Evidence::Sdk => "sdk",
            Evidence::Os => "os",
            Evidence::UserAgent => "user_agent",
            Evidence::Referer => "referer",
        }
    }
}

/// A way to tell a platform.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    /// What it is called in `miniprogram.platform`; `ios` is no mini program and goes to `os.name`.
    pub(super) platform: String,
    /// What is looked at.
    pub(super) evidence: Evidence,
    /// A regular expression that is found in it; of a component in its number.
    pub(super) pattern: String,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            evidence: Evidence::ALL.to_vec(),
            rules: Vec::new(),
            set_layer: false,
            set_layer_on_logs: false,
            instance_from_version: false,
            remove_device_instance: false,
            fix_component: false,
        }
    }
}

/// Each platform of a rule is a label of metrics, and each rule is tried on every request.
const RULES_MAX: usize = 64;
/// Characters of a platform's name.
const NAME_LEN_MAX: usize = 64;
/// Bytes that a compiled pattern may take.
const PATTERN_BYTES_MAX: usize = 256 << 10;

impl Config {
    pub(super) fn check(&self, problems: &mut Problems) {
        if self.evidence.is_empty() {
            problems
                .at("evidence", "`evidence` is empty, so no platform is found")
                .help("name at least one, as in `[attribute, referer]`");
        }
        for (index, evidence) in self.evidence.iter().enumerate() {
            if self.evidence[..index].contains(evidence) {
                let text = format!("`{}` is there twice", evidence.name());
                problems
                    .at(format!("evidence[{index}]").as_str(), text)
                    .help("the order is that of trust: name each once");
            }
        }
        if self.rules.len() > RULES_MAX {
            let text = format!("{} rules are more than {RULES_MAX}", self.rules.len());
            problems
                .at("rules", text)
                .help("join patterns of one platform with `|`");
        }
        for (index, rule) in self.rules.iter().enumerate() {
            self.check_rule(rule, index, problems);
        }
        if self.set_layer_on_logs {
            let text = "SkyWalking drops logs of a layer that none of its rules for logs is for";
            problems.warn_at("set_layer_on_logs", text).help(
                "without it SkyWalking's own rule finds the layer of errors of mini programs",
            );
        }
    }

    fn check_rule(&self, rule: &Rule, index: usize, problems: &mut Problems) {
        let at = |key: &str| format!("rules[{index}].{key}");
        let name = &*rule.platform;
        let is_long = name.chars().count() > NAME_LEN_MAX;
        match Platform::called(name) {
            Some(platform) if platform.name() != name => {
                let right = platform.name();
                problems
                    .at(at("platform").as_str(), format!("`{name}` is `{right}`"))
                    .help(format!("write `{right}`"));
            }
            Some(_) if !is_long => {}
            _ => {
                let text =
                    format!("a platform's name has 1 to {NAME_LEN_MAX} characters, not `{name}`");
                problems
                    .at(at("platform").as_str(), text)
                    .help("write it as `miniprogram.platform` is to have it, as in `douyin`");
            }
        }
        if !self.evidence.contains(&rule.evidence) {
            let evidence = rule.evidence.name();
            let text = format!("`{evidence}` is not looked at");
            problems
                .at(at("evidence").as_str(), text)
                .help(format!("add `{evidence}` to `evidence`"));
        }
        if rule.pattern.is_empty() {
            problems
                .at(at("pattern").as_str(), "an empty pattern fits everything")
                .help("write what tells the platform, as in `^https://example\\.com/`");
        } else if let Err(error) = rule.compile() {
            let text = format!("`{}` is no regular expression: {error}", rule.pattern);
            problems
                .at(at("pattern").as_str(), text)
                .help("a point, a bracket and the like stand for themselves behind a `\\`");
        }
    }
}

impl Rule {
    pub(super) fn compile(&self) -> Result<Regex, regex_lite::Error> {
        let mut pattern = RegexBuilder::new(&self.pattern);
        pattern.size_limit(PATTERN_BYTES_MAX).build()
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
    fn an_empty_section_looks_at_everything_and_changes_no_more_than_it_must() {
        let (config, section) = read_text::<Config>("{}").expect("it is valid");
        let mut problems = section.problems();
        config.check(&mut problems);
        assert!(problems.into_diagnostics().is_empty());
        assert_eq!(config.evidence, Evidence::ALL);
        let changes = [
            config.set_layer,
            config.set_layer_on_logs,
            config.instance_from_version,
            config.remove_device_instance,
            config.fix_component,
        ];
        assert_eq!(changes, [false; 5]);
    }

    #[test]
    fn refuses_what_cannot_be_meant_and_says_what_would_be_right() {
        for (text, place, message, help) in [
            ("evidence: []", "1:1", "is empty", "name at least one"),
            (
                "evidence: [os, sdk, os]",
                "1:21",
                "`os` is there twice",
                "name each once",
            ),
            ("evidence: [os, cookie]", "1:16", "`cookie`", "user_agent"),
            (
                "rules: [{platform: WeChat, evidence: sdk, pattern: x}]",
                "1:20",
                "`WeChat` is `wechat`",
                "write `wechat`",
            ),
            (
                "rules: [{platform: '', evidence: sdk, pattern: x}]",
                "1:20",
                "1 to 64 characters",
                "as in `douyin`",
            ),
            (
                "rules: [{platform: tiktok, evidence: sdk, pattern: '('}]",
                "1:52",
                "`(` is no regular expression",
                "behind a `\\`",
            ),
            (
                "rules: [{platform: tiktok, evidence: sdk, pattern: ''}]",
                "1:52",
                "fits everything",
                "write what tells",
            ),
            (
                "{evidence: [os], rules: [{platform: tiktok, evidence: sdk, pattern: x}]}",
                "1:55",
                "`sdk` is not looked at",
                "add `sdk`",
            ),
            (
                "rules: [{platform: tiktok, evidence: sdk}]",
                "1:9",
                "pattern",
                "",
            ),
            ("set_layers: true", "1:1", "set_layers", "set_layer"),
        ] {
            let found = problems(text);
            assert!(found.contains("1 error"), "{text}: {found}");
            for expected in [&*format!("config.yaml:{place}"), message, help] {
                assert!(
                    found.contains(expected),
                    "{text}: no `{expected}` in {found}"
                );
            }
        }
    }

    #[test]
    fn refuses_more_rules_than_can_be_tried_on_every_request() {
        let rule = "{platform: tiktok, evidence: sdk, pattern: x}";
        let rules = vec![rule; RULES_MAX + 1].join(", ");
        let found = problems(&format!("rules: [{rules}]"));
        assert!(found.contains("65 rules are more than 64"), "{found}");
    }

    #[test]
    fn warns_that_a_layer_hides_logs() {
        let found = problems("set_layer_on_logs: true");
        assert!(found.contains("1 warning"), "{found}");
    }
}
