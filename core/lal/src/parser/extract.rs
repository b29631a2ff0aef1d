//! Statements of an extractor.

use super::{Parsed, Parser, shown};
use crate::lexer::Kind;
use crate::tree::{Field, Metrics, Name, Pair, StatementKind};

impl Parser<'_> {
    /// The rest of a statement that starts with `word`.
    pub(super) fn extract(&mut self, word: Name) -> Parsed<StatementKind> {
        let field = match &*word.text {
            "service" => Field::Service,
            "instance" => Field::Instance,
            "endpoint" => Field::Endpoint,
            "layer" => Field::Layer,
            "traceId" => Field::TraceId,
            "segmentId" => Field::SegmentId,
            "spanId" => Field::SpanId,
            "timestamp" => return self.timestamp(),
            "tag" => return self.tags(word),
            _ => return self.output(word),
        };
        let value = self.operand()?;
        Ok(StatementKind::Set { field, value })
    }

    fn output(&mut self, field: Name) -> Parsed<StatementKind> {
        let value = self.operand()?;
        Ok(StatementKind::Output { field, value })
    }

    fn timestamp(&mut self) -> Parsed<StatementKind> {
        let value = self.operand()?;
        let pattern = if self.accept(",") {
            Some(self.string("a pattern such as `\"yyyy-MM-dd HH:mm:ss\"`")?)
        } else {
            None
        };
        Ok(StatementKind::Timestamp { value, pattern })
    }

    fn tags(&mut self, word: Name) -> Parsed<StatementKind> {
        if self.peek().kind == Kind::String && super::is(self.peek_at(1), ":") {
            let key = self.string("a key")?;
            self.next();
            let value = self.operand()?;
            if self.is(",") {
                let help = "write one `tag` for each key, or keys without quotes";
                return self.fail("a quoted key stands alone", help);
            }
            return Ok(StatementKind::Tags(vec![Pair { key, value }]));
        }
        let is_key = super::is_any_identifier(self.peek()) && super::is(self.peek_at(1), ":");
        if is_key {
            return self.pairs().map(StatementKind::Tags);
        }
        let output = self.output(word)?;
        if self.is(":") {
            let help = "a key is a plain name or a quoted text";
            return self.fail("a key cannot be computed", help);
        }
        Ok(output)
    }

    fn pairs(&mut self) -> Parsed<Vec<Pair>> {
        let mut pairs = Vec::new();
        loop {
            let key = self.any_identifier("a key is a plain name here")?;
            self.expect(":", "a key and its value are written `key: value`")?;
            let value = self.operand()?;
            pairs.push(Pair { key, value });
            if !self.accept(",") {
                return Ok(pairs);
            }
        }
    }

    pub(super) fn metrics(&mut self) -> Parsed<Metrics> {
        self.next();
        self.next();
        let mut metrics = Metrics::default();
        while !self.accept("}") {
            let entry = self.peek();
            let word = if entry.kind == Kind::Word {
                entry.text
            } else {
                ""
            };
            if !matches!(word, "name" | "timestamp" | "labels" | "value") {
                let message = format!("{} is no entry of `metrics`", shown(entry));
                return self.fail(
                    message,
                    "its entries are `name`, `timestamp`, `labels`, `value`",
                );
            }
            self.next();
            match word {
                "name" => metrics.name = Some(self.operand()?),
                "timestamp" => metrics.timestamp = Some(self.operand()?),
                "value" => metrics.value = Some(self.operand()?),
                _ => {
                    let pairs = self.pairs()?;
                    metrics.labels.get_or_insert_default().extend(pairs);
                }
            }
        }
        Ok(metrics)
    }
}
