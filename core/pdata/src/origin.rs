//! Where a batch came from.

use std::net::SocketAddr;

/// What is remembered of the request that brought a batch, shared by everything cut from it.
///
/// Only headers on the receiver's allow-list are kept, because the origin is stored with the
/// record in the queue and must hold neither secrets nor unbounded text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Allowed request headers, names in lower case, in the order received.
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// The address of the sender, unless the transport has none.
    pub peer: Option<SocketAddr>,
    /// The name of the credential that was accepted, never the credential itself.
    pub credential: Option<Box<str>>,
    /// When the request arrived, in nanoseconds since the Unix epoch.
    pub arrived_unix_nano: u64,
}

impl Origin {
    /// The first header of this name; `name` is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| &**key == name)
            .map(|(_, value)| &**value)
    }
}
