//! What happens beside the batches: the library is watched and exchanged, and asked for what it has
//! gathered.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use engine::Shutdown;
use engine::derive::Derived;
use plugin::Pool;
use tokio::sync::oneshot;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::Plugin;
use super::loaded::{CallError, Loaded, OpenError};
use super::messages;

/// How often the library is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What tells a changed file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    modified: Option<SystemTime>,
    bytes: u64,
}

fn look(path: &Path) -> Option<State> {
    let metadata = fs::metadata(path).ok()?;
    Some(State {
        modified: metadata.modified().ok(),
        bytes: metadata.len(),
    })
}

/// Which file is loaded, and which was seen last.
struct Watched {
    loaded: Option<State>,
    seen: Option<State>,
}

impl Watched {
    /// Whether there is another file now that was the same at two looks: one that is being written is left to
    /// be finished.
    fn is_changed(&mut self, now: Option<State>) -> bool {
        let is_settled = now.is_some() && now == self.seen;
        self.seen.clone_from(&now);
        is_settled && now != self.loaded
    }
}

fn every(period: Duration) -> Interval {
    let mut every = interval(period);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    every.reset();
    every
}

/// Runs until `shutdown` begins, and then takes what is gathered.
pub(super) async fn run(plugin: &Plugin, derived: &Derived, shutdown: &Shutdown) {
    let mut wishes = plugin.reload.listen();
    let mut looks = every(LOOK_INTERVAL);
    let mut flushes = every(plugin.config.flush_interval.as_std());
    let state = look(&plugin.config.path);
    let mut watched = Watched {
        loaded: state.clone(),
        seen: state,
    };
    loop {
        tokio::select! {
            () = shutdown.begun() => break,
            () = wishes.next() => exchange(plugin, derived, &mut watched).await,
            _ = looks.tick() => {
                plugin.account.metrics().upkeep();
                if watched.is_changed(look(&plugin.config.path)) {
                    exchange(plugin, derived, &mut watched).await;
                }
            }
            _ = flushes.tick() => gather(plugin, &plugin.current(), derived).await,
        }
    }
    let last = plugin.current();
    gather(plugin, &last, derived).await;
    last.end().await;
}

/// Puts the file that is there now to work, if it can be.
async fn exchange(plugin: &Plugin, derived: &Derived, watched: &mut Watched) {
    watched.loaded = look(&plugin.config.path);
    let loaded = match open(plugin).await {
        Ok(loaded) => Arc::new(loaded),
        Err(why) => return plugin.account.kept(&why),
    };
    let before = std::mem::replace(&mut *plugin.current.write(), Arc::clone(&loaded));
    plugin.account.exchanged(loaded.description());
    before.rested().await;
    gather(plugin, &before, derived).await;
    before.end().await;
}

/// Loads the library on a thread of its own: what it does when it is loaded may take its time.
async fn open(plugin: &Plugin) -> Result<Loaded, String> {
    let (answer, answered) = oneshot::channel();
    let (config, account) = (plugin.config.clone(), Arc::clone(&plugin.account));
    let pool = Pool::new("plugin-load", 1);
    let submitted = pool.submit(move || {
        let opened = Loaded::open(&config, &account);
        drop(answer.send(opened));
    });
    submitted.map_err(|error| format!("no thread can be started for it: {error}"))?;
    match answered.await {
        Ok(opened) => opened.map_err(|error: OpenError| error.to_string()),
        Err(_) => Err("it panicked while it was loaded".to_owned()),
    }
}

/// Hands over what `loaded` has gathered for other signals.
async fn gather(plugin: &Plugin, loaded: &Arc<Loaded>, derived: &Derived) {
    if loaded.description().emits.is_empty() {
        return;
    }
    let gathered = loaded.flush().await;
    let batches = gathered.and_then(|emitted| Ok(messages::gathered(&emitted)?));
    match batches {
        Ok(batches) => {
            for batch in batches {
                derived.offer(batch).await;
            }
        }
        Err(CallError::Busy) => {}
        Err(CallError::Failed(failure)) => plugin.account.failed(&failure),
    }
}
