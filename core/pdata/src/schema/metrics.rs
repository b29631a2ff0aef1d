//! `opentelemetry.proto.metrics.v1`.

use super::common::{attributes, key_values, resource, schema_url, scope};
use super::{EnumValue, Field, Kind, Message, items, many, one, oneof, optional};

pub static METRICS_REQUEST: Message = Message::new(
    "ExportMetricsServiceRequest",
    &[many(
        1,
        "resource_metrics",
        "resourceMetrics",
        Kind::Message(&RESOURCE_METRICS),
    )],
);

pub static RESOURCE_METRICS: Message = Message::new(
    "ResourceMetrics",
    &[
        resource(),
        many(
            2,
            "scope_metrics",
            "scopeMetrics",
            Kind::Message(&SCOPE_METRICS),
        ),
        schema_url(),
    ],
);

pub static SCOPE_METRICS: Message = Message::new(
    "ScopeMetrics",
    &[
        scope(),
        many(2, "metrics", "metrics", Kind::Message(&METRIC)),
        schema_url(),
    ],
);

pub static METRIC: Message = Message::new(
    "Metric",
    &[
        one(1, "name", "name", Kind::String),
        one(2, "description", "description", Kind::String),
        one(3, "unit", "unit", Kind::String),
        oneof(5, "gauge", "gauge", Kind::Message(&GAUGE)),
        oneof(7, "sum", "sum", Kind::Message(&SUM)),
        oneof(9, "histogram", "histogram", Kind::Message(&HISTOGRAM)),
        oneof(
            10,
            "exponential_histogram",
            "exponentialHistogram",
            Kind::Message(&EXPONENTIAL_HISTOGRAM),
        ),
        oneof(11, "summary", "summary", Kind::Message(&SUMMARY)),
        key_values(12, "metadata", "metadata"),
    ],
);

static GAUGE: Message = Message::new("Gauge", &[data_points(&NUMBER_DATA_POINT)]);

static SUM: Message = Message::new(
    "Sum",
    &[
        data_points(&NUMBER_DATA_POINT),
        aggregation_temporality(),
        one(3, "is_monotonic", "isMonotonic", Kind::Bool),
    ],
);

static HISTOGRAM: Message = Message::new(
    "Histogram",
    &[
        data_points(&HISTOGRAM_DATA_POINT),
        aggregation_temporality(),
    ],
);

static EXPONENTIAL_HISTOGRAM: Message = Message::new(
    "ExponentialHistogram",
    &[
        data_points(&EXPONENTIAL_HISTOGRAM_DATA_POINT),
        aggregation_temporality(),
    ],
);

static SUMMARY: Message = Message::new("Summary", &[data_points(&SUMMARY_DATA_POINT)]);

static NUMBER_DATA_POINT: Message = Message::new(
    "NumberDataPoint",
    &[
        start_time(),
        time(3),
        oneof(4, "as_double", "asDouble", Kind::Double),
        exemplars(5),
        oneof(6, "as_int", "asInt", Kind::Sfixed64),
        attributes(7),
        flags(8),
    ],
);

static HISTOGRAM_DATA_POINT: Message = Message::new(
    "HistogramDataPoint",
    &[
        start_time(),
        time(3),
        one(4, "count", "count", Kind::Fixed64),
        optional(5, "sum", "sum", Kind::Double),
        many(6, "bucket_counts", "bucketCounts", Kind::Fixed64),
        many(7, "explicit_bounds", "explicitBounds", Kind::Double),
        exemplars(8),
        attributes(9),
        flags(10),
        optional(11, "min", "min", Kind::Double),
        optional(12, "max", "max", Kind::Double),
    ],
);

static EXPONENTIAL_HISTOGRAM_DATA_POINT: Message = Message::new(
    "ExponentialHistogramDataPoint",
    &[
        attributes(1),
        start_time(),
        time(3),
        one(4, "count", "count", Kind::Fixed64),
        optional(5, "sum", "sum", Kind::Double),
        one(6, "scale", "scale", Kind::Sint32),
        one(7, "zero_count", "zeroCount", Kind::Fixed64),
        one(8, "positive", "positive", Kind::Message(&BUCKETS)),
        one(9, "negative", "negative", Kind::Message(&BUCKETS)),
        flags(10),
        exemplars(11),
        optional(12, "min", "min", Kind::Double),
        optional(13, "max", "max", Kind::Double),
        one(14, "zero_threshold", "zeroThreshold", Kind::Double),
    ],
);

static BUCKETS: Message = Message::new(
    "Buckets",
    &[
        one(1, "offset", "offset", Kind::Sint32),
        many(2, "bucket_counts", "bucketCounts", Kind::Uint64),
    ],
);

static SUMMARY_DATA_POINT: Message = Message::new(
    "SummaryDataPoint",
    &[
        start_time(),
        time(3),
        one(4, "count", "count", Kind::Fixed64),
        one(5, "sum", "sum", Kind::Double),
        many(
            6,
            "quantile_values",
            "quantileValues",
            Kind::Message(&VALUE_AT_QUANTILE),
        ),
        attributes(7),
        flags(8),
    ],
);

static VALUE_AT_QUANTILE: Message = Message::new(
    "ValueAtQuantile",
    &[
        one(1, "quantile", "quantile", Kind::Double),
        one(2, "value", "value", Kind::Double),
    ],
);

static EXEMPLAR: Message = Message::new(
    "Exemplar",
    &[
        time(2),
        oneof(3, "as_double", "asDouble", Kind::Double),
        one(4, "span_id", "spanId", Kind::Id),
        one(5, "trace_id", "traceId", Kind::Id),
        oneof(6, "as_int", "asInt", Kind::Sfixed64),
        key_values(7, "filtered_attributes", "filteredAttributes"),
    ],
);

const AGGREGATION_TEMPORALITY: &[EnumValue] = &[
    ("AGGREGATION_TEMPORALITY_UNSPECIFIED", 0),
    ("AGGREGATION_TEMPORALITY_DELTA", 1),
    ("AGGREGATION_TEMPORALITY_CUMULATIVE", 2),
];

const fn data_points(point: &'static Message) -> Field {
    items(1, "data_points", "dataPoints", point)
}

const fn aggregation_temporality() -> Field {
    one(
        2,
        "aggregation_temporality",
        "aggregationTemporality",
        Kind::Enum(AGGREGATION_TEMPORALITY),
    )
}

const fn start_time() -> Field {
    one(
        2,
        "start_time_unix_nano",
        "startTimeUnixNano",
        Kind::Fixed64,
    )
}

const fn time(number: u32) -> Field {
    one(number, "time_unix_nano", "timeUnixNano", Kind::Fixed64)
}

const fn exemplars(number: u32) -> Field {
    many(number, "exemplars", "exemplars", Kind::Message(&EXEMPLAR))
}

const fn flags(number: u32) -> Field {
    one(number, "flags", "flags", Kind::Uint32)
}
