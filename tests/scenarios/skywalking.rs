//! SkyWalking both ways: agents, mini programs and browsers in front, an OAP behind.

pub(crate) mod client;
