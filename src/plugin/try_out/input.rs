//! Recorded traffic as messages: what the `file` exporter wrote, and requests as they were recorded in front
//! of a collector, one JSON object a line with the body in base64.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use exporters::replay::{Content, ReadError, Reader};
use pdata::otlp::{InvalidUtf8, receive};
use pdata::skywalking::{self, Kind as Native};
use pdata::{Budget, Chunk, Signal, convert, json};
use plugin::{Description, Kind, Segments};
use serde::Deserialize;

use crate::failure::Failure;

/// Memory for one message and for text in it that is repaired.
const BYTES_MAX: usize = 64 << 20;

/// A message of the recording.
pub(super) struct Shown {
    pub(super) place: String,
    chunk: Chunk,
}

impl Shown {
    /// As a plugin of this description sees it; `None` if it does not.
    pub(super) fn as_asked(&self, description: &Description) -> Option<(Kind, Vec<Bytes>)> {
        let (kind, messages) = match &self.chunk {
            Chunk::Otlp(chunk) => {
                let kind = match chunk.signal() {
                    Signal::Traces => Kind::Traces,
                    Signal::Metrics => Kind::Metrics,
                    Signal::Logs => Kind::Logs,
                    // A chunk of OTLP is of another signal.
                    Signal::Skywalking => return None,
                };
                (kind, vec![Bytes::copy_from_slice(chunk.body())])
            }
            Chunk::Native(chunk) if chunk.kind() != Native::Segment => return None,
            Chunk::Native(chunk) => match description.segments {
                Segments::Native => (Kind::Segment, vec![chunk.message().clone()]),
                Segments::Otlp => {
                    let chunks = convert::to_otlp(chunk);
                    let bodies = chunks
                        .iter()
                        .map(|chunk| Bytes::copy_from_slice(chunk.body()));
                    (Kind::Traces, bodies.collect())
                }
            },
        };
        description
            .signals
            .contains(&kind.signal())
            .then_some((kind, messages))
    }
}

/// What stands in one place of a file.
pub(super) enum Found {
    Message(Shown),
    /// Says where it is and what is wrong.
    Damaged(String),
}

/// The messages of one file.
pub(super) struct Input {
    records: Box<dyn Iterator<Item = Result<(String, Record), Damage>>>,
    /// Of the record that was read last, the last first.
    messages: Vec<Shown>,
}

/// What was recorded together.
enum Record {
    Replayed(Content),
    Requested(Requested),
}

struct Damage {
    text: String,
    is_last: bool,
}

/// A request as it was recorded.
#[derive(Deserialize)]
struct Requested {
    path: String,
    #[serde(default)]
    headers: Headers,
    body_base64: String,
}

#[derive(Default, Deserialize)]
struct Headers {
    #[serde(default, rename = "content-type")]
    content_type: String,
}

impl Input {
    pub(super) fn open(path: &Path) -> Result<Input, Failure> {
        let read = || format!("cannot read `{}`", path.display());
        let first = first_bytes(path)
            .with_context(read)
            .map_err(Failure::Start)?;
        let name = path.display().to_string();
        let records: Box<dyn Iterator<Item = _>> = match is_requested(&first) {
            true => {
                let file = File::open(path)
                    .with_context(read)
                    .map_err(Failure::Start)?;
                Box::new(requested(BufReader::new(file), name))
            }
            false => {
                let reader = Reader::open(path, None).with_context(read);
                let reader = reader.map_err(Failure::Start)?;
                Box::new(reader.map(move |record| match record {
                    Ok(record) => {
                        let place = format!("{name}:{}", record.place.number);
                        Ok((place, Record::Replayed(record.content)))
                    }
                    Err(error) => Err(Damage {
                        is_last: matches!(error, ReadError::Io(_)),
                        text: format!("{name}: {error}"),
                    }),
                }))
            }
        };
        Ok(Input {
            records,
            messages: Vec::new(),
        })
    }
}

impl Iterator for Input {
    type Item = Result<Found, Failure>;

