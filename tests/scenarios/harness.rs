//! What every scenario needs: the program under test, something that receives, something that sends.

pub(crate) mod backend;
pub(crate) mod collector;
pub(crate) mod flood;
pub(crate) mod http1;
mod memory;
pub(crate) mod oap;
pub(crate) mod records;
pub(crate) mod route;
pub(crate) mod sender;

pub(crate) use backend::{Backend, Reply, Tally};
pub(crate) use collector::Collector;
pub(crate) use flood::Flood;
pub(crate) use records::{Export, Records};
pub(crate) use route::{Exporter, route};
pub(crate) use sender::Sender;

use std::time::Duration;

/// Longer than anything here takes on a loaded machine; what takes longer has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
