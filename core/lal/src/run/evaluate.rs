//! Expressions to values, conditions to truth.

use std::cell::Cell;

use super::frame::{Content, Frame, shown};
use super::process;
use super::value::{Element, Fallible, Number, Value};
use crate::check::types::NumberType;
use crate::check::values::BodyGetter;
use crate::compile::program::{
    Constant, Conversion, Expression, MetadataField, Operation, ProcessName, Test,
};
use crate::document::{Kind, Node};
use crate::load::Compatibility;
use crate::log::Log;
use crate::tree::{Comparison, Operator};

/// What only one rule sees.
#[derive(Clone, Copy, Default)]
pub(super) struct Locals<'a> {
    pub(super) variables: &'a [Cell<Value<'a>>],
    pub(super) parsed: Parsed<'a>,
    /// `json {}` has read a text body: to this rule the log has a JSON body now.
    pub(super) text_is_json: bool,
}

/// What `parsed` reads.
#[derive(Clone, Copy, Default)]
pub(super) enum Parsed<'a> {
    /// No parser has run.
    #[default]
    Nothing,
    Map {
        /// `None` if the body could not be read, and the rule goes on without.
        root: Option<Node<'a>>,
        /// The layer when the body was read: metadata stands in for what a body does not say.
        layer: &'a str,
    },
    Groups(&'a [Group<'a>]),
}

/// A group of a regular expression.
#[derive(Clone, Copy)]
pub(super) enum Group<'a> {
    /// The expression has no such group.
    Unknown,
    /// It took no part in the match, or nothing matched.
    Unmatched,
    Text(&'a str),
}

impl<'a, L: Log + ?Sized> Frame<'a, L> {
    pub(super) fn value(
        &self,
        locals: &Locals<'a>,
        expression: &'a Expression,
    ) -> Fallible<'a, Value<'a>> {
        Ok(match expression {
            Expression::Constant(constant) => of_constant(constant),
            Expression::Tag(slot) => Value::Text(self.tag(*slot)),
            Expression::SourceAttribute(slot) => Value::Text(self.source_attribute(*slot)),
            Expression::Metadata(field) => self.metadata_field(*field),
            Expression::Message => self.message()?,
            Expression::Body(getter) => self.body_field(locals, *getter),
            Expression::Parsed(keys) => self.parsed(locals, keys)?,
            Expression::Group(group) => self.group(locals, *group)?,
            Expression::Variable(variable) => locals.variables[*variable].get(),
            Expression::Convert(value, conversion) => {
                let value = self.value(locals, value)?;
                self.convert(value, *conversion)?
            }
            Expression::Chain(root, links) => {
                let mut value = self.value(locals, root)?;
                for link in links {
                    value = self.link(locals, value, link)?;
                }
                value
            }
            Expression::Arithmetic(first, rest) => self.arithmetic(locals, first, rest)?,
            Expression::Process {
                name,
                service,
                instance,
            } => self.process(locals, name, [service, instance])?,
            Expression::ToJson {
                source,
                document,
                array,
            } => {
                let source = self.value(locals, source)?;
                self.to_json(source, *document, *array)?
            }
            Expression::Refused => {
                return Err(self.failure(format_args!("this cannot be evaluated")));
            }
        })
    }

