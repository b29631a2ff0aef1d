//! What a name stands for.

use std::io;
use std::net::IpAddr;

use async_trait::async_trait;
use tokio::net::lookup_host;

/// Backends of one name.
const SITES_MAX: usize = 64;

/// Who knows the addresses of a name.
#[async_trait]
pub(super) trait Resolve: Send + Sync {
    /// Every address, the one to prefer first.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system, as for everybody else on it.
pub(super) struct System;

#[async_trait]
impl Resolve for System {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// The backends that addresses of one name belong to, each with its addresses, in an order that does
/// not depend on that of the answer.
///
/// A host that speaks both versions of IP has an address of each, so one of each is one host. With more
/// of one version each of that is a host, and those of the other are the same hosts again.
pub(super) fn sites(addresses: &[IpAddr]) -> Vec<Vec<IpAddr>> {
    let mut sorted = addresses.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let (four, six): (Vec<_>, Vec<_>) = sorted.iter().partition(|address| address.is_ipv4());
    if four.len() <= 1 && six.len() <= 1 {
        return vec![sorted];
    }
    let prefers_six = addresses.first().is_some_and(IpAddr::is_ipv6);
    let hosts = match four.len().cmp(&six.len()) {
        std::cmp::Ordering::Less => six,
        std::cmp::Ordering::Equal if prefers_six => six,
        _ => four,
    };
    let hosts = hosts.into_iter().take(SITES_MAX);
    hosts.map(|address| vec![address]).collect()
}
