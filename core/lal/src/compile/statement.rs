//! Statements.

use super::Compiler;
use super::program::{Action, Conversion, Date, Expression, IdPart, Match, Metrics, Pairs, Step};
use super::scope::slot;
use crate::check::outputs::Slot;
use crate::check::types::{self, NumberType};
use crate::java;
use crate::tree::{
    self, Branch, Cast, Name, Number, Operand, Pair, Root, Statement, StatementKind, Value,
};

impl Compiler<'_> {
    pub(super) fn steps(&mut self, statements: &[Statement]) -> Box<[Step]> {
        let mut steps = Vec::with_capacity(statements.len());
        for statement in statements {
            self.statement(statement, &mut steps);
        }
        steps.into()
    }

    fn statement(&mut self, statement: &Statement, steps: &mut Vec<Step>) {
        let action = match &statement.kind {
            StatementKind::Json { abort_on_failure } => Action::Json {
                abort_on_failure: *abort_on_failure,
            },
            StatementKind::Yaml { abort_on_failure } => Action::Yaml {
                abort_on_failure: *abort_on_failure,
            },
            StatementKind::Text {
                pattern,
                abort_on_failure,
            } => match pattern
                .as_ref()
                .and_then(|it| self.pattern(it, *abort_on_failure))
            {
                Some(action) => action,
                None => return,
            },
            StatementKind::Abort => Action::Abort,
            StatementKind::Def { name, value } => self.define(name, value),
            StatementKind::Extractor(inner) => Action::Extractor(self.block(inner)),
            StatementKind::Sink(inner) => Action::Sink(self.block(inner)),
            StatementKind::Set { field, value } => match self.output.field(*field) {
                Some(slot) => self.set(slot, value),
                None => return,
            },
            StatementKind::Output { field, value } => match self.output.slot(&field.text) {
                Some(slot) => self.set(slot, value),
                None => return,
            },
            StatementKind::Timestamp { value, pattern } => self.timestamp(value, pattern.as_ref()),
            StatementKind::Tags(pairs) => Action::Tags(self.pairs(pairs)),
            StatementKind::Metrics(metrics) => Action::Metrics(Box::new(self.metrics(metrics))),
            StatementKind::Sampler(inner) => {
                for statement in inner {
                    self.statement(statement, steps);
                }
                return;
            }
            StatementKind::Enforcer => Action::Verdict(true),
            StatementKind::Dropper => Action::Verdict(false),
            StatementKind::RateLimit { id, rpm } => Action::Limit {
                id: id.iter().map(|part| self.id_part(part)).collect(),
                rpm: *rpm,
            },
            StatementKind::If {
                branches,
                otherwise,
            } => self.choice(branches, otherwise.as_deref()),
        };
        steps.push(Step {
            span: statement.span,
            action,
        });
    }

    /// The inside of an extractor or a sink, which sees no variable from outside.
    fn block(&mut self, statements: &[Statement]) -> Box<[Step]> {
        let inner = self.scope.inner();
        let outer = std::mem::replace(&mut self.scope, inner);
        let steps = self.steps(statements);
        self.scope = outer;
        steps
    }

    fn choice(&mut self, branches: &[Branch], otherwise: Option<&[Statement]>) -> Action {
        let branches = branches.iter().map(|branch| {
            let test = self.test(&branch.condition);
            (test, self.steps(&branch.body))
        });
        let branches = branches.collect();
        Action::If {
            branches,
            otherwise: self.steps(otherwise.unwrap_or_default()),
        }
    }

    fn pattern(&mut self, pattern: &Name, abort_on_failure: bool) -> Option<Action> {
        let regex = java::regex::compile(&pattern.text).ok()?;
        Some(Action::Match(Box::new(Match {
            regex,
            slot: self.keys.pattern(),
            groups: Box::default(),
            abort_on_failure,
        })))
    }

    /// The index of a group that the rule reads.
    pub(super) fn group(&mut self, name: &str) -> usize {
        slot(&mut self.groups, name)
    }

    fn define(&mut self, name: &Name, value: &Operand) -> Action {
        let scope = &self.scope;
        let kind = types::of_variable(value, self.rule.mode, self.class, &|name| scope.kind(name));
        let value = self.initialiser(value);
        let variable = self.scope.assign(&name.text, kind);
        self.variables = self.variables.max(self.scope.end());
        Action::Define { variable, value }
    }

    /// What the field takes decides how the value is converted; the cast that is written does not.
    fn set(&mut self, slot: Slot, value: &Operand) -> Action {
        let value = self.value(&value.value);
        let number = |value, number| {
            let conversion = Conversion::Number(number);
            Expression::Convert(Box::new(value), conversion)
        };
        match slot {
            Slot::Text(slot) => Action::SetText(slot, value),
            Slot::SpanId => Action::SetSpanId(value),
            Slot::Layer => Action::SetLayer(value),
            Slot::LatencyMs => Action::SetLatency(number(value, NumberType::Long)),
            Slot::ComponentId => Action::SetComponent(number(value, NumberType::Integer)),
            Slot::Reason => Action::SetReason(value),
            Slot::DetectPoint => Action::SetDetectPoint(value),
            Slot::TimeBucket => Action::Evaluate(number(value, NumberType::Long)),
        }
    }

    fn timestamp(&mut self, value: &Operand, pattern: Option<&Name>) -> Action {
        let value = self.value(&value.value);
        let Some(pattern) = pattern else {
            let conversion = Conversion::Number(NumberType::Long);
            return Action::SetTimestamp(Expression::Convert(Box::new(value), conversion));
        };
        let pattern = match &*pattern.text {
            "" => None,
            text => java::date::Pattern::compile(text).ok(),
        };
        Action::SetDate(Box::new(Date { value, pattern }))
    }

    fn pairs(&mut self, pairs: &[Pair]) -> Pairs {
        let pairs = pairs.iter();
        let pairs = pairs.map(|pair| (pair.key.text.as_str().into(), self.operand(&pair.value)));
        pairs.collect()
    }

    fn metrics(&mut self, metrics: &tree::Metrics) -> Metrics {
        let labels = metrics.labels.as_deref().map(|labels| {
            let mut each: Vec<(Box<str>, Expression)> = Vec::with_capacity(labels.len());
            for (key, value) in self.pairs(labels) {
                match each.iter_mut().find(|it| it.0 == key) {
                    Some(label) => label.1 = value,
                    None => each.push((key, value)),
                }
            }
            each.into()
        });
        Metrics {
            name: metrics.name.as_ref().map(metric_name).unwrap_or_default(),
            timestamp: metrics.timestamp.as_ref().map(|it| {
                let conversion = Conversion::Number(NumberType::Long);
                Expression::Convert(Box::new(self.operand(it)), conversion)
            }),
            labels,
            value: metrics.value.as_ref().map(|it| match it.cast {
                Some(Cast::Long | Cast::Integer) => self.operand(it),
                _ => self.value(&it.value),
            }),
        }
    }

    fn id_part(&mut self, part: &tree::IdPart) -> IdPart {
        match part {
            tree::IdPart::Text(text) => IdPart::Text(text.as_str().into()),
            tree::IdPart::Value(value) => IdPart::Value(self.value(value)),
        }
    }
}

/// The name of metrics is what is written, whatever it would be.
fn metric_name(name: &Operand) -> Box<str> {
    let Value::Term(term) = &name.value else {
        return Box::default();
    };
    match &term.root {
        Root::Text(text) | Root::Name(text) => text.as_str().into(),
        Root::Number(number) => number_text(*number).into(),
        Root::Parsed => "parsed".into(),
        Root::Log => "log".into(),
        Root::ProcessRegistry => "ProcessRegistry".into(),
        Root::Boolean(value) => value.to_string().into(),
        Root::Null => "null".into(),
        Root::Call(call) => call.name.text.as_str().into(),
        Root::Group(_) => Box::default(),
    }
}

fn number_text(number: Number) -> String {
    match number {
        Number::Integer(number) => number.to_string(),
        Number::Long(number) => format!("{number}L"),
        Number::Float(number) => format!("{number:?}F"),
        Number::Double(number) => format!("{number:?}"),
    }
}
