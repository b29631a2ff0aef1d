//! Values, casts and calls.

use super::{Parsed, Parser, is, is_any_identifier, is_identifier, name, shown};
use crate::lexer::{Kind, Token};
use crate::tree::{Call, Cast, Number, Operand, Operator, Root, Segment, SegmentKind, Term, Value};

const VALUE_HELP: &str =
    "for example `parsed.code`, `tag(\"key\")`, `log.service`, `\"text\"` or `7`";

impl Parser<'_> {
    /// A value with the cast behind it, which takes all of the value.
    pub(super) fn operand(&mut self) -> Parsed<Operand> {
        let start = self.peek().span;
        let value = self.value()?;
        let cast = if self.accept("as") {
            Some(self.cast()?)
        } else {
            None
        };
        if cast.is_some() && self.is("as") {
            return self.fail(
                "a second cast cannot follow the first",
                "put the first one into parentheses: `(value as Long) as String`",
            );
        }
        Ok(Operand {
            value,
            cast,
            span: start.to(self.last_span()),
        })
    }

    fn cast(&mut self) -> Parsed<Cast> {
        let help = "String, Long, Integer, Double, Float, Boolean, or a Java class";
        let token = self.peek();
        let cast = match token.text {
            "String" => Cast::String,
            "Long" => Cast::Long,
            "Integer" => Cast::Integer,
            "Double" => Cast::Double,
            "Float" => Cast::Float,
            "Boolean" => Cast::Boolean,
            _ => {
                let mut class = self.identifier(help)?.text;
                while self.accept(".") {
                    class.push('.');
                    class.push_str(&self.identifier(help)?.text);
                }
                return Ok(Cast::Class(class));
            }
        };
        if token.kind != Kind::Word {
            return self.fail("a cast is expected here, not a text", help);
        }
        self.next();
        Ok(cast)
    }

    pub(super) fn value(&mut self) -> Parsed<Value> {
        let operators = [("+", Operator::Add), ("-", Operator::Subtract)];
        self.chain(operators, Self::product)
    }

    fn product(&mut self) -> Parsed<Value> {
        let operators = [("*", Operator::Multiply), ("/", Operator::Divide)];
        self.chain(operators, |parser| parser.term().map(Value::Term))
    }

    fn chain(
        &mut self,
        operators: [(&str, Operator); 2],
        read: impl Fn(&mut Self) -> Parsed<Value>,
    ) -> Parsed<Value> {
        let first = read(self)?;
        let mut rest = Vec::new();
        while let Some((_, operator)) = operators.iter().find(|(text, _)| self.is(text)) {
            self.next();
            rest.push((*operator, read(self)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(Value::Arithmetic {
            first: Box::new(first),
            rest,
        })
    }

    fn term(&mut self) -> Parsed<Term> {
        let start = self.peek().span;
        let root = self.root()?;
        let mut segments = Vec::new();
        while let Some(segment) = self.segment()? {
            segments.push(segment);
        }
        Ok(Term {
            root,
            segments,
            span: start.to(self.last_span()),
        })
    }

    fn root(&mut self) -> Parsed<Root> {
        let token = self.peek();
        match token.kind {
            Kind::String => {
                let text = self.string(VALUE_HELP)?;
                return Ok(Root::Text(text.text));
            }
            Kind::Number => return self.number().map(Root::Number),
            _ => {}
        }
        let root = match token.text {
            _ if self.is("(") => return self.group(),
            _ if self.is_call(0) => return self.call().map(Root::Call),
            _ if is_identifier(token) => Root::Name(token.text.to_owned()),
            "parsed" => Root::Parsed,
            "log" => Root::Log,
            "ProcessRegistry" => Root::ProcessRegistry,
            "true" => Root::Boolean(true),
            "false" => Root::Boolean(false),
            "null" => Root::Null,
            _ => {
                let message = format!("a value is expected here, not {}", shown(token));
                let help = match token.text {
                    "-" => "numbers have no sign: write `(0 - 1)`",
                    _ if token.kind == Kind::Slashy => "`$/../$` is for `regexp`; use quotes",
                    _ if is_any_identifier(token) => {
                        "it is a word of the language: quote it, or read `parsed` or `log`"
                    }
                    _ => VALUE_HELP,
                };
                return self.fail(message, help);
            }
        };
        self.next();
        Ok(root)
    }

    fn group(&mut self) -> Parsed<Root> {
        self.next();
        let inner = self.deeper(Self::operand)?;
        self.expect(")", "the `(` in front of the value is not closed")?;
        Ok(Root::Group(Box::new(inner)))
    }

    fn number(&mut self) -> Parsed<Number> {
        let token = self.peek();
        let Some(number) = read_number(token) else {
            let message = format!("`{}` does not fit 64 bits", token.text);
            return self.fail(message, "the largest number is 9223372036854775807");
        };
        self.next();
        Ok(number)
    }

    /// A call starts `ahead` tokens from here: no keyword but `tag` can be called.
    fn is_call(&self, ahead: usize) -> bool {
        let token = self.peek_at(ahead);
        (is_identifier(token) || is(token, "tag")) && is(self.peek_at(ahead + 1), "(")
    }

    fn call(&mut self) -> Parsed<Call> {
        let name = name(self.next());
        self.next();
        let mut arguments = Vec::new();
        if self.accept(")") {
            return Ok(Call { name, arguments });
        }
        loop {
            arguments.push(self.deeper(Self::operand)?);
            if !self.accept(",") {
                break;
            }
        }
        self.expect(")", "arguments are separated by `,` and ended by `)`")?;
        Ok(Call { name, arguments })
    }

    fn segment(&mut self) -> Parsed<Option<Segment>> {
        let start = self.peek().span;
        let null_safe = self.is("?");
        if self.is("[") {
            self.next();
            let kind = SegmentKind::Index(self.index()?);
            self.expect("]", "an index is one number: `[0]`")?;
            let span = start.to(self.last_span());
            return Ok(Some(Segment {
                null_safe,
                kind,
                span,
            }));
        }
        if null_safe {
            self.next();
        } else if !self.is(".") {
            return Ok(None);
        }
        self.expect(
            ".",
            "`?.` reads a field of what may be null; there is no `a ? b : c`",
        )?;
        let kind = if self.is_call(0) {
            SegmentKind::Method(self.call()?)
        } else {
            let help = "a key that is no plain name cannot be written here; see `toJson`";
            SegmentKind::Field(self.any_identifier(help)?.text)
        };
        let span = start.to(self.last_span());
        Ok(Some(Segment {
            null_safe,
            kind,
            span,
        }))
    }

    fn index(&mut self) -> Parsed<u32> {
        let token = self.peek();
        let index = token.text.parse::<u32>().ok();
        let index = index.filter(|index| i32::try_from(*index).is_ok());
        let Some(index) = index.filter(|_| token.kind == Kind::Number) else {
            let message = format!("an index is a plain number, not {}", shown(token));
            return self.fail(message, "from 0 to 2147483647");
        };
        self.next();
        Ok(index)
    }
}

/// As OAP types it; `None` for a whole number past 64 bits.
fn read_number(token: Token<'_>) -> Option<Number> {
    let text = token.text;
    let body = text.trim_end_matches(['f', 'F', 'd', 'D', 'l', 'L']);
    match text.bytes().last()? {
        b'l' | b'L' => body.parse().ok().map(Number::Long),
        b'f' | b'F' => body.parse().ok().map(Number::Float),
        b'd' | b'D' => body.parse().ok().map(Number::Double),
        _ if text.contains(['.', 'e', 'E']) => text.parse().ok().map(Number::Double),
        _ => match text.parse() {
            Ok(number) => Some(Number::Integer(number)),
            Err(_) => text.parse().ok().map(Number::Long),
        },
    }
}
