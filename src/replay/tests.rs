use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use engine::component::{Decision, Delivery, ExportError, Exporter};
use pdata::{Signal, json};

use super::*;

/// Answers in this order, then takes everything; remembers how many items each attempt had.
#[derive(Default)]
struct Backend {
    answers: Mutex<VecDeque<Result<Delivery, ExportError>>>,
    attempts: Mutex<Vec<usize>>,
}

#[async_trait]
impl Exporter for Backend {
    async fn export(&self, batch: &Batch) -> Result<Delivery, ExportError> {
        self.attempts.lock().push(batch.items());
        self.answers
            .lock()
            .pop_front()
            .unwrap_or(Ok(Delivery::default()))
    }
}

fn refused(decision: Decision) -> Result<Delivery, ExportError> {
    Err(ExportError::new(decision, "as the test wants it"))
}

fn retry(after: Option<Duration>) -> Result<Delivery, ExportError> {
    refused(Decision::Retry { after })
}

fn logs(count: usize) -> Batch {
    let records = vec!["{}"; count].join(",");
    let text = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{records}]}}]}}]}}"#);
    let wire = json::read(Signal::Logs, text.as_bytes())
        .expect("it is OTLP")
        .wire;
    let budget = Budget::new(wire.len());
    let received = receive(Signal::Logs, wire.into(), InvalidUtf8::Refuse, &budget);
    let chunks = received.expect("it is valid").chunks;
    Batch::new(Signal::Logs, chunks, Arc::new(Origin::default()))
}

/// What became of a batch of 8, how many items each attempt had, and the seconds it took.
async fn deliver(
    answers: impl IntoIterator<Item = Result<Delivery, ExportError>>,
) -> (Outcome, Vec<usize>, f64) {
    let backend = Arc::new(Backend::default());
    backend.answers.lock().extend(answers);
    let destination = Destination::of(Arc::clone(&backend) as _);
    let start = Instant::now();
    let outcome = destination.deliver(logs(8)).await;
    let attempts = backend.attempts.lock().clone();
    (outcome, attempts, start.elapsed().as_secs_f64())
}

#[tokio::test(start_paused = true)]
async fn waits_as_long_as_the_backend_asks() {
    let asked = Duration::from_secs(7);
    let (outcome, attempts, seconds) = deliver([retry(Some(asked)), retry(None)]).await;
    assert_eq!((outcome.delivered, outcome.refused), (8, 0));
    assert_eq!(attempts, [8, 8, 8]);
    assert!((8.0..8.1).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn gives_up_in_the_end_and_says_why() {
    let (outcome, _, seconds) = deliver(std::iter::repeat_n(retry(None), 1000)).await;
    assert_eq!((outcome.delivered, outcome.refused), (0, 8));
    assert_eq!(outcome.reason.as_deref(), Some("as the test wants it"));
    assert!((280.0..=300.0).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn halves_what_is_too_large_and_loses_nothing() {
    let answers = [refused(Decision::Split), refused(Decision::Split)];
    let (outcome, attempts, _) = deliver(answers).await;
    assert_eq!((outcome.delivered, outcome.refused), (8, 0));
    assert_eq!(attempts, [8, 4, 2, 2, 4]);
}

#[tokio::test(start_paused = true)]
async fn counts_what_is_refused_in_part() {
    let delivery = Delivery {
        rejected: 3,
        message: "three are too old".to_owned(),
        ..Delivery::default()
    };
    let (outcome, _, _) = deliver([Ok(delivery)]).await;
    assert_eq!((outcome.delivered, outcome.refused), (5, 3));
    assert_eq!(outcome.reason.as_deref(), Some("three are too old"));
    assert!(!outcome.closed);
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_takes_nothing_ends_the_replay() {
    let (outcome, attempts, _) = deliver([refused(Decision::Park)]).await;
    assert!(outcome.closed);
    assert_eq!(attempts, [8]);
}
