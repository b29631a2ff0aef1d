//! A plugin at work without a host.
#![allow(
    clippy::disallowed_types,
    reason = "this crate depends on nothing, and so has the standard library's mutex only"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::output::Sink;
use crate::processor::Services;
use crate::{Error, Host, Kind, Level, Output, Processor};

/// A plugin, what it is shown, and what it says.
pub struct Bench<P> {
    processor: P,
    noted: Noted,
}

/// What became of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processed {
    /// What goes on in the place of the message: it itself if nothing was said about it, nothing if it was
    /// dropped.
    pub messages: Vec<Vec<u8>>,
    /// Of other signals.
    pub derived: Vec<(Kind, Vec<u8>)>,
    /// Whether the message goes on as it is.
    pub is_unchanged: bool,
}

impl<P: Processor> Bench<P> {
    /// Makes a plugin from its configuration, as JSON. The schema is not looked at.
    pub fn new(config: &str) -> Result<Self, String> {
        let noted = Noted::default();
        let processor = P::create(config, Host::new(noted.clone()))?;
        Ok(Bench { processor, noted })
    }

    /// Shows it a message. An error is what the plugin returns, or where it breaks the contract.
    pub fn process(&self, kind: Kind, message: &[u8]) -> Result<Processed, Error> {
        let mut emitted = Emitted::default();
        let mut output = Output::new(&mut emitted);
        self.processor.process(kind, message, &mut output)?;
        let is_unchanged = !output.is_replaced();
        let (own, derived): (Vec<_>, Vec<_>) = emitted
            .messages
            .into_iter()
            .partition(|(emitted, _)| emitted.signal() == kind.signal());
        if is_unchanged && !own.is_empty() {
            return broken("it emits what it processes without replacing it");
        }
        if own.iter().any(|(emitted, _)| *emitted != kind) {
            return broken("it replaces a message by one of another kind");
        }
        self.check_derived(&derived)?;
        let messages = match is_unchanged {
            true => vec![message.to_vec()],
            false => own.into_iter().map(|(_, message)| message).collect(),
        };
        Ok(Processed {
            messages,
            derived,
            is_unchanged,
        })
    }

    /// Asks for what it has gathered.
    pub fn flush(&self) -> Result<Vec<(Kind, Vec<u8>)>, Error> {
        let mut emitted = Emitted::default();
        self.processor.flush(&mut Output::new(&mut emitted))?;
        self.check_derived(&emitted.messages)?;
        Ok(emitted.messages)
    }

    fn check_derived(&self, derived: &[(Kind, Vec<u8>)]) -> Result<(), Error> {
        let allowed = P::DESCRIPTION.emits;
        match derived
            .iter()
            .find(|(kind, _)| !allowed.contains(&kind.signal()))
        {
            Some((kind, _)) => broken(&format!(
                "it emits {:?}, which its description does not name",
                kind.signal()
            )),
            None => Ok(()),
        }
    }

    /// Lines it has logged.
    pub fn logged(&self) -> Vec<(Level, String)> {
        self.noted.lock().lines.clone()
    }

    /// What a counter of its own is at.
    pub fn counter(&self, name: &str) -> u64 {
        let counters = &self.noted.lock().counters;
        counters.get(name).copied().unwrap_or_default()
    }

    /// What a gauge of its own was set to last.
    pub fn gauge(&self, name: &str) -> Option<f64> {
        self.noted.lock().gauges.get(name).copied()
    }

    /// What it has recorded in a histogram of its own.
    pub fn histogram(&self, name: &str) -> Vec<f64> {
        let histograms = &self.noted.lock().histograms;
        histograms.get(name).cloned().unwrap_or_default()
    }

    /// Sets its clock, which stands still, and at 0 before.
    pub fn set_now_unix_nano(&self, now: u64) {
        self.noted.lock().now_unix_nano = now;
    }
}

fn broken<T>(what: &str) -> Result<T, Error> {
    Err(Error::Failed(format!("it broke the contract: {what}")))
}

#[derive(Default)]
struct Emitted {
    messages: Vec<(Kind, Vec<u8>)>,
}

impl Sink for Emitted {
    fn emit(&mut self, kind: Kind, message: Vec<u8>) {
        self.messages.push((kind, message));
    }
}

#[derive(Default)]
struct Notes {
    lines: Vec<(Level, String)>,
    counters: BTreeMap<String, u64>,
    gauges: BTreeMap<String, f64>,
    histograms: BTreeMap<String, Vec<f64>>,
    now_unix_nano: u64,
}

#[derive(Clone, Default)]
struct Noted(Arc<Mutex<Notes>>);

impl Noted {
    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Services for Noted {
    fn log(&self, level: Level, text: &str) {
        self.lock().lines.push((level, text.to_owned()));
    }

    fn counter(&self, name: &str, add: u64) {
        *self.lock().counters.entry(name.to_owned()).or_default() += add;
    }

    fn gauge(&self, name: &str, value: f64) {
        self.lock().gauges.insert(name.to_owned(), value);
    }

    fn histogram(&self, name: &str, value: f64) {
        let mut noted = self.lock();
        noted
            .histograms
            .entry(name.to_owned())
            .or_default()
            .push(value);
    }

    fn now_unix_nano(&self) -> u64 {
        self.lock().now_unix_nano
    }
}
