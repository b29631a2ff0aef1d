//! `request_histogram`: how long the requests of mini programs take, from their spans.
//!
//! ```yaml
//! processors:
//!   request_histogram: {path_groups: [/api/users/*]}
//! service:
//!   pipelines:
//!     traces: {receivers: [skywalking, otlp], processors: [platform, request_histogram], exporters: [skywalking]}
//!     metrics: {receivers: [otlp], processors: [platform, request_histogram], exporters: [otlp_http]}
//!     metrics/requests: {receivers: [request_histogram], exporters: [otlp_http]}
//! ```
//!
//! Every client span and every exit span of a segment that tells a method and whose resource or segment
//! has a `miniprogram.platform` is a request. They become delta histograms named
//! `miniprogram.request.duration`, with the attributes that the mini programs' SDK gives its own.
//!
//! The SDK sends that histogram itself unless it is told not to. A service whose own histogram came
//! through a pipeline of metrics that names this processor is left out, so that nothing is counted twice.
//! It is the service that is left out, whatever its instance: the SDK's segments have no version, and `-`
//! for an instance where its metrics have none, so that the two cannot be told to be of the same one. A
//! request that is not counted is seen in the counter of those left out; one that is counted twice is
//! seen nowhere. Requests that come before the first histogram of their service are counted. What
//! another Skyferry in front of this one has derived counts as the service's own.
//!
//! The page is the one on which the request began, as the span has it; the SDK's histogram has the one
//! on which the answer came.

use std::sync::Arc;

use engine::component::{
    BuildContext, BuildError, Configured, Derivation, Deriver, Description, Processor,
    ProcessorFactory,
};
use engine::config::{Problems, Section};
use pdata::{Batch, Chunk, OtlpChunk, Signal};
use telemetry::{Counter, Metrics};

mod config;
mod groups;
mod own;
mod requests;
mod tally;

use config::Config;
use groups::PathGroups;
use own::OwnHistograms;
use requests::Request;
use tally::Tally;

/// Registers the processor.
pub static FACTORY: &dyn ProcessorFactory = &Factory;

/// What the SDK calls its histogram, and what is derived.
const NAME: &str = "miniprogram.request.duration";

/// Makes `request_histogram` processors.
struct Factory;

impl Configured for Factory {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        type_name: "request_histogram",
        aliases: &[],
        signals: &[Signal::Traces, Signal::Metrics],
        summary: "Derives the duration of mini programs' requests from their spans",
    };

    fn check(config: &Config, problems: &mut Problems) {
        config.check(problems);
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
        let config = Self::read(section)?;
        let processor = section.id().to_string();
        let histogram = RequestHistogram::new(&processor, &config, &context.metrics);
        Ok(Processor::Deriver(Arc::new(histogram)))
    }
}

/// Derives the histogram from spans, and watches metrics for the SDK's own.
struct RequestHistogram {
    bounds: Vec<f64>,
    groups: PathGroups,
    own: OwnHistograms,
    counted: Counter,
    /// Of services that send the histogram themselves.
    skipped_as_own: Counter,
    /// That end before they start, or do not tell when they were.
    skipped_without_duration: Counter,
    ungrouped: Counter,
}

impl RequestHistogram {
    fn new(processor: &str, config: &Config, metrics: &Metrics) -> Self {
        metrics.describe(
            "skyferry_request_histogram_requests_total",
            "requests that went into a derived histogram",
        );
        metrics.describe(
            "skyferry_request_histogram_skipped_requests_total",
            "requests that did not, by reason; `own_histogram`: their service sends one itself",
        );
        metrics.describe(
            "skyferry_request_histogram_ungrouped_requests_total",
            "requests whose path no group fits",
        );
        let labels = [("processor", processor)];
        let skipped = |reason| {
            let labels = [labels[0], ("reason", reason)];
            metrics.counter("skyferry_request_histogram_skipped_requests_total", &labels)
        };
        RequestHistogram {
            bounds: config.bounds.clone(),
            groups: PathGroups::new(&config.path_groups),
            own: OwnHistograms::new(config.own_histogram_expires.into()),
            counted: metrics.counter("skyferry_request_histogram_requests_total", &labels),
            skipped_as_own: skipped("own_histogram"),
            skipped_without_duration: skipped("no_duration"),
            ungrouped: metrics.counter(
                "skyferry_request_histogram_ungrouped_requests_total",
                &labels,
            ),
        }
    }

    /// The histograms of the requests in a batch of spans.
    fn histograms(&self, batch: &Batch) -> Option<Batch> {
        let now = batch.origin().arrived_unix_nano;
        let mut tally = Tally::default();
        for chunk in batch.chunks() {
            let mut left_out = None;
            requests::each(chunk, &self.groups, |request| {
                let service = request.resource.service;
                // All requests of a chunk are of one service, which is asked about once.
                let is_left_out = *left_out.get_or_insert_with(|| self.own.has_sent(service, now));
                self.count(&request, is_left_out, &mut tally);
            });
        }
        let chunks: Vec<_> = tally.into_chunks(&self.bounds).map(Chunk::Otlp).collect();
        (!chunks.is_empty())
            .then(|| Batch::new(Signal::Metrics, chunks, Arc::clone(batch.origin())))
    }

    fn count<'a>(&self, request: &Request<'a>, is_left_out: bool, tally: &mut Tally<'a>) {
        if is_left_out {
            return self.skipped_as_own.increment(1);
        }
        if !tally.add(request, &self.bounds) {
            return self.skipped_without_duration.increment(1);
        }
        self.counted.increment(1);
        if request.series.group == Some(groups::OTHER) {
            self.ungrouped.increment(1);
        }
    }

    /// Remembers the services that send the histogram themselves.
    fn watch(&self, batch: &Batch) {
        for chunk in batch.chunks() {
            let Chunk::Otlp(chunk) = chunk else { continue };
            if has_histogram(chunk) {
                let service = chunk.resource_attribute("service.name");
                let service = service.and_then(|name| name.as_str()).unwrap_or_default();
                self.own.saw(service, batch.origin().arrived_unix_nano);
            }
        }
    }
}

fn has_histogram(chunk: &OtlpChunk) -> bool {
    chunk
        .scopes()
        .any(|scope| scope.records().any(|metric| metric.name() == NAME))
}

impl Deriver for RequestHistogram {
    fn derive(&self, batch: Batch) -> Derivation {
        let derived = match batch.signal() {
            Signal::Traces => self.histograms(&batch),
            _ => {
                self.watch(&batch);
                None
            }
        };
        Derivation {
            main: Some(batch),
            derived: derived.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests;
