//! A rule's filter as text that reads as the same tree.

use crate::tree::*;

pub(super) fn filter(statements: &[Statement]) -> String {
    format!("filter {}", block(statements))
}

fn block(statements: &[Statement]) -> String {
    let statements: String = statements.iter().map(statement).collect();
    format!("{{\n{statements}}}")
}

fn statement(statement: &Statement) -> String {
    let text = match &statement.kind {
        StatementKind::Text {
            pattern,
            abort_on_failure,
        } => {
            let pattern = pattern
                .as_ref()
                .map(|it| format!("regexp $/{}/$ ", it.text));
            let pattern = pattern.unwrap_or_default();
            format!("text {{ {pattern}abortOnFailure {abort_on_failure} }}")
        }
        StatementKind::Json { abort_on_failure } => {
            format!("json {{ abortOnFailure {abort_on_failure} }}")
        }
        StatementKind::Yaml { abort_on_failure } => {
            format!("yaml {{ abortOnFailure {abort_on_failure} }}")
        }
        StatementKind::Abort => "abort {}".to_owned(),
        StatementKind::Def { name, value } => format!("def {} = {}", name.text, operand(value)),
        StatementKind::Extractor(inner) => format!("extractor {}", block(inner)),
        StatementKind::Sink(inner) => format!("sink {}", block(inner)),
        StatementKind::Set { field, value } => format!("{} {}", field.name(), operand(value)),
        StatementKind::Timestamp { value, pattern } => {
            let pattern = pattern.as_ref().map(|it| format!(", {}", quoted(&it.text)));
            format!(
                "timestamp {}{}",
                operand(value),
                pattern.unwrap_or_default()
            )
        }
        StatementKind::Tags(pairs) => tags(pairs),
        StatementKind::Metrics(it) => metrics(it),
        StatementKind::Output { field, value } => format!("{} {}", field.text, operand(value)),
        StatementKind::Sampler(inner) => format!("sampler {}", block(inner)),
        StatementKind::Enforcer => "enforcer {}".to_owned(),
        StatementKind::Dropper => "dropper {}".to_owned(),
        StatementKind::RateLimit { id, rpm } => {
            let id: String = id.iter().map(id_part).collect();
            format!("rateLimit({}) {{ rpm {rpm} }}", quoted(&id))
        }
        StatementKind::If {
            branches,
            otherwise,
        } => {
            let branch = |it: &Branch| {
                let inner = condition(&it.condition);
                format!("if ({inner}) {}", block(&it.body))
            };
            let mut parts: Vec<_> = branches.iter().map(branch).collect();
            parts.extend(otherwise.as_deref().map(block));
            parts.join(" else ")
        }
    };
    text + "\n"
}

fn id_part(part: &IdPart) -> String {
    match part {
        IdPart::Text(text) => text.clone(),
        IdPart::Value(it) => format!("${{{}}}", value(it)),
    }
}

/// Several keys have names, so one that needs quotes stands alone.
fn tags(pairs: &[Pair]) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || char == '_';
    match pairs {
        [one] if !one.key.text.chars().all(is_plain) => {
            format!("tag {}: {}", quoted(&one.key.text), operand(&one.value))
        }
        _ => format!("tag {}", named(pairs)),
    }
}

fn named(pairs: &[Pair]) -> String {
    let pair = |it: &Pair| format!("{}: {}", it.key.text, operand(&it.value));
    pairs.iter().map(pair).collect::<Vec<_>>().join(", ")
}

fn metrics(metrics: &Metrics) -> String {
    let entry = |word: &str, it: &Option<Operand>| {
        let it = it.as_ref().map(|it| format!("{word} {}\n", operand(it)));
        it.unwrap_or_default()
    };
    let labels = metrics.labels.as_deref().map(named);
    let labels = labels.map(|it| format!("labels {it}\n"));
    format!(
        "metrics {{\n{}{}{}{}}}",
        entry("name", &metrics.name),
        entry("timestamp", &metrics.timestamp),
        labels.unwrap_or_default(),
        entry("value", &metrics.value)
    )
}

pub(super) fn condition(it: &Condition) -> String {
    let all = |list: &[Condition], sign: &str| {
        let list = list.iter().map(grouped);
        list.collect::<Vec<_>>().join(sign)
    };
    match it {
        Condition::Any(list) => all(list, " || "),
        Condition::All(list) => all(list, " && "),
        Condition::Not(inner) => format!("!{}", grouped(inner)),
        Condition::Compare {
            left,
            comparison,
            right,
        } => {
            let sign = match comparison {
                Comparison::Equal => "==",
                Comparison::NotEqual => "!=",
                Comparison::Greater => ">",
                Comparison::Less => "<",
                Comparison::GreaterOrEqual => ">=",
                Comparison::LessOrEqual => "<=",
            };
            format!("{} {sign} {}", operand(left), operand(right))
        }
        Condition::Present(it) => operand(it),
    }
}

/// A value stands alone: its own parentheses would be another tree.
fn grouped(it: &Condition) -> String {
    match it {
        Condition::Present(it) => operand(it),
        _ => format!("({})", condition(it)),
    }
}

fn operand(it: &Operand) -> String {
    let cast = match &it.cast {
        None => return value(&it.value),
        Some(Cast::Class(class)) => class.clone(),
        Some(cast) => format!("{cast:?}"),
    };
    format!("{} as {cast}", value(&it.value))
}

fn value(it: &Value) -> String {
    match it {
        Value::Term(it) => term(it),
        Value::Arithmetic { first, rest } => {
            let sign = |operator: &Operator| match operator {
                Operator::Add => "+",
                Operator::Subtract => "-",
                Operator::Multiply => "*",
                Operator::Divide => "/",
            };
            let rest = rest.iter();
            let rest = rest.map(|(operator, it)| format!(" {} {}", sign(operator), value(it)));
            value(first) + &rest.collect::<String>()
        }
    }
}

fn term(it: &Term) -> String {
    let mut text = match &it.root {
        Root::Parsed => "parsed".to_owned(),
        Root::Log => "log".to_owned(),
        Root::ProcessRegistry => "ProcessRegistry".to_owned(),
        Root::Name(name) => name.clone(),
        Root::Text(text) => quoted(text),
        Root::Number(Number::Integer(number)) => number.to_string(),
        Root::Number(Number::Long(number)) => format!("{number}L"),
        Root::Number(Number::Float(number)) => format!("{number:?}F"),
        Root::Number(Number::Double(number)) => format!("{number:?}D"),
        Root::Boolean(it) => it.to_string(),
        Root::Null => "null".to_owned(),
        Root::Call(it) => call(it),
        Root::Group(it) => format!("({})", operand(it)),
    };
    for segment in &it.segments {
        text.push_str(if segment.null_safe { "?" } else { "" });
        text.push_str(&match &segment.kind {
            SegmentKind::Field(name) => format!(".{name}"),
            SegmentKind::Method(it) => format!(".{}", call(it)),
            SegmentKind::Index(index) => format!("[{index}]"),
        });
    }
    text
}

fn call(it: &Call) -> String {
    let arguments: Vec<_> = it.arguments.iter().map(operand).collect();
    format!("{}({})", it.name.text, arguments.join(", "))
}

fn quoted(text: &str) -> String {
    let quote = if text.contains('"') { '\'' } else { '"' };
    format!("{quote}{text}{quote}")
}
