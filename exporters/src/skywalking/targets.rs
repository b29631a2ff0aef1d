//! The backends, and which of them gets a call.
//!
//! Round-robin, except for what has to stay together; a backend that fails is passed over for a while.
//! A name that stands for several addresses is as many backends, and is asked for again now and then,
//! since backends come and go behind it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use engine::component::BuildError;
use http::Uri;
use net::Client;
use net::client::{ClientSettings, EndpointError, Protocol};
use net::spawn::OnCurrentRuntime;
use net::tls::ClientSecurity;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use super::config::Config;

mod names;

#[cfg(test)]
mod tests;

use names::{Resolve, System, sites};

/// How long a backend is passed over after a failure, and after many.
const EJECTED_MIN: Duration = Duration::from_secs(1);
const EJECTED_MAX: Duration = Duration::from_secs(30);
/// How often names are looked up, and how often at most when all backends fail.
const LOOKUP_INTERVAL: Duration = Duration::from_secs(30);
const LOOKUP_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// For one name.
const LOOKUP_WITHIN: Duration = Duration::from_secs(10);

/// The backends in the order of the configuration.
pub(super) struct Targets {
    endpoints: Vec<Endpoint>,
    all: RwLock<Arc<[Arc<Target>]>>,
    next: AtomicUsize,
    /// Every backend has failed lately.
    all_fail: Notify,
    names: Box<dyn Resolve>,
}

/// An endpoint of the configuration.
struct Endpoint {
    url: String,
    /// `None` for an address, which there is nothing to ask about.
    name: Option<String>,
    security: Option<ClientSecurity>,
}

/// One backend.
pub(super) struct Target {
    /// Its URL, and behind it its address if the URL stands for several.
    pub(super) label: String,
    pub(super) client: Client,
    endpoint: usize,
    /// The addresses that its name stood for when it was made; none before the first answer.
    site: Vec<IpAddr>,
    state: Mutex<State>,
    /// It was last found to have services without their package.
    is_old: AtomicBool,
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
        let (mut endpoints, mut all) = (Vec::new(), Vec::new());
        for (key, url) in config.urls() {
            let security = security.clone().filter(|_| url.starts_with("https://"));
            let name = name_of(&url);
            let endpoint = Endpoint {
                url,
                name,
                security,
            };
            let target = endpoint.target(endpoints.len(), Vec::new(), None);
            let target = target.map_err(|error| BuildError::at(&*key, error.to_string()))?;
            all.push(Arc::new(target));
            endpoints.push(endpoint);
        }
        Ok(Targets {
            endpoints,
            all: RwLock::new(all.into()),
            next: AtomicUsize::new(0),
            all_fail: Notify::new(),
            names: Box::new(System),
        })
    }

    pub(super) fn all(&self) -> Arc<[Arc<Target>]> {
        Arc::clone(&self.all.read())
    }

    pub(super) fn are_several(&self) -> bool {
        self.all.read().len() > 1
    }

    /// The backend for a call. Calls of one `home` get the same one as long as it is well; `passed`
    /// are those that the call has failed at. `None` when there is no other one.
    pub(super) fn choose(&self, home: Option<u64>, passed: &[Arc<Target>]) -> Option<Arc<Target>> {
        let now = Instant::now();
        let all = self.all();
        let fresh = || {
            let all = all.iter();
            all.filter(|target| !passed.iter().any(|other| Arc::ptr_eq(other, target)))
        };
        let well: Vec<_> = fresh().filter(|target| target.is_well(now)).collect();
        let candidates = match well.is_empty() {
            // All are ejected: one that nobody asks would never recover.
            true => {
                self.all_fail.notify_one();
                fresh().collect()
            }
            false => well,
        };
        let index = match home {
            None => self.next.fetch_add(1, Ordering::Relaxed) % candidates.len().max(1),
            Some(home) => {
                // The highest of the ranks: one backend more or less moves only its own.
                let ranks = candidates.iter().map(|target| rank(home, &target.label));
                ranks.enumerate().max_by_key(|(_, rank)| *rank)?.0
            }
        };
        candidates.get(index).map(|target| Arc::clone(target))
    }

    /// Looks names up, for as long as it is not dropped; ends where there are none.
    pub(super) async fn follow_names(&self) {
        while self
            .endpoints
            .iter()
            .any(|endpoint| endpoint.name.is_some())
        {
            self.look_up().await;
            sleep(LOOKUP_INTERVAL_MIN).await;
            // Both ends mean the same: look again.
            drop(timeout(LOOKUP_INTERVAL, self.all_fail.notified()).await);
        }
    }

    /// Looks every name up once. Where there is no answer, its backends stay what they are.
    async fn look_up(&self) {
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            let Some(name) = &endpoint.name else {
                continue;
            };
            let found = timeout(LOOKUP_WITHIN, self.names.addresses(name)).await;
            match found {
                Ok(Ok(addresses)) if !addresses.is_empty() => self.replace(index, &addresses),
                Ok(Ok(_)) => tracing::debug!(name, "the name stands for no address"),
                Ok(Err(error)) => tracing::debug!(name, %error, "the name cannot be looked up"),
                Err(_) => tracing::debug!(name, "looking the name up takes too long"),
            }
        }
    }

    /// Makes the backends of an endpoint those at `addresses`; one that stays keeps its connections.
    fn replace(&self, index: usize, addresses: &[IpAddr]) {
        let endpoint = &self.endpoints[index];
        let all = self.all();
        let (own, others): (Vec<_>, Vec<_>) =
            all.iter().partition(|target| target.endpoint == index);
        let sites = sites(addresses);
        let is_split = sites.len() > 1;
        let made = sites.into_iter().map(|site| {
            let stays = |target: &&&Arc<Target>| target.site == site;
            if let Some(target) = own.iter().find(stays) {
                return Ok(Arc::clone(target));
            }
            let address = site.first().copied().filter(|_| is_split);
            endpoint.target(index, site, address).map(Arc::new)
        });
        let made: Result<Vec<_>, _> = made.collect();
        let Ok(made) = made else {
            unreachable!("a client of the same endpoint was made at the start");
        };
        let is_same = made.len() == own.len()
            && made
                .iter()
                .zip(&own)
                .all(|(one, other)| Arc::ptr_eq(one, other));
        if is_same {
            return;
        }
        tracing::info!(
            endpoint = endpoint.url,
            ?addresses,
            "the endpoint's name was looked up"
        );
        let mut next: Vec<_> = others.into_iter().map(Arc::clone).chain(made).collect();
        next.sort_by_key(|target| target.endpoint);
        *self.all.write() = next.into();
    }
}

