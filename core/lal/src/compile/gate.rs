//! Which rules can be turned away by the first thing they test.

use super::program::{
    Action, Constant, Conversion, Expression, LinkKind, MetadataField, ProcessName, Step, Test,
};
use crate::check::methods::Method;

/// The start of a rule that turns away most logs: an `if` that aborts on what is not the rule's,
/// behind which nothing is evaluated then. It is decided without any state of the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gate {
    /// `json {}` comes first; its failure is told by running the rule.
    pub(crate) reads_json: bool,
    /// The rule aborts if the test comes out like this.
    pub(crate) aborts: bool,
}

impl Gate {
    /// The gate that a rule starts with, if it does.
    pub(super) fn of(filter: &[Step]) -> Option<Gate> {
        let reads_json = matches!(filter.first()?.action, Action::Json { .. });
        let (first, rest) = filter.get(usize::from(reads_json)..)?.split_first()?;
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
        if !rest.iter().all(is_skipped) || !is_shared(test, reads_json) {
            return None;
        }
        let aborts = if is_abort(body) {
            true
        } else if is_abort(otherwise) {
            false
        } else {
            return None;
        };
        Some(Gate { reads_json, aborts })
    }

    pub(crate) fn test(self, filter: &[Step]) -> Option<&Test> {
        match &filter.get(usize::from(self.reads_json))?.action {
            Action::If { branches, .. } => branches.first().map(|it| &it.0),
            _ => None,
        }
    }
}

/// Nothing of it happens in a rule that has aborted.
fn is_skipped(step: &Step) -> bool {
    matches!(
        step.action,
        Action::Json { .. }
            | Action::Yaml { .. }
            | Action::Match(_)
            | Action::Extractor(_)
            | Action::Sink(_)
            | Action::Abort
    )
}

fn is_abort(body: &[Step]) -> bool {
    matches!(body, [step] if matches!(step.action, Action::Abort))
}

/// Reads nothing but what all rules share; a text that one rule has made JSON is not.
fn is_shared(test: &Test, reads_json: bool) -> bool {
    let value = |value: &Expression| is_shared_value(value, reads_json);
    match test {
        Test::Any(list) | Test::All(list) => list.iter().all(|it| is_shared(it, reads_json)),
        Test::Not(inner) => is_shared(inner, reads_json),
        Test::Equal(left, right) | Test::Compare { left, right, .. } => value(left) && value(right),
        Test::IsText(it, _) | Test::Present(it) | Test::True(it) => value(it),
    }
}

fn is_shared_value(value: &Expression, reads_json: bool) -> bool {
    let inner = |value: &Expression| is_shared_value(value, reads_json);
    match value {
        Expression::Constant(_)
        | Expression::Tag(_)
        | Expression::SourceAttribute(_)
        | Expression::Metadata(_)
        | Expression::Message
        | Expression::Refused => true,
        Expression::Parsed(_) => reads_json,
        Expression::Body(_) => !reads_json,
        Expression::Group(_) | Expression::Variable(_) | Expression::ToJson { .. } => false,
        Expression::Convert(value, _) => inner(value),
        Expression::Chain(root, links) => {
            let arguments = |kind: &LinkKind| match kind {
                LinkKind::Index(_) => true,
                LinkKind::Get(getter) => getter.arguments.iter().all(inner),
                LinkKind::Call { arguments, .. } => arguments.iter().all(inner),
            };
            inner(root) && links.iter().all(|link| arguments(&link.kind))
        }
        Expression::Arithmetic(first, rest) => inner(first) && rest.iter().all(|it| inner(&it.1)),
        Expression::Process {
            name,
            service,
            instance,
        } => {
            let name = match name {
                ProcessName::Fixed(_) => true,
                ProcessName::Given(name) => inner(name),
            };
            name && inner(service) && inner(instance)
        }
    }
}

/// A value that many rules may test, and that no rule changes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Subject {
    Tag(usize),
    SourceAttribute(usize),
    Metadata(MetadataField),
    Parsed(Box<[Box<str>]>),
}

/// A text that a subject has to be, or to start with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub(crate) text: Box<str>,
    pub(crate) is_prefix: bool,
    /// A method asks, which fails on null.
    pub(crate) calls: bool,
}

/// If the subject is a text that meets none of the keys, the test comes out as `!wanted`, and nothing
/// in it fails before: of conditions that are joined so that one decides, only the first is looked at.
pub(super) fn keys(test: &Test, wanted: bool) -> Option<(Subject, Vec<Key>)> {
    match (test, wanted) {
        (Test::Not(inner), _) => keys(inner, !wanted),
        (Test::All(list), true) | (Test::Any(list), false) => keys(list.first()?, wanted),
        (Test::Any(list), true) | (Test::All(list), false) => {
            let mut all: Option<(Subject, Vec<Key>)> = None;
            for test in list {
                let (subject, more) = keys(test, wanted)?;
                match &mut all {
                    None => all = Some((subject, more)),
                    Some(all) if all.0 == subject => all.1.extend(more),
                    Some(_) => return None,
                }
            }
            all
        }
        (Test::IsText(value, text), true) => {
            let key = Key {
                text: text.clone(),
                is_prefix: false,
                calls: false,
            };
            Some((subject(value)?, vec![key]))
        }
        (Test::True(Expression::Chain(root, links)), true) => {
            let [link] = &**links else {
                return None;
            };
            let LinkKind::Call {
                method, arguments, ..
            } = &link.kind
            else {
                return None;
            };
            let [Expression::Constant(Constant::Text(text))] = &**arguments else {
                return None;
            };
            let key = Key {
                text: text.clone(),
                is_prefix: match method {
                    Method::StartsWith => true,
                    Method::Equals => false,
                    _ => return None,
                },
                calls: true,
            };
            Some((subject(root)?, vec![key]))
        }
        _ => None,
    }
}

fn subject(value: &Expression) -> Option<Subject> {
    Some(match value {
        Expression::Tag(slot) => Subject::Tag(*slot),
        Expression::SourceAttribute(slot) => Subject::SourceAttribute(*slot),
        // Rules set the layer.
        Expression::Metadata(MetadataField::Layer) => return None,
        Expression::Metadata(field) => Subject::Metadata(*field),
        Expression::Parsed(keys) if keys.first().is_some_and(|it| **it == *"layer") => return None,
        Expression::Parsed(keys) => Subject::Parsed(keys.clone()),
        Expression::Convert(value, Conversion::Text) => subject(value)?,
        _ => return None,
    })
}
