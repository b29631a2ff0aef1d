//! `logging.proto`.

use super::pairs::KEY_STRING_VALUE_PAIR;
use super::{int32, int64, message, messages, text};
use crate::schema::{Kind, Message, oneof};

pub static LOG_DATA: Message = Message::new(
    "LogData",
    &[
        int64(1, "timestamp"),
        text(2, "service"),
        text(3, "serviceInstance"),
        text(4, "endpoint"),
        message(5, "body", &LOG_DATA_BODY),
        message(6, "traceContext", &TRACE_CONTEXT),
        message(7, "tags", &LOG_TAGS),
        text(8, "layer"),
    ],
);

static LOG_DATA_BODY: Message = Message::new(
    "LogDataBody",
    &[
        text(1, "type"),
        oneof(2, "text", "text", Kind::Message(&TEXT_LOG)),
        oneof(3, "json", "json", Kind::Message(&JSON_LOG)),
        oneof(4, "yaml", "yaml", Kind::Message(&YAML_LOG)),
    ],
);

static TEXT_LOG: Message = Message::new("TextLog", &[text(1, "text")]);

static JSON_LOG: Message = Message::new("JSONLog", &[text(1, "json")]);

static YAML_LOG: Message = Message::new("YAMLLog", &[text(1, "yaml")]);

static TRACE_CONTEXT: Message = Message::new(
    "TraceContext",
    &[
        text(1, "traceId"),
        text(2, "traceSegmentId"),
        int32(3, "spanId"),
    ],
);

static LOG_TAGS: Message = Message::new("LogTags", &[messages(1, "data", &KEY_STRING_VALUE_PAIR)]);
