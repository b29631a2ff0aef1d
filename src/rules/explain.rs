//! `skyferry lal explain`: a log from standard input, and what each rule does with it.

use std::cell::RefCell;
use std::fmt::Write;
use std::io::Read;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use lal::tree::{Layer, Rule};
use lal::{
    Claim, Effect, End, Left, Log, Now, Observer, Outcome, Output, Record, RuleId, Rules,
    SOURCE_BYTES_MAX, Sample, Scratch, Source, Span,
};

use crate::cli::LalExplainArgs;
use crate::failure::Failure;
use crate::terminal;

use super::input::Logs;
use super::{counted, load, sources};

/// Logs that are explained; more are counted.
const LOGS_MAX: usize = 100;
/// Characters of a statement or of a value that are shown.
const SHOWN_MAX: usize = 72;

pub(super) fn explain(args: &LalExplainArgs) -> Result<(), Failure> {
    let sources = sources(&args.files)?;
    let (loaded, counts) = load(&sources, args.meaning);
    let logs = Logs::read(&standard_input()?)?;
    let story = RefCell::new(Story {
        sources: &sources,
        titles: loaded.rules.iter().map(title).collect(),
        text: String::new(),
        current: None,
    });
    let rules = Rules::compile(loaded);
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let unix_ms = unix.map_or(0, |it| i64::try_from(it.as_millis()).unwrap_or(i64::MAX));
    let now = Now {
        unix_ms,
        monotonic: Duration::ZERO,
    };
    let mut scratch = Scratch::default();
    let mut seen = 0;
    logs.each(|log| {
        seen += 1;
        if seen > LOGS_MAX {
            return;
        }
        story.borrow_mut().start(seen);
        let mut statements = Statements(&story);
        let runner = rules.runner().observed(&mut statements);
        let claim = runner.run(log, now, &mut scratch, &mut Ends(&story));
        story
            .borrow_mut()
            .push(&format!("\n{}", of_claim(claim, log)));
    });
    let mut text = story.into_inner().text;
    if seen > LOGS_MAX {
        text += &format!("\n{} more logs\n", seen - LOGS_MAX);
    }
    if counts.errors > 0 {
        let errors = counted(counts.errors, "error");
        text += &format!("\n{errors} above: rules with errors were left out\n");
    }
    Ok(terminal::print(&text)?)
}

/// The log, which may be JSON, as that is YAML too.
fn standard_input() -> Result<Source, Failure> {
    let mut text = String::new();
    let limit = u64::try_from(SOURCE_BYTES_MAX).unwrap_or(u64::MAX);
    let read = std::io::stdin()
        .lock()
        .take(limit + 1)
        .read_to_string(&mut text);
    read.context("read the log from standard input")
        .map_err(Failure::Start)?;
    Ok(Source {
        name: "(standard input)".to_owned(),
        text,
    })
}

fn title(rule: &Rule) -> String {
    let layer = match &rule.layer {
        Layer::Auto => "automatic",
        Layer::Named(layer) => &layer.text,
    };
    format!("{} ({layer})", rule.name.text)
}

fn of_claim(claim: Claim, log: &dyn Log) -> String {
    match claim {
        Claim::Claimed => "claimed: what is kept above is all that is left of the log".to_owned(),
        Claim::Unclaimed => "not claimed by any rule".to_owned(),
        Claim::WithoutService => "not shown to any rule: a log needs a `service`".to_owned(),
        Claim::UnknownLayer => {
            let layer = log.metadata().layer;
            format!("not shown to any rule: nobody has a layer `{layer}`")
        }
    }
}

/// What was told so far.
struct Story<'a> {
    sources: &'a [Source],
    /// Of each rule, by its id.
    titles: Vec<String>,
    text: String,
    /// The rule that was told of last.
    current: Option<RuleId>,
}

impl Story<'_> {
    /// Of the log with this number; the first needs no title.
    fn start(&mut self, number: usize) {
        self.current = None;
        if number > 1 {
            self.push(&format!("\n---- log {number}"));
        }
    }

    fn line(&mut self, rule: RuleId, line: &str) {
        if self.current != Some(rule) {
            let index = usize::try_from(rule.0).unwrap_or(usize::MAX);
            let title = self.titles.get(index).map_or("", |title| title);
            let gap = if self.text.is_empty() { "" } else { "\n" };
            self.current = Some(rule);
            self.push(&format!("{gap}{title}"));
        }
        self.push(line);
    }

    fn push(&mut self, line: &str) {
        writeln!(self.text, "{line}").expect("writing to a `String` does not fail");
    }

    /// Line and first line of a statement.
    fn statement(&self, span: Span) -> (usize, String) {
        let source = usize::try_from(span.source).unwrap_or(usize::MAX);
        let text = self.sources.get(source).map_or("", |source| &*source.text);
        let offset = |at: u32| text.floor_char_boundary(usize::try_from(at).unwrap_or(usize::MAX));
        let (start, end) = (offset(span.start), offset(span.end));
        let statement = text[start..end.max(start)].lines().next();
        let line = text[..start].matches('\n').count() + 1;
        (line, shown(statement.unwrap_or_default()))
    }
}