/// The host of a URL, if it is no address.
fn name_of(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let host = uri.host()?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_err().then(|| host.to_owned())
}

fn rank(home: u64, label: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (home, label).hash(&mut hasher);
    hasher.finish()
}

impl Endpoint {
    /// A backend of this endpoint, at one address of several or wherever its name leads.
    fn target(
        &self,
        endpoint: usize,
        site: Vec<IpAddr>,
        address: Option<IpAddr>,
    ) -> Result<Target, EndpointError> {
        let settings = ClientSettings {
            address,
            ..ClientSettings::default()
        };
        let spawner = Arc::new(OnCurrentRuntime);
        let security = self.security.clone();
        let client = Client::try_new(&self.url, Protocol::Http2, security, &settings, spawner)?;
        Ok(Target {
            label: match address {
                Some(address) => format!("{} {address}", self.url),
                None => self.url.clone(),
            },
            client,
            endpoint,
            site,
            state: Mutex::default(),
            is_old: AtomicBool::new(false),
        })
    }
}

impl Target {
    fn is_well(&self, now: Instant) -> bool {
        self.state
            .lock()
            .ejected_until
            .is_none_or(|until| until <= now)
    }

    /// Whether services are to be asked for without their package first.
    pub(super) fn is_old(&self) -> bool {
        self.is_old.load(Ordering::Relaxed)
    }

    /// A service was found without its package, or with it only.
    pub(super) fn has_services_without_package(&self, is_old: bool) {
        if self.is_old.swap(is_old, Ordering::Relaxed) != is_old {
            let backend = &self.label;
            tracing::info!(backend, is_old, "the backend's services have other names");
        }
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
