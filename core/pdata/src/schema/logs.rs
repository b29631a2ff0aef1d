//! `opentelemetry.proto.logs.v1`.

use super::common::{ANY_VALUE, attributes, dropped_attributes_count, resource, schema_url, scope};
use super::{EnumValue, Kind, Message, items, many, one};

pub static LOGS_REQUEST: Message = Message::new(
    "ExportLogsServiceRequest",
    &[many(
        1,
        "resource_logs",
        "resourceLogs",
        Kind::Message(&RESOURCE_LOGS),
    )],
);

pub static RESOURCE_LOGS: Message = Message::new(
    "ResourceLogs",
    &[
        resource(),
        many(2, "scope_logs", "scopeLogs", Kind::Message(&SCOPE_LOGS)),
        schema_url(),
    ],
);

pub static SCOPE_LOGS: Message = Message::new(
    "ScopeLogs",
    &[
        scope(),
        items(2, "log_records", "logRecords", &LOG_RECORD),
        schema_url(),
    ],
);

pub static LOG_RECORD: Message = Message::new(
    "LogRecord",
    &[
        one(1, "time_unix_nano", "timeUnixNano", Kind::Fixed64),
        one(
            2,
            "severity_number",
            "severityNumber",
            Kind::Enum(SEVERITY_NUMBER),
        ),
        one(3, "severity_text", "severityText", Kind::String),
        one(5, "body", "body", Kind::Message(&ANY_VALUE)),
        attributes(6),
        dropped_attributes_count(7),
        one(8, "flags", "flags", Kind::Fixed32),
        one(9, "trace_id", "traceId", Kind::Id),
        one(10, "span_id", "spanId", Kind::Id),
        one(
            11,
            "observed_time_unix_nano",
            "observedTimeUnixNano",
            Kind::Fixed64,
        ),
        one(12, "event_name", "eventName", Kind::String),
    ],
);

const SEVERITY_NUMBER: &[EnumValue] = &[
    ("SEVERITY_NUMBER_UNSPECIFIED", 0),
    ("SEVERITY_NUMBER_TRACE", 1),
    ("SEVERITY_NUMBER_TRACE2", 2),
    ("SEVERITY_NUMBER_TRACE3", 3),
    ("SEVERITY_NUMBER_TRACE4", 4),
    ("SEVERITY_NUMBER_DEBUG", 5),
    ("SEVERITY_NUMBER_DEBUG2", 6),
    ("SEVERITY_NUMBER_DEBUG3", 7),
    ("SEVERITY_NUMBER_DEBUG4", 8),
    ("SEVERITY_NUMBER_INFO", 9),
    ("SEVERITY_NUMBER_INFO2", 10),
    ("SEVERITY_NUMBER_INFO3", 11),
    ("SEVERITY_NUMBER_INFO4", 12),
    ("SEVERITY_NUMBER_WARN", 13),
    ("SEVERITY_NUMBER_WARN2", 14),
    ("SEVERITY_NUMBER_WARN3", 15),
    ("SEVERITY_NUMBER_WARN4", 16),
    ("SEVERITY_NUMBER_ERROR", 17),
    ("SEVERITY_NUMBER_ERROR2", 18),
    ("SEVERITY_NUMBER_ERROR3", 19),
    ("SEVERITY_NUMBER_ERROR4", 20),
    ("SEVERITY_NUMBER_FATAL", 21),
    ("SEVERITY_NUMBER_FATAL2", 22),
    ("SEVERITY_NUMBER_FATAL3", 23),
    ("SEVERITY_NUMBER_FATAL4", 24),
];
