//! SkyWalking both ways: agents, mini programs and browsers in front, an OAP behind.

pub(crate) mod client;
pub(crate) mod program;
pub(crate) mod real_oap;

mod agents;
mod assembled;
mod browser;
mod forwarded;
mod gateway;
mod malformed;
mod meters;
mod oap;
mod outage;
mod probe;
mod proxy;
mod recordings;
mod several;
mod shapes;
mod streams;
