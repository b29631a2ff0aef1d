//! Statements that OAP's grammar lets stand where its code generator has no use for them.
//!
//! The grammar does not look at where an `if` stands, so anything can be written into its body;
//! what does not belong there is left out without a word. Here it is left out with a warning.

use crate::diagnostic::Findings;
use crate::place::{Place, word};
use crate::tree::{Statement, StatementKind as Kind};

/// Takes out what OAP does not run, however deep, and puts a sampler in the order in which it runs.
pub(crate) fn remove(filter: &mut Vec<Statement>, findings: &mut Findings) {
    keep(filter, Place::Filter, findings);
}

fn keep(statements: &mut Vec<Statement>, place: Place, findings: &mut Findings) {
    statements.retain(|statement| {
        let runs = place.takes(&statement.kind);
        if !runs {
            warn(statement, place, findings);
        }
        runs
    });
    if place == Place::Sampler {
        limits_first(statements, findings);
    }
    for statement in statements {
        match &mut statement.kind {
            Kind::Extractor(inner) => keep(inner, Place::Extractor, findings),
            Kind::Sink(inner) => keep(inner, Place::Sink, findings),
            Kind::Sampler(inner) => keep(inner, Place::Sampler, findings),
            Kind::If {
                branches,
                otherwise,
            } => {
                let bodies = branches.iter_mut().map(|branch| &mut branch.body);
                for body in bodies.chain(otherwise) {
                    if place == Place::Sink {
                        drop_mixed(body, findings);
                    }
                    keep(body, place, findings);
                }
            }
            _ => {}
        }
    }
}

fn warn(statement: &Statement, place: Place, findings: &mut Findings) {
    let word = word(&statement.kind);
    let place = place.name();
    let message = format!("OAP ignores `{word}` in an `if` of `{place}`");
    let report = findings.warning(statement.span, message);
    report.help("move the `if` with it to the block where it belongs");
}

/// In a sink, a body with an `enforcer`, `dropper` or `sampler` loses its nested `if`s.
fn drop_mixed(body: &mut Vec<Statement>, findings: &mut Findings) {
    let is_sink = |statement: &Statement| Place::Sink.takes(&statement.kind);
    let is_if = |statement: &Statement| matches!(statement.kind, Kind::If { .. });
    let is_mixed = body.iter().any(|it| is_sink(it) && !is_if(it));
    if !is_mixed {
        return;
    }
    body.retain(|statement| {
        if is_if(statement) {
            let message = "OAP ignores an `if` beside other statements in an `if` of a `sink`";
            let report = findings.warning(statement.span, message);
            report.help("write both conditions into one `if`: `if (a && b) { .. }`");
        }
        !is_if(statement)
    });
}

/// OAP evaluates the limits of a sampler before its `if`s.
fn limits_first(statements: &mut [Statement], findings: &mut Findings) {
    let is_limit = |statement: &Statement| matches!(statement.kind, Kind::RateLimit { .. });
    let first_if = statements.iter().position(|it| !is_limit(it));
    let late = statements.iter().skip(first_if.unwrap_or(usize::MAX));
    for limit in late.filter(|it| is_limit(it)) {
        let message = "OAP evaluates this limit before the `if`s in front of it";
        let report = findings.warning(limit.span, message);
        report.help("the last verdict wins: write limits first, to see their order");
    }
    statements.sort_by_key(|statement| !is_limit(statement));
}
