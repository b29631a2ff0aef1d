//! `opentelemetry.proto.trace.v1`.

use super::common::{attributes, dropped_attributes_count, resource, schema_url, scope};
use super::{EnumValue, Kind, Message, items, many, one};

pub static TRACE_REQUEST: Message = Message::new(
    "ExportTraceServiceRequest",
    &[many(
        1,
        "resource_spans",
        "resourceSpans",
        Kind::Message(&RESOURCE_SPANS),
    )],
);

pub static RESOURCE_SPANS: Message = Message::new(
    "ResourceSpans",
    &[
        resource(),
        many(2, "scope_spans", "scopeSpans", Kind::Message(&SCOPE_SPANS)),
        schema_url(),
    ],
);

pub static SCOPE_SPANS: Message = Message::new(
    "ScopeSpans",
    &[scope(), items(2, "spans", "spans", &SPAN), schema_url()],
);

pub static SPAN: Message = Message::new(
    "Span",
    &[
        one(1, "trace_id", "traceId", Kind::Id),
        one(2, "span_id", "spanId", Kind::Id),
        one(3, "trace_state", "traceState", Kind::String),
        one(4, "parent_span_id", "parentSpanId", Kind::Id),
        one(5, "name", "name", Kind::String),
        one(6, "kind", "kind", Kind::Enum(SPAN_KIND)),
        one(
            7,
            "start_time_unix_nano",
            "startTimeUnixNano",
            Kind::Fixed64,
        ),
        one(8, "end_time_unix_nano", "endTimeUnixNano", Kind::Fixed64),
        attributes(9),
        dropped_attributes_count(10),
        many(11, "events", "events", Kind::Message(&EVENT)),
        one(
            12,
            "dropped_events_count",
            "droppedEventsCount",
            Kind::Uint32,
        ),
        many(13, "links", "links", Kind::Message(&LINK)),
        one(14, "dropped_links_count", "droppedLinksCount", Kind::Uint32),
        one(15, "status", "status", Kind::Message(&STATUS)),
        one(16, "flags", "flags", Kind::Fixed32),
    ],
);

static EVENT: Message = Message::new(
    "Event",
    &[
        one(1, "time_unix_nano", "timeUnixNano", Kind::Fixed64),
        one(2, "name", "name", Kind::String),
        attributes(3),
        dropped_attributes_count(4),
    ],
);

static LINK: Message = Message::new(
    "Link",
    &[
        one(1, "trace_id", "traceId", Kind::Id),
        one(2, "span_id", "spanId", Kind::Id),
        one(3, "trace_state", "traceState", Kind::String),
        attributes(4),
        dropped_attributes_count(5),
        one(6, "flags", "flags", Kind::Fixed32),
    ],
);

static STATUS: Message = Message::new(
    "Status",
    &[
        one(2, "message", "message", Kind::String),
        one(3, "code", "code", Kind::Enum(STATUS_CODE)),
    ],
);

const SPAN_KIND: &[EnumValue] = &[
    ("SPAN_KIND_UNSPECIFIED", 0),
    ("SPAN_KIND_INTERNAL", 1),
    ("SPAN_KIND_SERVER", 2),
    ("SPAN_KIND_CLIENT", 3),
    ("SPAN_KIND_PRODUCER", 4),
    ("SPAN_KIND_CONSUMER", 5),
];

const STATUS_CODE: &[EnumValue] = &[
    ("STATUS_CODE_UNSET", 0),
    ("STATUS_CODE_OK", 1),
    ("STATUS_CODE_ERROR", 2),
];
