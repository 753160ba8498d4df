//! Where a registry's API is.

use std::collections::BTreeSet;
use std::net::IpAddr;

use reqwest::Url;

/// The hosts that mean Docker Hub, and the one that answers.
const DOCKER_HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];
const DOCKER_HUB_API: &str = "registry-1.docker.io";

/// The URL of a registry's host. HTTPS, but for loopback addresses and for those that the user names.
pub(super) fn base(host: &str, plain_http: &BTreeSet<String>) -> Option<Url> {
    let host = if is_docker_hub(host) { DOCKER_HUB_API } else { host };
    let scheme = if plain_http.contains(host) || is_loopback(host) { "http" } else { "https" };
    Url::parse(&format!("{scheme}://{host}/")).ok()
}

/// The path of a repository in the API. Docker Hub has a folder for images without one.
pub(super) fn path(host: &str, path: &str) -> String {
    if is_docker_hub(host) && !path.contains('/') { format!("library/{path}") } else { path.to_owned() }
}

pub(super) fn is_docker_hub(host: &str) -> bool {
    DOCKER_HUB.contains(&host)
}

fn is_loopback(host: &str) -> bool {
    let Ok(url) = Url::parse(&format!("http://{host}/")) else { return false };
    let Some(name) = url.host_str() else { return false };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
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
            ("[fd00::1]:5000", "https://[fd00::1]:5000/"),
            ("localhost.example", "https://localhost.example/"),
            ("docker.io", "https://registry-1.docker.io/"),
        ] {
            assert_eq!(base(host, &plain).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn docker_hub_has_a_folder_for_images_without_one() {
        assert_eq!(path("docker.io", "busybox"), "library/busybox");
        assert_eq!(path("docker.io", "team/app"), "team/app");
        assert_eq!(path("registry.example", "app"), "app");
    }
}
