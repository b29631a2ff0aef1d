//! Counters, gauges and histograms, rendered for Prometheus.

use std::sync::Arc;

use metrics::{Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use parking_lot::Mutex;

pub use metrics::{Counter, Gauge, Histogram};

/// The registry all handles of one process come from. Clones share it.
#[derive(Clone)]
pub struct Metrics {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
    gauges: Arc<Mutex<Vec<Refresh>>>,
}

/// Sets gauges that are read from a state rather than kept with every change of it.
type Refresh = Box<dyn Fn() + Send + Sync>;

/// Upper bounds of the buckets of every histogram: fine where times in seconds are, and coarse where sizes
/// are.
const BUCKETS: [f64; 20] = [
    0.000_01, 0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0,
];

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}

impl Metrics {
    pub fn new() -> Self {
        let builder = PrometheusBuilder::new().set_buckets(&BUCKETS);
        let builder = builder.expect("there are buckets");
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        Metrics {
            recorder: Arc::new(recorder),
            handle,
            gauges: Arc::default(),
        }
    }

    /// Takes what histograms have recorded since the last time out of their buffers, which grow until then.
    /// Whoever uses one calls this from time to time, since nobody may ever render.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    /// Calls `refresh` before every rendering; it must not render.
    pub fn before_render(&self, refresh: impl Fn() + Send + Sync + 'static) {
        self.gauges.lock().push(Box::new(refresh));
    }

    pub fn counter(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Counter {
        self.recorder
            .register_counter(&key(name, labels), &METADATA)
    }

    pub fn gauge(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Gauge {
        self.recorder.register_gauge(&key(name, labels), &METADATA)
    }

    pub fn histogram(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Histogram {
        self.recorder
            .register_histogram(&key(name, labels), &METADATA)
    }

    /// The help text of a metric, shown in every scrape.
    pub fn describe(&self, name: &'static str, help: &'static str) {
        self.recorder
            .describe_counter(name.into(), None, help.into());
    }

    /// All metrics in Prometheus' text format.
    pub fn render(&self) -> String {
        self.gauges.lock().iter().for_each(|refresh| refresh());
        self.handle.run_upkeep();
        self.handle.render()
    }

    /// The value of one series as rendered, for accounts printed at the end of a run.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let rendered = self.render();
        rendered.lines().find_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (found, found_labels) = series.split_once('{').unwrap_or((series, ""));
            let holds =
                |(key, value): &(&str, &str)| found_labels.contains(&format!("{key}=\"{value}\""));
            (found == name && labels.iter().all(holds)).then(|| value.parse().ok())?
        })
    }
}

fn key(name: &'static str, labels: &[(&'static str, &str)]) -> Key {
    let labels: Vec<_> = labels
        .iter()
        .map(|(key, value)| Label::new(*key, (*value).to_owned()))
        .collect();
    Key::from_parts(name, labels)
}

static METADATA: Metadata<'static> = Metadata::new("skyferry", Level::INFO, None);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_names_and_labels_as_given() {
        let metrics = Metrics::new();
        let sent = metrics.counter("otelcol_exporter_sent_spans", &[("exporter", "otlp/a")]);
        sent.increment(3);
        metrics.gauge("otelcol_exporter_queue_size", &[]).set(7.0);
        let text = metrics.render();
        assert!(
            text.contains("otelcol_exporter_sent_spans{exporter=\"otlp/a\"} 3"),
            "{text}"
        );
        assert!(text.contains("otelcol_exporter_queue_size 7"), "{text}");
        assert_eq!(
            metrics.value("otelcol_exporter_sent_spans", &[("exporter", "otlp/a")]),
            Some(3.0)
        );
        assert_eq!(
            metrics.value("otelcol_exporter_sent_spans", &[("exporter", "b")]),
            None
        );
    }
}
