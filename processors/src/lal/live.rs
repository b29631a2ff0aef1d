//! The rules at work, and their exchange while the program runs.
//!
//! Nothing here waits for a change: whoever takes the rules looks at the files, at most once a second,
//! by their times and lengths, which are a few system calls. The one that finds a change loads the rules,
//! and the others go on with the older ones meanwhile. Files that cannot be loaded are told of once; the
//! rules before them stay.

use std::sync::Arc;
use std::time::Duration;

use engine::config::Problems;
use lal::{Finding, Rules, Severity};
use parking_lot::{Mutex, RwLock};

use super::account::Account;
use super::config::Config;
use super::files::{self, FileError, State};
use super::inline;
use super::pass::Ruleset;

/// How often the files are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Findings that are shown of one load.
const FINDINGS_SHOWN_MAX: usize = 20;

/// Why rules cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{}", errors(.0))]
    Rules(Vec<Finding>),
}

/// The rules that are in force.
pub(super) struct Live {
    config: Config,
    current: RwLock<Arc<Ruleset>>,
    watch: Mutex<Watch>,
}

struct Watch {
    /// As of the last load, whether or not it went well; empty where they could not be looked at.
    seen: Vec<State>,
    /// The time of the last look, since the processor was made.
    looked: Duration,
    /// What was wrong at the last look, so that it is told once.
    trouble: Option<String>,
}

impl Live {
    /// Loads the rules for the first time.
    pub(super) fn open(config: Config, account: &Account) -> Result<Live, LoadError> {
        let seen = files::look(&config.files)?;
        let rules = load(&config, &seen, account)?;
        Ok(Live {
            current: RwLock::new(Arc::new(rules)),
            watch: Mutex::new(Watch {
                seen,
                looked: Duration::ZERO,
                trouble: None,
            }),
            config,
        })
    }

    /// The rules, at this time since the processor was made.
    pub(super) fn rules(&self, now: Duration, account: &Account) -> Arc<Ruleset> {
        // Whoever finds somebody looking goes on with what there is.
        if !self.config.files.is_empty()
            && let Some(mut watch) = self.watch.try_lock()
            && now.saturating_sub(watch.looked) >= LOOK_INTERVAL
        {
            watch.looked = now;
            self.look(&mut watch, account);
        }
        Arc::clone(&self.current.read())
    }

    fn look(&self, watch: &mut Watch, account: &Account) {
        let found = files::look(&self.config.files).map_err(LoadError::from);
        let loaded = found.and_then(|seen| {
            if seen == watch.seen {
                return Ok(None);
            }
            watch.seen.clone_from(&seen);
            load(&self.config, &seen, account).map(Some)
        });
        match loaded {
            Ok(None) => {}
            Ok(Some(rules)) => {
                *self.current.write() = Arc::new(rules);
                watch.trouble = None;
                account.reloaded();
                tracing::info!(component = account.component(), "rules are loaded again");
            }
            Err(error) => {
                let trouble = error.to_string();
                if let LoadError::File(_) = error {
                    // A file that is gone may come back as it was, and is missed every second.
                    watch.seen.clear();
                    if watch.trouble.as_ref() == Some(&trouble) {
                        return;
                    }
                }
                account.refused_reload();
                tracing::error!(
                    component = account.component(),
                    "the changed rules cannot be loaded, so the older ones stay: {trouble}",
                );
                watch.trouble = Some(trouble);
            }
        }
    }
}

/// Compiles the rules of these files and those of the configuration.
fn load(config: &Config, files: &[State], account: &Account) -> Result<Ruleset, LoadError> {
    let mut sources = files::read(files)?;
    sources.extend(inline::sources(&config.rules));
    let mut loaded = lal::load(&sources, config.compatibility.into());
    let mut findings = std::mem::take(&mut loaded.findings);
    if findings.iter().any(is_error) {
        return Err(LoadError::Rules(findings));
    }
    // The check of the configuration has told of the others.
    findings.retain(|finding| !inline::is_source(&finding.file));
    if !findings.is_empty() {
        tracing::warn!(
            component = account.component(),
            warnings = findings.len(),
            "rules do not do all of what they seem to say{}",
            shown(&findings),
        );
    }
    let rules = Rules::compile(loaded);
    Ok(Ruleset {
        accounts: account.of_rules(&rules),
        rules,
    })
}

/// Reports what is wrong with the files, as far as they alone tell it.
pub(super) fn report(config: &Config, problems: &mut Problems) {
    let sources = files::look(&config.files).and_then(|files| files::read(&files));
    let sources = match sources {
        Ok(sources) => sources,
        Err(error) => {
            problems.at("files", error.to_string());
            return;
        }
    };
    for finding in lal::load(&sources, config.compatibility.into()).findings {
        let Finding {
            file, line, column, ..
        } = &finding;
        let message = format!("{file}:{line}:{column}: {}", finding.message);
        let reported = match finding.severity {
            Severity::Error => problems.at("files", message),
            Severity::Warning => problems.warn_at("files", message),
        };
        reported.note(format!("it says `{}`", finding.text.trim()));
        if let Some(help) = &finding.help {
            reported.help(help);
        }
    }
}

fn is_error(finding: &Finding) -> bool {
    finding.severity == Severity::Error
}

/// Every error, and no warning.
fn errors(findings: &[Finding]) -> String {
    let errors: Vec<_> = findings.iter().filter(|it| is_error(it)).collect();
    let plural = if errors.len() == 1 { "" } else { "s" };
    let count = errors.len();
    let texts: String = errors.iter().map(|it| format!("\n{it}")).collect();
    format!("the rules have {count} error{plural}{texts}")
}

/// As many findings as fit into a log.
fn shown(findings: &[Finding]) -> String {
    let texts = findings.iter().take(FINDINGS_SHOWN_MAX);
    let mut shown: String = texts.map(|it| format!("\n{it}")).collect();
    if findings.len() > FINDINGS_SHOWN_MAX {
        let more = findings.len() - FINDINGS_SHOWN_MAX;
        shown.push_str(&format!("\nand {more} more: see `skyferry lal check`"));
    }
    shown
}

#[cfg(test)]
mod tests;
