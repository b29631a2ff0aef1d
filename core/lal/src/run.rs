//! Running rules: which rules a log meets, and what becomes of it.

mod evaluate;
mod execution;
mod extract;
mod frame;
mod gate;
mod gson;
pub(crate) mod limits;
mod message;
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
use crate::compile::route::{Places, Route};
use crate::document::Document;
use crate::log::{Log, Metadata};
use crate::message::Received;
use crate::outcome::{Claim, End, Outcome, RuleId};
use execution::Execution;
use frame::{Frame, Input};

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
    only: Option<RuleId>,
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
        self.only = Some(rule);
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
        let received = log.message().map(|it| Received::new(it.class, it.bytes));
        let received = received.as_ref();
        let chosen = match choose(rules, self.only, &metadata, received) {
            Ok(chosen) => chosen,
            Err(claim) => return claim,
        };
        if metadata.timestamp_ms == 0 {
            metadata.timestamp_ms = now.unix_ms;
        }
        let input = Input {
            log,
            received,
            metadata,
        };
        let frame = Frame::new(rules, input, now, scratch);
        let mut pass = Pass {
            frame: &frame,
            outcome,
            observer: self.observer,
        };
        let claimed = match chosen {
            Chosen::None => false,
            Chosen::Rule(rule, program) => pass.rule(rule, program, false),
            Chosen::OfLayer(route) => pass.route(route, false),
            Chosen::Automatic { first, then } => {
                pass.route(first, true) || then.is_some_and(|then| pass.route(then, false))
            }
        };
        if claimed {
            Claim::Claimed
        } else {
            Claim::Unclaimed
        }
    }
}

/// Rules for a log.
enum Chosen<'r> {
    None,
    Rule(RuleId, &'r Program),
    OfLayer(&'r Route),
    Automatic {
        first: &'r Route,
        /// Unless one of the first ones claims the log.
        then: Option<&'r Route>,
    },
}

fn choose<'r>(
    rules: &'r Rules,
    only: Option<RuleId>,
    metadata: &Metadata<'_>,
    received: Option<&Received<'_>>,
) -> Result<Chosen<'r>, Claim> {
    if let Some(rule) = only {
        let index = usize::try_from(rule.0).unwrap_or(usize::MAX);
        let program = rules.programs.get(index).filter(|it| it.accepts(received));
        return Ok(program.map_or(Chosen::None, |program| Chosen::Rule(rule, program)));
    }
    if metadata.service.is_empty() {
        return Err(Claim::WithoutService);
    }
    let routes = match received {
        None => &rules.logs,
        Some(_) => &rules.messages,
    };
    if metadata.layer.is_empty() {
        return Ok(Chosen::Automatic {
            first: &routes.automatic,
            then: routes.fallback(),
        });
    }
    let route = routes.layers.get(metadata.layer);
    let route = route.ok_or(Claim::UnknownLayer)?;
    // Most layers have no rules here.
    Ok(if route.rules.is_empty() {
        Chosen::None
    } else {
        Chosen::OfLayer(route)
    })
}

struct Pass<'f, 'a, L: ?Sized, O: ?Sized, V> {
    frame: &'f Frame<'a, L>,
    outcome: &'f mut O,
    observer: V,
}

impl<'a, L: Log + ?Sized, O: Outcome + ?Sized, V: Observer> Pass<'_, 'a, L, O, V> {
    /// Runs rules one after the other, and says whether any has claimed the log.
    fn route(&mut self, route: &'a Route, automatic: bool) -> bool {
        let rules: &'a Rules = self.frame.rules;
        // Who listens hears of every statement.
        let open = (!V::LISTENS).then(|| self.frame.open(route));
        let mut claimed = false;
        for (place, &index) in route.rules.iter().enumerate() {
            let rule = RuleId(u32::try_from(index).expect("rules have 32-bit ids"));
            let program = &rules.programs[index];
            if !program.accepts(self.frame.received) {
                continue;
            }
            let is_open = match open {
                Some(open) => Places::has(open, place) && !self.frame.turns_away(program),
                None => true,
            };
            if is_open {
                claimed |= self.rule(rule, program, automatic);
            } else {
                self.outcome.end(rule, End::Aborted { reason: None });
            }
        }
        claimed
    }

    fn rule(&mut self, rule: RuleId, program: &'a Program, automatic: bool) -> bool {
        Execution::new(self, rule, program, automatic).run()
    }
}

#[cfg(test)]
mod tests;
