//! What an operator may say.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time;

use engine::config::{ByteSize, Duration, Problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    /// The shared library or the WebAssembly module.
    pub(super) path: PathBuf,
    /// What the plugin is configured with; its own schema says what this may be.
    pub(super) config: serde_json::Value,
    /// What becomes of a batch on which the plugin fails.
    pub(super) on_failure: OnFailure,
    /// How long a batch may be in the plugin, and how long it may wait for its turn.
    pub(super) timeout: Duration,
    /// The SHA-256 of the file in 64 hexadecimal digits; any other file is not loaded.
    pub(super) sha256: Option<String>,
    /// After so many failures in a row the plugin is left alone, but for a batch every 30 seconds.
    pub(super) max_failures: u32,
    /// How often it is asked for what it has gathered for other signals.
    pub(super) flush_interval: Duration,
    /// Threads of a plugin that works on several batches at once; one for each core without it.
    pub(super) threads: Option<NonZeroUsize>,
    /// What a WebAssembly module may use.
    pub(super) wasm: Wasm,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnFailure {
    /// The sender is told to come back; nothing passes unprocessed.
    #[default]
    Refuse,
    /// The batch passes as it is.
    Bypass,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wasm {
    /// Memory of one instance.
    pub(super) memory: ByteSize,
    /// Instructions of one call, about.
    pub(super) fuel: u64,
    /// Instances for each pipeline that work at once, if the plugin says `parallel`; as many as threads
    /// without it.
    pub(super) instances: Option<NonZeroUsize>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            path: PathBuf::new(),
            config: serde_json::Value::Null,
            on_failure: OnFailure::Refuse,
            timeout: time::Duration::from_secs(5).into(),
            sha256: None,
            max_failures: 5,
            flush_interval: time::Duration::from_secs(10).into(),
            threads: None,
            wasm: Wasm::default(),
        }
    }
}

impl Default for Wasm {
    fn default() -> Self {
        Wasm {
            memory: ByteSize::from_mib(64),
            fuel: 10_000_000_000,
            instances: None,
        }
    }
}

const TIMEOUT_MIN: time::Duration = time::Duration::from_millis(10);
const TIMEOUT_MAX: time::Duration = time::Duration::from_mins(1);
const FLUSH_INTERVAL_MIN: time::Duration = time::Duration::from_millis(100);
const SHA256_DIGITS: usize = 64;
const THREADS_MAX: usize = 256;

impl Config {
    /// When a sender that was refused is to come back.
    pub(super) fn retry_after(&self) -> time::Duration {
        self.timeout.as_std().min(time::Duration::from_secs(1))
    }

    /// Calls that a plugin may work on at once.
    pub(super) fn width(&self, is_parallel: bool) -> usize {
        match (is_parallel, self.threads) {
            (false, _) => 1,
            (true, Some(threads)) => threads.get(),
            (true, None) => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        }
    }

    pub(super) fn limits(&self, width: usize) -> plugin::Limits {
        plugin::Limits {
            memory: usize::try_from(self.wasm.memory.bytes()).unwrap_or(usize::MAX),
            fuel: self.wasm.fuel,
            instances: self
                .wasm
                .instances
                .map_or(width, NonZeroUsize::get)
                .min(width),
        }
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        if self.path.as_os_str().is_empty() {
            problems
                .at("path", "`path` is missing, so there is no plugin to run")
                .help("write `path: plugins/libredact.so`");
        }
        let timeout = self.timeout.as_std();
        if !(TIMEOUT_MIN..=TIMEOUT_MAX).contains(&timeout) {
            let text = format!("`timeout` {} is too short or too long", self.timeout);
            problems
                .at("timeout", text)
                .help("write a time from `10ms` to `1m`");
        }
        if self.flush_interval.as_std() < FLUSH_INTERVAL_MIN {
            let text = format!("`flush_interval` {} is too short", self.flush_interval);
            problems
                .at("flush_interval", text)
                .help("write at least `100ms`");
        }
        if self.max_failures == 0 {
            problems
                .at(
                    "max_failures",
                    "`max_failures` 0 would never ask the plugin",
                )
                .help("write at least 1");
        }
        let is_digest = |text: &String| {
            text.len() == SHA256_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        if self.sha256.as_ref().is_some_and(|text| !is_digest(text)) {
            problems
                .at("sha256", "`sha256` is not a SHA-256 in hexadecimal digits")
                .help("copy the 64 digits that `skyferry plugin inspect` shows");
        }
        if self
            .threads
            .is_some_and(|threads| threads.get() > THREADS_MAX)
        {
            problems
                .at("threads", format!("`threads` is at most {THREADS_MAX}"))
                .help("leave it out for one thread for each core");
        }
        if self.wasm.fuel == 0 {
            problems
                .at("wasm.fuel", "`fuel` 0 would not run a single instruction")
                .help("leave it out for the default");
        }
    }
}
