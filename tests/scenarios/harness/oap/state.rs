//! What a mock OAP remembers, and what it was told.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::HeaderMap;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::calls::{Call, Calls, Outcome};
use super::lints::{Lint, Rule};
use super::methods::Item;
use super::otlp::{self, Answer};
use super::{Failure, Habits};

/// A failure that calls of some path will meet.
struct Scripted {
    path: &'static str,
    times: usize,
    failure: Failure,
}

pub(super) struct State {
    pub(super) habits: Habits,
    pub(super) calls: watch::Sender<Calls>,
    script: Mutex<Vec<Scripted>>,
    answers: Mutex<BTreeMap<&'static str, Bytes>>,
}

/// What becomes of a call after one of its items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Well,
    /// The call ends with the failure that a real OAP answers.
    Invalid,
    Failed,
    /// No answer ever comes.
    Forgotten,
}

impl State {
    pub(super) fn new(habits: Habits) -> State {
        State {
            habits,
            calls: watch::Sender::default(),
            script: Mutex::default(),
            answers: Mutex::default(),
        }
    }

    pub(super) fn fail(&self, path: &'static str, times: usize, failure: Failure) {
        self.script.lock().push(Scripted {
            path,
            times,
            failure,
        });
    }

    pub(super) fn heal(&self) {
        self.script.lock().clear();
    }

    /// The failure that a call of this path meets.
    pub(super) fn failure(&self, path: &str) -> Option<Failure> {
        let mut script = self.script.lock();
        let fits = |it: &Scripted| it.times > 0 && path.contains(it.path);
        let scripted = script.iter_mut().find(|it| fits(it))?;
        scripted.times -= 1;
        Some(scripted.failure)
    }

    pub(super) fn answer(&self, path: &'static str, message: Bytes) {
        self.answers.lock().insert(path, message);
    }

    /// The message that answers a call of this path.
    pub(super) fn answer_to(&self, path: &str) -> Bytes {
        self.answers.lock().get(path).cloned().unwrap_or_default()
    }

    /// Notes that a call began; gives its number.
    pub(super) fn open(&self, path: &str, metadata: HeaderMap) -> usize {
        let call = Call {
            path: path.to_owned(),
            metadata,
            items: Vec::new(),
            lints: Vec::new(),
            outcome: Outcome::Open,
        };
        let mut number = 0;
        self.calls.send_modify(|calls| {
            number = calls.0.len();
            calls.0.push(call);
        });
        number
    }

    pub(super) fn close(&self, call: usize, outcome: Outcome) {
        self.calls
            .send_modify(|calls| calls.0[call].outcome = outcome);
    }

    /// Takes an item as a real OAP does.
    pub(super) fn take(&self, call: usize, item: Item) -> Taken {
        let (item, lints, taken) = self.judge(item);
        self.calls.send_modify(|calls| {
            calls.0[call].items.extend(item);
            calls.0[call].lints.extend(lints);
        });
        taken
    }

    /// Notes a message that cannot be read.
    pub(super) fn complain(&self, call: usize, what: String) {
        let rule = Rule::Readable;
        self.calls
            .send_modify(|calls| calls.0[call].lints.push(Lint { rule, what }));
    }

    fn judge(&self, item: Item) -> (Option<Item>, Vec<Lint>, Taken) {
        match item {
            Item::Event(event) if event.layer.is_empty() => {
                let rule = Rule::EventHasLayer;
                let what = format!("the event `{}`", event.uuid);
                (None, vec![Lint { rule, what }], Taken::Invalid)
            }
            Item::Otlp(export) => {
                let rule = Rule::Otlp;
                let faults = otlp::faults(&export).into_iter();
                let lints = faults.map(|what| Lint { rule, what }).collect();
                let Habits {
                    generation,
                    has_zipkin,
                    ..
                } = self.habits;
                let verdict = otlp::judge(export, generation, has_zipkin);
                let taken = match verdict.answer {
                    Answer::Ok => Taken::Well,
                    Answer::Failed => Taken::Failed,
                    Answer::Never => Taken::Forgotten,
                };
                (verdict.stored.map(Item::Otlp), lints, taken)
            }
            item => (Some(item), Vec::new(), Taken::Well),
        }
    }
}
