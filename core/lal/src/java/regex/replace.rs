//! What `String` does by patterns: `replaceAll`, `replaceFirst` and `split`.

use ::regex::{Captures, Regex};

use super::LINE_END;
use crate::java::text::made;

/// A replacement such as `<$1 ${name} \$>`, for one pattern.
#[derive(Debug)]
pub(crate) struct Replacement<'a> {
    regex: &'a Regex,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    /// The target's number of a group.
    Group(usize),
}

impl<'a> Replacement<'a> {
    /// `Err` is what Java would throw.
    pub(crate) fn new(regex: &'a Regex, text: &str) -> Result<Replacement<'a>, String> {
        let groups = groups(regex);
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '\\' => match characters.next() {
                    Some(character) => literal.push(character),
                    None => return Err("character to be escaped is missing".to_owned()),
                },
                '$' => {
                    parts.push(Part::Text(std::mem::take(&mut literal)));
                    let group = if characters.next_if_eq(&'{').is_some() {
                        named(regex, &mut characters)?
                    } else {
                        numbered(&groups, &mut characters)?
                    };
                    parts.push(Part::Group(group));
                }
                _ => literal.push(character),
            }
        }
        parts.push(Part::Text(literal));
        Ok(Replacement { regex, parts })
    }

    pub(crate) fn all(&self, text: &str) -> Result<String, String> {
        self.replaced(text, usize::MAX)
    }

    pub(crate) fn first(&self, text: &str) -> Result<String, String> {
        self.replaced(text, 1)
    }

    fn replaced(&self, text: &str, count: usize) -> Result<String, String> {
        let mut made_of = String::new();
        let mut seen = 0;
        for (captures, start, end) in matches(self.regex, text).take(count) {
            made_of.push_str(&text[seen..start]);
            seen = end;
            for part in &self.parts {
                match part {
                    Part::Text(text) => made_of.push_str(text),
                    Part::Group(0) => made_of.push_str(&text[start..end]),
                    Part::Group(group) => {
                        made_of.push_str(captures.get(*group).map_or("", |it| it.as_str()));
                    }
                }
                made(made_of.len())?;
            }
        }
        made_of.push_str(&text[seen..]);
        made(made_of.len())?;
        Ok(made_of)
    }
}

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn named(regex: &Regex, characters: &mut Characters<'_>) -> Result<usize, String> {
    let mut name = String::new();
    loop {
        match characters.next() {
            Some('}') => break,
            Some(character) => name.push(character),
            None => return Err("named capturing group is missing trailing '}'".to_owned()),
        }
    }
    let group = regex.capture_names().position(|it| it == Some(&*name));
    group.ok_or_else(|| format!("No group with name {{{name}}}"))
}

/// More digits belong to the number while there is such a group.
fn numbered(groups: &[usize], characters: &mut Characters<'_>) -> Result<usize, String> {
    let digit = |character: &char| character.to_digit(10).map(|digit| digit as usize);
    let Some(first) = characters.peek().and_then(digit) else {
        return Err("Illegal group reference".to_owned());
    };
    characters.next();
    let mut number = first;
    while let Some(next) = characters.peek().and_then(digit) {
        let longer = number.saturating_mul(10).saturating_add(next);
        if longer >= groups.len() {
            break;
        }
        number = longer;
        characters.next();
    }
    let group = groups.get(number).copied();
    group.ok_or_else(|| format!("No group {number}"))
}

/// The target's number of each group of Java's, the whole match first.
fn groups(regex: &Regex) -> Vec<usize> {
    let names = regex.capture_names().enumerate();
    let is_own = |name: Option<&str>| name.is_none_or(|it| !it.starts_with(LINE_END));
    let own = names.filter(|(_, name)| is_own(*name));
    own.map(|(group, _)| group).collect()
}

/// Every match as `Matcher.find` gives them, with its start and its end: an empty one may follow at
/// the end of another.
fn matches<'t>(regex: &Regex, text: &'t str) -> impl Iterator<Item = (Captures<'t>, usize, usize)> {
    let mut from = Some(0);
    std::iter::from_fn(move || {
        let captures = regex.captures_at(text, from?)?;
        let whole = captures.get_match();
        let end = end(regex, &captures);
        let (start, whole_end) = (whole.start(), whole.end());
        let character = text[whole_end..].chars().next();
        from = match character {
            _ if end > start => Some(end),
            _ if whole_end > end => Some(whole_end),
            Some(character) => Some(whole_end + character.len_utf8()),
            None => None,
        };
        Some((captures, start, end))
    })
}

/// The end of a match without the line terminator that its `$` has taken along.
fn end(regex: &Regex, captures: &Captures<'_>) -> usize {
    let mut groups = regex.capture_names().zip(captures.iter());
    let line_end = groups.find_map(|(name, found)| {
        let is_line_end = name.is_some_and(|it| it.starts_with(LINE_END));
        found.filter(|_| is_line_end)
    });
    line_end.map_or(captures.get_match().end(), |it| it.start())
}

/// As `String.split`: a limit above 0 is the most parts that there are, 0 drops empty ones at the
/// end, below 0 keeps them.
pub(crate) fn split<'t>(regex: &Regex, text: &'t str, limit: i32) -> Vec<&'t str> {
    let max = usize::try_from(limit).ok().filter(|max| *max > 0);
    let mut parts = Vec::new();
    let mut seen = 0;
    for (_, start, end) in matches(regex, text) {
        if max.is_some_and(|max| parts.len() + 1 >= max) {
            break;
        }
        if end == 0 {
            continue;
        }
        parts.push(&text[seen..start]);
        seen = end;
    }
    if parts.is_empty() {
        return vec![text];
    }
    parts.push(&text[seen..]);
    while limit == 0 && parts.last().is_some_and(|part| part.is_empty()) {
        parts.pop();
    }
    parts
}
