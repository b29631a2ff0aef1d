//! What the rules did with one log, and what that means for it.

use lal::{Claim, End, RuleId, Sample};

use super::account::RuleAccounts;
use super::config::{OnError, Policy, Unclaimed};
use super::samples::Samples;
use super::view::Shown;

/// What becomes of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Its records are there in its place.
    Replaced,
    /// It stays as it came.
    Keep,
    /// Nobody claims it, and it stays as it came.
    KeepUnclaimed,
    /// Nobody claims it: its layer is `GENERAL`.
    General,
    /// Nobody claims it, and it is gone.
    DropUnclaimed,
    /// It is gone; the rule that said so last.
    Drop(Option<RuleId>),
}

/// Collects what rules say beside their records.
pub(super) struct Course<'c, L: ?Sized> {
    pub(super) log: &'c L,
    pub(super) accounts: &'c RuleAccounts,
    pub(super) samples: &'c mut Samples,
    /// In milliseconds since the Unix epoch.
    pub(super) now_ms: i64,
    records: usize,
    has_failed: bool,
    /// The last rule that ended well and kept nothing.
    filter: Option<RuleId>,
    has_aborted: bool,
}

impl<'c, L: Shown + ?Sized> Course<'c, L> {
    pub(super) fn new(
        log: &'c L,
        accounts: &'c RuleAccounts,
        samples: &'c mut Samples,
        now_ms: i64,
    ) -> Self {
        Course {
            log,
            accounts,
            samples,
            now_ms,
            records: 0,
            has_failed: false,
            filter: None,
            has_aborted: false,
        }
    }

    pub(super) fn record(&mut self, rule: RuleId) {
        self.accounts.recorded(rule);
        self.records += 1;
    }

    pub(super) fn sample(&mut self, sample: &Sample<'_>) {
        self.samples.add(sample, self.now_ms);
    }

    pub(super) fn end(&mut self, rule: RuleId, end: End<'_>) {
        match end {
            End::Done { records: 0 } => self.filter = Some(rule),
            End::Done { .. } => {}
            End::WithoutLayer => {
                self.filter = Some(rule);
                self.accounts.without_layer(rule, self.log, self.now_ms);
            }
            End::Incomplete { missing } => {
                self.filter = Some(rule);
                self.accounts
                    .incomplete(rule, missing, self.log, self.now_ms);
            }
            // A rule whose parser has aborted often fails at what it would have parsed.
            End::Aborted { .. } | End::Failed { aborted: true, .. } => self.has_aborted = true,
            End::Failed { error, .. } => {
                self.has_failed = true;
                self.accounts.failed(rule, error, self.log, self.now_ms);
            }
        }
    }

    /// The end of it. Unclaimed is a log without a layer, and one that every rule for its layer has
    /// aborted; where no rule here is for its layer, those of the OAP behind decide.
    pub(super) fn verdict(self, claim: Claim, policy: Policy) -> Verdict {
        let has_layer = !self.log.metadata().layer.is_empty();
        let is_unclaimed = match claim {
            Claim::Claimed if self.records > 0 => return Verdict::Replaced,
            Claim::Claimed if self.has_failed && policy.on_error == OnError::Keep => {
                return Verdict::Keep;
            }
            Claim::Claimed => return Verdict::Drop(self.filter),
            Claim::Unclaimed => !has_layer || self.has_aborted,
            Claim::WithoutService => !has_layer,
            Claim::UnknownLayer => false,
        };
        match policy.unclaimed {
            _ if !is_unclaimed => Verdict::Keep,
            Unclaimed::Drop => Verdict::DropUnclaimed,
            Unclaimed::General if !has_layer => Verdict::General,
            Unclaimed::General | Unclaimed::Keep => Verdict::KeepUnclaimed,
        }
    }
}
