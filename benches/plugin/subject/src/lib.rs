//! What the benchmark runs: counts spans, looks at the name and one attribute of each, or writes an attribute
//! to each, as its configuration says.

use std::hint::black_box;

use skyferry_plugin_sdk::edit::edit_spans;
use skyferry_plugin_sdk::otlp::ResourceSpans;
use skyferry_plugin_sdk::{
    Description, Error, Host, Kind, Output, Processor, Signal, export_processor,
};

enum Subject {
    Count,
    Look,
    Edit,
}

impl Processor for Subject {
    const DESCRIPTION: Description = Description {
        signals: &[Signal::Traces],
        ..Description::new("subject", env!("CARGO_PKG_VERSION"))
    };

    fn create(config: &str, _: Host) -> Result<Self, String> {
        match config {
            "\"count\"" => Ok(Subject::Count),
            "\"look\"" => Ok(Subject::Look),
            "\"edit\"" => Ok(Subject::Edit),
            other => Err(format!("`{other}` is none of `count`, `look` and `edit`")),
        }
    }

    fn process(&self, kind: Kind, message: &[u8], output: &mut Output<'_>) -> Result<(), Error> {
        match self {
            Subject::Count => {
                black_box(count(message));
            }
            Subject::Look => {
                black_box(look(message));
            }
            Subject::Edit => {
                let edited = edit_spans(message, |_, edit| {
                    edit.set_attribute("app.page", "checkout");
                });
                output.replace(kind, edited);
            }
        }
        Ok(())
    }
}

fn count(message: &[u8]) -> usize {
    let scopes = ResourceSpans::of(message).scopes();
    scopes.map(|scope| scope.spans().count()).sum()
}

/// Spans that fetch something, and the lengths of all names.
fn look(message: &[u8]) -> usize {
    let mut found = 0;
    for span in ResourceSpans::of(message).spans() {
        let method = span.attribute("http.request.method");
        let is_get = method.is_some_and(|method| method.as_str() == Some("GET"));
        found += usize::from(is_get) + span.name().len();
    }
    found
}

export_processor!(Subject);
