//! Fields that are likely misspelt: a registry that works must not be taken away by a typo.

use strsim::osa_distance;

/// The shortest name of which a similar one is a misspelling. `host` and `help` are similar to too much.
pub(super) const LONG: usize = 10;

/// Whether a key is likely a misspelling of a field: in other case, with other separators, in the plural, cut, longer, or with up to
/// two wrong letters.
pub(super) fn resembles(key: &str, field: &str) -> bool {
    let (key, field) = (folded(key), folded(field));
    let is_plural = key.strip_suffix('s') == Some(field.as_str());
    let is_similar = || {
        let is_cut = key.len() >= LONG && field.starts_with(&key);
        let shares_its_end = key.contains(field.trim_start_matches("hostfrom"));
        is_cut || shares_its_end || osa_distance(&key, &field) <= 2
    };
    key == field || is_plural || (field.len() >= LONG && is_similar())
}

/// The letters and digits of a name, in lower case, and no more of them than a misspelling has.
fn folded(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).take(40).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspellings_are_told_from_other_fields() {
        const FOR_PODS: &str = "hostFromClusterNetwork";
        for key in [
            "hostfromclusternetwork",
            "HostFromClusterNetwork",
            "host_from_cluster_network",
            "hostFromClusterNetworks",
            "hostFromClusterNetworkX",
            "hostFormClusterNetwork",
            "hostFromCluster",
            "hostFromClusterNetworking",
            "fromClusterNetwork",
            "registryHostFromClusterNetwork",
        ] {
            assert!(resembles(key, FOR_PODS), "{key}");
        }
        for key in ["host", "hostFrom", "hostFromContainerRuntime", "hostFromTheMoon", "cluster", ""] {
            assert!(!resembles(key, FOR_PODS), "{key}");
        }
        assert!(resembles("hosts", "host") && resembles("Host", "host") && resembles("HELP", "help"));
        assert!(!resembles("port", "host") && !resembles("hosted", "host"));
    }
}
