//! The logs that `explain` is given: written down for it, or as a client sends them.

use bytes::Bytes;
use lal::{Log, SOURCE_BYTES_MAX, Source, case};
use pdata::otlp::{self, InvalidUtf8};
use pdata::skywalking::Kind;
use pdata::{Budget, Chunk, NativeChunk, Signal, json};
use processors::lal::each_log;
use serde_json::Value as Json;

use super::{counted, tell};
use crate::failure::Failure;

/// For the repair of text that is no UTF-8.
const BUDGET_BYTES: usize = 4 * SOURCE_BYTES_MAX;

pub(super) enum Logs {
    Written(Box<case::Input>),
    Sent(Vec<Chunk>),
}

impl Logs {
    /// Reads an input of a test, requests of OTLP in JSON one behind the other, or one `LogData` in
    /// JSON or a list of them.
    pub(super) fn read(source: &Source) -> Result<Logs, Failure> {
        let mut values = serde_json::Deserializer::from_str(&source.text).into_iter::<Json>();
        let mut chunks = Vec::new();
        let mut start = 0;
        while let Some(Ok(value)) = values.next() {
            let end = values.byte_offset();
            let text = source.text[start..end].trim_start().as_bytes();
            start = end;
            let read = if is_request(&value) {
                requests(text)
            } else if is_log_data(&value) {
                messages(text, &value)
            } else {
                break;
            };
            let read = read.map_err(|error| Failure::Rules(format!("{}: {error}", source.name)));
            chunks.extend(read?);
        }
        if !chunks.is_empty() {
            return Ok(Logs::Sent(chunks));
        }
        let input = case::input(source).map_err(|findings| {
            let errors = counted(tell(&findings).errors, "error");
            Failure::Rules(format!("{errors} in the log"))
        })?;
        Ok(Logs::Written(Box::new(input)))
    }

    pub(super) fn each(&self, mut show: impl FnMut(&dyn Log)) {
        match self {
            Logs::Written(input) => show(&**input),
            Logs::Sent(chunks) => {
                for chunk in chunks {
                    each_log(chunk, &mut show);
                }
            }
        }
    }
}

fn is_request(value: &Json) -> bool {
    value
        .get("resourceLogs")
        .or(value.get("resource_logs"))
        .is_some()
}

/// What an input of a test writes as text, a `LogData` has as objects.
fn is_log_data(value: &Json) -> bool {
    let log = value.get(0).unwrap_or(value);
    let is_object = |key| log.get(key).is_some_and(Json::is_object);
    is_object("body") || log.get("serviceInstance").is_some() || log.get("traceContext").is_some()
}

fn requests(text: &[u8]) -> anyhow::Result<Vec<Chunk>> {
    let read = json::read(Signal::Logs, text)?;
    let budget = Budget::new(BUDGET_BYTES);
    let received = otlp::receive(Signal::Logs, read.wire.into(), InvalidUtf8::Repair, &budget)?;
    Ok(received.chunks)
}

fn messages(text: &[u8], value: &Json) -> anyhow::Result<Vec<Chunk>> {
    let chunk = |message: Bytes| Chunk::Native(NativeChunk::from_checked(Kind::Log, message, 0));
    let shape = Kind::Log.schema();
    if !value.is_array() {
        let read = json::read_message(shape, text)?;
        return Ok(vec![chunk(read.wire.into())]);
    }
    let list = json::read_list(shape, text)?;
    let wire = Bytes::from(list.wire);
    let messages = list.elements.into_iter();
    Ok(messages.map(|range| chunk(wire.slice(range))).collect())
}