    pub(super) fn metadata_field(&self, field: MetadataField) -> Value<'a> {
        let metadata = &self.metadata;
        match field {
            MetadataField::Service => Value::Text(metadata.service),
            MetadataField::Instance => Value::Text(metadata.instance),
            MetadataField::Endpoint => Value::Text(metadata.endpoint),
            MetadataField::Layer => Value::Text(self.layer.get()),
            MetadataField::Timestamp => Value::Long(metadata.timestamp_ms),
            MetadataField::TraceId => Value::Text(metadata.trace.trace_id),
            MetadataField::SegmentId => Value::Text(metadata.trace.segment_id),
            MetadataField::SpanId => Value::Integer(metadata.trace.span_id),
        }
    }

    /// The body as this rule sees it: a text that was read as JSON is JSON.
    pub(super) fn content(&self, locals: &Locals<'a>) -> Content<'a> {
        match self.body() {
            Content::Text(text) if locals.text_is_json => Content::Json(text),
            content => content,
        }
    }

    fn body_field(&self, locals: &Locals<'a>, getter: BodyGetter) -> Value<'a> {
        let content = self.content(locals);
        let text = match (getter, content) {
            (BodyGetter::HasText, _) => {
                return Value::Boolean(matches!(content, Content::Text(_)));
            }
            (BodyGetter::HasJson, _) => {
                return Value::Boolean(matches!(content, Content::Json(_)));
            }
            (BodyGetter::HasYaml, _) => {
                return Value::Boolean(matches!(content, Content::Yaml(_)));
            }
            (BodyGetter::Text, Content::Text(text))
            | (BodyGetter::Json, Content::Json(text))
            | (BodyGetter::Yaml, Content::Yaml(text)) => text,
            _ => "",
        };
        Value::Text(text)
    }

    pub(super) fn parsed(&self, locals: &Locals<'a>, keys: &[Box<str>]) -> Fallible<'a, Value<'a>> {
        let Parsed::Map { root, layer } = locals.parsed else {
            return Err(self.failure(format_args!(
                "`parsed` is read, and no parser has read a body"
            )));
        };
        let (Some(first), rest) = (keys.first(), keys.get(1..).unwrap_or_default()) else {
            return Ok(Value::Null);
        };
        let found = root.and_then(|root| root.get(first));
        let Some(mut node) = found.filter(|node| !node.is_null()) else {
            // A text has no keys.
            let is_last = rest.is_empty();
            return Ok(if is_last {
                self.stand_in(first, layer)
            } else {
                Value::Null
            });
        };
        for key in rest {
            match node.get(key) {
                Some(inner) => node = inner,
                None => return Ok(Value::Null),
            }
        }
        Ok(Value::of_node(node))
    }

    /// What metadata has for a key that the body does not have.
    fn stand_in(&self, key: &str, layer: &'a str) -> Value<'a> {
        let metadata = &self.metadata;
        let text = match key {
            "service" => metadata.service,
            "serviceInstance" => metadata.instance,
            "endpoint" => metadata.endpoint,
            "layer" => layer,
            "timestamp" if metadata.timestamp_ms > 0 => {
                return Value::Long(metadata.timestamp_ms);
            }
            _ => "",
        };
        if text.is_empty() {
            return Value::Null;
        }
        Value::Text(text)
    }

    fn group(&self, locals: &Locals<'a>, group: usize) -> Fallible<'a, Value<'a>> {
        let Parsed::Groups(groups) = locals.parsed else {
            return Ok(Value::Null);
        };
        match groups[group] {
            Group::Text(text) => Ok(Value::Text(text)),
            Group::Unmatched => Ok(Value::Null),
            Group::Unknown => Err(self.failure(format_args!(
                "the regular expression that has matched has no such group"
            ))),
        }
    }

    fn convert(&self, value: Value<'a>, conversion: Conversion) -> Fallible<'a, Value<'a>> {
        Ok(match conversion {
            Conversion::Boolean => Value::Boolean(value.is_true()),
            Conversion::Text => self.text(value)?.map_or(Value::Null, Value::Text),
            Conversion::Number(by) => self.number(value, by)?.into(),
        })
    }

    fn number(&self, value: Value<'a>, by: NumberType) -> Fallible<'a, Number> {
        value.number(by).ok_or_else(|| {
            let text = match value {
                Value::Text(text) => shown(text),
                _ => "",
            };
            self.failure(format_args!("`{text}` is no {}", in_words(by)))
        })
    }

    fn arithmetic(
        &self,
        locals: &Locals<'a>,
        first: &'a Expression,
        rest: &'a [(Operation, Expression)],
    ) -> Fallible<'a, Value<'a>> {
        let mut left = self.value(locals, first)?;
        let mut operations = rest.iter();
        while let Some((operation, right)) = operations.next() {
            let right = self.value(locals, right)?;
            left = match operation {
                Operation::Number(operator, by) => {
                    let left = self.number(left, *by)?;
                    let right = self.number(right, *by)?;
                    let result = calculate(left, *operator, right);
                    let result =
                        result.ok_or_else(|| self.failure(format_args!("a division by zero")))?;
                    result.into()
                }
                // Once it is text it stays text.
                Operation::Concatenate => {
                    let mut text = bumpalo::collections::String::new_in(self.arena);
                    self.append(&mut text, left)?;
                    self.append(&mut text, right)?;
                    for (_, right) in operations.by_ref() {
                        let right = self.value(locals, right)?;
                        self.append(&mut text, right)?;
                    }
                    Value::Text(text.into_bump_str())
                }
            };
        }
        Ok(left)
    }

    /// As Java's `+` and `String.valueOf` print a value: null in letters.
    pub(super) fn append(
        &self,
        to: &mut bumpalo::collections::String<'a>,
        value: Value<'a>,
    ) -> Fallible<'a, ()> {
        let text = self.text(value)?.unwrap_or("null");
        self.count(text.len())?;
        to.push_str(text);
        Ok(())
    }

    fn process(
        &self,
        locals: &Locals<'a>,
        name: &'a ProcessName,
        of: [&'a Expression; 2],
    ) -> Fallible<'a, Value<'a>> {
        let text = |expression: &'a Expression| {
            let value = self.value(locals, expression)?;
            let text = self.text(value)?;
            text.ok_or_else(|| self.failure(format_args!("a process cannot be named by null")))
        };
        let [service, instance] = of;
        let (service, instance) = (text(service)?, text(instance)?);
        let name = match name {
            ProcessName::Fixed(name) => name,
            ProcessName::Given(name) => text(name)?,
        };
        self.keep(&process::id(service, instance, name))
            .map(Value::Text)
    }

    /// Null for what is no JSON of this kind; text that is none at all is an error.
    fn to_json(&self, source: Value<'a>, document: usize, array: bool) -> Fallible<'a, Value<'a>> {
        let element = match source {
            Value::Text("") => return Ok(Value::Null),
            Value::Text(text) => Element {
                node: self.gson(document, text)?,
                of_map: false,
            },
            Value::Node(node) => Element { node, of_map: true },
            Value::Json(element) => element,
            _ => return Ok(Value::Null),
        };
        let kind = if array { Kind::List } else { Kind::Map };
        Ok(if element.node.kind() == kind {
            Value::Json(element)
        } else {
            Value::Null
        })
    }

    pub(super) fn test(&self, locals: &Locals<'a>, test: &'a Test) -> Fallible<'a, bool> {
        Ok(match test {
            Test::Any(list) => {
                for test in list {
                    if self.test(locals, test)? {
                        return Ok(true);
                    }
                }
                false
            }
            Test::All(list) => {
                for test in list {
                    if !self.test(locals, test)? {
                        return Ok(false);
                    }
                }
                true
            }
            Test::Not(inner) => !self.test(locals, inner)?,
            Test::IsText(left, text) => {
                matches!(self.value(locals, left)?, Value::Text(left) if *left == **text)
            }
            Test::Equal(left, right) => {
                let left = self.value(locals, left)?;
                left.equals(self.value(locals, right)?)
            }
            Test::Compare {
                left,
                comparison,
                right,
                by,
            } => {
                let left = self.value(locals, left)?;
                let right = self.value(locals, right)?;
                let (left, right) = (self.number(left, *by)?, self.number(right, *by)?);
                compare(left, *comparison, right)
            }
            Test::Present(value) => match self.value(locals, value)? {
                Value::Boolean(value) if self.rules.compatibility == Compatibility::Documented => {
                    value
                }
                value => value.is_present(),
            },
            Test::True(value) => self.value(locals, value)?.is_true(),
        })
    }
}

fn of_constant(constant: &Constant) -> Value<'_> {
    match constant {
        Constant::Null => Value::Null,
        Constant::Boolean(value) => Value::Boolean(*value),
        Constant::Integer(value) => Value::Integer(*value),
        Constant::Long(value) => Value::Long(*value),
        Constant::Float(value) => Value::Float(*value),
        Constant::Double(value) => Value::Double(*value),
        Constant::Text(text) => Value::Text(text),
    }
}

