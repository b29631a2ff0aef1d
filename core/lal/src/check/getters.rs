//! Getters of messages: what a class has, and what is near to what it does not have.

use super::statics::Checker;
use super::types::Type;
use crate::message::{self, Class};
use crate::tree::{SegmentKind, Span, Term};

/// How alike two names are, from 0 to 1, of which one is offered for the other.
const NEAR: f64 = 0.85;

impl Checker<'_> {
    /// What comes of `parsed`, which is a message.
    pub(super) fn message(&mut self, class: Class, term: &Term) -> Type {
        if term.segments.is_empty() {
            return Type::Message(class);
        }
        match message::leading(class, &term.segments) {
            Ok((kind, taken)) => self.chain(kind, &term.segments[taken..], false),
            Err((Type::Message(class), at)) => {
                let segment = &term.segments[at];
                if let SegmentKind::Field(name) = &segment.kind {
                    self.no_getter(class, name, segment.span);
                }
                Type::Unusable
            }
            Err((_, at)) => {
                let report = self.findings.error(
                    term.segments[at].span,
                    "what is in front of this has no fields",
                );
                report.help("a message has fields; text, numbers and constants do not");
                Type::Unusable
            }
        }
    }

    /// `name` is a getter, or a field that stands for one.
    pub(super) fn no_getter(&mut self, class: Class, name: &str, span: Span) {
        let getter = match name.strip_prefix(|first: char| first.is_ascii_lowercase()) {
            Some(rest)
                if !["get", "has", "contains"]
                    .iter()
                    .any(|it| name.starts_with(it)) =>
            {
                format!("get{}{rest}", name[..1].to_ascii_uppercase())
            }
            _ => name.to_owned(),
        };
        let message = format!("`{}` has no getter `{getter}` here", class.name());
        let names = message::names(class);
        let nearness = |name: &&String| strsim::jaro_winkler(name, &getter);
        let nearest = names
            .iter()
            .max_by(|one, other| nearness(one).total_cmp(&nearness(other)));
        let report = self.findings.error(span, message);
        report.help(match nearest.filter(|it| nearness(it) > NEAR) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("it has `{}`", names.join("`, `")),
        });
    }
}
