//! Tokens to statements: the grammar of OAP, with recovery at every statement.
//!
//! A statement is read by what it is and judged by where it stands afterwards, so that a statement
//! at the wrong place is told as that and not as a word that was not expected.

mod condition;
mod extract;
mod statement;
mod value;

use crate::align::Text;
use crate::diagnostic::{Findings, Span};
use crate::lexer::{self, Kind, RESERVED, SOFT, Token};
use crate::load::Compatibility;
use crate::place::Place;
use crate::tree::{DEPTH_MAX, Name, Statement, Value};

/// Tokens of one rule; a rule with more is refused.
const TOKENS_MAX: usize = 50_000;

/// Why reading a statement ended; the reason is in the findings.
enum Halt {
    /// What follows is still part of it.
    Lost,
    /// It was read to its end.
    Passed,
}

type Parsed<T> = Result<T, Halt>;

/// The statements of the one `filter` that `text` is; `None` if anything is wrong with it.
pub(crate) fn parse(
    text: &Text,
    compatibility: Compatibility,
    findings: &mut Findings,
) -> Option<Vec<Statement>> {
    let mark = findings.mark();
    let tokens = lexer::read(text, findings);
    if tokens.len() > TOKENS_MAX {
        let message = format!("the rule has more than {TOKENS_MAX} words and signs");
        let report = findings.error(tokens[TOKENS_MAX].span, message);
        report.help("make several rules of it");
        return None;
    }
    let mut parser = Parser {
        text,
        tokens,
        at: 0,
        depth: 0,
        compatibility,
        findings,
    };
    let script = parser.script().ok()?;
    (!findings.has_errors_since(mark)).then_some(script)
}

/// The value in `${..}`; `None` if there is none. What follows it is not looked at, as in OAP.
pub(crate) fn interpolation(
    text: &Text,
    compatibility: Compatibility,
    findings: &mut Findings,
) -> Option<Value> {
    let tokens = lexer::read(text, findings);
    let mut parser = Parser {
        text,
        tokens,
        at: 0,
        depth: 0,
        compatibility,
        findings,
    };
    parser.value().ok()
}

struct Parser<'a> {
    text: &'a Text,
    tokens: Vec<Token<'a>>,
    at: usize,
    /// Open blocks, conditions, parentheses and arguments.
    depth: usize,
    compatibility: Compatibility,
    findings: &'a mut Findings,
}

impl<'a> Parser<'a> {
    fn script(&mut self) -> Parsed<Vec<Statement>> {
        self.expect("filter", "a rule is one `filter { .. }`")?;
        let filter = self.block(Place::Filter)?;
        let rest = self.peek();
        if rest.kind == Kind::End {
            return Ok(filter);
        }
        let message = format!("{} follows the end of `filter`", shown(rest));
        let help = match rest.text {
            "filter" => "a rule has one `filter`: make it two rules",
            "}" => "there is one `}` too many",
            _ => "put it in front of the last `}`",
        };
        self.fail(message, help)
    }

    fn peek(&self) -> Token<'a> {
        self.peek_at(0)
    }

    /// The token `ahead` of the next one; the end if there are not as many.
    fn peek_at(&self, ahead: usize) -> Token<'a> {
        let last = self.tokens.len() - 1;
        self.tokens[(self.at + ahead).min(last)]
    }

    /// The last token that was taken.
    fn last_span(&self) -> Span {
        self.tokens[self.at.saturating_sub(1)].span
    }

    fn next(&mut self) -> Token<'a> {
        let token = self.peek();
        if token.kind != Kind::End {
            self.at += 1;
        }
        token
    }

    fn is(&self, text: &str) -> bool {
        is(self.peek(), text)
    }

    fn accept(&mut self, text: &str) -> bool {
        let found = self.is(text);
        if found {
            self.next();
        }
        found
    }

    fn expect(&mut self, text: &str, help: &str) -> Parsed<Span> {
        if self.is(text) {
            return Ok(self.next().span);
        }
        let message = format!("`{text}` is expected here, not {}", shown(self.peek()));
        self.fail(message, help)
    }

    /// An error at the next token.
    fn fail<T>(&mut self, message: impl Into<String>, help: &str) -> Parsed<T> {
        self.fail_at(self.peek().span, message, help)
    }

    fn fail_at<T>(&mut self, span: Span, message: impl Into<String>, help: &str) -> Parsed<T> {
        self.findings.error(span, message).help(help);
        Err(Halt::Lost)
    }

    /// Reads with `read` one level further down.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEPTH_MAX {
            let message = format!("nested deeper than {DEPTH_MAX} levels");
            return self.fail(message, "split the rule, or take parentheses away");
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn identifier(&mut self, help: &str) -> Parsed<Name> {
        let token = self.peek();
        if is_identifier(token) {
            self.next();
            return Ok(name(token));
        }
        self.fail(
            format!("a name is expected here, not {}", shown(token)),
            help,
        )
    }

    /// A name where most keywords may stand too: a field, a key.
    fn any_identifier(&mut self, help: &str) -> Parsed<Name> {
        let token = self.peek();
        if is_any_identifier(token) {
            self.next();
            return Ok(name(token));
        }
        let message = if RESERVED.contains(&token.text) {
            format!(
                "`{}` is a word of the language and cannot be a name",
                token.text
            )
        } else {
            format!("a name is expected here, not {}", shown(token))
        };
        self.fail(message, help)
    }

    /// A quoted text, without its quotes.
    fn string(&mut self, help: &str) -> Parsed<Name> {
        let token = self.peek();
        if token.kind != Kind::String {
            let message = format!("a quoted text is expected here, not {}", shown(token));
            return self.fail(message, help);
        }
        self.next();
        Ok(Name {
            text: token.text[1..token.text.len() - 1].to_owned(),
            span: token.span,
        })
    }
}

fn is(token: Token<'_>, text: &str) -> bool {
    matches!(token.kind, Kind::Word | Kind::Mark) && token.text == text
}

fn is_identifier(token: Token<'_>) -> bool {
    is_any_identifier(token) && !SOFT.contains(&token.text)
}

fn is_any_identifier(token: Token<'_>) -> bool {
    token.kind == Kind::Word && !RESERVED.contains(&token.text)
}

fn name(token: Token<'_>) -> Name {
    Name {
        text: token.text.to_owned(),
        span: token.span,
    }
}

/// A token as a message names it.
fn shown(token: Token<'_>) -> String {
    match token.kind {
        Kind::End => "the end of the rule".to_owned(),
        Kind::String | Kind::Slashy => "a text".to_owned(),
        _ => format!("`{}`", token.text),
    }
}
