//! The mobile processors on the real binary.

mod delta_merge;
