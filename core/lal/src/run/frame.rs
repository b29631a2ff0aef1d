//! What all rules of one log share: its tags, its body, what was parsed, the layer they have set.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};

use bumpalo::Bump;
use regex::CaptureLocations;

use super::value::{Failure, Fallible, Value};
use super::{Now, Scratch};
use crate::compile::Rules;
use crate::document::{Document, Node};
use crate::java::text;
use crate::log::{Body, Log, Metadata};
use crate::message::{self, Received};

/// Bytes of text that the rules of one log may make, all together. It bounds what a rule that
/// doubles a text again and again can do.
pub(crate) const MADE_BYTES_MAX: usize = 64 << 20;
/// Bytes that stay with a [`Scratch`] for the next log.
const KEPT_BYTES_MAX: usize = 1 << 20;
/// Bytes of a value that an error shows.
const SHOWN_BYTES_MAX: usize = 80;

/// What rules look at.
pub(crate) struct Input<'a, L: ?Sized> {
    pub(crate) log: &'a L,
    /// What there is instead of a body and tags, if the input is no log.
    pub(crate) received: Option<&'a Received<'a>>,
    /// As it came, but for a time if it had none.
    pub(crate) metadata: Metadata<'a>,
}

/// A log on its way through rules.
pub(crate) struct Frame<'a, L: ?Sized> {
    pub(crate) rules: &'a Rules,
    pub(crate) log: &'a L,
    /// The input, if it is no log.
    pub(crate) received: Option<&'a Received<'a>>,
    pub(crate) now: Now,
    pub(crate) arena: &'a Bump,
    /// As the log came, but for a time if it had none.
    pub(crate) metadata: Metadata<'a>,
    /// Of the metadata; what one rule sets is there for the next.
    pub(crate) layer: Cell<&'a str>,
    /// By slot, `None` as long as nobody has asked.
    tags: &'a [Cell<Option<&'a str>>],
    source_attributes: &'a [Cell<Option<&'a str>>],
    body: OnceCell<Content<'a>>,
    entry: OnceCell<Fallible<'a, &'a str>>,
    json: Lazy<'a>,
    yaml: Lazy<'a>,
    /// For values that are made JSON, by slot, until one is.
    documents: &'a [Cell<Option<&'a mut Document>>],
    pub(crate) locations: RefCell<&'a mut Vec<Option<CaptureLocations>>>,
    buffer: RefCell<&'a mut String>,
    made: Cell<usize>,
}

