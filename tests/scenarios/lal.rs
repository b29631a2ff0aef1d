//! Rules for logs on the real binary.

mod in_oap;
