//! Single values: numbers, texts, durations, sizes, fixed sets.

use regex_lite::Regex;
use serde_json::Value as Json;

use super::describe::{excerpt, one_of};
use super::view::View;
use super::{Checker, broken, supplied_text, with_text};
use crate::config::position::Position;
use crate::config::quantity::{BYTE_SIZE_FORMAT, ByteSize, DURATION_FORMAT, Duration};
use crate::config::suggest::suggest;
use crate::config::tree::{Core, Node, Scalar, Value};

impl<'s> Checker<'s> {
    pub(super) fn check_scalar(
        &mut self,
        node: &Node,
        scalar: &Scalar,
        key: Option<Position>,
        view: &View<'s>,
    ) -> Node {
        let types = view.types();
        match scalar.core() {
            Core::Integer(number) if types.integer || types.number => {
                self.check_integer(node, number, view)
            }
            Core::Float(number) if types.number => self.check_float(node, number, view),
            Core::Bool(_) if types.boolean => node.clone(),
            Core::Null if types.null => node.clone(),
            _ if types.string => {
                let text = supplied_text(node).unwrap_or(&scalar.text);
                self.check_text(node, text, view)
            }
            _ => {
                self.report_type(node, key, &[view]);
                broken(node)
            }
        }
    }

    pub(super) fn check_enumeration(
        &mut self,
        node: &Node,
        key: Option<Position>,
        allowed: &[&str],
    ) -> Node {
        let text = supplied_text(node).or_else(|| node.scalar_text());
        if let Some(text) = text
            && allowed.contains(&text)
        {
            return with_text(node, text);
        }
        let (name, found) = (self.name(), self.describe(node));
        let message = format!("{name} expects {}, found {found}", one_of(allowed));
        let finding = self.findings.error(node.site_under(key), message);
        let help = suggest(text.unwrap_or_default(), allowed.iter().copied(), "");
        // The message lists the values already.
        if text.is_some() && help.starts_with("did") {
            finding.help(help);
        }
        broken(node)
    }

    fn check_integer(&mut self, node: &Node, number: i128, view: &View<'s>) -> Node {
        let bounds = i128::from(i64::MIN)..=i128::from(u64::MAX);
        let problem = if bounds.contains(&number) {
            // Bounds of integers are exact up to 2^53 and far from any number in use beyond.
            range_problem(view, number as f64)
        } else {
            Some("it does not fit into 64 bits".to_owned())
        };
        if let Some(problem) = problem {
            return self.refuse(node, &problem);
        }
        if view.text("format") == Some(DURATION_FORMAT) && number > 0 {
            let name = self.name();
            self.findings
                .warning(node.site(), format!("{name} is {number} nanoseconds"))
                .help(format!(
                    "a duration without a unit counts those; write `{number}s` for seconds"
                ));
        }
        node.clone()
    }

    fn check_float(&mut self, node: &Node, number: f64, view: &View<'s>) -> Node {
        let problem = if number.is_finite() {
            range_problem(view, number)
        } else {
            Some("it has to be a finite number".to_owned())
        };
        match problem {
            Some(problem) => self.refuse(node, &problem),
            None => node.clone(),
        }
    }

    pub(super) fn check_text(&mut self, node: &Node, text: &str, view: &View<'s>) -> Node {
        let problem = match view.text("format") {
            Some(DURATION_FORMAT) => Duration::parse(text).err().map(|error| error.to_string()),
            Some(BYTE_SIZE_FORMAT) => ByteSize::parse(text).err().map(|error| error.to_string()),
            _ => {
                return match text_problem(text, view) {
                    Some(problem) => self.refuse(node, &problem),
                    None => with_text(node, text),
                };
            }
        };
        match problem {
            Some(problem) => {
                let name = self.name();
                self.findings
                    .error(node.site(), format!("{name}: {problem}"));
                broken(node)
            }
            None => with_text(node, text),
        }
    }

    /// A value of the right type that the schema does not take.
    fn refuse(&mut self, node: &Node, problem: &str) -> Node {
        let name = self.name();
        let message = match &node.value {
            Value::Scalar(scalar) if scalar.text.is_empty() => {
                format!("{name} cannot be empty")
            }
            Value::Scalar(scalar) if !self.hidden => {
                format!("{name} cannot be `{}`: {problem}", excerpt(&scalar.text))
            }
            _ => format!("{name} cannot be this: {problem}"),
        };
        self.findings.error(node.site(), message);
        broken(node)
    }
}

fn range_problem(view: &View<'_>, number: f64) -> Option<String> {
    let bound = |keyword| view.get(keyword).and_then(Json::as_f64);
    let broken_bound = [
        ("minimum", "at least"),
        ("exclusiveMinimum", "more than"),
        ("maximum", "at most"),
        ("exclusiveMaximum", "less than"),
    ]
    .into_iter()
    .find(|(keyword, _)| {
        bound(keyword).is_some_and(|limit| match *keyword {
            "minimum" => number < limit,
            "exclusiveMinimum" => number <= limit,
            "maximum" => number > limit,
            _ => number >= limit,
        })
    });
    let (keyword, words) = broken_bound?;
    Some(format!("it has to be {words} {}", view.get(keyword)?))
}

fn text_problem(text: &str, view: &View<'_>) -> Option<String> {
    let length = text.chars().count();
    if let Some(least) = view.count("minLength").filter(|least| length < *least) {
        return Some(format!(
            "it has {length} characters, and {least} is the least"
        ));
    }
    if let Some(most) = view.count("maxLength").filter(|most| length > *most) {
        return Some(format!(
            "it has {length} characters, and {most} is the most"
        ));
    }
    let pattern = view.text("pattern")?;
    // A pattern that the small engine does not know is for editors only.
    let regex = Regex::new(pattern).ok()?;
    (!regex.is_match(text)).then(|| format!("it does not match `{pattern}`"))
}
