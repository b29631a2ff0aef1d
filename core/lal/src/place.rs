//! Which statement may stand where.

use crate::tree::StatementKind;

/// A list of statements that OAP's grammar knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Filter,
    Extractor,
    Sink,
    Sampler,
}

impl Place {
    /// In the order in which OAP tries them for the body of an `if`.
    pub(crate) const ALL: [Place; 4] =
        [Place::Filter, Place::Extractor, Place::Sink, Place::Sampler];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Place::Filter => "filter",
            Place::Extractor => "extractor",
            Place::Sink => "sink",
            Place::Sampler => "sampler",
        }
    }

    /// What the grammar lets stand directly in it, and what OAP runs there.
    pub(crate) fn takes(self, statement: &StatementKind) -> bool {
        use StatementKind as Kind;
        match statement {
            Kind::If { .. } => true,
            Kind::Def { .. } => matches!(self, Place::Filter | Place::Extractor),
            Kind::Text { .. }
            | Kind::Json { .. }
            | Kind::Yaml { .. }
            | Kind::Abort
            | Kind::Extractor(_)
            | Kind::Sink(_) => self == Place::Filter,
            Kind::Sampler(_) | Kind::Enforcer | Kind::Dropper => self == Place::Sink,
            Kind::RateLimit { .. } => self == Place::Sampler,
            Kind::Set { .. }
            | Kind::Timestamp { .. }
            | Kind::Tags(_)
            | Kind::Metrics(_)
            | Kind::Output { .. } => self == Place::Extractor,
        }
    }
}

/// The statement's first word, for messages.
pub(crate) fn word(statement: &StatementKind) -> &str {
    use StatementKind as Kind;
    match statement {
        Kind::Text { .. } => "text",
        Kind::Json { .. } => "json",
        Kind::Yaml { .. } => "yaml",
        Kind::Abort => "abort",
        Kind::Def { .. } => "def",
        Kind::Extractor(_) => "extractor",
        Kind::Sink(_) => "sink",
        Kind::Set { field, .. } => field.name(),
        Kind::Timestamp { .. } => "timestamp",
        Kind::Tags(_) => "tag",
        Kind::Metrics(_) => "metrics",
        Kind::Output { field, .. } => &field.text,
        Kind::Sampler(_) => "sampler",
        Kind::Enforcer => "enforcer",
        Kind::Dropper => "dropper",
        Kind::RateLimit { .. } => "rateLimit",
        Kind::If { .. } => "if",
    }
}
