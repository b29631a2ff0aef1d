//! Reading a request's body within limits of size, time and memory.
//!
//! Bytes are admitted before they are read: a declared length is leased at once, an undeclared one
//! in steps. Reading never waits for the budget, because it would wait with an unread body in the
//! kernel's buffers; it answers [`ReadError::Overloaded`] instead.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;
use pdata::{Budget, Lease};
use tokio::time::{Instant, timeout_at};

#[cfg(test)]
pub(crate) mod tests;

/// Default bound of one body in bytes, as sent; the Collector's.
pub const BODY_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Default time for one whole body.
pub const BODY_TIME_MAX: Duration = Duration::from_secs(15);
/// Default time before the minimum rate is enforced.
pub const RATE_GRACE: Duration = Duration::from_secs(5);
/// Default minimum rate in bytes per second, averaged over the whole body.
pub const RATE_MIN: u32 = 1024;

/// Stands for any longer time, which a clock might not be able to express.
const WAIT_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// First lease for a body of undeclared length; doubled as it grows.
const LEASE_STEP: usize = 64 * 1024;

/// A frame shorter than this is copied out of the connection's read buffer. A slice would keep that
/// buffer, of up to 64 KiB with HTTP/1.1, alive for as long as a queue holds the body, unseen by the
/// budget; so the budget sees at least half of what is kept.
pub(crate) const COPY_BELOW: usize = 32 * 1024;

/// The bounds of one body.
#[derive(Clone, Debug)]
pub struct BodyLimits {
    /// Bytes as sent, before decompression.
    pub bytes_max: usize,
    pub pace: Pace,
}

impl Default for BodyLimits {
    fn default() -> Self {
        BodyLimits {
            bytes_max: BODY_BYTES_MAX,
            pace: Pace::default(),
        }
    }
}

/// How slowly a peer may send a body.
#[derive(Clone, Debug)]
pub struct Pace {
    /// From the beginning of reading to the last byte.
    pub time_max: Duration,
    /// How long `rate_min` is not looked at.
    pub rate_grace: Duration,
    /// Bytes per second since the beginning; 0 sets no minimum.
    pub rate_min: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            time_max: BODY_TIME_MAX,
            rate_grace: RATE_GRACE,
            rate_min: RATE_MIN,
        }
    }
}

impl Pace {
    /// The time after the beginning by which more than `received` bytes must be there.
    pub(crate) fn allowance(&self, received: usize) -> Duration {
        let earned = (received as u64)
            .checked_div(u64::from(self.rate_min))
            .map_or(self.time_max, Duration::from_secs);
        earned.max(self.rate_grace).min(self.time_max).min(WAIT_MAX)
    }
}

/// Why a body was not read. Nothing of it is kept, and nothing stays leased.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("the body is larger than the limit of `{limit}` bytes")]
    TooLarge { limit: usize },
    #[error("no memory is left for the body; send it again later")]
    Overloaded,
    #[error("the body was sent too slowly")]
    TimedOut,
    #[error("the peer went away before the body was complete")]
    Disconnected,
    #[error("the body's framing is broken")]
    Malformed,
}

impl From<hyper::Error> for ReadError {
    fn from(error: hyper::Error) -> Self {
        if error.is_parse() {
            return ReadError::Malformed;
        }
        let mut source = error.source();
        while let Some(cause) = source {
            if let Some(io) = cause.downcast_ref::<io::Error>() {
                // hyper reports a broken chunk header with these two kinds.
                return match io.kind() {
                    io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                        ReadError::Malformed
                    }
                    _ => ReadError::Disconnected,
                };
            }
            source = cause.source();
        }
        ReadError::Disconnected
    }
}

