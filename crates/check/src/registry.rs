//! Whether the registry answers, and whether the setting `insecure` fits.

use std::net::IpAddr;

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
        (Err(_), true) => Link::ok("registry", format!("{seen}, and the settings say insecure: true")),
        (Err(error), false) => Link::failed("registry", format!("{seen}, but HTTPS does not ({error})"))
            .remedy("set insecure: true in the policy's settings, or give the registry a certificate"),
    }
}
