//! What a plugin says about itself.

mod read;

use serde::{Deserialize, Serialize};

pub use self::read::DESCRIPTION_BYTES_MAX;

/// What the `describe` of a plugin returns. Keys that this host does not know are ignored.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Description {
    pub name: String,
    pub version: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// What it processes.
    pub signals: Vec<Signal>,
    /// What it emits beside those.
    #[serde(default)]
    pub emits: Vec<Signal>,
    #[serde(default)]
    pub segments: Segments,
    /// Whether calls of one instance may overlap.
    #[serde(default)]
    pub parallel: bool,
    /// Whether its library cannot be unloaded, as those of Go cannot: it stays mapped to the end.
    #[serde(default)]
    pub resident: bool,
    /// A JSON Schema of its configuration; without it everything passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<serde_json::Value>,
}

/// The signals a plugin can have to do with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Signal {
    Traces,
    Metrics,
    Logs,
}

/// How segments of SkyWalking agents are shown to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Segments {
    /// As the `ResourceSpans` they would leave as towards an OTLP backend.
    #[default]
    Otlp,
    /// As `SegmentObject`.
    Native,
}
