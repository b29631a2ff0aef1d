//! What happens behind a queue: merge, send, and decide what a failure means.
//!
//! Sending needs no timers: one attempt is in flight until a full request waits; then the next
//! starts, up to `num_consumers`. So a quiet exporter sends at once, and a busy one sends large
//! requests. With `sending_queue.batch` the operator's sizes and times hold instead.

use std::collections::VecDeque;
use std::sync::Arc;

use pdata::Signal;
use telemetry::{Condition, Health};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::attempt;
use super::backoff::Backoff;
use super::observe::Observer;
use super::queue::{DeathReason, Queue, Waiting};
use super::request::Request;
use super::settings::{BatchSettings, Settings};
use super::size::Amount;
use crate::Shutdown;
use crate::component::{Decision, Delivery, ExportError, Exporter};

/// A request of this size gains nothing from growing.
const FULL_REQUEST: Amount = Amount::Bytes(1 << 20);

/// Sends what one lane of a queue holds.
pub(super) struct Sender {
    component: String,
    signal: Signal,
    exporter: Arc<dyn Exporter>,
    queue: Arc<dyn Queue>,
    settings: Settings,
    consumers: usize,
    batch: Option<BatchSettings>,
    observer: Observer,
    health: Health,
    backoff: Backoff,
    attempts: JoinSet<Result<Delivery, ExportError>>,
    /// What each attempt sends; at most `consumers`.
    in_flight: Vec<(Id, Request)>,
    /// Parts of what was in flight, to be sent before anything new.
    again: VecDeque<Request>,
}

/// From which lane to which exporter.
pub(super) struct Route {
    pub(super) id: Arc<str>,
    pub(super) signal: Signal,
    pub(super) queue: Arc<dyn Queue>,
    pub(super) exporter: Arc<dyn Exporter>,
    pub(super) settings: Settings,
}

/// What a sender waits for from its queue.
struct Demand {
    amount: Amount,
    /// When less is enough.
    until: Option<Instant>,
}

impl Sender {
    pub(super) fn new(route: Route, observer: Observer, health: Health) -> Self {
        let queue = route.settings.queue.clone().unwrap_or_default();
        Sender {
            component: format!("exporters/{}", route.id),
            signal: route.signal,
            exporter: route.exporter,
            queue: route.queue,
            consumers: queue.num_consumers,
            batch: queue.batch,
            backoff: Backoff::new(route.settings.retry.clone()),
            settings: route.settings,
            observer,
            health,
            attempts: JoinSet::new(),
            in_flight: Vec::new(),
            again: VecDeque::new(),
        }
    }

    /// Sends until `shutdown` has begun and nothing is left, or until it ends.
    pub(super) async fn run(mut self, shutdown: Shutdown) {
        self.report(Condition::Ok);
        loop {
            let draining = shutdown.has_begun();
            while let Some(request) = self.next_request(draining) {
                self.start(request);
            }
            if draining && (self.is_idle() || self.may_leave()) {
                break;
            }
            let pause = self.backoff.until(Instant::now(), draining);
            let demand = self.demand(pause);
            tokio::select! {
                Some(ended) = self.attempts.join_next_with_id() => self.settle(ended),
                () = wait_until(pause), if pause.is_some() => {}
                () = wait_for(&*self.queue, self.signal, &demand), if demand.is_some() => {}
                () = shutdown.begun(), if !draining => {}
                () = shutdown.ended() => break,
            }
        }
        self.attempts.shutdown().await;
        self.report(Condition::Stopped);
    }

    fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
            && self.again.is_empty()
            && self.queue.waiting(self.signal).records == 0
    }

    /// Whether the rest is safe in the queue and would not be taken by the destination anyway. So a
    /// drain costs no record an attempt.
    fn may_leave(&self) -> bool {
        let fails = self.backoff.is_probing();
        self.queue.is_durable() && fails && self.in_flight.is_empty()
    }

    /// The next request, if one may be sent now.
    fn next_request(&mut self, draining: bool) -> Option<Request> {
        let may_start = match self.backoff.is_probing() {
            true => self.in_flight.is_empty(),
            false => self.in_flight.len() < self.consumers,
        };
        if !may_start || self.backoff.until(Instant::now(), draining).is_some() {
            return None;
        }
        if self.again.is_empty() {
            let waiting = self.queue.waiting(self.signal);
            if !self.is_enough(&waiting, draining) {
                return None;
            }
            self.take();
        }
        self.again.pop_front()
    }

    /// Whether what waits is to be sent now.
    fn is_enough(&self, waiting: &Waiting, draining: bool) -> bool {
        match &self.batch {
            _ if waiting.records == 0 => false,
            Some(batch) => {
                draining
                    || waiting.oldest >= batch.flush_timeout
                    || waiting.reaches(batch.sizer.amount(batch.min_size))
            }
            None => self.in_flight.is_empty() || waiting.reaches(FULL_REQUEST),
        }
    }

    /// Moves records from the queue to `again`, as one request wherever possible.
    fn take(&mut self) {
        let at_most = match &self.batch {
            Some(batch) if batch.max_size > 0 => batch.sizer.amount(batch.max_size),
            // Without a maximum, room for the record that exceeds the minimum.
            Some(batch) => batch.sizer.amount(batch.min_size.saturating_mul(2)),
            None => FULL_REQUEST,
        };
        let records = self.queue.take(self.signal, at_most);
        let requests = Request::merge(records, self.exporter.uses_origin());
        for request in requests {
            self.observer.taken(request.items());
            match &self.batch {
                Some(batch) if batch.max_size > 0 => self.again.extend(request.within(at_most)),
                _ => self.again.push_back(request),
            }
        }
    }

    /// What to wait for, unless the sender is to be left alone until something else happens.
    fn demand(&self, pause: Option<Instant>) -> Option<Demand> {
        let busy = !self.in_flight.is_empty();
        let full = self.in_flight.len() >= self.consumers;
        if pause.is_some() || full || (busy && self.backoff.is_probing()) {
            return None;
        }
        let Some(batch) = &self.batch else {
            let amount = if busy { FULL_REQUEST } else { Amount::Bytes(1) };
            return Some(Demand {
                amount,
                until: None,
            });
        };
        let waiting = self.queue.waiting(self.signal);
        if waiting.records == 0 {
            return Some(Demand {
                amount: Amount::Items(1),
                until: None,
            });
        }
        let left = batch.flush_timeout.saturating_sub(waiting.oldest);
        let amount = batch.sizer.amount(batch.min_size);
        Some(Demand {
            amount,
            until: Some(Instant::now() + left),
        })
    }

    fn start(&mut self, mut request: Request) {
        request.first_attempt.get_or_insert_with(Instant::now);
        request.attempts += 1;
        let exporter = Arc::clone(&self.exporter);
        let batch = Arc::clone(&request.batch);
        let limit = self.settings.timeout;
        self.observer.attempt_began();
        let attempt = async move { attempt(&*exporter, &batch, limit).await };
        let id = self.attempts.spawn(attempt).id();
        self.in_flight.push((id, request));
    }

    fn settle(&mut self, ended: Result<(Id, Result<Delivery, ExportError>), JoinError>) {
        let (id, outcome) = match ended {
            Ok((id, outcome)) => (id, Ok(outcome)),
            Err(panicked) => (panicked.id(), Err(panicked)),
        };
        let Some(index) = self.in_flight.iter().position(|(of, _)| *of == id) else {
            return;
        };
        let (_, request) = self.in_flight.swap_remove(index);
        self.observer.attempt_ended();
        request.survived();
        match outcome {
            Ok(Ok(delivery)) => self.delivered(request, &delivery),
            Ok(Err(error)) => {
                if let Some(failed) = self.keep_what_failed(request, &error) {
                    self.failed(failed, &error);
                }
            }
            Err(panicked) => {
                tracing::error!(component = self.component, %panicked, "export panicked");
                self.give_up(request, "panicked", &panicked.to_string());
            }
        }
    }

    /// Finishes with what an attempt that failed has delivered; the rest is the part that failed, and a
    /// part that is sent after it.
    fn keep_what_failed(&mut self, request: Request, error: &ExportError) -> Option<Request> {
        let Some(partial) = &error.partial else {
            return Some(request);
        };
        let items = request.items();
        for refused in request.refused(&partial.refused) {
            self.warn(&refused, error, "a part is refused for good");
            self.give_up(refused, "rejected", &error.message);
        }
        let refused = partial.refused.iter().map(|(_, chunk)| chunk.items());
        let refused: usize = refused.sum();
        let [failed, untried] = request.parts([&partial.failed, &partial.untried]);
        let left = [&failed, &untried].map(|part| part.as_ref().map_or(0, Request::items));
        let delivered = items - left[0] - left[1] - refused;
        self.observer.settled(delivered);
        self.observer.delivered(delivered, &partial.delivery);
        if let Some(untried) = untried {
            self.again.push_front(untried);
        }
        failed
    }

    fn delivered(&mut self, request: Request, delivery: &Delivery) {
        self.observer.settled(request.items());
        self.observer.delivered(request.items(), delivery);
        if self.backoff.is_probing() {
            tracing::info!(component = self.component, signal = %self.signal, "sending again");
            self.report(Condition::Ok);
        }
        self.backoff.succeeded();
        request.done();
    }

    fn failed(&mut self, request: Request, error: &ExportError) {
        let now = Instant::now();
        match error.decision {
            Decision::Retry { after } => {
                self.backoff.failed(after, now, fastrand::f64());
                self.warn(&request, error, "export failed, trying again");
                self.report(Condition::Degraded(error.to_string()));
                match self.gives_up(&request, now) {
                    Some(reason) => self.give_up(request, reason, &error.message),
                    None => self.retry(request),
                }
            }
            Decision::Park => {
                self.backoff.parked(now);
                self.warn(
                    &request,
                    error,
                    "destination refuses everything, leaving it alone",
                );
                self.report(Condition::Failing(error.to_string()));
                self.retry(request);
            }
            Decision::Split => match request.into_halves() {
                Ok(halves) => halves.into_iter().rev().for_each(|half| self.retry(half)),
                Err(whole) => {
                    self.warn(&whole, error, "one item is too large for the destination");
                    self.give_up(whole, "too_large", &error.message);
                }
            },
            // The merge was ours: only the records that are refused alone are to blame.
            Decision::Reject if request.is_merged() => {
                request
                    .into_records()
                    .into_iter()
                    .rev()
                    .for_each(|record| self.retry(record));
            }
            Decision::Reject => {
                self.warn(&request, error, "refused for good");
                self.give_up(request, "rejected", &error.message);
            }
        }
    }

    /// Why a request that failed is not sent again, if so.
    fn gives_up(&self, request: &Request, now: Instant) -> Option<&'static str> {
        let retry = &self.settings.retry;
        if !retry.enabled {
            return Some("retry_disabled");
        }
        let begun = request.first_attempt.unwrap_or(now);
        let bounded = !retry.max_elapsed_time.is_zero();
        (bounded && now - begun >= retry.max_elapsed_time).then_some("retry_expired")
    }

    fn retry(&mut self, request: Request) {
        self.observer.retrying();
        self.again.push_front(request);
    }

    /// Keeps a request's records among the dead letters; what has no such place is dropped.
    fn give_up(&self, request: Request, reason: &'static str, message: &str) {
        let items = request.items();
        self.observer.settled(items);
        let why = DeathReason {
            reason: reason.to_owned(),
            message: message.to_owned(),
            attempts: request.attempts,
        };
        for record in request.into_records() {
            let items = record.items();
            match record.bury(&*self.queue, &why) {
                Ok(()) => self.observer.dead_lettered(items),
                Err(record) => {
                    self.observer.dropped(items, reason);
                    record.done();
                }
            }
        }
    }

    fn warn(&self, request: &Request, error: &ExportError, what: &'static str) {
        let items = request.items();
        tracing::warn!(component = self.component, signal = %self.signal, items, %error, "{what}");
    }

    fn report(&self, condition: Condition) {
        self.health
            .set(&format!("{}/{}", self.component, self.signal), condition);
    }
}

async fn wait_until(moment: Option<Instant>) {
    if let Some(moment) = moment {
        sleep_until(moment).await;
    }
}

async fn wait_for(queue: &dyn Queue, signal: Signal, demand: &Option<Demand>) {
    let Some(demand) = demand else { return };
    let arrival = queue.has_waiting(signal, demand.amount);
    match demand.until {
        // Both ends mean the same: look again at what waits.
        Some(until) => drop(timeout_at(until, arrival).await),
        None => arrival.await,
    }
}
