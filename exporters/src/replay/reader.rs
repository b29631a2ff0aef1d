//! The records of a file, one after the other.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::path::Path;

use bytes::Bytes;
use pdata::otlp::ReceiveError;
use pdata::{NativeChunk, Signal, json};

use super::native::{self, NativeDamage};
use super::signal::{self, Known, Subject};
use super::times;
use crate::record::{self, Layout, PREFIX_LEN, RECORD_MAX, ZSTD_MAGIC};

/// What was recorded together.
#[derive(Clone, Debug)]
pub struct Record {
    pub content: Content,
    /// When its first item happened, in nanoseconds since the Unix epoch.
    pub earliest_unix_nano: Option<u64>,
    pub place: Place,
}

/// What a record holds.
#[derive(Clone, Debug)]
pub enum Content {
    /// An export request in protobuf, for [`pdata::otlp::receive`].
    Otlp { signal: Signal, request: Bytes },
    /// Messages of SkyWalking's agents, checked, at least one; of whatever signals they are.
    Native(Vec<NativeChunk>),
}

/// Where a record stands in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line, or the number of the record where there are no lines; from 1.
    pub number: u64,
    /// Bytes before it.
    pub offset: u64,
    layout: Layout,
}

/// Why there is no record here.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read; nothing follows.
    #[error("cannot read: {0}")]
    Io(#[from] io::Error),
    /// What stands here was skipped. More records follow, unless the cause says otherwise.
    #[error("{place}: {damage}")]
    Damaged { place: Place, damage: Damage },
}

/// What is wrong with a record.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// The last record is not whole: its writer was interrupted.
    #[error("the file ends {0} bytes into a record")]
    Torn(u64),
    #[error(
        "expected an object that begins with `resourceSpans`, `resourceMetrics`, `resourceLogs` or \
         `skywalking`"
    )]
    NoSignal,
    #[error(transparent)]
    Json(json::Error),
    #[error("is no request of {signal}: {error}")]
    Request { signal: Signal, error: ReceiveError },
    #[error("is no request of traces, metrics or logs")]
    NoRequest,
    #[error(transparent)]
    Native(NativeDamage),
    /// Valid for each of these signals.
    #[error("may be a request of {}; say which signal the file holds", names(.0))]
    Unclear(Vec<Signal>),
    #[error("cannot be decompressed: {0}")]
    Compression(io::Error),
    #[error("is longer than the {RECORD_MAX} bytes a record may have")]
    TooLong,
    /// Nothing behind this can be found.
    #[error("expected a length from 1 to {RECORD_MAX}, found {0}; the rest of the file is skipped")]
    Length(u32),
    /// Nothing behind this can be found.
    #[error("the file is compressed as a whole; decompress it first, for example by `zstd -d`")]
    WholeFile,
    /// Nothing behind this can be found.
    #[error("the file begins like neither JSON lines nor records with a length in front")]
    UnknownForm,
}

/// What a reader came across so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records with items.
    pub records: u64,
    /// Records that were skipped as damaged, a torn one at the end included.
    pub damaged: u64,
}

/// Iterates over the records of a file in any of the forms of [`crate::record`], which it finds
/// out by itself. After an error it goes on with what follows; after the last record, or when
/// nothing more can be read, it ends.
pub struct Reader<R> {
    input: Chain<Cursor<Vec<u8>>, R>,
    form: Form,
    known: Known,
    number: u64,
    offset: u64,
    ended: bool,
    tally: Tally,
}

/// What is known of a file from its first bytes.
enum Form {
    Readable(Layout),
    /// Nothing can be read; taken when it is reported.
    Unreadable(Option<Damage>),
}

