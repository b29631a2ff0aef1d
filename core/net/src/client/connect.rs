//! Opening connections: TCP, then TLS where the endpoint asks for it, within one timeout.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{
    FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream,
};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::Service;

use super::{ClientSettings, Protocol};
use crate::tls::ClientSecurity;

type BoxError = Box<dyn Error + Send + Sync>;
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Opens connections for the pool.
#[derive(Clone)]
pub(super) struct Connector {
    way: Way,
    limit: Duration,
}

#[derive(Clone)]
enum Way {
    Plain(HttpConnector<Names>),
    Secured(HttpsConnector<HttpConnector<Names>>),
}

/// What names lead to: what the system says, or one address for all.
#[derive(Clone)]
enum Names {
    System(GaiResolver),
    Fixed(IpAddr),
}

impl Service<Name> for Names {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Names::System(system) => system.poll_ready(cx),
            Names::Fixed(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, name: Name) -> Self::Future {
        match self {
            Names::System(system) => {
                let found = system.call(name);
                Box::pin(async move { Ok(found.await?.collect::<Vec<_>>().into_iter()) })
            }
            // The connector puts the port there.
            Names::Fixed(address) => {
                let found = vec![SocketAddr::new(*address, 0)];
                Box::pin(std::future::ready(Ok(found.into_iter())))
            }
        }
    }
}

impl Connector {
    pub(super) fn new(
        protocol: Protocol,
        security: Option<ClientSecurity>,
        settings: &ClientSettings,
    ) -> Self {
        let limit = settings.connect_timeout;
        let names = match settings.address {
            Some(address) => Names::Fixed(address),
            None => Names::System(GaiResolver::new()),
        };
        let mut tcp = HttpConnector::new_with_resolver(names);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(limit));
        tcp.set_keepalive(Some(settings.unacknowledged_max));
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(settings.unacknowledged_max));
        let Some(ClientSecurity {
            config,
            server_name,
        }) = security
        else {
            let way = Way::Plain(tcp);
            return Connector { way, limit };
        };
        let mut builder = HttpsConnectorBuilder::new()
            .with_tls_config((*config).clone())
            .https_only();
        if let Some(name) = server_name {
            builder = builder.with_server_name_resolver(FixedServerNameResolver::new(name));
        }
        let way = Way::Secured(match protocol {
            Protocol::Http1 => builder.enable_http1().wrap_connector(tcp),
            Protocol::Http2 => builder.enable_http2().wrap_connector(tcp),
            Protocol::Negotiated => builder.enable_all_versions().wrap_connector(tcp),
        });
        Connector { way, limit }
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match &mut self.way {
            Way::Plain(tcp) => tcp.poll_ready(cx).map_err(BoxError::from),
            Way::Secured(tls) => tls.poll_ready(cx),
        }
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let limit = self.limit;
        match &mut self.way {
            Way::Plain(tcp) => {
                let connecting = tcp.call(uri);
                Box::pin(
                    async move { Ok(MaybeHttpsStream::Http(within(limit, connecting).await?)) },
                )
            }
            Way::Secured(tls) => Box::pin(within(limit, tls.call(uri))),
        }
    }
}

async fn within<T, E: Into<BoxError>>(
    limit: Duration,
    connecting: impl Future<Output = Result<T, E>>,
) -> Result<T, BoxError> {
    match timeout(limit, connecting).await {
        Ok(connected) => connected.map_err(Into::into),
        Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
    }
}
