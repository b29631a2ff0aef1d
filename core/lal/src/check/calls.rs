//! Methods and their arguments.

use super::methods::{self, Parameter};
use super::statics::Checker;
use super::types::{NumberType, Type, behind};
use crate::java;
use crate::message;
use crate::tree::{Call, Name, Operand, Root, Segment, SegmentKind, Value};

impl Checker<'_> {
    /// What comes of `segments` behind a value of this type. Only a variable has fields.
    pub(super) fn chain(
        &mut self,
        mut kind: Type,
        segments: &[Segment],
        of_variable: bool,
    ) -> Type {
        for segment in segments {
            if kind == Type::Unusable {
                return kind;
            }
            let given = match &segment.kind {
                SegmentKind::Field(_) if !of_variable => None,
                _ => behind(kind, segment),
            };
            kind = match given {
                Some(given) => self.link(kind, given, segment, of_variable),
                None => self.refused(kind, segment),
            };
        }
        kind
    }

    fn link(&mut self, kind: Type, given: Type, segment: &Segment, of_variable: bool) -> Type {
        let SegmentKind::Method(call) = &segment.kind else {
            return given;
        };
        let count = call.arguments.len();
        let of_message = match kind {
            Type::Message(class) => message::getter(class, &call.name.text, count),
            _ => None,
        };
        let signature = match of_message {
            Some(found) => Some((found.takes, found.gives)),
            None => methods::signature(kind, &call.name.text, count).map(|it| (it.takes, it.gives)),
        };
        if let Some((takes, gives)) = signature {
            self.arguments(call, takes);
            let is_bare = gives.is_bare() || gives == Type::Boolean;
            if segment.null_safe && is_bare && !of_variable {
                let message = format!("OAP cannot compile `?.{}(..)` here", call.name.text);
                let report = self.findings.error(segment.span, message);
                report.help("write `.`, or `def` a variable first");
            }
        }
        given
    }

    /// Says why OAP cannot compile the segment.
    fn refused(&mut self, kind: Type, segment: &Segment) -> Type {
        match &segment.kind {
            SegmentKind::Method(call) => match kind {
                Type::Message(class) => self.no_getter(class, &call.name.text, segment.span),
                _ => self.no_method(kind, call, segment),
            },
            SegmentKind::Field(name) if let Type::Message(class) = kind => {
                self.no_getter(class, name, segment.span);
            }
            SegmentKind::Index(_) if kind == Type::Object => {
                let message = "an index cannot follow a value whose type is not known";
                let report = self.findings.error(segment.span, message);
                report.help("`def a = toJsonArray(parsed.list)` and `a[0]`");
            }
            SegmentKind::Index(_) => {
                let report = self
                    .findings
                    .error(segment.span, "an index cannot follow this value");
                report.help("`(value as String).split(\":\")[0]`, or a `def` of `toJsonArray(..)`");
            }
            SegmentKind::Field(name) => {
                let message = format!("`{name}` is no field of this value");
                let report = self.findings.error(segment.span, message);
                report.help("call a method of its Java type: `.trim()`, `.getAsString()`");
            }
        }
        Type::Unusable
    }

    fn no_method(&mut self, kind: Type, call: &Call, segment: &Segment) {
        let name = &call.name.text;
        if kind == Type::Object {
            let message = format!("OAP cannot resolve `{name}` on a value without a type");
            let report = self.findings.error(segment.span, message);
            report.help(format!("cast it first: `(value as String).{name}(..)`"));
            return;
        }
        let known = methods::names(kind);
        let what = match kind {
            Type::Text => "a text",
            Type::JsonObject => "a JSON object",
            Type::JsonArray => "a JSON array",
            Type::JsonElement => "a JSON element",
            _ => "this value",
        };
        let count = call.arguments.len();
        let message = if known.contains(&&**name) {
            format!("`{name}` of {what} does not take {count} arguments here")
        } else {
            format!("{what} has no method `{name}` here")
        };
        let report = self.findings.error(segment.span, message);
        report.help(if known.is_empty() {
            "it has no methods: cast it first, `(value as String)`".to_owned()
        } else {
            format!("it has `{}`", known.join("`, `"))
        });
    }

    pub(super) fn arguments(&mut self, call: &Call, takes: &[Parameter]) {
        for (argument, parameter) in call.arguments.iter().zip(takes) {
            self.argument(argument, *parameter);
        }
    }

    fn argument(&mut self, argument: &Operand, parameter: Parameter) {
        if parameter == Parameter::Pattern {
            return self.pattern_argument(argument);
        }
        let word = match &argument.value {
            Value::Term(term) if term.segments.is_empty() => Some(&term.root),
            _ => None,
        };
        let kind = match word {
            Some(Root::Null) => return,
            Some(Root::Boolean(_)) => Type::Boolean,
            _ => self.operand(argument),
        };
        let is_integer = matches!(
            kind,
            Type::Number(NumberType::Integer) | Type::Primitive(NumberType::Integer)
        );
        let fits = match parameter {
            Parameter::Text => kind == Type::Text,
            Parameter::Integer => is_integer,
            Parameter::TextOrInteger => kind == Type::Text || is_integer,
            Parameter::Any | Parameter::Pattern => true,
        };
        if fits || kind == Type::Unusable || self.is_opaque() {
            return;
        }
        let (what, cast) = match parameter {
            Parameter::Integer => ("a whole number", "Integer"),
            _ => ("a text", "String"),
        };
        let report = self
            .findings
            .error(argument.span, format!("the method takes {what} here"));
        report.help(format!("cast it: `(value as {cast})`"));
    }

    fn pattern_argument(&mut self, argument: &Operand) {
        let Some(text) = quoted(argument) else {
            let message = "a regular expression has to be a quoted text";
            let report = self.findings.error(argument.span, message);
            report.help("it is compiled when the rule is loaded: `split(\":\")`");
            return;
        };
        self.pattern(&Name {
            text: text.to_owned(),
            span: argument.span,
        });
    }

    /// A regular expression that has to compile.
    pub(super) fn pattern(&mut self, pattern: &Name) {
        if let Err(refused) = java::regex::compile(&pattern.text) {
            let report = self.findings.error(pattern.span, refused.to_string());
            report.help(
                "expressions run in linear time here: see Java's `Pattern` without lookaround",
            );
        }
    }
}

/// The quoted text that an operand is.
pub(crate) fn quoted(operand: &Operand) -> Option<&str> {
    match &operand.value {
        Value::Term(term) if term.segments.is_empty() => match &term.root {
            Root::Text(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}
