//! Whether the registry answers, and whether the setting `insecure` fits.

use std::net::{IpAddr, Ipv4Addr};

use local_registry_core::registry::{RegistryUrl, Scheme};
use local_registry_core::{RegistryHost, RuntimeHost};

use crate::link::{Link, LinkVerdict};
use crate::location::Location;
use crate::probe::Probe;

/// The links of the registry's name and of its answer. `is_insecure`: whether any policy has `insecure: true`.
pub(super) fn registry(host: &RegistryHost, probe: &Probe, location: Location, is_insecure: bool) -> [Link; 2] {
    [name(host, &probe.addresses, location), answer(host, probe, location, is_insecure)]
}

/// The link of something that is out of reach. Outside the cluster that is only a warning.
fn out_of_reach(link: &str, seen: String, location: Location, remedy: &str) -> Link {
    let (verdict, remedy) = match location {
        Location::InCluster => (LinkVerdict::Failed, remedy),
        Location::OutOfCluster => (LinkVerdict::Warning, "pods may reach it all the same: run the check in a pod"),
    };
    Link::new(link, verdict, seen).remedy(remedy)
}

fn name(host: &RegistryHost, addresses: &Result<Vec<IpAddr>, String>, location: Location) -> Link {
    match addresses {
        Ok(addresses) => {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            Link::ok("name", format!("{host} is {}", addresses.join(", ")))
        }
        Err(error) => {
            let remedy = "give the registry that name in the cluster's DNS, or declare another";
            out_of_reach("name", format!("{host} is not resolved: {error}"), location, remedy)
        }
    }
}

fn answer(host: &RegistryHost, probe: &Probe, location: Location, is_insecure: bool) -> Link {
    let (scheme, status) = match (&probe.https, &probe.http) {
        (Ok(status), _) => (Scheme::Https, *status),
        (Err(_), Some(Ok(status))) => (Scheme::Http, *status),
        (Err(https), http) => {
            let http = http.as_ref().and_then(|http| http.as_ref().err()).map_or("not tried", String::as_str);
            let seen = format!("{host} does not answer: HTTPS: {https}; HTTP: {http}");
            return out_of_reach("registry", seen, location, "start the registry, or declare where it is");
        }
    };
    let url = RegistryUrl { scheme, host: RuntimeHost::from(host) };
    let seen = format!("{url}/v2/ answers {status}");
    if !probe.is_registry() {
        return Link::warning("registry", seen).remedy("expected 200 or 401: see what else answers there");
    }
    match (&probe.https, is_insecure) {
        (Ok(_), false) => Link::ok("registry", seen),
        (Ok(_), true) => {
            Link::warning("registry", seen).remedy("insecure: true is not needed in the policy's settings")
        }
        (Err(_), true) if is_pushed_to_by_http(host) => {
            Link::ok("registry", format!("{seen}, and the settings say insecure: true"))
        }
        (Err(_), true) => {
            let seen = format!(
                "{seen}, and the settings say insecure: true, but Shipwright itself pushes there by HTTPS only"
            );
            Link::warning("registry", seen).remedy("see docs/clusters.md, Plain HTTP with other names")
        }
        (Err(error), false) => Link::failed("registry", format!("{seen}, but HTTPS does not ({error})"))
            .remedy("set insecure: true in the policy's settings, or give the registry a certificate"),
    }
}

/// Whether Shipwright's own step, as of 0.20, pushes there by plain HTTP if it may. With other names, the library that it pushes by,
/// go-containerregistry, tries HTTPS alone.
fn is_pushed_to_by_http(host: &RegistryHost) -> bool {
    let name = host.as_str().rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
    let is_private = name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_private());
    let domain = name.rsplit_once('.').map(|(_, domain)| domain);
    is_private || matches!(domain, Some("local" | "localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipwright_pushes_to_few_names_by_plain_http() {
        let is_pushed_to = |host: &str| is_pushed_to_by_http(&host.parse().unwrap());
        for host in [
            "registry.a.svc.cluster.local:5000",
            "a.local",
            "k3d-registry.localhost:5000",
            "10.0.0.5:5000",
            "172.31.0.5",
            "192.168.1.1:80",
        ] {
            assert!(is_pushed_to(host), "{host}");
        }
        for host in [
            "kind-registry:5000",
            "registry.a.svc:5000",
            "local:5000",
            "a.locale:5000",
            "172.32.0.5:5000",
            "8.8.8.8:5000",
            "[fd00::1]:5000",
        ] {
            assert!(!is_pushed_to(host), "{host}");
        }
    }
}
