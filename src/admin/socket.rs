//! The socket in the data directory: commands about queues that this process has open.
//!
//! Without it the process runs as well; commands then have to wait until it has ended.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use engine::exporter::QueueHandle;
use engine::queues::{self, Found, Place, RecordHeader, Source, Stopped};
use engine::{Shutdown, Tasks};
use futures_util::future::join_all;
use http::{Request, Response, StatusCode};
use net::Body;
use net::local::LocalListener;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::block_in_place;

use super::{Connections, response};
use crate::queue::wire::{
    self, PURGE, Part, PurgeAnswer, PurgeRequest, REPLAY, Refusal, ReplayAnswer, ReplayRequest,
};

/// What is in the data directory is nobody else's, as the queues have it.
const DIRECTORY_MODE: u32 = 0o700;

/// The queues of a process and a way to them.
pub(crate) struct Operators {
    listener: Option<LocalListener>,
    queues: Arc<Queues>,
}

struct Queues {
    open: Vec<QueueHandle>,
    roots: Vec<PathBuf>,
}

type Answered<T> = Result<T, (StatusCode, String)>;

impl Operators {
    /// Binds the socket, if there are queues. A socket that cannot be had is told, and no failed
    /// start: data flows without it.
    pub(crate) fn bind(
        data_dir: &std::path::Path,
        open: Vec<QueueHandle>,
        roots: Vec<PathBuf>,
    ) -> Operators {
        let path = wire::socket(data_dir);
        let bind = || {
            let mut directory = DirBuilder::new();
            directory.recursive(true).mode(DIRECTORY_MODE);
            directory.create(data_dir)?;
            LocalListener::bind(&path).map_err(anyhow::Error::from)
        };
        let listener = match open.is_empty() {
            true => None,
            false => bind()
                .inspect_err(|error| {
                    let error = format!("{error:#}");
                    tracing::warn!(
                        component = "admin",
                        error,
                        "`skyferry queue replay` and `purge` will not reach this process"
                    );
                })
                .ok(),
        };
        Operators {
            listener,
            queues: Arc::new(Queues { open, roots }),
        }
    }

    /// Answers until `shutdown` begins.
    pub(crate) fn run(self, tasks: &Tasks, shutdown: &Shutdown) {
        let Some(listener) = self.listener else {
            return;
        };
        let (queues, shutdown) = (self.queues, shutdown.clone());
        let connections = Arc::new(Connections(tasks.clone()));
        tasks.spawn("admin/socket", async move {
            let answer = move |request| {
                let queues = Arc::clone(&queues);
                async move { queues.answer(request).await }
            };
            let ended = async move { shutdown.begun().await };
            if let Err(error) = listener.run(answer, connections, ended).await {
                tracing::error!(component = "admin", endpoint = "socket", %error, "endpoint failed");
            }
        });
    }
}

impl Queues {
    async fn answer(&self, request: Request<Bytes>) -> Response<Body> {
        match request.uri().path() {
            REPLAY => encode(async { self.replay(decode(&request)?).await }.await),
            PURGE => encode(async { self.purge(decode(&request)?).await }.await),
            _ => encode::<()>(Err((StatusCode::NOT_FOUND, "unknown command".to_owned()))),
        }
    }

    fn handle(&self, exporter: &str) -> Answered<&QueueHandle> {
        let mut handles = self.open.iter();
        handles
            .find(|handle| handle.id() == exporter)
            .ok_or_else(|| {
                let text = format!("exporter `{exporter}` has no queue on disk here");
                (StatusCode::NOT_FOUND, text)
            })
    }

    fn place(&self, exporter: &str) -> Answered<Place> {
        if let Ok(handle) = self.handle(exporter) {
            return Ok(place_of(handle));
        }
        let found = queues::list(&self.roots).map_err(internal)?;
        let mut found = found.into_iter();
        let orphan = found.find(|place| place.exporter == exporter);
        let text = || format!("there is no queue of `{exporter}` here");
        orphan.ok_or_else(|| (StatusCode::NOT_FOUND, text()))
    }

