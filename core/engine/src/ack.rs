//! Tokens that tie what is sent to the queue's records it came from.
//!
//! A queue hands out a record with a token. Whoever merges records into one request carries all
//! their tokens; whoever splits a record clones its token. The record is settled once, when the
//! last share of its token is gone:
//!
//! ```text
//! record 7 --token--+--> request A: delivered --+
//!                   +--> request B: dropped ----+--> the queue forgets record 7
//! ```

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What became of a record when the last share of its token was gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Every share was delivered, or given up and counted as such.
    Done,
    /// Some share was not finished with: the record still belongs to the queue.
    Open,
}

/// The queue's side of a record that was handed out.
pub trait Settle: Send + Sync {
    /// Called once for each record, from whichever task let go of the last share. Must not block.
    fn settle(self: Box<Self>, settlement: Settlement);

    /// An attempt with the record has ended and the process is still there. Must not block.
    fn survived(&self) {}
}

/// One share of the responsibility for a record.
///
/// A share that is dropped without [`AckToken::done`] leaves the record open, so that a panic or
/// a cancelled task costs time and not data.
pub struct AckToken {
    record: Arc<Record>,
    done: bool,
}

struct Record {
    queue: Option<Box<dyn Settle>>,
    open: AtomicBool,
}

impl AckToken {
    /// The only share, so far, of a record.
    pub fn new(queue: Box<dyn Settle>) -> Self {
        let record = Record {
            queue: Some(queue),
            open: AtomicBool::new(false),
        };
        AckToken {
            record: Arc::new(record),
            done: false,
        }
    }

    /// Another share: the record now waits for both.
    #[must_use]
    pub fn split(&self) -> AckToken {
        AckToken {
            record: Arc::clone(&self.record),
            done: false,
        }
    }

    /// One share that stands for all of `shares`, of whichever records: to finish with it is to finish
    /// with each of them.
    #[must_use]
    pub fn join(shares: Vec<AckToken>) -> AckToken {
        AckToken::new(Box::new(Joined(shares)))
    }

    /// Says that an attempt with the record has not ended the process.
    pub fn survived(&self) {
        if let Some(queue) = &self.record.queue {
            queue.survived();
        }
    }

    /// Finishes with this share.
    pub fn done(mut self) {
        self.done = true;
    }
}

impl Drop for AckToken {
    fn drop(&mut self) {
        if !self.done {
            self.record.open.store(true, Ordering::Release);
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let settlement = match self.open.load(Ordering::Acquire) {
            true => Settlement::Open,
            false => Settlement::Done,
        };
        if let Some(queue) = self.queue.take() {
            queue.settle(settlement);
        }
    }
}

/// Shares of several records that end together.
struct Joined(Vec<AckToken>);

impl Settle for Joined {
    fn settle(self: Box<Self>, settlement: Settlement) {
        match settlement {
            Settlement::Done => self.0.into_iter().for_each(AckToken::done),
            Settlement::Open => drop(self.0),
        }
    }

    fn survived(&self) {
        self.0.iter().for_each(AckToken::survived);
    }
}

impl fmt::Debug for AckToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AckToken")
            .field("shares", &Arc::strong_count(&self.record))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Default)]
    struct Ledger(Arc<Mutex<Vec<Settlement>>>);

    impl Settle for Ledger {
        fn settle(self: Box<Self>, settlement: Settlement) {
            self.0.lock().push(settlement);
        }
    }

    #[test]
    fn a_record_waits_for_its_last_share() {
        let ledger = Ledger::default();
        let first = AckToken::new(Box::new(ledger.clone()));
        let second = first.split();
        first.done();
        assert!(ledger.0.lock().is_empty());
        second.done();
        assert_eq!(*ledger.0.lock(), [Settlement::Done]);
    }

    #[test]
    fn a_share_that_is_only_dropped_leaves_the_record_open() {
        let ledger = Ledger::default();
        let first = AckToken::new(Box::new(ledger.clone()));
        drop(first.split());
        first.done();
        assert_eq!(*ledger.0.lock(), [Settlement::Open]);
    }

    #[test]
    fn joined_shares_end_together() {
        let ledgers = [Ledger::default(), Ledger::default()];
        let shares = || {
            ledgers
                .iter()
                .map(|ledger| AckToken::new(Box::new(ledger.clone())))
        };
        let joined = AckToken::join(shares().collect());
        joined.split().done();
        assert!(ledgers.iter().all(|ledger| ledger.0.lock().is_empty()));
        joined.done();
        drop(AckToken::join(shares().collect()));
        for ledger in &ledgers {
            assert_eq!(*ledger.0.lock(), [Settlement::Done, Settlement::Open]);
        }
    }

    proptest! {
        #[test]
        fn settles_once_and_as_done_only_if_all_shares_are(done in prop::collection::vec(any::<bool>(), 1..9)) {
            let ledger = Ledger::default();
            let token = AckToken::new(Box::new(ledger.clone()));
            let mut shares: Vec<_> = done[1..].iter().map(|_| token.split()).collect();
            shares.push(token);
            for (share, done) in shares.into_iter().zip(&done) {
                if *done { share.done() } else { drop(share) }
            }
            let expected = match done.iter().all(|done| *done) {
                true => Settlement::Done,
                false => Settlement::Open,
            };
            prop_assert_eq!(&*ledger.0.lock(), &[expected]);
        }
    }
}
