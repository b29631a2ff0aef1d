//! Values: what each root can be followed by, and the type that comes of it.

use super::calls::quoted;
use super::inputs::Accepts;
use super::methods::Parameter;
use super::statics::Checker;
use super::types::{self, NumberType, Type, is_text_call, json_call};
use crate::load::Compatibility;
use crate::tree::{Call, Cast, Mode, Operand, Operator, Root, Segment, SegmentKind, Term, Value};

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
/// Methods of `ProcessRegistry`, and how many texts each takes.
const PROCESS_REGISTRY: [(&str, usize); 3] = [
    ("generateVirtualLocalProcess", 2),
    ("generateVirtualRemoteProcess", 3),
    ("generateVirtualProcess", 3),
];
/// Keys behind `parsed` that OAP generates code for.
const KEYS_MAX: usize = 3;

/// What can be read of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyGetter {
    Text,
    Json,
    Yaml,
    HasText,
    HasJson,
    HasYaml,
}

/// The getter that the segments behind `log` start with, and how many of them it takes.
pub(crate) fn body_getter(segments: &[Segment]) -> Option<(BodyGetter, usize)> {
    let method = |at: usize| match segments.get(at).map(|it| &it.kind) {
        Some(SegmentKind::Method(call)) if call.arguments.is_empty() => &*call.name.text,
        _ => "",
    };
    Some(match (method(1), method(2)) {
        ("getText", "getText") => (BodyGetter::Text, 3),
        ("getJson", "getJson") => (BodyGetter::Json, 3),
        ("getYaml", "getYaml") => (BodyGetter::Yaml, 3),
        ("hasText", _) => (BodyGetter::HasText, 2),
        ("hasJson", _) => (BodyGetter::HasJson, 2),
        ("hasYaml", _) => (BodyGetter::HasYaml, 2),
        _ => return None,
    })
}

