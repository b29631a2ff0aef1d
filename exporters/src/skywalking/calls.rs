//! From a batch to the calls that carry it.
//!
//! A backend reads some streams as a whole, so what may share one is fixed: a stream of logs has one
//! service, a message of meters one instance. Streams are short: when one fails, little is repeated.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use bytes::Bytes;
use pdata::skywalking::view::SegmentHead;
use pdata::skywalking::{Call as Method, Kind, NativeChunk};
use pdata::{Batch, Chunk, OtlpChunk, Signal};
use tokio::time::Instant;

use super::config::{LogsForm, MetricsForm};
use super::copies::{self, Left};
use super::register::Sender;
use super::send::Paths;
use super::window::{Claim, Claims};
use super::{Skywalking, layers, logs, meters, shapes};

/// Messages of one stream.
const STREAM_MESSAGES_MAX: usize = 500;
/// Why points are left out that only say that there is nothing to say.
const NO_VALUE: &str = "no_recorded_value";
/// A heartbeat says that an instance is alive now.
const PING_AGE_MAX: Duration = Duration::from_secs(120);

/// Messages that travel together.
pub(super) struct Call<'a> {
    pub(super) paths: Paths,
    pub(super) form: Form,
    pub(super) messages: Vec<Bytes>,
    /// Which chunks of the batch they are, ascending.
    pub(super) chunks: Vec<usize>,
    /// What always has to go to the same backend, as a hash of what is kept together there.
    pub(super) home: Option<u64>,
    pub(super) claims: Claims<'a>,
    /// Items of the chunks that are not among the messages, and why.
    pub(super) left_out: Option<LeftOut>,
}

/// A reason, and how many items.
pub(super) type LeftOut = (&'static str, usize);

/// What a call is for.
#[derive(Clone, Debug, Default)]
pub(super) struct Share {
    /// See [`Call::chunks`].
    pub(super) chunks: Vec<usize>,
    /// See [`Call::left_out`].
    pub(super) left_out: Option<LeftOut>,
}

impl Call<'_> {
    pub(super) fn share(&self) -> Share {
        Share {
            chunks: self.chunks.clone(),
            left_out: self.left_out,
        }
    }

    /// Whether it is an export of OTLP's spans.
    pub(super) fn carries_spans(&self) -> bool {
        self.paths == Paths::otlp(Signal::Traces)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Unary,
    Stream,
    /// An export request of OTLP.
    Otlp,
}

/// The calls of a batch, and the items that are ended without one, by reason.
pub(super) struct Plan<'a> {
    pub(super) calls: Vec<Call<'a>>,
    pub(super) dropped: Vec<(&'static str, usize)>,
    /// What the backend would fail at, taken out of these chunks.
    pub(super) refused: Vec<(usize, Chunk)>,
    /// About the first of them.
    pub(super) fault: String,
    /// For services that the backend would not list otherwise.
    pub(super) heartbeats: Vec<Bytes>,
}

/// What calls are told apart by: two messages with the same key may share a stream.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key<'b> {
    kind: Kind,
    service: Cow<'b, str>,
    home: Option<u64>,
}

/// Makes the plan of one batch.
struct Planner<'a, 'b> {
    exporter: &'a Skywalking,
    plan: Plan<'a>,
    now: Instant,
    /// When the batch came.
    arrived_unix_ms: i64,
    /// The call of each key that still has room.
    open: HashMap<Key<'b>, usize>,
    /// The one of them that was joined last: neighbours mostly share a call.
    joined: Option<(Key<'b>, usize)>,
    /// The mini program that sent the last segment: neighbours mostly share that, too.
    sender: Option<Sender<'b>>,
    /// The last heartbeat of each instance in this batch.
    pings: HashMap<(&'b str, &'b str), usize>,
}

impl Skywalking {
    /// Plans the calls for a batch; `now_unix_ms` tells which heartbeats are too old.
    pub(super) fn plan<'a>(&'a self, batch: &Batch, now_unix_ms: u64) -> Plan<'a> {
        let mut planner = Planner {
            exporter: self,
            plan: Plan {
                calls: Vec::new(),
                dropped: Vec::new(),
                refused: Vec::new(),
                fault: String::new(),
                heartbeats: Vec::new(),
            },
            now: Instant::now(),
            arrived_unix_ms: arrived_unix_ms(batch, now_unix_ms),
            open: HashMap::new(),
            joined: None,
            sender: None,
            pings: last_pings(batch),
        };
        for (index, chunk) in batch.chunks().iter().enumerate() {
            match chunk {
                Chunk::Otlp(chunk) => planner.otlp(index, chunk),
                Chunk::Native(chunk) => planner.native(index, chunk, now_unix_ms),
            }
        }
        planner.plan
    }
}

fn arrived_unix_ms(batch: &Batch, now_unix_ms: u64) -> i64 {
    let arrived = match batch.origin().arrived_unix_nano / 1_000_000 {
        0 => now_unix_ms,
        known => known,
    };
    i64::try_from(arrived).unwrap_or(i64::MAX)
}

