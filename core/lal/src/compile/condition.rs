//! Conditions.

use super::Compiler;
use super::program::{Constant, Conversion, Expression, Test};
use crate::check::types::{self, NumberType, Type};
use crate::load::Compatibility;
use crate::tree::{Cast, Comparison, Condition, Mode, Operand, Root, SegmentKind, Value};

impl Compiler<'_> {
    pub(super) fn test(&mut self, condition: &Condition) -> Test {
        match condition {
            Condition::Any(list) => Test::Any(list.iter().map(|it| self.test(it)).collect()),
            Condition::All(list) => Test::All(list.iter().map(|it| self.test(it)).collect()),
            Condition::Not(inner) => Test::Not(Box::new(self.test(inner))),
            Condition::Present(operand) => self.presence(operand),
            Condition::Compare {
                left,
                comparison,
                right,
            } => self.comparison(left, *comparison, right),
        }
    }

    /// Text that is empty is false, and `false` is not empty; but a Java `boolean` is itself.
    fn presence(&mut self, operand: &Operand) -> Test {
        let is_plain = types::is_plain_boolean(operand, self.class, &|name| self.scope.kind(name));
        match &operand.cast {
            Some(Cast::Boolean) => Test::True(self.value(&operand.value)),
            None if is_plain => Test::True(self.value(&operand.value)),
            Some(Cast::String) => Test::Present(self.operand(operand)),
            _ => Test::Present(self.value(&operand.value)),
        }
    }

    fn comparison(&mut self, left: &Operand, comparison: Comparison, right: &Operand) -> Test {
        let is_equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        let (left_type, right_type) = (self.number(left), self.number(right));
        let right_is_number = matches!(&right.value, Value::Term(term)
            if matches!(term.root, Root::Number(_)) && term.segments.is_empty());
        let both_are_numbers = left_type.is_some() && right_type.is_some();
        if is_equality && !right_is_number && !both_are_numbers {
            let equal = self.equality(left, right);
            return match comparison {
                Comparison::NotEqual => Test::Not(Box::new(equal)),
                _ => equal,
            };
        }
        let by = left_type.max(right_type).unwrap_or(NumberType::Long);
        Test::Compare {
            left: self.side(left, left_type, by),
            comparison,
            right: self.side(right, right_type, by),
            by,
        }
    }

    /// A cast counts on the left, and only one to text.
    fn equality(&mut self, left: &Operand, right: &Operand) -> Test {
        let left = match left.cast {
            Some(Cast::String) => self.operand(left),
            _ => self.value(&left.value),
        };
        let cast = right
            .cast
            .as_ref()
            .filter(|_| self.compatibility == Compatibility::Documented);
        let right = match cast {
            Some(_) => self.operand(right),
            None => self.value(&right.value),
        };
        match right {
            Expression::Constant(Constant::Text(text)) => Test::IsText(left, text),
            right => Test::Equal(left, right),
        }
    }

    /// One side as a number: of its own type first, if that is known.
    fn side(&mut self, operand: &Operand, own: Option<NumberType>, by: NumberType) -> Expression {
        let value = self.value(&operand.value);
        let own = own.unwrap_or(by);
        Expression::Convert(Box::new(value), Conversion::Number(own))
    }

    /// The type of numbers that one side of a comparison is known to have.
    fn number(&self, operand: &Operand) -> Option<NumberType> {
        let cast = operand.cast.as_ref().filter(|cast| cast.is_numeric());
        let cast = cast.and_then(|cast| Type::of_cast(cast).number());
        let inferred = || self.inferred(&operand.value).number();
        cast.or_else(inferred)
            .or_else(|| self.getter(&operand.value))
    }

    /// Without a parser `parsed` has getters of known types.
    fn getter(&self, value: &Value) -> Option<NumberType> {
        let Value::Term(term) = value else {
            return None;
        };
        if self.class.is_some() || self.rule.mode != Mode::None || term.root != Root::Parsed {
            return None;
        }
        match term.segments.last().map(|it| &it.kind) {
            Some(SegmentKind::Field(name)) if name == "timestamp" => Some(NumberType::Long),
            Some(SegmentKind::Field(name)) if name == "spanId" => Some(NumberType::Integer),
            _ => None,
        }
    }
}
