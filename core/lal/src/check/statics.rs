//! Statements and conditions against the static model: scopes, types, what a place can take.

use super::inputs::Accepts;
use super::outputs::{self, OutputType, Slot};
use super::scope::Scope;
use super::types::{self, NumberType, Type};
use crate::diagnostic::Findings;
use crate::java;
use crate::load::Compatibility;
use crate::tree::{
    Cast, Comparison, Condition, Field, IdPart, Metrics, Mode, Name, Operand, Pair, Root, Rule,
    Statement, StatementKind, Term, Value,
};

/// `?.` on a variable makes an object of a Java `int`.
const BOXED_HELP: &str = "`def s = value as String`, and then `s?.length()`";

pub(super) fn check(rule: &Rule, compatibility: Compatibility, findings: &mut Findings) {
    let output = OutputType::of(rule);
    if let (None, Some(written)) = (output, &rule.output_type) {
        let message = format!("the output type `{}` is not known", written.text);
        let report = findings.error(written.span, message);
        report.help(format!("one of `{}`", outputs::NAMES.join("`, `")));
    }
    let accepts = Accepts::of(rule);
    if let (Accepts::Nothing, Some(written)) = (accepts, &rule.input_type) {
        let message = format!("nothing is known of the class `{}`", written.text);
        let report = findings.warning(written.span, message);
        report.help("no input meets the rule; messages of Envoy's access logs are known");
    }
    let mut checker = Checker {
        mode: rule.mode,
        accepts,
        output: output.unwrap_or_default(),
        compatibility,
        scope: Scope::default(),
        outer: Scope::default(),
        findings,
    };
    checker.statements(&rule.filter);
}

pub(super) struct Checker<'a> {
    pub(super) mode: Mode,
    pub(super) accepts: Accepts,
    output: OutputType,
    pub(super) compatibility: Compatibility,
    pub(super) scope: Scope,
    /// Of the filter, while a block in it is read: only to say why a variable is not seen.
    pub(super) outer: Scope,
    pub(super) findings: &'a mut Findings,
}

