//! Methods of Gson's `JsonElement` and what is made of it.

use super::frame::{Frame, shown};
use super::value::{Element, Failure, Fallible, Value};
use crate::check::methods::Method;
use crate::check::types::NumberType;
use crate::document::Kind;
use crate::log::Log;

impl<'a, L: Log + ?Sized> Frame<'a, L> {
    pub(super) fn json_method(
        &self,
        element: Element<'a>,
        method: Method,
        argument: Value<'a>,
    ) -> Fallible<'a, Value<'a>> {
        let kind = element.node.kind();
        let is_collection = matches!(kind, Kind::Map | Kind::List);
        Ok(match method {
            Method::Get => self
                .member(element, argument)?
                .map_or(Value::Null, Value::Json),
            Method::Has => Value::Boolean(self.member(element, argument)?.is_some()),
            Method::Size => Value::Integer(i32::try_from(size(element)).unwrap_or(i32::MAX)),
            Method::IsEmpty => Value::Boolean(size(element) == 0),
            Method::IsNull => Value::Boolean(kind == Kind::Null),
            Method::IsObject => Value::Boolean(kind == Kind::Map),
            Method::IsArray => Value::Boolean(kind == Kind::List),
            Method::IsPrimitive => Value::Boolean(!is_collection && kind != Kind::Null),
            Method::AsObject => self.collection(element, argument, Kind::Map)?,
            Method::AsArray => self.collection(element, argument, Kind::List)?,
            Method::AsPrimitive => {
                let found = match argument {
                    Value::Null => Some(element),
                    key => self.member(element, key)?,
                };
                match found.map(|it| it.node.kind()) {
                    None => Value::Null,
                    Some(Kind::Map | Kind::List | Kind::Null) => {
                        return Err(self.not_of(element, "a primitive"));
                    }
                    Some(_) => found.map_or(Value::Null, Value::Json),
                }
            }
            Method::AsText => self.primitive(element)?,
            Method::AsInteger => self.number_of(element, NumberType::Integer)?,
            Method::AsLong => self.number_of(element, NumberType::Long)?,
            Method::AsFloat => self.number_of(element, NumberType::Float)?,
            Method::AsDouble => self.number_of(element, NumberType::Double)?,
            Method::AsBoolean => Value::Boolean(self.primitive(element)?.is_true()),
            _ => return Err(self.not_of(element, "of a type with this method")),
        })
    }

    /// What stands under a key or at an index. An index that is out of range is an error.
    fn member(&self, of: Element<'a>, key: Value<'a>) -> Fallible<'a, Option<Element<'a>>> {
        let node = match key {
            Value::Text(key) => of.node.get(key),
            Value::Integer(index) => return self.element(of, index).map(Some),
            _ => return Err(self.failure(format_args!("a key is null"))),
        };
        let node = node.filter(|node| !(of.of_map && node.is_null()));
        Ok(node.map(|node| Element { node, ..of }))
    }

    pub(super) fn element(&self, of: Element<'a>, index: i32) -> Fallible<'a, Element<'a>> {
        let node = usize::try_from(index).ok();
        let node = node.and_then(|index| of.node.at(index));
        match node {
            Some(node) => Ok(Element { node, ..of }),
            None => Err(self.failure(format_args!(
                "the index {index} is out of bounds for length {}",
                of.node.len()
            ))),
        }
    }

    /// The element itself, or what stands under a key, which may be missing.
    fn collection(
        &self,
        element: Element<'a>,
        key: Value<'a>,
        kind: Kind<'_>,
    ) -> Fallible<'a, Value<'a>> {
        let found = match key {
            Value::Null => Some(element),
            key => self.member(element, key)?,
        };
        let what = match kind {
            Kind::Map => "an object",
            _ => "an array",
        };
        match found {
            None => Ok(Value::Null),
            Some(it) if it.node.kind() == kind => Ok(Value::Json(it)),
            Some(it) => Err(self.not_of(it, what)),
        }
    }

    /// The content of a primitive; an array of one element passes for that element.
    fn primitive(&self, element: Element<'a>) -> Fallible<'a, Value<'a>> {
        let mut node = element.node;
        while node.kind() == Kind::List && node.len() == 1 {
            node = node.at(0).unwrap_or(node);
        }
        match node.kind() {
            Kind::Null | Kind::Map | Kind::List => Err(self.not_of(element, "a primitive")),
            _ => match Value::of_node(node) {
                // A number of Gson is text until someone wants it as a number.
                Value::Big(text) => Ok(Value::Text(text)),
                value => Ok(value),
            },
        }
    }

    fn number_of(&self, element: Element<'a>, by: NumberType) -> Fallible<'a, Value<'a>> {
        let value = match (self.primitive(element)?, element.node.kind()) {
            (_, Kind::Number(text)) => Value::Big(text),
            (Value::Boolean(_), _) => return Err(self.not_of(element, "a number")),
            (value, _) => value,
        };
        let number = value.number(by);
        let number = number.ok_or_else(|| self.not_of(element, "a number"))?;
        Ok(number.into())
    }

    fn not_of(&self, element: Element<'a>, what: &str) -> Failure<'a> {
        let mut text = String::new();
        element.node.push_json(&mut text);
        self.failure(format_args!("`{}` is not {what}", shown(&text)))
    }
}

fn size(element: Element<'_>) -> usize {
    element.node.len()
}
