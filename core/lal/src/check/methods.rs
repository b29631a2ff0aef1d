//! Methods of `java.lang.String` and of Gson that a rule may call.

use super::types::{NumberType, Type};

/// What a method does; the same name does the same whatever it is called on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    // Of any value.
    ToString,
    Equals,
    HashCode,
    // Of a text.
    StartsWith,
    EndsWith,
    Contains,
    EqualsIgnoreCase,
    IsBlank,
    Length,
    IndexOf,
    LastIndexOf,
    Substring,
    Replace,
    ReplaceAll,
    ReplaceFirst,
    Matches,
    Split,
    ToUpperCase,
    ToLowerCase,
    Trim,
    Strip,
    Concat,
    CompareTo,
    CompareToIgnoreCase,
    CharAt,
    Repeat,
    StripLeading,
    StripTrailing,
    // Of a text and of JSON.
    IsEmpty,
    // Of JSON.
    Get,
    Has,
    Size,
    AsObject,
    AsArray,
    AsPrimitive,
    AsText,
    AsInteger,
    AsLong,
    AsFloat,
    AsDouble,
    AsBoolean,
    IsNull,
    IsObject,
    IsArray,
    IsPrimitive,
}

/// What a method takes at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parameter {
    Text,
    Integer,
    /// A text or a character's code.
    TextOrInteger,
    /// A regular expression, which is compiled at load and so has to be quoted.
    Pattern,
    Any,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Signature {
    name: &'static str,
    pub(crate) method: Method,
    pub(crate) takes: &'static [Parameter],
    pub(crate) gives: Type,
}

const fn signature_of(
    name: &'static str,
    method: Method,
    takes: &'static [Parameter],
    gives: Type,
) -> Signature {
    Signature {
        name,
        method,
        takes,
        gives,
    }
}

const INT: Type = Type::Primitive(NumberType::Integer);

const OF_ANY: [Signature; 3] = [
    signature_of("toString", Method::ToString, &[], Type::Text),
    signature_of("equals", Method::Equals, &[Parameter::Any], Type::Boolean),
    signature_of("hashCode", Method::HashCode, &[], INT),
];

const OF_ENUM: [Signature; 1] = [signature_of("name", Method::ToString, &[], Type::Text)];

const OF_TEXT: [Signature; 35] = {
    use Parameter::{Integer, Pattern, Text, TextOrInteger};
    use Type::{Boolean, Character, Text as Given, Texts};
    [
        signature_of("startsWith", Method::StartsWith, &[Text], Boolean),
        signature_of("startsWith", Method::StartsWith, &[Text, Integer], Boolean),
        signature_of("endsWith", Method::EndsWith, &[Text], Boolean),
        signature_of("contains", Method::Contains, &[Text], Boolean),
        signature_of("contentEquals", Method::Equals, &[Text], Boolean),
        signature_of(
            "equalsIgnoreCase",
            Method::EqualsIgnoreCase,
            &[Text],
            Boolean,
        ),
        signature_of("isEmpty", Method::IsEmpty, &[], Boolean),
        signature_of("isBlank", Method::IsBlank, &[], Boolean),
        signature_of("matches", Method::Matches, &[Pattern], Boolean),
        signature_of("length", Method::Length, &[], INT),
        signature_of("indexOf", Method::IndexOf, &[TextOrInteger], INT),
        signature_of("indexOf", Method::IndexOf, &[TextOrInteger, Integer], INT),
        signature_of("lastIndexOf", Method::LastIndexOf, &[TextOrInteger], INT),
        signature_of("compareTo", Method::CompareTo, &[Text], INT),
        signature_of(
            "compareToIgnoreCase",
            Method::CompareToIgnoreCase,
            &[Text],
            INT,
        ),
        signature_of("charAt", Method::CharAt, &[Integer], Character),
        signature_of("substring", Method::Substring, &[Integer], Given),
        signature_of("substring", Method::Substring, &[Integer, Integer], Given),
        signature_of("replace", Method::Replace, &[Text, Text], Given),
        signature_of("replaceAll", Method::ReplaceAll, &[Pattern, Text], Given),
        signature_of(
            "replaceFirst",
            Method::ReplaceFirst,
            &[Pattern, Text],
            Given,
        ),
        signature_of("split", Method::Split, &[Pattern], Texts),
        signature_of("split", Method::Split, &[Pattern, Integer], Texts),
        signature_of("toUpperCase", Method::ToUpperCase, &[], Given),
        signature_of("toLowerCase", Method::ToLowerCase, &[], Given),
        signature_of("trim", Method::Trim, &[], Given),
        signature_of("strip", Method::Strip, &[], Given),
        signature_of("stripLeading", Method::StripLeading, &[], Given),
        signature_of("stripTrailing", Method::StripTrailing, &[], Given),
        signature_of("concat", Method::Concat, &[Text], Given),
        signature_of("repeat", Method::Repeat, &[Integer], Given),
        signature_of("intern", Method::ToString, &[], Given),
        signature_of("toString", Method::ToString, &[], Given),
        signature_of("equals", Method::Equals, &[Parameter::Any], Boolean),
        signature_of("hashCode", Method::HashCode, &[], INT),
    ]
};