fn in_words(number: NumberType) -> &'static str {
    match number {
        NumberType::Integer => "whole number of 32 bits",
        NumberType::Long => "whole number of 64 bits",
        NumberType::Float | NumberType::Double => "number",
    }
}

/// As Java calculates; `None` for a whole number divided by zero. Both are of one type.
fn calculate(left: Number, operator: Operator, right: Number) -> Option<Number> {
    macro_rules! whole {
        ($left:ident, $right:ident) => {
            match operator {
                Operator::Add => $left.wrapping_add($right),
                Operator::Subtract => $left.wrapping_sub($right),
                Operator::Multiply => $left.wrapping_mul($right),
                Operator::Divide if $right == 0 => return None,
                Operator::Divide => $left.wrapping_div($right),
            }
        };
    }
    macro_rules! fraction {
        ($left:ident, $right:ident) => {
            match operator {
                Operator::Add => $left + $right,
                Operator::Subtract => $left - $right,
                Operator::Multiply => $left * $right,
                Operator::Divide => $left / $right,
            }
        };
    }
    Some(match (left, right) {
        (Number::Integer(left), Number::Integer(right)) => Number::Integer(whole!(left, right)),
        (Number::Long(left), Number::Long(right)) => Number::Long(whole!(left, right)),
        (Number::Float(left), Number::Float(right)) => Number::Float(fraction!(left, right)),
        (Number::Double(left), Number::Double(right)) => Number::Double(fraction!(left, right)),
        _ => return None,
    })
}

/// Both are of one type.
fn compare(left: Number, comparison: Comparison, right: Number) -> bool {
    let order = match (left, right) {
        (Number::Integer(left), Number::Integer(right)) => Some(left.cmp(&right)),
        (Number::Long(left), Number::Long(right)) => Some(left.cmp(&right)),
        (Number::Float(left), Number::Float(right)) => left.partial_cmp(&right),
        (Number::Double(left), Number::Double(right)) => left.partial_cmp(&right),
        _ => None,
    };
    let is = |holds: fn(std::cmp::Ordering) -> bool| order.is_some_and(holds);
    match comparison {
        Comparison::Equal => is(std::cmp::Ordering::is_eq),
        // A NaN is not equal to anything.
        Comparison::NotEqual => !is(std::cmp::Ordering::is_eq),
        Comparison::Greater => is(std::cmp::Ordering::is_gt),
        Comparison::Less => is(std::cmp::Ordering::is_lt),
        Comparison::GreaterOrEqual => is(std::cmp::Ordering::is_ge),
        Comparison::LessOrEqual => is(std::cmp::Ordering::is_le),
    }
}