/// A body, with the text in the arena if the log had to make it.
#[derive(Clone, Copy)]
pub(crate) enum Content<'a> {
    None,
    Text(&'a str),
    Json(&'a str),
    Yaml(&'a str),
}

/// A body that is parsed when the first rule asks.
struct Lazy<'a> {
    document: Cell<Option<&'a mut Document>>,
    parsed: OnceCell<Result<Node<'a>, &'a str>>,
}

impl<'a> Lazy<'a> {
    fn new(document: &'a mut Document) -> Lazy<'a> {
        Lazy {
            document: Cell::new(Some(document)),
            parsed: OnceCell::new(),
        }
    }

    fn get(
        &self,
        arena: &'a Bump,
        parse: impl FnOnce(&mut Document) -> Result<(), String>,
    ) -> Result<Node<'a>, &'a str> {
        *self.parsed.get_or_init(|| {
            let document = self.document.take();
            let document = document.expect("a body is parsed once");
            match parse(document) {
                Ok(()) => Ok(document.root()),
                Err(error) => Err(arena.alloc_str(&error)),
            }
        })
    }
}

impl<'a, L: Log + ?Sized> Frame<'a, L> {
    pub(crate) fn new(
        rules: &'a Rules,
        input: Input<'a, L>,
        now: Now,
        scratch: &'a mut Scratch,
    ) -> Frame<'a, L> {
        scratch.prepare(rules);
        let Input {
            log,
            received,
            metadata,
        } = input;
        let Scratch {
            arena,
            json,
            yaml,
            made,
            locations,
            buffer,
            ..
        } = scratch;
        let arena: &'a Bump = arena;
        let empty = |_| Cell::new(None);
        let made = made.iter_mut().map(|document| Cell::new(Some(document)));
        Frame {
            rules,
            log,
            received,
            entry: OnceCell::new(),
            now,
            arena,
            layer: Cell::new(metadata.layer),
            metadata,
            tags: arena.alloc_slice_fill_with(rules.tags.len(), empty),
            source_attributes: arena.alloc_slice_fill_with(rules.source_attributes.len(), empty),
            body: OnceCell::new(),
            json: Lazy::new(json),
            yaml: Lazy::new(yaml),
            documents: arena.alloc_slice_fill_iter(made),
            locations: RefCell::new(locations),
            buffer: RefCell::new(buffer),
            made: Cell::new(0),
        }
    }

    pub(crate) fn tag(&self, slot: usize) -> &'a str {
        self.tags[slot].get().unwrap_or_else(|| {
            let value = self.own(self.log.tag(&self.rules.tags[slot]));
            self.tags[slot].set(Some(value));
            value
        })
    }

    pub(crate) fn source_attribute(&self, slot: usize) -> &'a str {
        self.source_attributes[slot].get().unwrap_or_else(|| {
            let key = &self.rules.source_attributes[slot];
            let value = self.own(self.log.source_attribute(key));
            self.source_attributes[slot].set(Some(value));
            value
        })
    }

    fn own(&self, text: Option<Cow<'a, str>>) -> &'a str {
        match text {
            None => "",
            Some(Cow::Borrowed(text)) => text,
            Some(Cow::Owned(text)) => self.arena.alloc_str(&text),
        }
    }

    pub(crate) fn body(&self) -> Content<'a> {
        *self.body.get_or_init(|| {
            if self.received.is_some() {
                return Content::None;
            }
            match self.log.body() {
                Body::None => Content::None,
                Body::Text(text) => Content::Text(self.own(Some(text))),
                Body::Json(text) => Content::Json(self.own(Some(text))),
                Body::Yaml(text) => Content::Yaml(self.own(Some(text))),
            }
        })
    }

    /// The message that is the input, as JSON; `None` for a log.
    pub(crate) fn entry(&self) -> Fallible<'a, Option<&'a str>> {
        let Some(received) = self.received else {
            return Ok(None);
        };
        let json = self.entry.get_or_init(|| {
            let json = received.message.as_ref().map_err(Clone::clone);
            match json.and_then(message::json) {
                Ok(json) => self.keep(&json),
                Err(error) => Err(self.failure(format_args!("{error}"))),
            }
        });
        (*json).map(Some)
    }

    /// The body as `json {}` reads it: also a text body.
    pub(crate) fn json(&self) -> Result<Node<'a>, &'a str> {
        let text = match self.body() {
            Content::Json(text) | Content::Text(text) => text,
            Content::None | Content::Yaml(_) => "",
        };
        self.json.get(self.arena, |it| it.parse_json(text))
    }

    pub(crate) fn yaml(&self) -> Result<Node<'a>, &'a str> {
        let text = match self.body() {
            Content::Yaml(text) => text,
            Content::None | Content::Json(_) | Content::Text(_) => "",
        };
        self.yaml.get(self.arena, |it| it.parse_yaml(text))
    }

    /// Reads a text as Gson does, at most once for each slot.
    pub(crate) fn gson(&self, slot: usize, text: &str) -> Fallible<'a, Node<'a>> {
        let document = self.documents[slot].take();
        let document = document.expect("a rule runs once for a log, and each statement once");
        match document.parse_gson(text) {
            Ok(()) => Ok(document.root()),
            Err(error) => Err(self.failure(format_args!("no JSON: {error}"))),
        }
    }

    /// A value as Java prints it; `None` for null.
    pub(crate) fn text(&self, value: Value<'a>) -> Fallible<'a, Option<&'a str>> {
        let text = match value {
            Value::Null => return Ok(None),
            Value::Text(text) | Value::Big(text) | Value::Constant(text) => text,
            Value::Message(it) => self.print(|to| message::push_text(to, it, MADE_BYTES_MAX))?,
            Value::Boolean(true) => "true",
            Value::Boolean(false) => "false",
            Value::Character(value) => self.keep(value.encode_utf8(&mut [0; 4]))?,
            Value::Integer(value) => self.digits(i64::from(value))?,
            Value::Long(value) => self.digits(value)?,
            Value::Float(value) => self.print(|to| text::push_float(to, value))?,
            Value::Double(value) => self.print(|to| text::push_double(to, value))?,
            Value::Node(node) => self.print(|to| node.push_java(to))?,
            Value::Json(element) => self.print(|to| element.node.push_json(to))?,
            // Java prints an array's address.
            Value::Texts(texts) => self.print(|to| texts.iter().for_each(|it| to.push_str(it)))?,
        };
        Ok(Some(text))
    }

    fn digits(&self, value: i64) -> Fallible<'a, &'a str> {
        self.keep(itoa::Buffer::new().format(value))
    }

    fn print(&self, push: impl FnOnce(&mut String)) -> Fallible<'a, &'a str> {
        let mut buffer = self.buffer.borrow_mut();
        buffer.clear();
        push(&mut buffer);
        self.keep(&buffer)
    }

    /// A text for as long as the log is on its way.
    pub(crate) fn keep(&self, text: &str) -> Fallible<'a, &'a str> {
        self.count(text.len())?;
        Ok(self.arena.alloc_str(text))
    }

    pub(crate) fn keep_cow(&self, text: Cow<'a, str>) -> Fallible<'a, &'a str> {
        match text {
            Cow::Borrowed(text) => Ok(text),
            Cow::Owned(text) => self.keep(&text),
        }
    }

    /// Counts bytes of text that is about to be made.
    pub(crate) fn count(&self, bytes: usize) -> Fallible<'a, ()> {
        let made = self.made.get().saturating_add(bytes);
        if made > MADE_BYTES_MAX {
            let limit = format_args!("the rules of one log make more than {MADE_BYTES_MAX} bytes");
            return Err(self.failure(limit));
        }
        self.made.set(made);
        Ok(())
    }

    pub(crate) fn failure(&self, error: std::fmt::Arguments<'_>) -> Failure<'a> {
        Failure(bumpalo::format!(in self.arena, "{}", error).into_bump_str())
    }
}

/// The start of a text, for a message.
pub(crate) fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(SHOWN_BYTES_MAX)]
}

impl Scratch {
    /// Forgets the last log, and what it took to read other rules' logs.
    fn prepare(&mut self, rules: &Rules) {
        self.arena.reset();
        if self.arena.allocated_bytes() > KEPT_BYTES_MAX {
            self.arena = Bump::new();
        }
        self.buffer.clear();
        self.buffer.shrink_to(KEPT_BYTES_MAX);
        if self.generation != rules.generation {
            self.generation = rules.generation;
            self.made.resize_with(rules.documents, Document::default);
            self.locations.clear();
            self.locations.resize_with(rules.patterns, || None);
        }
    }
}