impl Reader<BufReader<File>> {
    /// Opens a file. `signal` is that of records that do not say it, if the caller knows it; it is one
    /// of [`Signal::OTLP`].
    pub fn open(path: &Path, signal: Option<Signal>) -> io::Result<Self> {
        let mut reader = Reader::new(BufReader::new(File::open(path)?), signal)?;
        reader.known.named = signal::named_in(path);
        Ok(reader)
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads from `input`, such as the standard input. `signal` as for [`Reader::open`].
    pub fn new(mut input: R, signal: Option<Signal>) -> io::Result<Self> {
        let mut head = Vec::new();
        let bytes = 2 * PREFIX_LEN as u64;
        input.by_ref().take(bytes).read_to_end(&mut head)?;
        // Zeros are what a loss of power leaves of a first record; lines may follow.
        let blank = head.iter().all(|&byte| byte == 0);
        let form = match Layout::detect(&head) {
            Some(layout) => Form::Readable(layout),
            None if blank => Form::Readable(Layout::Lines),
            None if head.starts_with(&ZSTD_MAGIC) => Form::Unreadable(Some(Damage::WholeFile)),
            None => Form::Unreadable(Some(Damage::UnknownForm)),
        };
        Ok(Reader {
            input: Cursor::new(head).chain(input),
            form,
            known: Known {
                told: signal.filter(|signal| Signal::OTLP.contains(signal)),
                named: None,
            },
            number: 0,
            offset: 0,
            ended: false,
            tally: Tally::default(),
        })
    }

    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// The next bytes that should be a record, `None` at the end of the file.
    fn payload(&mut self, layout: Layout) -> Result<Option<Vec<u8>>, Fault> {
        match layout {
            Layout::Lines => self.line(),
            Layout::Framed => self.frame(),
        }
    }

    fn line(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let mut line = Vec::new();
        let limit = RECORD_MAX as u64 + 1;
        self.input
            .by_ref()
            .take(limit)
            .read_until(b'\n', &mut line)?;
        self.offset += line.len() as u64;
        if line.is_empty() {
            return Ok(None);
        }
        if line.len() > RECORD_MAX && line.last() != Some(&b'\n') {
            self.offset += self.input.skip_until(b'\n')? as u64;
            return Err(Damage::TooLong.into());
        }
        Ok(Some(line))
    }

    fn frame(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let mut prefix = Vec::with_capacity(PREFIX_LEN);
        let limit = PREFIX_LEN as u64;
        self.input.by_ref().take(limit).read_to_end(&mut prefix)?;
        self.offset += prefix.len() as u64;
        let length = match prefix.first_chunk() {
            Some(prefix) => u32::from_be_bytes(*prefix),
            None if prefix.is_empty() => return Ok(None),
            None => return Err(Damage::Torn(prefix.len() as u64).into()),
        };
        let Some(expected) = record::plausible(length) else {
            self.ended = true;
            return Err(Damage::Length(length).into());
        };
        // Grows with what is there, so that a wrong length costs no memory.
        let mut payload = Vec::new();
        self.input
            .by_ref()
            .take(expected as u64)
            .read_to_end(&mut payload)?;
        self.offset += payload.len() as u64;
        match payload.len() == expected {
            true => Ok(Some(payload)),
            false => Err(Damage::Torn((PREFIX_LEN + payload.len()) as u64).into()),
        }
    }

    /// What is in a payload; `None` if there is nothing in it to send.
    fn content(&self, layout: Layout, payload: Vec<u8>) -> Result<Option<Content>, Damage> {
        if layout == Layout::Lines {
            return of_json(payload.trim_ascii());
        }
        let payload = match payload.starts_with(&ZSTD_MAGIC) {
            true => decompress(&payload)?,
            false => payload,
        };
        // Protobuf would be a group of field 15, which no request has.
        if payload.first() == Some(&b'{') {
            return of_json(&payload);
        }
        let payload = Bytes::from(payload);
        if native::is_envelope(&payload) {
            return natives(native::of_proto(&payload));
        }
        let signal = signal::of_proto(&payload, self.known)?;
        Ok(signal.map(|signal| Content::Otlp {
            signal,
            request: payload,
        }))
    }

    fn read(&mut self, layout: Layout) -> Option<Result<Record, ReadError>> {
        loop {
            self.number += 1;
            let place = Place {
                number: self.number,
                offset: self.offset,
                layout,
            };
            let read = self.payload(layout).and_then(|payload| {
                let Some(payload) = payload else {
                    return Ok(None);
                };
                let whole = layout == Layout::Framed || payload.ends_with(b"\n");
                let bytes = payload.len() as u64;
                let content = self
                    .content(layout, payload)
                    .map_err(|damage| match whole {
                        true => damage,
                        false => Damage::Torn(bytes),
                    })?;
                Ok(Some(content))
            });
            let content = match read {
                Ok(None) => return None,
                Ok(Some(None)) => continue,
                Ok(Some(Some(found))) => found,
                Err(Fault::Io(error)) => {
                    self.ended = true;
                    return Some(Err(error.into()));
                }
                Err(Fault::Damage(damage)) => {
                    self.tally.damaged += 1;
                    return Some(Err(ReadError::Damaged { place, damage }));
                }
            };
            self.tally.records += 1;
            return Some(Ok(Record {
                earliest_unix_nano: times::earliest(&content),
                content,
                place,
            }));
        }
    }
}

/// What keeps a reader from a record.
enum Fault {
    Io(io::Error),
    Damage(Damage),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Fault::Io(error)
    }
}

impl From<Damage> for Fault {
    fn from(damage: Damage) -> Self {
        Fault::Damage(damage)
    }
}

fn of_json(text: &[u8]) -> Result<Option<Content>, Damage> {
    if text.is_empty() {
        return Ok(None);
    }
    match signal::of_json(text)? {
        Subject::Native => natives(native::of_json(text)),
        Subject::Otlp(signal) => {
            let read = json::read(signal, text).map_err(Damage::Json)?;
            let request = read.wire.into();
            Ok(Some(Content::Otlp { signal, request }))
        }
    }
}

fn natives(read: Result<Vec<NativeChunk>, NativeDamage>) -> Result<Option<Content>, Damage> {
    let messages = read.map_err(Damage::Native)?;
    Ok((!messages.is_empty()).then_some(Content::Native(messages)))
}

fn decompress(frame: &[u8]) -> Result<Vec<u8>, Damage> {
    let mut payload = Vec::new();
    let limit = RECORD_MAX as u64 + 1;
    zstd::Decoder::with_buffer(frame)
        .and_then(|decoder| decoder.take(limit).read_to_end(&mut payload))
        .map_err(Damage::Compression)?;
    match payload.len() > RECORD_MAX {
        true => Err(Damage::TooLong),
        false => Ok(payload),
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let read = match &mut self.form {
            Form::Readable(layout) => {
                let layout = *layout;
                self.read(layout)
            }
            Form::Unreadable(damage) => {
                let damage = damage.take()?;
                let place = Place {
                    number: 1,
                    offset: 0,
                    layout: Layout::Framed,
                };
                self.tally.damaged += 1;
                Some(Err(ReadError::Damaged { place, damage }))
            }
        };
        self.ended |= read.is_none();
        read
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.layout {
            Layout::Lines => "line",
            Layout::Framed => "record",
        };
        write!(f, "{unit} {} at byte {}", self.number, self.offset)
    }
}

fn names(signals: &[Signal]) -> String {
    let names: Vec<&str> = signals.iter().map(|signal| signal.name()).collect();
    names.join(" or ")
}
