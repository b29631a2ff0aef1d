//! What was delivered lately, so that a copy of it is recognised.
//!
//! A backend counts a segment twice that it gets twice, and some of its storages lose the neighbours
//! of the copy.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};

use parking_lot::Mutex;

/// Segments and reports remembered; at a thousand a second, those of the last half of a minute at
/// least.
pub(super) const MESSAGES_MAX: usize = 65_536;
/// Spans remembered, of which a segment would have several.
pub(super) const SPANS_MAX: usize = 262_144;

/// A bounded memory of ids, the older half of which is forgotten together.
pub(super) struct Window {
    state: Mutex<State>,
    hasher: RandomState,
    /// Delivered ids remembered.
    limit: usize,
}

/// Ids by hash: two different ones collide once in 2^48.
type Ids = HashSet<u64, BuildHasherDefault<AsItIs>>;

#[derive(Default)]
struct State {
    /// In calls whose end is open.
    claimed: Ids,
    /// Delivered, at most half of the limit.
    recent: Ids,
    /// Delivered before these.
    before: Ids,
}

/// The keys are hashes with a secret of this process already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("the keys are numbers")
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// What an id means for the message that bears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// It is to be sent.
    Send(Id),
    /// The same is being sent or was sent.
    Copy,
}

/// An id that was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(u64);

/// The claims of one call. What is not known to be delivered when they are dropped may be claimed
/// again.
pub(super) struct Claims<'a> {
    window: &'a Window,
    ids: Vec<Id>,
    delivered: bool,
}

impl Claims<'_> {
    pub(super) fn push(&mut self, id: Id) {
        self.ids.push(id);
    }

    pub(super) fn delivered(mut self) {
        self.delivered = true;
    }
}

impl Drop for Claims<'_> {
    fn drop(&mut self) {
        self.window.settle(&self.ids, self.delivered);
    }
}

impl Window {
    pub(super) fn new(limit: usize) -> Self {
        Window {
            state: Mutex::default(),
            hasher: RandomState::new(),
            limit,
        }
    }

    /// Claims an id for a message that is to be sent. A message without one is never a copy.
    pub(super) fn claim(&self, id: impl Hash) -> Claim {
        let hash = self.hasher.hash_one(id);
        let mut state = self.state.lock();
        let is_delivered = state.recent.contains(&hash) || state.before.contains(&hash);
        if is_delivered || !state.claimed.insert(hash) {
            return Claim::Copy;
        }
        Claim::Send(Id(hash))
    }

    pub(super) fn claims(&self) -> Claims<'_> {
        Claims {
            window: self,
            ids: Vec::new(),
            delivered: false,
        }
    }

    fn settle(&self, ids: &[Id], delivered: bool) {
        let mut state = self.state.lock();
        for id in ids {
            state.claimed.remove(&id.0);
            if delivered {
                state.deliver(id.0, self.limit / 2);
            }
        }
    }
}

impl State {
    fn deliver(&mut self, id: u64, half: usize) {
        self.recent.insert(id);
        if self.recent.len() >= half {
            std::mem::swap(&mut self.recent, &mut self.before);
            self.recent.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(claim: Claim) -> Id {
        match claim {
            Claim::Send(id) => id,
            Claim::Copy => panic!("it is no copy"),
        }
    }

    #[test]
    fn knows_what_was_delivered_and_what_is_on_its_way() {
        let window = Window::new(10);
        let first = id(window.claim("a"));
        assert_eq!(window.claim("a"), Claim::Copy);
        window.settle(&[first], false);
        let again = id(window.claim("a"));
        window.settle(&[again], true);
        assert_eq!(window.claim("a"), Claim::Copy);
        assert!(matches!(window.claim("b"), Claim::Send(_)));
    }

    #[test]
    fn remembers_the_younger_half_at_least_and_no_more_than_there_is_room_for() {
        const LIMIT: usize = 100;
        let window = Window::new(LIMIT);
        for number in 0..10 * LIMIT {
            window.settle(&[id(window.claim(number))], true);
            for younger in number.saturating_sub(LIMIT / 2 - 1)..=number {
                assert_eq!(window.claim(younger), Claim::Copy, "{younger} of {number}");
            }
            let state = window.state.lock();
            assert!(state.recent.len() + state.before.len() <= LIMIT);
            assert!(state.claimed.is_empty());
        }
        assert!(matches!(window.claim(0_usize), Claim::Send(_)));
    }
}
