//! What rules read: a log as OAP has it.

use std::borrow::Cow;

/// A log record in the shape of SkyWalking's `LogData`, wherever it comes from.
///
/// A record of OTLP is what OAP's receiver makes of it: its tags are its own attributes, its source
/// attributes are those of its resource, and its scope is not seen.
pub trait Log {
    /// What tells logs apart, and which rules are for this one.
    fn metadata(&self) -> Metadata<'_>;

    fn body(&self) -> Body<'_>;

    /// The first tag with this key.
    fn tag(&self, key: &str) -> Option<Cow<'_, str>>;

    /// An attribute of what sent the log; a `LogData` has none.
    fn source_attribute(&self, key: &str) -> Option<Cow<'_, str>>;

    /// The message that there is instead of a body and tags, which nobody asks for then.
    fn message(&self) -> Option<Message<'_>> {
        None
    }
}

/// An input that is no log: a message of protobuf, which rules with an `inputType` read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The name of its Java class, with the package.
    pub class: &'a str,
    /// As on the wire. A rule that reads bytes which are no such message fails.
    pub bytes: &'a [u8],
}

/// Empty text and 0 stand for what is missing, as in the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metadata<'a> {
    pub service: &'a str,
    pub instance: &'a str,
    pub endpoint: &'a str,
    /// Empty for a log that automatic rules are to file.
    pub layer: &'a str,
    /// Since the epoch.
    pub timestamp_ms: i64,
    pub trace: TraceContext<'a>,
}

/// Where in a trace a log was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceContext<'a> {
    pub trace_id: &'a str,
    pub segment_id: &'a str,
    pub span_id: i32,
}

/// The content of a log, and what its sender says that it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Body<'a> {
    #[default]
    None,
    Text(Cow<'a, str>),
    Json(Cow<'a, str>),
    Yaml(Cow<'a, str>),
}
