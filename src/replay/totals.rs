//! What became of the records of a replay.

use std::fmt;

use pdata::Signal;

use super::destination::Outcome;
use crate::columns::{Align, table};

/// By signal, in requests and items.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    signals: [Total; Signal::ALL.len()],
    /// Records that could not be read.
    pub(super) damaged: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Total {
    requests: u64,
    delivered: u64,
    refused: u64,
}

impl Totals {
    pub(super) fn add(&mut self, signal: Signal, outcome: &Outcome) {
        let total = &mut self.signals[signal as usize];
        total.requests += 1;
        total.delivered += outcome.delivered as u64;
        total.refused += outcome.refused as u64;
    }

    /// Whether all that the files hold was delivered.
    pub(super) fn is_complete(&self) -> bool {
        self.damaged == 0 && self.signals.iter().all(|total| total.refused == 0)
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headings = [
            ("signal", Align::Left),
            ("requests", Align::Right),
            ("delivered", Align::Right),
            ("refused", Align::Right),
        ];
        let rows = Signal::ALL.map(|signal| {
            let total = self.signals[signal as usize];
            [
                signal.to_string(),
                total.requests.to_string(),
                total.delivered.to_string(),
                total.refused.to_string(),
            ]
        });
        f.write_str(&table(headings, &rows))?;
        if self.damaged > 0 {
            writeln!(f, "{} damaged records were skipped", self.damaged)?;
        }
        Ok(())
    }
}
