//! Streams of reports, taken as they arrive.
//!
//! A stream may stay open for as long as its agent lives, so nothing waits for its end: what has
//! arrived goes to the pipelines in groups, and while they have no room nothing more is read, which
//! the agent feels as flow control. The answer waits for all of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engine::Shutdown;
use futures_util::FutureExt;
use http::Request;
use hyper::body::Incoming;
use net::grpc::{Code, MessageError, MessageLimits, Messages, OVERLOAD_RETRY_AFTER, Status};
use net::server::Peer;
use pdata::skywalking::{Kind, LogStream, MeterStream, MeterUnit, NativeChunk, receive_meter};
use pdata::{Chunk, Origin};
use tokio::time::{Instant, sleep, timeout_at};

use super::door::{Door, PATIENCE};
use super::grpc::{answer, check_method};
use crate::intake::{Turned, arrived_now, origin, unix_ms};
use crate::listeners::{Answer, Handler};

/// What is handed over together, in bytes of messages.
const GROUP_BYTES_MAX: usize = 256 * 1024;
/// Meters of one stream belong together up to this size and age.
const UNIT_BYTES_MAX: usize = 4 * 1024 * 1024;
const UNIT_AGE_MAX: Duration = Duration::from_secs(10);
/// Between two looks whether there is memory again.
const MEMORY_PAUSE: Duration = Duration::from_millis(20);
/// How long a stream that is open at a shutdown may still be finished by its agent.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);

/// What the messages of a stream are, and what they owe to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Each complete by itself.
    Messages,
    /// Logs, of which the first names the service of all.
    Logs,
    /// `MeterData`, of which the first names service, instance and time of all.
    Meters,
    /// `MeterDataCollection`s.
    Collections,
}

/// A method that takes a stream.
pub(super) struct Collect {
    kind: Kind,
    form: Form,
    limits: MessageLimits,
    door: Door,
    shutdown: Shutdown,
}

impl Collect {
    pub(super) fn new(
        kind: Kind,
        form: Form,
        limits: &MessageLimits,
        door: &Door,
        shutdown: &Shutdown,
    ) -> Self {
        Collect {
            kind,
            form,
            limits: limits.clone(),
            door: door.clone(),
            shutdown: shutdown.clone(),
        }
    }

    async fn collect(&self, request: Request<Incoming>) -> Result<(), Status> {
        let (parts, body) = request.into_parts();
        check_method(&parts.method)?;
        let budget = self.door.budget.clone();
        let messages = Messages::new(&parts.headers, body, self.limits.clone(), budget)?;
        let mut stream = Stream {
            collect: self,
            messages,
            origin: origin(&parts.headers, parts.extensions.get::<Peer>()),
            logs: LogStream::default(),
            meters: MeterStream::default(),
            unit_began: None,
            read: 0,
            malformed: Malformed::default(),
        };
        stream.run().await?;
        stream.malformed.verdict(stream.read)
    }
}

impl Handler for Collect {
    fn handle(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        Box::pin(async move {
            let taken = self.collect(request).await;
            answer(taken, &self.door)
        })
    }
}

/// One open stream.
struct Stream<'a> {
    collect: &'a Collect,
    messages: Messages<Incoming>,
    origin: Origin,
    logs: LogStream,
    meters: MeterStream,
    /// When the first meter of the unit came.
    unit_began: Option<Instant>,
    /// Messages so far.
    read: u64,
    malformed: Malformed,
}

/// How a group of messages ended.
#[derive(PartialEq, Eq)]
enum Next {
    /// More may come.
    GoOn,
    /// The agent has closed its side.
    End,
    /// The process is shutting down, and the agent goes on sending.
    Shutdown,
}

