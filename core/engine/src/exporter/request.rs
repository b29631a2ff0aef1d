//! Records on their way out, merged into one request.

use std::sync::Arc;

use pdata::{Batch, Chunk, Origin, Signal};
use tokio::time::Instant;

use super::queue::{DeathReason, Queue, Record};
use super::size::{Amount, Size};
use crate::AckToken;

/// One request to the destination and the records it is made of.
#[derive(Debug)]
pub(super) struct Request {
    /// Shared with the attempt that sends it.
    pub(super) batch: Arc<Batch>,
    /// The records, in the order of their chunks.
    shares: Vec<Share>,
    /// When its first attempt began.
    pub(super) first_attempt: Option<Instant>,
    /// Attempts so far, also those it was a part of.
    pub(super) attempts: u32,
}

/// What a request has been through.
#[derive(Clone, Copy)]
struct Past {
    first_attempt: Option<Instant>,
    attempts: u32,
}

/// The part of a request that came from one record.
#[derive(Debug)]
struct Share {
    token: AckToken,
    chunks: usize,
    origin: Arc<Origin>,
}

impl Request {
    /// Merges records of one signal: into one request, or into one for each run of the same
    /// origin if they are to stay apart.
    pub(super) fn merge(records: Vec<Record>, apart_by_origin: bool) -> Vec<Request> {
        let mut merged: Vec<(Batch, Vec<Share>)> = Vec::with_capacity(1);
        for Record { batch, token } in records {
            let origin = Arc::clone(batch.origin());
            let share = Share {
                token,
                chunks: batch.chunks().len(),
                origin,
            };
            match merged.last_mut() {
                Some((last, shares)) if !apart_by_origin || last.origin() == batch.origin() => {
                    last.merge(batch);
                    shares.push(share);
                }
                _ => merged.push((batch, vec![share])),
            }
        }
        merged
            .into_iter()
            .map(|(batch, shares)| Request {
                batch: Arc::new(batch),
                shares,
                first_attempt: None,
                attempts: 0,
            })
            .collect()
    }

    pub(super) fn items(&self) -> usize {
        self.batch.items()
    }

    /// Whether it holds more than one record.
    pub(super) fn is_merged(&self) -> bool {
        self.shares.len() > 1
    }

    /// Says that an attempt with it has not ended the process.
    pub(super) fn survived(&self) {
        self.shares.iter().for_each(|share| share.token.survived());
    }

    /// Finishes with all records.
    pub(super) fn done(self) {
        self.shares.into_iter().for_each(|share| share.token.done());
    }

    /// One request for each record, as they were before the merge.
    pub(super) fn into_records(self) -> Vec<Request> {
        let signal = self.batch.signal();
        let past = self.past();
        let mut chunks = chunks_of(self.batch).into_iter();
        self.shares
            .into_iter()
            .map(|share| {
                let own: Vec<Chunk> = chunks.by_ref().take(share.chunks).collect();
                Request::of(signal, own, vec![share], past)
            })
            .collect()
    }

    /// Leaves a request of one record to the dead letters of `queue`, if it keeps some.
    pub(super) fn bury(mut self, queue: &dyn Queue, why: &DeathReason) -> Result<(), Request> {
        let Some(Share {
            token,
            chunks,
            origin,
        }) = self.shares.pop()
        else {
            return Err(self);
        };
        let batch = self.batch.as_ref().clone();
        let Err(Record { token, .. }) = queue.bury(Record { batch, token }, why) else {
            return Ok(());
        };
        self.shares.push(Share {
            token,
            chunks,
            origin,
        });
        Err(self)
    }

    /// Two requests of about half the items each, or itself if it cannot be split further.
    pub(super) fn into_halves(self) -> Result<[Request; 2], Request> {
        let half = self.items().div_ceil(2);
        match self.split_off(half) {
            Ok((head, tail)) => Ok([head, tail]),
            Err(whole) => Err(whole),
        }
    }

    /// Itself in pieces of at most `at_most` each, as far as it can be split.
    pub(super) fn within(self, at_most: Amount) -> Vec<Request> {
        let mut pieces = Vec::new();
        let mut rest = self;
        loop {
            let size = Size::of(&rest.batch);
            let items = match at_most {
                Amount::Items(items) => items,
                Amount::Bytes(bytes) if size.bytes > bytes => {
                    // As many items as fit if all are of the same size.
                    (size.items as u64 * bytes as u64 / size.bytes as u64).max(1) as usize
                }
                Amount::Bytes(_) => size.items,
            };
            match rest.split_off(items) {
                Ok((piece, more)) => {
                    pieces.push(piece);
                    rest = more;
                }
                Err(last) => {
                    pieces.push(last);
                    return pieces;
                }
            }
        }
    }

