//! Who listens while rules run.

use crate::outcome::{Record, RuleId};
use crate::tree::Span;

/// Hears what each statement of a rule did. `()` hears nothing, and costs nothing.
pub trait Observer {
    /// Whether anything is to be told at all.
    const LISTENS: bool = true;

    fn statement(&mut self, rule: RuleId, span: Span, effect: Effect<'_>);

    /// A rule has ended: the log as it left it, whether or not it was kept.
    fn left(&mut self, rule: RuleId, left: Left<'_>);
}

/// A log when a rule is done with it.
#[derive(Clone, Copy, Debug)]
pub struct Left<'a> {
    pub record: Record<'a>,
    /// What the sink would say, or has said.
    pub saves: bool,
    pub aborted: bool,
}

/// What a statement did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Effect<'a> {
    /// Nothing, as the rule had aborted.
    Skipped,
    /// A parser read the body.
    Parsed,
    /// A parser could not read the body, and the rule goes on without.
    Unparsed { reason: &'a str },
    /// `abort`, or a parser that says why.
    Aborted { reason: Option<&'a str> },
    /// The branch of an `if` that was taken, from 0; `None` if there is none, not even an `else`.
    Branch(Option<usize>),
    /// A `def`, a field, the name of a sample; `None` for null.
    Set { value: Option<&'a str> },
    /// A tag was added; nothing if `value` is `None` or empty.
    Tag {
        key: &'a str,
        value: Option<&'a str>,
    },
    /// `enforcer`, `dropper` or a limit has spoken.
    Verdict { saves: bool },
    /// The end of a sink.
    Sink { kept: bool },
    /// The rule ends here, by an error.
    Failed { error: &'a str },
}

impl Observer for () {
    const LISTENS: bool = false;

    fn statement(&mut self, _: RuleId, _: Span, _: Effect<'_>) {}

    fn left(&mut self, _: RuleId, _: Left<'_>) {}
}

impl<V: Observer> Observer for &mut V {
    const LISTENS: bool = V::LISTENS;

    fn statement(&mut self, rule: RuleId, span: Span, effect: Effect<'_>) {
        (**self).statement(rule, span, effect);
    }

    fn left(&mut self, rule: RuleId, left: Left<'_>) {
        (**self).left(rule, left);
    }
}
