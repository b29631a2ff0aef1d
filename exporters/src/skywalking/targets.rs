//! The backends, and which of them gets a call.
//!
//! Round-robin, except for what has to stay together; a backend that fails is passed over for a while.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine::component::BuildError;
use net::Client;
use net::client::{ClientSettings, Protocol};
use net::spawn::OnCurrentRuntime;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::config::Config;

/// How long a backend is passed over after a failure, and after many.
const EJECTED_MIN: Duration = Duration::from_secs(1);
const EJECTED_MAX: Duration = Duration::from_secs(30);

/// The backends in the order of the configuration.
pub(super) struct Targets {
    all: Vec<Arc<Target>>,
    next: AtomicUsize,
}

/// One backend.
pub(super) struct Target {
    pub(super) url: String,
    pub(super) client: Client,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Failures since the last success.
    failures: u32,
    ejected_until: Option<Instant>,
}

impl Targets {
    pub(super) fn new(config: &Config) -> Result<Self, BuildError> {
        let security = config.tls.load();
        let security = security.map_err(|error| BuildError::at("tls", error.to_string()))?;
        let settings = ClientSettings::default();
        let mut all = Vec::new();
        for (key, url) in config.urls() {
            let security = security.clone().filter(|_| url.starts_with("https://"));
            let spawner = Arc::new(OnCurrentRuntime);
            let client = Client::try_new(&url, Protocol::Http2, security, &settings, spawner);
            let client = client.map_err(|error| BuildError::at(&*key, error.to_string()))?;
            all.push(Arc::new(Target {
                url,
                client,
                state: Mutex::default(),
            }));
        }
        Ok(Targets {
            all,
            next: AtomicUsize::new(0),
        })
    }

    pub(super) fn all(&self) -> &[Arc<Target>] {
        &self.all
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn are_several(&self) -> bool {
        self.all.len() > 1
    }

    /// The backend for a call. Calls of one `home` get the same one as long as it is well; `passed`
    /// are those that the call has failed at.
    pub(super) fn choose(&self, home: Option<u64>, passed: &[Arc<Target>]) -> Option<Arc<Target>> {
        let now = Instant::now();
        let fresh = || {
            let all = self.all.iter();
            all.filter(|target| !passed.iter().any(|other| Arc::ptr_eq(other, target)))
        };
        let well: Vec<_> = fresh().filter(|target| target.is_well(now)).collect();
        let candidates = match well.is_empty() {
            // All are ejected: one that nobody asks would never recover.
            true => fresh().collect(),
            false => well,
        };
        let index = match home {
            None => self.next.fetch_add(1, Ordering::Relaxed) % candidates.len().max(1),
            Some(home) => {
                // The highest of the ranks: one backend more or less moves only its own.
                let ranks = candidates.iter().map(|target| rank(home, &target.url));
                ranks.enumerate().max_by_key(|(_, rank)| *rank)?.0
            }
        };
        candidates.get(index).map(|target| Arc::clone(target))
    }
}

fn rank(home: u64, url: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (home, url).hash(&mut hasher);
    hasher.finish()
}

impl Target {
    fn is_well(&self, now: Instant) -> bool {
        self.state
            .lock()
            .ejected_until
            .is_none_or(|until| until <= now)
    }

    pub(super) fn succeeded(&self) {
        *self.state.lock() = State::default();
    }

    pub(super) fn failed(&self) {
        let mut state = self.state.lock();
        let pause = EJECTED_MIN.saturating_mul(1 << state.failures.min(10));
        state.failures += 1;
        state.ejected_until = Some(Instant::now() + pause.min(EJECTED_MAX));
    }
}