impl Stream<'_> {
    async fn run(&mut self) -> Result<(), Status> {
        loop {
            let mut group = Vec::new();
            let next = self.read_group(&mut group).await;
            self.origin.arrived_unix_nano = arrived_now();
            let mut chunks = self.chunks(group)?;
            let unit_is_due = self.unit_is_due();
            if unit_is_due || !matches!(next, Ok(Next::GoOn)) {
                let unit = self.meters.take();
                self.unit_began = None;
                chunks.extend(unit.map(|unit| self.unit(unit)).transpose()?);
            }
            let deadline = Instant::now() + PATIENCE;
            let signal = self.collect.kind.signal();
            let origin = self.origin.clone();
            let taken = self.collect.door.take(signal, chunks, origin, deadline);
            taken.await?;
            match next? {
                Next::GoOn => {}
                Next::End => return Ok(()),
                Next::Shutdown => return Err(shutting_down()),
            }
        }
    }

    /// Waits for a message and takes what has come with it. A failure says nothing about the messages
    /// in `group`.
    async fn read_group(&mut self, group: &mut Vec<Bytes>) -> Result<Next, Status> {
        let mut bytes = 0;
        let overload_ends = Instant::now() + PATIENCE;
        loop {
            let next = match group.is_empty() {
                true => self.next().await,
                false => match self.messages.next().now_or_never() {
                    Some(next) => next.map(|message| message.map_or(Read::End, Read::Message)),
                    None => return Ok(Next::GoOn),
                },
            };
            match next {
                Ok(Read::Message(message)) => {
                    bytes += message.len();
                    group.push(message);
                    if bytes >= GROUP_BYTES_MAX {
                        return Ok(Next::GoOn);
                    }
                }
                Ok(Read::End) => return Ok(Next::End),
                Ok(Read::UnitDue) => return Ok(Next::GoOn),
                Ok(Read::Shutdown) => return Ok(Next::Shutdown),
                // What was read is handed over first: that may be what the memory is for.
                Err(MessageError::Overloaded) if !group.is_empty() => return Ok(Next::GoOn),
                Err(MessageError::Overloaded) if Instant::now() < overload_ends => {
                    sleep(MEMORY_PAUSE).await;
                }
                Err(MessageError::Overloaded) => return Err(overloaded()),
                Err(MessageError::Failed(status)) => return Err(status),
            }
        }
    }

    /// The next message, or another reason to go on.
    async fn next(&mut self) -> Result<Read, MessageError> {
        let unit_due = self.unit_began.map(|began| began + UNIT_AGE_MAX);
        let message = async {
            match unit_due {
                None => self.messages.next().await.map(Some),
                Some(due) => match timeout_at(due, self.messages.next()).await {
                    Ok(message) => message.map(Some),
                    Err(_) => Ok(None),
                },
            }
        };
        let shutdown = async {
            self.collect.shutdown.begun().await;
            sleep(SHUTDOWN_GRACE).await;
        };
        tokio::select! {
            biased;
            message = message => Ok(match message? {
                Some(Some(message)) => Read::Message(message),
                Some(None) => Read::End,
                None => Read::UnitDue,
            }),
            () = shutdown => Ok(Read::Shutdown),
        }
    }

    fn unit_is_due(&self) -> bool {
        self.meters.bytes() >= UNIT_BYTES_MAX
            || self
                .unit_began
                .is_some_and(|began| began.elapsed() >= UNIT_AGE_MAX)
    }

    /// What the messages say. One that cannot be read is left out and remembered.
    fn chunks(&mut self, group: Vec<Bytes>) -> Result<Vec<Chunk>, Status> {
        let mut chunks = Vec::with_capacity(group.len());
        for message in group {
            self.read += 1;
            match self.chunk(message, &mut chunks) {
                Ok(()) => {}
                Err(Turned::Malformed(text)) => {
                    self.malformed.add(self.read, text);
                }
                Err(turned) => return Err(turned.into()),
            }
        }
        Ok(chunks)
    }

    fn chunk(&mut self, message: Bytes, chunks: &mut Vec<Chunk>) -> Result<(), Turned> {
        let Collect {
            kind, form, door, ..
        } = self.collect;
        let arrived = unix_ms(&self.origin);
        match form {
            Form::Messages => {
                let chunk = door.receive(*kind, message, arrived)?;
                chunks.push(Chunk::Native(chunk));
            }
            Form::Logs => {
                let log = door.receive(*kind, message, arrived)?;
                let log = self.logs.normalise(log, &door.budget)?;
                chunks.push(Chunk::Native(log));
            }
            Form::Collections => {
                let collection = door.receive(*kind, message, arrived)?;
                let units = collection.into_meter_units(&door.budget)?;
                chunks.extend(units.into_iter().map(Chunk::Native));
            }
            Form::Meters => {
                let (meter, repaired) = receive_meter(message, door.invalid_utf8, &door.budget)?;
                door.counts.repaired.increment(repaired as u64);
                self.unit_began.get_or_insert_with(Instant::now);
                if let Some(unit) = self.meters.push(meter) {
                    let unit = unit.into_chunk(arrived, &door.budget)?;
                    chunks.push(Chunk::Native(unit));
                }
            }
        }
        Ok(())
    }

    fn unit(&self, unit: MeterUnit) -> Result<Chunk, Turned> {
        let arrived = unix_ms(&self.origin);
        let chunk: NativeChunk = unit.into_chunk(arrived, &self.collect.door.budget)?;
        Ok(Chunk::Native(chunk))
    }
}

/// What came first.
enum Read {
    Message(Bytes),
    End,
    UnitDue,
    Shutdown,
}

/// The messages of a stream that could not be read.
#[derive(Default)]
struct Malformed {
    count: u64,
    first: String,
}

impl Malformed {
    /// `number` counts from 1.
    fn add(&mut self, number: u64, text: String) {
        if self.count == 0 {
            self.first = format!("message {number}: {text}");
        }
        self.count += 1;
    }

    fn verdict(&self, read: u64) -> Result<(), Status> {
        if self.count == 0 {
            return Ok(());
        }
        let Malformed { count, first } = self;
        let text = format!("{first}; {count} of {read} messages are left out, the others taken");
        Err(Status::new(Code::InvalidArgument, text))
    }
}

fn overloaded() -> Status {
    Status::new(Code::Unavailable, "no memory is left for the stream now")
        .retry_after(OVERLOAD_RETRY_AFTER)
}

fn shutting_down() -> Status {
    Status::new(
        Code::Unavailable,
        "shutting down; everything that was read is taken",
    )
    .retry_after(OVERLOAD_RETRY_AFTER)
}
