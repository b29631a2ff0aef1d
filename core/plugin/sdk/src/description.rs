//! What a plugin says about itself.

/// See [`crate::abi::Plugin::describe`] for the meaning of each.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    pub name: &'static str,
    pub version: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// What it processes.
    pub signals: &'static [Signal],
    /// What it emits beside those.
    pub emits: &'static [Signal],
    pub segments: Segments,
    /// Whether [`crate::Processor::process`] may run on several threads at once. Without it batches come
    /// one after the other.
    pub parallel: bool,
    /// Whether the library stays mapped to the end of the process: for one that starts threads it does not
    /// end with its instances.
    pub resident: bool,
    /// A JSON Schema of the configuration, as text; empty: anything.
    pub schema: &'static str,
}

impl Description {
    /// One that processes nothing yet; for `..Description::new("redact", env!("CARGO_PKG_VERSION"))`.
    pub const fn new(name: &'static str, version: &'static str) -> Self {
        Description {
            name,
            version,
            summary: "",
            signals: &[],
            emits: &[],
            segments: Segments::Otlp,
            parallel: false,
            resident: false,
            schema: "",
        }
    }
}

/// The signals a plugin can have to do with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Traces,
    Metrics,
    Logs,
}

/// How segments of SkyWalking agents are shown to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Segments {
    /// As the `ResourceSpans` they would leave as towards an OTLP backend.
    #[default]
    Otlp,
    /// As `SegmentObject`, which [`crate::Kind::Segment`] names.
    Native,
}
