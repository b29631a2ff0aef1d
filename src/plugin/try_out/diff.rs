//! What differs between a message and what a plugin made of it.

use bytes::Bytes;
use plugin::{Emitted, Kind, Signal};

use super::items::{self, Item};
use super::totals::Outcome;

/// How far it is looked ahead for an item that might have become the one after a dropped one.
const AHEAD_MAX: usize = 1000;

/// In the order of the message.
#[derive(Debug, Default)]
pub(super) struct Diff {
    changes: Vec<Change>,
    is_dropped: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Change {
    Dropped(Item),
    Added(Item),
    /// The item as it was, and its fields that are not as they were.
    Changed(Item, Vec<FieldChange>),
}

/// The values of one key.
#[derive(Debug, PartialEq, Eq)]
struct FieldChange {
    key: String,
    before: Vec<String>,
    after: Vec<String>,
}

/// An error says what is wrong with what the plugin made.
pub(super) fn between(kind: Kind, before: &Bytes, after: &[Emitted]) -> Result<Diff, String> {
    let before = items::read(kind, before)?;
    let mut items = Vec::new();
    for emitted in after {
        items.extend(items::read(kind, &emitted.message)?);
    }
    Ok(Diff {
        changes: compare(before, items),
        is_dropped: after.is_empty(),
    })
}

fn compare(before: Vec<Item>, after: Vec<Item>) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut after = after.into_iter().peekable();
    for (index, item) in before.iter().enumerate() {
        let rest = &before[index + 1..];
        // What stands before the item's own place and is none of those to come is new.
        while let Some(new) = after.next_if(|next| {
            !is_same(item, next)
                && !rest
                    .iter()
                    .take(AHEAD_MAX)
                    .any(|later| is_same(later, next))
        }) {
            changes.push(Change::Added(new));
        }
        let is_own = |next: &Item| {
            let is_later = || rest.iter().take(AHEAD_MAX).any(|later| later == next);
            is_same(item, next) && (item == next || !is_later())
        };
        match after.next_if(is_own) {
            None => changes.push(Change::Dropped(item.clone())),
            Some(next) if next.fields == item.fields => {}
            Some(next) => changes.push(Change::Changed(item.clone(), fields(item, &next))),
        }
    }
    changes.extend(after.map(Change::Added));
    changes
}

fn is_same(one: &Item, other: &Item) -> bool {
    one.noun == other.noun && one.identity == other.identity
}

