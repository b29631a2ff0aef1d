//! `meter.proto`.

use super::{double, flag, int64, messages, text};
use crate::schema::{Kind, Message, items, oneof};

pub static METER_DATA_COLLECTION: Message = Message::new(
    "MeterDataCollection",
    &[items(1, "meterData", "meterData", &METER_DATA)],
);

pub static METER_DATA: Message = Message::new(
    "MeterData",
    &[
        oneof(
            1,
            "singleValue",
            "singleValue",
            Kind::Message(&METER_SINGLE_VALUE),
        ),
        oneof(2, "histogram", "histogram", Kind::Message(&METER_HISTOGRAM)),
        text(3, "service"),
        text(4, "serviceInstance"),
        int64(5, "timestamp"),
    ],
);

static METER_SINGLE_VALUE: Message = Message::new(
    "MeterSingleValue",
    &[
        text(1, "name"),
        messages(2, "labels", &LABEL),
        double(3, "value"),
    ],
);

static METER_HISTOGRAM: Message = Message::new(
    "MeterHistogram",
    &[
        text(1, "name"),
        messages(2, "labels", &LABEL),
        messages(3, "values", &METER_BUCKET_VALUE),
    ],
);

static METER_BUCKET_VALUE: Message = Message::new(
    "MeterBucketValue",
    &[
        double(1, "bucket"),
        int64(2, "count"),
        flag(3, "isNegativeInfinity"),
    ],
);

static LABEL: Message = Message::new("Label", &[text(1, "name"), text(2, "value")]);
