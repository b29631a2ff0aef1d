//! One JSON Schema for a whole configuration file, for editors.
//!
//! The program itself checks each component by that component's schema; this puts them together.
//! Two things are allowed everywhere that the check deals with before: references (`${..}`) in
//! place of any value, and empty values in place of mappings.

use serde_json::{Map, Value as Json, json};

use super::catalog::{Catalog, Kind, schema_of};
use super::document::ServiceConfig;

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Nesting of a component's schema that is looked into.
const MAX_DEPTH: usize = 64;

/// The schema of a configuration made of the catalog's components.
pub fn editor_schema(catalog: &dyn Catalog) -> Json {
    let mut definitions = Map::new();
    definitions.insert(
        "reference".to_owned(),
        json!({ "type": "string", "pattern": r"\$\{.+\}", "description": "a reference" }),
    );
    let mut properties = Map::new();
    for kind in Kind::ALL {
        let mut by_id = Map::new();
        for type_name in catalog.names(kind) {
            let Some(info) = catalog.component(kind, type_name) else {
                continue;
            };
            let name = format!("{}.{type_name}", kind.section());
            add_definition(&mut definitions, &name, info.schema);
            let names = [&[type_name], info.aliases].concat().join("|");
            by_id.insert(format!("^({names})(/.+)?$"), component(&name));
        }
        let section = json!({
            "type": ["object", "null"],
            "patternProperties": by_id,
            "additionalProperties": false,
        });
        properties.insert(kind.section().to_owned(), section);
    }
    add_definition(&mut definitions, "service", &schema_of::<ServiceConfig>());
    limit_pipelines(&mut definitions, catalog.signals());
    properties.insert("service".to_owned(), json!({ "$ref": "#/$defs/service" }));
    json!({
        "$schema": DRAFT,
        "title": "Skyferry configuration",
        "type": "object",
        "properties": properties,
        "required": ["service"],
        "additionalProperties": false,
        "$defs": definitions,
    })
}

fn component(definition: &str) -> Json {
    json!({ "anyOf": [
        { "$ref": format!("#/$defs/{definition}") },
        { "type": "null" },
        { "$ref": "#/$defs/reference" },
    ] })
}

/// Adds a component's schema, and those it refers to under names of its own.
fn add_definition(definitions: &mut Map<String, Json>, name: &str, schema: &Json) {
    let mut schema = schema.clone();
    let inner = match &mut schema {
        Json::Object(keywords) => {
            keywords.remove("$schema");
            keywords.remove("$defs")
        }
        _ => None,
    };
    if let Some(Json::Object(inner)) = inner {
        for (inner_name, mut schema) in inner {
            adapt(&mut schema, name, MAX_DEPTH);
            definitions.insert(format!("{name}.{inner_name}"), schema);
        }
    }
    adapt(&mut schema, name, MAX_DEPTH);
    definitions.insert(name.to_owned(), schema);
}

/// Points `$ref`s to the new names and lets references stand for values.
fn adapt(schema: &mut Json, name: &str, depth: usize) {
    let Json::Object(keywords) = schema else {
        return;
    };
    if depth == 0 {
        return;
    }
    if let Some(Json::String(target)) = keywords.get_mut("$ref") {
        *target = match target.strip_prefix("#/$defs/") {
            Some(inner) => format!("#/$defs/{name}.{inner}"),
            None => format!("#/$defs/{name}"),
        };
    }
    if keywords.get("type").and_then(Json::as_str) == Some("object") {
        keywords.insert("type".to_owned(), json!(["object", "null"]));
    }
    for key in ["allOf", "anyOf", "oneOf", "prefixItems"] {
        if let Some(Json::Array(parts)) = keywords.get_mut(key) {
            parts
                .iter_mut()
                .for_each(|part| adapt(part, name, depth - 1));
        }
    }
    for key in ["properties", "patternProperties"] {
        if let Some(Json::Object(parts)) = keywords.get_mut(key) {
            parts
                .values_mut()
                .for_each(|part| adapt_value(part, name, depth - 1));
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(part) = keywords.get_mut(key) {
            adapt_value(part, name, depth - 1);
        }
    }
}

/// Adapts the schema of a value that may be a reference. What editors show of the key stays
/// outside.
fn adapt_value(schema: &mut Json, name: &str, depth: usize) {
    if !schema.is_object() {
        return;
    }
    adapt(schema, name, depth);
    let mut outside = Map::new();
    if let Json::Object(keywords) = schema {
        for key in ["description", "default", "deprecated"] {
            if let Some(value) = keywords.shift_remove(key) {
                outside.insert(key.to_owned(), value);
            }
        }
    }
    let alternatives = json!([schema.take(), { "$ref": "#/$defs/reference" }]);
    outside.insert("anyOf".to_owned(), alternatives);
    *schema = Json::Object(outside);
}

/// The ids of pipelines start with a signal.
fn limit_pipelines(definitions: &mut Map<String, Json>, signals: &[&str]) {
    let pipelines = definitions
        .get_mut("service")
        .and_then(|service| service.pointer_mut("/properties/pipelines/anyOf/0"));
    if let Some(Json::Object(keywords)) = pipelines
        && let Some(body) = keywords.shift_remove("additionalProperties")
    {
        let pattern = format!("^({})(/.+)?$", signals.join("|"));
        keywords.insert("patternProperties".to_owned(), json!({ pattern: body }));
        keywords.insert("additionalProperties".to_owned(), Json::Bool(false));
    }
}
