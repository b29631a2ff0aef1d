//! All devices of all services in one window.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher;
use std::sync::Arc;

use engine::aggregate::{Merger, Window};
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, ResourceMetrics};
use pdata::{Batch, Chunk, Decoded, Origin, OtlpChunk, Signal};

use super::config::{Config, Late};
use super::group::{Fate, Group, Header, Kind, Merging, Times};
use super::histogram;
use super::key::{self, Key, Series};
use super::number::Number;
use super::room::Room;
use super::tally::Tally;

/// The point has no value.
const NO_RECORDED_VALUE: u32 = 1;
/// Of the window that is open; earlier ones are known by their first millisecond.
const OPEN: u64 = u64::MAX;
/// A point that is older is of a clock that is wrong, and of the window in which it comes.
const LATE_MAX_MS: u64 = 7 * 24 * 3600 * 1000;
/// Resources that are known again, for each of two windows.
const REPEATS_MAX: usize = 1 << 20;
/// A batch that has so many bytes is handed over.
const BATCH_BYTES: usize = 1 << 20;

/// See the module's documentation.
pub(super) struct Fleet {
    config: Arc<Config>,
    tally: Tally,
    seen: Seen,
    /// By the interval that they are from, and by their resource.
    groups: BTreeMap<u64, BTreeMap<Key, Group>>,
    room: Room,
}

/// Resources that have come in this window and the one before, by their bytes. Senders that had no
/// answer send the same bytes again; that two devices send the same in all attributes, times and
/// values is not expected.
#[derive(Default)]
struct Seen {
    now: HashSet<[u64; 2]>,
    before: HashSet<[u64; 2]>,
    hashers: [RandomState; 2],
}

impl Seen {
    fn is_repeat(&mut self, body: &[u8]) -> bool {
        let hash = self.hashers.each_ref().map(|hasher| hasher.hash_one(body));
        if self.before.contains(&hash) {
            return true;
        }
        if self.now.len() < REPEATS_MAX {
            return !self.now.insert(hash);
        }
        self.now.contains(&hash)
    }

    fn turn(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }
}

/// What a resource is to its points.
struct Source {
    kept: Vec<KeyValue>,
    moved: Vec<KeyValue>,
    key: Key,
}

impl Source {
    fn new(attributes: &[KeyValue], config: &Config) -> Self {
        let find = |name: &String| attributes.iter().find(|attribute| attribute.key == *name);
        let kept: Vec<&KeyValue> = config.group_by.iter().filter_map(find).collect();
        Source {
            key: key::encode(&kept),
            kept: kept.into_iter().cloned().collect(),
            moved: config
                .point_attributes
                .iter()
                .filter_map(find)
                .cloned()
                .collect(),
        }
    }
}

/// Where points are going.
struct Way<'a> {
    source: &'a Source,
    scope: Option<&'a InstrumentationScope>,
    header: Header,
    at_unix_ms: u64,
}

impl Fleet {
    pub(super) fn new(config: Arc<Config>, tally: Tally) -> Self {
        Fleet {
            seen: Seen::default(),
            groups: BTreeMap::new(),
            room: Room::of(&config),
            config,
            tally,
        }
    }

    fn fold_resource(&mut self, resource: ResourceMetrics, at_unix_ms: u64) {
        let attributes = resource
            .resource
            .map(|it| it.attributes)
            .unwrap_or_default();
        let source = Source::new(&attributes, &self.config);
        for scope in resource.scope_metrics {
            for metric in scope.metrics {
                self.fold_metric(&source, scope.scope.as_ref(), metric, at_unix_ms);
            }
        }
    }

    fn fold_metric(
        &mut self,
        source: &Source,
        scope: Option<&InstrumentationScope>,
        metric: Metric,
        at_unix_ms: u64,
    ) {
        let kind = match &metric.data {
            Some(Data::Sum(sum)) => Kind::Sum {
                is_monotonic: sum.is_monotonic,
            },
            Some(Data::Histogram(_)) => Kind::Histogram,
            _ => Kind::Gauge,
        };
        let way = Way {
            source,
            scope,
            header: Header {
                name: metric.name,
                unit: metric.unit,
                description: metric.description,
                kind,
            },
            at_unix_ms,
        };
        match metric.data {
            Some(Data::Sum(sum)) => self.fold_numbers(&way, &sum.data_points),
            Some(Data::Gauge(gauge)) => self.fold_numbers(&way, &gauge.data_points),
            Some(Data::Histogram(histogram)) => {
                for mut point in histogram.data_points {
                    // All that is zero would only halve what OAP shows.
                    if point.flags & NO_RECORDED_VALUE != 0 || point.count == 0 {
                        continue;
                    }
                    if !histogram::is_valid(&point) {
                        self.tally.invalid.increment(1);
                        continue;
                    }
                    let own = std::mem::take(&mut point.attributes);
                    let series = Series::new(&own, &source.moved);
                    self.fold(&way, point.time_unix_nano, |metric, room, _| {
                        metric.add_histogram(&series, point, room)
                    });
                }
            }
            // Only what is merged is held.
            _ => {}
        }
    }

