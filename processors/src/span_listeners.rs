//! `span_listeners`: metrics from spans that are no traces, and spans that nobody should store.
//!
//! ```yaml
//! processors:
//!   span_listeners:
//!     listeners:
//!       metrickit: {names: oap}
//!       ios_http: {own_hosts: [telemetry.example.com]}
//! service:
//!   pipelines:
//!     traces: {receivers: [otlp], processors: [span_listeners], exporters: [skywalking]}
//!     metrics: {receivers: [otlp, span_listeners], exporters: [otlp]}
//! ```
//!
//! Every listener is shown the spans of OTLP whose instrumentation scope it asked for, before they
//! are converted or stored. It may derive metrics, add tags, set the resource's layer, and veto
//! keeping the span. What no listener asked for is passed on as the bytes it came in, after one look
//! at the names of its scopes; messages of SkyWalking's own agents always are.
//!
//! To add a listener is to write a file with a [`SpanListener`] and to name it in `Listeners`.

mod bounded;
mod derived;
mod dispatch;
mod ios_http;
mod listener;
mod metrickit;
mod number;

pub use dispatch::Dispatch;
pub use listener::{Kind, Measured, Metric, SpanListener, SpanView, Verdict, Window};

use std::sync::Arc;

use engine::component::{
    BuildContext, BuildError, Configured, Description, Processor, ProcessorFactory,
};
use engine::config::{Problems, Section};
use pdata::Signal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Registers the processor.
pub static FACTORY: &dyn ProcessorFactory = &Factory;

/// Makes `span_listeners` processors.
struct Factory;

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Who listens. An empty key takes that listener's defaults; none at all means every listener.
    listeners: Listeners,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Listeners {
    /// Turns the daily payloads of Apple's MetricKit into metrics, and keeps their spans from every
    /// store.
    metrickit: Option<metrickit::Config>,
    /// Measures the requests of iOS apps, and drops those that carry telemetry.
    ios_http: Option<ios_http::Config>,
}

impl Listeners {
    /// Those that are to listen.
    fn chosen(self) -> Listeners {
        match self {
            Listeners {
                metrickit: None,
                ios_http: None,
            } => Listeners {
                metrickit: Some(metrickit::Config::default()),
                ios_http: Some(ios_http::Config::default()),
            },
            chosen => chosen,
        }
    }

    fn build(self, tally: &Tally<'_>) -> Vec<Box<dyn SpanListener>> {
        let mut listeners: Vec<Box<dyn SpanListener>> = Vec::new();
        let Listeners {
            metrickit,
            ios_http,
        } = self.chosen();
        if let Some(config) = metrickit {
            listeners.push(Box::new(metrickit::MetricKit::new(&config, tally)));
        }
        if let Some(config) = ios_http {
            listeners.push(Box::new(ios_http::IosHttp::new(config, tally)));
        }
        listeners
    }
}

/// Where the listeners of one processor get their counters from.
struct Tally<'a> {
    processor: &'a str,
    metrics: &'a telemetry::Metrics,
}

impl Tally<'_> {
    fn counter(&self, name: &'static str, labels: &[(&'static str, &str)]) -> telemetry::Counter {
        let processor = [("processor", self.processor)];
        self.metrics.counter(name, &[&processor, labels].concat())
    }
}

impl Configured for Factory {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        type_name: "span_listeners",
        aliases: &[],
        signals: &[Signal::Traces],
        summary: "Makes metrics of MetricKit and iOS request spans, and drops what is no trace",
    };

    fn check(config: &Config, problems: &mut Problems) {
        if let Some(ios_http) = &config.listeners.ios_http {
            ios_http.check(problems);
        }
    }
}

impl ProcessorFactory for Factory {
    fn derives(&self) -> &'static [Signal] {
        &[Signal::Metrics]
    }

    fn build(
        &self,
        section: &Section,
        context: &mut BuildContext,
    ) -> Result<Processor, BuildError> {
        let config = Factory::read(section)?;
        let id = section.id().to_string();
        let tally = Tally {
            processor: &id,
            metrics: &context.metrics,
        };
        let listeners = config.listeners.build(&tally);
        let dispatch = Dispatch::new(listeners, &id, &context.metrics);
        Ok(Processor::Deriver(Arc::new(dispatch)))
    }
}

#[cfg(test)]
mod testkit;
#[cfg(test)]
mod tests;
