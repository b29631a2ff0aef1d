//! A plugin's configuration against the plugin's own schema.

use engine::config::{KeyPath, Segment};
use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::LocationSegment;
use serde_json::Value as Json;

/// Everything that is wrong, and where. A schema that is none is said at the top.
pub(super) fn check_config(schema: &Json, config: &Json) -> Vec<(KeyPath, String)> {
    let validator = match jsonschema::validator_for(schema) {
        Ok(validator) => validator,
        Err(error) => {
            let text = format!("the plugin's own schema is wrong: {error}");
            return vec![(KeyPath::default(), text)];
        }
    };
    let mut found = Vec::new();
    for error in validator.iter_errors(config) {
        let path = error.instance_path().iter().map(|segment| match segment {
            LocationSegment::Property(key) => Segment::Key(key.into_owned()),
            LocationSegment::Index(index) => Segment::Index(index),
        });
        let path: Vec<_> = path.collect();
        match error.kind() {
            // The key that should not be there says more than the mapping around it.
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                for key in unexpected {
                    let path = path.iter().cloned().chain([Segment::Key(key.clone())]);
                    let text = format!("the plugin has no setting `{key}`");
                    found.push((path.collect(), text));
                }
            }
            _ => found.push((path.into_iter().collect(), error.to_string())),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::check_config;

    fn found(schema: serde_json::Value, config: serde_json::Value) -> Vec<String> {
        let found = check_config(&schema, &config);
        found
            .iter()
            .map(|(path, text)| format!("{path}: {text}"))
            .collect()
    }

    #[test]
    fn finds_every_mistake_with_its_path() {
        let schema = json!({
            "type": "object",
            "properties": {"a": {"type": "array", "items": {"type": "integer"}}},
            "additionalProperties": false,
        });
        assert_eq!(found(schema.clone(), json!({"a": [1]})), [""; 0]);
        assert_eq!(
            found(schema, json!({"a": [1, "x"], "b": 1})),
            [
                "b: the plugin has no setting `b`",
                "a[1]: \"x\" is not of type \"integer\"",
            ]
        );
    }

    #[test]
    fn a_schema_that_is_none_is_told() {
        let found = found(json!({"type": 7}), json!({}));
        assert!(
            found[0].contains("the plugin's own schema is wrong"),
            "{found:?}"
        );
    }
}
