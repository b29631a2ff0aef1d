//! One batch through the rules.

use lal::{Now, Rules, Scratch};
use pdata::skywalking::Kind;
use pdata::{Batch, Chunk};

use super::account::{Account, RuleAccounts};
use super::config::Policy;
use super::course::Verdict;
use super::view::Shown;
use super::{native, otlp};

/// Rules with what is told of them.
pub(super) struct Ruleset {
    pub(super) rules: Rules,
    pub(super) accounts: RuleAccounts,
}

/// What the logs of one batch have in common.
pub(super) struct Pass<'p> {
    pub(super) ruleset: &'p Ruleset,
    pub(super) policy: Policy,
    pub(super) account: &'p Account,
    pub(super) now: Now,
    pub(super) scratch: Scratch,
    /// Of metrics: what was measured.
    pub(super) derived: Vec<Chunk>,
}

impl Pass<'_> {
    /// The batch as the rules leave it, and the metrics that they made of it.
    pub(super) fn run(mut self, mut batch: Batch) -> (Batch, Vec<Chunk>) {
        let chunks = std::mem::take(batch.chunks_mut());
        let mut left = Vec::with_capacity(chunks.len());
        let mut natives = native::Senders::default();
        for chunk in chunks {
            match chunk {
                Chunk::Otlp(chunk) => otlp::run(&mut self, chunk, &mut left),
                Chunk::Native(chunk) if chunk.kind() == Kind::Log => {
                    native::run(&mut self, chunk, &mut natives, &mut left);
                }
                chunk => left.push(chunk),
            }
        }
        self.derived.extend(natives.into_chunks());
        *batch.chunks_mut() = left;
        (batch, self.derived)
    }

    /// Counts what became of a log.
    pub(super) fn tell(&self, log: &impl Shown, verdict: Verdict) {
        match verdict {
            Verdict::KeepUnclaimed => self.account.unclaimed(log, "kept as it is"),
            Verdict::General => self.account.unclaimed(log, "a log of the layer `GENERAL`"),
            Verdict::DropUnclaimed => self.account.unclaimed(log, "dropped"),
            Verdict::Drop(Some(rule)) => self.ruleset.accounts.filtered(rule),
            Verdict::Drop(None) | Verdict::Keep | Verdict::Replaced => {}
        }
    }
}
