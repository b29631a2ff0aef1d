//! Rules to programs: names become slots, casts conversions, and every rule finds its logs by layer.
//!
//! [`Rules::compile`] is total on what [`load`](crate::load) gives: what cannot be compiled is a
//! finding of the checks.

mod condition;
pub(crate) mod gate;
pub(crate) mod program;
pub(crate) mod route;
mod scope;
mod statement;
mod value;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::check::inputs::Accepts;
use crate::check::outputs::{self, OutputType};
use crate::load::{Compatibility, Loaded};
use crate::message::Class;
use crate::outcome::RuleId;
use crate::run::limits::Limits;
use crate::tree::Rule;
use gate::Gate;
use program::{Action, Program, Step};
use route::Routes;
use scope::{Keys, Scope};

/// Rules, compiled: they know no name any more, only slots. Shared between threads; the counters of
/// rate limits are inside.
#[derive(Debug)]
pub struct Rules {
    pub(crate) programs: Vec<Program>,
    pub(crate) compatibility: Compatibility,
    pub(crate) logs: Routes,
    pub(crate) messages: Routes,
    /// Keys of tags that any rule reads, by slot.
    pub(crate) tags: Vec<Box<str>>,
    pub(crate) source_attributes: Vec<Box<str>>,
    /// How many values of all rules are made JSON.
    pub(crate) documents: usize,
    /// How many regular expressions all rules match bodies against.
    pub(crate) patterns: usize,
    /// By rule, or one for all rules.
    pub(crate) limits: Vec<Limits>,
    /// No other rules have it: what a [`Scratch`](crate::Scratch) keeps is for these.
    pub(crate) generation: u64,
}

impl Rules {
    /// Compiles what was loaded; the findings stay with the caller. A rule's id is its index in
    /// [`Loaded::rules`].
    pub fn compile(loaded: Loaded) -> Rules {
        static GENERATION: AtomicU64 = AtomicU64::new(1);
        let mut keys = Keys::default();
        let compatibility = loaded.compatibility;
        let programs: Vec<_> = loaded
            .rules
            .iter()
            .map(|rule| program(rule, compatibility, &mut keys))
            .collect();
        let takes_logs = |it| matches!(it, Accepts::Anything | Accepts::Logs);
        let takes_messages = |it| matches!(it, Accepts::Anything | Accepts::Messages(_));
        let logs = Routes::new(&loaded, &programs, takes_logs);
        let messages = Routes::new(&loaded, &programs, takes_messages);
        // By OAP's documentation limits with the same id share one counter.
        let limits = match compatibility {
            Compatibility::Oap => programs.len(),
            Compatibility::Documented => 1,
        };
        Rules {
            programs,
            compatibility,
            logs,
            messages,
            tags: keys.tags,
            source_attributes: keys.source_attributes,
            documents: keys.documents,
            patterns: keys.patterns,
            limits: (0..limits).map(|_| Limits::default()).collect(),
            generation: GENERATION.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Every rule with its name, which is unique in its layer only.
    pub fn names(&self) -> impl Iterator<Item = (RuleId, &str)> {
        (0..)
            .map(RuleId)
            .zip(self.programs.iter().map(|it| &*it.name))
    }

    /// The counters that limits of this rule go by.
    pub(crate) fn limits(&self, rule: usize) -> &Limits {
        match self.compatibility {
            Compatibility::Oap => &self.limits[rule],
            Compatibility::Documented => &self.limits[0],
        }
    }
}

fn program(rule: &Rule, compatibility: Compatibility, keys: &mut Keys) -> Program {
    let accepts = Accepts::of(rule);
    let output = OutputType::of(rule).unwrap_or_default();
    let mut compiler = Compiler {
        rule,
        class: accepts.class(),
        compatibility,
        output,
        keys,
        scope: Scope::default(),
        variables: 0,
        groups: Vec::new(),
    };
    // A rule that meets no input needs no body.
    let statements = match accepts {
        Accepts::Nothing => &[][..],
        _ => &*rule.filter,
    };
    // Groups are known when all of the rule is: patterns are resolved last.
    let mut filter = compiler.steps(statements);
    resolve_groups(&mut filter, &compiler.groups);
    Program {
        name: rule.name.text.as_str().into(),
        accepts,
        keeps_entry: outputs::keeps_entry(rule),
        output,
        variables: compiler.variables,
        gate: Gate::of(&filter),
        filter,
    }
}

/// What compiling one rule needs to know.
struct Compiler<'a> {
    rule: &'a Rule,
    /// Of the message that is the input, if it is one.
    class: Option<Class>,
    compatibility: Compatibility,
    output: OutputType,
    keys: &'a mut Keys,
    scope: Scope,
    /// Most variables that are seen at once.
    variables: usize,
    groups: Vec<Box<str>>,
}

fn resolve_groups(steps: &mut [Step], names: &[Box<str>]) {
    for step in steps {
        match &mut step.action {
            Action::Match(it) => {
                let all: HashMap<_, _> = it
                    .regex
                    .capture_names()
                    .enumerate()
                    .filter_map(|(index, name)| Some((name?, index)))
                    .collect();
                let indices = names.iter().map(|name| all.get(&**name).copied());
                it.groups = indices.collect();
            }
            Action::Extractor(inner) | Action::Sink(inner) => resolve_groups(inner, names),
            Action::If {
                branches,
                otherwise,
            } => {
                for (_, body) in branches {
                    resolve_groups(body, names);
                }
                resolve_groups(otherwise, names);
            }
            _ => {}
        }
    }
}
