//! One rule on one log: its statements in order, and what they leave.

use std::cell::Cell;

use super::Pass;
use super::evaluate::{Group, Locals, Parsed};
use super::frame::{Content, Frame};
use super::observe::{Effect, Left, Observer};
use super::record::Fields;
use super::value::{Failure, Fallible, Value};
use crate::compile::program::{Action, Expression, IdPart, Match, Program, Step, Test};
use crate::document::Node;
use crate::load::Compatibility;
use crate::log::Log;
use crate::outcome::{End, Outcome, RuleId};
use crate::tree::Span;

const NO_MATCH: &str = "text parser: regexp did not match the log body";

pub(super) struct Execution<'p, 'f, 'a, L: ?Sized, O: ?Sized, V> {
    pub(super) pass: &'p mut Pass<'f, 'a, L, O, V>,
    pub(super) rule: RuleId,
    pub(super) program: &'a Program,
    /// A record needs a layer.
    automatic: bool,
    locals: Locals<'a>,
    pub(super) fields: Fields<'a>,
    saves: bool,
    aborted: bool,
    reason: Option<&'a str>,
    records: u32,
    /// Why the last sink kept nothing, if it was not told to.
    lost: Option<End<'a>>,
}

impl<'p, 'f, 'a, L, O, V> Execution<'p, 'f, 'a, L, O, V>
where
    L: Log + ?Sized,
    O: Outcome + ?Sized,
    V: Observer,
{
    pub(super) fn new(
        pass: &'p mut Pass<'f, 'a, L, O, V>,
        rule: RuleId,
        program: &'a Program,
        automatic: bool,
    ) -> Self {
        let arena = pass.frame.arena;
        let variables = arena.alloc_slice_fill_with(program.variables, |_| Cell::new(Value::Null));
        Execution {
            pass,
            rule,
            program,
            automatic,
            locals: Locals {
                variables,
                ..Locals::default()
            },
            fields: Fields::new_in(arena),
            saves: true,
            aborted: false,
            reason: None,
            records: 0,
            lost: None,
        }
    }

    /// Runs the rule to its end, and says whether it has claimed the log.
    pub(super) fn run(mut self) -> bool {
        let program = self.program;
        let result = self.steps(&program.filter);
        if V::LISTENS {
            let left = Left {
                record: self
                    .fields
                    .record(self.pass.frame, self.program, &self.locals),
                saves: self.saves,
                aborted: self.aborted,
            };
            self.pass.observer.left(self.rule, left);
        }
        let end = match result {
            Err(Failure(error)) => End::Failed {
                error,
                aborted: self.aborted,
            },
            Ok(()) if self.aborted => End::Aborted {
                reason: self.reason,
            },
            Ok(()) => self.lost.unwrap_or(End::Done {
                records: self.records,
            }),
        };
        self.pass.outcome.end(self.rule, end);
        // In OAP an error is no reason for the next rule to look at the log.
        let by_documentation = self.frame().rules.compatibility == Compatibility::Documented;
        let has_failed = by_documentation && result.is_err();
        !self.aborted && !has_failed
    }

    pub(super) fn frame(&self) -> &'f Frame<'a, L> {
        self.pass.frame
    }

    pub(super) fn tell(&mut self, span: Span, effect: Effect<'_>) {
        if V::LISTENS {
            self.pass.observer.statement(self.rule, span, effect);
        }
    }

    fn steps(&mut self, steps: &'a [Step]) -> Fallible<'a, ()> {
        for step in steps {
            let result = self.step(step);
            if let Err(Failure(error)) = result {
                self.tell(step.span, Effect::Failed { error });
                return result;
            }
        }
        Ok(())
    }

    fn step(&mut self, step: &'a Step) -> Fallible<'a, ()> {
        let span = step.span;
        if self.aborted && is_skipped(&step.action) {
            self.tell(span, Effect::Skipped);
            return Ok(());
        }
        match &step.action {
            Action::Json { abort_on_failure } => self.json(span, *abort_on_failure),
            Action::Yaml { abort_on_failure } => self.yaml(span, *abort_on_failure),
            Action::Match(it) => self.matches(span, it),
            Action::Abort => self.abort(span, None),
            Action::Define { variable, value } => {
                let value = self.value(value)?;
                self.locals.variables[*variable].set(value);
                return self.tell_value(span, value);
            }
            Action::Extractor(inner) => return self.steps(inner),
            Action::Sink(inner) => {
                self.steps(inner)?;
                return self.sink(span);
            }
            Action::If {
                branches,
                otherwise,
            } => return self.choice(span, branches, otherwise),
            Action::Tags(pairs) => return self.tag(span, pairs),
            Action::Metrics(metrics) => return self.measure(span, metrics),
            Action::Verdict(saves) => self.verdict(span, *saves),
            Action::Limit { id, rpm } => return self.limit(span, id, *rpm),
            _ => return self.set(span, &step.action),
        }
        Ok(())
    }

    pub(super) fn value(&self, expression: &'a Expression) -> Fallible<'a, Value<'a>> {
        self.frame().value(&self.locals, expression)
    }

    pub(super) fn text(&self, expression: &'a Expression) -> Fallible<'a, Option<&'a str>> {
        self.frame().text(self.value(expression)?)
    }

    pub(super) fn tell_value(&mut self, span: Span, value: Value<'a>) -> Fallible<'a, ()> {
        if V::LISTENS {
            let value = self.frame().text(value)?;
            self.tell(span, Effect::Set { value });
        }
        Ok(())
    }

    fn abort(&mut self, span: Span, reason: Option<&'a str>) {
        self.aborted = true;
        self.reason = reason.or(self.reason);
        self.tell(span, Effect::Aborted { reason });
    }

    fn json(&mut self, span: Span, abort_on_failure: bool) {
        let frame = self.frame();
        let parsed = frame.json();
        let is_text = matches!(frame.content(&self.locals), Content::Text(_));
        self.locals.text_is_json |= parsed.is_ok() && is_text;
        self.parsed(span, parsed, "json", abort_on_failure);
    }

    fn yaml(&mut self, span: Span, abort_on_failure: bool) {
        let parsed = self.frame().yaml();
        self.parsed(span, parsed, "yaml", abort_on_failure);
    }

    fn parsed(
        &mut self,
        span: Span,
        parsed: Result<Node<'a>, &'a str>,
        parser: &str,
        abort_on_failure: bool,
    ) {
        let layer = self.frame().layer.get();
        let root = match parsed {
            Ok(root) => {
                self.tell(span, Effect::Parsed);
                Some(root)
            }
            Err(error) => {
                let reason = self.frame().unread(parser);
                let Failure(reason) = reason.unwrap_or_else(|| {
                    let frame = self.frame();
                    frame.failure(format_args!("{parser} parse failed: {error}"))
                });
                if abort_on_failure {
                    return self.abort(span, Some(reason));
                }
                self.tell(span, Effect::Unparsed { reason });
                None
            }
        };
        self.locals.parsed = Parsed::Map { root, layer };
    }

    fn matches(&mut self, span: Span, it: &'a Match) {
        let frame = self.frame();
        let text = match frame.content(&self.locals) {
            Content::Text(text) => text,
            _ => "",
        };
        let mut locations = frame.locations.borrow_mut();
        let locations = locations[it.slot].get_or_insert_with(|| it.regex.capture_locations());
        let unread = frame.unread("text").map(|Failure(reason)| reason);
        let found = unread.is_none() && it.regex.captures_read(locations, text).is_some();
        let reason = unread.unwrap_or(NO_MATCH);
        if !found && it.abort_on_failure {
            return self.abort(span, Some(reason));
        }
        let group = |index: &Option<usize>| match index {
            None => Group::Unknown,
            Some(_) if !found => Group::Unmatched,
            Some(index) => match locations.get(*index) {
                Some((start, end)) => Group::Text(&text[start..end]),
                None => Group::Unmatched,
            },
        };
        let groups = frame
            .arena
            .alloc_slice_fill_iter(it.groups.iter().map(group));
        self.locals.parsed = Parsed::Groups(groups);
        if found {
            self.tell(span, Effect::Parsed);
        } else {
            self.tell(span, Effect::Unparsed { reason });
        }
    }

    fn choice(
        &mut self,
        span: Span,
        branches: &'a [(Test, Box<[Step]>)],
        otherwise: &'a [Step],
    ) -> Fallible<'a, ()> {
        for (index, (test, body)) in branches.iter().enumerate() {
            if self.frame().test(&self.locals, test)? {
                self.tell(span, Effect::Branch(Some(index)));
                return self.steps(body);
            }
        }
        let otherwise_is = (!otherwise.is_empty()).then_some(branches.len());
        self.tell(span, Effect::Branch(otherwise_is));
        self.steps(otherwise)
    }

    fn verdict(&mut self, span: Span, saves: bool) {
        self.saves = saves;
        self.tell(span, Effect::Verdict { saves });
    }

    fn limit(&mut self, span: Span, parts: &'a [IdPart], rpm: u32) -> Fallible<'a, ()> {
        let frame = self.frame();
        let mut id = bumpalo::collections::String::new_in(frame.arena);
        for part in parts {
            match part {
                IdPart::Text(text) => id.push_str(text),
                IdPart::Value(value) => frame.append(&mut id, self.value(value)?)?,
            }
        }
        let rule = usize::try_from(self.rule.0).unwrap_or(usize::MAX);
        let limits = frame.rules.limits(rule);
        let keeps = limits.keeps(&id, rpm, frame.now.monotonic);
        self.verdict(span, keeps);
        Ok(())
    }

    /// The end of a sink: the log is kept as it stands now.
    fn sink(&mut self, span: Span) -> Fallible<'a, ()> {
        if self.aborted {
            return Ok(());
        }
        let mut record = self
            .fields
            .record(self.pass.frame, self.program, &self.locals);
        self.lost = None;
        if self.saves && self.automatic && record.metadata.layer.is_empty() {
            self.saves = false;
            self.lost = Some(End::WithoutLayer);
        } else if self.saves
            && let Some(missing) = self.fields.missing(&record)
        {
            self.lost = Some(End::Incomplete { missing });
        }
        let kept = self.saves && self.lost.is_none();
        if kept {
            self.pass.frame.insist(&record)?;
            if self.program.keeps_entry {
                record.entry = self.pass.frame.entry()?;
            }
            self.pass.outcome.record(self.rule, &record);
            self.records += 1;
        }
        self.tell(span, Effect::Sink { kept });
        Ok(())
    }
}

/// OAP looks at the flag in front of these, and of nothing else.
fn is_skipped(action: &Action) -> bool {
    matches!(
        action,
        Action::Json { .. }
            | Action::Yaml { .. }
            | Action::Match(_)
            | Action::Extractor(_)
            | Action::Sink(_)
            | Action::Metrics(_)
            | Action::Verdict(_)
            | Action::Limit { .. }
    )
}
