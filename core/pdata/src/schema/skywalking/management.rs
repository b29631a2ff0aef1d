//! `management.proto`.

use super::pairs::KEY_STRING_VALUE_PAIR;
use super::{messages, text};
use crate::schema::Message;

pub static INSTANCE_PROPERTIES: Message = Message::new(
    "InstanceProperties",
    &[
        text(1, "service"),
        text(2, "serviceInstance"),
        messages(3, "properties", &KEY_STRING_VALUE_PAIR),
        text(4, "layer"),
    ],
);

pub static INSTANCE_PING: Message = Message::new(
    "InstancePingPkg",
    &[
        text(1, "service"),
        text(2, "serviceInstance"),
        text(3, "layer"),
    ],
);
