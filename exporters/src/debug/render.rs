//! A batch as text.

use pdata::{Batch, Chunk, Signal, schema};

use super::config::Verbosity;
use super::text::Text;
use super::{lines, tree};

/// The text for one batch, without a line feed at its end. The first line counts what is in it.
pub(super) fn render(batch: &Batch, verbosity: Verbosity) -> String {
    let signal = batch.signal();
    let mut text = Text::default();
    let resources = batch.chunks().len();
    let items = batch.items();
    text.push(format_args!(
        "{signal}: {resources} resource{}, {items} {}{}",
        plural(resources),
        match signal {
            Signal::Traces => "span",
            Signal::Metrics => "data point",
            Signal::Logs => "log record",
        },
        plural(items),
    ));
    for chunk in batch.chunks() {
        if text.is_full() {
            break;
        }
        let Chunk::Otlp(chunk) = chunk else {
            unreachable!("pipelines of OTLP signals carry OTLP chunks")
        };
        match verbosity {
            Verbosity::Basic => {}
            Verbosity::Normal => {
                if let Err(error) = lines::items(signal, chunk.framed(), &mut text) {
                    text.line(1);
                    text.push(format_args!("(cannot be decoded: {error})"));
                }
            }
            Verbosity::Detailed => {
                tree::fields(schema::request(signal), chunk.framed(), 1, &mut text);
            }
        }
    }
    text.finish()
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
