//! Rules that are for the same logs, and a quick way to those that a log can pass.
//!
//! Automatic rules see every log without a layer, and each of them turns away nearly all. Where they
//! start by comparing the same value with texts, the value is looked up once for all of them.

use std::collections::HashMap;

use super::gate::{Gate, Key, Subject, keys};
use super::program::Program;
use crate::check::inputs::Accepts;
use crate::load::{BUILT_IN, Loaded};
use crate::tree::Layer;

/// Logs of this layer, and those that no automatic rule claims.
const FALLBACK_LAYER: &str = "GENERAL";

/// Which rules an input meets.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(crate) automatic: Route,
    /// The rules of each layer that is known, also of those without rules.
    pub(crate) layers: HashMap<Box<str>, Route>,
}

impl Routes {
    /// Routes to the rules whose input `takes` names.
    pub(super) fn new(
        loaded: &Loaded,
        programs: &[Program],
        takes: impl Fn(Accepts) -> bool,
    ) -> Routes {
        let mut automatic = Vec::new();
        let known = BUILT_IN.iter().copied();
        let defined = loaded.layers.iter().map(|layer| &*layer.name.text);
        let names = known.chain(defined).map(Box::from);
        let mut layers: HashMap<Box<str>, Vec<usize>> =
            names.map(|name| (name, Vec::new())).collect();
        for (index, rule) in loaded.rules.iter().enumerate() {
            if !takes(programs[index].accepts) {
                continue;
            }
            match &rule.layer {
                Layer::Auto => automatic.push(index),
                // A rule of a layer that nobody knows never meets a log.
                Layer::Named(layer) => {
                    if let Some(rules) = layers.get_mut(&*layer.text) {
                        rules.push(index);
                    }
                }
            }
        }
        let route = |rules| Route::new(rules, programs);
        let layers = layers.into_iter();
        Routes {
            layers: layers.map(|(name, rules)| (name, route(rules))).collect(),
            automatic: route(automatic),
        }
    }

    /// Rules for what no automatic rule has claimed.
    pub(crate) fn fallback(&self) -> Option<&Route> {
        self.layers.get(FALLBACK_LAYER)
    }
}

/// Rules in their order, by index.
#[derive(Debug, Default)]
pub(crate) struct Route {
    pub(crate) rules: Vec<usize>,
    pub(crate) subjects: Vec<Table>,
    /// Rules that no table decides.
    pub(crate) undecided: Places,
    /// Rules with a table that read a JSON body first: if there is none, they say so.
    pub(crate) read_json: Places,
}

/// What rules want of one value.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) subject: Subject,
    whole: Group,
    /// By length, so that a text has one candidate for each.
    prefixes: Vec<(usize, Group)>,
    /// All rules of the table.
    pub(crate) all: Places,
    /// Those that call a method, which fails on null.
    pub(crate) calling: Places,
}

/// Texts in order, with the rules that want them.
type Group = Vec<(Box<str>, Places)>;

/// A set of places in a route.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Vec<u64>);

impl Places {
    const BITS: usize = 64;

    fn add(&mut self, place: usize) {
        let word = place / Self::BITS;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (place % Self::BITS);
    }

    /// Adds these places to a set of as many words as the route has.
    pub(crate) fn open(&self, words: &mut [u64]) {
        for (word, places) in words.iter_mut().zip(&self.0) {
            *word |= places;
        }
    }

    pub(crate) fn has(words: &[u64], place: usize) -> bool {
        let word = words.get(place / Self::BITS);
        word.is_some_and(|word| word >> (place % Self::BITS) & 1 == 1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Route {
    pub(super) fn new(rules: Vec<usize>, programs: &[Program]) -> Route {
        let mut route = Route::default();
        for (place, &rule) in rules.iter().enumerate() {
            route.place(place, &programs[rule]);
        }
        for table in &mut route.subjects {
            table.whole.sort_by(|one, other| one.0.cmp(&other.0));
            for (_, group) in &mut table.prefixes {
                group.sort_by(|one, other| one.0.cmp(&other.0));
            }
        }
        Route { rules, ..route }
    }

    /// Words of a set of all places.
    pub(crate) fn words(&self) -> usize {
        self.rules.len().div_ceil(Places::BITS)
    }

    fn place(&mut self, place: usize, program: &Program) {
        let Some((gate, (subject, keys))) = keyed(program) else {
            return self.undecided.add(place);
        };
        if gate.reads_json {
            self.read_json.add(place);
        }
        let found = self.subjects.iter().position(|it| it.subject == subject);
        let index = found.unwrap_or_else(|| {
            self.subjects.push(Table::new(subject));
            self.subjects.len() - 1
        });
        self.subjects[index].place(place, keys);
    }
}

fn keyed(program: &Program) -> Option<(Gate, (Subject, Vec<Key>))> {
    let gate = program.gate?;
    let keys = keys(gate.test(&program.filter)?, !gate.aborts)?;
    Some((gate, keys))
}

impl Table {
    fn new(subject: Subject) -> Table {
        Table {
            subject,
            whole: Vec::new(),
            prefixes: Vec::new(),
            all: Places::default(),
            calling: Places::default(),
        }
    }

    fn place(&mut self, place: usize, keys: Vec<Key>) {
        self.all.add(place);
        for key in keys {
            if key.calls {
                self.calling.add(place);
            }
            let text = key.text;
            let group = if key.is_prefix {
                self.prefixes_of(text.len())
            } else {
                &mut self.whole
            };
            match group.iter_mut().find(|it| it.0 == text) {
                Some((_, places)) => places.add(place),
                None => {
                    let mut places = Places::default();
                    places.add(place);
                    group.push((text, places));
                }
            }
        }
    }

    fn prefixes_of(&mut self, length: usize) -> &mut Group {
        let found = self.prefixes.iter().position(|it| it.0 == length);
        let index = found.unwrap_or_else(|| {
            self.prefixes.push((length, Vec::new()));
            self.prefixes.len() - 1
        });
        &mut self.prefixes[index].1
    }

    /// Opens the places of rules that want this text.
    pub(crate) fn open(&self, text: &str, words: &mut [u64]) {
        open(&self.whole, text, words);
        for (length, group) in &self.prefixes {
            if let Some(start) = text.get(..*length) {
                open(group, start, words);
            }
        }
    }
}

fn open(group: &[(Box<str>, Places)], text: &str, words: &mut [u64]) {
    if let Ok(at) = group.binary_search_by(|it| (*it.0).cmp(text)) {
        group[at].1.open(words);
    }
}
