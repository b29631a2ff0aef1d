//! One version of a library at work.

use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use engine::config::KeyPath;
use parking_lot::Mutex;
use plugin::{
    CreateError, Description, Emitted, Failure, Format, Instance, Library, Limits, LoadError, Pool,
};
use telemetry::Metrics;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use super::account::Account;
use super::breaker::Breaker;
use super::config::Config;
use super::messages::{Done, Shown};
use super::schema::{SchemaError, check_config};
use super::services::Offered;

/// How much longer than its time a sandboxed call is waited for: it ends by itself then.
const GRACE: Duration = Duration::from_millis(250);

/// Why a library cannot be put to work.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error("{}", of_config(.0))]
    Config(Vec<(KeyPath, String)>),
    #[error(transparent)]
    Create(#[from] CreateError),
}

fn of_config(mistakes: &[(KeyPath, String)]) -> String {
    let told = mistakes.iter().map(|(path, text)| {
        let path = path.clone().under("config");
        format!("`{path}`: {text}")
    });
    told.collect::<Vec<_>>().join("; ")
}

impl OpenError {
    /// What is wrong at which keys of the processor's section.
    pub(super) fn places(&self) -> Vec<(KeyPath, String)> {
        let at = |key: &str, text| vec![(KeyPath::from(key), text)];
        match self {
            OpenError::Load(LoadError::OtherContent { .. }) => at("sha256", self.to_string()),
            OpenError::Config(mistakes) => {
                let told = mistakes.iter().cloned();
                told.map(|(path, text)| (path.under("config"), text))
                    .collect()
            }
            OpenError::Create(CreateError::Refused(reason)) => {
                at("config", format!("the plugin refuses it: {reason}"))
            }
            OpenError::Load(_) | OpenError::Schema(_) | OpenError::Create(_) => {
                at("path", self.to_string())
            }
        }
    }
}

/// Loads the library and checks its configuration; nothing of it runs but its description.
pub(super) fn load(config: &Config) -> Result<Library, OpenError> {
    let library = Library::open(&config.path, config.sha256.as_deref())?;
    if let Some(schema) = &library.description().schema {
        let mistakes = check_config(schema, &config.config)?;
        if !mistakes.is_empty() {
            return Err(OpenError::Config(mistakes));
        }
    }
    Ok(library)
}

/// A library with its instances and its threads.
pub(super) struct Loaded {
    library: Library,
    /// For each pipeline that names the processor, made when its first batch comes; none after the end.
    lanes: Mutex<Option<Vec<Arc<dyn Instance>>>>,
    /// Who has this version in hand.
    users: AtomicUsize,
    /// Told when the last of them lets go.
    unused: Notify,
    maker: Maker,
    pool: Pool,
    /// One permit for each thread.
    turns: Arc<Semaphore>,
    /// Calls that have used up their time and have not come back.
    overdue: Arc<AtomicUsize>,
    breaker: Breaker,
    timeout: Duration,
}

/// What instances are made with.
struct Maker {
    config: serde_json::Value,
    limits: Limits,
    processor: String,
    metrics: Metrics,
}

impl Maker {
    fn make(&self, library: &Library) -> Result<Arc<dyn Instance>, CreateError> {
        let services = Arc::new(Offered::new(&self.processor, &self.metrics));
        library.create(&self.config, services, &self.limits)
    }
}

/// Why a batch was not processed.
#[derive(Debug)]
pub(super) enum CallError {
    /// There was no turn for it in its time, and nothing is wrong with those before it.
    Busy,
    Failed(Failure),
}

impl From<Failure> for CallError {
    fn from(failure: Failure) -> Self {
        CallError::Failed(failure)
    }
}

impl Loaded {
    /// Loads the library of `config` and makes the first instance.
    pub(super) fn open(config: &Config, account: &Account) -> Result<Loaded, OpenError> {
        let library = load(config)?;
        let width = config.width(library.description().parallel);
        let maker = Maker {
            config: config.config.clone(),
            limits: config.limits(width),
            processor: account.processor().to_owned(),
            metrics: account.metrics().clone(),
        };
        let first = maker.make(&library)?;
        Ok(Loaded {
            lanes: Mutex::new(Some(vec![first])),
            users: AtomicUsize::new(0),
            unused: Notify::new(),
            maker,
            pool: Pool::new("plugin", width),
            turns: Arc::new(Semaphore::new(width)),
            overdue: Arc::default(),
            breaker: Breaker::new(config.max_failures),
            timeout: config.timeout.as_std(),
            library,
        })
    }

    pub(super) fn description(&self) -> &Description {
        self.library.description()
    }

    /// Whether calls can be ended from outside.
    fn is_sandboxed(&self) -> bool {
        self.library.format() == Format::WebAssembly
    }

    pub(super) fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// Shows the plugin what `shown` holds, in its order, on one thread.
    pub(super) async fn process(
        self: &Arc<Self>,
        lane: usize,
        shown: Shown,
    ) -> Result<Done, CallError> {
        let this = Arc::clone(self);
        self.on_a_thread(move |deadline| {
            let instance = this.instance(lane)?;
            let began = Instant::now();
            let messages = shown.messages.iter();
            let answers =
                messages.map(|(kind, message)| instance.process(*kind, message, deadline));
            let answers = answers.collect::<Result<Vec<_>, Failure>>()?;
            Ok(Done {
                shown,
                answers,
                took: began.elapsed(),
            })
        })
        .await
    }

