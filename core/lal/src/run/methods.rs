//! Methods behind a value: of `java.lang.String`, and of what every object has.

use regex::Regex;

use super::evaluate::Locals;
use super::frame::Frame;
use super::value::{Failure, Fallible, Value};
use crate::check::methods::Method;
use crate::compile::program::{Link, LinkKind};
use crate::java::{self, text};
use crate::log::Log;

/// Arguments that a method takes at most, besides a regular expression.
const ARGUMENTS_MAX: usize = 2;

/// A method as it is called.
struct Call<'a> {
    method: Method,
    regex: Option<&'a Regex>,
    arguments: [Value<'a>; ARGUMENTS_MAX],
}

impl<'a, L: Log + ?Sized> Frame<'a, L> {
    pub(super) fn link(
        &self,
        locals: &Locals<'a>,
        value: Value<'a>,
        link: &'a Link,
    ) -> Fallible<'a, Value<'a>> {
        if link.null_safe && matches!(value, Value::Null) {
            return Ok(Value::Null);
        }
        let (method, regex, arguments) = match &link.kind {
            LinkKind::Index(index) => return self.index(value, *index),
            LinkKind::Get(getter) => return self.get(locals, value, getter),
            LinkKind::Call {
                method,
                regex,
                arguments,
            } => (*method, regex.as_ref(), arguments),
        };
        let mut call = Call {
            method,
            regex,
            arguments: [Value::Null; ARGUMENTS_MAX],
        };
        for (place, argument) in call.arguments.iter_mut().zip(arguments) {
            *place = self.value(locals, argument)?;
        }
        match (value, method) {
            (Value::Null, _) => Err(self.failure(format_args!(
                "a method is called on null; `?.` lets null pass"
            ))),
            (_, Method::Equals) => Ok(Value::Boolean(value.equals(call.arguments[0]))),
            (_, Method::ToString) => self
                .text(value)
                .map(|it| it.map_or(Value::Null, Value::Text)),
            (Value::Text(text), _) => self.text_method(text, &call),
            (Value::Json(element), _) => self.json_method(element, method, call.arguments[0]),
            // `?.trim()` takes any value for its text.
            (_, Method::Trim | Method::HashCode) => {
                let text = self.text(value)?.unwrap_or_default();
                self.text_method(text, &call)
            }
            _ => Err(self.failure(format_args!("the value has no such method"))),
        }
    }

    fn index(&self, value: Value<'a>, index: usize) -> Fallible<'a, Value<'a>> {
        match value {
            Value::Texts(texts) => {
                texts
                    .get(index)
                    .map(|text| Value::Text(text))
                    .ok_or_else(|| {
                        let length = texts.len();
                        self.failure(format_args!(
                            "the index {index} is out of bounds for length {length}"
                        ))
                    })
            }
            Value::Json(array) => {
                let index = i32::try_from(index).unwrap_or(i32::MAX);
                self.element(array, index).map(Value::Json)
            }
            _ => Err(self.failure(format_args!("only an array has an index"))),
        }
    }

