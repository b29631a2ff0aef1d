//! `file_storage`: where exporters keep their queues, in the collector's words.
//!
//! Queues are on disk without it. A collector user's file names it, and it says where and how.

use std::path::PathBuf;

use engine::component::{Configured, Description, Durability, ExtensionFactory, StorageSettings};
use engine::config::{Duration, ForeignKey, Problems, Section};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The component.
pub static FACTORY: &dyn ExtensionFactory = &FileStorage;

struct FileStorage;

/// Its configuration.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// The directory of the queues; without one they are in the data directory.
    directory: PathBuf,
    /// Whether what was acknowledged has been synced. Without a value it is, other than in the
    /// collector.
    fsync: Option<bool>,
    /// Accepted for the collector's sake: the directory is always created.
    create_directory: Option<bool>,
    /// Accepted for the collector's sake: nothing here waits for a lock.
    timeout: Option<Duration>,
}

const LOG: &str = "queues are logs of segments, which need no compaction";
const RECREATE: &str = "what is damaged is always set aside";

impl Configured for FileStorage {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        type_name: "file_storage",
        aliases: &[],
        signals: &[],
        summary: "says where exporters keep their queues on disk",
    };

    const FOREIGN_KEYS: &'static [ForeignKey] = &[
        ForeignKey::ignored("compaction", LOG),
        ForeignKey::ignored("recreate", RECREATE),
        ForeignKey::ignored(
            "directory_permissions",
            "only the process's user has access",
        ),
        ForeignKey::refused(
            "max_size",
            "write `max_bytes` into the exporter's `sending_queue`",
        ),
    ];

    fn check(config: &Config, problems: &mut Problems) {
        if config.fsync == Some(false) {
            problems
                .warn_at("fsync", "a loss of power may cost what was acknowledged")
                .help("remove the key: syncing is cheap here");
        }
    }
}

impl ExtensionFactory for FileStorage {
    fn storage(&self, section: &Section) -> Option<StorageSettings> {
        let config: Config = section.read().ok()?;
        let directory = Some(config.directory).filter(|path| !path.as_os_str().is_empty());
        let durability = config.fsync.map(|is_synced| match is_synced {
            true => Durability::Always,
            false => Durability::Os,
        });
        Some(StorageSettings {
            directory,
            durability,
        })
    }
}
