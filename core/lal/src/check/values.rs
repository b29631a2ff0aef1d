//! Values: what each root can be followed by, and the type that comes of it.

use super::scope::Type;
use super::statics::Checker;
use crate::load::Compatibility;
use crate::tree::{
    Call, Mode, Number, Operand, Operator, Root, Segment, SegmentKind, Span, Term, Value,
};

/// What OAP finds in a log's metadata.
const METADATA: [&str; 6] = [
    "service",
    "serviceInstance",
    "endpoint",
    "layer",
    "timestamp",
    "traceContext",
];
const TRACE_CONTEXT: [&str; 3] = ["traceId", "traceSegmentId", "spanId"];
const PROCESS_REGISTRY: [&str; 3] = [
    "generateVirtualLocalProcess",
    "generateVirtualRemoteProcess",
    "generateVirtualProcess",
];
/// Keys behind `parsed` that OAP generates code for.
const KEYS_MAX: usize = 3;

impl Checker<'_> {
    /// The value of a `def`: only there JSON can be made.
    pub(super) fn initialiser(&mut self, operand: &Operand) -> Type {
        if let Value::Term(term) = &operand.value
            && let Root::Call(call) = &term.root
            && matches!(&*call.name.text, "toJson" | "toJsonArray")
            && term.segments.is_empty()
        {
            self.arguments(call);
            return operand.cast.as_ref().map_or(Type::Json, Type::of_cast);
        }
        let kind = self.operand(operand);
        // `tag()` and the fields of a log lose their type in a variable.
        let is_plain = matches!(&operand.value, Value::Term(term)
            if matches!(term.root, Root::Call(_) | Root::Log) );
        if is_plain && operand.cast.is_none() && kind != Type::Foreign {
            return Type::Object;
        }
        kind
    }

    pub(super) fn operand(&mut self, operand: &Operand) -> Type {
        let kind = self.value(&operand.value);
        operand.cast.as_ref().map_or(kind, Type::of_cast)
    }

    pub(super) fn value(&mut self, value: &Value) -> Type {
        match value {
            Value::Term(term) => self.term(term),
            Value::Arithmetic { first, rest } => {
                let mut left = self.value(first);
                let mut span = first.span();
                for (operator, value) in rest {
                    let right = self.value(value);
                    left = self.combined((left, span), *operator, (right, value.span()));
                    span = span.to(value.span());
                }
                left
            }
        }
    }

    fn combined(&mut self, left: (Type, Span), operator: Operator, right: (Type, Span)) -> Type {
        if let Some(kind) = left.0.promoted(right.0) {
            return kind;
        }
        if operator == Operator::Add {
            return Type::Text;
        }
        let takes = |kind: Type| kind.is_number() || kind == Type::Foreign;
        if let Some((_, span)) = [left, right].into_iter().find(|it| !takes(it.0)) {
            let report = self
                .findings
                .error(span, "this is not known to be a number");
            report.help("cast it in parentheses: `(parsed.size as Long) / 1024`");
        }
        Type::Foreign
    }

    fn term(&mut self, term: &Term) -> Type {
        match &term.root {
            Root::Parsed => self.parsed(term),
            Root::Log => self.log(term),
            Root::ProcessRegistry => self.process_registry(term),
            Root::Name(name) => match self.scope.get(name) {
                Some(kind) => {
                    let kind = self.chain(kind, &term.segments);
                    let is_boxed = term.segments.last().is_some_and(|it| it.null_safe);
                    if kind == Type::Primitive && is_boxed {
                        Type::Integer
                    } else {
                        kind
                    }
                }
                None => self.unknown_name(name, term),
            },
            Root::Text(_) => self.chain(Type::Text, &term.segments),
            Root::Number(number) => match number {
                Number::Integer(_) => Type::Integer,
                Number::Long(_) => Type::Long,
                Number::Float(_) => Type::Float,
                Number::Double(_) => Type::Double,
            },
            Root::Boolean(_) | Root::Null => {
                let message = "`true`, `false` and `null` are no values here";
                let report = self.findings.error(term.span, message);
                report.help("quote it, or test a value by `as Boolean` or `!= null`");
                Type::Foreign
            }
            Root::Call(call) => self.call(call, term),
            Root::Group(inner) => {
                let kind = self.operand(inner);
                self.chain(kind, &term.segments)
            }
        }
    }

    fn call(&mut self, call: &Call, term: &Term) -> Type {
        let name = &*call.name.text;
        if !matches!(name, "tag" | "sourceAttribute") {
            let message = format!("OAP cannot resolve the function `{name}` here");
            let report = self.findings.error(call.name.span, message);
            report.help(match name {
                "toJson" | "toJsonArray" => {
                    "it is the whole value of a `def`: `def a = toJson(..)`"
                }
                _ => "`tag(\"key\")` and `sourceAttribute(\"key\")` are functions",
            });
            return Type::Foreign;
        }
        let is_text = |it: &Operand| {
            let is_text = |it: &Term| matches!(it.root, Root::Text(_)) && it.segments.is_empty();
            it.cast.is_none() && matches!(&it.value, Value::Term(term) if is_text(term))
        };
        if !matches!(&call.arguments[..], [one] if is_text(one)) {
            let message = format!("`{name}` takes one quoted text");
            let report = self.findings.error(call.name.span, message);
            report.help(format!("`{name}(\"key\")`"));
        }
        if name == "tag" && !self.takes_log {
            let message = "the input of this rule is no log and has no tags";
            let report = self.findings.error(call.name.span, message);
            report.help("read `parsed`, or `sourceAttribute(\"key\")`");
        }
        let Some(first) = term.segments.first() else {
            return Type::Text;
        };
        if self.compatibility == Compatibility::Documented {
            return self.chain(Type::Text, &term.segments);
        }
        let message =
            format!("OAP leaves out what follows `{name}(..)`: the value is the whole text");
        let report = self.findings.warning(first.span, message);
        report.help(format!(
            "parentheses keep it: `({name}(\"key\") as String).trim()`"
        ));
        Type::Text
    }

    /// Arguments may be what stands nowhere else: `true`, `false` and `null`.
    fn arguments(&mut self, call: &Call) {
        for argument in &call.arguments {
            let is_word = matches!(&argument.value, Value::Term(term)
                if matches!(term.root, Root::Boolean(_) | Root::Null));
            let is_whole = matches!(&argument.value, Value::Term(term)
                if matches!(term.root, Root::Parsed | Root::Log) && term.segments.is_empty());
            if !is_word && !is_whole {
                self.operand(argument);
            }
        }
    }

    fn unknown_name(&mut self, name: &str, term: &Term) -> Type {
        if term.segments.is_empty() {
            let message = format!("there is no variable `{name}` here");
            let is_outside = self.outer.get(name).is_some();
            let report = self.findings.error(term.span, message);
            report.help(if is_outside {
                "a `def` of the filter is not seen in `extractor` and `sink`: repeat it here"
            } else {
                "quote it if it is text; a variable needs a `def` on every path to it"
            });
            return Type::Foreign;
        }
        let message = format!("there is no variable `{name}`: OAP reads `parsed` instead of it");
        let report = self.findings.warning(term.span, message);
        report.help("write `parsed`, or a `def` in this block");
        self.parsed(term)
    }

    fn parsed(&mut self, term: &Term) -> Type {
        let is_field = |it: &&Segment| matches!(it.kind, SegmentKind::Field(_));
        let keys = term.segments.iter().take_while(is_field).count();
        match self.mode {
            Mode::Json | Mode::Yaml if keys > KEYS_MAX => {
                let span = term.segments[KEYS_MAX].span;
                let message = format!("`parsed` takes at most {KEYS_MAX} keys");
                let help = "`def a = toJson(parsed.b)` reads further down";
                self.findings.error(span, message).help(help);
            }
            Mode::Text if keys > 1 => {
                let message = "OAP ignores what follows the name of a group";
                let report = self.findings.warning(term.segments[1].span, message);
                report.help("`parsed.name` is the group `(?<name>..)`");
            }
            Mode::None if self.is_typed => return Type::Foreign,
            Mode::None => return self.metadata(term, "parsed"),
            _ => {}
        }
        let root = if self.mode == Mode::Text {
            Type::Text
        } else {
            Type::Object
        };
        self.chain(root, &term.segments[keys..])
    }

    fn log(&mut self, term: &Term) -> Type {
        match term.segments.first().map(|it| &it.kind) {
            Some(SegmentKind::Field(name)) if matches!(&**name, "body" | "tags") => {
                for segment in &term.segments[1..] {
                    if let SegmentKind::Field(name) = &segment.kind {
                        let message = format!("`{name}` cannot be read as a field of a message");
                        let report = self.findings.error(segment.span, message);
                        report.help("call Java's getters: `log.body.getText().getText()`");
                    }
                }
                Type::Foreign
            }
            _ => self.metadata(term, "log"),
        }
    }

    fn metadata(&mut self, term: &Term, root: &str) -> Type {
        let Some(first) = term.segments.first() else {
            return Type::Foreign;
        };
        let field = |segment: &Segment| match &segment.kind {
            SegmentKind::Field(name) => Some(name.clone()),
            _ => None,
        };
        let name = field(first).unwrap_or_default();
        let by_attributes = root == "parsed" && name == "sourceAttributes";
        if !METADATA.contains(&&*name) && !by_attributes {
            let message = format!("`{root}` has no such field in a rule");
            let report = self.findings.error(first.span, message);
            let fields = METADATA.join("`, `");
            report.help(match (root, self.mode) {
                ("parsed", _) => format!("without a parser it has `{fields}`: add `json {{}}`?"),
                _ => format!("it has `{fields}`, `body`, `tags`"),
            });
            return Type::Foreign;
        }
        let Some(second) = term.segments.get(1) else {
            return if name == "timestamp" {
                Type::Long
            } else {
                Type::Text
            };
        };
        if name != "traceContext" {
            return Type::Foreign;
        }
        let name = field(second).unwrap_or_default();
        if !TRACE_CONTEXT.contains(&&*name) {
            let report = self
                .findings
                .error(second.span, "a trace context has no such field");
            report.help(format!("it has `{}`", TRACE_CONTEXT.join("`, `")));
        }
        if name == "spanId" {
            Type::Integer
        } else {
            Type::Text
        }
    }

    fn process_registry(&mut self, term: &Term) -> Type {
        match term.segments.first().map(|it| &it.kind) {
            Some(SegmentKind::Method(call)) if PROCESS_REGISTRY.contains(&&*call.name.text) => {
                self.arguments(call);
                return self.chain(Type::Text, &term.segments[1..]);
            }
            _ => {}
        }
        let report = self
            .findings
            .error(term.span, "`ProcessRegistry` has no such method");
        report.help(format!("it has `{}`", PROCESS_REGISTRY.join("`, `")));
        Type::Foreign
    }

    /// What comes of `segments` behind a value of this type.
    fn chain(&mut self, mut kind: Type, segments: &[Segment]) -> Type {
        for segment in segments {
            kind = match (&segment.kind, kind) {
                (SegmentKind::Method(call), _) => self.method(kind, call, segment),
                (SegmentKind::Index(_), Type::Object) => {
                    let message = "an index cannot follow a value whose type is not known";
                    let report = self.findings.error(segment.span, message);
                    report.help("`def a = toJsonArray(parsed.list)` and `a[0]`");
                    Type::Foreign
                }
                (SegmentKind::Field(_), Type::Json) => Type::Json,
                (SegmentKind::Index(_), Type::Json) => Type::Json,
                _ => Type::Foreign,
            };
        }
        kind
    }

    fn method(&mut self, kind: Type, call: &Call, segment: &Segment) -> Type {
        self.arguments(call);
        let name = &*call.name.text;
        match kind {
            Type::Text => Type::of_text_method(name),
            Type::Json => match name {
                "has" | "isJsonNull" | "getAsBoolean" => Type::Boolean,
                "getAsString" => Type::Text,
                "getAsInt" | "size" => Type::Primitive,
                "get" | "getAsJsonObject" | "getAsJsonArray" => Type::Json,
                _ => Type::Foreign,
            },
            Type::Object if segment.null_safe && matches!(name, "toString" | "trim") => Type::Text,
            Type::Object if matches!(name, "toString" | "equals" | "hashCode" | "getClass") => {
                Type::of_text_method(name)
            }
            Type::Object => {
                let message = format!("OAP cannot resolve `{name}` on a value without a type");
                let report = self.findings.error(segment.span, message);
                report.help(format!("cast it first: `(value as String).{name}(..)`"));
                Type::Foreign
            }
            _ => Type::Foreign,
        }
    }
}