    /// A request with about `items` items and one with the rest; itself if it has no more than that or
    /// cannot be split.
    pub(super) fn split_off(self, items: usize) -> Result<(Request, Request), Request> {
        if items == 0 || self.items() <= items {
            return Err(self);
        }
        let mut halves = [Part::default(), Part::default()];
        for (index, chunk) in self.batch.chunks().iter().enumerate() {
            let [head, tail] = &mut halves;
            let room = items - head.items.min(items);
            if !tail.chunks.is_empty() || room == 0 {
                tail.push(index, chunk.clone());
            } else if chunk.items() <= room {
                head.push(index, chunk.clone());
            } else if let Some([fits, rest]) = chunk.split_at(room) {
                head.push(index, fits);
                tail.push(index, rest);
            } else if head.chunks.is_empty() {
                // A chunk in one piece has to go somewhere.
                head.push(index, chunk.clone());
            } else {
                tail.push(index, chunk.clone());
            }
        }
        if halves.iter().any(|half| half.chunks.is_empty()) {
            return Err(self);
        }
        match self.distribute(halves) {
            [Some(head), Some(tail)] => Ok((head, tail)),
            _ => unreachable!("both have chunks"),
        }
    }

    /// One request for each list of chunks, by their indices; `None` for a list that is empty. Records
    /// of which no chunk is in any list are finished.
    pub(super) fn parts<const N: usize>(self, lists: [&[usize]; N]) -> [Option<Request>; N] {
        let chunks = self.batch.chunks();
        let parts = lists.map(|indices| {
            let mut part = Part::default();
            for &index in indices {
                if let Some(chunk) = chunks.get(index) {
                    part.push(index, chunk.clone());
                }
            }
            part
        });
        self.distribute(parts)
    }

    /// A request for each part that was taken out of a chunk, of the record that the chunk is of.
    pub(super) fn refused(&self, parts: &[(usize, Chunk)]) -> Vec<Request> {
        let signal = self.batch.signal();
        let mut requests = Vec::with_capacity(parts.len());
        for (index, chunk) in parts {
            let mut behind = 0;
            let share = self.shares.iter().find(|share| {
                behind += share.chunks;
                *index < behind
            });
            let Some(share) = share else { continue };
            let share = Share {
                token: share.token.split(),
                chunks: 1,
                origin: Arc::clone(&share.origin),
            };
            let chunks = vec![chunk.clone()];
            requests.push(Request::of(signal, chunks, vec![share], self.past()));
        }
        requests
    }

    /// Hands each part its share of the records.
    fn distribute<const N: usize>(self, parts: [Part; N]) -> [Option<Request>; N] {
        let signal = self.batch.signal();
        let past = self.past();
        let requests = parts.map(|part| {
            let mut from = 0;
            let mut shares = Vec::new();
            for share in &self.shares {
                let own = from..from + share.chunks;
                from = own.end;
                let before = |end: usize| part.from.partition_point(|index| *index < end);
                let chunks = before(own.end) - before(own.start);
                if chunks > 0 {
                    shares.push(Share {
                        token: share.token.split(),
                        chunks,
                        origin: Arc::clone(&share.origin),
                    });
                }
            }
            (!shares.is_empty()).then(|| Request::of(signal, part.chunks, shares, past))
        });
        // From here on the parts carry the records.
        self.shares.into_iter().for_each(|share| share.token.done());
        requests
    }

    fn of(signal: Signal, chunks: Vec<Chunk>, shares: Vec<Share>, past: Past) -> Request {
        let origin = shares
            .first()
            .map(|share| Arc::clone(&share.origin))
            .unwrap_or_default();
        let batch = Arc::new(Batch::new(signal, chunks, origin));
        Request {
            batch,
            shares,
            first_attempt: past.first_attempt,
            attempts: past.attempts,
        }
    }

    fn past(&self) -> Past {
        Past {
            first_attempt: self.first_attempt,
            attempts: self.attempts,
        }
    }
}

fn chunks_of(batch: Arc<Batch>) -> Vec<Chunk> {
    match Arc::try_unwrap(batch) {
        Ok(batch) => batch.into_chunks(),
        Err(shared) => shared.chunks().to_vec(),
    }
}

/// Chunks on their way into a request of their own.
#[derive(Default)]
struct Part {
    chunks: Vec<Chunk>,
    /// Where each chunk, or the one it was cut from, stands in the request before; ascending.
    from: Vec<usize>,
    items: usize,
}

impl Part {
    fn push(&mut self, from: usize, chunk: Chunk) {
        self.items += chunk.items();
        self.chunks.push(chunk);
        self.from.push(from);
    }
}

#[cfg(test)]
mod tests;
