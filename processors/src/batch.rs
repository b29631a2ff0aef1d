//! `batch`: the collector's way to ask for larger requests.
//!
//! ```yaml
//! processors:
//!   batch: {send_batch_size: 8192, timeout: 200ms}
//! ```
//!
//! It is no stage here. A stage that batches answers its sender before anything is safe; here
//! batching happens in the queues of the exporters behind it, after the queue has taken
//! responsibility. An exporter's own `sending_queue.batch` wins over this.

use engine::component::{
    Absorbed, BuildContext, BuildError, Configured, Description, Processor, ProcessorFactory,
};
use engine::config::{Duration, Problems, Section};
use engine::exporter::{BatchSettings, Sizer};
use pdata::Signal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Registers the processor.
pub static FACTORY: &dyn ProcessorFactory = &Factory;

/// Reads `batch` processors.
struct Factory;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Send as soon as this many items wait; 0 sends at once.
    send_batch_size: usize,
    /// How long items wait for more; 0 sends at once.
    timeout: Duration,
    /// Never send more items than this in one request; 0 is no limit.
    send_batch_max_size: usize,
    /// Not supported: requests are never told apart by what their senders' headers say.
    metadata_keys: Vec<String>,
    /// Without effect, as there are no `metadata_keys`.
    metadata_cardinality_limit: Option<u32>,
}

impl Default for Config {
    fn default() -> Self {
        let settings = BatchSettings::default();
        Config {
            send_batch_size: settings.min_size,
            timeout: settings.flush_timeout.into(),
            send_batch_max_size: settings.max_size,
            metadata_keys: Vec::new(),
            metadata_cardinality_limit: None,
        }
    }
}

impl Config {
    fn check(&self, problems: &mut Problems) {
        problems
            .notice_at("", "batching happens in the exporters of its pipelines")
            .help("an exporter with `sending_queue.batch` keeps its own settings");
        if !self.metadata_keys.is_empty() {
            let text = "`metadata_keys` is not supported: requests are not told apart by headers";
            problems
                .at("metadata_keys", text)
                .help("leave it out, or give each kind of sender a receiver and pipeline");
        }
        if self.metadata_cardinality_limit.is_some() {
            let text = "`metadata_cardinality_limit` has no effect without `metadata_keys`";
            problems.notice_at("metadata_cardinality_limit", text);
        }
        let (min, max) = (self.send_batch_size, self.send_batch_max_size);
        if max > 0 && max < min {
            let text = format!("`send_batch_max_size` {max} is below `send_batch_size` {min}");
            problems
                .at("send_batch_max_size", text)
                .help("0 is no limit");
        }
    }

    /// Without a size to wait for there is nothing to wait for, so the time is zero then.
    fn settings(&self) -> BatchSettings {
        let default = BatchSettings::default();
        let (flush_timeout, min_size) = match self.send_batch_size {
            0 => (std::time::Duration::ZERO, default.min_size),
            size => (self.timeout.as_std(), size),
        };
        BatchSettings {
            flush_timeout,
            min_size,
            max_size: self.send_batch_max_size,
            sizer: Sizer::Items,
        }
    }
}

impl Configured for Factory {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        type_name: "batch",
        aliases: &[],
        signals: &Signal::ALL,
        summary: "Sets how the exporters of its pipelines batch",
    };

    fn check(config: &Config, problems: &mut Problems) {
        config.check(problems);
    }
}

impl ProcessorFactory for Factory {
    fn absorbed(&self, section: &Section) -> Option<Absorbed> {
        let config = section.read::<Config>().ok()?;
        Some(Absorbed::Batch(config.settings()))
    }

    fn build(&self, _: &Section, _: &mut BuildContext) -> Result<Processor, BuildError> {
        Err(BuildError::at("", "its settings cannot be read"))
    }
}

#[cfg(test)]
mod tests {
    use engine::config::read_text;

    use super::*;

    fn settings(text: &str) -> BatchSettings {
        let (config, _) = read_text::<Config>(text).expect("the text is valid");
        config.settings()
    }

    fn problems(text: &str) -> String {
        let (config, section) = read_text::<Config>(text).expect("the schema takes it");
        let mut problems = section.problems();
        config.check(&mut problems);
        problems.into_diagnostics().to_string()
    }

    #[test]
    fn says_nothing_else_than_the_exporters_default_when_empty() {
        assert_eq!(settings("{}"), BatchSettings::default());
    }

    #[test]
    fn takes_the_collectors_keys() {
        let text = "{send_batch_size: 100, send_batch_max_size: 200, timeout: 1s}";
        let expected = BatchSettings {
            flush_timeout: std::time::Duration::from_secs(1),
            min_size: 100,
            max_size: 200,
            sizer: Sizer::Items,
        };
        assert_eq!(settings(text), expected);
    }

    #[test]
    fn sends_at_once_without_a_size_to_wait_for() {
        let settings = settings("{send_batch_size: 0, timeout: 5s, send_batch_max_size: 10}");
        assert!(settings.flush_timeout.is_zero());
        assert_eq!(settings.max_size, 10);
        assert!(
            settings.min_size > 0,
            "no request would have room for an item"
        );
    }

    #[test]
    fn refuses_to_tell_requests_apart_by_headers() {
        let text = problems("{metadata_keys: [tenant], metadata_cardinality_limit: 5}");
        assert!(text.contains("`metadata_keys` is not supported"), "{text}");
        assert!(text.contains("1 error, 2 notices"), "{text}");
    }

    #[test]
    fn refuses_a_maximum_below_the_size_that_triggers() {
        let text = problems("{send_batch_size: 10, send_batch_max_size: 5}");
        assert!(text.contains("is below `send_batch_size` 10"), "{text}");
    }
}
