//! What the benchmark runs: looks at the name and one attribute of every span, and writes an attribute if
//! its configuration says `{"edit": true}`.

use std::hint::black_box;

use skyferry_plugin_sdk::edit::edit_spans;
use skyferry_plugin_sdk::otlp::ResourceSpans;
use skyferry_plugin_sdk::{
    Description, Error, Host, Kind, Output, Processor, Signal, export_processor,
};

struct Subject {
    edits: bool,
}

impl Processor for Subject {
    const DESCRIPTION: Description = Description {
        signals: &[Signal::Traces],
        ..Description::new("subject", env!("CARGO_PKG_VERSION"))
    };

    fn create(config: &str, _: Host) -> Result<Self, String> {
        Ok(Subject {
            edits: config.contains("true"),
        })
    }

    fn process(&self, kind: Kind, message: &[u8], output: &mut Output<'_>) -> Result<(), Error> {
        if self.edits {
            let edited = edit_spans(message, |_, edit| edit.set_attribute("app.page", "checkout"));
            output.replace(kind, edited);
            return Ok(());
        }
        let mut found = 0;
        for span in ResourceSpans::of(message).spans() {
            let method = span.attribute("http.request.method");
            let is_get = method.is_some_and(|method| method.as_str() == Some("GET"));
            found += usize::from(is_get) + span.name().len();
        }
        black_box(found);
        Ok(())
    }
}

export_processor!(Subject);
