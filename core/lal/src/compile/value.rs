//! Values.

use super::Compiler;
use super::program::{
    Constant, Conversion, Expression, Getter, Link, LinkKind, MetadataField, Operation, ProcessName,
};
use crate::check::calls::quoted;
use crate::check::methods::{self, Method};
use crate::check::types::{self, Type, is_text_call, json_call};
use crate::check::values::body_getter;
use crate::java;
use crate::load::Compatibility;
use crate::message::{self, Class};
use crate::tree::{Call, Cast, Mode, Number, Operand, Root, Segment, SegmentKind, Term, Value};

impl Compiler<'_> {
    /// The value of a `def`.
    pub(super) fn initialiser(&mut self, operand: &Operand) -> Expression {
        let call = match &operand.value {
            Value::Term(term) if term.segments.is_empty() => match &term.root {
                Root::Call(call) => json_call(call).map(|kind| (call, kind)),
                _ => None,
            },
            _ => None,
        };
        let Some((call, kind)) = call else {
            return self.operand(operand);
        };
        let source = call.arguments.first();
        let is_whole = source.is_some_and(|it| is_whole(&it.value));
        let source = match source {
            // A whole is an object that has no JSON.
            None => Expression::Constant(Constant::Null),
            Some(_) if is_whole => Expression::Constant(Constant::Null),
            Some(source) => self.operand(source),
        };
        Expression::ToJson {
            source: Box::new(source),
            document: self.keys.document(),
            array: kind == Type::JsonArray,
        }
    }

    /// A value with its cast.
    pub(super) fn operand(&mut self, operand: &Operand) -> Expression {
        let value = self.value(&operand.value);
        match operand.cast.as_ref().and_then(conversion) {
            Some(conversion) => Expression::Convert(Box::new(value), conversion),
            None => value,
        }
    }

    pub(super) fn value(&mut self, value: &Value) -> Expression {
        let (first, rest) = match value {
            Value::Term(term) => return self.term(term),
            Value::Arithmetic { first, rest } => (first, rest),
        };
        let mut left = self.inferred(first);
        let start = self.value(first);
        let mut operations = Vec::with_capacity(rest.len());
        for (operator, value) in rest {
            let right = self.inferred(value);
            let given = types::combined(left, *operator, right).unwrap_or(Type::Object);
            let operation = match given {
                Type::Number(number) => Operation::Number(*operator, number),
                _ => Operation::Concatenate,
            };
            operations.push((operation, self.value(value)));
            left = given;
        }
        Expression::Arithmetic(Box::new(start), operations.into())
    }

    /// The type that arithmetic and comparisons go by.
    pub(super) fn inferred(&self, value: &Value) -> Type {
        types::inferred(value, self.class, &|name| self.scope.kind(name))
    }

    fn term(&mut self, term: &Term) -> Expression {
        let (root, rest) = match &term.root {
            Root::Parsed => return self.parsed(term),
            Root::Log => return self.log(term),
            Root::ProcessRegistry => return self.process(term),
            Root::Name(name) => match self.scope.get(name) {
                Some((variable, _)) => (Expression::Variable(variable), &*term.segments),
                None if term.segments.is_empty() => return Expression::Refused,
                None => return self.parsed(term),
            },
            Root::Text(text) => (text_constant(text), &*term.segments),
            Root::Number(number) => (number_constant(*number), &*term.segments),
            Root::Boolean(value) => return Expression::Constant(Constant::Boolean(*value)),
            Root::Null => return Expression::Constant(Constant::Null),
            Root::Call(call) => (self.key(call), self.behind_call(term)),
            Root::Group(inner) => (self.operand(inner), &*term.segments),
        };
        let start = types::start(term, self.class, &|name| self.scope.kind(name));
        self.chain(root, start.map_or(Type::Object, |it| it.0), rest)
    }

    /// OAP leaves out what follows `tag(..)`.
    fn behind_call<'t>(&self, term: &'t Term) -> &'t [Segment] {
        match self.compatibility {
            Compatibility::Oap => &[],
            Compatibility::Documented => &term.segments,
        }
    }

    fn key(&mut self, call: &Call) -> Expression {
        let key = call.arguments.first().and_then(quoted);
        match (key, &*call.name.text) {
            (Some(key), "tag") => Expression::Tag(self.keys.tag(key)),
            (Some(key), _) if is_text_call(call) => {
                Expression::SourceAttribute(self.keys.source_attribute(key))
            }
            _ => Expression::Refused,
        }
    }

    fn parsed(&mut self, term: &Term) -> Expression {
        if let Some(class) = self.class {
            let is_field = |it: &&Segment| matches!(it.kind, SegmentKind::Field(_));
            let fields = term.segments.iter().take_while(is_field).count();
            let (fields, rest) = term.segments.split_at(fields);
            let root = self.chain(Expression::Message, Type::Message(class), fields);
            let start = types::start(term, self.class, &|_| None);
            return self.chain(root, start.map_or(Type::Unusable, |it| it.0), rest);
        }
        let field = |segment: &Segment| match &segment.kind {
            SegmentKind::Field(name) => Some(Box::from(name.as_str())),
            _ => None,
        };
        let keys: Vec<Box<str>> = term.segments.iter().map_while(field).collect();
        let rest = &term.segments[keys.len()..];
        let root = match (self.rule.mode, keys.first()) {
            (Mode::None, _) => return self.metadata(term),
            (_, None) => Expression::Refused,
            (Mode::Text, Some(name)) => Expression::Group(self.group(name)),
            (Mode::Json | Mode::Yaml, Some(_)) => Expression::Parsed(keys.into()),
        };
        self.chain(root, Type::Object, rest)
    }

    fn log(&mut self, term: &Term) -> Expression {
        match term.segments.first().map(|it| &it.kind) {
            Some(SegmentKind::Field(name)) if name == "body" => match body_getter(&term.segments) {
                Some((getter, taken)) => self.chain(
                    Expression::Body(getter),
                    Type::Text,
                    &term.segments[taken..],
                ),
                None => Expression::Refused,
            },
            _ => self.metadata(term),
        }
    }

    fn metadata(&mut self, term: &Term) -> Expression {
        let name = |at: usize| match term.segments.get(at).map(|it| &it.kind) {
            Some(SegmentKind::Field(name)) => &**name,
            _ => "",
        };
        let (field, taken) = match (name(0), name(1)) {
            ("service", _) => (MetadataField::Service, 1),
            ("serviceInstance", _) => (MetadataField::Instance, 1),
            ("endpoint", _) => (MetadataField::Endpoint, 1),
            ("layer", _) => (MetadataField::Layer, 1),
            ("timestamp", _) => (MetadataField::Timestamp, 1),
            ("traceContext", "traceId") => (MetadataField::TraceId, 2),
            ("traceContext", "traceSegmentId") => (MetadataField::SegmentId, 2),
            ("traceContext", "spanId") => (MetadataField::SpanId, 2),
            _ => return Expression::Refused,
        };
        self.chain(
            Expression::Metadata(field),
            Type::Object,
            &term.segments[taken..],
        )
    }

    fn process(&mut self, term: &Term) -> Expression {
        let call = match term.segments.first().map(|it| &it.kind) {
            Some(SegmentKind::Method(call)) => call,
            _ => return Expression::Refused,
        };
        let mut arguments = call.arguments.iter().map(|it| Box::new(self.operand(it)));
        let (Some(service), Some(instance)) = (arguments.next(), arguments.next()) else {
            return Expression::Refused;
        };
        let third = arguments.next();
        drop(arguments);
        let name = match (&*call.name.text, third) {
            ("generateVirtualLocalProcess", None) => ProcessName::Fixed("UNKNOWN_LOCAL"),
            // Only OAP knows which pod or service has an address.
            ("generateVirtualRemoteProcess", Some(_)) => ProcessName::Fixed("UNKNOWN_REMOTE"),
            ("generateVirtualProcess", Some(name)) => ProcessName::Given(name),
            _ => return Expression::Refused,
        };
        Expression::Process {
            name,
            service,
            instance,
        }
    }

    /// `kind` is only known of messages, whose getters depend on it.
    fn chain(&mut self, root: Expression, mut kind: Type, segments: &[Segment]) -> Expression {
        if segments.is_empty() {
            return root;
        }
        let mut links = Vec::with_capacity(segments.len());
        for segment in segments {
            let link = match kind {
                Type::Message(class) => self.message_link(class, segment),
                _ => None,
            };
            let Some(link) = link.or_else(|| self.link(segment)) else {
                return Expression::Refused;
            };
            // A variable's index is guarded by OAP; nothing else that has one is ever null.
            let null_safe = segment.null_safe || matches!(link, LinkKind::Index(_));
            let given = types::behind(kind, segment);
            kind = given.unwrap_or(Type::Unusable);
            links.push(Link {
                null_safe,
                kind: link,
            });
        }
        Expression::Chain(Box::new(root), links.into())
    }

    fn message_link(&mut self, class: Class, segment: &Segment) -> Option<LinkKind> {
        let (found, arguments) = match &segment.kind {
            SegmentKind::Field(name) => (message::field(class, name)?, &[][..]),
            SegmentKind::Method(call) => {
                let arguments = &*call.arguments;
                let found = message::getter(class, &call.name.text, arguments.len())?;
                (found, arguments)
            }
            SegmentKind::Index(_) => return None,
        };
        let constants = match found.field.kind() {
            prost_reflect::Kind::Enum(it) => it
                .values()
                .map(|value| (value.number(), value.name().into()))
                .collect(),
            _ => Box::default(),
        };
        Some(LinkKind::Get(Box::new(Getter {
            default: prost_reflect::Value::default_value_for_field(&found.field),
            field: found.field,
            reading: found.reading,
            constants,
            arguments: arguments.iter().map(|it| self.operand(it)).collect(),
        })))
    }

    fn link(&mut self, segment: &Segment) -> Option<LinkKind> {
        match &segment.kind {
            SegmentKind::Index(index) => usize::try_from(*index).ok().map(LinkKind::Index),
            SegmentKind::Field(name) => {
                let kinds = [
                    Type::JsonObject,
                    Type::JsonArray,
                    Type::JsonElement,
                    Type::Text,
                    Type::Enum,
                ];
                let mut getters = kinds.into_iter();
                let getter = getters.find_map(|kind| methods::getter(kind, name))?;
                Some(LinkKind::Call {
                    method: getter.method,
                    regex: None,
                    arguments: Box::default(),
                })
            }
            SegmentKind::Method(call) => {
                let method = methods::by_name(&call.name.text)?;
                let takes_pattern = matches!(
                    method,
                    Method::Matches | Method::Split | Method::ReplaceAll | Method::ReplaceFirst
                );
                let mut arguments = &*call.arguments;
                let mut regex = None;
                if takes_pattern {
                    let pattern = arguments.first().and_then(quoted)?;
                    regex = Some(match method {
                        Method::Matches => java::regex::compile_whole(pattern).ok()?,
                        _ => java::regex::compile(pattern).ok()?,
                    });
                    arguments = &arguments[1..];
                }
                Some(LinkKind::Call {
                    method,
                    regex,
                    arguments: arguments.iter().map(|it| self.operand(it)).collect(),
                })
            }
        }
    }
}

fn is_whole(value: &Value) -> bool {
    matches!(value, Value::Term(term)
        if matches!(term.root, Root::Parsed | Root::Log) && term.segments.is_empty())
}

/// What a cast does; the name of a class does nothing.
pub(super) fn conversion(cast: &Cast) -> Option<Conversion> {
    Some(match cast {
        Cast::String => Conversion::Text,
        Cast::Boolean => Conversion::Boolean,
        Cast::Class(_) => return None,
        _ => Conversion::Number(Type::of_cast(cast).number()?),
    })
}

fn text_constant(text: &str) -> Expression {
    Expression::Constant(Constant::Text(text.into()))
}

fn number_constant(number: Number) -> Expression {
    Expression::Constant(match number {
        Number::Integer(number) => Constant::Integer(number),
        Number::Long(number) => Constant::Long(number),
        Number::Float(number) => Constant::Float(number),
        Number::Double(number) => Constant::Double(number),
    })
}
