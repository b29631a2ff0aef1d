//! `pairs.proto`.

use super::{double, int32, int64, text};
use crate::schema::{EnumValue, Message};

pub(super) static KEY_STRING_VALUE_PAIR: Message =
    Message::new("KeyStringValuePair", &[text(1, "key"), text(2, "value")]);

pub(super) static KEY_INT_VALUE_PAIR: Message =
    Message::new("KeyIntValuePair", &[text(1, "key"), int64(2, "value")]);

pub(super) static CPU: Message = Message::new("CPU", &[double(2, "usagePercent")]);

pub(super) static INSTANT: Message =
    Message::new("Instant", &[int64(1, "seconds"), int32(2, "nanos")]);

pub(super) const DETECT_POINT: &[EnumValue] = &[("client", 0), ("server", 1), ("proxy", 2)];
