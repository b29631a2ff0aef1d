//! What is told to the operator: how rules fared, and one example of what went wrong.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use lal::{RuleId, Rules};
use telemetry::{Counter, Gauge, Metrics};

use super::view::Shown;

/// At most one failure of a rule is written to the log in so many milliseconds; all are counted.
const EXAMPLE_INTERVAL_MS: i64 = 60_000;
/// Characters of a stranger's text that are shown.
const SHOWN_CHARS_MAX: usize = 128;

const RECORDS: &str = "skyferry_lal_records_total";
const FILTERED: &str = "skyferry_lal_filtered_logs_total";
const FAILURES: &str = "skyferry_lal_failures_total";
const UNCLAIMED: &str = "skyferry_lal_unclaimed_logs_total";
const LEFT_ALONE: &str = "skyferry_lal_left_alone_logs_total";
const RELOADS: &str = "skyferry_lal_reloads_total";
const STALE: &str = "skyferry_lal_rules_stale";

/// What one processor tells, whichever rules it has.
pub(super) struct Account {
    processor: String,
    metrics: Metrics,
    unclaimed: Counter,
    has_warned_of_unclaimed: AtomicBool,
    left_alone: Counter,
    reloads: Counter,
    refused_reloads: Counter,
    stale: Gauge,
}

impl Account {
    pub(super) fn new(processor: &str, metrics: &Metrics) -> Self {
        for (name, help) in [
            (RECORDS, "logs that a rule has made of logs"),
            (
                FILTERED,
                "logs that are gone because a rule says so; the last one to say so",
            ),
            (FAILURES, "logs on which a rule has failed"),
            (
                UNCLAIMED,
                "logs that no rule claims: without a layer, or aborted by every rule for their layer",
            ),
            (
                LEFT_ALONE,
                "logs that would need one resource too many for a request, and stay as they are",
            ),
            (RELOADS, "changes of the rule files by what became of them"),
            (
                STALE,
                "1 while the rule files cannot be loaded and older rules are at work",
            ),
        ] {
            metrics.describe(name, help);
        }
        let labels = [("processor", processor)];
        let reloads = |result| metrics.counter(RELOADS, &[labels[0], ("result", result)]);
        Account {
            unclaimed: metrics.counter(UNCLAIMED, &labels),
            has_warned_of_unclaimed: AtomicBool::new(false),
            left_alone: metrics.counter(LEFT_ALONE, &labels),
            reloads: reloads("loaded"),
            refused_reloads: reloads("refused"),
            stale: metrics.gauge(STALE, &labels),
            processor: processor.to_owned(),
            metrics: metrics.clone(),
        }
    }

    /// As in the log: `processors/lal`.
    pub(super) fn component(&self) -> String {
        format!("processors/{}", self.processor)
    }

    /// The accounts of these rules.
    pub(super) fn of_rules(&self, rules: &Rules) -> RuleAccounts {
        let accounts = rules.names().map(|(_, name)| {
            let labels = [("processor", &*self.processor), ("rule", name)];
            RuleAccount {
                name: name.to_owned(),
                records: self.metrics.counter(RECORDS, &labels),
                filtered: self.metrics.counter(FILTERED, &labels),
                failures: self.metrics.counter(FAILURES, &labels),
                shown_unix_ms: AtomicI64::new(0),
            }
        });
        RuleAccounts {
            component: self.component(),
            accounts: accounts.collect(),
        }
    }

    /// Counts a log that no rule claims, and shows the first.
    pub(super) fn unclaimed(&self, log: &(impl Shown + ?Sized), becomes: &'static str) {
        self.unclaimed.increment(1);
        if self.has_warned_of_unclaimed.swap(true, Ordering::Relaxed) {
            return;
        }
        tracing::warn!(
            component = self.component(),
            service = shown(log.metadata().service),
            tags = shown(&log.tag_keys().join(", ")),
            becomes,
            "no rule claims this log: see `skyferry_lal_unclaimed_logs_total`",
        );
    }

    pub(super) fn left_alone(&self) {
        self.left_alone.increment(1);
    }

    pub(super) fn reloaded(&self) {
        self.reloads.increment(1);
        self.stale.set(0.0);
    }

    pub(super) fn refused_reload(&self) {
        self.refused_reloads.increment(1);
        self.stale.set(1.0);
    }
}

/// How each of the rules fares; as many as there are rules.
pub(super) struct RuleAccounts {
    component: String,
    accounts: Vec<RuleAccount>,
}

struct RuleAccount {
    name: String,
    records: Counter,
    filtered: Counter,
    failures: Counter,
    shown_unix_ms: AtomicI64,
}

impl RuleAccounts {
    fn of(&self, rule: RuleId) -> Option<&RuleAccount> {
        self.accounts.get(usize::try_from(rule.0).ok()?)
    }

    pub(super) fn recorded(&self, rule: RuleId) {
        if let Some(account) = self.of(rule) {
            account.records.increment(1);
        }
    }

    pub(super) fn filtered(&self, rule: RuleId) {
        if let Some(account) = self.of(rule) {
            account.filtered.increment(1);
        }
    }

    /// Counts, and shows an example now and then.
    pub(super) fn failed(
        &self,
        rule: RuleId,
        error: &str,
        log: &(impl Shown + ?Sized),
        now_ms: i64,
    ) {
        let Some(account) = self.of(rule) else { return };
        account.failures.increment(1);
        if !account.may_show(now_ms) {
            return;
        }
        tracing::warn!(
            component = self.component,
            rule = account.name,
            error = shown(error),
            service = shown(log.metadata().service),
            tags = shown(&log.tag_keys().join(", ")),
            "the rule fails on this log: see `skyferry_lal_failures_total`",
        );
    }

    /// An automatic rule that claims a log and sets no layer is mostly a mistake.
    pub(super) fn without_layer(&self, rule: RuleId, log: &(impl Shown + ?Sized), now_ms: i64) {
        let Some(account) = self.of(rule) else { return };
        if account.may_show(now_ms) {
            tracing::warn!(
                component = self.component,
                rule = account.name,
                service = shown(log.metadata().service),
                "the automatic rule sets no layer, so its record is not kept: set one, or `abort`",
            );
        }
    }

    /// OAP drops what it cannot store in silence.
    pub(super) fn incomplete(
        &self,
        rule: RuleId,
        missing: &str,
        log: &(impl Shown + ?Sized),
        now_ms: i64,
    ) {
        let Some(account) = self.of(rule) else { return };
        if account.may_show(now_ms) {
            tracing::warn!(
                component = self.component,
                rule = account.name,
                missing,
                service = shown(log.metadata().service),
                "what the rule makes of this log lacks a field, so it is not kept, as in OAP",
            );
        }
    }
}

impl RuleAccount {
    fn may_show(&self, now_ms: i64) -> bool {
        let shown = self.shown_unix_ms.load(Ordering::Relaxed);
        if shown != 0 && now_ms < shown.saturating_add(EXAMPLE_INTERVAL_MS) {
            return false;
        }
        // Of several at once one wins; the others are like it.
        let order = Ordering::Relaxed;
        let swap = self
            .shown_unix_ms
            .compare_exchange(shown, now_ms.max(1), order, order);
        swap.is_ok()
    }
}

/// A stranger's text, cut and escaped.
fn shown(text: &str) -> String {
    let cut: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    cut.escape_debug().to_string()
}