fn last_pings(batch: &Batch) -> HashMap<(&str, &str), usize> {
    if batch.signal() != Signal::Skywalking {
        return HashMap::new();
    }
    let pings = batch.chunks().iter().enumerate();
    let pings = pings.filter_map(|(index, chunk)| match chunk {
        Chunk::Native(chunk) if chunk.kind() == Kind::InstancePing => {
            Some(((chunk.text(1), chunk.text(2)), index))
        }
        _ => None,
    });
    pings.collect()
}

impl<'a, 'b> Planner<'a, 'b> {
    /// A request for each resource: a backend stores only some resources of a larger one, and fails
    /// half-way on others.
    fn otlp(&mut self, index: usize, chunk: &OtlpChunk) {
        let request = match chunk.signal() {
            Signal::Logs if self.exporter.forms.logs == LogsForm::Otlp => chunk.framed().clone(),
            Signal::Logs if logs::wait_for_rules(chunk) => logs::searchable(chunk),
            Signal::Logs => return self.native_logs(index, chunk),
            Signal::Metrics => match self.sound_metrics(index, chunk) {
                Some(sound) if self.exporter.forms.metrics == MetricsForm::Meter => {
                    return self.meters(index, &sound);
                }
                Some(sound) => sound.framed().clone(),
                None => return,
            },
            _ => return self.spans(index, chunk),
        };
        let claims = self.exporter.window.claims();
        self.export(index, chunk, request, claims);
    }

    /// The spans that were not sent before, as they are.
    fn spans(&mut self, index: usize, chunk: &OtlpChunk) {
        let window = &self.exporter.sent_spans;
        let Left {
            request,
            ids,
            copies,
        } = copies::leave_out(chunk, window);
        let Some(request) = request else {
            return self.drop("deduplicated", copies);
        };
        let mut claims = window.claims();
        ids.into_iter().for_each(|id| claims.push(id));
        let call = self.export(index, chunk, request, claims);
        call.left_out = Some(("deduplicated", copies));
    }

