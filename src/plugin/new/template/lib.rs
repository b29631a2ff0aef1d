//! A plugin that masks long numbers, such as those of phones, in attributes and log bodies.
//!
//! It is small and it works; change it into what you need. `cargo doc --open` shows what else the SDK has.

use skyferry_plugin_sdk::edit::{edit_logs, edit_spans};
use skyferry_plugin_sdk::{Description, Error, Host, Kind, Output, Processor, Signal, json};

/// Shorter runs of digits are left alone.
const DIGITS_MIN: usize = 8;

/// One instance of the plugin. Skyferry makes one for all pipelines that name the processor.
struct Mask {
    attributes: Vec<String>,
    mask: String,
    host: Host,
}

// Makes the library: everything that Skyferry calls is generated from `Mask` here.
skyferry_plugin_sdk::export_processor!(Mask);

impl Processor for Mask {
    // What Skyferry knows before it makes an instance. `skyferry plugin inspect` shows it.
    const DESCRIPTION: Description = Description {
        summary: "Masks long numbers in attributes and log bodies",
        signals: &[Signal::Traces, Signal::Logs],
        // `process` has no state, so several threads may run it at once.
        parallel: true,
        schema: include_str!("../config.schema.json"),
        ..Description::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
    };

    // `config` is the `config:` of the YAML file as JSON. It has passed the schema above, so that only what a
    // schema cannot say has to be checked here.
    fn create(config: &str, host: Host) -> Result<Self, String> {
        let config = json::parse(config)?;
        let mut attributes: Vec<_> = config.texts("attributes").map(str::to_owned).collect();
        if config.get("attributes").is_none() {
            attributes.push("url.path".to_owned());
        }
        let mask = config.text("mask").unwrap_or("***").to_owned();
        Ok(Mask {
            attributes,
            mask,
            host,
        })
    }

    // One message: everything that one resource has sent at once, as bytes of OTLP. An edit copies what it does
    // not touch, and is `None` where nothing changed; `replace` takes it as it is.
    fn process(&self, kind: Kind, message: &[u8], output: &mut Output<'_>) -> Result<(), Error> {
        let mut masked = 0;
        let changed = match kind {
            Kind::Traces => edit_spans(message, |span, edit| {
                for attribute in span.attributes().filter(|it| self.names(it.key())) {
                    let value = attribute.value();
                    if let Some(text) = value.as_str().and_then(|text| self.clean(text)) {
                        edit.set_attribute(attribute.key(), &text);
                        masked += 1;
                    }
                }
            }),
            Kind::Logs => edit_logs(message, |record, edit| {
                if let Some(text) = record.body().as_str().and_then(|text| self.clean(text)) {
                    edit.set_body(&text);
                    masked += 1;
                }
            }),
            // Not among the signals above, so these do not come.
            Kind::Metrics | Kind::Segment => None,
        };
        output.replace(kind, changed);
        // A counter of the plugin's own, among the metrics of Skyferry.
        self.host.counter("masked", masked);
        Ok(())
    }
}

impl Mask {
    fn names(&self, key: &str) -> bool {
        self.attributes.iter().any(|named| named == key)
    }

    /// The text with its long numbers masked, if it has any.
    fn clean(&self, text: &str) -> Option<String> {
        let mut clean = String::new();
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let digits = rest[start..].find(|c: char| !c.is_ascii_digit());
            let end = digits.map_or(rest.len(), |digits| start + digits);
            clean.push_str(&rest[..start]);
            let number = &rest[start..end];
            let is_masked = number.len() >= DIGITS_MIN;
            clean.push_str(if is_masked { &self.mask } else { number });
            rest = &rest[end..];
        }
        clean.push_str(rest);
        (clean != text).then_some(clean)
    }
}

#[cfg(test)]
mod tests {
    use skyferry_plugin_sdk::testing::{Bench, log, logs, span, spans};

    use super::*;

    #[test]
    fn masks_long_numbers() {
        let bench = Bench::<Mask>::new(r##"{"mask": "#"}"##).unwrap();
        let message = spans([span("GET").attribute("url.path", "/user/13912345678")]);
        let after = bench.process(Kind::Traces, &message).unwrap();
        assert_eq!(
            after.messages,
            [spans([span("GET").attribute("url.path", "/user/#")])]
        );

        let after = bench
            .process(Kind::Logs, &logs([log("call 13912345678")]))
            .unwrap();
        assert_eq!(after.messages, [logs([log("call #")])]);
        assert_eq!(bench.counter("masked"), 2);
    }

    #[test]
    fn leaves_everything_else_alone() {
        let bench = Bench::<Mask>::new("{}").unwrap();
        let message = spans([span("GET").attribute("url.path", "/v2/items/404")]);
        assert!(bench.process(Kind::Traces, &message).unwrap().is_unchanged);
    }
}