    /// Asks all instances for what they have gathered.
    pub(super) async fn flush(self: &Arc<Self>) -> Result<Vec<Emitted>, CallError> {
        let lanes = self.lanes.lock().clone();
        self.on_a_thread(move |deadline| {
            let mut emitted = Vec::new();
            for instance in lanes.into_iter().flatten() {
                emitted.extend(instance.flush(deadline)?);
            }
            Ok(emitted)
        })
        .await
    }

    /// Ready when nobody has it in hand and no call is under way, or when one has used up its time. To be called
    /// when nobody takes it any more.
    pub(super) async fn rested(&self) {
        let unused = async {
            loop {
                let notified = self.unused.notified();
                if self.users.load(Ordering::Acquire) == 0 {
                    break;
                }
                notified.await;
            }
        };
        // Who waits for a turn waits no longer than this either.
        drop(timeout(2 * self.timeout, unused).await);
        let all = u32::try_from(self.pool.width()).unwrap_or(u32::MAX);
        // An error is a call that does not come back, which is left alone.
        drop(timeout(self.timeout, self.turns.acquire_many(all)).await);
    }

    /// Destroys the instances on a thread, for as long as a batch may take. To be called when nothing is under
    /// way; a call that does not come back keeps its own.
    pub(super) async fn end(&self) {
        let lanes = self.lanes.lock().take();
        let destroy = move |_| {
            drop(lanes);
            Ok(())
        };
        if let Err(CallError::Failed(failure)) = self.on_a_thread(destroy).await {
            let plugin = &self.description().name;
            tracing::warn!(
                plugin,
                "the plugin does not let itself be destroyed: {failure}"
            );
        }
    }

    /// The instance of a lane: there is one for all of a shared library, and one for each of a sandbox.
    fn instance(&self, lane: usize) -> Result<Arc<dyn Instance>, Failure> {
        let lane = if self.is_sandboxed() { lane } else { 0 };
        let mut lanes = self.lanes.lock();
        let Some(lanes) = lanes.as_mut() else {
            let text = "a newer version has taken its place";
            return Err(Failure::Failed(text.to_owned()));
        };
        while lanes.len() <= lane {
            let made = self.maker.make(&self.library);
            lanes.push(made.map_err(|error| Failure::Failed(error.to_string()))?);
        }
        Ok(Arc::clone(&lanes[lane]))
    }

    /// Runs `work` when it is its turn, on a thread, for as long as a batch may take.
    async fn on_a_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(Instant) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, CallError> {
        let turn = self.turn().await?;
        let (answer, answered) = oneshot::channel();
        let watch = Watch::new(&self.overdue);
        let ends = Arc::clone(&watch);
        let deadline = Instant::now() + self.timeout;
        let submitted = self.pool.submit(move || {
            let worked = catch_unwind(AssertUnwindSafe(|| work(deadline)));
            let crashed = |_| Err(Failure::Crashed("the host panicked in a call".to_owned()));
            ends.ended();
            drop(turn);
            // The sender may have gone away.
            drop(answer.send(worked.unwrap_or_else(crashed)));
        });
        if let Err(error) = submitted {
            let text = format!("no thread can be started for it: {error}");
            return Err(Failure::Failed(text).into());
        }
        let patience = match self.is_sandboxed() {
            true => self.timeout + GRACE,
            false => self.timeout,
        };
        match timeout(patience, answered).await {
            Ok(Ok(worked)) => Ok(worked?),
            Ok(Err(_)) => Err(Failure::Crashed("its thread is gone".to_owned()).into()),
            Err(_) => {
                watch.given_up();
                Err(Failure::TimedOut.into())
            }
        }
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, CallError> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        match timeout(self.timeout, turn).await {
            Ok(turn) => Ok(turn.expect("it is never closed")),
            Err(_) if self.overdue.load(Ordering::Relaxed) > 0 => Err(Failure::TimedOut.into()),
            Err(_) => Err(CallError::Busy),
        }
    }
}

/// A version in somebody's hand: it is not ended before they let go.
pub(super) struct InUse(Arc<Loaded>);

impl InUse {
    /// To be called where the version cannot be exchanged meanwhile.
    pub(super) fn of(loaded: &Arc<Loaded>) -> Self {
        loaded.users.fetch_add(1, Ordering::AcqRel);
        InUse(Arc::clone(loaded))
    }
}

impl Deref for InUse {
    type Target = Arc<Loaded>;

    fn deref(&self) -> &Arc<Loaded> {
        &self.0
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        if self.0.users.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.unused.notify_one();
        }
    }
}

/// One call, between the thread that makes it and the sender who waits for it.
struct Watch {
    /// Whether the call is over, or the sender has given up; who comes second sees that.
    is_settled: AtomicBool,
    overdue: Arc<AtomicUsize>,
}

impl Watch {
    fn new(overdue: &Arc<AtomicUsize>) -> Arc<Self> {
        Arc::new(Watch {
            is_settled: AtomicBool::new(false),
            overdue: Arc::clone(overdue),
        })
    }

    fn given_up(&self) {
        self.overdue.fetch_add(1, Ordering::Relaxed);
        if self.is_settled.swap(true, Ordering::AcqRel) {
            self.overdue.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn ended(&self) {
        if self.is_settled.swap(true, Ordering::AcqRel) {
            self.overdue.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