fn shown(text: &str) -> String {
    let is_long = text.chars().count() > SHOWN_MAX;
    let plain = text
        .chars()
        .take(SHOWN_MAX)
        .map(|it| if it.is_control() { ' ' } else { it });
    let dots = if is_long { ".." } else { "" };
    format!("{}{dots}", plain.collect::<String>().trim_end())
}

fn quoted(value: Option<&str>) -> String {
    match value {
        Some(value) => format!("`{}`", shown(value)),
        None => "null".to_owned(),
    }
}

/// Hears what statements do.
struct Statements<'s, 'a>(&'s RefCell<Story<'a>>);

impl Observer for Statements<'_, '_> {
    fn statement(&mut self, rule: RuleId, span: Span, effect: Effect<'_>) {
        let mut story = self.0.borrow_mut();
        let (line, statement) = story.statement(span);
        story.line(rule, &format!("{line:5}  {statement}"));
        story.push(&format!("         {}", of_effect(effect)));
    }

    fn left(&mut self, _: RuleId, _: Left<'_>) {}
}

fn of_effect(effect: Effect<'_>) -> String {
    match effect {
        Effect::Skipped => "skipped: the rule has aborted".to_owned(),
        Effect::Parsed => "the body was read".to_owned(),
        Effect::Unparsed { reason } => format!("the body was not read: {}", shown(reason)),
        Effect::Aborted { reason: None } => "aborted".to_owned(),
        Effect::Aborted {
            reason: Some(reason),
        } => format!("aborted: {}", shown(reason)),
        Effect::Branch(Some(0)) => "true".to_owned(),
        Effect::Branch(Some(branch)) => format!("false: branch {} is taken", branch + 1),
        Effect::Branch(None) => "false".to_owned(),
        Effect::Set { value } => quoted(value),
        Effect::Tag { key, value } => match value.filter(|value| !value.is_empty()) {
            Some(value) => format!("{key} = {}", quoted(Some(value))),
            None => format!("{key} is empty: no tag"),
        },
        Effect::Verdict { saves: true } => "to be kept".to_owned(),
        Effect::Verdict { saves: false } => "to be dropped".to_owned(),
        Effect::Sink { kept: true } => "kept as it stands here".to_owned(),
        Effect::Sink { kept: false } => "not kept".to_owned(),
        Effect::Failed { error } => format!("failed: {}", shown(error)),
    }
}

/// Hears what rules give.
struct Ends<'s, 'a>(&'s RefCell<Story<'a>>);

impl Outcome for Ends<'_, '_> {
    fn record(&mut self, rule: RuleId, record: &Record<'_>) {
        let output = match record.output {
            Output::Log => "log",
            Output::SlowSql(_) => "slow statement",
            Output::SampledTrace(_) => "sampled trace",
        };
        let metadata = &record.metadata;
        let parts = [
            ("layer", metadata.layer),
            ("service", metadata.service),
            ("instance", metadata.instance),
            ("endpoint", metadata.endpoint),
        ];
        let parts = parts.iter().filter(|(_, value)| !value.is_empty());
        let parts: Vec<_> = parts
            .map(|(name, value)| format!("{name} {}", quoted(Some(value))))
            .collect();
        let line = format!("  => {output}: {}", parts.join(", "));
        self.0.borrow_mut().line(rule, &line);
    }

    fn sample(&mut self, rule: RuleId, sample: &Sample<'_>) {
        let labels = sample.labels.unwrap_or_default().iter();
        let labels: Vec<_> = labels
            .map(|(name, value)| format!("{name}={}", quoted(Some(value))))
            .collect();
        let line = format!(
            "  => sample: {} {{{}}} {}",
            sample.name,
            labels.join(", "),
            sample.value
        );
        self.0.borrow_mut().line(rule, &line);
    }

    fn end(&mut self, rule: RuleId, end: End<'_>) {
        let line = match end {
            End::Done { records: 0 } => "nothing is kept, and the log is claimed".to_owned(),
            End::Done { records } => {
                format!("the log is claimed, {} kept", counted_records(records))
            }
            End::WithoutLayer => "nothing is kept: an automatic rule has to set a layer".to_owned(),
            End::Incomplete { missing } => format!("nothing is kept: there is no `{missing}`"),
            End::Aborted { .. } => "the rule has aborted".to_owned(),
            End::Failed { error, .. } => format!("the rule has failed: {}", shown(error)),
        };
        self.0.borrow_mut().line(rule, &format!("  end: {line}"));
    }
}

fn counted_records(records: u32) -> String {
    counted(usize::try_from(records).unwrap_or(usize::MAX), "record")
}
