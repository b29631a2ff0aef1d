//! What a listener is.

use std::borrow::Cow;

use pdata::edit::Pair;
use pdata::view::{Attribute, AttributeValue, RecordView, Scope};
use pdata::{Origin, OtlpChunk};

/// Sees spans of OTLP as they arrive, before anything is converted or stored.
///
/// All listeners that ask for a span's scope see it as it came, whatever the others say about it:
/// tags and metrics of all are taken, one veto is enough, and the first layer that is asked for in a
/// resource is the one it gets. Called by many tasks at once.
pub trait SpanListener: Send + Sync {
    /// Its key in the configuration, and the label `listener` of the program's own metrics.
    fn name(&self) -> &str;

    /// Names of the instrumentation scopes whose spans it wants to see; asked for once. Spans of
    /// other scopes are never looked into.
    fn scopes(&self) -> Vec<String>;

    /// Judges one span. It must not block, and must do with any content: spans come from outside.
    fn look<'a>(&'a self, span: &SpanView<'a>) -> Verdict<'a>;
}

/// A span with what stands above it. Nothing is decoded but what is asked for, and nothing is kept:
/// whoever wants many attributes iterates over them once.
#[derive(Clone, Copy, Debug)]
pub struct SpanView<'a> {
    pub(super) chunk: &'a OtlpChunk,
    pub(super) scope: ScopeView<'a>,
    pub(super) record: RecordView<'a>,
    pub(super) origin: &'a Origin,
}

/// A scope's name and version, found once for all its spans.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScopeView<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'a str,
}

impl<'a> ScopeView<'a> {
    pub(super) fn of(scope: Scope<'a>) -> Self {
        ScopeView {
            name: scope.name(),
            version: scope.version(),
        }
    }
}

impl<'a> SpanView<'a> {
    /// The first resource attribute with this key.
    pub fn resource_attribute(&self, key: &str) -> Option<AttributeValue<'a>> {
        self.chunk.resource_attribute(key)
    }

    /// A resource attribute that is a text and not empty.
    pub fn resource_text(&self, key: &str) -> Option<&'a str> {
        let value = self.resource_attribute(key)?;
        value.as_str().filter(|text| !text.is_empty())
    }

    /// Whether the span is of a platform that OAP takes for its layer of iOS apps.
    pub fn is_of_ios(&self) -> bool {
        matches!(self.resource_text("os.name"), Some("iOS" | "iPadOS"))
    }

    pub fn scope_name(&self) -> &'a str {
        self.scope.name
    }

    pub fn scope_version(&self) -> &'a str {
        self.scope.version
    }

    pub fn name(&self) -> &'a str {
        self.record.name()
    }

    /// OTLP's `SpanKind`.
    pub fn kind(&self) -> i32 {
        self.record.kind()
    }

    /// In nanoseconds since the Unix epoch; 0 if the span does not say.
    pub fn start_unix_nano(&self) -> u64 {
        self.record.start_unix_nano()
    }

    /// In nanoseconds since the Unix epoch; 0 if the span does not say.
    pub fn end_unix_nano(&self) -> u64 {
        self.record.end_unix_nano()
    }

    /// The span's own attributes in order.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> {
        self.record.attributes()
    }

    /// The request that brought the span.
    pub fn origin(&self) -> &'a Origin {
        self.origin
    }

    /// When the span was. What has no end ended when it arrived; what has no beginning, or begins
    /// after its end, is a moment.
    pub fn window(&self) -> Window {
        let end = match self.end_unix_nano() {
            0 => self.origin.arrived_unix_nano,
            end => end,
        };
        let start = match self.start_unix_nano() {
            0 => end,
            start => start.min(end),
        };
        Window { start, end }
    }
}

/// What a listener has to say about a span. The default says nothing.
#[derive(Clone, Debug, Default)]
pub struct Verdict<'a> {
    /// The span is not to go on. Others of the same request do.
    pub veto: bool,
    /// Attributes that the span is to have, in place of those with the same key.
    pub tags: Vec<Pair>,
    /// SkyWalking's layer for the resource, as `service.layer`.
    pub layer: Option<&'a str>,
    pub measured: Option<Measured<'a>>,
}

/// Numbers that a listener found in one span.
#[derive(Clone, Debug)]
pub struct Measured<'a> {
    /// What the numbers are about: the whole time of a delta.
    pub window: Window,
    /// Attributes of the points, apart from the metrics' own labels. Their number of different
    /// values is the listener's to bound.
    pub attributes: Vec<(&'a str, Cow<'a, str>)>,
    /// Finite numbers.
    pub values: Vec<(Metric<'a>, f64)>,
}

/// A span of time in nanoseconds since the Unix epoch; `start` is not after `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub start: u64,
    pub end: u64,
}

/// A metric that numbers of spans are points of. One name always goes with one unit and kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric<'a> {
    pub name: &'a str,
    /// In UCUM, as OTLP has it.
    pub unit: &'a str,
    /// Attributes that tell this series from others of the same name.
    pub labels: &'a [(&'a str, &'a str)],
    pub kind: Kind<'a>,
}

/// What a metric's points are, and so how several become one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind<'a> {
    /// A delta: numbers are added.
    Sum,
    /// The latest number counts; over many devices, the mean.
    Gauge,
    /// The largest number counts; as a gauge.
    Maximum,
    /// A delta of counts by size: `bounds` ascend, and buckets are added.
    Histogram {
        bounds: &'a [f64],
        /// What is above the last bound counts as being below it, so that the bucket without a
        /// bound stays empty.
        is_capped: bool,
    },
}
