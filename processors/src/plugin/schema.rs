//! A plugin's part of the configuration against the plugin's own schema.

use engine::config::{KeyPath, Segment};
use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::LocationSegment;

/// Why a plugin's schema cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the schema that it gives for its configuration is no JSON Schema: {0}")]
pub struct SchemaError(String);

/// At most so many mistakes are told of one configuration.
const MISTAKES_MAX: usize = 20;

/// What is wrong with `config`, each with its place from the outermost key of `config`; empty if it is
/// right. Nothing that a schema refers to outside of itself is looked up.
pub fn check_config(
    schema: &serde_json::Value,
    config: &serde_json::Value,
) -> Result<Vec<(KeyPath, String)>, SchemaError> {
    let validator = jsonschema::validator_for(schema);
    let validator = validator.map_err(|error| SchemaError(error.to_string()))?;
    let mistakes = validator.iter_errors(config).flat_map(|it| placed(&it));
    let mut placed: Vec<_> = mistakes.take(MISTAKES_MAX).collect();
    placed.sort_by_cached_key(|(path, _)| path.to_string());
    Ok(placed)
}

/// A mistake at its place; keys that are not known each at their own.
fn placed(mistake: &ValidationError<'_>) -> Vec<(KeyPath, String)> {
    let segments = mistake.instance_path().iter().map(|segment| match segment {
        LocationSegment::Property(name) => Segment::Key(name.into_owned()),
        LocationSegment::Index(index) => Segment::Index(index),
    });
    if let ValidationErrorKind::AdditionalProperties { unexpected } = mistake.kind() {
        let at = |key: &String| {
            segments
                .clone()
                .chain([Segment::Key(key.clone())])
                .collect()
        };
        let told = unexpected.iter().map(|key| {
            let text = format!("`{key}` is no key that the plugin knows");
            (at(key), text)
        });
        return told.collect();
    }
    vec![(segments.collect(), mistake.to_string())]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_mistake_has_its_place() {
        let schema = json!({
            "type": "object",
            "properties": {"keys": {"type": "array", "items": {"type": "string"}}},
            "required": ["mode"],
            "additionalProperties": false,
        });
        let config = json!({"keys": ["a", 1], "colour": "red"});
        let found = check_config(&schema, &config).expect("it is a schema");
        let found: Vec<_> = found
            .iter()
            .map(|(path, text)| (path.to_string(), text.as_str()))
            .collect();
        let expected = [
            (String::new(), "\"mode\" is a required property"),
            (
                "colour".to_owned(),
                "`colour` is no key that the plugin knows",
            ),
            ("keys[1]".to_owned(), "1 is not of type \"string\""),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_schema_that_is_none_is_told_of() {
        let wrong = check_config(&json!({"type": "text"}), &json!({})).expect_err("no such type");
        assert!(wrong.to_string().contains("is no JSON Schema"), "{wrong}");
    }

    #[test]
    fn nothing_outside_of_the_schema_is_looked_up() {
        let schema = json!({"$ref": "other.json"});
        assert!(check_config(&schema, &json!({})).is_err());
    }
}