impl From<Infallible> for ReadError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Reads a whole body. The bytes hold their lease: the budget gets it back when the last slice of
/// them is dropped.
///
/// A body that arrived in one frame is not copied, unless it is so short that the copy is cheaper;
/// any other is copied once. Cancel safe in that dropping the future gives everything back.
pub async fn read<B>(body: B, limits: &BodyLimits, budget: &Budget) -> Result<Bytes, ReadError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<ReadError>,
{
    let limit = limits.bytes_max;
    let declared = match body.size_hint().exact() {
        Some(0) => return Ok(Bytes::new()),
        Some(length) => Some(
            usize::try_from(length)
                .ok()
                .filter(|length| *length <= limit)
                .ok_or(ReadError::TooLarge { limit })?,
        ),
        None => None,
    };
    let mut room = Room {
        lease: budget
            .try_lease(declared.unwrap_or(LEASE_STEP.min(limit)))
            .ok_or(ReadError::Overloaded)?,
        limit,
    };
    let mut frames = Frames::new(body, &limits.pace);
    let Some(first) = frames.next().await? else {
        return Ok(Bytes::new());
    };
    room.admit(first.len())?;
    let Some(second) = frames.next().await? else {
        return Ok(room.keep_frame(first));
    };
    room.admit(first.len() + second.len())?;
    let mut buffer = budget.buffer(room.lease.bytes());
    buffer.extend_from_slice(&first);
    buffer.extend_from_slice(&second);
    drop((first, second));
    while let Some(frame) = frames.next().await? {
        room.admit(buffer.len() + frame.len())?;
        buffer.reserve_exact(room.lease.bytes() - buffer.len());
        buffer.extend_from_slice(&frame);
    }
    Ok(room.keep(buffer))
}

/// A lease that grows with a buffer, and its limit.
pub(crate) struct Room {
    pub(crate) lease: Lease,
    pub(crate) limit: usize,
}

impl Room {
    /// Makes sure that `length` bytes in all are leased, doubling what there is.
    pub(crate) fn admit(&mut self, length: usize) -> Result<(), ReadError> {
        if length > self.limit {
            return Err(ReadError::TooLarge { limit: self.limit });
        }
        let leased = self.lease.bytes();
        if length > leased {
            let target = leased.saturating_mul(2).clamp(length, self.limit);
            if !self.lease.try_grow(target - leased) {
                return Err(ReadError::Overloaded);
            }
        }
        Ok(())
    }

    /// Ends with one frame of a connection's buffer.
    pub(crate) fn keep_frame(mut self, frame: Bytes) -> Bytes {
        self.lease.shrink_to(frame.len());
        if frame.len() < COPY_BELOW {
            self.lease.hold(Box::<[u8]>::from(&frame[..]))
        } else {
            self.lease.hold(frame)
        }
    }

    /// Ends with a buffer of our own, and gives back what it does not use.
    pub(crate) fn keep(mut self, mut buffer: Vec<u8>) -> Bytes {
        if self.lease.bytes() > buffer.len() {
            buffer.shrink_to_fit();
            self.lease.shrink_to(buffer.capacity());
        }
        self.lease.hold_buffer(buffer)
    }
}

/// A body's data frames, at no less than the required pace. Trailers and empty frames are skipped.
pub(crate) struct Frames<'a, B> {
    body: B,
    pace: &'a Pace,
    /// When the first frame was asked for.
    began: Option<Instant>,
    received: usize,
}

impl<'a, B> Frames<'a, B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<ReadError>,
{
    pub(crate) fn new(body: B, pace: &'a Pace) -> Self {
        Frames {
            body,
            pace,
            began: None,
            received: 0,
        }
    }

    /// The next frame that holds data; `None` when the body has ended.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        loop {
            if self.body.is_end_stream() {
                return Ok(None);
            }
            let since = *self.began.get_or_insert_with(Instant::now);
            let allowance = self.pace.allowance(self.received);
            let deadline = since + allowance;
            let frame = timeout_at(deadline, self.body.frame())
                .await
                .map_err(|_| ReadError::TimedOut)?;
            match frame.transpose().map_err(Into::into)? {
                None => return Ok(None),
                Some(frame) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => {
                        self.received += data.len();
                        return Ok(Some(data));
                    }
                    _ => {}
                },
            }
        }
    }
}
