//! A graph at work, from its start to the account of its end.
//!
//! The end goes from the front to the back: intakes close and open requests are answered, then
//! what guests have gathered, what was derived and what was merged is handed over, then the exporters send what
//! they hold. All of it has `shutdown_timeout`; what is left then is counted and reported.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pdata::Signal;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use crate::component::Guest;
use crate::config::ComponentId;
use crate::derive::Derived;
use crate::exporter::{Account, Front};
use crate::graph::Graph;
use crate::{Outlets, Receiver, Shutdown, Tasks};

/// What became of everything a run took in.
#[derive(Clone, Debug, Default)]
pub struct RunReport {
    /// By exporter and signal, where there was anything.
    pub accounts: Vec<ExporterAccount>,
    /// Why the run ended by itself, if it did.
    pub failure: Option<String>,
}

/// What became of the items of one signal that one exporter was given.
#[derive(Clone, Debug)]
pub struct ExporterAccount {
    pub exporter: String,
    pub signal: Signal,
    pub account: Account,
    /// Whether what is left is safe in a queue on disk.
    pub is_durable: bool,
}

impl RunReport {
    /// Items that were acknowledged and neither delivered, nor given up, nor are they in a queue
    /// that outlives the process.
    pub fn lost(&self) -> u64 {
        let volatile = self.accounts.iter().filter(|of| !of.is_durable);
        volatile.map(|of| of.account.left()).sum()
    }
}

/// How a run is ended: `stop` begins the drain, and its end cuts it short.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// The time everything together may take to finish.
    pub shutdown_timeout: Duration,
}

impl Graph {
    /// Runs on `runtime` until `stop` begins or a component fails, and then drains.
    pub async fn run(self, runtime: Handle, stop: Shutdown, settings: RunSettings) -> RunReport {
        let Graph {
            receivers,
            guests,
            derived,
            aggregations,
            exporters,
        } = self;
        let failure: Arc<Mutex<Option<String>>> = Arc::default();

        let sending = Shutdown::default();
        let queues = Tasks::new(runtime.clone(), stop.clone());
        let senders = Tasks::new(runtime.clone(), stop.clone());
        for front in &exporters {
            front.run_queue(&queues);
            front.run_exporter(&queues, &stop);
            front.run(&senders, &sending);
        }
        let mergers = Stage::new(&runtime, &stop, Shutdown::default());
        for (aggregation, journal) in &aggregations {
            journal.run(&queues);
            let run = Arc::clone(aggregation).run(mergers.shutdown.clone());
            mergers.tasks.spawn("merging", run);
        }
        let derivers = Stage::new(&runtime, &stop, Shutdown::default());
        for outlet in derived {
            let run = outlet.run(derivers.shutdown.clone());
            derivers.tasks.spawn("derived", run);
        }
        let hosts = Stage::new(&runtime, &stop, Shutdown::default());
        hosts.run_guests(guests);
        let intakes = Stage::new(&runtime, &stop, stop.child());
        intakes.run_receivers(receivers, &stop, &failure);

        stop.begun().await;
        let deadline = Instant::now() + settings.shutdown_timeout;
        let cut = async {
            tokio::select! {
                () = stop.ended() => {}
                () = tokio::time::sleep_until(deadline) => {}
            }
        };
        for stage in [&intakes, &hosts, &derivers, &mergers] {
            stage.finish(deadline, &stop).await;
        }
        aggregations.iter().for_each(|(_, journal)| journal.close());
        sending.begin();
        tokio::select! {
            () = senders.ended() => {}
            () = cut => {
                sending.end();
                senders.ended().await;
            }
        }
        for front in &exporters {
            front.close().await;
        }
        queues.ended().await;
        let stages = [intakes, hosts, derivers, mergers].map(|stage| stage.tasks);
        let panicked = stages
            .iter()
            .chain([&senders, &queues])
            .find_map(Tasks::panicked);
        let failure = failure.lock().take();
        RunReport {
            accounts: accounts(&exporters),
            failure: failure.or(panicked.map(|task| format!("{task} panicked"))),
        }
    }
}

/// Tasks that end together.
#[derive(Clone)]
struct Stage {
    tasks: Tasks,
    shutdown: Shutdown,
}

impl Stage {
    fn new(runtime: &Handle, stop: &Shutdown, shutdown: Shutdown) -> Self {
        Stage {
            tasks: Tasks::new(runtime.clone(), stop.clone()),
            shutdown,
        }
    }

    /// Starts the receivers. One that fails ends the run, and says why if it is the first.
    fn run_receivers(
        &self,
        receivers: Vec<(ComponentId, Box<dyn Receiver>, Outlets)>,
        stop: &Shutdown,
        failure: &Arc<Mutex<Option<String>>>,
    ) {
        for (id, receiver, outlets) in receivers {
            let Stage { tasks, shutdown } = self.clone();
            let (stop, failure) = (stop.clone(), Arc::clone(failure));
            self.tasks.spawn(&format!("receivers/{id}"), async move {
                if let Err(error) = receiver.run(outlets, tasks, shutdown).await {
                    tracing::error!(component = %format!("receivers/{id}"), %error, "receiver failed");
                    failure.lock().get_or_insert(format!("receivers/{id}: {error}"));
                    stop.begin();
                }
            });
        }
    }

    fn run_guests(&self, guests: Vec<(ComponentId, Arc<dyn Guest>, Derived)>) {
        for (id, guest, derived) in guests {
            let shutdown = self.shutdown.clone();
            self.tasks.spawn(&format!("processors/{id}"), async move {
                guest.run(derived, shutdown).await;
            });
        }
    }

    /// Lets the tasks finish, and ends them when the time is over.
    async fn finish(&self, deadline: Instant, stop: &Shutdown) {
        self.shutdown.begin();
        tokio::select! {
            _ = timeout_at(deadline, self.tasks.ended()) => {}
            () = stop.ended() => {}
        }
        self.shutdown.end();
        self.tasks.ended().await;
    }
}

fn accounts(exporters: &[Arc<Front>]) -> Vec<ExporterAccount> {
    let mut accounts = Vec::new();
    for front in exporters {
        for &signal in front.signals() {
            let account = front.account(signal);
            if account.enqueued + account.recovered > 0 {
                accounts.push(ExporterAccount {
                    exporter: front.id().to_owned(),
                    signal,
                    account,
                    is_durable: front.is_durable(),
                });
            }
        }
    }
    accounts.sort_by(|a, b| (&a.exporter, a.signal).cmp(&(&b.exporter, b.signal)));
    accounts
}
