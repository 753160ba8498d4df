//! Whether the registry answers: its name, and `/v2/` over HTTPS and then HTTP.

use std::net::IpAddr;
use std::time::Duration;

use kube::client::Body;
use kube::{Client, Config};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

/// How long each step may take.
const LIMIT: Duration = Duration::from_secs(5);

/// What was found of a registry from where the program runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The addresses of its name, or why there are none.
    pub addresses: Result<Vec<IpAddr>, String>,
    /// The status of `/v2/` over HTTPS, or why there is none.
    pub https: Result<u16, String>,
    /// The same over HTTP; only tried where HTTPS failed.
    pub http: Option<Result<u16, String>>,
}

/// Looks a registry up and asks it; `host` has a port, or means the scheme's own.
pub async fn probe(host: &str) -> Probe {
    let addresses = resolve(host).await;
    let https = ask("https", host).await;
    let http = if https.is_err() { Some(ask("http", host).await) } else { None };
    Probe { addresses, https, http }
}

async fn resolve(host: &str) -> Result<Vec<IpAddr>, String> {
    let with_port = if host.ends_with(']') || !host.contains(':') { format!("{host}:443") } else { host.to_owned() };
    let lookup = limited(tokio::net::lookup_host(with_port)).await?;
    let addresses: Vec<IpAddr> = lookup.map_err(|error| error.to_string())?.map(|address| address.ip()).collect();
    if addresses.is_empty() { Err("the name has no address".to_owned()) } else { Ok(addresses) }
}

/// The HTTP stack is that of the Kubernetes client, which brings TLS and the system's certificates.
async fn ask(scheme: &str, host: &str) -> Result<u16, String> {
    let url = format!("{scheme}://{host}").parse().map_err(|error: http::uri::InvalidUri| error.to_string())?;
    let client = Client::try_from(Config::new(url)).map_err(|error| error.to_string())?;
    let request = http::Request::get("/v2/").body(Body::empty()).map_err(|error| error.to_string())?;
    // The client logs a connection that fails as an error; here it is half of the answer.
    let answer = limited(client.send(request).with_subscriber(NoSubscriber::default())).await?;
    answer.map(|response| response.status().as_u16()).map_err(|error| root_cause(&error))
}

async fn limited<T>(step: impl Future<Output = T>) -> Result<T, String> {
    tokio::time::timeout(LIMIT, step).await.map_err(|_| format!("no answer within {} seconds", LIMIT.as_secs()))
}

/// The innermost cause, which is the one that names the trouble.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::get;

    #[tokio::test]
    async fn a_registry_that_speaks_plain_http() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let routes = Router::new().route("/v2/", get(|| async { StatusCode::UNAUTHORIZED }));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let found = probe(&host).await;
        assert_eq!(found.addresses, Ok(vec!["127.0.0.1".parse().unwrap()]));
        assert!(found.https.is_err());
        assert_eq!(found.http, Some(Ok(401)));
    }

    #[tokio::test]
    async fn a_registry_that_is_not_there() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let found = probe(&format!("127.0.0.1:{port}")).await;
        let refused = Err("Connection refused (os error 111)".to_owned());
        assert_eq!((found.https, found.http), (refused.clone(), Some(refused)));
    }

    #[tokio::test]
    async fn a_name_that_nobody_knows() {
        let found = probe("registry.invalid:5000").await;
        assert!(found.addresses.is_err());
    }
}
