//! `opentelemetry.proto.common.v1` and `resource.v1`.

use super::{Field, Kind, Message, Pass, many, one, oneof};

pub static KEY_VALUE: Message = Message::new(
    "KeyValue",
    &[
        one(1, "key", "key", Kind::String),
        one(2, "value", "value", Kind::Message(&ANY_VALUE)),
        one(3, "key_strindex", "keyStrindex", Kind::Int32),
    ],
);

pub static ANY_VALUE: Message = Message::new(
    "AnyValue",
    &[
        oneof(1, "string_value", "stringValue", Kind::String),
        oneof(2, "bool_value", "boolValue", Kind::Bool),
        oneof(3, "int_value", "intValue", Kind::Int64),
        oneof(4, "double_value", "doubleValue", Kind::Double),
        oneof(5, "array_value", "arrayValue", Kind::Message(&ARRAY_VALUE)),
        oneof(
            6,
            "kvlist_value",
            "kvlistValue",
            Kind::Message(&KEY_VALUE_LIST),
        ),
        oneof(7, "bytes_value", "bytesValue", Kind::Bytes),
        oneof(
            8,
            "string_value_strindex",
            "stringValueStrindex",
            Kind::Int32,
        ),
    ],
);

pub static ARRAY_VALUE: Message = Message::new(
    "ArrayValue",
    &[many(1, "values", "values", Kind::Message(&ANY_VALUE))],
);

pub static KEY_VALUE_LIST: Message =
    Message::new("KeyValueList", &[key_values(1, "values", "values")]);

pub static SCOPE: Message = Message::new(
    "InstrumentationScope",
    &[
        one(1, "name", "name", Kind::String),
        one(2, "version", "version", Kind::String),
        attributes(3),
        dropped_attributes_count(4),
    ],
);

static ENTITY_REF: Message = Message::new(
    "EntityRef",
    &[
        one(1, "schema_url", "schemaUrl", Kind::String),
        one(2, "type", "type", Kind::String),
        many(3, "id_keys", "idKeys", Kind::String),
        many(4, "description_keys", "descriptionKeys", Kind::String),
    ],
);

pub static RESOURCE: Message = Message::new(
    "Resource",
    &[
        attributes(1),
        dropped_attributes_count(2),
        many(3, "entity_refs", "entityRefs", Kind::Message(&ENTITY_REF)),
    ],
);

pub(super) const fn key_values(number: u32, name: &'static str, json: &'static str) -> Field {
    Field {
        pass: Pass::Attribute,
        ..many(number, name, json, Kind::Message(&KEY_VALUE))
    }
}

pub(super) const fn attributes(number: u32) -> Field {
    key_values(number, "attributes", "attributes")
}

pub(super) const fn dropped_attributes_count(number: u32) -> Field {
    one(
        number,
        "dropped_attributes_count",
        "droppedAttributesCount",
        Kind::Uint32,
    )
}

pub(super) const fn resource() -> Field {
    one(1, "resource", "resource", Kind::Message(&RESOURCE))
}

pub(super) const fn scope() -> Field {
    one(1, "scope", "scope", Kind::Message(&SCOPE))
}

pub(super) const fn schema_url() -> Field {
    one(3, "schema_url", "schemaUrl", Kind::String)
}
