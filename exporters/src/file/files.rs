//! The files of a graph by path: exporters that name the same one write to the same log.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use super::config::Config;
use super::disk::{OpenError, OsDisk, directory_of};
use super::log::{Log, Terms};
use super::shared::SharedLog;

/// The open files; one is closed when the last exporter that writes to it is gone.
#[derive(Default)]
pub(super) struct Files(HashMap<PathBuf, Open>);

struct Open {
    log: Weak<SharedLog<OsDisk>>,
    terms: Terms,
    /// The exporter that named it first.
    named_by: String,
}

/// Why an exporter cannot have its file.
#[derive(Debug, thiserror::Error)]
pub(super) enum LeaseError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(
        "`{first}` and `{second}` write to `{path}` and must agree on `append`, `format`, \
         `compression`, `rotation` and `sync`"
    )]
    Disagree {
        first: String,
        second: String,
        path: PathBuf,
    },
}

impl Files {
    /// The log at the path that `config` of the exporter `id` names; opened if nobody has yet.
    pub(super) fn lease(
        &mut self,
        id: &str,
        config: &Config,
    ) -> Result<Arc<SharedLog<OsDisk>>, LeaseError> {
        self.0.retain(|_, open| open.log.strong_count() > 0);
        let terms = config.terms();
        // Before it is opened the directory may be missing; then nobody else has the file.
        if let Some(open) = canonical(&config.path).and_then(|path| self.0.get(&path))
            && let Some(log) = open.log.upgrade()
        {
            if open.terms == terms {
                return Ok(log);
            }
            return Err(LeaseError::Disagree {
                first: open.named_by.clone(),
                second: id.to_owned(),
                path: config.path.clone(),
            });
        }
        let clock = Arc::new(SystemTime::now);
        let mode = config.directory_mode();
        let log = Log::open(OsDisk, &config.path, mode, terms.clone(), clock)?;
        let log = SharedLog::new(log);
        let open = Open {
            log: Arc::downgrade(&log),
            terms,
            named_by: id.to_owned(),
        };
        self.0
            .extend(canonical(&config.path).map(|path| (path, open)));
        Ok(log)
    }
}

/// The same for every way to write a path; the file itself is no link, so only its directory
/// has to be resolved.
fn canonical(path: &Path) -> Option<PathBuf> {
    let directory = directory_of(path).canonicalize().ok()?;
    Some(directory.join(path.file_name()?))
}
