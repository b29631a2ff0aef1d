//! The graph as a whole, with components that live here.

use std::sync::Arc;
use std::time::Duration;

use engine::component::BuildContext;
use engine::config::{Diagnostics, Document, Inputs, SourceArg, load};
use engine::run::{RunReport, RunSettings};
use engine::testkit::{Answer, ScriptedExporter, batch};
use engine::{Graph, Leases, Plan, Refusal, Registry, Reload, Shutdown};
use pdata::{Batch, Budget, Signal};
use tokio::sync::oneshot;

mod components;

use components::{Bench, FACTORIES, Feeds};

struct NoInputs;

impl Inputs for NoInputs {
    fn env(&self, _: &str) -> Option<std::ffi::OsString> {
        None
    }

    fn read(&self, _: &std::path::Path) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

fn planned(yaml: &str) -> Result<(Document, Plan, Registry), Diagnostics> {
    let registry = Registry::new(&FACTORIES);
    let loaded = load(
        &[SourceArg::Config(format!("yaml:{yaml}"))],
        &NoInputs,
        &registry,
    )?;
    let plan = Plan::new(&loaded.document, &registry)?;
    Ok((loaded.document, plan, registry))
}

/// A running graph.
struct Rig {
    feeds: Feeds,
    stop: Shutdown,
    running: tokio::task::JoinHandle<RunReport>,
    metrics: telemetry::Metrics,
}

fn started(yaml: &str, exporters: &[(&str, &Arc<ScriptedExporter>)]) -> Rig {
    let (document, plan, registry) = planned(yaml).unwrap_or_else(|found| panic!("{found}"));
    let metrics = telemetry::Metrics::new();
    let mut context = BuildContext {
        metrics: metrics.clone(),
        health: telemetry::Health::default(),
        budget: Budget::new(1 << 30),
        data_dir: "unused".into(),
        leases: Leases::default(),
        reload: Reload::default(),
    };
    let bench = context.leases.table::<Bench>();
    bench.exporters = exporters
        .iter()
        .map(|(id, exporter)| ((*id).to_owned(), (*exporter).clone()))
        .collect();
    let graph = Graph::build(&document, &plan, &registry, &mut context)
        .unwrap_or_else(|found| panic!("{found}"));
    let feeds = context.leases.table::<Bench>().feeds.lock().clone();
    let stop = Shutdown::default();
    let settings = RunSettings {
        shutdown_timeout: Duration::from_secs(10),
    };
    let runtime = tokio::runtime::Handle::current();
    let running = graph.run(runtime.clone(), stop.clone(), settings);
    Rig {
        feeds,
        stop,
        running: runtime.spawn(running),
        metrics,
    }
}

impl Rig {
    async fn send(&self, batch: Batch) -> Result<(), Refusal> {
        let (answer, answered) = oneshot::channel();
        self.feeds[0]
            .1
            .send((batch, answer))
            .await
            .expect("the receiver runs");
        answered.await.expect("the receiver answers")
    }

