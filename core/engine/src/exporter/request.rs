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

    /// A request with at most `items` items and one with the rest; itself if it has no more than
    /// that or cannot be split.
    pub(super) fn split_off(self, items: usize) -> Result<(Request, Request), Request> {
        if items == 0 || self.items() <= items {
            return Err(self);
        }
        let signal = self.batch.signal();
        let past = self.past();
        let mut head = Half::default();
        let mut tail = Half::default();
        let mut chunks = self.batch.chunks().iter();
        for share in &self.shares {
            let (before, after) = (head.chunks.len(), tail.chunks.len());
            for chunk in chunks.by_ref().take(share.chunks) {
                let room = items - head.items;
                if tail.chunks.is_empty() && chunk.items() <= room {
                    head.push(chunk.clone());
                } else if tail.chunks.is_empty() && room > 0 {
                    let Some([fits, rest]) = chunk.split_at(room) else {
                        return Err(self);
                    };
                    head.push(fits);
                    tail.push(rest);
                } else {
                    tail.push(chunk.clone());
                }
            }
            head.share(share, before);
            tail.share(share, after);
        }
        // From here on the halves carry the records.
        self.shares.into_iter().for_each(|share| share.token.done());
        Ok((
            Request::of(signal, head.chunks, head.shares, past),
            Request::of(signal, tail.chunks, tail.shares, past),
        ))
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

/// One side of a split.
#[derive(Default)]
struct Half {
    chunks: Vec<Chunk>,
    items: usize,
    shares: Vec<Share>,
}

impl Half {
    fn push(&mut self, chunk: Chunk) {
        self.items += chunk.items();
        self.chunks.push(chunk);
    }

    /// Takes a share of the record whose chunks start at `from`, if any came here.
    fn share(&mut self, share: &Share, from: usize) {
        let chunks = self.chunks.len() - from;
        if chunks > 0 {
            let origin = Arc::clone(&share.origin);
            self.shares.push(Share {
                token: share.token.split(),
                chunks,
                origin,
            });
        }
    }
}

#[cfg(test)]
mod tests;
