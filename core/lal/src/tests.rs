//! Promises of the language as a whole: what loads, what is refused, what is said about it.

mod findings;
mod grammar;
mod print;
mod total;

use crate::tree::Rule;
use crate::{Compatibility, Loaded, Source, load};

fn source(text: &str) -> Source {
    Source {
        name: "rules.yaml".to_owned(),
        text: text.to_owned(),
    }
}

fn load_text(text: &str) -> Loaded {
    load(&[source(text)], Compatibility::Oap)
}

/// A rule file with one rule of the layer `GENERAL`.
fn rule_file(dsl: &str) -> String {
    let mut file = "rules:\n  - name: one\n    layer: GENERAL\n    dsl: |\n".to_owned();
    for line in dsl.split('\n') {
        file.push_str("      ");
        file.push_str(line);
        file.push('\n');
    }
    file
}

fn load_rule(dsl: &str, compatibility: Compatibility) -> Loaded {
    load(&[source(&rule_file(dsl))], compatibility)
}

/// The only rule, with what was said about it.
#[track_caller]
fn accepted(dsl: &str) -> (Rule, String) {
    let mut loaded = load_rule(dsl, Compatibility::Oap);
    let said = shown(&loaded);
    let rule = loaded.rules.pop();
    (rule.unwrap_or_else(|| panic!("{dsl}\n{said}")), said)
}

/// Every finding without its snippet: `line:column message (help)`.
fn shown(loaded: &Loaded) -> String {
    let line = |finding: &crate::Finding| {
        let help = finding.help.as_deref().unwrap_or_default();
        format!(
            "{}:{} {}: {} ({help})\n",
            finding.line, finding.column, finding.severity, finding.message
        )
    };
    loaded.findings.iter().map(line).collect()
}