impl Checker<'_> {
    /// The value of a `def`: only there JSON can be made.
    pub(super) fn initialiser(&mut self, operand: &Operand) -> Type {
        let json = match &operand.value {
            Value::Term(term) if term.segments.is_empty() => match &term.root {
                Root::Call(call) if json_call(call).is_some() => Some(call),
                _ => None,
            },
            _ => None,
        };
        match json {
            Some(call) => self.json_source(call),
            None => {
                self.value(&operand.value);
            }
        }
        let kind = types::of_variable(operand, self.mode, self.accepts.class(), &|name| {
            self.scope.get(name)
        });
        if let (Some(Cast::Class(class)), Type::Unusable) = (&operand.cast, kind) {
            let message = format!("nothing is known of the Java class `{class}`");
            let report = self.findings.error(operand.span, message);
            report.help("`as String` or another type of the language");
        }
        kind
    }

    fn json_source(&mut self, call: &Call) {
        let [source] = &*call.arguments else {
            let message = format!("`{}` takes one value", call.name.text);
            let report = self.findings.error(call.name.span, message);
            report.help("for example `toJson(parsed.config)`");
            return;
        };
        let is_whole = matches!(&source.value, Value::Term(term)
            if matches!(term.root, Root::Parsed | Root::Log) && term.segments.is_empty());
        if is_whole {
            let message = "this is always null: OAP makes no JSON of the whole";
            let report = self.findings.warning(source.span, message);
            report.help("`toJson(log.body.getText().getText())` reads the whole body");
            return;
        }
        self.operand(source);
    }

    pub(super) fn operand(&mut self, operand: &Operand) -> Type {
        let kind = self.value(&operand.value);
        match &operand.cast {
            // Outside of a `def` the name of a class does nothing.
            None | Some(Cast::Class(_)) => kind,
            Some(cast) => Type::of_cast(cast),
        }
    }

    pub(super) fn value(&mut self, value: &Value) -> Type {
        match value {
            Value::Term(term) => self.term(term),
            Value::Arithmetic { first, rest } => {
                self.value(first);
                let mut left = self.inferred(first);
                let mut span = first.span();
                for (operator, value) in rest {
                    self.value(value);
                    let right = self.inferred(value);
                    let given = types::combined(left, *operator, right);
                    if given.is_none() {
                        let at = if left.number().is_none() {
                            span
                        } else {
                            value.span()
                        };
                        self.no_number(at, *operator);
                    }
                    left = given.unwrap_or(Type::Unusable);
                    span = span.to(value.span());
                }
                left
            }
        }
    }

    pub(super) fn inferred(&self, value: &Value) -> Type {
        types::inferred(value, self.accepts.class(), &|name| self.scope.get(name))
    }

    fn no_number(&mut self, span: crate::tree::Span, operator: Operator) {
        if self.is_opaque() || operator == Operator::Add {
            return;
        }
        let report = self
            .findings
            .error(span, "this is not known to be a number");
        report.help("cast it in parentheses: `(parsed.size as Long) / 1024`");
    }

    fn term(&mut self, term: &Term) -> Type {
        match &term.root {
            Root::Parsed => self.parsed(term),
            Root::Log => self.log(term),
            Root::ProcessRegistry => self.process_registry(term),
            Root::Name(name) => match self.scope.get(name) {
                Some(kind) => self.chain(kind, &term.segments, true),
                None => self.unknown_name(name, term),
            },
            Root::Text(_) => self.chain(Type::Text, &term.segments, false),
            Root::Number(number) => {
                let number = Type::of_number(*number);
                if term.segments.is_empty() {
                    return Type::Number(number);
                }
                self.chain(Type::Primitive(number), &term.segments, false)
            }
            Root::Boolean(_) | Root::Null => {
                let message = "`true`, `false` and `null` are no values here";
                let report = self.findings.error(term.span, message);
                report.help("quote it, or test a value by `as Boolean` or `!= null`");
                Type::Unusable
            }
            Root::Call(call) => self.call(call, term),
            Root::Group(inner) => {
                let kind = self.operand(inner);
                let kind = match (kind, &inner.cast) {
                    (Type::Number(number), Some(_)) if !term.segments.is_empty() => {
                        Type::Primitive(number)
                    }
                    _ => kind,
                };
                self.chain(kind, &term.segments, false)
            }
        }
    }

    fn call(&mut self, call: &Call, term: &Term) -> Type {
        let name = &*call.name.text;
        if !is_text_call(call) {
            let message = format!("OAP cannot resolve the function `{name}` here");
            let report = self.findings.error(call.name.span, message);
            report.help(match name {
                "toJson" | "toJsonArray" => {
                    "it is the whole value of a `def`: `def a = toJson(..)`"
                }
                _ => "`tag(\"key\")` and `sourceAttribute(\"key\")` are functions",
            });
            return Type::Unusable;
        }
        let is_key = |it: &Operand| it.cast.is_none() && quoted(it).is_some();
        if !matches!(&*call.arguments, [key] if is_key(key)) {
            let message = format!("`{name}` takes one quoted text");
            let report = self.findings.error(call.name.span, message);
            report.help(format!("`{name}(\"key\")`"));
        }
        if name == "tag" && matches!(self.accepts, Accepts::Messages(_) | Accepts::Nothing) {
            let message = "the input of this rule is no log and has no tags";
            let report = self.findings.error(call.name.span, message);
            report.help("read `parsed`, or `sourceAttribute(\"key\")`");
        }
        let Some(first) = term.segments.first() else {
            return Type::Text;
        };
        if self.compatibility == Compatibility::Documented {
            return self.chain(Type::Text, &term.segments, false);
        }
        let message =
            format!("OAP leaves out what follows `{name}(..)`: the value is the whole text");
        let report = self.findings.warning(first.span, message);
        report.help(format!(
            "parentheses keep it: `({name}(\"key\") as String).trim()`"
        ));
        Type::Text
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
            return Type::Unusable;
        }
        let message = format!("there is no variable `{name}`: OAP reads `parsed` instead of it");
        let report = self.findings.warning(term.span, message);
        report.help("write `parsed`, or a `def` in this block");
        self.parsed(term)
    }

    fn parsed(&mut self, term: &Term) -> Type {
        match self.accepts {
            Accepts::Nothing => return Type::Unusable,
            Accepts::Messages(class) => return self.message(class, term),
            Accepts::Anything | Accepts::Logs => {}
        }
        let is_field = |it: &&Segment| matches!(it.kind, SegmentKind::Field(_));
        let keys = term.segments.iter().take_while(is_field).count();
        if self.mode == Mode::None {
            return self.metadata(term, "parsed");
        }
        if keys == 0 {
            return self.whole(
                term,
                "`parsed` as a whole is no value: read one of its fields",
            );
        }
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
            _ => {}
        }
        let root = if self.mode == Mode::Text {
            Type::Text
        } else {
            Type::Object
        };
        self.chain(root, &term.segments[keys..], false)
    }

    fn whole(&mut self, term: &Term, message: &str) -> Type {
        let report = self.findings.error(term.span, message);
        report.help("for example `parsed.code` or `log.service`");
        Type::Unusable
    }

    fn log(&mut self, term: &Term) -> Type {
        match term.segments.first().map(|it| &it.kind) {
            None => self.whole(term, "`log` as a whole is no value: read one of its fields"),
            Some(SegmentKind::Field(name)) if name == "body" => {
                if self.accepts.class().is_some() {
                    let message = "the input of this rule is no log and has no body";
                    let report = self.findings.error(term.span, message);
                    report.help("read `parsed`");
                    return Type::Unusable;
                }
                let Some((getter, taken)) = body_getter(&term.segments) else {
                    let message = "of a body only its texts can be read";
                    let report = self.findings.error(term.span, message);
                    report.help("call Java's getters: `log.body.getText().getText()`");
                    return Type::Unusable;
                };
                let kind = match getter {
                    BodyGetter::Text | BodyGetter::Json | BodyGetter::Yaml => Type::Text,
                    BodyGetter::HasText | BodyGetter::HasJson | BodyGetter::HasYaml => {
                        Type::Boolean
                    }
                };
                self.chain(kind, &term.segments[taken..], false)
            }
            Some(SegmentKind::Field(name)) if name == "tags" => {
                let report = self
                    .findings
                    .error(term.span, "tags cannot be read as a message");
                report.help("`tag(\"key\")` reads one of them");
                Type::Unusable
            }
            _ => self.metadata(term, "log"),
        }
    }

    fn metadata(&mut self, term: &Term, root: &str) -> Type {
        let field = |at: usize| match term.segments.get(at).map(|it| &it.kind) {
            Some(SegmentKind::Field(name)) => &**name,
            _ => "",
        };
        let span = term.segments.first().map_or(term.span, |it| it.span);
        let name = field(0);
        if root == "parsed" && name == "sourceAttributes" {
            let message = "the attributes of what sent a log cannot be read as a whole";
            let report = self.findings.error(span, message);
            report.help("`sourceAttribute(\"key\")` reads one of them");
            return Type::Unusable;
        }
        if !METADATA.contains(&name) {
            let message = format!("`{root}` has no such field in a rule");
            let report = self.findings.error(span, message);
            let fields = METADATA.join("`, `");
            report.help(match (root, self.mode) {
                ("parsed", _) => format!("without a parser it has `{fields}`: add `json {{}}`?"),
                _ => format!("it has `{fields}`, `body`, `tags`"),
            });
            return Type::Unusable;
        }
        let (kind, taken) = match (name, field(1)) {
            ("traceContext", "spanId") => (Type::Number(NumberType::Integer), 2),
            ("traceContext", second) if TRACE_CONTEXT.contains(&second) => (Type::Text, 2),
            ("traceContext", _) => {
                let second = term.segments.get(1).map_or(term.span, |it| it.span);
                let report = self
                    .findings
                    .error(second, "a trace context has no such field");
                report.help(format!("it has `{}`", TRACE_CONTEXT.join("`, `")));
                return Type::Unusable;
            }
            ("timestamp", _) => (Type::Number(NumberType::Long), 1),
            _ => (Type::Text, 1),
        };
        let rest = &term.segments[taken..];
        match kind {
            Type::Number(number) if !rest.is_empty() => {
                self.chain(Type::Primitive(number), rest, false)
            }
            _ => self.chain(kind, rest, false),
        }
    }

    fn process_registry(&mut self, term: &Term) -> Type {
        let call = match term.segments.first().map(|it| &it.kind) {
            Some(SegmentKind::Method(call)) => Some(call),
            _ => None,
        };
        let method = |call: &&Call| {
            let known = PROCESS_REGISTRY.iter();
            let mut known = known.filter(|it| it.0 == call.name.text);
            known.any(|it| it.1 == call.arguments.len())
        };
        let Some(call) = call.filter(method) else {
            let report = self
                .findings
                .error(term.span, "`ProcessRegistry` has no such method");
            let names: Vec<_> = PROCESS_REGISTRY
                .iter()
                .map(|(name, count)| format!("`{name}` of {count} texts"))
                .collect();
            report.help(format!("it has {}", names.join(", ")));
            return Type::Unusable;
        };
        self.arguments(call, &[Parameter::Text; 3]);
        if let Some(rest) = term.segments.get(1) {
            let message = "OAP leaves out what follows a call of `ProcessRegistry`";
            let report = self.findings.warning(rest.span, message);
            report.help("put the call into parentheses");
        }
        Type::Text
    }
}
