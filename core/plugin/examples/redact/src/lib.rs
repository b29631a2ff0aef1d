//! Takes the numbers of mobile phones out of page paths and log bodies: the reference plugin.
//!
//! It uses all of what a plugin can do: it edits attributes, names and bodies, drops spans, derives an
//! attribute and a metric, and has a configuration with a schema. It keeps no state but the time of its last
//! metric, so that it works in parallel.

use std::sync::atomic::{AtomicU64, Ordering};

use skyferry_plugin_sdk::edit::{edit_logs, edit_points, edit_spans};
use skyferry_plugin_sdk::otlp::{
    AnyValue, Attributes, EncodedValue, Interval, KeyValue, MetricsMessage, Sum,
};
use skyferry_plugin_sdk::{Description, Error, Host, Kind, Output, Processor, Signal};

mod config;
mod page;
mod phone;

use config::Config;

pub struct Redact {
    config: Config,
    host: Host,
    /// When redactions were counted last, in nanoseconds since the epoch.
    counted: AtomicU64,
}

skyferry_plugin_sdk::export_processor!(Redact);

impl Processor for Redact {
    const DESCRIPTION: Description = Description {
        summary: "Takes phone numbers out of page paths and log bodies",
        signals: &[Signal::Traces, Signal::Metrics, Signal::Logs],
        emits: &[Signal::Metrics],
        parallel: true,
        schema: include_str!("../config.schema.json"),
        ..Description::new("redact", env!("CARGO_PKG_VERSION"))
    };

    fn create(config: &str, host: Host) -> Result<Self, String> {
        Ok(Redact {
            config: Config::read(config)?,
            counted: AtomicU64::new(host.now_unix_nano()),
            host,
        })
    }

    fn process(&self, kind: Kind, message: &[u8], output: &mut Output<'_>) -> Result<(), Error> {
        let mut redactions = 0;
        let changed = match kind {
            Kind::Traces => self.spans(message, &mut redactions),
            Kind::Logs => self.logs(message, &mut redactions),
            Kind::Metrics => self.points(message, &mut redactions),
            Kind::Segment => None,
        };
        output.replace(kind, changed);
        // What replaces metrics and what is derived from them would be of the same signal.
        if redactions > 0 && self.config.count && kind != Kind::Metrics {
            output.emit(Kind::Metrics, self.metric(kind, message, redactions));
        }
        self.host.counter("redactions", redactions);
        Ok(())
    }
}

impl Redact {
    fn spans(&self, message: &[u8], redactions: &mut u64) -> Option<Vec<u8>> {
        edit_spans(message, |span, edit| {
            let route = span.attribute("http.route");
            let route = route.and_then(|route| route.as_str());
            if self.config.drops(route.unwrap_or(span.name())) {
                edit.drop_span();
                return;
            }
            if let Some(name) = self.clean(span.name(), redactions) {
                edit.set_name(&name);
            }
            for (key, value) in self.dirty(span.attributes(), redactions) {
                edit.set_attribute(key, &value);
            }
            if let Some((key, page)) = self.page(span.attributes()) {
                edit.set_attribute(key, &page);
            }
        })
    }

    fn logs(&self, message: &[u8], redactions: &mut u64) -> Option<Vec<u8>> {
        edit_logs(message, |record, edit| {
            if let Some(body) = self.clean_value(record.body(), redactions) {
                edit.set_body(&body);
            }
            for (key, value) in self.dirty(record.attributes(), redactions) {
                edit.set_attribute(key, &value);
            }
            if let Some((key, page)) = self.page(record.attributes()) {
                edit.set_attribute(key, &page);
            }
        })
    }

    fn points(&self, message: &[u8], redactions: &mut u64) -> Option<Vec<u8>> {
        edit_points(message, |_, point, edit| {
            for (key, value) in self.dirty(point.attributes(), redactions) {
                edit.set_attribute(key, &value);
            }
        })
    }

    /// Configured attributes with phone numbers, and what they become.
    fn dirty<'a>(
        &self,
        attributes: Attributes<'a>,
        redactions: &mut u64,
    ) -> impl Iterator<Item = (&'a str, EncodedValue)> {
        attributes
            .filter(|attribute| self.config.names(attribute))
            .filter_map(|attribute: KeyValue<'a>| {
                let value = self.clean_value(attribute.value(), redactions)?;
                Some((attribute.key(), value))
            })
    }

    /// A value without phone numbers, if it had any, however deep they were.
    fn clean_value(&self, value: AnyValue<'_>, redactions: &mut u64) -> Option<EncodedValue> {
        match value {
            AnyValue::String(_) | AnyValue::Array(_) | AnyValue::KeyValues(_) => {
                value.change_strings(|text| self.clean(text, redactions))
            }
            _ => None,
        }
    }

    fn clean(&self, text: &str, redactions: &mut u64) -> Option<String> {
        let (clean, found) = phone::mask(text, &self.config.mask)?;
        *redactions += found;
        Some(clean)
    }

    /// The attribute to derive, and the page as it is after redaction.
    fn page(&self, attributes: Attributes<'_>) -> Option<(&str, String)> {
        let key = self.config.page.as_deref()?;
        let mut named = attributes.filter(|attribute| self.config.names(attribute));
        let path = named.find_map(|attribute| attribute.value().as_str())?;
        let page = page::of(path);
        let clean = phone::mask(page, &self.config.mask);
        Some((
            key,
            clean.map_or_else(|| page.to_owned(), |(clean, _)| clean),
        ))
    }

    /// What was redacted in one message, under the resource of that message.
    fn metric(&self, kind: Kind, message: &[u8], redactions: u64) -> Vec<u8> {
        let now = self.host.now_unix_nano();
        let interval = Interval {
            start_time_unix_nano: self.counted.swap(now, Ordering::Relaxed),
            time_unix_nano: now,
        };
        let signal = match kind.signal() {
            Signal::Traces => "traces",
            Signal::Metrics => "metrics",
            Signal::Logs => "logs",
        };
        let redactions = i64::try_from(redactions).unwrap_or(i64::MAX);
        let attributes = [("signal", AnyValue::from(signal))];
        let sum = Sum::new("redact.redactions", "{redaction}");
        MetricsMessage::with_resource_of(message)
            .sum(sum.point(interval, &attributes, redactions))
            .finish("redact")
    }
}

#[cfg(test)]
mod tests;