    fn fold_numbers(&mut self, way: &Way<'_>, points: &[NumberDataPoint]) {
        for point in points {
            if point.flags & NO_RECORDED_VALUE != 0 {
                continue;
            }
            let Some(value) = Number::of(point) else {
                self.tally.invalid.increment(1);
                continue;
            };
            let series = Series::new(&point.attributes, &way.source.moved);
            self.fold(
                way,
                point.time_unix_nano,
                |metric, room, config| match way.header.kind {
                    Kind::Sum { .. } => metric.add_sum(&series, value, room),
                    _ => metric.add_gauge(&series, value, config, room),
                },
            );
        }
    }

    /// Finds the metric of a point and counts what `add` makes of it.
    fn fold(
        &mut self,
        way: &Way<'_>,
        time_unix_nano: u64,
        add: impl FnOnce(&mut Merging, &mut Room, &Config) -> Fate,
    ) {
        let Some(from) = self.interval_of(time_unix_nano, way.at_unix_ms) else {
            self.tally.late_dropped.increment(1);
            return;
        };
        let groups = self.groups.entry(from).or_default();
        if !groups.contains_key(&way.source.key) && !self.room.is_full() {
            let group = Group::of(way.source.kept.clone());
            self.room.take(2 * way.source.key.len());
            groups.insert(way.source.key.clone(), group);
        }
        let metric = groups
            .get_mut(&way.source.key)
            .and_then(|group| group.metric(way.scope, &way.header, &mut self.room));
        let Some(metric) = metric else {
            self.tally.dropped_for_room.increment(1);
            return;
        };
        match add(metric, &mut self.room, &self.config) {
            Fate::Merged => self.tally.merged.increment(1),
            Fate::Overflowed => self.tally.overflowed.increment(1),
            Fate::Apart => self.tally.apart.increment(1),
        }
    }

    /// The interval that a point is counted in; `None` if in none. What is of the window before has
    /// been on its way.
    fn interval_of(&self, time_unix_nano: u64, at_unix_ms: u64) -> Option<u64> {
        let interval = self.config.flush_interval.as_std().as_millis() as u64;
        let open = at_unix_ms - at_unix_ms % interval;
        let time = time_unix_nano / 1_000_000;
        if time == 0 || time >= open.saturating_sub(interval) {
            return Some(OPEN);
        }
        self.tally.late.increment(1);
        match self.config.late {
            Late::Drop => None,
            Late::OwnMinute if open - time <= LATE_MAX_MS => Some(time - time % interval),
            Late::OwnMinute | Late::Fold => Some(OPEN),
        }
    }
}

impl Merger for Fleet {
    fn fold(&mut self, batch: &Batch, at_unix_ms: u64) {
        for chunk in batch.chunks() {
            let Chunk::Otlp(chunk) = chunk else { continue };
            if self.seen.is_repeat(chunk.body()) {
                self.tally.repeated.increment(chunk.items() as u64);
                continue;
            }
            let mut chunk = chunk.clone();
            if let Decoded::Metrics(resource) = chunk.decoded_mut() {
                let resource = std::mem::take(resource);
                self.fold_resource(resource, at_unix_ms);
            }
        }
    }

    fn close(&mut self, window: Window) -> Vec<Batch> {
        self.seen.turn();
        self.tally.series.set(self.room.series as f64);
        self.room = Room::of(&self.config);
        let length_ms = window.end_unix_ms - window.start_unix_ms;
        let mut batches = Batches::new(window.end_unix_ms);
        for (from, groups) in std::mem::take(&mut self.groups) {
            let start_unix_ms = match from {
                OPEN => window.start_unix_ms,
                earlier => earlier,
            };
            // Within the interval: the next one begins where this one ends.
            let end_unix_ms = start_unix_ms.saturating_add(length_ms.saturating_sub(1));
            let times = Times {
                start_unix_nano: start_unix_ms.saturating_mul(1_000_000),
                end_unix_nano: end_unix_ms.saturating_mul(1_000_000),
            };
            for group in groups.into_values() {
                if let Some(submission) = group.into_submission(times, &self.config) {
                    batches.push(OtlpChunk::from_decoded(Decoded::Metrics(submission)));
                }
            }
        }
        batches.done
    }
}

/// Submissions, several to a batch; none is ever cut in two.
struct Batches {
    origin: Arc<Origin>,
    done: Vec<Batch>,
    bytes: usize,
}

impl Batches {
    fn new(now_unix_ms: u64) -> Self {
        let origin = Origin {
            arrived_unix_nano: now_unix_ms.saturating_mul(1_000_000),
            ..Origin::default()
        };
        Batches {
            origin: Arc::new(origin),
            done: Vec::new(),
            bytes: 0,
        }
    }

    fn push(&mut self, chunk: OtlpChunk) {
        let bytes = chunk.framed().len();
        let is_full = self.bytes + bytes > BATCH_BYTES;
        match self.done.last_mut().filter(|_| !is_full) {
            Some(batch) => batch.chunks_mut().push(Chunk::Otlp(chunk)),
            None => {
                let chunks = vec![Chunk::Otlp(chunk)];
                let batch = Batch::new(Signal::Metrics, chunks, Arc::clone(&self.origin));
                self.done.push(batch);
                self.bytes = 0;
            }
        }
        self.bytes += bytes;
    }
}
