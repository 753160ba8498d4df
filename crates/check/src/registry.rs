//! Whether the registry answers, and whether the setting `insecure` fits.

use std::net::IpAddr;

use local_registry_core::RegistryHost;

use super::link::{Link, LinkVerdict};
use super::probe::Probe;
use super::vantage::Vantage;

/// The links of the registry's name and of its answer. `is_insecure`: whether any policy has `insecure: true`.
pub(super) fn registry(host: &RegistryHost, probe: &Probe, vantage: Vantage, is_insecure: bool) -> [Link; 2] {
    [name(host, &probe.addresses, vantage), answer(host, probe, vantage, is_insecure)]
}

/// The link of something that is out of reach. Outside the cluster that is only a warning.
fn out_of_reach(link: &str, seen: String, vantage: Vantage, remedy: &str) -> Link {
    let (verdict, remedy) = match vantage {
        Vantage::Inside => (LinkVerdict::Failed, remedy),
        Vantage::Outside => (LinkVerdict::Warning, "pods may reach it all the same: run the check in a pod"),
    };
    Link::new(link, verdict, seen).remedy(remedy)
}

fn name(host: &RegistryHost, addresses: &Result<Vec<IpAddr>, String>, vantage: Vantage) -> Link {
    match addresses {
        Ok(addresses) => {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            Link::ok("name", format!("{host} is {}", addresses.join(", ")))
        }
        Err(error) => {
            let remedy = "give the registry that name in the cluster's DNS, or declare another";
            out_of_reach("name", format!("{host} is not resolved: {error}"), vantage, remedy)
        }
    }
}

fn answer(host: &RegistryHost, probe: &Probe, vantage: Vantage, is_insecure: bool) -> Link {
    let (scheme, status) = match (&probe.https, &probe.http) {
        (Ok(status), _) => ("https", *status),
        (Err(_), Some(Ok(status))) => ("http", *status),
        (Err(https), http) => {
            let http = http.as_ref().and_then(|http| http.as_ref().err()).map_or("not tried", String::as_str);
            let seen = format!("{host} does not answer: HTTPS: {https}; HTTP: {http}");
            return out_of_reach("registry", seen, vantage, "start the registry, or declare where it is");
        }
    };
    let seen = format!("{scheme}://{host}/v2/ answers {status}");
    if status != 200 && status != 401 {
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
