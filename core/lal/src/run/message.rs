//! What getters give of a message.

use prost_reflect::{DynamicMessage, MapKey};
use std::borrow::Cow;

use super::evaluate::Locals;
use super::frame::Frame;
use super::value::{Failure, Fallible, Value};
use crate::compile::program::Getter;
use crate::log::Log;
use crate::message::Reading;

impl<'a, L: Log + ?Sized> Frame<'a, L> {
    /// The message that is the input.
    pub(super) fn message(&self) -> Fallible<'a, Value<'a>> {
        match self.received.map(|it| &it.message) {
            Some(Ok(message)) => Ok(Value::Message(message)),
            Some(Err(error)) => Err(Failure(error)),
            None => Err(self.failure(format_args!("the input is no message"))),
        }
    }

    /// Why a parser has nothing to read; `None` for a log.
    pub(super) fn unread(&self, parser: &str) -> Option<Failure<'a>> {
        let class = self.received?.java_class;
        Some(self.failure(format_args!(
            "{parser} parser: input is not a log body (expected LogData, got {class})"
        )))
    }

    pub(super) fn get(
        &self,
        locals: &Locals<'a>,
        value: Value<'a>,
        getter: &'a Getter,
    ) -> Fallible<'a, Value<'a>> {
        let Value::Message(message) = value else {
            return Err(self.failure(format_args!("a getter is called on what is no message")));
        };
        let mut arguments = [Value::Null; 2];
        for (place, argument) in arguments.iter_mut().zip(&getter.arguments) {
            *place = self.value(locals, argument)?;
        }
        let [first, second] = arguments;
        let found = field(message, getter);
        Ok(match getter.reading {
            Reading::Presence => Value::Boolean(message.has_field(&getter.field)),
            Reading::Value => constant_or_value(found, getter),
            Reading::Number => match found {
                prost_reflect::Value::EnumNumber(number) => Value::Integer(*number),
                _ => Value::Null,
            },
            Reading::Count => Value::Integer(count(found)),
            Reading::Element => self.element_of(found, first, getter)?,
            Reading::ContainsKey => Value::Boolean(self.entry_of(found, first)?.is_some()),
            Reading::EntryOrDefault => match self.entry_of(found, first)? {
                Some(value) => constant_or_value(value, getter),
                None => second,
            },
            Reading::EntryOrThrow => match self.entry_of(found, first)? {
                Some(value) => constant_or_value(value, getter),
                None => return Err(self.failure(format_args!("the map has no such key"))),
            },
        })
    }

    fn element_of(
        &self,
        list: &'a prost_reflect::Value,
        index: Value<'a>,
        getter: &'a Getter,
    ) -> Fallible<'a, Value<'a>> {
        let elements = list.as_list().unwrap_or_default();
        let index = match index {
            Value::Integer(index) => index,
            _ => return Err(self.failure(format_args!("an index is no whole number"))),
        };
        let element = usize::try_from(index).ok().and_then(|at| elements.get(at));
        let element = element.ok_or_else(|| {
            let length = elements.len();
            self.failure(format_args!(
                "the index {index} is out of bounds for length {length}"
            ))
        })?;
        Ok(constant_or_value(element, getter))
    }

    fn entry_of(
        &self,
        map: &'a prost_reflect::Value,
        key: Value<'a>,
    ) -> Fallible<'a, Option<&'a prost_reflect::Value>> {
        let Value::Text(key) = key else {
            return Err(self.failure(format_args!("the key of a map is no text")));
        };
        let entries = map.as_map();
        Ok(entries.and_then(|entries| entries.get(&MapKey::String(key.to_owned()))))
    }
}

/// Of the message, or the default.
fn field<'a>(message: &'a DynamicMessage, getter: &'a Getter) -> &'a prost_reflect::Value {
    if !message.has_field(&getter.field) {
        return &getter.default;
    }
    match message.get_field(&getter.field) {
        Cow::Borrowed(value) => value,
        Cow::Owned(_) => &getter.default,
    }
}

/// Saturates at the longest that Java counts.
fn count(value: &prost_reflect::Value) -> i32 {
    let length = match value {
        prost_reflect::Value::List(elements) => elements.len(),
        prost_reflect::Value::Map(entries) => entries.len(),
        _ => 0,
    };
    i32::try_from(length).unwrap_or(i32::MAX)
}

/// Java has no unsigned numbers: they wrap.
fn constant_or_value<'a>(value: &'a prost_reflect::Value, getter: &'a Getter) -> Value<'a> {
    use prost_reflect::Value as Field;
    match value {
        Field::Bool(value) => Value::Boolean(*value),
        Field::I32(value) => Value::Integer(*value),
        Field::U32(value) => Value::Integer(value.cast_signed()),
        Field::I64(value) => Value::Long(*value),
        Field::U64(value) => Value::Long(value.cast_signed()),
        Field::F32(value) => Value::Float(*value),
        Field::F64(value) => Value::Double(*value),
        Field::String(text) => Value::Text(text),
        Field::EnumNumber(number) => {
            let mut constants = getter.constants.iter();
            let constant = constants.find(|it| it.0 == *number);
            Value::Constant(constant.map_or("UNRECOGNIZED", |it| &it.1))
        }
        Field::Message(message) => Value::Message(message),
        Field::Bytes(_) | Field::List(_) | Field::Map(_) => Value::Null,
    }
}
