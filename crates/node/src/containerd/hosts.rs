//! `hosts.toml`, which leads the pulls of a name to another address.

use local_registry_core::RuntimeHost;
use local_registry_core::registry::RegistryUrl;

use crate::marker::header;

/// The name of the file.
pub(crate) const HOSTS: &str = "hosts.toml";
/// The name of the certificate authority's file beside it.
pub(crate) const CA: &str = "ca.crt";

/// The directory in which containerd looks first for the files of a host: its last `:` is a `_`, and a `_` follows.
///
/// ```
/// assert_eq!(local_registry_node::runtime::directory("registry.infra.svc:5000"), "registry.infra.svc_5000_");
/// assert_eq!(local_registry_node::runtime::directory("reg.io"), "reg.io");
/// ```
#[must_use]
pub fn directory(host: &str) -> String {
    match host.rsplit_once(':') {
        Some((name, port)) => format!("{name}_{port}_"),
        None => host.to_owned(),
    }
}

/// The directory in which containerd looks next, if there is another.
pub(crate) fn other_directory(host: &str) -> Option<&str> {
    host.contains(':').then_some(host)
}

/// The text of the file. An unknown capability, or a `ca` that is not there, would make containerd drop all of it.
///
/// `server` is what containerd falls back on. Without it, that would be the name itself, by HTTPS.
pub(crate) fn hosts_toml(name: &RuntimeHost, url: &RegistryUrl, has_ca: bool) -> String {
    let settings = |indent: &str| {
        let ca = if has_ca { format!("{indent}ca = \"{CA}\"\n") } else { String::new() };
        format!("{indent}capabilities = [\"pull\", \"resolve\"]\n{ca}")
    };
    format!("{}server = \"{url}\"\n{}\n[host.\"{url}\"]\n{}", header(name), settings(""), settings("  "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use local_registry_core::registry::Scheme;

    #[test]
    fn a_file_leads_to_the_address() {
        let name: RuntimeHost = "registry.infra.svc:5000".parse().unwrap();
        let url = RegistryUrl { scheme: Scheme::Https, host: "[fd00::5]:5000".parse().unwrap() };
        let text = hosts_toml(&name, &url, true);
        assert!(text.starts_with("# local-registry-sync node: registry.infra.svc:5000\n"), "{text}");
        let expected = "server = \"https://[fd00::5]:5000\"\ncapabilities = [\"pull\", \"resolve\"]\nca = \"ca.crt\"\n\n\
                        [host.\"https://[fd00::5]:5000\"]\n  capabilities = [\"pull\", \"resolve\"]\n  ca = \"ca.crt\"\n";
        assert!(text.ends_with(expected), "{text}");
        assert!(!hosts_toml(&name, &url, false).contains("ca ="));
    }
}
