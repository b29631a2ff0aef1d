//! Statements of filters, sinks and samplers, `if`, and where each of them may stand.

use super::{Halt, Parsed, Parser, interpolation, is, is_any_identifier, name, shown};
use crate::align::Text;
use crate::lexer::{Kind, Token};
use crate::place::{Place, word};
use crate::tree::{Branch, IdPart, Name, Statement, StatementKind};

/// Words that OAP's documentation has and its grammar does not, and what to write instead.
const DOCUMENTED_ONLY: [(&str, &str); 3] = [
    (
        "possibility",
        "OAP has no such sampler: `rateLimit(\"id\") { rpm 100 }`",
    ),
    ("drop", "`sink { dropper {} }` drops a log"),
    ("grok", "OAP reads text by `text { regexp .. }` only"),
];

impl Parser<'_> {
    /// `{ .. }` with what may stand in `place`.
    pub(super) fn block(&mut self, place: Place) -> Parsed<Vec<Statement>> {
        let statements = self.statements()?;
        for statement in &statements {
            if !place.takes(&statement.kind) {
                self.misplaced(statement, place);
            }
        }
        Ok(statements)
    }

    /// Says where the statement belongs.
    fn misplaced(&mut self, statement: &Statement, place: Place) {
        let word = word(&statement.kind);
        let message = format!("`{word}` cannot stand in `{}`", place.name());
        let homes = Place::ALL.iter().filter(|it| it.takes(&statement.kind));
        let homes: Vec<_> = homes.map(|it| format!("`{}`", it.name())).collect();
        let documented = DOCUMENTED_ONLY.iter().find(|(of, _)| *of == word);
        let help = match documented {
            Some((_, instead)) => (*instead).to_owned(),
            None => format!("it belongs in {}", homes.join(" or ")),
        };
        self.findings.error(statement.span, message).help(help);
    }

    /// `{ .. }` with the body of an `if`: one of the four lists, whatever the `if` stands in.
    fn if_body(&mut self) -> Parsed<Vec<Statement>> {
        let statements = self.statements()?;
        let fits = |place: &&Place| statements.iter().all(|it| place.takes(&it.kind));
        if Place::ALL.iter().find(fits).is_some() {
            return Ok(statements);
        }
        let homes = |statement: &Statement| Place::ALL.map(|place| place.takes(&statement.kind));
        let mut common = [true; Place::ALL.len()];
        let odd = statements.iter().find(|statement| {
            let here = homes(statement);
            for (common, here) in common.iter_mut().zip(here) {
                *common &= here;
            }
            !common.contains(&true)
        });
        if let Some(odd) = odd {
            let message = format!(
                "`{}` does not go with what stands before it",
                word(&odd.kind)
            );
            let report = self.findings.error(odd.span, message);
            report.help(
                "an `if` holds statements of a filter, an extractor, a sink or a sampler, not of two",
            );
        }
        Ok(statements)
    }

    /// Statements of any kind up to the `}`; what is wrong in one does not hide the next.
    fn statements(&mut self) -> Parsed<Vec<Statement>> {
        let open = self.expect("{", "the block's statements stand between `{` and `}`")?;
        self.deeper(|parser| {
            let mut statements = Vec::new();
            while !parser.is("}") {
                if parser.peek().kind == Kind::End {
                    let help = "each `{` needs a `}`";
                    return parser.fail_at(open, "this `{` is not closed", help);
                }
                let start = parser.at;
                match parser.statement() {
                    Ok(statement) => statements.push(statement),
                    Err(Halt::Passed) => {}
                    Err(Halt::Lost) => parser.skip_statement(start),
                }
            }
            parser.next();
            Ok(statements)
        })
    }

    /// To where the next statement seems to start: a word at the start of a line, outside of braces.
    fn skip_statement(&mut self, start: usize) {
        if self.at == start {
            self.skip_one();
        }
        // Braces that the statement opened are its own; it ends behind the last of them.
        let mut open = 0_usize;
        for token in &self.tokens[start..self.at] {
            if is(*token, "{") {
                open += 1;
            } else if is(*token, "}") {
                open = open.saturating_sub(1);
            }
        }
        for _ in 0..open {
            while !self.is("}") && self.peek().kind != Kind::End {
                self.skip_one();
            }
            self.next();
        }
        loop {
            let token = self.peek();
            let starts = token.first_on_line && token.kind == Kind::Word && !is(token, "else");
            if token.kind == Kind::End || is(token, "}") || starts {
                return;
            }
            self.skip_one();
        }
    }

    /// A token, or a whole block.
    fn skip_one(&mut self) {
        if self.is("{") {
            self.skip_block();
        } else if !self.is("}") {
            self.next();
        }
    }

    fn skip_block(&mut self) {
        let mut open = 0_usize;
        loop {
            let token = self.next();
            match token.text {
                "{" if token.kind == Kind::Mark => open += 1,
                "}" if token.kind == Kind::Mark => open = open.saturating_sub(1),
                _ => {}
            }
            if open == 0 || token.kind == Kind::End {
                return;
            }
        }
    }

    fn statement(&mut self) -> Parsed<Statement> {
        let first = self.peek();
        let kind = self.statement_kind(first)?;
        Ok(Statement {
            kind,
            span: first.span.to(self.last_span()),
        })
    }

    fn statement_kind(&mut self, first: Token<'_>) -> Parsed<StatementKind> {
        if first.kind != Kind::Word {
            let message = format!("a statement is expected here, not {}", shown(first));
            let help = match first.text {
                ";" => "statements are not separated: take the `;` away",
                _ => "for example `json {}`, `extractor { .. }`, `sink {}`",
            };
            return self.fail(message, help);
        }
        if self.is("if") {
            return self.if_chain();
        }
        let opens_block = is(self.peek_at(1), "{");
        match first.text {
            "text" | "json" | "yaml" if opens_block => self.body_parser(first.text),
            "extractor" if opens_block => {
                self.next();
                self.block(Place::Extractor).map(StatementKind::Extractor)
            }
            "sink" if opens_block => {
                self.next();
                self.block(Place::Sink).map(StatementKind::Sink)
            }
            "sampler" if opens_block => {
                self.next();
                self.block(Place::Sampler).map(StatementKind::Sampler)
            }
            "abort" if opens_block => self.empty(StatementKind::Abort),
            "enforcer" if opens_block => self.empty(StatementKind::Enforcer),
            "dropper" if opens_block => self.empty(StatementKind::Dropper),
            "rateLimit" if is(self.peek_at(1), "(") || opens_block => self.rate_limit(),
            "def" if is(self.peek_at(2), "=") => self.definition(),
            _ if opens_block => self.unknown_block(first),
            _ => self.extraction(first),
        }
    }

    fn unknown_block(&mut self, first: Token<'_>) -> Parsed<StatementKind> {
        if first.text == "metrics" {
            let metrics = self.metrics()?;
            return Ok(StatementKind::Metrics(Box::new(metrics)));
        }
        let help = match first.text {
            "filter" => "a rule has one `filter`, which holds everything else",
            "drop" => "`sink { dropper {} }` drops a log",
            "else" => "`else` follows the `}` of an `if`",
            _ => "blocks are text, json, yaml, extractor, sink, abort, metrics, sampler and if",
        };
        self.fail(format!("there is no block `{}`", first.text), help)
    }

    fn empty(&mut self, kind: StatementKind) -> Parsed<StatementKind> {
        self.next();
        self.next();
        self.expect("}", "nothing can stand between its braces")?;
        Ok(kind)
    }

    pub(super) fn definition(&mut self) -> Parsed<StatementKind> {
        self.next();
        let name = self.identifier("a variable's name is no word of the language")?;
        self.next();
        let value = self.operand()?;
        Ok(StatementKind::Def { name, value })
    }

    fn body_parser(&mut self, word: &str) -> Parsed<StatementKind> {
        self.next();
        self.next();
        let mut pattern = None;
        let mut abort_on_failure = true;
        let mut entries = 0;
        while !self.accept("}") {
            let once = word != "text" && entries == 1;
            if self.is("regexp") && word == "text" {
                self.next();
                pattern = Some(self.pattern()?);
            } else if self.is("abortOnFailure") && !once {
                self.next();
                abort_on_failure = self.boolean()?;
            } else {
                let message = format!("{} cannot stand here in `{word}`", shown(self.peek()));
                let help = match word {
                    "text" => "`regexp` with a text, or `abortOnFailure true|false`",
                    _ => "`abortOnFailure true|false`, once",
                };
                return self.fail(message, help);
            }
            entries += 1;
        }
        Ok(match word {
            "text" => StatementKind::Text {
                pattern,
                abort_on_failure,
            },
            "json" => StatementKind::Json { abort_on_failure },
            _ => StatementKind::Yaml { abort_on_failure },
        })
    }

    fn pattern(&mut self) -> Parsed<Name> {
        let token = self.peek();
        if token.kind != Kind::Slashy {
            return self.string("a pattern stands in quotes or between `$/` and `/$`");
        }
        self.next();
        Ok(Name {
            text: token.text[2..token.text.len() - 2].to_owned(),
            span: token.span,
        })
    }

    fn boolean(&mut self) -> Parsed<bool> {
        let found = self.is("true");
        if !found && !self.is("false") {
            let message = format!(
                "`true` or `false` is expected here, not {}",
                shown(self.peek())
            );
            return self.fail(message, "without quotes");
        }
        self.next();
        Ok(found)
    }

    fn if_chain(&mut self) -> Parsed<StatementKind> {
        let mut branches = Vec::new();
        let mut otherwise = None;
        let mut is_whole = true;
        loop {
            self.next();
            match self.branch() {
                Ok(branch) => branches.push(branch),
                Err(Halt::Passed) => is_whole = false,
                Err(Halt::Lost) => return Err(Halt::Lost),
            }
            if !self.accept("else") {
                break;
            }
            if !self.is("if") {
                otherwise = Some(self.if_body()?);
                break;
            }
        }
        if !is_whole {
            return Err(Halt::Passed);
        }
        Ok(StatementKind::If {
            branches,
            otherwise,
        })
    }

    /// `( condition ) { .. }`; the body is read also where the condition is broken.
    fn branch(&mut self) -> Parsed<Branch> {
        let condition = self.condition_in_parentheses();
        if condition.is_err() {
            while !self.is("{") && !self.is("}") && self.peek().kind != Kind::End {
                self.next();
            }
            if !self.is("{") {
                return Err(Halt::Lost);
            }
        }
        let body = self.if_body()?;
        match condition {
            Ok(condition) => Ok(Branch { condition, body }),
            Err(_) => Err(Halt::Passed),
        }
    }

    fn rate_limit(&mut self) -> Parsed<StatementKind> {
        let form = "for example `rateLimit(\"id\") { rpm 100 }`";
        self.next();
        self.expect("(", form)?;
        let token = self.peek();
        let whole = self.string(form)?;
        let id = self.id_parts(token, &whole.text)?;
        self.expect(")", form)?;
        self.expect("{", form)?;
        self.expect("rpm", form)?;
        let number = self.next();
        let rpm = number.text.parse::<u32>().ok();
        let rpm = rpm.filter(|rpm| number.kind == Kind::Number && i32::try_from(*rpm).is_ok());
        let Some(rpm) = rpm else {
            let message = format!("`rpm` takes a plain number, not {}", shown(number));
            return self.fail_at(number.span, message, "logs a minute, from 0 to 2147483647");
        };
        self.expect("}", form)?;
        Ok(StatementKind::RateLimit { id, rpm })
    }

    /// A limit's id with what stands in `${..}`; `token` is its text with quotes.
    fn id_parts(&mut self, token: Token<'_>, id: &str) -> Parsed<Vec<IdPart>> {
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(found) = id[at..].find("${") {
            let inner = at + found + 2;
            let Some(length) = closing_brace(&id[inner..]) else {
                let message = "a `${` in this id is not closed";
                return self.fail_at(token.span, message, "end the value with `}`");
            };
            if found > 0 {
                parts.push(IdPart::Text(id[at..at + found].to_owned()));
            }
            let start = token.start + 1 + inner;
            let text: Text = self.text.part(start, start + length);
            let value = interpolation(&text, self.compatibility, self.findings);
            parts.push(IdPart::Value(value.ok_or(Halt::Lost)?));
            at = inner + length + 1;
        }
        if at < id.len() || parts.is_empty() {
            parts.push(IdPart::Text(id[at..].to_owned()));
        }
        Ok(parts)
    }

    /// A statement of an extractor that starts with a plain word.
    fn extraction(&mut self, first: Token<'_>) -> Parsed<StatementKind> {
        if is_any_identifier(first) {
            self.next();
            return self.extract(name(first));
        }
        let message = format!("a statement is expected here, not {}", shown(first));
        let help = match first.text {
            "else" => "`else` follows the `}` of an `if`",
            _ => "it is a word of the language; statements start with their own name",
        };
        self.fail(message, help)
    }
}

/// The length of what stands before the `}` that closes; braces inside are counted.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    for (at, char) in text.char_indices() {
        match char {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}