/// The keys whose values differ, in the order in which they stand.
fn fields(before: &Item, after: &Item) -> Vec<FieldChange> {
    let mut changes: Vec<FieldChange> = Vec::new();
    for (key, _) in before.fields.iter().chain(&after.fields) {
        if changes.iter().any(|change| change.key == *key) {
            continue;
        }
        let values = |item: &Item| {
            let fields = item.fields.iter().filter(|(found, _)| found == key);
            fields.map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        let (before, after) = (values(before), values(after));
        if before != after {
            changes.push(FieldChange {
                key: key.clone(),
                before,
                after,
            });
        }
    }
    changes
}

/// How a diff is marked: signs for all, colours for terminals.
pub(super) struct Style {
    removed: &'static str,
    added: &'static str,
    plain: &'static str,
}

impl Style {
    pub(super) fn of(coloured: bool) -> Self {
        match coloured {
            true => Style {
                removed: "\u{1b}[31m",
                added: "\u{1b}[32m",
                plain: "\u{1b}[0m",
            },
            false => Style {
                removed: "",
                added: "",
                plain: "",
            },
        }
    }

    fn line(&self, sign: char, text: &str) -> String {
        let colour = if sign == '-' {
            self.removed
        } else {
            self.added
        };
        format!("    {colour}{sign} {text}{}\n", self.plain)
    }
}

impl Diff {
    pub(super) fn outcome(&self) -> Outcome {
        match self.is_dropped {
            true => Outcome::Dropped,
            false => Outcome::Changed,
        }
    }

    pub(super) fn render(&self, place: &str, signal: Signal, style: &Style) -> String {
        let mut out = heading(place, signal);
        if self.is_dropped {
            out += "  dropped, with everything in it\n";
        } else if self.changes.is_empty() {
            out += "  replaced by the same in other bytes\n";
        }
        for change in &self.changes {
            match change {
                // A message that is dropped has lost its resource too, which says nothing.
                Change::Dropped(item) if item.noun == "resource" => {}
                Change::Dropped(item) => {
                    out += &style.line('-', &format!("{} dropped", title(item)));
                }
                Change::Added(item) => out += &added(item, style),
                Change::Changed(item, fields) => {
                    out += &format!("  {}\n", title(item));
                    for FieldChange { key, before, after } in fields {
                        for value in before {
                            out += &style.line('-', &format!("{key}: {value}"));
                        }
                        for value in after {
                            out += &style.line('+', &format!("{key}: {value}"));
                        }
                    }
                }
            }
        }
        out
    }
}

/// A message that was not there before.
pub(super) fn render_new(place: &str, signal: Signal, items: &[Item], style: &Style) -> String {
    let mut out = heading(place, signal);
    out += "  derived\n";
    for item in items {
        out += &added(item, style);
    }
    out
}

fn heading(place: &str, signal: Signal) -> String {
    let signal = match signal {
        Signal::Traces => "traces",
        Signal::Metrics => "metrics",
        Signal::Logs => "logs",
    };
    format!("{place}: {signal}\n")
}

/// As JSON, so that nothing in it moves the cursor.
fn title(item: &Item) -> String {
    const CHARACTERS_MAX: usize = 60;
    let mut name: String = item.name.chars().take(CHARACTERS_MAX).collect();
    if name.len() < item.name.len() {
        name.push('…');
    }
    format!("{} {}", item.noun, serde_json::Value::from(name))
}

fn added(item: &Item, style: &Style) -> String {
    let mut out = style.line('+', &title(item));
    for (key, value) in &item.fields {
        out += &style.line('+', &format!("  {key}: {value}"));
    }
    out
}

#[cfg(test)]
mod tests {
    use skyferry_plugin_sdk::testing::{log, logs, metrics, point, span, spans};

    use super::*;

    fn diff(kind: Kind, before: Vec<u8>, after: Option<Vec<u8>>) -> String {
        let after = after.map(|message| Emitted {
            kind,
            message: message.into(),
        });
        let diff = between(kind, &before.into(), after.as_slice());
        let style = Style::of(false);
        diff.map_or_else(
            |error| error,
            |diff| diff.render("f:1", kind.signal(), &style),
        )
    }

    #[test]
    fn shows_what_changed_in_which_item() {
        let before = spans([
            span("a").attribute("x", 1).attribute("y", "\u{7}"),
            span("b"),
        ]);
        let after = spans([
            span("c").attribute("y", "\u{7}").attribute("z", true),
            span("b"),
        ]);
        assert_eq!(
            diff(Kind::Traces, before, Some(after)),
            "f:1: traces\n  span \"a\"\n    - name: \"a\"\n    + name: \"c\"\n    \
             - attributes.x: 1\n    + attributes.z: true\n"
        );
    }

    #[test]
    fn shows_the_item_that_was_dropped_and_not_its_neighbour() {
        let attributes = |key: &str| point(1).attribute("k", key);
        let before = metrics("m", [attributes("a")]);
        assert_eq!(
            diff(Kind::Metrics, before, None),
            "f:1: metrics\n  dropped, with everything in it\n    - point \"m\" dropped\n"
        );
        let edited = |message: &[u8]| {
            skyferry_plugin_sdk::edit::edit_logs(message, |record, edit| {
                if record.body().as_str() == Some("a") {
                    edit.drop_record();
                }
            })
        };
        let before = logs([log("a"), log("b")]);
        let after = edited(&before);
        assert_eq!(
            diff(Kind::Logs, before, after),
            "f:1: logs\n    - log record \"a\" dropped\n"
        );
    }

    #[test]
    fn bytes_that_are_no_message_are_told() {
        let text = diff(Kind::Traces, spans([span("a")]), Some(vec![0xFF]));
        assert!(
            text.starts_with("what it gives back is no `ResourceSpans`"),
            "{text}"
        );
    }
}
