//! `memory_limiter`: the collector's way to bound memory.
//!
//! ```yaml
//! processors:
//!   memory_limiter: {check_interval: 1s, limit_mib: 512, spike_limit_mib: 128}
//! ```
//!
//! It is no stage here. The collector measures its heap now and then and refuses what it has
//! already read; here the limit, less the spike, is the byte budget from which every body takes
//! its room before it is read.

use engine::component::{
    Absorbed, BuildContext, BuildError, Configured, Description, Processor, ProcessorFactory,
};
use engine::config::{Duration, Problems, Section};
use pdata::Signal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Registers the processor.
pub static FACTORY: &dyn ProcessorFactory = &Factory;

/// Reads `memory_limiter` processors.
struct Factory;

/// The part of the limit that is kept free where no spike is set: a fifth, as in the collector.
const SPIKE_DIVISOR_DEFAULT: u64 = 5;

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// The memory the process may take, in MiB.
    limit_mib: u64,
    /// The part of it that is kept free for bursts, in MiB; 0 is a fifth.
    spike_limit_mib: u64,
    /// Not supported: `limit_mib` says the same on every machine.
    limit_percentage: u32,
    /// Not supported: see `limit_percentage`.
    spike_limit_percentage: u32,
    /// Without effect: memory is counted when it is taken.
    check_interval: Option<Duration>,
    /// Without effect: there is no garbage to collect.
    min_gc_interval_when_soft_limited: Option<Duration>,
    /// Without effect: there is no garbage to collect.
    min_gc_interval_when_hard_limited: Option<Duration>,
    /// Without effect: there is no garbage to collect.
    max_gc_interval_when_soft_limited: Option<Duration>,
    /// Without effect: there is no garbage to collect.
    max_gc_interval_when_hard_limited: Option<Duration>,
}

impl Config {
    fn check(&self, problems: &mut Problems) {
        problems.notice_at(
            "",
            "its limit less its spike is the budget of all receivers",
        );
        for (key, percentage) in [
            ("limit_percentage", self.limit_percentage),
            ("spike_limit_percentage", self.spike_limit_percentage),
        ] {
            if percentage > 0 {
                let counterpart = key.replace("percentage", "mib");
                problems
                    .at(key, format!("`{key}` is not supported"))
                    .help(format!("use `{counterpart}`"));
            }
        }
        if self.limit_mib == 0 && self.limit_percentage == 0 {
            problems
                .at("limit_mib", "`limit_mib` is missing")
                .help("write the memory the process may take, as in `limit_mib: 512`");
        }
        if self.limit_mib > 0 && self.budget().is_none() {
            let (limit, spike) = (self.limit_mib, self.spike_limit_mib);
            let text = format!("`limit_mib` {limit} less `spike_limit_mib` {spike} is no budget");
            problems
                .at("spike_limit_mib", text)
                .help("the spike must be below the limit");
        }
        let without_effect = [
            ("check_interval", self.check_interval),
            (
                "min_gc_interval_when_soft_limited",
                self.min_gc_interval_when_soft_limited,
            ),
            (
                "min_gc_interval_when_hard_limited",
                self.min_gc_interval_when_hard_limited,
            ),
            (
                "max_gc_interval_when_soft_limited",
                self.max_gc_interval_when_soft_limited,
            ),
            (
                "max_gc_interval_when_hard_limited",
                self.max_gc_interval_when_hard_limited,
            ),
        ];
        for (key, value) in without_effect {
            if value.is_some() {
                let text = format!("`{key}` has no effect: memory is counted when it is taken");
                problems.notice_at(key, text);
            }
        }
    }

    /// Bytes of the process's budget; `None` if nothing is left, or more than can be addressed.
    fn budget(&self) -> Option<usize> {
        let limit = self.limit_mib.checked_mul(1 << 20)?;
        let spike = match self.spike_limit_mib {
            0 => limit / SPIKE_DIVISOR_DEFAULT,
            mebibytes => mebibytes.checked_mul(1 << 20)?,
        };
        let budget = limit.checked_sub(spike).filter(|budget| *budget > 0)?;
        usize::try_from(budget).ok()
    }
}

impl Configured for Factory {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        type_name: "memory_limiter",
        aliases: &[],
        signals: &Signal::ALL,
        summary: "Sets the memory budget of the process",
    };

    fn check(config: &Config, problems: &mut Problems) {
        config.check(problems);
    }
}

impl ProcessorFactory for Factory {
    fn absorbed(&self, section: &Section) -> Option<Absorbed> {
        let config = section.read::<Config>().ok()?;
        config.budget().map(Absorbed::Budget)
    }

    fn build(&self, _: &Section, _: &mut BuildContext) -> Result<Processor, BuildError> {
        Err(BuildError::at("", "it sets no budget"))
    }
}

#[cfg(test)]
mod tests {
    use engine::config::read_text;

    use super::*;

    const MIB: usize = 1 << 20;

    fn read(text: &str) -> (Config, String) {
        let (config, section) = read_text::<Config>(text).expect("the schema takes it");
        let mut problems = section.problems();
        config.check(&mut problems);
        (config, problems.into_diagnostics().to_string())
    }

    #[test]
    fn the_budget_is_the_limit_less_the_spike() {
        let (config, text) = read("{check_interval: 1s, limit_mib: 512, spike_limit_mib: 128}");
        assert_eq!(config.budget(), Some(384 * MIB));
        assert!(text.ends_with("2 notices\n"), "{text}");
    }

    #[test]
    fn a_fifth_is_kept_free_where_no_spike_is_set() {
        assert_eq!(read("{limit_mib: 100}").0.budget(), Some(80 * MIB));
    }

    #[test]
    fn points_from_percentages_to_the_key_in_mebibytes() {
        let (_, text) = read("{limit_percentage: 80, spike_limit_percentage: 20}");
        assert!(text.contains("= help: use `limit_mib`"), "{text}");
        assert!(text.contains("= help: use `spike_limit_mib`"), "{text}");
        assert!(text.contains("2 errors"), "{text}");
    }

    #[test]
    fn refuses_limits_that_leave_nothing() {
        for text in [
            "{}",
            "{limit_mib: 10, spike_limit_mib: 10}",
            "{limit_mib: 10, spike_limit_mib: 11}",
            "{limit_mib: 18446744073709551615}",
        ] {
            let (config, problems) = read(text);
            assert_eq!(config.budget(), None, "{text}");
            assert!(problems.contains("1 error"), "{text}: {problems}");
        }
    }
}
