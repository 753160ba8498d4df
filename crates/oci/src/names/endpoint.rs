//! Where a registry's API is.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::net::{IpAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::Authority;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::docker_hub::{API, is_docker_hub};
use crate::exchange::url::has_valid_port;

/// How long a port of this machine is asked at most.
const MOMENT: Duration = Duration::from_secs(1);
/// The types of records that a server of TLS answers a handshake with.
const ALERT: u8 = 0x15;
const HANDSHAKE: u8 = 0x16;

/// The URL of a registry's host. HTTPS, but for those that the user names, and for loopback addresses that do not speak TLS.
pub(crate) fn base(host: &str, plain_http: &BTreeSet<String>) -> Option<Uri> {
    let host = if is_docker_hub(host) { API } else { host };
    let authority: Authority = host.parse().ok()?;
    if !has_valid_port(&authority) {
        return None;
    }
    let is_plain =
        plain_http.contains(&host.to_ascii_lowercase()) || (is_loopback(authority.host()) && !speaks_tls(&authority));
    let scheme = if is_plain { "http" } else { "https" };
    Uri::builder().scheme(scheme).authority(authority).path_and_query("/").build().ok()
}

/// Whether a host without its port means this machine.
pub(crate) fn is_loopback(name: &str) -> bool {
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a port of this machine answers a handshake of TLS. Whoever says nothing for a moment does not.
fn speaks_tls(authority: &Authority) -> bool {
    let Some(port) = authority.port_u16() else { return false };
    handshake(authority.host().trim_start_matches('[').trim_end_matches(']'), port).unwrap_or_default()
}

fn handshake(name: &str, port: u16) -> io::Result<bool> {
    let Some(address) = (name, port).to_socket_addrs()?.next() else { return Ok(false) };
    // An error means that a library was chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let server = ServerName::from(address.ip());
    let mut client = ClientConnection::new(Arc::new(config), server).map_err(io::Error::other)?;
    let mut stream = TcpStream::connect_timeout(&address, MOMENT)?;
    stream.set_read_timeout(Some(MOMENT))?;
    client.write_tls(&mut stream)?;
    let mut first = [0];
    stream.read_exact(&mut first)?;
    Ok(matches!(first, [ALERT | HANDSHAKE]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_and_named_hosts_speak_plain_http() {
        let plain = BTreeSet::from(["kind-registry:5000".to_owned()]);
        for (host, expected) in [
            ("registry.example", "https://registry.example/"),
            ("10.0.0.5:5000", "https://10.0.0.5:5000/"),
            ("kind-registry:5000", "http://kind-registry:5000/"),
            ("kind-registry:5001", "https://kind-registry:5001/"),
            ("localhost:5001", "http://localhost:5001/"),
            ("localhost", "http://localhost/"),
            ("127.0.0.2:5000", "http://127.0.0.2:5000/"),
            ("[::1]:5000", "http://[::1]:5000/"),
            ("[::1]", "http://[::1]/"),
            ("[fd00::1]:5000", "https://[fd00::1]:5000/"),
            ("[fd00::1]", "https://[fd00::1]/"),
            ("localhost.example", "https://localhost.example/"),
            ("docker.io", "https://registry-1.docker.io/"),
        ] {
            assert_eq!(base(host, &plain).unwrap().to_string(), expected);
        }
    }

    /// A port of this machine that answers whatever comes with these bytes, and then says nothing more.
    fn answering(answer: &'static [u8]) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            std::io::Write::write_all(&mut stream, answer).unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
            std::thread::park();
        });
        address
    }

    #[test]
    fn a_loopback_address_with_tls_is_asked_by_it() {
        for (answer, scheme) in [
            (b"\x15\x03\x03\x00\x02\x02\x28".as_slice(), "https"),
            (b"\x16\x03\x03\x00\x7a", "https"),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", "http"),
            (b"", "http"),
        ] {
            let host = answering(answer);
            assert_eq!(base(&host, &BTreeSet::new()).unwrap().to_string(), format!("{scheme}://{host}/"));
        }
        // Nobody is asked for what the user has said.
        let host = answering(b"\x15");
        assert_eq!(base(&host, &BTreeSet::from([host.clone()])).unwrap().scheme_str(), Some("http"));
    }

    #[test]
    fn a_port_that_is_none_is_no_endpoint() {
        for host in ["registry.example:99999", "[fd00::1]:99999", "registry.example:"] {
            assert_eq!(base(host, &BTreeSet::new()), None, "{host}");
        }
    }
}
