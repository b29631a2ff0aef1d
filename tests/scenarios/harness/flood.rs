//! Many senders at once, each record of its own number, and what became of each.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use http::StatusCode;
use http::header::RETRY_AFTER;
use net::compress::Encoding;
use net::grpc::Code;
use pdata::Signal;
use prost::Message;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Backend, Sender, records};

/// Senders at work.
pub(crate) struct Flood {
    lanes: Vec<JoinHandle<Outcome>>,
    next: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    acknowledged: watch::Receiver<usize>,
    refused: watch::Receiver<usize>,
}

/// What became of the records of a flood.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Numbers of records whose request was answered with success.
    pub(crate) acknowledged: BTreeSet<usize>,
    /// Requests that were refused with a time to wait.
    pub(crate) refused: usize,
    /// Every other answer, in words. There should be none.
    pub(crate) odd: Vec<String>,
    /// Requests to which no answer came.
    pub(crate) unanswered: usize,
    /// A number above all that were sent.
    pub(crate) next: usize,
}

/// One sender.
struct Lane {
    sender: Sender,
    is_grpc: bool,
    /// The most bytes of text in a record.
    bytes_max: usize,
    next: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<watch::Sender<usize>>,
    refused: Arc<watch::Sender<usize>>,
}

impl Flood {
    /// Starts `lanes` senders over HTTP and as many over gRPC. Each sends one record after the other,
    /// of any size up to `bytes_max`, without a pause, until told to stop or until nobody answers.
    pub(crate) fn start(
        http: SocketAddr,
        grpc: SocketAddr,
        lanes: usize,
        bytes_max: usize,
    ) -> Flood {
        Flood::start_from(0, [http, grpc], lanes, bytes_max)
    }

    /// As [`Flood::start`], with numbers from `first` on.
    pub(crate) fn start_from(
        first: usize,
        [http, grpc]: [SocketAddr; 2],
        lanes: usize,
        bytes_max: usize,
    ) -> Flood {
        let next = Arc::new(AtomicUsize::new(first));
        let stop = Arc::<AtomicBool>::default();
        let acknowledged = Arc::new(watch::Sender::new(0));
        let watched = acknowledged.subscribe();
        let refused = Arc::new(watch::Sender::new(0));
        let watched_refusals = refused.subscribe();
        let spawn = |is_grpc| {
            let lane = Lane {
                sender: match is_grpc {
                    true => Sender::grpc(grpc),
                    false => Sender::http(http),
                },
                is_grpc,
                bytes_max,
                next: next.clone(),
                stop: stop.clone(),
                acknowledged: acknowledged.clone(),
                refused: refused.clone(),
            };
            Handle::current().spawn(lane.run())
        };
        let lanes = (0..lanes).flat_map(|_| [spawn(false), spawn(true)]);
        Flood {
            lanes: lanes.collect(),
            next,
            stop,
            acknowledged: watched,
            refused: watched_refusals,
        }
    }

    /// Waits until so many records were acknowledged.
    pub(crate) async fn until_acknowledged(&mut self, count: usize) {
        let enough = self.acknowledged.wait_for(|known| *known >= count);
        let waited = tokio::time::timeout(super::PATIENCE, enough).await;
        assert!(waited.is_ok(), "too few records were acknowledged in time");
    }

    /// Waits until so many requests were refused.
    pub(crate) async fn until_refused(&mut self, count: usize) {
        let enough = self.refused.wait_for(|known| *known >= count);
        let waited = tokio::time::timeout(super::PATIENCE, enough).await;
        assert!(waited.is_ok(), "too few requests were refused in time");
    }

    /// Lets open requests be answered and sends no more.
    pub(crate) async fn stop(self) -> Outcome {
        self.stop.store(true, Ordering::Relaxed);
        self.ended().await
    }

    /// Waits until every sender has stopped.
    pub(crate) async fn ended(self) -> Outcome {
        let mut all = Outcome::default();
        for lane in self.lanes {
            let outcome = lane.await.expect("senders do not panic");
            all.acknowledged.extend(outcome.acknowledged);
            all.refused += outcome.refused;
            all.odd.extend(outcome.odd);
            all.unanswered += outcome.unanswered;
        }
        all.next = self.next.load(Ordering::Relaxed);
        all
    }
}

impl Lane {
    async fn run(self) -> Outcome {
        let mut outcome = Outcome::default();
        while !self.stop.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let request = record(number, self.bytes_max);
            let went_on = match self.is_grpc {
                true => self.call(number, request, &mut outcome).await,
                false => self.post(number, request, &mut outcome).await,
            };
            if !went_on {
                break;
            }
        }
        outcome
    }

    fn acknowledged(&self, number: usize, outcome: &mut Outcome) {
        outcome.acknowledged.insert(number);
        self.acknowledged.send_modify(|count| *count += 1);
    }

    fn refused(&self, outcome: &mut Outcome) {
        outcome.refused += 1;
        self.refused.send_modify(|count| *count += 1);
    }

    /// Returns whether there was an answer.
    async fn post(&self, number: usize, request: Bytes, outcome: &mut Outcome) -> bool {
        let Ok(answer) = self.sender.post_protobuf(Signal::Logs, request).await else {
            outcome.unanswered += 1;
            return false;
        };
        let delayed = answer.headers.contains_key(RETRY_AFTER);
        match answer.status {
            StatusCode::OK => self.acknowledged(number, outcome),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS if delayed => {
                self.refused(outcome);
            }
            _ => outcome.odd.push(format!("{answer:?}")),
        }
        true
    }

    /// Returns whether there was an answer.
    async fn call(&self, number: usize, request: Bytes, outcome: &mut Outcome) -> bool {
        let called = self
            .sender
            .export(Signal::Logs, request, Encoding::Identity);
        let Err(status) = called.await else {
            self.acknowledged(number, outcome);
            return true;
        };
        match status.code {
            Code::Unavailable | Code::ResourceExhausted if status.retry_after.is_some() => {
                self.refused(outcome);
                true
            }
            // What the client itself makes of a connection that ended.
            Code::Unavailable => {
                outcome.unanswered += 1;
                false
            }
            _ => {
                outcome.odd.push(status.to_string());
                true
            }
        }
    }
}

/// A request of one log record: its number, and text behind it.
fn record(number: usize, bytes_max: usize) -> Bytes {
    /// Prime, so that numbers in a row give sizes all over the range.
    const STRIDE: usize = 7_919;
    let bytes = number * STRIDE % bytes_max;
    let text = format!("{number:08} {}", "x".repeat(bytes));
    records::log(&text).encode_to_vec().into()
}

/// The numbers of all records that a backend took.
pub(crate) fn numbers(backend: &Backend) -> BTreeSet<usize> {
    let texts = backend.texts().into_iter();
    let numbers = texts.map(|text| text[..8].parse().expect("every record has its number"));
    numbers.collect()
}
