//! What a rule's input is: a log, or a message of a Java class.

use crate::message::Class;
use crate::tree::{Layer, Mode, Rule};

/// The inputs that a rule meets; those of other kinds pass it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepts {
    /// A parser fails on what is no log, and metadata is there whatever the input.
    Anything,
    Logs,
    Messages(Class),
    /// Messages of a class that nobody here knows.
    Nothing,
}

impl Accepts {
    /// With a parser the written type does not count.
    pub(crate) fn of(rule: &Rule) -> Accepts {
        let written = rule.input_type.as_ref().map(|it| it.text.as_str());
        if rule.mode != Mode::None {
            return Accepts::Anything;
        }
        let class = match written {
            Some(class) if class.ends_with("LogData") || class.ends_with("LogData$Builder") => {
                return Accepts::Logs;
            }
            Some(class) => Class::of_java(class),
            None if is_of_mesh(rule) => Class::of_mesh(),
            None => return Accepts::Anything,
        };
        class.map_or(Accepts::Nothing, Accepts::Messages)
    }

    pub(crate) fn class(self) -> Option<Class> {
        match self {
            Accepts::Messages(class) => Some(class),
            Accepts::Anything | Accepts::Logs | Accepts::Nothing => None,
        }
    }
}

/// The layer has an input type and an output type of its own.
pub(super) fn is_of_mesh(rule: &Rule) -> bool {
    matches!(&rule.layer, Layer::Named(layer) if layer.text == "MESH")
}
