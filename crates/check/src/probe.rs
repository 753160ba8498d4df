//! Whether the registry answers: its name, and `/v2/` over HTTPS and then HTTP.

use std::net::IpAddr;

use http::Uri;
use local_registry_core::RuntimeHost;
use local_registry_core::registry::{RegistryUrl, Scheme};

use crate::exchange::{get, limited};
use crate::sign_in::SignIn;

/// How a registry answers from where the program runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The addresses of its name, or why it has none.
    pub addresses: Result<Vec<IpAddr>, String>,
    /// The status code of `/v2/` over HTTPS, or why there is none.
    pub https: Result<u16, String>,
    /// The same over HTTP; only tried if HTTPS failed.
    pub http: Option<Result<u16, String>>,
    /// How it asks who somebody is, if it does.
    pub sign_in: Option<SignIn>,
}

impl Probe {
    /// The status code of `/v2/`, over HTTPS if that answers.
    pub(super) fn status(&self) -> Option<u16> {
        self.https.as_ref().ok().or(self.http.as_ref().and_then(|http| http.as_ref().ok())).copied()
    }

    /// Whether what answers is a registry: `/v2/` is there, or wants a password.
    pub(super) fn is_registry(&self) -> bool {
        self.status().is_some_and(|status| matches!(status, 200 | 401))
    }
}

/// Resolves a registry's host and asks for `/v2/`. A host without a port means the default port of the scheme.
///
/// ```no_run
/// # async fn run() -> Result<(), local_registry_core::registry::HostError> {
/// let found = local_registry_check::probe(&"kind-registry:5000".parse()?).await;
/// println!("HTTPS: {:?}, HTTP: {:?}", found.https, found.http);
/// # Ok(())
/// # }
/// ```
pub async fn probe(host: &RuntimeHost) -> Probe {
    let addresses = resolve(host.name(), host.port().unwrap_or(Scheme::Https.port())).await;
    let mut sign_in = None;
    let https = ask(Scheme::Https, host, &mut sign_in).await;
    let http = if https.is_err() { Some(ask(Scheme::Http, host, &mut sign_in).await) } else { None };
    Probe { addresses, https, http, sign_in }
}

/// The addresses of a name, or of an IPv6 address between brackets.
async fn resolve(name: &str, port: u16) -> Result<Vec<IpAddr>, String> {
    let lookup = limited(tokio::net::lookup_host(format!("{name}:{port}"))).await?;
    let addresses: Vec<IpAddr> = lookup.map_err(|error| error.to_string())?.map(|address| address.ip()).collect();
    if addresses.is_empty() { Err("the name has no address".to_owned()) } else { Ok(addresses) }
}

async fn ask(scheme: Scheme, host: &RuntimeHost, sign_in: &mut Option<SignIn>) -> Result<u16, String> {
    let url = RegistryUrl { scheme, host: host.clone() };
    let url: Uri = format!("{url}/v2/").parse().map_err(|error: http::uri::InvalidUri| error.to_string())?;
    let answer = get(&url, None).await?;
    if answer.status == http::StatusCode::UNAUTHORIZED {
        *sign_in = SignIn::probe(&answer.headers, &url).await;
    }
    Ok(answer.status.as_u16())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;
    use tracing::instrument::WithSubscriber;

    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::get;
    use tokio::net::{TcpListener, TcpSocket};

    #[tokio::test]
    async fn a_registry_that_speaks_plain_http() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string().parse().unwrap();
        let routes = Router::new().route("/v2/", get(|| async { StatusCode::UNAUTHORIZED }));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let found = probe(&host).await;
        assert_eq!(found.addresses, Ok(vec!["127.0.0.1".parse().unwrap()]));
        assert!(found.https.is_err());
        assert_eq!(found.http, Some(Ok(401)));
    }

    /// The address of a port that is bound and does not listen.
    fn refusing() -> (TcpSocket, RuntimeHost) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let host = socket.local_addr().unwrap().to_string().parse().unwrap();
        (socket, host)
    }

    #[tokio::test]
    async fn a_registry_that_refuses_connections() {
        let (_port, host) = refusing();
        let found = probe(&host).await;
        let refused = Err("Connection refused (os error 111)".to_owned());
        assert_eq!((found.https, found.http), (refused.clone(), Some(refused)));
    }

    #[tokio::test]
    async fn a_name_that_cannot_be_resolved() {
        // A label has at most 63 bytes, so no server is asked for this name.
        let found = resolve(&format!("{}.example", "x".repeat(64)), 5000).await;
        assert!(found.is_err(), "{found:?}");
    }

    #[tokio::test]
    async fn an_address_is_its_own_name() {
        for (host, address) in [
            ("10.0.0.5", "10.0.0.5"),
            ("10.0.0.5:5000", "10.0.0.5"),
            ("[fd00::1]", "fd00::1"),
            ("[fd00::1]:5000", "fd00::1"),
        ] {
            let host: RuntimeHost = host.parse().unwrap();
            let found = resolve(host.name(), host.port().unwrap_or(443)).await;
            assert_eq!(found, Ok(vec![address.parse().unwrap()]), "{host}");
        }
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_connection_that_fails_is_not_logged() {
        let (_port, host) = refusing();
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        let probing = async {
            tracing::info!("probing");
            probe(&host).await
        };
        probing.with_subscriber(subscriber).await;
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.contains("probing"), "{log}");
    }
}
