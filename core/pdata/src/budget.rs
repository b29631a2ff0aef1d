//! The process-wide bound on bytes held in memory.
//!
//! Whoever wants to read a body first takes a [`Lease`] for its length, and then ties the lease to
//! the buffer with [`Lease::hold`]. From there on nobody has to remember it: the bytes go back to
//! the budget when the last slice of the buffer is dropped, be it in a queue, in a retry or in an
//! exporter's socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

mod spare;

use spare::Spare;

/// A counted bound on bytes in memory. Clones share the count.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Account>);

#[derive(Debug)]
struct Account {
    limit: usize,
    used: AtomicUsize,
    spare: Spare,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Budget(Arc::new(Account {
            limit,
            used: AtomicUsize::new(0),
            spare: Spare::default(),
        }))
    }

    /// A budget for buffers that together keep at most `bytes` resident: an allocator rounds a
    /// buffer up to its size class, by an eighth of its length at the most.
    pub fn of_resident(bytes: usize) -> Self {
        Budget::new(bytes - bytes / 9)
    }

    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// Bytes leased at this moment.
    pub fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }

    /// Takes `bytes` from the budget at once, or nothing. Never waits: a caller that waited would
    /// do so with an unread body in the kernel's buffers, which is what the budget must prevent.
    pub fn try_lease(&self, bytes: usize) -> Option<Lease> {
        self.take(bytes).then(|| Lease {
            budget: self.clone(),
            bytes,
        })
    }

    /// Takes `bytes` from the budget whether it has them or not, for what is there already. Nobody
    /// else gets any until it is within its limit again.
    pub fn lease_at_any_rate(&self, bytes: usize) -> Lease {
        self.0.used.fetch_add(bytes, Ordering::Relaxed);
        Lease {
            budget: self.clone(),
            bytes,
        }
    }

    /// An empty buffer with room for `length` bytes, to be filled and given to
    /// [`Lease::hold_buffer`]. It may have been used before, and then be up to an eighth longer.
    pub fn buffer(&self, length: usize) -> Vec<u8> {
        self.0.spare.take(length)
    }

    fn take(&self, bytes: usize) -> bool {
        let limit = self.0.limit;
        self.0
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(bytes).filter(|after| *after <= limit)
            })
            .is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.0.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Bytes taken from a [`Budget`]; dropping it gives them back.
#[derive(Debug)]
pub struct Lease {
    budget: Budget,
    bytes: usize,
}

impl Lease {
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes `more` bytes in addition; `false` leaves the lease as it was.
    #[must_use]
    pub fn try_grow(&mut self, more: usize) -> bool {
        let taken = self.budget.take(more);
        if taken {
            self.bytes += more;
        }
        taken
    }

    /// Gives back what is above `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        if let Some(excess) = self.bytes.checked_sub(bytes) {
            self.budget.give_back(excess);
            self.bytes = bytes;
        }
    }

    /// Ties this lease to `buffer`: it ends when the last slice of the returned bytes is dropped.
    pub fn hold<B>(self, buffer: B) -> Bytes
    where
        B: AsRef<[u8]> + Send + 'static,
    {
        Bytes::from_owner(Held {
            buffer,
            _lease: self,
        })
    }
}

impl Lease {
    /// As [`Lease::hold`]; afterwards the buffer is kept for its next use.
    pub fn hold_buffer(self, buffer: Vec<u8>) -> Bytes {
        let account = Arc::clone(&self.budget.0);
        self.hold(Reused { buffer, account })
    }
}

/// A buffer that goes back to the others.
struct Reused {
    buffer: Vec<u8>,
    account: Arc<Account>,
}

impl AsRef<[u8]> for Reused {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Reused {
    fn drop(&mut self) {
        self.account.spare.put(std::mem::take(&mut self.buffer));
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

struct Held<B> {
    buffer: B,
    _lease: Lease,
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for Held<B> {
    fn as_ref(&self) -> &[u8] {
        self.buffer.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_exceeds_the_limit_and_takes_nothing() {
        let budget = Budget::new(10);
        let lease = budget.try_lease(8).expect("8 of 10 bytes are free");
        assert!(budget.try_lease(3).is_none());
        assert_eq!(budget.used(), 8);
        drop(lease);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn growing_counts_and_an_overflow_is_refused() {
        let budget = Budget::new(10);
        let mut lease = budget.try_lease(4).expect("4 of 10 bytes are free");
        assert!(lease.try_grow(6));
        assert!(!lease.try_grow(1));
        assert!(!lease.try_grow(usize::MAX));
        lease.shrink_to(3);
        assert_eq!((lease.bytes(), budget.used()), (3, 3));
    }

    #[test]
    fn what_is_there_already_is_taken_beyond_the_limit_and_keeps_others_out() {
        let budget = Budget::new(10);
        let lease = budget.lease_at_any_rate(12);
        assert_eq!(budget.used(), 12);
        assert!(budget.try_lease(0).is_none());
        drop(lease);
        assert!(budget.try_lease(10).is_some());
    }

    #[test]
    fn bytes_return_when_the_last_slice_is_dropped() {
        let budget = Budget::new(10);
        let lease = budget.try_lease(5).expect("5 of 10 bytes are free");
        let whole = lease.hold(b"hello".to_vec());
        let slice = whole.slice(1..3);
        drop(whole);
        assert_eq!((&slice[..], budget.used()), (&b"el"[..], 5));
        drop(slice);
        assert_eq!(budget.used(), 0);
    }
}
