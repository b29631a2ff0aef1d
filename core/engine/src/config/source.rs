//! The command line's sources, read and merged from left to right.

use super::diagnostic::Findings;
use super::inputs::{Inputs, SCHEME_HELP, Scheme, read_env, read_text, split_scheme};
use super::key_path::{KeyPath, assign};
use super::position::{Position, SourceKind, Sources, to_u32};
use super::tree::{Entry, MAX_DEPTH, Node, Scalar, Value, merge};
use super::yaml;

/// `--config` and `--set` arguments taken.
const MAX_SOURCES: usize = 100;

/// One argument of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceArg {
    /// `--config`: a path, `file:path`, `env:NAME`, or `yaml:text` with `::` between keys.
    Config(String),
    /// `--set`: `a.b.c=value`. All of them are put on top of all `--config`.
    Set(String),
}

/// Reads and merges every source. `None` where one could not be read: what is missing then would
/// only look like further mistakes.
pub(crate) fn read_all(
    args: &[SourceArg],
    inputs: &dyn Inputs,
    sources: &mut Sources,
    findings: &mut Findings,
) -> Option<Node> {
    if args.len() > MAX_SOURCES {
        findings.error_without_place(format!("more than {MAX_SOURCES} sources are given"));
        return None;
    }
    if !args.iter().any(|arg| matches!(arg, SourceArg::Config(_))) {
        findings
            .error_without_place("no configuration is given")
            .help("name a file with `--config`");
        return None;
    }
    let mut root = Node::empty_mapping(Position::DEFAULT);
    for arg in args {
        if let SourceArg::Config(argument) = arg
            && let Some(node) = read_config(argument, inputs, sources, findings)
        {
            merge(&mut root, node);
        }
    }
    for arg in args {
        if let SourceArg::Set(argument) = arg {
            apply_set(&mut root, argument, sources, findings);
        }
    }
    (!findings.has_errors()).then_some(root)
}

fn read_config(
    argument: &str,
    inputs: &dyn Inputs,
    sources: &mut Sources,
    findings: &mut Findings,
) -> Option<Node> {
    let (scheme, rest) = match split_scheme(argument, Scheme::File) {
        Ok(parts) => parts,
        Err(name) => {
            findings
                .error_without_place(format!("`{name}:` is no known source of configuration"))
                .help(SCHEME_HELP);
            return None;
        }
    };
    let (name, text) = match scheme {
        Scheme::File => (rest.to_owned(), read_text(inputs, rest)),
        Scheme::Env => {
            let unset = || format!("the environment variable `{rest}` is not set");
            let text = read_env(inputs, rest).and_then(|text| text.ok_or_else(unset));
            (format!("env:{rest}"), text)
        }
        Scheme::Yaml => ("--config yaml".to_owned(), Ok(rest.to_owned())),
    };
    let text = match text {
        Ok(text) => text,
        Err(message) => {
            findings.error_without_place(message);
            return None;
        }
    };
    let source = sources.add(&name, SourceKind::Lines, &text);
    let mut node = yaml::parse(&text, source, findings)?;
    if node.is_null() {
        return None;
    }
    if node.mapping().is_none() {
        findings
            .error(
                node.position,
                "a configuration is a mapping, and this is none",
            )
            .help("its keys are `receivers`, `processors`, `exporters`, `extensions`, `service`");
        return None;
    }
    if scheme == Scheme::Yaml {
        node = split_keys(node, findings);
    }
    Some(node)
}

/// `exporters::otlp::timeout: 2s` says the same as three nested keys.
fn split_keys(node: Node, findings: &mut Findings) -> Node {
    let mut root = Node::empty_mapping(node.position);
    let Value::Mapping(entries) = node.value else {
        return node;
    };
    for (key, entry) in entries {
        let path: KeyPath = key.split("::").collect();
        let key_position = entry.key;
        if path.segments().len() > MAX_DEPTH {
            findings.error(
                key_position,
                format!("nested deeper than {MAX_DEPTH} levels"),
            );
        } else if let Err(error) = assign(&mut root, &path, entry) {
            findings.error(key_position, error.to_string());
        }
    }
    root
}

fn apply_set(root: &mut Node, argument: &str, sources: &mut Sources, findings: &mut Findings) {
    let parsed = KeyPath::parse_assignment(argument);
    let (path, value_start) = match parsed {
        Ok(Some(parts)) => parts,
        Ok(None) => {
            let help = "write `--set some.key=value`";
            return report_set(argument, "the `=` is missing", help, (sources, findings));
        }
        Err(error) => {
            let message = format!("this is no path: {error}");
            let help =
                "write `--set receivers.\"otlp/a.b\".protocols=value` or `..headers[0]=value`";
            return report_set(argument, &message, help, (sources, findings));
        }
    };
    let source = sources.add(&format!("--set {path}"), SourceKind::Argument, argument);
    let start = Position::start_of(source);
    let offset = argument[..value_start].chars().count();
    let key = Position {
        width: to_u32(offset - 1),
        ..start
    };
    let before = findings.error_count();
    // Spaces in place of the path give every value the column it has in the argument.
    let padded = format!("{:offset$}{}", "", &argument[value_start..]);
    let value = yaml::parse(&padded, source, findings);
    let value = value.unwrap_or_else(|| Node::new(Value::Scalar(Scalar::plain("")), key));
    if findings.error_count() > before {
        // Reported with the value.
    } else if path.segments().len() + value.depth() > MAX_DEPTH {
        findings.error(key, format!("nested deeper than {MAX_DEPTH} levels"));
    } else if let Err(error) = assign(root, &path, Entry { key, value }) {
        findings.error(key, error.to_string());
    }
    if findings.error_count() > before {
        // No schema will say whether it is a secret.
        sources.hide(vec![Position {
            column: to_u32(offset + 1),
            width: to_u32(argument.chars().count() - offset),
            ..start
        }]);
    }
}

/// Shows the argument up to its `=`: what follows may be a secret.
fn report_set(
    argument: &str,
    message: &str,
    help: &str,
    (sources, findings): (&mut Sources, &mut Findings),
) {
    let shown = argument.split('=').next().unwrap_or_default();
    let source = sources.add("--set", SourceKind::Argument, shown);
    let place = Position {
        width: to_u32(shown.chars().count()),
        ..Position::start_of(source)
    };
    findings.error(place, message).help(help);
}
