//! What became of the messages.

use std::fmt;
use std::time::Duration;

use plugin::Signal;

use crate::columns::{Align, table};
use crate::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Unchanged,
    Changed,
    Dropped,
    Refused,
}

#[derive(Debug, Default)]
pub(super) struct Totals {
    by_signal: [Counts; 3],
    /// Messages of other signals.
    pub(super) derived: u64,
    pub(super) failed: u64,
    /// Messages that the plugin does not process.
    pub(super) not_for_it: u64,
    /// Records that could not be read.
    pub(super) damaged: u64,
    calls: u32,
    took: Duration,
    longest: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    unchanged: u64,
    changed: u64,
    dropped: u64,
    refused: u64,
}

const SIGNALS: [(Signal, &str); 3] = [
    (Signal::Traces, "traces"),
    (Signal::Metrics, "metrics"),
    (Signal::Logs, "logs"),
];

impl Totals {
    pub(super) fn add(&mut self, signal: Signal, outcome: Outcome) {
        let counts = &mut self.by_signal[signal as usize];
        match outcome {
            Outcome::Unchanged => counts.unchanged += 1,
            Outcome::Changed => counts.changed += 1,
            Outcome::Dropped => counts.dropped += 1,
            Outcome::Refused => counts.refused += 1,
        }
    }

    pub(super) fn took(&mut self, time: Duration) {
        self.calls += 1;
        self.took += time;
        self.longest = self.longest.max(time);
    }

    /// Refusing is the plugin's right; failing is not.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        match (self.failed, self.damaged) {
            (0, 0) => Ok(()),
            (0, damaged) => Err(Failure::Different(format!(
                "{damaged} records could not be read"
            ))),
            (failed, _) => Err(Failure::Different(format!("{failed} calls failed"))),
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headings = [
            ("messages", Align::Left),
            ("unchanged", Align::Right),
            ("changed", Align::Right),
            ("dropped", Align::Right),
            ("refused", Align::Right),
        ];
        let rows: Vec<_> = SIGNALS
            .iter()
            .map(|(signal, name)| {
                let counts = &self.by_signal[*signal as usize];
                [
                    (*name).to_owned(),
                    counts.unchanged.to_string(),
                    counts.changed.to_string(),
                    counts.dropped.to_string(),
                    counts.refused.to_string(),
                ]
            })
            .collect();
        f.write_str(&table(headings, &rows))?;
        writeln!(
            f,
            "{} derived, {} failed, {} not for it",
            self.derived, self.failed, self.not_for_it
        )?;
        let mean = self.took.checked_div(self.calls).unwrap_or_default();
        writeln!(
            f,
            "{} calls, mean {mean:.1?}, longest {:.1?}",
            self.calls, self.longest
        )
    }
}
