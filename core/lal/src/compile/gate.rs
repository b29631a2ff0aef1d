//! Which rules can be turned away by their first `if` alone.

use super::program::{Action, Expression, LinkKind, ProcessName, Step, Test};

/// What the first test comes out as when the rule aborts at once; `None` if that is not its form, or
/// if something behind it is evaluated all the same.
pub(super) fn of(filter: &[Step]) -> Option<bool> {
    let (first, rest) = filter.split_first()?;
    let Action::If {
        branches,
        otherwise,
    } = &first.action
    else {
        return None;
    };
    let [(test, body)] = &**branches else {
        return None;
    };
    let is_skipped = |step: &Step| {
        matches!(
            step.action,
            Action::Json { .. }
                | Action::Yaml { .. }
                | Action::Match(_)
                | Action::Extractor(_)
                | Action::Sink(_)
                | Action::Abort
        )
    };
    if !rest.iter().all(is_skipped) || !is_shared(test) {
        return None;
    }
    if is_abort(body) {
        return Some(true);
    }
    is_abort(otherwise).then_some(false)
}

fn is_abort(body: &[Step]) -> bool {
    matches!(body, [step] if matches!(step.action, Action::Abort))
}

/// Reads nothing but what all rules share.
fn is_shared(test: &Test) -> bool {
    match test {
        Test::Any(list) | Test::All(list) => list.iter().all(is_shared),
        Test::Not(inner) => is_shared(inner),
        Test::Equal(left, right) => is_shared_value(left) && is_shared_value(right),
        Test::Compare { left, right, .. } => is_shared_value(left) && is_shared_value(right),
        Test::IsText(value, _) | Test::Present(value) | Test::True(value) => is_shared_value(value),
    }
}

fn is_shared_value(value: &Expression) -> bool {
    match value {
        Expression::Constant(_)
        | Expression::Tag(_)
        | Expression::SourceAttribute(_)
        | Expression::Metadata(_)
        | Expression::Body(_)
        | Expression::Refused => true,
        Expression::Parsed(_)
        | Expression::Group(_)
        | Expression::Variable(_)
        | Expression::ToJson { .. } => false,
        Expression::Convert(value, _) => is_shared_value(value),
        Expression::Chain(root, links) => {
            let arguments = |kind: &LinkKind| match kind {
                LinkKind::Index(_) => true,
                LinkKind::Call { arguments, .. } => arguments.iter().all(is_shared_value),
            };
            is_shared_value(root) && links.iter().all(|link| arguments(&link.kind))
        }
        Expression::Arithmetic(first, rest) => {
            is_shared_value(first) && rest.iter().all(|it| is_shared_value(&it.1))
        }
        Expression::Process {
            name,
            service,
            instance,
        } => {
            let name = match name {
                ProcessName::Fixed(_) => true,
                ProcessName::Given(name) => is_shared_value(name),
            };
            name && is_shared_value(service) && is_shared_value(instance)
        }
    }
}
