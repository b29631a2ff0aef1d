//! Edits of metrics and of their points.

use super::attributes::Changes;
use super::items::{edit_records, edit_scopes, messages};
use crate::otlp::{AnyValue, DataPoint, Metric, MetricKind};
use crate::wire::{Fields, Value, put_len};

const METRIC_NAME: u32 = 1;
const METRIC_METADATA: u32 = 12;

/// What becomes of one metric.
pub struct MetricEdit<'e> {
    changes: &'e mut Changes,
}

impl MetricEdit<'_> {
    pub fn set_name(&mut self, name: &str) {
        self.changes.set_field(METRIC_NAME, |out| {
            put_len(out, METRIC_NAME, name.as_bytes());
        });
    }

    /// With all its points.
    pub fn drop_metric(&mut self) {
        self.changes.drop_item();
    }
}

/// Edits the metrics of a `ResourceMetrics`; their points stay as they are.
pub fn edit_metrics(
    message: &[u8],
    mut edit: impl FnMut(&Metric<'_>, &mut MetricEdit<'_>),
) -> Option<Vec<u8>> {
    edit_records(message, METRIC_METADATA, |metric, changes| {
        edit(&Metric::of(metric), &mut MetricEdit { changes });
    })
}

/// What becomes of one data point.
pub struct PointEdit<'e> {
    changes: &'e mut Changes,
    attributes: u32,
}

impl PointEdit<'_> {
    /// Gives the attribute this value, or adds it at the end.
    pub fn set_attribute<'v>(&mut self, key: &str, value: impl Into<AnyValue<'v>>) {
        self.changes
            .set_attribute(self.attributes, key, value.into());
    }

    pub fn remove_attribute(&mut self, key: &str) {
        self.changes.remove_attribute(key);
    }

    pub fn drop_point(&mut self) {
        self.changes.drop_item();
    }
}

/// Edits the points of a `ResourceMetrics`. A metric that loses its last point goes with it.
pub fn edit_points(
    message: &[u8],
    mut edit: impl FnMut(&Metric<'_>, &DataPoint<'_>, &mut PointEdit<'_>),
) -> Option<Vec<u8>> {
    let mut changes = Changes::default();
    edit_scopes(message, |metric, splice| {
        let view = Metric::of(metric);
        let (mut kept, mut dropped) = (0, 0);
        for field in Fields::of(metric) {
            let Value::Len(data) = field.value else {
                continue;
            };
            let Some(kind) = MetricKind::of_field(field.number) else {
                continue;
            };
            let attributes = kind.attributes_field();
            splice.enter(field.number, data, field.start, field.end);
            for (point, start, end) in messages(data, 1) {
                changes.clear();
                let mut asked = PointEdit {
                    changes: &mut changes,
                    attributes,
                };
                edit(&view, &DataPoint::of(kind, point), &mut asked);
                splice.enter(1, point, start, end);
                if changes.is_dropped() {
                    dropped += 1;
                    splice.remove();
                    continue;
                }
                kept += 1;
                changes.change_present(attributes, point, splice);
                changes.add_missing(point, splice);
                splice.leave();
            }
            splice.leave();
        }
        kept > 0 || dropped == 0
    })
}
