//! `hosts.toml`, which leads the pulls of a name to another address.

use crate::marker::header;
use crate::name::Name;
use crate::target::Target;

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

/// Where nothing can listen: no program can have the port 0.
const NOWHERE: &str = "https://127.0.0.1:0";

/// The text of the file. An unknown capability, or a `ca` that is not there, would make containerd drop all of it.
///
/// `server` is what containerd falls back on. Without it, that would be the name itself, by HTTPS.
pub(crate) fn hosts_toml(name: &Name, target: Target<'_>) -> String {
    let (note, url, has_ca) = match target {
        Target::Registry { url, has_ca } => ("", url.to_string(), has_ca),
        Target::Nowhere => ("# The registry is gone. Nothing answers at this address.\n", NOWHERE.to_owned(), false),
    };
    let settings = |indent: &str| {
        let ca = if has_ca { format!("{indent}ca = \"{CA}\"\n") } else { String::new() };
        format!("{indent}capabilities = [\"pull\", \"resolve\"]\n{ca}")
    };
    format!("{}{note}server = \"{url}\"\n{}\n[host.\"{url}\"]\n{}", header(name), settings(""), settings("  "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use local_registry_core::registry::{RegistryUrl, Scheme};

    #[test]
    fn a_file_leads_to_the_address() {
        let name: Name = "registry.infra.svc:5000".parse().unwrap();
        let url = RegistryUrl { scheme: Scheme::Https, host: "[fd00::5]:5000".parse().unwrap() };
        let text = hosts_toml(&name, Target::Registry { url: &url, has_ca: true });
        assert!(text.starts_with("# local-registry-sync node: registry.infra.svc:5000\n"), "{text}");
        let expected = "server = \"https://[fd00::5]:5000\"\ncapabilities = [\"pull\", \"resolve\"]\nca = \"ca.crt\"\n\n\
                        [host.\"https://[fd00::5]:5000\"]\n  capabilities = [\"pull\", \"resolve\"]\n  ca = \"ca.crt\"\n";
        assert!(text.ends_with(expected), "{text}");
        assert!(!hosts_toml(&name, Target::Registry { url: &url, has_ca: false }).contains("ca ="));
    }
}