    async fn replay(&self, request: ReplayRequest) -> Answered<ReplayAnswer> {
        let to = self.handle(&request.to)?;
        let from = self.place(&request.from)?;
        let read = || queues::read(&from, &request.source, request.position);
        let group = block_in_place(read).map_err(internal)?;
        let mut answer = ReplayAnswer {
            skipped: group.skipped,
            next: group.next,
            ..ReplayAnswer::default()
        };
        let mut wanted = group.found;
        wanted.retain(|found| {
            let is_taken = to.takes(found.signal);
            if !is_taken {
                let (sequence, signal) = (found.header.sequence, found.signal);
                answer.skipped.push(format!(
                    "record {sequence}: no pipeline brings `{}` any {signal}",
                    request.to
                ));
            }
            is_taken
        });
        let appended = append(to, wanted, &mut answer).await;
        if to.drops_newest() {
            // Whether they found room is not known, so they stay where they are as well.
            return Ok(answer);
        }
        // What is let go of is safe where it went, whatever the queue does for others.
        to.sync().await.map_err(internal)?;
        if let Source::DeadLetters { .. } = request.source
            && !appended.is_empty()
            && let Err((_, error)) = self.forget(&from, appended).await
        {
            let text = format!("replayed, and still among the dead letters: {error}");
            answer.failed.get_or_insert(text);
        }
        Ok(answer)
    }

    /// Lets go of dead letters: of a queue that is open here, or that of an exporter that is gone.
    async fn forget(&self, from: &Place, letters: Vec<RecordHeader>) -> Answered<()> {
        if let Ok(handle) = self.handle(&from.exporter) {
            let forgotten = handle.forget_letters(letters).await;
            return forgotten.map(drop).map_err(internal);
        }
        let forget =
            || -> anyhow::Result<()> { Ok(Stopped::open(&from.letters())?.forget(&letters)?) };
        block_in_place(forget).map_err(internal)
    }

    async fn purge(&self, request: PurgeRequest) -> Answered<PurgeAnswer> {
        let handle = self.handle(&request.exporter)?;
        let purged = match request.part {
            Part::Waiting => handle.purge().await,
            Part::DeadLetters => handle.purge_letters().await,
            Part::Quarantine => handle.purge_quarantine().await,
        };
        let purged = purged.map_err(internal)?;
        tracing::warn!(
            component = "admin",
            exporter = request.exporter,
            part = ?request.part,
            records = purged.records,
            items = purged.items,
            "purged by an operator"
        );
        Ok(purged.into())
    }
}

/// Appends all of them at once, so that they are synced together; gives those that are stored.
async fn append(
    to: &QueueHandle,
    found: Vec<Found>,
    answer: &mut ReplayAnswer,
) -> Vec<RecordHeader> {
    let appends = found.into_iter().map(|found| async move {
        let outcome = to.append(found.batch).await;
        (found.header, outcome)
    });
    let mut appended = Vec::new();
    for (header, outcome) in join_all(appends).await {
        match outcome {
            Ok(()) => {
                answer.records += 1;
                answer.items += u64::from(header.items);
                appended.push(header);
            }
            Err(refusal) => {
                let text = format!("record {} and later: {refusal}", header.sequence);
                answer.failed.get_or_insert(text);
            }
        }
    }
    appended
}

pub(crate) fn place_of(handle: &QueueHandle) -> Place {
    Place {
        exporter: handle.id().to_owned(),
        directory: handle.directory().to_owned(),
    }
}

fn internal(error: impl Into<anyhow::Error>) -> (StatusCode, String) {
    let error: anyhow::Error = error.into();
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}"))
}

fn decode<T: DeserializeOwned>(request: &Request<Bytes>) -> Answered<T> {
    let body = serde_json::from_slice(request.body());
    body.map_err(|error| (StatusCode::BAD_REQUEST, format!("not understood: {error}")))
}

fn encode<T: Serialize>(answered: Answered<T>) -> Response<Body> {
    let (status, body) = match answered {
        Ok(answer) => (StatusCode::OK, serde_json::to_vec(&answer)),
        Err((status, error)) => (status, serde_json::to_vec(&Refusal { error })),
    };
    let body = body.unwrap_or_default();
    response(status, "application/json", Bytes::from(body).into())
}
