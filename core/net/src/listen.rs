//! Binding sockets, which is apart from serving them: a configuration is refused because its port is
//! taken before anything runs.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// Connections that the kernel keeps for us until they are accepted. Room for a burst of devices
/// that connect at once; the system's own bound (`somaxconn`) may be lower.
const BACKLOG: i32 = 1024;

/// A bound TCP socket. Peers can connect from here on, and wait until a server runs on it.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

/// Why an address could not be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("`{endpoint}` is no address to listen on; expected `host:port`")]
    Resolve { endpoint: String, source: io::Error },
    #[error("cannot listen on `{address}`")]
    Bind {
        address: SocketAddr,
        source: io::Error,
    },
}

impl Listener {
    /// Binds the first of `endpoint`'s addresses (`host:port`) that can be bound; port 0 takes any
    /// free one. Resolving a host name blocks. Needs no runtime.
    pub fn bind(endpoint: &str) -> Result<Listener, BindError> {
        let unresolved = |source| BindError::Resolve {
            endpoint: endpoint.to_owned(),
            source,
        };
        let mut outcome = Err(unresolved(io::ErrorKind::AddrNotAvailable.into()));
        for address in endpoint.to_socket_addrs().map_err(unresolved)? {
            outcome = open(address).map_err(|source| BindError::Bind { address, source });
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// The address in use, with the port that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Registers the socket with the current runtime.
    pub(crate) fn into_tokio(self) -> io::Result<tokio::net::TcpListener> {
        tokio::net::TcpListener::from_std(self.socket)
    }
}

fn open(address: SocketAddr) -> io::Result<Listener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A restart must not wait until the kernel forgets the connections of the last run.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    let socket = TcpListener::from(socket);
    let address = socket.local_addr()?;
    Ok(Listener { socket, address })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_free_port_and_names_the_address_that_is_taken() {
        let first = Listener::bind("127.0.0.1:0").expect("loopback has free ports");
        let address = first.local_addr();
        assert_ne!(address.port(), 0);
        let error = Listener::bind(&address.to_string()).expect_err("the port is taken");
        assert_eq!(error.to_string(), format!("cannot listen on `{address}`"));
    }

    #[test]
    fn says_what_an_endpoint_looks_like() {
        let error = Listener::bind("localhost").expect_err("there is no port");
        assert_eq!(
            error.to_string(),
            "`localhost` is no address to listen on; expected `host:port`"
        );
    }
}
