//! What rules see of Java's own library: numbers and text, regular expressions, dates.

pub(crate) mod date;

pub(crate) mod regex;
pub(crate) mod text;
