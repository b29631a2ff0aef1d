//! A batch as text.

use pdata::{Batch, Chunk, Signal, schema};

use super::config::Verbosity;
use super::text::Text;
use super::{lines, native, tree};

/// The text for one batch, without a line feed at its end. The first line counts what is in it.
pub(super) fn render(batch: &Batch, verbosity: Verbosity) -> String {
    let signal = batch.signal();
    let mut text = Text::default();
    let is_native = |chunk: &&Chunk| matches!(chunk, Chunk::Native(_));
    let messages = batch.chunks().iter().filter(is_native).count();
    let resources = batch.chunks().len() - messages;
    let items = batch.items();
    text.push(format_args!("{signal}: "));
    for (count, name) in [(resources, "resource"), (messages, "message")] {
        if count > 0 {
            text.push(format_args!("{count} {name}{}, ", plural(count)));
        }
    }
    text.push(format_args!(
        "{items} {}{}",
        match signal {
            Signal::Traces => "span",
            Signal::Metrics => "data point",
            Signal::Logs => "log record",
            Signal::Skywalking => "report",
        },
        plural(items),
    ));
    for chunk in batch.chunks() {
        if text.is_full() {
            break;
        }
        match (verbosity, chunk) {
            (Verbosity::Basic, _) => {}
            (Verbosity::Normal, chunk) => {
                let shown = match chunk {
                    Chunk::Otlp(chunk) => lines::items(signal, chunk.framed(), &mut text),
                    Chunk::Native(chunk) => native::items(chunk, &mut text),
                };
                if let Err(error) = shown {
                    text.line(1);
                    text.push(format_args!("(cannot be decoded: {error})"));
                }
            }
            (Verbosity::Detailed, Chunk::Otlp(chunk)) => {
                tree::fields(schema::request(signal), chunk.framed(), 1, &mut text);
            }
            (Verbosity::Detailed, Chunk::Native(chunk)) => {
                text.line(1);
                text.push(chunk.kind().name());
                tree::fields(chunk.kind().schema(), chunk.message(), 2, &mut text);
            }
        }
    }
    text.finish()
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