    fn next(&mut self) -> Option<Result<Found, Failure>> {
        loop {
            if let Some(message) = self.messages.pop() {
                return Some(Ok(Found::Message(message)));
            }
            let (place, record) = match self.records.next()? {
                Ok(read) => read,
                Err(damage) if damage.is_last => {
                    return Some(Err(Failure::Start(anyhow!(damage.text))));
                }
                Err(damage) => return Some(Ok(Found::Damaged(damage.text))),
            };
            match chunks(record) {
                Ok(chunks) => {
                    let messages = chunks.into_iter().rev().map(|chunk| Shown {
                        place: place.clone(),
                        chunk,
                    });
                    self.messages.extend(messages);
                }
                Err(error) => return Some(Ok(Found::Damaged(format!("{place}: {error:#}")))),
            }
        }
    }
}

fn first_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    const ENOUGH: u64 = 4 << 10;
    let mut first = Vec::new();
    File::open(path)?.take(ENOUGH).read_to_end(&mut first)?;
    Ok(first)
}

/// Exporters write no such key, and bodies come last.
fn is_requested(first: &[u8]) -> bool {
    const KEY: &[u8] = b"\"body_base64\"";
    first.starts_with(b"{") && first.windows(KEY.len()).any(|window| window == KEY)
}

fn requested(
    mut lines: impl BufRead,
    name: String,
) -> impl Iterator<Item = Result<(String, Record), Damage>> {
    let mut number = 0;
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        number += 1;
        let place = format!("{name}:{number}");
        // A line that is longer is cut, and then damaged.
        let read = lines
            .by_ref()
            .take(BYTES_MAX as u64)
            .read_until(b'\n', &mut line);
        match read {
            Ok(0) => None,
            Err(error) => Some(Err(Damage {
                text: format!("{place}: {error}"),
                is_last: true,
            })),
            Ok(_) => Some(match serde_json::from_slice(&line) {
                Ok(request) => Ok((place, Record::Requested(request))),
                Err(error) => Err(Damage {
                    text: format!("{place}: {error}"),
                    is_last: false,
                }),
            }),
        }
    })
}

fn chunks(record: Record) -> anyhow::Result<Vec<Chunk>> {
    match record {
        Record::Replayed(Content::Native(messages)) => {
            Ok(messages.into_iter().map(Chunk::Native).collect())
        }
        Record::Replayed(Content::Otlp { signal, request }) => of_otlp(signal, request),
        Record::Requested(request) => {
            let body = BASE64_STANDARD.decode(&request.body_base64);
            let body = body.context("`body_base64` is no base64")?;
            let is_json = request.headers.content_type.contains("json");
            match &*request.path {
                "/v1/traces" => of_request(Signal::Traces, body, is_json),
                "/v1/metrics" => of_request(Signal::Metrics, body, is_json),
                "/v1/logs" => of_request(Signal::Logs, body, is_json),
                "/v3/segments" if is_json => of_segments(&body),
                path => bail!("`{path}` is a path of no request that is known here"),
            }
        }
    }
}

fn of_request(signal: Signal, body: Vec<u8>, is_json: bool) -> anyhow::Result<Vec<Chunk>> {
    let request = match is_json {
        true => json::read(signal, &body)?.wire,
        false => body,
    };
    of_otlp(signal, request.into())
}

fn of_otlp(signal: Signal, request: Bytes) -> anyhow::Result<Vec<Chunk>> {
    let budget = Budget::new(BYTES_MAX);
    let received = receive(signal, request, InvalidUtf8::Repair, &budget)?;
    Ok(received.chunks)
}

fn of_segments(body: &[u8]) -> anyhow::Result<Vec<Chunk>> {
    let budget = Budget::new(BYTES_MAX);
    let list = json::read_list(Native::Segment.schema(), body)?;
    let wire = Bytes::from(list.wire);
    let mut chunks = Vec::new();
    for element in list.elements {
        let message = wire.slice(element);
        let received =
            skywalking::receive(Native::Segment, message, 0, InvalidUtf8::Repair, &budget)?;
        chunks.push(Chunk::Native(received.chunk));
    }
    Ok(chunks)
}
