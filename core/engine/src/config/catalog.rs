//! What the configuration has to know about the components: types, schemas, signals.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::foreign::ForeignKey;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Receiver,
    Processor,
    Exporter,
    Extension,
}

impl Kind {
    pub const ALL: [Kind; 4] = [
        Kind::Receiver,
        Kind::Processor,
        Kind::Exporter,
        Kind::Extension,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Kind::Receiver => "receiver",
            Kind::Processor => "processor",
            Kind::Exporter => "exporter",
            Kind::Extension => "extension",
        }
    }

    /// The name behind `a` or `an`.
    pub(crate) fn with_article(self) -> String {
        let article = match self {
            Kind::Receiver | Kind::Processor => "a",
            Kind::Exporter | Kind::Extension => "an",
        };
        format!("{article} {self}")
    }

    /// The key of the configuration that lists components of this kind.
    pub const fn section(self) -> &'static str {
        match self {
            Kind::Receiver => "receivers",
            Kind::Processor => "processors",
            Kind::Exporter => "exporters",
            Kind::Extension => "extensions",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One type of component.
#[derive(Clone, Copy, Debug)]
pub struct ComponentInfo<'a> {
    /// The type's name today, also when it was asked for by an older one.
    pub type_name: &'a str,
    /// Older names that mean the same.
    pub aliases: &'a [&'a str],
    /// The JSON Schema (draft 2020-12) of its configuration, from [`schema_of`].
    pub schema: &'a serde_json::Value,
    /// Keys of the collector that it takes out of its configuration before the schema is applied.
    pub foreign_keys: &'a [ForeignKey],
    /// The signals it can be used for in a pipeline; empty for extensions.
    pub signals: &'a [&'a str],
}

/// The components this program has.
pub trait Catalog {
    /// The component with this type name, older names included.
    fn component(&self, kind: Kind, type_name: &str) -> Option<ComponentInfo<'_>>;

    /// The current type names of a kind.
    fn names(&self, kind: Kind) -> Vec<&str>;

    /// What a pipeline's id may start with.
    fn signals(&self) -> &[&str];
}

/// The JSON Schema of a configuration type in the form [`ComponentInfo::schema`] takes.
pub fn schema_of<T: JsonSchema>() -> serde_json::Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12();
    settings.into_generator().into_root_schema_for::<T>().into()
}
