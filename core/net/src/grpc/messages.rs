//! The messages of a client's stream, one after the other.

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::BodyExt;
use pdata::{Budget, Lease};
use tokio::time::{Instant, timeout_at};

use super::{MessageLimits, PREFIX_BYTES, Prefix, Status, cut_off, declared_encoding};
use crate::body::{COPY_BELOW, ReadError};
use crate::compress::{Encoding, decompress};

/// Reads a stream message by message. A message holds its lease until its last slice is dropped.
///
/// A stream may be silent between two messages for as long as it likes; a message that has begun has
/// to arrive at the pace of the limits. What was received and is not yet asked for is at most one
/// frame; the rest waits in the connection's window, which is the back-pressure of a stream.
pub struct Messages<B> {
    body: B,
    encoding: Encoding,
    limits: MessageLimits,
    budget: Budget,
    /// Taken from the connection, not yet leased.
    frame: Option<Bytes>,
    /// Leased bytes that no message was made of yet.
    rest: Bytes,
    partial: Option<Partial>,
}

/// A message of which some bytes are there.
struct Partial {
    began: Instant,
    received: usize,
    step: Step,
}

enum Step {
    /// Bytes of the prefix.
    Prefix([u8; PREFIX_BYTES], usize),
    Message {
        prefix: Prefix,
        lease: Lease,
        buffer: Vec<u8>,
    },
}

/// Why there is no next message.
#[derive(Debug, PartialEq, Eq)]
pub enum MessageError {
    /// No memory now. Nothing is lost: the next call goes on where this one stopped.
    Overloaded,
    /// The stream cannot be read on.
    Failed(Status),
}

impl<B> Messages<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<ReadError>,
{
    pub fn new(
        headers: &HeaderMap,
        body: B,
        limits: MessageLimits,
        budget: Budget,
    ) -> Result<Self, Status> {
        Ok(Messages {
            body,
            encoding: declared_encoding(headers)?,
            limits,
            budget,
            frame: None,
            rest: Bytes::new(),
            partial: None,
        })
    }

    /// The next message; `None` when the client has closed its side. Cancel safe.
    pub async fn next(&mut self) -> Result<Option<Bytes>, MessageError> {
        loop {
            if let Some(message) = self.message()? {
                return Ok(Some(message));
            }
            if !self.receive().await? {
                return match &self.partial {
                    None => Ok(None),
                    Some(partial) => Err(partial.cut_off().into()),
                };
            }
        }
    }

    /// Takes the next frame into `rest`, which is empty; whether there was one.
    async fn receive(&mut self) -> Result<bool, MessageError> {
        if self.frame.is_none() {
            self.frame = self.frame().await.map_err(|error| match error {
                ReadError::Overloaded => MessageError::Overloaded,
                error => MessageError::Failed(error.into()),
            })?;
        }
        let Some(frame) = &self.frame else {
            return Ok(false);
        };
        let lease = self.budget.try_lease(frame.len());
        let lease = lease.ok_or(MessageError::Overloaded)?;
        self.rest = match self.frame.take() {
            // A slice would keep the connection's read buffer.
            Some(frame) if frame.len() < COPY_BELOW => lease.hold(Box::<[u8]>::from(&frame[..])),
            Some(frame) => lease.hold(frame),
            None => Bytes::new(),
        };
        Ok(true)
    }

    async fn frame(&mut self) -> Result<Option<Bytes>, ReadError> {
        loop {
            if self.body.is_end_stream() {
                return Ok(None);
            }
            let frame = match &self.partial {
                None => self.body.frame().await,
                Some(partial) => {
                    let deadline = partial.began + self.limits.pace.allowance(partial.received);
                    let frame = timeout_at(deadline, self.body.frame()).await;
                    frame.map_err(|_| ReadError::TimedOut)?
                }
            };
            match frame.transpose().map_err(Into::into)? {
                None => return Ok(None),
                Some(frame) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => return Ok(Some(data)),
                    _ => {}
                },
            }
        }
    }

    /// A message, as far as `rest` completes one.
    fn message(&mut self) -> Result<Option<Bytes>, MessageError> {
        if self.partial.is_none() && self.rest.len() >= PREFIX_BYTES {
            let prefix = Prefix::of(&self.rest[..PREFIX_BYTES]);
            let length = prefix.length(self.limits.bytes_max)?;
            if self.rest.len() - PREFIX_BYTES >= length {
                let mut message = self.rest.split_to(PREFIX_BYTES + length);
                let message = message.split_off(PREFIX_BYTES);
                return self.inflate(&prefix, message).map(Some);
            }
        }
        self.gather()
    }

    /// Moves `rest` into the message that has begun, as far as it belongs there.
    fn gather(&mut self) -> Result<Option<Bytes>, MessageError> {
        while !self.rest.is_empty() {
            let partial = self.partial.get_or_insert_with(|| Partial {
                began: Instant::now(),
                received: 0,
                step: Step::Prefix([0; PREFIX_BYTES], 0),
            });
            match &mut partial.step {
                Step::Prefix(bytes, have) => {
                    if *have < PREFIX_BYTES {
                        let taken = self
                            .rest
                            .split_to(self.rest.len().min(PREFIX_BYTES - *have));
                        bytes[*have..*have + taken.len()].copy_from_slice(&taken);
                        *have += taken.len();
                        partial.received += taken.len();
                    }
                    if *have < PREFIX_BYTES {
                        break;
                    }
                    let prefix = Prefix::of(bytes);
                    let length = prefix.length(self.limits.bytes_max)?;
                    let lease = self.budget.try_lease(length);
                    let lease = lease.ok_or(MessageError::Overloaded)?;
                    let buffer = self.budget.buffer(length);
                    partial.step = Step::Message {
                        prefix,
                        lease,
                        buffer,
                    };
                }
                Step::Message { prefix, buffer, .. } => {
                    let missing = prefix.length as usize - buffer.len();
                    let taken = self.rest.split_to(self.rest.len().min(missing));
                    buffer.extend_from_slice(&taken);
                    partial.received += taken.len();
                }
            }
            if let Some(message) = self.completed()? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// The message that has begun, if all of it is there.
    fn completed(&mut self) -> Result<Option<Bytes>, MessageError> {
        let is_complete = matches!(
            self.partial.as_ref().map(|partial| &partial.step),
            Some(Step::Message { prefix, buffer, .. }) if buffer.len() == prefix.length as usize
        );
        let partial = if is_complete {
            self.partial.take()
        } else {
            None
        };
        let Some(Partial {
            step:
                Step::Message {
                    prefix,
                    lease,
                    buffer,
                },
            ..
        }) = partial
        else {
            return Ok(None);
        };
        let message = lease.hold_buffer(buffer);
        self.inflate(&prefix, message).map(Some)
    }

    fn inflate(&self, prefix: &Prefix, message: Bytes) -> Result<Bytes, MessageError> {
        let encoding = prefix.encoding(self.encoding)?;
        let message = decompress(encoding, message, self.limits.bytes_max, &self.budget);
        message.map_err(|error| MessageError::Failed(error.into()))
    }
}

impl Partial {
    fn cut_off(&self) -> Status {
        match &self.step {
            Step::Prefix(..) => super::cut_off_in_prefix(),
            Step::Message { prefix, buffer, .. } => cut_off(buffer.len(), prefix.length as usize),
        }
    }
}

impl From<Status> for MessageError {
    fn from(status: Status) -> Self {
        MessageError::Failed(status)
    }
}

#[cfg(test)]
mod tests;
