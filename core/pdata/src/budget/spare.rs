//! Buffers between two uses.
//!
//! An allocator gives large buffers back to the system late, and keeps them apart for each thread;
//! a buffer that one thread fills and another frees then takes its memory twice. Kept here it is
//! used again by whoever comes next, with its pages still in place.

use parking_lot::Mutex;

/// Smaller ones are the allocator's business.
const LENGTH_MIN: usize = 64 * 1024;
/// Bytes of all buffers kept; they are no part of the budget.
const KEPT_MAX: usize = 8 * 1024 * 1024;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Spare(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    buffers: Vec<Vec<u8>>,
    bytes: usize,
}

impl Spare {
    /// An empty buffer with room for `length` bytes, at most an eighth more if it is a used one.
    pub(super) fn take(&self, length: usize) -> Vec<u8> {
        self.fitting(length)
            .unwrap_or_else(|| Vec::with_capacity(length))
    }

    fn fitting(&self, length: usize) -> Option<Vec<u8>> {
        if length < LENGTH_MIN {
            return None;
        }
        let fits = |buffer: &Vec<u8>| (length..=length + length / 8).contains(&buffer.capacity());
        let mut kept = self.0.lock();
        let index = kept.buffers.iter().rposition(fits)?;
        let buffer = kept.buffers.swap_remove(index);
        kept.bytes -= buffer.capacity();
        Some(buffer)
    }

    /// Keeps a buffer for its next use, in place of older ones.
    pub(super) fn put(&self, mut buffer: Vec<u8>) {
        let length = buffer.capacity();
        if !(LENGTH_MIN..=KEPT_MAX).contains(&length) {
            return;
        }
        buffer.clear();
        let mut kept = self.0.lock();
        while kept.bytes + length > KEPT_MAX && !kept.buffers.is_empty() {
            kept.bytes -= kept.buffers.swap_remove(0).capacity();
        }
        kept.bytes += length;
        kept.buffers.push(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(spare: &Spare) -> usize {
        let kept = spare.0.lock();
        let sum: usize = kept.buffers.iter().map(Vec::capacity).sum();
        assert_eq!(kept.bytes, sum);
        sum
    }

    #[test]
    fn a_buffer_is_used_again_by_one_that_fits() {
        let spare = Spare::default();
        let buffer = vec![7; 100_000];
        let address = buffer.as_ptr();
        spare.put(buffer);
        for (length, why) in [(200_000, "too small"), (80_000, "too large")] {
            let other = spare.take(length);
            assert_ne!(other.as_ptr(), address, "{why}");
        }
        let again = spare.take(95_000);
        assert_eq!((again.as_ptr(), again.len()), (address, 0));
        assert_eq!(kept(&spare), 0);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let spare = Spare::default();
        for length in [0, 1000, 64 << 10, 1 << 20, KEPT_MAX, KEPT_MAX + 1] {
            for _ in 0..20 {
                spare.put(Vec::with_capacity(length));
                assert!(kept(&spare) <= KEPT_MAX);
            }
        }
        assert_eq!(kept(&spare), KEPT_MAX);
        assert!(spare.take(1000).capacity() < LENGTH_MIN);
    }
}
