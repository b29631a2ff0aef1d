//! Running rules: which rules a log meets, and what becomes of it.

mod evaluate;
mod execution;
mod extract;
mod frame;
mod gson;
pub(crate) mod limits;
mod methods;
mod observe;
mod process;
mod record;
mod value;

use std::time::Duration;

use bumpalo::Bump;
use regex::CaptureLocations;

use crate::compile::Rules;
use crate::compile::program::Program;
use crate::document::Document;
use crate::log::{Log, Metadata};
use crate::outcome::{Claim, End, Outcome, RuleId};
use evaluate::Locals;
use execution::Execution;
use frame::Frame;

pub use observe::{Effect, Left, Observer};

/// When a log is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For a log without a time.
    pub unix_ms: i64,
    /// Since any start, never back: rate limits go by it.
    pub monotonic: Duration,
}

/// Memory that is kept from log to log: one for each thread. It fits any rules.
#[derive(Debug, Default)]
pub struct Scratch {
    arena: Bump,
    json: Document,
    yaml: Document,
    /// Values that rules make JSON, by slot.
    made: Vec<Document>,
    /// Where the groups of each regular expression were found.
    locations: Vec<Option<CaptureLocations>>,
    buffer: String,
    /// Of the rules that the slots above are for.
    generation: u64,
}

/// Rules that are about to run: which of them, and who listens.
#[derive(Debug)]
pub struct Runner<'r, V = ()> {
    rules: &'r Rules,
    only: Option<usize>,
    observer: V,
}

impl Rules {
    /// Shows a log to the rules that are for it, in the order in which they were loaded.
    pub fn run<L, O>(&self, log: &L, now: Now, scratch: &mut Scratch, outcome: &mut O) -> Claim
    where
        L: Log + ?Sized,
        O: Outcome + ?Sized,
    {
        self.runner().run(log, now, scratch, outcome)
    }

    pub fn runner(&self) -> Runner<'_> {
        Runner {
            rules: self,
            only: None,
            observer: (),
        }
    }
}

impl<'r> Runner<'r> {
    /// Tells `observer` what each statement does.
    pub fn observed<V: Observer>(self, observer: &mut V) -> Runner<'r, &mut V> {
        Runner {
            rules: self.rules,
            only: self.only,
            observer,
        }
    }
}

impl<V: Observer> Runner<'_, V> {
    /// Runs this rule alone, whatever the layer of the log, and not as an automatic rule.
    pub fn only(mut self, rule: RuleId) -> Self {
        self.only = usize::try_from(rule.0).ok();
        self
    }

    /// Shows a log to rules.
    pub fn run<L, O>(self, log: &L, now: Now, scratch: &mut Scratch, outcome: &mut O) -> Claim
    where
        L: Log + ?Sized,
        O: Outcome + ?Sized,
    {
        let rules = self.rules;
        let mut metadata = log.metadata();
        let chosen = match choose(rules, &self.only, &metadata) {
            Ok(chosen) => chosen,
            Err(claim) => return claim,
        };
        if chosen.first.is_empty() && chosen.then.is_empty() {
            return Claim::Unclaimed;
        }
        if metadata.timestamp_ms == 0 {
            metadata.timestamp_ms = now.unix_ms;
        }
        let frame = Frame::new(rules, log, metadata, now, scratch);
        let mut pass = Pass {
            frame: &frame,
            outcome,
            observer: self.observer,
        };
        let claimed = pass.rules(chosen.first, chosen.automatic) || pass.rules(chosen.then, false);
        if claimed {
            Claim::Claimed
        } else {
            Claim::Unclaimed
        }
    }
}

fn choose<'r>(
    rules: &'r Rules,
    only: &'r Option<usize>,
    metadata: &Metadata<'_>,
) -> Result<Chosen<'r>, Claim> {
    let of_layer = |first| Chosen {
        first,
        then: &[],
        automatic: false,
    };
    if only.is_some() {
        return Ok(of_layer(only.as_slice()));
    }
    if metadata.service.is_empty() {
        return Err(Claim::WithoutService);
    }
    if metadata.layer.is_empty() {
        return Ok(Chosen {
            first: &rules.automatic,
            then: rules.fallback(),
            automatic: true,
        });
    }
    let first = rules.layers.get(metadata.layer);
    first
        .map(|first| of_layer(first.as_slice()))
        .ok_or(Claim::UnknownLayer)
}

/// Rules for a log, by index.
struct Chosen<'r> {
    first: &'r [usize],
    /// Unless one of the first ones claims the log.
    then: &'r [usize],
    /// The first ones are automatic.
    automatic: bool,
}

struct Pass<'f, 'a, L: ?Sized, O: ?Sized, V> {
    frame: &'f Frame<'a, L>,
    outcome: &'f mut O,
    observer: V,
}

impl<'a, L: Log + ?Sized, O: Outcome + ?Sized, V: Observer> Pass<'_, 'a, L, O, V> {
    /// Runs rules one after the other, and says whether any has claimed the log.
    fn rules(&mut self, rules: &[usize], automatic: bool) -> bool {
        let mut claimed = false;
        for &index in rules {
            let Some(program) = self.frame.rules.programs.get(index) else {
                continue;
            };
            if program.is_typed {
                continue;
            }
            let rule = RuleId(u32::try_from(index).expect("rules have 32-bit ids"));
            if !V::LISTENS && self.turns_away(program) {
                self.outcome.end(rule, End::Aborted { reason: None });
                continue;
            }
            claimed |= Execution::new(self, rule, program, automatic).run();
        }
        claimed
    }

    /// The rule's first `if` aborts: nothing else of it matters.
    fn turns_away(&self, program: &'a Program) -> bool {
        let Some((test, aborts)) = program.gate() else {
            return false;
        };
        let outcome = self.frame.test(&Locals::default(), test);
        outcome.is_ok_and(|outcome| outcome == aborts)
    }
}

#[cfg(test)]
mod tests;
