//! Conditions.

use super::{Parsed, Parser};
use crate::load::Compatibility;
use crate::tree::{Comparison, Condition};

impl Parser<'_> {
    /// `( condition )` behind `if`.
    pub(super) fn condition_in_parentheses(&mut self) -> Parsed<Condition> {
        self.expect("(", "a condition stands in parentheses: `if (..) { .. }`")?;
        let condition = self.deeper(Self::condition)?;
        let help = match self.peek().text {
            "=" => "equality is `==`",
            _ => "conditions are joined by `&&` and `||`, and ended by `)`",
        };
        self.expect(")", help)?;
        Ok(condition)
    }

    fn condition(&mut self) -> Parsed<Condition> {
        let mut any = vec![self.conjunction()?];
        while self.accept("||") {
            any.push(self.conjunction()?);
        }
        Ok(single(any).unwrap_or_else(Condition::Any))
    }

    fn conjunction(&mut self) -> Parsed<Condition> {
        let mut all = vec![self.unary()?];
        while self.accept("&&") {
            all.push(self.unary()?);
        }
        Ok(single(all).unwrap_or_else(Condition::All))
    }

    /// In OAP's grammar `!` binds loosest: it takes everything to its right.
    fn unary(&mut self) -> Parsed<Condition> {
        if !self.is("!") {
            return self.relation();
        }
        let sign = self.next().span;
        if self.compatibility == Compatibility::Documented {
            let inner = self.deeper(Self::unary)?;
            return Ok(Condition::Not(Box::new(inner)));
        }
        let inner = self.deeper(Self::condition)?;
        if matches!(inner, Condition::All(_) | Condition::Any(_)) {
            let message = "OAP negates everything to the right of this `!`, not what is next to it";
            let report = self.findings.warning(sign, message);
            report.help("`(!a) && b` negates `a` alone, `!(a && b)` says what OAP does");
        }
        Ok(Condition::Not(Box::new(inner)))
    }

    fn relation(&mut self) -> Parsed<Condition> {
        if let Some(group) = self.condition_group()? {
            return self.without_comparison(group);
        }
        let left = self.operand()?;
        let Some(comparison) = self.comparison() else {
            return Ok(Condition::Present(left));
        };
        if self.is("(") {
            let at = self.peek().span;
            if self.condition_group()?.is_some() {
                let help = "compare two values, and join comparisons by `&&`";
                return self.fail_at(at, "a condition cannot be compared", help);
            }
        }
        let right = self.operand()?;
        let condition = Condition::Compare {
            left,
            comparison,
            right,
        };
        self.without_comparison(condition)
    }

    fn without_comparison(&mut self, condition: Condition) -> Parsed<Condition> {
        let at = self.peek().span;
        if self.comparison().is_some() {
            let help = "compare two values, and join comparisons by `&&`";
            return self.fail_at(at, "a condition cannot be compared", help);
        }
        Ok(condition)
    }

    /// `( condition )` if it is no value in parentheses, which wins where both fit.
    fn condition_group(&mut self) -> Parsed<Option<Condition>> {
        if !self.is("(") {
            return Ok(None);
        }
        let (at, depth, mark) = (self.at, self.depth, self.findings.mark());
        let is_value = self.operand().is_ok();
        (self.at, self.depth) = (at, depth);
        self.findings.forget_since(mark);
        if is_value {
            return Ok(None);
        }
        self.next();
        let inner = self.deeper(Self::condition)?;
        self.expect(")", "the `(` in front of the condition is not closed")?;
        Ok(Some(inner))
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let comparisons = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            (">", Comparison::Greater),
            ("<", Comparison::Less),
            (">=", Comparison::GreaterOrEqual),
            ("<=", Comparison::LessOrEqual),
        ];
        let (_, found) = comparisons.into_iter().find(|(text, _)| self.is(text))?;
        self.next();
        Some(found)
    }
}

/// The only condition, or all of them back.
fn single(mut conditions: Vec<Condition>) -> Result<Condition, Vec<Condition>> {
    match conditions.len() {
        1 => Ok(conditions.remove(0)),
        _ => Err(conditions),
    }
}
