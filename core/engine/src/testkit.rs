//! Stand-ins for tests: an exporter that answers by script and batches to send.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use pdata::otlp::{InvalidUtf8, receive};
use pdata::skywalking::Kind;
use pdata::{Batch, Budget, Chunk, NativeChunk, Origin, Signal, sample};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use telemetry::{Health, Metrics};
use tokio::sync::Notify;

use crate::component::{BuildContext, Delivery, ExportError, Exporter};
use crate::config::{Problems, read_text};
use crate::{Consumer, Leases, Refusal, Reload};

/// What components and stacks are built with, with much memory and no data directory.
pub fn context() -> BuildContext {
    BuildContext {
        metrics: Metrics::new(),
        health: Health::default(),
        budget: Budget::new(1 << 30),
        data_dir: "unused".into(),
        leases: Leases::default(),
        reload: Reload::default(),
    }
}

/// What is said of a component's configuration by its schema, or else by `check`; empty if it is right.
pub fn problems<T: DeserializeOwned + JsonSchema>(
    text: &str,
    check: impl FnOnce(&T, &mut Problems),
) -> String {
    match read_text::<T>(text) {
        Err(diagnostics) => diagnostics.to_string(),
        Ok((config, section)) => {
            let mut problems = section.problems();
            check(&config, &mut problems);
            problems.into_diagnostics().to_string()
        }
    }
}

/// A batch of sample items; each report is a chunk of its own.
pub fn batch(signal: Signal, items: usize) -> Batch {
    let request = match signal {
        Signal::Traces => sample::spans(items),
        Signal::Metrics => sample::points(items),
        Signal::Logs => sample::logs(items),
        Signal::Skywalking => {
            let ping = NativeChunk::from_checked(Kind::InstancePing, Bytes::new(), 0);
            let chunks = vec![Chunk::Native(ping); items];
            return Batch::new(signal, chunks, Arc::new(Origin::default()));
        }
    };
    let budget = Budget::new(1 << 30);
    let received = receive(signal, Bytes::from(request), InvalidUtf8::Repair, &budget);
    let chunks = received.expect("samples are valid").chunks;
    Batch::new(signal, chunks, Arc::new(Origin::default()))
}

/// What a scripted exporter does with one attempt.
#[derive(Clone, Debug)]
pub enum Answer {
    Take,
    TakeBut(usize),
    Fail(ExportError),
    /// Fails for batches with more items than this, takes others.
    FailAbove(usize, ExportError),
    /// Takes the batch after this time.
    After(Duration),
    Panic,
}

/// Answers attempts by script, then takes everything; remembers what it took.
#[derive(Default)]
pub struct ScriptedExporter {
    script: Mutex<VecDeque<Answer>>,
    forever: Mutex<Option<Answer>>,
    taken: Mutex<Vec<Batch>>,
    attempts: Mutex<Vec<usize>>,
    changed: Notify,
}

impl ScriptedExporter {
    pub fn new(script: impl IntoIterator<Item = Answer>) -> Arc<Self> {
        let script = Mutex::new(script.into_iter().collect());
        Arc::new(ScriptedExporter {
            script,
            ..Default::default()
        })
    }

    /// What it does once the script is over.
    pub fn then_always(self: &Arc<Self>, answer: Answer) -> Arc<Self> {
        *self.forever.lock() = Some(answer);
        Arc::clone(self)
    }

    /// Items it took.
    pub fn items(&self) -> usize {
        self.taken.lock().iter().map(Batch::items).sum()
    }

    /// Items of each batch it took.
    pub fn batches(&self) -> Vec<usize> {
        self.taken.lock().iter().map(Batch::items).collect()
    }

    /// Items of each attempt, whatever became of it.
    pub fn attempts(&self) -> Vec<usize> {
        self.attempts.lock().clone()
    }

    /// Ready when `condition` holds, which is looked at after every attempt.
    pub async fn eventually(&self, condition: impl Fn(&Self) -> bool) {
        loop {
            let changed = self.changed.notified();
            if condition(self) {
                return;
            }
            changed.await;
        }
    }

    fn answer(&self, batch: &Batch) -> Answer {
        self.attempts.lock().push(batch.items());
        self.changed.notify_waiters();
        let next = self.script.lock().pop_front();
        next.or_else(|| self.forever.lock().clone())
            .unwrap_or(Answer::Take)
    }
}

#[async_trait]
impl Exporter for ScriptedExporter {
    async fn export(&self, batch: &Batch) -> Result<Delivery, ExportError> {
        let answer = self.answer(batch);
        let mut rejected = 0;
        let failure = match answer {
            Answer::Take => None,
            Answer::TakeBut(items) => {
                rejected = items;
                None
            }
            Answer::Fail(error) => Some(error),
            Answer::FailAbove(items, error) => (batch.items() > items).then_some(error),
            Answer::After(delay) => {
                tokio::time::sleep(delay).await;
                None
            }
            Answer::Panic => panic!("the script says so"),
        };
        if failure.is_none() {
            self.taken.lock().push(batch.clone());
        }
        self.changed.notify_waiters();
        match failure {
            Some(error) => Err(error),
            None => Ok(Delivery {
                rejected,
                ..Delivery::default()
            }),
        }
    }
}

/// A consumer that keeps what it is given, or refuses it.
#[derive(Default)]
pub struct CapturingConsumer {
    batches: Mutex<Vec<Batch>>,
    refusal: Mutex<Option<Refusal>>,
}

impl CapturingConsumer {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// From now on every batch is refused like this; `None` takes them again.
    pub fn refuse(&self, refusal: Option<Refusal>) {
        *self.refusal.lock() = refusal;
    }

    pub fn batches(&self) -> Vec<Batch> {
        self.batches.lock().clone()
    }

    pub fn items(&self) -> usize {
        self.batches.lock().iter().map(Batch::items).sum()
    }

    /// The bytes of all chunks, behind each other, for each batch: of OTLP, one request.
    pub fn requests(&self) -> Vec<Vec<u8>> {
        let request = |batch: &Batch| {
            let framed = batch.chunks().iter().flat_map(|chunk| match chunk {
                Chunk::Otlp(chunk) => chunk.framed().to_vec(),
                Chunk::Native(chunk) => chunk.message().to_vec(),
            });
            framed.collect()
        };
        self.batches.lock().iter().map(request).collect()
    }
}

#[async_trait]
impl Consumer for CapturingConsumer {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        if let Some(refusal) = self.refusal.lock().clone() {
            return Err(refusal);
        }
        self.batches.lock().push(batch);
        Ok(())
    }
}
