//! Which services send the histogram themselves.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use parking_lot::Mutex;

/// Services remembered. Where more than these send, those that have not sent for longest are forgotten
/// first, half of them at once.
const SERVICES_MAX: usize = 20_000;

/// Services by when their last histogram came. Names are kept as hashes, keyed by this process, so that
/// long ones take no more room.
pub(super) struct OwnHistograms {
    expires_nano: u64,
    hasher: RandomState,
    seen: Mutex<Seen>,
}

/// When each service was last seen, in nanoseconds since the Unix epoch. When `young` is half of what
/// may be remembered, it becomes `old`.
#[derive(Default)]
struct Seen {
    young: HashMap<u64, u64>,
    old: HashMap<u64, u64>,
}

impl OwnHistograms {
    pub(super) fn new(expires: Duration) -> Self {
        OwnHistograms {
            expires_nano: u64::try_from(expires.as_nanos()).unwrap_or(u64::MAX),
            hasher: RandomState::new(),
            seen: Mutex::default(),
        }
    }

    /// A histogram of this service came.
    pub(super) fn saw(&self, service: &str, now_unix_nano: u64) {
        let service = self.hasher.hash_one(service);
        let mut seen = self.seen.lock();
        if seen.young.len() >= SERVICES_MAX / 2 && !seen.young.contains_key(&service) {
            seen.old = std::mem::take(&mut seen.young);
        }
        seen.young.insert(service, now_unix_nano);
    }

    /// Whether a histogram of this service came, and not too long ago.
    pub(super) fn has_sent(&self, service: &str, now_unix_nano: u64) -> bool {
        let service = self.hasher.hash_one(service);
        let seen = self.seen.lock();
        let last = seen.young.get(&service).or_else(|| seen.old.get(&service));
        last.is_some_and(|last| now_unix_nano < last.saturating_add(self.expires_nano))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_remembered_until_it_has_not_sent_for_so_long() {
        let own = OwnHistograms::new(Duration::from_nanos(100));
        assert!(!own.has_sent("shop", 0));
        own.saw("shop", 1000);
        assert!(own.has_sent("shop", 1000));
        assert!(!own.has_sent("mall", 1000));
        assert!(own.has_sent("shop", 1099));
        assert!(!own.has_sent("shop", 1100));
        own.saw("shop", 1100);
        assert!(own.has_sent("shop", 1199));
    }

    #[test]
    fn any_number_of_services_takes_bounded_room_and_keeps_the_latest() {
        let own = OwnHistograms::new(Duration::from_secs(1));
        for service in 0..SERVICES_MAX * 3 {
            own.saw(&service.to_string(), 1);
            own.saw("shop", 1);
        }
        let seen = own.seen.lock();
        assert!(seen.young.len() + seen.old.len() <= SERVICES_MAX);
        drop(seen);
        assert!(own.has_sent("shop", 2));
        assert!(own.has_sent(&(SERVICES_MAX * 3 - 1).to_string(), 2));
        assert!(!own.has_sent("0", 2));
    }
}
