//! `event.proto`.

use super::{enumeration, int64, map, message, text};
use crate::schema::{EnumValue, Message};

pub static EVENT: Message = Message::new(
    "Event",
    &[
        text(1, "uuid"),
        message(2, "source", &SOURCE),
        text(3, "name"),
        enumeration(4, "type", EVENT_TYPE),
        text(5, "message"),
        map(6, "parameters", &PARAMETERS_ENTRY),
        int64(7, "startTime"),
        int64(8, "endTime"),
        text(9, "layer"),
    ],
);

static SOURCE: Message = Message::new(
    "Source",
    &[
        text(1, "service"),
        text(2, "serviceInstance"),
        text(3, "endpoint"),
    ],
);

/// What a map is on the wire: a list of these.
static PARAMETERS_ENTRY: Message =
    Message::new("ParametersEntry", &[text(1, "key"), text(2, "value")]);

const EVENT_TYPE: &[EnumValue] = &[("Normal", 0), ("Error", 1)];
