//! Statements and conditions against the static model: scopes, types, what a place can take.

use super::scope::{Scope, Type};
use crate::diagnostic::Findings;
use crate::load::Compatibility;
use crate::tree::{
    Comparison, Condition, IdPart, Layer, Metrics, Mode, Operand, Pair, Root, Rule, Statement,
    StatementKind, Value,
};

/// What `tag` cannot be written to.
const WITHOUT_TAGS: [&str; 2] = ["SlowSQL", "SampledTrace"];

/// `?.` on a variable makes an object of a Java `int`.
const BOXED_HELP: &str = "`def s = value as String`, and then `s?.length()`";

pub(super) fn check(rule: &Rule, compatibility: Compatibility, findings: &mut Findings) {
    let input = rule.input_type.as_ref().map(|it| it.text.as_str());
    let mesh = matches!(&rule.layer, Layer::Named(name) if name.text == "MESH");
    let is_typed = rule.mode == Mode::None && (input.is_some() || mesh);
    let output = rule.output_type.as_ref().map(|it| it.text.as_str());
    let mut checker = Checker {
        mode: rule.mode,
        is_typed,
        takes_log: !is_typed || input.is_some_and(|it| it.ends_with("LogData")),
        without_tags: output.filter(|output| WITHOUT_TAGS.contains(output)),
        compatibility,
        scope: Scope::default(),
        outer: Scope::default(),
        findings,
    };
    checker.statements(&rule.filter);
}

pub(super) struct Checker<'a> {
    pub(super) mode: Mode,
    /// `parsed` is an input of a Java class.
    pub(super) is_typed: bool,
    /// The input has tags and a body.
    pub(super) takes_log: bool,
    /// The output type, if it has no tags.
    without_tags: Option<&'a str>,
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
            StatementKind::Set { value, .. }
            | StatementKind::Timestamp { value, .. }
            | StatementKind::Output { value, .. } => {
                self.written(value);
            }
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
            StatementKind::Text { .. }
            | StatementKind::Json { .. }
            | StatementKind::Yaml { .. }
            | StatementKind::Abort
            | StatementKind::Enforcer
            | StatementKind::Dropper => {}
        }
    }

    /// A value that is written to a field, a tag or a label.
    fn written(&mut self, operand: &Operand) {
        if self.operand(operand) == Type::Primitive {
            let message = "an `int` of a Java method cannot be written";
            let report = self.findings.error(operand.span, message);
            report.help(BOXED_HELP);
        }
    }

    fn tags(&mut self, pairs: &[Pair], statement: &Statement) {
        if let Some(output) = self.without_tags {
            let message = format!("`{output}` has no tags");
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
            if !timestamp.cast.as_ref().is_some_and(|it| it.is_numeric()) {
                let message = "the timestamp of metrics needs a numeric cast";
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
        let is_variable = matches!(term.root, Root::Name(_));
        let last_is_safe = term.segments.last().is_some_and(|it| it.null_safe);
        let boxed = is_variable && (last_is_safe || term.segments.is_empty());
        if kind == Type::Boolean && boxed && operand.cast.is_none() {
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
            || (left_type.is_number() && right_type.is_number());
        for (operand, kind) in [(left, left_type), (right, right_type)] {
            if kind == Type::Primitive && !is_equality {
                let message = "an `int` of a Java method cannot be compared by size";
                let report = self.findings.error(operand.span, message);
                report.help(BOXED_HELP);
            }
        }
        if !is_numeric && right.cast.is_some() {
            let message = "OAP ignores a cast on the right of `==` and `!=`";
            let report = self.findings.warning(right.span, message);
            report.help("cast on the left, or in parentheses: `(value as String)`");
        }
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
