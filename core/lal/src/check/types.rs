//! What is known of a value before anything runs: Java's types, as far as a rule's text tells them.

use crate::tree::{
    Call, Cast, Mode, Number, Operand, Operator, Root, Segment, SegmentKind, Term, Value,
};

use super::methods;
use crate::message::{self, Class};

/// Java's types of numbers, by their rank in promotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NumberType {
    Integer,
    Long,
    Float,
    Double,
}

/// A value's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Number(NumberType),
    /// A number that a Java method gives without a box, which neither a tag nor `<` takes.
    Primitive(NumberType),
    /// Java's `char`, which is neither text nor a number to anything that takes one.
    Character,
    Boolean,
    /// Of protobuf.
    Message(Class),
    /// A constant of an enum of protobuf.
    Enum,
    /// Gson's, of `toJson` and what is in it.
    JsonObject,
    JsonArray,
    JsonElement,
    /// `String[]`, of `split`.
    Texts,
    /// Java's `Object`: it has no methods of its own.
    Object,
    /// Nothing can be done with it, which has been reported.
    Unusable,
}

impl Type {
    pub(crate) fn of_cast(cast: &Cast) -> Type {
        match cast {
            Cast::String => Type::Text,
            Cast::Long => Type::Number(NumberType::Long),
            Cast::Integer => Type::Number(NumberType::Integer),
            Cast::Double => Type::Number(NumberType::Double),
            Cast::Float => Type::Number(NumberType::Float),
            Cast::Boolean => Type::Boolean,
            Cast::Class(class) => Type::of_class(class),
        }
    }

    /// Classes that a `def` may cast to; there is no way to know of others.
    fn of_class(class: &str) -> Type {
        match class {
            "java.lang.String" => Type::Text,
            "java.lang.Long" => Type::Number(NumberType::Long),
            "java.lang.Integer" => Type::Number(NumberType::Integer),
            "java.lang.Double" => Type::Number(NumberType::Double),
            "java.lang.Float" => Type::Number(NumberType::Float),
            "java.lang.Boolean" => Type::Boolean,
            "java.lang.Object" => Type::Object,
            "com.google.gson.JsonObject" => Type::JsonObject,
            "com.google.gson.JsonArray" => Type::JsonArray,
            "com.google.gson.JsonElement" => Type::JsonElement,
            _ => Type::Unusable,
        }
    }

    pub(crate) fn of_number(number: Number) -> NumberType {
        match number {
            Number::Integer(_) => NumberType::Integer,
            Number::Long(_) => NumberType::Long,
            Number::Float(_) => NumberType::Float,
            Number::Double(_) => NumberType::Double,
        }
    }

    /// Nothing that takes an object takes it: OAP cannot compile a tag or a comparison of it.
    pub(crate) fn is_bare(self) -> bool {
        matches!(self, Type::Primitive(_) | Type::Character)
    }

    pub(crate) fn number(self) -> Option<NumberType> {
        match self {
            Type::Number(number) => Some(number),
            _ => None,
        }
    }

    /// As Java boxes it behind `?.`, and in a variable.
    pub(crate) fn boxed(self) -> Type {
        match self {
            Type::Primitive(number) => Type::Number(number),
            Type::Character => Type::Object,
            other => other,
        }
    }
}

/// Types of the variables that can be seen.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<Type>;

/// The type that arithmetic and comparisons go by, which OAP reads off the text alone;
/// [`Type::Object`] where it cannot.
pub(crate) fn inferred(value: &Value, class: Option<Class>, variables: Variables<'_>) -> Type {
    let term = match value {
        Value::Term(term) => term,
        Value::Arithmetic { first, rest } => {
            let first = inferred(first, class, variables);
            return rest.iter().fold(first, |left, (operator, value)| {
                combined(left, *operator, inferred(value, class, variables)).unwrap_or(Type::Object)
            });
        }
    };
    let is_plain = term.segments.is_empty();
    match &term.root {
        Root::Text(_) => Type::Text,
        Root::Call(call) if is_text_call(call) => Type::Text,
        Root::Number(number) if is_plain => Type::Number(Type::of_number(*number)),
        Root::Group(inner) if is_plain => match &inner.cast {
            Some(Cast::Class(_)) => Type::Object,
            Some(cast) => Type::of_cast(cast),
            None => inferred(&inner.value, class, variables),
        },
        Root::Name(name) if is_plain => variables(name).unwrap_or(Type::Object),
        Root::Parsed => {
            let fields = class.map(|class| message::leading(class, &term.segments));
            match fields {
                Some(Ok((number @ Type::Number(_), taken))) if taken == term.segments.len() => {
                    number
                }
                _ => Type::Object,
            }
        }
        _ => Type::Object,
    }
}

/// What an operator gives; `None` if it takes no such values. `+` of anything but two numbers makes
/// text.
pub(crate) fn combined(left: Type, operator: Operator, right: Type) -> Option<Type> {
    match (left.number(), right.number()) {
        (Some(left), Some(right)) => Some(Type::Number(left.max(right))),
        _ => (operator == Operator::Add).then_some(Type::Text),
    }
}

