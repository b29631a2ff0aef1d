//! What a rule means beyond its grammar: what OAP refuses at load, and what it accepts and ignores.

pub(crate) mod calls;
mod getters;
mod ignored;
pub(crate) mod inputs;
pub(crate) mod methods;
pub(crate) mod outputs;
mod scope;
mod statics;
pub(crate) mod types;
pub(crate) mod values;

use crate::diagnostic::Findings;
use crate::load::Compatibility;
use crate::tree::{Mode, Rule, Statement, StatementKind};

/// What `parsed` means: the first parser decides, top-level statements and branches in order.
pub(crate) fn mode(filter: &[Statement]) -> Mode {
    first_parser(filter).unwrap_or(Mode::None)
}

fn first_parser(statements: &[Statement]) -> Option<Mode> {
    statements
        .iter()
        .find_map(|statement| match &statement.kind {
            StatementKind::Json { .. } => Some(Mode::Json),
            StatementKind::Yaml { .. } => Some(Mode::Yaml),
            StatementKind::Text { .. } => Some(Mode::Text),
            StatementKind::If {
                branches,
                otherwise,
            } => {
                let bodies = branches.iter().map(|branch| &branch.body);
                let mut bodies = bodies.chain(otherwise);
                bodies.find_map(|body| first_parser(body))
            }
            _ => None,
        })
}

/// The rule as it runs: without what OAP ignores, if OAP decides.
pub(crate) fn rule(mut rule: Rule, compatibility: Compatibility, findings: &mut Findings) -> Rule {
    if compatibility == Compatibility::Oap {
        ignored::remove(&mut rule.filter, findings);
    }
    statics::check(&rule, compatibility, findings);
    rule
}
