//! What `config.schema.json` describes.

use skyferry_plugin_sdk::json;
use skyferry_plugin_sdk::otlp::KeyValue;

/// The same as in the schema, which a test holds.
const ATTRIBUTES: [&str; 7] = [
    "url.path",
    "url.full",
    "url.query",
    "http.route",
    "http.target",
    "http.url",
    "miniprogram.page.path",
];

#[derive(Debug, PartialEq)]
pub(crate) struct Config {
    attributes: Vec<String>,
    pub(crate) mask: String,
    drop_routes: Vec<String>,
    pub(crate) page: Option<String>,
    pub(crate) count: bool,
}

impl Config {
    /// Reads a JSON value that has passed the schema.
    pub(crate) fn read(text: &str) -> Result<Config, String> {
        let config = json::parse(text)?;
        let owned = |texts: &mut dyn Iterator<Item = &str>| texts.map(str::to_owned).collect();
        let attributes = match config.get("attributes") {
            Some(_) => owned(&mut config.texts("attributes")),
            None => owned(&mut ATTRIBUTES.into_iter()),
        };
        let mask = config.text("mask").unwrap_or("***");
        // Otherwise what is masked could be found and masked again by the next collector.
        if crate::phone::mask(mask, "").is_some() {
            return Err(format!(
                "`mask` is `{mask}`, which is a phone number itself"
            ));
        }
        Ok(Config {
            attributes,
            mask: mask.to_owned(),
            drop_routes: owned(&mut config.texts("drop_routes")),
            page: config.text("page").map(str::to_owned),
            count: config.flag("count").unwrap_or(false),
        })
    }

    /// Whether this attribute may hold phone numbers.
    pub(crate) fn names(&self, attribute: &KeyValue<'_>) -> bool {
        self.attributes.iter().any(|key| attribute.has_key(key))
    }

    pub(crate) fn drops(&self, route: &str) -> bool {
        self.drop_routes.iter().any(|dropped| dropped == route)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_tells_the_defaults_that_apply() {
        let schema = json::parse(include_str!("../config.schema.json")).unwrap();
        let default = |key: &str| {
            let property = schema.get("properties").unwrap().get(key).unwrap().clone();
            property.get("default").unwrap().clone()
        };
        let keys = default("attributes");
        let keys: Vec<_> = keys
            .elements()
            .iter()
            .filter_map(json::Json::as_str)
            .collect();
        assert_eq!(keys, ATTRIBUTES);
        let config = Config::read("{}").unwrap();
        assert_eq!(default("mask").as_str(), Some(&*config.mask));
        assert_eq!(default("count"), json::Json::Bool(config.count));
        assert!(default("drop_routes").elements().is_empty() && config.drop_routes.is_empty());
    }

    #[test]
    fn a_mask_that_is_a_phone_number_is_refused() {
        let error = Config::read(r#"{"mask": "13912345678"}"#).unwrap_err();
        assert_eq!(
            error,
            "`mask` is `13912345678`, which is a phone number itself"
        );
    }
}
