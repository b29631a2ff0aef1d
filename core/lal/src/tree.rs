//! Rules as a typed tree: what a rule says, with the place of everything that can be wrong later.
//!
//! Chains of operators are flat lists, so the depth of a tree is at most
//! [`DEPTH_MAX`] however long its text. Names are text still.

pub use crate::diagnostic::Span;

/// Deepest nesting of blocks, conditions, parentheses and arguments. It bounds every recursion over
/// a tree.
pub const DEPTH_MAX: usize = 64;

/// One entry of `rules:`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Unique in its layer, or among the automatic rules.
    pub name: Name,
    pub layer: Layer,
    /// A Java class, as written.
    pub input_type: Option<Name>,
    /// A short name or a Java class, as written.
    pub output_type: Option<Name>,
    /// What `parsed` means in the whole rule.
    pub mode: Mode,
    pub filter: Vec<Statement>,
}

/// Which logs a rule is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Logs without a layer.
    Auto,
    /// Logs of this layer.
    Named(Name),
}

/// What `parsed` reads, by the first parser of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Json,
    Yaml,
    /// Named groups of a regular expression.
    Text,
    /// No parser: the input itself, or the metadata of a log.
    None,
}

/// A name or a literal text, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub text: String,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    pub kind: StatementKind,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    /// `text {}`; without a pattern it does nothing.
    Text {
        /// The last `regexp`, which is the one that counts.
        pattern: Option<Name>,
        abort_on_failure: bool,
    },
    Json {
        abort_on_failure: bool,
    },
    Yaml {
        abort_on_failure: bool,
    },
    Abort,
    Def {
        name: Name,
        value: Operand,
    },
    Extractor(Vec<Statement>),
    Sink(Vec<Statement>),
    Set {
        field: Field,
        value: Operand,
    },
    Timestamp {
        value: Operand,
        /// Java's `SimpleDateFormat`.
        pattern: Option<Name>,
    },
    Tags(Vec<Pair>),
    Metrics(Box<Metrics>),
    /// A field of the output type.
    Output {
        field: Name,
        value: Operand,
    },
    Sampler(Vec<Statement>),
    Enforcer,
    Dropper,
    RateLimit {
        id: Vec<IdPart>,
        /// Logs a minute that are kept.
        rpm: u32,
    },
    If {
        /// `if` and each `else if`, at least one.
        branches: Vec<Branch>,
        otherwise: Option<Vec<Statement>>,
    },
}

/// What a log carries whatever its output type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Service,
    Instance,
    Endpoint,
    Layer,
    TraceId,
    SegmentId,
    SpanId,
}

impl Field {
    /// As it is written in a rule.
    pub fn name(self) -> &'static str {
        match self {
            Field::Service => "service",
            Field::Instance => "instance",
            Field::Endpoint => "endpoint",
            Field::Layer => "layer",
            Field::TraceId => "traceId",
            Field::SegmentId => "segmentId",
            Field::SpanId => "spanId",
        }
    }
}

/// `key: value` of a tag or a label.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    pub key: Name,
    pub value: Operand,
}

/// Of each entry the last one that was written, for that is the one that counts; labels add up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    pub name: Option<Operand>,
    pub timestamp: Option<Operand>,
    /// `None` without any `labels`, which is not the same as none of them having a value.
    pub labels: Option<Vec<Pair>>,
    pub value: Option<Operand>,
}

/// A part of a limit's id.
#[derive(Clone, Debug, PartialEq)]
pub enum IdPart {
    Text(String),
    /// `${..}`.
    Value(Value),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    pub condition: Condition,
    pub body: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// True if any is; at least two.
    Any(Vec<Condition>),
    /// True if all are; at least two.
    All(Vec<Condition>),
    Not(Box<Condition>),
    Compare {
        left: Operand,
        comparison: Comparison,
        right: Operand,
    },
    /// A value alone: true if there is text in it.
    Present(Operand),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
}

/// A value with its cast, where one is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Operand {
    pub value: Value,
    pub cast: Option<Cast>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cast {
    String,
    Long,
    Integer,
    Double,
    Float,
    Boolean,
    /// A Java class, its parts joined by dots.
    Class(String),
}

impl Cast {
    pub fn is_numeric(&self) -> bool {
        matches!(
            self,
            Cast::Long | Cast::Integer | Cast::Double | Cast::Float
        )
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Term(Term),
    /// Operators of one precedence, from the left.
    Arithmetic {
        first: Box<Value>,
        rest: Vec<(Operator, Value)>,
    },
}

impl Value {
    pub fn span(&self) -> Span {
        match self {
            Value::Term(term) => term.span,
            Value::Arithmetic { first, rest } => {
                let last = rest.last().map_or(first.span(), |(_, value)| value.span());
                first.span().to(last)
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    pub root: Root,
    pub segments: Vec<Segment>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Root {
    Parsed,
    Log,
    ProcessRegistry,
    /// Of a `def`, else short for `parsed`.
    Name(String),
    /// As it stands between its quotes: nothing is an escape.
    Text(String),
    Number(Number),
    Boolean(bool),
    Null,
    Call(Call),
    Group(Box<Operand>),
}

/// A number without a sign.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Integer(i32),
    Long(i64),
    Float(f32),
    Double(f64),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Behind `?.`.
    pub null_safe: bool,
    pub kind: SegmentKind,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SegmentKind {
    Field(String),
    Method(Call),
    Index(u32),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub name: Name,
    pub arguments: Vec<Operand>,
}
