//! What rules become: trees without names, every key a slot, every constant and pattern prepared.

use prost_reflect::FieldDescriptor;
use regex::Regex;

use super::gate::Gate;
use crate::check::inputs::Accepts;
use crate::check::methods::Method;
use crate::check::outputs::{OutputType, TextSlot};
use crate::check::types::NumberType;
use crate::check::values::BodyGetter;
use crate::java::date;
use crate::message::{Reading, Received};
use crate::tree::{Comparison, Operator, Span};

/// One rule.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: Box<str>,
    pub(crate) accepts: Accepts,
    /// The message that is the input becomes the body of a record.
    pub(crate) keeps_entry: bool,
    pub(crate) output: OutputType,
    /// Variables of the rule; those of different blocks may share one.
    pub(crate) variables: usize,
    pub(crate) filter: Box<[Step]>,
    pub(crate) gate: Option<Gate>,
}

impl Program {
    /// The rule meets this input; a log if there is no message.
    pub(crate) fn accepts(&self, received: Option<&Received<'_>>) -> bool {
        match (self.accepts, received) {
            (Accepts::Anything, _) | (Accepts::Logs, None) => true,
            (Accepts::Messages(class), Some(received)) => received.class == Some(class),
            (Accepts::Logs, Some(_)) | (Accepts::Messages(_), None) | (Accepts::Nothing, _) => {
                false
            }
        }
    }
}

/// A statement, with its place for those who listen.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) span: Span,
    pub(crate) action: Action,
}

#[derive(Debug)]
pub(crate) enum Action {
    Json {
        abort_on_failure: bool,
    },
    Yaml {
        abort_on_failure: bool,
    },
    Match(Box<Match>),
    Abort,
    Define {
        variable: usize,
        value: Expression,
    },
    Extractor(Box<[Step]>),
    Sink(Box<[Step]>),
    SetText(TextSlot, Expression),
    SetSpanId(Expression),
    SetLayer(Expression),
    SetTimestamp(Expression),
    SetDate(Box<Date>),
    SetLatency(Expression),
    SetComponent(Expression),
    SetReason(Expression),
    SetDetectPoint(Expression),
    /// Evaluated, as its errors count, and not kept.
    Evaluate(Expression),
    Tags(Pairs),
    Metrics(Box<Metrics>),
    If {
        branches: Box<[(Test, Box<[Step]>)]>,
        otherwise: Box<[Step]>,
    },
    /// `enforcer` and `dropper`.
    Verdict(bool),
    Limit {
        id: Box<[IdPart]>,
        /// Logs a minute.
        rpm: u32,
    },
}

/// Keys and their values.
pub(crate) type Pairs = Box<[(Box<str>, Expression)]>;

/// `text { regexp .. }`
#[derive(Debug)]
pub(crate) struct Match {
    pub(crate) regex: Regex,
    /// Its index among the regular expressions of all rules.
    pub(crate) slot: usize,
    /// For each group that the rule reads its index in `regex`; `None` if it has no such group.
    pub(crate) groups: Box<[Option<usize>]>,
    pub(crate) abort_on_failure: bool,
}

/// `timestamp value, "pattern"`
#[derive(Debug)]
pub(crate) struct Date {
    pub(crate) value: Expression,
    /// `None` for an empty one, which takes milliseconds.
    pub(crate) pattern: Option<date::Pattern>,
}

#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) name: Box<str>,
    pub(crate) timestamp: Option<Expression>,
    /// Each key once.
    pub(crate) labels: Option<Pairs>,
    pub(crate) value: Option<Expression>,
}

#[derive(Debug)]
pub(crate) enum IdPart {
    Text(Box<str>),
    Value(Expression),
}

/// A value. Depth is bounded by [`DEPTH_MAX`](crate::tree::DEPTH_MAX): chains are flat.
#[derive(Debug)]
pub(crate) enum Expression {
    Constant(Constant),
    /// By its index among the keys of all rules; a missing one is empty text.
    Tag(usize),
    /// By its index among the keys of all rules; a missing one is empty text.
    SourceAttribute(usize),
    Metadata(MetadataField),
    Body(BodyGetter),
    /// The message that is the input.
    Message,
    /// Keys into the map that `json` or `yaml` has read.
    Parsed(Box<[Box<str>]>),
    /// A group of the regular expression, by its index in [`Match::groups`].
    Group(usize),
    Variable(usize),
    Convert(Box<Expression>, Conversion),
    Chain(Box<Expression>, Box<[Link]>),
    Arithmetic(Box<Expression>, Box<[(Operation, Expression)]>),
    Process {
        name: ProcessName,
        service: Box<Expression>,
        instance: Box<Expression>,
    },
    ToJson {
        source: Box<Expression>,
        /// Its index among the documents of all rules: each is made at most once for a log.
        document: usize,
        array: bool,
    },
    /// What the checks let nobody load.
    Refused,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Constant {
    Null,
    Boolean(bool),
    Integer(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    Text(Box<str>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetadataField {
    Service,
    Instance,
    Endpoint,
    Layer,
    Timestamp,
    TraceId,
    SegmentId,
    SpanId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conversion {
    Text,
    Boolean,
    Number(NumberType),
}

/// A segment behind a value.
#[derive(Debug)]
pub(crate) struct Link {
    /// Null stays null.
    pub(crate) null_safe: bool,
    pub(crate) kind: LinkKind,
}

#[derive(Debug)]
pub(crate) enum LinkKind {
    Call {
        method: Method,
        /// Of the methods that take one, which is not among the arguments.
        regex: Option<Regex>,
        arguments: Box<[Expression]>,
    },
    Index(usize),
    Get(Box<Getter>),
}

/// A getter of a message.
#[derive(Debug)]
pub(crate) struct Getter {
    pub(crate) field: FieldDescriptor,
    pub(crate) reading: Reading,
    /// What there is if the field is not set.
    pub(crate) default: prost_reflect::Value,
    /// Names of an enum's constants by their numbers; empty for other fields.
    pub(crate) constants: Box<[(i32, Box<str>)]>,
    pub(crate) arguments: Box<[Expression]>,
}

/// What an operator does, by the types of both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Number(Operator, NumberType),
    Concatenate,
}

#[derive(Debug)]
pub(crate) enum ProcessName {
    /// Of a process that cannot be told from others.
    Fixed(&'static str),
    Given(Box<Expression>),
}

/// A condition.
#[derive(Debug)]
pub(crate) enum Test {
    Any(Box<[Test]>),
    All(Box<[Test]>),
    Not(Box<Test>),
    /// Java's `Objects.equals`.
    Equal(Expression, Expression),
    /// The same with a text, which is most of them.
    IsText(Expression, Box<str>),
    /// Both sides become numbers of one type.
    Compare {
        left: Expression,
        comparison: Comparison,
        right: Expression,
        by: NumberType,
    },
    /// There is text in it.
    Present(Expression),
    /// `as Boolean`, or a Java `boolean`.
    True(Expression),
}