impl Checker<'_> {
    fn statements(&mut self, statements: &[Statement]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Def { name, value } => {
                let kind = self.initialiser(value);
                self.scope.assign(&name.text, kind);
            }
            StatementKind::Extractor(inner) | StatementKind::Sink(inner) => {
                self.outer = std::mem::take(&mut self.scope);
                self.statements(inner);
                self.scope = std::mem::take(&mut self.outer);
            }
            StatementKind::Sampler(inner) => self.statements(inner),
            StatementKind::Set { field, value } => self.field(*field, value, statement),
            StatementKind::Timestamp { value, pattern } => {
                self.written(value);
                if let Some(pattern) = pattern {
                    self.date(pattern);
                }
            }
            StatementKind::Output { field, value } => self.output(field, value),
            StatementKind::Tags(pairs) => self.tags(pairs, statement),
            StatementKind::Metrics(metrics) => self.metrics(metrics),
            StatementKind::RateLimit { id, .. } => {
                for part in id {
                    if let IdPart::Value(value) = part {
                        self.value(value);
                    }
                }
            }
            StatementKind::If {
                branches,
                otherwise,
            } => {
                let mut after: Option<Scope> = None;
                let before = self.scope.clone();
                let bodies = branches.iter().map(|it| (Some(&it.condition), &it.body));
                let last = otherwise.iter().map(|body| (None, body));
                for (condition, body) in bodies.chain(last) {
                    self.scope = before.clone();
                    if let Some(condition) = condition {
                        self.condition(condition);
                    }
                    self.statements(body);
                    match &mut after {
                        Some(after) => after.join(&self.scope),
                        None => after = Some(self.scope.clone()),
                    }
                }
                let is_complete = otherwise.is_some();
                self.scope = after.filter(|_| is_complete).unwrap_or(before);
            }
            StatementKind::Text { pattern, .. } => {
                if let Some(pattern) = pattern {
                    self.pattern(pattern);
                }
            }
            StatementKind::Json { .. }
            | StatementKind::Yaml { .. }
            | StatementKind::Abort
            | StatementKind::Enforcer
            | StatementKind::Dropper => {}
        }
    }

    /// Nothing is known of what `parsed` is.
    pub(super) fn is_opaque(&self) -> bool {
        self.accepts == Accepts::Nothing
    }

    fn reads_message(&self, term: &Term) -> bool {
        self.accepts.class().is_some() && term.root == Root::Parsed
    }

    /// A value that is written to a field, a tag or a label.
    fn written(&mut self, operand: &Operand) {
        let kind = self.operand(operand);
        if kind.is_bare() {
            let message = "a number of a Java method cannot be written";
            let report = self.findings.error(operand.span, message);
            report.help(BOXED_HELP);
        }
        if kind == Type::Texts {
            let message = "OAP writes the address of an array, not what is in it";
            let report = self.findings.error(operand.span, message);
            report.help("one of its texts: `(value as String).split(\":\")[0]`");
        }
    }

    fn field(&mut self, field: Field, value: &Operand, statement: &Statement) {
        self.written(value);
        if self.output.field(field).is_none() {
            let output = self.output.name();
            let message = format!("`{output}` has no field `{}`", field.name());
            let report = self.findings.error(statement.span, message);
            report.help("take the statement away, or `outputType`");
        }
    }

    fn output(&mut self, field: &Name, value: &Operand) {
        self.written(value);
        let output = self.output.name();
        match self.output.slot(&field.text) {
            Some(Slot::TimeBucket) => {
                let message = "`timeBucket` is not kept here: OAP makes it of the timestamp";
                let report = self.findings.warning(field.span, message);
                report.help("`timestamp` with milliseconds sets both");
            }
            Some(_) => {}
            None => {
                let message = format!("`{output}` has no field `{}`", field.text);
                let report = self.findings.error(field.span, message);
                let names = self.output.slots().iter().map(|it| it.0);
                let names: Vec<_> = names.collect();
                report.help(format!(
                    "besides the fields of a log it has `{}`",
                    names.join("`, `")
                ));
            }
        }
    }

    fn date(&mut self, pattern: &Name) {
        if pattern.text.is_empty() {
            return;
        }
        if let Err(refused) = java::date::Pattern::compile(&pattern.text) {
            let report = self.findings.error(pattern.span, refused);
            report.help("a pattern of Java's `SimpleDateFormat`: `yyyy-MM-dd HH:mm:ss`");
        }
    }

    fn tags(&mut self, pairs: &[Pair], statement: &Statement) {
        if self.output != OutputType::Log {
            let message = format!("`{}` has no tags", self.output.name());
            let report = self.findings.error(statement.span, message);
            report.help("write its own fields, or take `outputType` away");
        }
        for pair in pairs {
            self.written(&pair.value);
        }
    }

    fn metrics(&mut self, metrics: &Metrics) {
        if let Some(name) = &metrics.name
            && !is_literal(&name.value)
        {
            let message = "the name of metrics is not evaluated: OAP takes it as it is written";
            let report = self.findings.warning(name.span, message);
            report.help("a quoted text");
        }
        if let Some(timestamp) = &metrics.timestamp {
            self.operand(timestamp);
            if !matches!(timestamp.cast, Some(Cast::Long | Cast::Integer)) {
                let message = "the timestamp of metrics needs a cast to a whole number";
                let report = self.findings.error(timestamp.span, message);
                report.help("for example `log.timestamp as Long`");
            }
        } else if let Some(value) = &metrics.value {
            let message = "metrics without a `timestamp` are of the year 1970 to OAP";
            let report = self.findings.warning(value.span, message);
            report.help("add `timestamp log.timestamp as Long`");
        }
        for label in metrics.labels.iter().flatten() {
            self.written(&label.value);
            if label.value.cast.as_ref().is_some_and(|it| it.is_numeric()) {
                let message = "a label is text and takes no numeric cast";
                let report = self.findings.error(label.value.span, message);
                report.help("`as String`, or no cast");
            }
        }
        if let Some(value) = &metrics.value {
            self.operand(value);
        }
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::Any(list) | Condition::All(list) => {
                for condition in list {
                    self.condition(condition);
                }
            }
            Condition::Not(inner) => self.condition(inner),
            Condition::Present(operand) => {
                let kind = self.operand(operand);
                self.presence(operand, kind);
                if kind.is_bare() {
                    self.sizeless(operand);
                }
            }
            Condition::Compare {
                left,
                comparison,
                right,
            } => self.comparison(left, *comparison, right),
        }
    }

    /// A value alone only asks whether there is text in it, whatever the text.
    fn presence(&mut self, operand: &Operand, kind: Type) {
        let Value::Term(term) = &operand.value else {
            return;
        };
        let is_variable = matches!(term.root, Root::Name(_)) || self.reads_message(term);
        let is_plain =
            types::is_plain_boolean(operand, self.accepts.class(), &|name| self.scope.get(name));
        let by_text = self.compatibility == Compatibility::Oap;
        if by_text && kind == Type::Boolean && is_variable && !is_plain && operand.cast.is_none() {
            let message = "to OAP this is true whenever there is a value, also when it is `false`";
            let report = self.findings.warning(operand.span, message);
            report.help("call with a plain `.`, or add `as Boolean`");
        }
    }

    fn comparison(&mut self, left: &Operand, comparison: Comparison, right: &Operand) {
        let left_type = self.operand(left);
        let is_equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        if is_equality && is_null(&right.value) {
            if is_call_of_text(&left.value) {
                let message = "this is never null: what is missing reads as empty text";
                let report = self.findings.warning(left.span, message);
                report.help("compare with `\"\"`");
            }
            return;
        }
        let right_type = self.operand(right);
        let is_numeric = !is_equality
            || matches!(&right.value, Value::Term(term) if matches!(term.root, Root::Number(_)))
            || (self.number(left).is_some() && self.number(right).is_some());
        for (operand, kind) in [(left, left_type), (right, right_type)] {
            if kind.is_bare() && is_numeric {
                self.sizeless(operand);
            }
        }
        if !is_numeric && right.cast.is_some() {
            let message = "OAP ignores a cast on the right of `==` and `!=`";
            let report = self.findings.warning(right.span, message);
            report.help("cast on the left, or in parentheses: `(value as String)`");
        }
    }

    /// The type of numbers that a comparison goes by.
    fn number(&self, operand: &Operand) -> Option<NumberType> {
        let cast = operand.cast.as_ref().filter(|cast| cast.is_numeric());
        let cast = cast.and_then(|cast| Type::of_cast(cast).number());
        cast.or_else(|| self.inferred(&operand.value).number())
    }

    fn sizeless(&mut self, operand: &Operand) {
        let message = "a number of a Java method cannot be compared";
        let report = self.findings.error(operand.span, message);
        report.help(BOXED_HELP);
    }
}

fn is_null(value: &Value) -> bool {
    matches!(value, Value::Term(term) if term.root == Root::Null && term.segments.is_empty())
}

fn is_literal(value: &Value) -> bool {
    let is_text = |root: &Root| matches!(root, Root::Text(_) | Root::Number(_));
    matches!(value, Value::Term(term) if is_text(&term.root) && term.segments.is_empty())
}

fn is_call_of_text(value: &Value) -> bool {
    let is_text = |root: &Root| matches!(root, Root::Call(call) if matches!(&*call.name.text, "tag" | "sourceAttribute"));
    matches!(value, Value::Term(term) if is_text(&term.root))
}
