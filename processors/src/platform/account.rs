//! What is told to the operator: which platforms there are, and where evidence contradicts itself.

use std::sync::atomic::{AtomicU64, Ordering};

use telemetry::{Counter, Metrics};

use super::config::{Config, Evidence};
use super::evidence::Contradiction;
use super::names::Platform;

/// At most one contradiction is written to the log in so many nanoseconds; all are counted.
const WARNING_INTERVAL_NANO: u64 = 60_000_000_000;
/// Characters of a stranger's text that are shown.
const SHOWN_CHARS_MAX: usize = 128;

const KINDS: usize = Evidence::ALL.len();

pub(super) struct Account {
    processor: String,
    /// Of the platforms that have a name of ours or a rule's.
    items: Vec<(String, Counter)>,
    items_of_others: Counter,
    items_of_none: Counter,
    respelled: Counter,
    /// By what has decided, then by what says otherwise.
    contradicting: [[Counter; KINDS]; KINDS],
    warned_unix_nano: AtomicU64,
}

impl Account {
    pub(super) fn new(processor: &str, config: &Config, metrics: &Metrics) -> Self {
        metrics.describe(
            "skyferry_platform_items_total",
            "items by the platform they come from; `none` where nothing tells it",
        );
        metrics.describe(
            "skyferry_platform_respelled_items_total",
            "items whose platform had another spelling than SkyWalking's rules know",
        );
        metrics.describe(
            "skyferry_platform_contradicting_items_total",
            "items of which two kinds of evidence tell different platforms",
        );
        let items = |platform: &str| {
            let labels = [("processor", processor), ("platform", platform)];
            metrics.counter("skyferry_platform_items_total", &labels)
        };
        let mut names = vec!["wechat", "alipay", "ios"];
        for rule in &config.rules {
            if !names.contains(&&*rule.platform) {
                names.push(&rule.platform);
            }
        }
        let contradicting = |decided_by: Evidence, against: Evidence| {
            let rank = |evidence| config.evidence.iter().position(|it| *it == evidence);
            match (rank(decided_by), rank(against)) {
                (Some(first), Some(second)) if first < second => {}
                _ => return Counter::noop(),
            }
            let labels = [
                ("processor", processor),
                ("decided_by", decided_by.name()),
                ("against", against.name()),
            ];
            metrics.counter("skyferry_platform_contradicting_items_total", &labels)
        };
        Account {
            processor: processor.to_owned(),
            items: names
                .into_iter()
                .map(|name| (name.to_owned(), items(name)))
                .collect(),
            items_of_others: items("other"),
            items_of_none: items("none"),
            respelled: metrics.counter(
                "skyferry_platform_respelled_items_total",
                &[("processor", processor)],
            ),
            contradicting: Evidence::ALL
                .map(|first| Evidence::ALL.map(|second| contradicting(first, second))),
            warned_unix_nano: AtomicU64::new(0),
        }
    }

    pub(super) fn decided(&self, platform: Option<Platform<'_>>, items: usize) {
        let counter = match platform {
            None => &self.items_of_none,
            Some(platform) => {
                let known = self.items.iter().find(|(name, _)| name == platform.name());
                known.map_or(&self.items_of_others, |(_, counter)| counter)
            }
        };
        counter.increment(items as u64);
    }

    pub(super) fn respelled(&self, items: usize) {
        self.respelled.increment(items as u64);
    }

    /// `service` is asked for only where the contradiction is logged.
    pub(super) fn contradicted<'a>(
        &self,
        contradiction: &Contradiction<'_>,
        items: usize,
        now_unix_nano: u64,
        service: impl Fn() -> &'a str,
    ) {
        let (decided_by, platform) = contradiction.decided_by;
        let (against, other) = contradiction.against;
        self.contradicting[decided_by as usize][against as usize].increment(items as u64);
        if !self.may_warn(now_unix_nano) {
            return;
        }
        tracing::warn!(
            component = format!("processors/{}", self.processor),
            service = shown(service()),
            platform = shown(platform.name()),
            decided_by = decided_by.name(),
            contradicting_platform = shown(other.name()),
            contradicting_evidence = against.name(),
            "evidence of the platform contradicts itself: see `skyferry_platform_contradicting_items_total`",
        );
    }

    fn may_warn(&self, now_unix_nano: u64) -> bool {
        let warned = self.warned_unix_nano.load(Ordering::Relaxed);
        if warned != 0 && now_unix_nano < warned.saturating_add(WARNING_INTERVAL_NANO) {
            return false;
        }
        // Of several at once one wins; the others are like it.
        let now = now_unix_nano.max(1);
        let swap = self.warned_unix_nano.compare_exchange(
            warned,
            now,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        swap.is_ok()
    }
}

/// A stranger's text, cut and escaped.
fn shown(text: &str) -> String {
    let cut: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    cut.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_contradiction_a_minute_is_logged() {
        let account = Account::new("platform", &Config::default(), &Metrics::new());
        let start = 1_795_219_200_000_000_000;
        let times = [0, 1, 59_999_999_999, 60_000_000_000, 60_000_000_001];
        let logged = times.map(|after| account.may_warn(start + after));
        assert_eq!(logged, [true, false, false, true, false]);
    }

    #[test]
    fn what_strangers_send_cannot_break_the_log() {
        assert_eq!(shown("a\nb"), "a\\nb");
        assert_eq!(shown(&"花".repeat(1000)).chars().count(), SHOWN_CHARS_MAX);
    }
}