    fn text_method(&self, text: &'a str, call: &Call<'a>) -> Fallible<'a, Value<'a>> {
        let own = |text: String| self.keep(&text).map(Value::Text);
        let made = |text: Result<String, String>| own(text.map_err(|error| self.thrown(&error))?);
        let [first, second] = call.arguments;
        Ok(match call.method {
            Method::StartsWith => {
                let prefix = self.given(first)?;
                Value::Boolean(match self.integer(second, 0)? {
                    0 => text.starts_with(prefix),
                    from => text::starts_with(text, prefix, from),
                })
            }
            Method::EndsWith => Value::Boolean(text.ends_with(self.given(first)?)),
            Method::Contains => Value::Boolean(text.contains(self.given(first)?)),
            Method::EqualsIgnoreCase => Value::Boolean(
                matches!(first, Value::Text(other) if text::equals_ignore_case(text, other)),
            ),
            Method::IsEmpty => Value::Boolean(text.is_empty()),
            Method::IsBlank => Value::Boolean(text::is_blank(text)),
            Method::Length => Value::Integer(text::length(text)),
            Method::HashCode => Value::Integer(text::hash_code(text)),
            Method::CompareTo => Value::Integer(text::compare_to(text, self.given(first)?)),
            Method::CompareToIgnoreCase => {
                Value::Integer(text::compare_to_ignore_case(text, self.given(first)?))
            }
            Method::CharAt => {
                let character = text::char_at(text, self.integer(first, 0)?);
                Value::Character(character.map_err(|error| self.thrown(&error))?)
            }
            Method::IndexOf | Method::LastIndexOf => self.place(text, call)?,
            Method::Substring => {
                let end = match second {
                    Value::Null => None,
                    end => Some(self.integer(end, 0)?),
                };
                let part = text::substring(text, self.integer(first, 0)?, end);
                let part = part.map_err(|error| self.thrown(&error))?;
                Value::Text(self.keep_cow(part)?)
            }
            Method::Replace => made(text::replace(text, self.given(first)?, self.given(second)?))?,
            Method::Concat => made(text::concat(text, self.given(first)?))?,
            Method::Repeat => made(text::repeat(text, self.integer(first, 0)?))?,
            Method::ToUpperCase => own(text.to_uppercase())?,
            Method::ToLowerCase => own(text.to_lowercase())?,
            Method::Trim => Value::Text(text::trim(text)),
            Method::Strip => Value::Text(text::strip(text)),
            Method::StripLeading => Value::Text(text::strip_leading(text)),
            Method::StripTrailing => Value::Text(text::strip_trailing(text)),
            Method::Matches | Method::Split | Method::ReplaceAll | Method::ReplaceFirst => {
                self.regex_method(text, call)?
            }
            _ => return Err(self.failure(format_args!("a text has no such method"))),
        })
    }

    /// Of a text or of a character's code, from either end.
    fn place(&self, text: &str, call: &Call<'a>) -> Fallible<'a, Value<'a>> {
        let [first, from] = call.arguments;
        let mut bytes = [0; 4];
        let part = match first {
            Value::Integer(code) => {
                let code = u32::try_from(code).ok().and_then(char::from_u32);
                match code {
                    Some(code) => &*code.encode_utf8(&mut bytes),
                    None => return Ok(Value::Integer(-1)),
                }
            }
            text => self.given(text)?,
        };
        Ok(Value::Integer(match call.method {
            Method::IndexOf => text::index_of(text, part, self.integer(from, 0)?),
            _ => text::last_index_of(text, part, self.integer(from, i32::MAX)?),
        }))
    }

    fn regex_method(&self, text: &'a str, call: &Call<'a>) -> Fallible<'a, Value<'a>> {
        let Some(regex) = call.regex else {
            return Err(self.failure(format_args!("there is no regular expression")));
        };
        let [first, _] = call.arguments;
        Ok(match call.method {
            Method::Matches => Value::Boolean(regex.is_match(text)),
            Method::Split => {
                let limit = self.integer(first, 0)?;
                let parts = java::regex::split(regex, text, limit);
                self.count(parts.len() * size_of::<&str>())?;
                Value::Texts(self.arena.alloc_slice_copy(&parts))
            }
            method => {
                let replacement = java::regex::Replacement::new(regex, self.given(first)?);
                let replaced = replacement.and_then(|replacement| match method {
                    Method::ReplaceAll => replacement.all(text),
                    _ => replacement.first(text),
                });
                let replaced = replaced.map_err(|error| self.thrown(&error))?;
                Value::Text(self.keep(&replaced)?)
            }
        })
    }

    fn given(&self, argument: Value<'a>) -> Fallible<'a, &'a str> {
        match argument {
            Value::Text(text) => Ok(text),
            _ => Err(self.failure(format_args!("an argument is no text"))),
        }
    }

    /// `default` where no argument was given.
    fn integer(&self, argument: Value<'a>, default: i32) -> Fallible<'a, i32> {
        match argument {
            Value::Integer(value) => Ok(value),
            Value::Null => Ok(default),
            _ => Err(self.failure(format_args!("an argument is no whole number"))),
        }
    }

    fn thrown(&self, error: &str) -> Failure<'a> {
        self.failure(format_args!("{error}"))
    }
}