    async fn ended(self) -> RunReport {
        self.stop.begin();
        self.running.await.expect("the run does not panic")
    }
}

const DERIVING: &str = "
receivers: {source: }
processors: {counting: }
exporters: {sink/spans: {queue: true}, sink/points: {queue: false}}
service:
  pipelines:
    traces: {receivers: [source], processors: [counting], exporters: [sink/spans]}
    metrics: {receivers: [counting], exporters: [sink/points]}
";

#[tokio::test(start_paused = true)]
async fn what_a_processor_derives_reaches_the_pipeline_that_lists_it() {
    let (spans, points) = (ScriptedExporter::new([]), ScriptedExporter::new([]));
    let rig = started(
        DERIVING,
        &[("sink/spans", &spans), ("sink/points", &points)],
    );
    rig.send(batch(Signal::Traces, 5))
        .await
        .expect("both take it");
    let metrics = rig.metrics.clone();
    let report = rig.ended().await;
    assert_eq!((spans.items(), points.items(), report.lost()), (5, 5, 0));
    let value = |name, label: (&str, &str)| metrics.value(name, &[label]);
    let traces = ("pipeline", "traces");
    assert_eq!(
        value("skyferry_pipeline_accepted_items_total", traces),
        Some(5.0)
    );
    assert_eq!(
        value("skyferry_pipeline_enqueued_items_total", traces),
        Some(5.0)
    );
    let counting = ("processor", "counting");
    assert_eq!(
        value("skyferry_processor_derived_items_total", counting),
        Some(5.0)
    );
}

#[tokio::test(start_paused = true)]
async fn what_may_be_derived_and_nobody_takes_is_dropped_and_counted() {
    let yaml = "
receivers: {source: }
processors: {seldom: }
exporters: {sink: {queue: true}}
service: {pipelines: {traces: {receivers: [source], processors: [seldom], exporters: [sink]}}}
";
    let spans = ScriptedExporter::new([]);
    let rig = started(yaml, &[("sink", &spans)]);
    for items in [5, 13] {
        let sent = rig.send(batch(Signal::Traces, items)).await;
        sent.expect("nothing refuses it");
    }
    let labels = [("processor", "seldom"), ("signal", "metrics")];
    let name = "skyferry_processor_derived_dropped_items_total";
    assert_eq!(rig.metrics.value(name, &labels), Some(18.0));
    rig.ended().await;
    assert_eq!(spans.items(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_main_pipeline_derives_nothing() {
    let points = ScriptedExporter::new([]);
    let yaml = DERIVING.replace("queue: true", "queue: false");
    let error = engine::ExportError::retry("backend answers 503");
    let spans = ScriptedExporter::new([Answer::Fail(error)]);
    let rig = started(&yaml, &[("sink/spans", &spans), ("sink/points", &points)]);
    rig.send(batch(Signal::Traces, 5))
        .await
        .expect_err("the main pipeline refuses");
    assert_eq!(points.items(), 0);
    rig.send(batch(Signal::Traces, 5))
        .await
        .expect("the resend is taken");
    rig.ended().await;
    assert_eq!((spans.items(), points.items()), (5, 5), "counted once");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_derived_side_is_retried_and_refuses_nobody() {
    let spans = ScriptedExporter::new([]);
    let error = engine::ExportError::retry("backend answers 503");
    let points = ScriptedExporter::new(vec![Answer::Fail(error); 3]);
    let rig = started(
        DERIVING,
        &[("sink/spans", &spans), ("sink/points", &points)],
    );
    rig.send(batch(Signal::Traces, 5))
        .await
        .expect("the main pipeline takes it");
    points.eventually(|points| points.items() == 5).await;
    assert_eq!(points.attempts().len(), 4);
    rig.ended().await;
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_left_the_derived_sides_answer_is_the_answer() {
    let spans = ScriptedExporter::new([]);
    let error = engine::ExportError::retry("backend answers 503");
    let points = ScriptedExporter::new([Answer::Fail(error)]);
    let rig = started(
        DERIVING,
        &[("sink/spans", &spans), ("sink/points", &points)],
    );
    rig.send(batch(Signal::Traces, 13))
        .await
        .expect_err("the derived side refuses");
    rig.send(batch(Signal::Traces, 13))
        .await
        .expect("it takes the resend");
    rig.ended().await;
    assert_eq!((spans.items(), points.items()), (0, 13));
}

#[tokio::test(start_paused = true)]
async fn a_guest_refuses_the_sender_knows_its_pipelines_and_is_asked_at_the_end() {
    let yaml = "
receivers: {source: }
processors: {gathering: }
exporters: {sink/spans: {queue: true}, sink/points: {queue: true}}
service:
  pipelines:
    traces/a: {receivers: [source], processors: [gathering], exporters: [sink/spans]}
    traces/b: {receivers: [source], processors: [gathering], exporters: [sink/spans]}
    metrics: {receivers: [gathering], exporters: [sink/points]}
";
    let (spans, points) = (ScriptedExporter::new([]), ScriptedExporter::new([]));
    let rig = started(yaml, &[("sink/spans", &spans), ("sink/points", &points)]);
    let refusal = rig.send(batch(Signal::Traces, 1)).await;
    assert_eq!(refusal, Err(Refusal::reject("one span is none")));
    rig.send(batch(Signal::Traces, 5))
        .await
        .expect("it is taken");
    rig.ended().await;
    assert_eq!((spans.items(), points.items()), (10, 5));
}

#[track_caller]
fn refused(yaml: &str, expected: &str) {
    let Err(found) = planned(yaml) else {
        panic!("accepted, expected: {expected}")
    };
    let rendered = found.render(false);
    assert!(
        rendered.contains(expected),
        "expected `{expected}` in:\n{rendered}"
    );
}

#[test]
fn deriving_into_nothing_is_an_error_at_its_place() {
    let yaml = DERIVING.replace(
        "    metrics: {receivers: [counting], exporters: [sink/points]}\n",
        "",
    );
    refused(&yaml, "what processor `counting` derives goes nowhere");
    refused(
        &yaml,
        "7 |     traces: {receivers: [source], processors: [counting]",
    );
}

#[test]
fn a_processor_cannot_feed_a_signal_it_does_not_derive() {
    let yaml = DERIVING.replace("    metrics: {", "    logs: {");
    refused(
        &yaml,
        "processor `counting` derives metrics, so it cannot feed a logs pipeline",
    );
}

#[test]
fn a_cycle_of_pipelines_is_an_error() {
    let yaml = DERIVING.replace(
        "metrics: {receivers: [counting], exporters",
        "metrics: {receivers: [counting], processors: [counting], exporters",
    );
    refused(&yaml, "pipelines feed each other: metrics -> metrics");
}

#[test]
fn every_component_that_cannot_be_built_is_reported_with_its_place() {
    let yaml = "
receivers: {source: }
exporters:
  sink/a: {fail_build: true}
  sink/b: {fail_build: true}
service:
  pipelines:
    traces: {receivers: [source], exporters: [sink/a, sink/b]}
";
    let (document, plan, registry) = planned(yaml).unwrap_or_else(|found| panic!("{found}"));
    let mut context = BuildContext {
        metrics: telemetry::Metrics::new(),
        health: telemetry::Health::default(),
        budget: Budget::new(1),
        data_dir: "unused".into(),
        leases: Leases::default(),
        reload: Reload::default(),
    };
    let Err(found) = Graph::build(&document, &plan, &registry, &mut context) else {
        panic!("both exporters were told to fail")
    };
    let rendered = found.render(false);
    assert_eq!(rendered.matches("told to fail").count(), 2, "{rendered}");
    assert!(
        rendered.contains("sink/b: {fail_build: true}"),
        "{rendered}"
    );
}