/// The type of a variable with this value.
pub(crate) fn of_variable(
    value: &Operand,
    mode: Mode,
    class: Option<Class>,
    variables: Variables<'_>,
) -> Type {
    if let Some(cast) = &value.cast {
        return Type::of_cast(cast);
    }
    let term = match &value.value {
        Value::Term(term) => term,
        arithmetic @ Value::Arithmetic { .. } => return inferred(arithmetic, class, variables),
    };
    let is_plain = term.segments.is_empty();
    match &term.root {
        Root::Call(call) if is_plain => json_call(call).unwrap_or(Type::Object),
        Root::Group(inner) if is_plain && inner.cast.is_none() => {
            of_variable(inner, mode, class, variables)
        }
        Root::Group(inner) if is_plain => match inner.cast.as_ref().map(Type::of_cast) {
            Some(number @ Type::Number(_)) => number,
            _ => Type::Object,
        },
        Root::Name(_) | Root::Parsed if let Some(kind) = of_chain(term, class, variables) => {
            kind.boxed()
        }
        Root::Parsed if mode == Mode::None => match term.segments.last().map(|it| &it.kind) {
            Some(SegmentKind::Field(name)) if name == "timestamp" => Type::Number(NumberType::Long),
            Some(SegmentKind::Field(name)) if name == "spanId" => Type::Number(NumberType::Integer),
            _ => Type::Text,
        },
        _ => Type::Object,
    }
}

/// The type of a variable or a message with all that follows it; `None` for other values.
pub(crate) fn of_chain(
    term: &Term,
    class: Option<Class>,
    variables: Variables<'_>,
) -> Option<Type> {
    let (start, taken) = start(term, class, variables)?;
    let links = term.segments[taken..].iter();
    Some(links.fold(start, |kind, link| {
        behind(kind, link).unwrap_or(Type::Unusable)
    }))
}

/// The type that the segments behind a variable or a message start with, and how many of them were
/// the first fields of the message.
pub(crate) fn start(
    term: &Term,
    class: Option<Class>,
    variables: Variables<'_>,
) -> Option<(Type, usize)> {
    match &term.root {
        Root::Name(name) => {
            if let Some(kind) = variables(name) {
                return Some((kind, 0));
            }
        }
        Root::Parsed => {}
        Root::Group(inner) => {
            return match (&inner.value, &inner.cast) {
                (Value::Term(inner), None) => Some((of_chain(inner, class, variables)?, 0)),
                _ => None,
            };
        }
        _ => return None,
    }
    message::leading(class?, &term.segments).ok()
}

/// What a segment makes of a value of this type; `None` if OAP cannot compile it.
pub(crate) fn behind(kind: Type, segment: &Segment) -> Option<Type> {
    let given = match (&segment.kind, kind) {
        (SegmentKind::Method(call), Type::Message(_) | Type::Enum)
            if segment.null_safe && is_printing(call) =>
        {
            Type::Text
        }
        (SegmentKind::Method(call), Type::Message(class)) => {
            let count = call.arguments.len();
            match message::getter(class, &call.name.text, count) {
                Some(found) => found.gives,
                None => methods::signature(kind, &call.name.text, count)?.gives,
            }
        }
        (SegmentKind::Field(name), Type::Message(class)) => message::field(class, name)?.gives,
        (SegmentKind::Method(call), Type::Object) if segment.null_safe => {
            is_printing(call).then_some(Type::Text)?
        }
        (SegmentKind::Method(call), _) => {
            methods::signature(kind, &call.name.text, call.arguments.len())?.gives
        }
        (SegmentKind::Field(name), _) => methods::getter(kind, name)?.gives,
        (SegmentKind::Index(_), Type::Texts) => Type::Text,
        (SegmentKind::Index(_), Type::JsonArray) => Type::JsonElement,
        (SegmentKind::Index(_), _) => return None,
    };
    Some(if segment.null_safe {
        given.boxed()
    } else {
        given
    })
}

/// OAP has helpers for these, which take any value behind `?.`.
fn is_printing(call: &Call) -> bool {
    matches!(&*call.name.text, "toString" | "trim") && call.arguments.is_empty()
}

pub(crate) fn is_text_call(call: &Call) -> bool {
    matches!(&*call.name.text, "tag" | "sourceAttribute")
}

/// What a function gives that makes JSON.
pub(crate) fn json_call(call: &Call) -> Option<Type> {
    match &*call.name.text {
        "toJson" => Some(Type::JsonObject),
        "toJsonArray" => Some(Type::JsonArray),
        _ => None,
    }
}

/// The value is a Java `boolean` that no box hides, so a condition sees what it is.
pub(crate) fn is_plain_boolean(
    value: &Operand,
    class: Option<Class>,
    variables: Variables<'_>,
) -> bool {
    let (Value::Term(term), None) = (&value.value, &value.cast) else {
        return false;
    };
    if let Some(kind) = of_chain(term, class, variables)
        && let Some(last) = term.segments.last()
    {
        let is_call = matches!(last.kind, SegmentKind::Method(_));
        return kind == Type::Boolean && is_call && !last.null_safe;
    }
    match (&term.root, term.segments.last()) {
        // OAP leaves out what follows them; where it does not, a boolean shows what it is.
        (Root::Call(_) | Root::ProcessRegistry, _) => false,
        (_, Some(last)) => match &last.kind {
            SegmentKind::Method(call) => {
                let name = &*call.name.text;
                let of_body = matches!(name, "hasText" | "hasJson" | "hasYaml");
                !last.null_safe && (of_body || methods::is_test(name))
            }
            _ => false,
        },
        (Root::Group(inner), None) => match &inner.cast {
            Some(cast) => *cast == Cast::Boolean,
            None => is_plain_boolean(inner, class, variables),
        },
        _ => false,
    }
}
