//! Adding histograms, exactly.
//!
//! Equal bounds are added bucket by bucket. Of bounds that nest, the finer are converted to the
//! coarser, which is exact, too. What fits nothing is kept apart: buckets are never guessed.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::HistogramDataPoint;

use super::key::Key;

/// Bounds that one metric may have side by side in a window. Points with yet others keep their count
/// and sum, and lose their buckets.
const SETS_MAX: usize = 8;

/// The points of one metric, by their bounds.
#[derive(Default)]
pub(super) struct Histograms {
    sets: Vec<Set>,
}

#[derive(Default)]
struct Set {
    bounds: Vec<f64>,
    points: BTreeMap<Key, Merged>,
}

/// A sum of points.
struct Merged {
    attributes: Vec<KeyValue>,
    count: u64,
    buckets: Vec<u64>,
    /// `None` as soon as one point does not say.
    sum: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
}

/// Whether a point can be added: its bounds ascend, its buckets fit them and hold what it counts.
pub(super) fn is_valid(point: &HistogramDataPoint) -> bool {
    let bounds = &point.explicit_bounds;
    let ascends = bounds.is_sorted_by(|a, b| a < b) && bounds.iter().all(|it| it.is_finite());
    let has_no_buckets = bounds.is_empty() && point.bucket_counts.is_empty();
    let counted = point
        .bucket_counts
        .iter()
        .try_fold(0_u64, |all, count| all.checked_add(*count));
    let fits = point.bucket_counts.len() == bounds.len() + 1 && counted == Some(point.count);
    ascends && (has_no_buckets || fits)
}

impl Histograms {
    /// Where points with these bounds are added. What would need bounds of its own loses its buckets
    /// if there are too many of them, or if there may be no more.
    pub(super) fn set_for(&mut self, bounds: &[f64], may_be_new: bool) -> Place<'_> {
        let index = self.index_for(bounds, may_be_new);
        Place {
            set: &mut self.sets[index],
            is_apart: index > 0,
        }
    }

    fn index_for(&mut self, bounds: &[f64], may_be_new: bool) -> usize {
        let sets = &mut self.sets;
        if let Some(index) = sets.iter().position(|set| nests(&set.bounds, bounds)) {
            return index;
        }
        if let Some(index) = sets.iter().position(|set| nests(bounds, &set.bounds)) {
            sets[index].coarsen(bounds);
            return index;
        }
        let is_full = sets.len() + 1 >= SETS_MAX || !may_be_new;
        let bounds = if is_full { &[] } else { bounds };
        match sets.iter().position(|set| set.bounds == bounds) {
            Some(index) => index,
            None => {
                sets.push(Set {
                    bounds: bounds.to_vec(),
                    points: BTreeMap::new(),
                });
                sets.len() - 1
            }
        }
    }

    /// The points of each set of bounds, all with these times.
    pub(super) fn into_points(
        self,
        start_time_unix_nano: u64,
        time_unix_nano: u64,
    ) -> impl Iterator<Item = Vec<HistogramDataPoint>> {
        self.sets.into_iter().map(move |set| {
            let bounds = set.bounds;
            let points = set.points.into_values().map(|merged| HistogramDataPoint {
                attributes: merged.attributes,
                start_time_unix_nano,
                time_unix_nano,
                count: merged.count,
                sum: merged.sum,
                bucket_counts: merged.buckets,
                explicit_bounds: bounds.clone(),
                min: merged.min,
                max: merged.max,
                ..HistogramDataPoint::default()
            });
            points.collect()
        })
    }
}

/// The points with some bounds.
pub(super) struct Place<'a> {
    set: &'a mut Set,
    is_apart: bool,
}

impl Place<'_> {
    /// Other points of the metric have bounds that do not fit these.
    pub(super) fn is_apart(&self) -> bool {
        self.is_apart
    }

    pub(super) fn has(&self, key: &Key) -> bool {
        self.set.points.contains_key(key)
    }

    /// Adds a valid point to the series `key`, which has these attributes if it is new.
    pub(super) fn add(
        &mut self,
        key: Key,
        attributes: impl FnOnce() -> Vec<KeyValue>,
        mut point: HistogramDataPoint,
    ) {
        let set = &mut *self.set;
        point.bucket_counts = match set.bounds.is_empty() {
            true => vec![point.count],
            false => coarser(&point.explicit_bounds, &point.bucket_counts, &set.bounds),
        };
        set.points
            .entry(key)
            .or_insert_with(|| Merged::new(attributes(), set.bounds.len()))
            .add(&point);
    }
}

/// Whether every bound of `coarse` is one of `fine`, so that buckets can be added up to it. No bounds
/// at all fit only themselves: nothing is converted to them.
fn nests(coarse: &[f64], fine: &[f64]) -> bool {
    match coarse.is_empty() {
        true => fine.is_empty(),
        false => coarse.iter().all(|bound| fine.contains(bound)),
    }
}

/// The counts of buckets with the bounds `fine` in buckets with the bounds `coarse`, which nest.
fn coarser(fine: &[f64], counts: &[u64], coarse: &[f64]) -> Vec<u64> {
    if fine.len() == coarse.len() {
        return counts.to_vec();
    }
    let mut out = vec![0_u64; coarse.len() + 1];
    for (index, count) in counts.iter().enumerate() {
        let into = match fine.get(index) {
            Some(bound) => coarse.partition_point(|of| of < bound),
            None => coarse.len(),
        };
        out[into] = out[into].saturating_add(*count);
    }
    out
}

impl Set {
    fn coarsen(&mut self, bounds: &[f64]) {
        for merged in self.points.values_mut() {
            merged.buckets = coarser(&self.bounds, &merged.buckets, bounds);
        }
        self.bounds = bounds.to_vec();
    }
}

impl Merged {
    /// Nothing yet, with `bounds` bounds.
    fn new(attributes: Vec<KeyValue>, bounds: usize) -> Self {
        Merged {
            attributes,
            count: 0,
            // One for everything where there are no bounds: OAP fails at a histogram without.
            buckets: vec![0; bounds + 1],
            sum: Some(0.0),
            min: Some(f64::INFINITY),
            max: Some(f64::NEG_INFINITY),
        }
    }

    fn add(&mut self, point: &HistogramDataPoint) {
        self.count = self.count.saturating_add(point.count);
        for (bucket, count) in self.buckets.iter_mut().zip(&point.bucket_counts) {
            *bucket = bucket.saturating_add(*count);
        }
        let both = |a: Option<f64>, b: Option<f64>, join: fn(f64, f64) -> f64| {
            let b = b.filter(|b| b.is_finite());
            a.zip(b).map(|(a, b)| join(a, b))
        };
        self.sum = both(self.sum, point.sum, |a, b| a + b);
        self.min = both(self.min, point.min, f64::min);
        self.max = both(self.max, point.max, f64::max);
    }
}

#[cfg(test)]
mod tests;
