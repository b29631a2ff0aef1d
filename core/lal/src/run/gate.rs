//! Which rules of a route a log can pass, before any of them is run.

use super::evaluate::{Locals, Parsed};
use super::frame::Frame;
use super::value::{Fallible, Value};
use crate::compile::gate::Subject;
use crate::compile::program::Program;
use crate::compile::route::{Route, Table};
use crate::log::Log;

impl<'a, L: Log + ?Sized> Frame<'a, L> {
    /// The places of a route whose rules have to be run: all that is not surely turned away.
    pub(super) fn open(&self, route: &'a Route) -> &'a [u64] {
        let words = self.arena.alloc_slice_fill_copy(route.words(), 0);
        route.undecided.open(words);
        if !route.read_json.is_empty() && self.json().is_err() {
            route.read_json.open(words);
        }
        for table in &route.subjects {
            self.look_up(table, words);
        }
        words
    }

    fn look_up(&self, table: &'a Table, words: &mut [u64]) {
        match self.subject(&table.subject) {
            Ok(Value::Text(text)) => table.open(text, words),
            // Null is no text, and has no methods.
            Ok(Value::Null) => table.calling.open(words),
            // A cast would make it text.
            Ok(_) | Err(_) => table.all.open(words),
        }
    }

    fn subject(&self, subject: &'a Subject) -> Fallible<'a, Value<'a>> {
        match subject {
            Subject::Tag(slot) => Ok(Value::Text(self.tag(*slot))),
            Subject::SourceAttribute(slot) => Ok(Value::Text(self.source_attribute(*slot))),
            Subject::Metadata(field) => Ok(self.metadata_field(*field)),
            Subject::Parsed(keys) => self.parsed(&self.before(true), keys),
        }
    }

    /// The rule's first `if` aborts, and nothing else of it matters.
    pub(super) fn turns_away(&self, program: &'a Program) -> bool {
        let Some(gate) = program.gate else {
            return false;
        };
        // A body that cannot be read is told by the rule.
        if gate.reads_json && self.json().is_err() {
            return false;
        }
        let Some(test) = gate.test(&program.filter) else {
            return false;
        };
        let outcome = self.test(&self.before(gate.reads_json), test);
        outcome.is_ok_and(|outcome| outcome == gate.aborts)
    }

    /// What a rule sees at its gate.
    fn before(&self, reads_json: bool) -> Locals<'a> {
        let mut locals = Locals::default();
        if reads_json {
            let layer = self.layer.get();
            let root = self.json().ok();
            locals.parsed = Parsed::Map { root, layer };
        }
        locals
    }
}
