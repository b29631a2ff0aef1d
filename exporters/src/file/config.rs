//! The collector's keys of its `file` exporter, and ours for durability.

use std::path::{Component, Path, PathBuf};

use engine::config::{Duration, Problems};
use engine::exporter::{QueueConfig, RetryConfig, Settings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::log::{Rotation, Terms};
use crate::record::{Encoding, Format};

/// The `file` exporter.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    /// The file; a relative path starts at the working directory.
    pub(super) path: PathBuf,
    /// Keep what the file holds. Unlike in the collector this is the default.
    pub(super) append: bool,
    pub(super) format: FormatConfig,
    /// Compress each record, with a length in front of it.
    pub(super) compression: Option<Compression>,
    /// Without effect: what is acknowledged has been written.
    pub(super) flush_interval: Option<Duration>,
    /// Set the file aside when it is full; absent is never.
    pub(super) rotation: Option<RotationConfig>,
    pub(super) group_by: Option<GroupBy>,
    /// Create the directory of the file if it is missing.
    pub(super) create_directory: bool,
    /// Permissions of a directory that is created, in octal.
    pub(super) directory_permissions: String,
    /// What a success answer means.
    pub(super) sync: Sync,
    /// For one attempt; 0 is no limit.
    pub(super) timeout: Duration,
    pub(super) retry_on_failure: RetryConfig,
    /// Without it the answer to the sender of the data is that of the write.
    pub(super) sending_queue: Option<QueueConfig>,
    /// Drop and count what there is no room for, instead of refusing the sender.
    pub(super) optional: bool,
}

/// What requests are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum FormatConfig {
    /// OTLP/JSON, one request on each line.
    Json,
    /// Protobuf, each request behind its length in 4 bytes.
    Proto,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Compression {
    Zstd,
}

/// What is done before a batch is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Sync {
    /// It is written and on the disk: survives a loss of power.
    Always,
    /// It is written: survives the end of this process.
    None,
}

/// `rotation`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RotationConfig {
    /// The size at which the file is set aside.
    #[schemars(range(min = 1))]
    pub(super) max_megabytes: u64,
    /// Days after which a file that was set aside is removed; 0 is never.
    #[schemars(range(max = 36500))]
    pub(super) max_days: u32,
    /// Files set aside that are kept; 0 is all.
    pub(super) max_backups: usize,
    /// Local time instead of UTC in the names.
    pub(super) localtime: bool,
}

/// `group_by`, which is not supported.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct GroupBy {
    /// Only `false`.
    pub(super) enabled: bool,
    pub(super) resource_attribute: Option<String>,
    pub(super) max_open_files: Option<u32>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            path: PathBuf::new(),
            append: true,
            format: FormatConfig::Json,
            compression: None,
            flush_interval: None,
            rotation: None,
            group_by: None,
            create_directory: true,
            directory_permissions: "0755".to_owned(),
            sync: Sync::None,
            // A disk that others keep busy can take seconds for one sync; giving up sooner would
            // only write the same again.
            timeout: Duration::from_secs(30),
            retry_on_failure: RetryConfig::default(),
            sending_queue: None,
            optional: false,
        }
    }
}

impl Default for RotationConfig {
    fn default() -> Self {
        RotationConfig {
            max_megabytes: 100,
            max_days: 0,
            max_backups: 100,
            localtime: false,
        }
    }
}

impl Config {
    pub(super) fn check(&self, problems: &mut Problems) {
        self.check_path(problems);
        if self.group_by.as_ref().is_some_and(|group| group.enabled) {
            problems
                .at("group_by.enabled", "`group_by` is not supported")
                .help("write one `file` exporter for each path, in pipelines of their own");
        }
        if mode(&self.directory_permissions).is_none() {
            let text = format!(
                "`{}` are no permissions in octal",
                self.directory_permissions
            );
            problems
                .at("directory_permissions", text)
                .help("write for example \"0755\", with quotes");
        }
        if self.flush_interval.is_some() {
            problems
                .warn_at("flush_interval", "`flush_interval` has no effect")
                .help("every batch is written before it is acknowledged; see `sync`");
        }
        if let Some(queue) = &self.sending_queue {
            queue.check("sending_queue", problems);
        }
        let queue = self.sending_queue.as_ref();
        self.retry_on_failure
            .check("retry_on_failure", queue, problems);
    }

    fn check_path(&self, problems: &mut Problems) {
        let components = || self.path.components();
        if self.path.as_os_str().is_empty() {
            problems
                .at("path", "`path` is missing")
                .help("write the file to append to, for example `path: ./telemetry.json`");
        } else if components().any(|component| component == Component::ParentDir) {
            problems
                .at("path", "`path` must not contain `..`")
                .help("write the directory itself");
        } else if !names_a_file(&self.path) {
            problems.at("path", "`path` must end in the name of a file");
        }
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            queue: self.sending_queue.as_ref().and_then(QueueConfig::settings),
            retry: self.retry_on_failure.settings(self.sending_queue.as_ref()),
            timeout: self.timeout.into(),
            optional: self.optional,
        }
    }

    pub(super) fn terms(&self) -> Terms {
        Terms {
            format: Format {
                encoding: match self.format {
                    FormatConfig::Json => Encoding::Json,
                    FormatConfig::Proto => Encoding::Proto,
                },
                compressed: self.compression.is_some(),
            },
            append: self.append,
            sync: self.sync == Sync::Always,
            rotation: self.rotation.as_ref().map(RotationConfig::terms),
        }
    }

    /// The mode of directories to create; `None` creates none.
    pub(super) fn directory_mode(&self) -> Option<u32> {
        mode(&self.directory_permissions).filter(|_| self.create_directory)
    }
}

impl RotationConfig {
    fn terms(&self) -> Rotation {
        Rotation {
            bytes_max: self.max_megabytes.saturating_mul(1 << 20),
            days_max: self.max_days,
            backups_max: self.max_backups,
            local_time: self.localtime,
        }
    }
}

fn names_a_file(path: &Path) -> bool {
    let text = path.as_os_str().as_encoded_bytes();
    path.file_name().is_some() && !text.ends_with(b"/") && !text.ends_with(b"/.")
}

/// Permissions written in octal, such as `0755`.
fn mode(text: &str) -> Option<u32> {
    let digits = (3..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let mode = u32::from_str_radix(text, 8).ok().filter(|_| digits)?;
    (mode <= 0o777).then_some(mode)
}