const OF_JSON: [Signature; 14] = {
    use NumberType::{Double, Float, Long};
    use Type::{Boolean, Primitive};
    [
        signature_of("getAsString", Method::AsText, &[], Type::Text),
        signature_of("getAsInt", Method::AsInteger, &[], INT),
        signature_of("getAsLong", Method::AsLong, &[], Primitive(Long)),
        signature_of("getAsFloat", Method::AsFloat, &[], Primitive(Float)),
        signature_of("getAsDouble", Method::AsDouble, &[], Primitive(Double)),
        signature_of("getAsBoolean", Method::AsBoolean, &[], Boolean),
        signature_of("getAsJsonObject", Method::AsObject, &[], Type::JsonObject),
        signature_of("getAsJsonArray", Method::AsArray, &[], Type::JsonArray),
        signature_of("isJsonNull", Method::IsNull, &[], Boolean),
        signature_of("isJsonObject", Method::IsObject, &[], Boolean),
        signature_of("isJsonArray", Method::IsArray, &[], Boolean),
        signature_of("isJsonPrimitive", Method::IsPrimitive, &[], Boolean),
        signature_of(
            "getAsJsonPrimitive",
            Method::AsPrimitive,
            &[],
            Type::JsonElement,
        ),
        signature_of("toString", Method::ToString, &[], Type::Text),
    ]
};

const OF_JSON_OBJECT: [Signature; 7] = {
    use Parameter::Text;
    use Type::{JsonArray, JsonElement, JsonObject};
    [
        signature_of("get", Method::Get, &[Text], JsonElement),
        signature_of("has", Method::Has, &[Text], Type::Boolean),
        signature_of("getAsJsonObject", Method::AsObject, &[Text], JsonObject),
        signature_of("getAsJsonArray", Method::AsArray, &[Text], JsonArray),
        signature_of(
            "getAsJsonPrimitive",
            Method::AsPrimitive,
            &[Text],
            JsonElement,
        ),
        signature_of("size", Method::Size, &[], INT),
        signature_of("isEmpty", Method::IsEmpty, &[], Type::Boolean),
    ]
};

const OF_JSON_ARRAY: [Signature; 3] = [
    signature_of("get", Method::Get, &[Parameter::Integer], Type::JsonElement),
    signature_of("size", Method::Size, &[], INT),
    signature_of("isEmpty", Method::IsEmpty, &[], Type::Boolean),
];

/// The tables for values of this type, the closest first.
fn tables(kind: Type) -> [&'static [Signature]; 3] {
    match kind {
        Type::Text => [&OF_TEXT, &[], &[]],
        Type::JsonObject => [&OF_JSON_OBJECT, &OF_JSON, &OF_ANY],
        Type::JsonArray => [&OF_JSON_ARRAY, &OF_JSON, &OF_ANY],
        Type::JsonElement => [&OF_JSON, &OF_ANY, &[]],
        Type::Enum => [&OF_ENUM, &OF_ANY, &[]],
        Type::Number(_) | Type::Boolean | Type::Object | Type::Message(_) => [&OF_ANY, &[], &[]],
        Type::Primitive(_) | Type::Character | Type::Texts | Type::Unusable => [&[], &[], &[]],
    }
}

fn rows(kind: Type) -> impl Iterator<Item = &'static Signature> {
    tables(kind).into_iter().flatten()
}

/// The method of this name that takes `count` arguments.
pub(crate) fn signature(kind: Type, name: &str, count: usize) -> Option<&'static Signature> {
    rows(kind).find(|it| it.name == name && it.takes.len() == count)
}

/// What a field of a variable means: `getName()`, or else `name()`.
pub(crate) fn getter(kind: Type, field: &str) -> Option<&'static Signature> {
    let plain = |it: &&Signature| it.takes.is_empty();
    let is_getter = |it: &&Signature| {
        let rest = it.name.strip_prefix("get").unwrap_or_default();
        let mut rest = rest.chars();
        let mut field = field.chars();
        let first = field.next().map(|first| first.to_ascii_uppercase());
        first.is_some() && rest.next() == first && rest.eq(field)
    };
    let mut getters = rows(kind).filter(plain).filter(is_getter);
    getters.next().or_else(|| signature(kind, field, 0))
}

/// Names of the methods of this type, each once.
pub(crate) fn names(kind: Type) -> Vec<&'static str> {
    let mut names: Vec<_> = rows(kind).map(|it| it.name).collect();
    names.dedup();
    names
}

/// A method of any type with this name gives a `boolean`.
pub(crate) fn is_test(name: &str) -> bool {
    let all = [&OF_ANY[..], &OF_TEXT, &OF_JSON, &OF_JSON_OBJECT];
    let mut all = all.into_iter().flatten();
    all.any(|it| it.name == name && it.gives == Type::Boolean)
}

/// What a method of this name does, whatever it is called on.
pub(crate) fn by_name(name: &str) -> Option<Method> {
    let all = [&OF_ANY[..], &OF_ENUM, &OF_TEXT, &OF_JSON, &OF_JSON_OBJECT];
    let mut all = all.into_iter().flatten();
    all.find(|it| it.name == name).map(|it| it.method)
}
