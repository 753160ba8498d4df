//! HTTP servers that stay small, whoever calls them: limits of connections, of time and of headers.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::{Extension, Router};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use local_registry_tenants::Peer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::tls::Tls;

/// How long nothing is accepted after an error, such as too many open files.
const PAUSE: Duration = Duration::from_secs(1);

/// What those who call a server may cost. Whoever reaches its port may open connections, and the pod has little memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many connections are served at a time.
    pub(crate) connections: usize,
    /// How many of them may come from one address.
    pub(crate) of_an_address: usize,
    /// How long a client may take to establish TLS, and how long to send the headers of its request.
    pub(crate) beginning: Duration,
    /// How long each connection may take.
    pub(crate) time: Duration,
    /// How many bytes the headers of a request may have.
    pub(crate) headers: usize,
}

/// Serves these routes until the future is dropped. Each connection has one request, which has its [`Peer`].
///
/// # Errors
/// If the address cannot be listened on.
pub(crate) async fn serve(
    address: SocketAddr,
    routes: Router,
    limits: Limits,
    tls: Option<Tls>,
) -> std::io::Result<Infallible> {
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, tls = tls.is_some(), "listening");
    let places = Arc::new(Semaphore::new(limits.connections));
    let guests = Guests::default();
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        let (stream, peer) = match listener.accept().await {
            Ok((stream, peer)) => (stream, peer.ip().to_canonical()),
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                sleep(PAUSE).await;
                continue;
            }
        };
        let Some(guest) = guests.admit(peer, limits.of_an_address) else { continue };
        let routes = routes.clone().layer(Extension(Peer(peer)));
        let acceptor = tls.as_ref().map(Tls::acceptor);
        tokio::spawn(async move {
            // What a client does wrong is its own affair.
            let _ = timeout(limits.time, async {
                match acceptor {
                    Some(acceptor) => match timeout(limits.beginning, acceptor.accept(stream)).await {
                        Ok(Ok(stream)) => answer(stream, routes, limits).await,
                        Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS connection was not established"),
                        Err(_) => tracing::debug!(%peer, "a TLS connection was not established in time"),
                    },
                    None => answer(stream, routes, limits).await,
                }
            })
            .await;
            drop((place, guest));
        });
    }
}

/// Answers the request of a connection.
async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, routes: Router, limits: Limits) {
    let mut connection = hyper::server::conn::http1::Builder::new();
    connection.keep_alive(false).max_buf_size(limits.headers);
    connection.timer(TokioTimer::new()).header_read_timeout(limits.beginning);
    let served = connection.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes)).await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended");
    }
}

/// How many connections each address has.
#[derive(Clone, Default)]
struct Guests(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A connection that is counted, for as long as this exists.
struct Guest {
    guests: Guests,
    address: IpAddr,
}

impl Guests {
    /// Counts a connection; `None` if the address has its share.
    fn admit(&self, address: IpAddr, limit: usize) -> Option<Guest> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Guest { guests: self.clone(), address })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut counts = self.guests.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_no_more_connections_than_its_share() {
        let (guests, one, other) = (Guests::default(), IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let first = guests.admit(one, 2).unwrap();
        let second = guests.admit(one, 2).unwrap();
        assert!(guests.admit(one, 2).is_none());
        drop(guests.admit(other, 2).unwrap());
        drop(first);
        let third = guests.admit(one, 2).unwrap();
        drop((second, third));
        assert!(guests.0.lock().unwrap().is_empty(), "whoever has gone is forgotten");
    }
}
