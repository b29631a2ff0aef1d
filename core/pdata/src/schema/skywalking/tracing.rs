//! `tracing.proto`.

use super::pairs::{INSTANT, KEY_INT_VALUE_PAIR, KEY_STRING_VALUE_PAIR};
use super::{enumeration, flag, int32, int64, message, messages, text};
use crate::schema::{EnumValue, Message, items};

pub static SEGMENT_COLLECTION: Message = Message::new(
    "SegmentCollection",
    &[messages(1, "segments", &SEGMENT_OBJECT)],
);

pub static SEGMENT_OBJECT: Message = Message::new(
    "SegmentObject",
    &[
        text(1, "traceId"),
        text(2, "traceSegmentId"),
        items(3, "spans", "spans", &SPAN_OBJECT),
        text(4, "service"),
        text(5, "serviceInstance"),
        flag(6, "isSizeLimited"),
    ],
);

static SPAN_OBJECT: Message = Message::new(
    "SpanObject",
    &[
        int32(1, "spanId"),
        int32(2, "parentSpanId"),
        int64(3, "startTime"),
        int64(4, "endTime"),
        messages(5, "refs", &SEGMENT_REFERENCE),
        text(6, "operationName"),
        text(7, "peer"),
        enumeration(8, "spanType", SPAN_TYPE),
        enumeration(9, "spanLayer", SPAN_LAYER),
        int32(10, "componentId"),
        flag(11, "isError"),
        messages(12, "tags", &KEY_STRING_VALUE_PAIR),
        messages(13, "logs", &LOG),
        flag(14, "skipAnalysis"),
    ],
);

static SEGMENT_REFERENCE: Message = Message::new(
    "SegmentReference",
    &[
        enumeration(1, "refType", REF_TYPE),
        text(2, "traceId"),
        text(3, "parentTraceSegmentId"),
        int32(4, "parentSpanId"),
        text(5, "parentService"),
        text(6, "parentServiceInstance"),
        text(7, "parentEndpoint"),
        text(8, "networkAddressUsedAtPeer"),
    ],
);

static LOG: Message = Message::new(
    "Log",
    &[
        int64(1, "time"),
        messages(2, "data", &KEY_STRING_VALUE_PAIR),
    ],
);

pub static SPAN_ATTACHED_EVENT: Message = Message::new(
    "SpanAttachedEvent",
    &[
        message(1, "startTime", &INSTANT),
        text(2, "event"),
        message(3, "endTime", &INSTANT),
        messages(4, "tags", &KEY_STRING_VALUE_PAIR),
        messages(5, "summary", &KEY_INT_VALUE_PAIR),
        message(6, "traceContext", &SPAN_REFERENCE),
    ],
);

static SPAN_REFERENCE: Message = Message::new(
    "SpanReference",
    &[
        enumeration(1, "type", SPAN_REFERENCE_TYPE),
        text(2, "traceId"),
        text(3, "traceSegmentId"),
        text(4, "spanId"),
    ],
);

const SPAN_TYPE: &[EnumValue] = &[("Entry", 0), ("Exit", 1), ("Local", 2)];

pub(crate) const SPAN_LAYER: &[EnumValue] = &[
    ("Unknown", 0),
    ("Database", 1),
    ("RPCFramework", 2),
    ("Http", 3),
    ("MQ", 4),
    ("Cache", 5),
    ("FAAS", 6),
];

pub(crate) const REF_TYPE: &[EnumValue] = &[("CrossProcess", 0), ("CrossThread", 1)];

const SPAN_REFERENCE_TYPE: &[EnumValue] = &[("SKYWALKING", 0), ("ZIPKIN", 1)];
