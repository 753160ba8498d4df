//! Where a registry's API is.

use std::collections::BTreeSet;
use std::net::IpAddr;

use http::Uri;
use http::uri::Authority;

use crate::docker_hub::{API, is_docker_hub};
use crate::url::has_valid_port;

/// The URL of a registry's host. HTTPS, but for loopback addresses and for those that the user names.
pub(crate) fn base(host: &str, plain_http: &BTreeSet<String>) -> Option<Uri> {
    let host = if is_docker_hub(host) { API } else { host };
    let authority: Authority = host.parse().ok()?;
    if !has_valid_port(&authority) {
        return None;
    }
    let scheme = if plain_http.contains(host) || is_loopback(authority.host()) { "http" } else { "https" };
    Uri::builder().scheme(scheme).authority(authority).path_and_query("/").build().ok()
}

/// Whether a host without its port means this machine.
pub(crate) fn is_loopback(name: &str) -> bool {
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
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

    #[test]
    fn a_port_that_is_none_is_no_endpoint() {
        for host in ["registry.example:99999", "[fd00::1]:99999", "registry.example:"] {
            assert_eq!(base(host, &BTreeSet::new()), None, "{host}");
        }
    }
}