    fn export(
        &mut self,
        index: usize,
        chunk: &OtlpChunk,
        request: Bytes,
        claims: Claims<'a>,
    ) -> &mut Call<'a> {
        let at = self.plan.calls.len();
        self.plan.calls.push(Call {
            paths: Paths::otlp(chunk.signal()),
            form: Form::Otlp,
            messages: vec![request],
            chunks: vec![index],
            home: None,
            claims,
            left_out: None,
        });
        &mut self.plan.calls[at]
    }

    /// The chunk without what the backend would fail at or has no form; `None` if nothing is left.
    fn sound_metrics(&mut self, index: usize, chunk: &OtlpChunk) -> Option<OtlpChunk> {
        let Some(sorted) = shapes::sort(chunk, self.exporter.forms.metrics) else {
            return Some(chunk.clone());
        };
        if self.plan.fault.is_empty() {
            self.plan.fault = sorted.fault;
        }
        let unsound = sorted.unsound.map(|chunk| (index, Chunk::Otlp(chunk)));
        self.plan.refused.extend(unsound);
        sorted.sound
    }

    /// A set of meters for each minute; the sets of an instance go to one backend.
    fn meters(&mut self, index: usize, chunk: &OtlpChunk) {
        let options = &self.exporter.forms.meters;
        let found = meters::native(chunk, options, self.arrived_unix_ms);
        let mut left_out = (NO_VALUE, found.without_value);
        if found.collections.is_empty() {
            return self.drop(left_out.0, left_out.1);
        }
        for collection in found.collections {
            let meters = NativeChunk::from_checked(Kind::Meters, collection.into(), 0);
            let home = Some(instance_of(&meters)).filter(|_| self.exporter.targets.are_several());
            let call = self.join(Kind::Meters, Cow::Borrowed(""), home);
            let call = &mut self.plan.calls[call];
            call.messages.push(meters.message().clone());
            if call.chunks.last() != Some(&index) {
                call.chunks.push(index);
            }
            let (_, before) = call.left_out.unwrap_or((NO_VALUE, 0));
            call.left_out = Some((NO_VALUE, before + std::mem::take(&mut left_out.1)));
        }
    }

    /// Each record as a message of its own.
    fn native_logs(&mut self, index: usize, chunk: &OtlpChunk) {
        let options = &self.exporter.forms.native_logs;
        let all = logs::native(chunk, options, &*self.exporter.places.lock());
        for log in all {
            let log = NativeChunk::from_checked(Kind::Log, log.into(), 0);
            let message = self.exporter.layers.outgoing(&log).into_owned();
            let service = Cow::Owned(log.text(layers::LOG_SERVICE).to_owned());
            let call = self.join(Kind::Log, service, None);
            let call = &mut self.plan.calls[call];
            call.messages.push(message);
            if call.chunks.last() != Some(&index) {
                call.chunks.push(index);
            }
        }
    }

    fn native(&mut self, index: usize, chunk: &'b NativeChunk, now_unix_ms: u64) {
        let kind = chunk.kind();
        if let Some(reason) = self.ends_here(index, chunk, now_unix_ms) {
            return self.drop(reason, chunk.items());
        }
        let head = (kind == Kind::Segment).then(|| SegmentHead::of(chunk.message()));
        let claim = match self.claim(chunk, head) {
            Some(Claim::Copy) => return self.drop("deduplicated", chunk.items()),
            Some(Claim::Send(id)) => Some(id),
            None => None,
        };
        if let Some(sender) = head.and_then(|head| Sender::of(&head))
            && self.sender != Some(sender)
        {
            let heartbeat = self.exporter.register.heartbeat(&sender, self.now);
            self.plan.heartbeats.extend(heartbeat);
            self.sender = Some(sender);
        }
        let message = match kind {
            Kind::Log => self.exporter.layers.outgoing(chunk),
            _ => Cow::Borrowed(chunk.message()),
        };
        let call = match kind.call() {
            Method::Unary => self.new_call(kind, Form::Unary, None),
            Method::Stream => self.stream(kind, chunk),
        };
        let call = &mut self.plan.calls[call];
        call.messages.push(message.into_owned());
        call.chunks.push(index);
        if let Some(id) = claim {
            call.claims.push(id);
        }
    }

    /// Why a heartbeat need not be sent.
    fn ends_here(
        &self,
        index: usize,
        chunk: &NativeChunk,
        now_unix_ms: u64,
    ) -> Option<&'static str> {
        if chunk.kind() != Kind::InstancePing {
            return None;
        }
        if self.pings.get(&(chunk.text(1), chunk.text(2))) != Some(&index) {
            return Some("replaced");
        }
        let arrived = Duration::from_millis(chunk.arrived_unix_ms());
        let age = Duration::from_millis(now_unix_ms).saturating_sub(arrived);
        let known = chunk.arrived_unix_ms() != 0;
        (known && age > PING_AGE_MAX).then_some("expired")
    }

    /// Whether it is a copy of what was sent; `None` if copies of its kind do no harm or cannot be told.
    fn claim(&self, chunk: &NativeChunk, segment: Option<SegmentHead<'_>>) -> Option<Claim> {
        let window = &self.exporter.window;
        if let Some(segment) = segment {
            return (!segment.id.is_empty()).then(|| window.claim(segment.id));
        }
        match chunk.kind() {
            // The browser client posts the same errors several times when a page is left.
            Kind::BrowserErrorLog => {
                let (id, service) = (chunk.text(1), chunk.text(2));
                (!id.is_empty()).then(|| window.claim(("browser error", id, service)))
            }
            _ => None,
        }
    }

    fn drop(&mut self, reason: &'static str, items: usize) {
        match self.plan.dropped.iter_mut().find(|(of, _)| *of == reason) {
            Some((_, count)) => *count += items,
            None => self.plan.dropped.push((reason, items)),
        }
    }

    /// The call that the message joins.
    fn stream(&mut self, kind: Kind, chunk: &'b NativeChunk) -> usize {
        let (service, home) = match kind {
            Kind::Log => (chunk.text(layers::LOG_SERVICE), None),
            Kind::Meters => ("", Some(instance_of(chunk))),
            _ => ("", None),
        };
        let home = home.filter(|_| self.exporter.targets.are_several());
        self.join(kind, Cow::Borrowed(service), home)
    }

    /// The call with this key that still has room.
    fn join(&mut self, kind: Kind, service: Cow<'b, str>, home: Option<u64>) -> usize {
        let key = Key {
            kind,
            service,
            home,
        };
        let open = match &self.joined {
            Some((joined, call)) if *joined == key => Some(*call),
            _ => self.open.get(&key).copied(),
        };
        let has_room = |call: &usize| self.plan.calls[*call].messages.len() < STREAM_MESSAGES_MAX;
        let call = match open.filter(has_room) {
            Some(call) => call,
            None => {
                let call = self.new_call(kind, Form::Stream, home);
                self.open.insert(key.clone(), call);
                call
            }
        };
        self.joined = Some((key, call));
        call
    }

    fn new_call(&mut self, kind: Kind, form: Form, home: Option<u64>) -> usize {
        self.plan.calls.push(Call {
            paths: Paths::of(kind),
            form,
            messages: Vec::new(),
            chunks: Vec::new(),
            home,
            claims: self.exporter.window.claims(),
            left_out: None,
        });
        self.plan.calls.len() - 1
    }
}

/// A hash of the instance whose meters these are. The same in every process, so that several of them
/// send one instance's meters to one backend.
fn instance_of(meters: &NativeChunk) -> u64 {
    let mut hasher = DefaultHasher::new();
    meters.instance().hash(&mut hasher);
    hasher.finish()
}
