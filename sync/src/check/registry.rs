//! Whether the registry answers, and whether the policies' `insecure` fits how.

use local_registry_core::RegistryHost;

use super::{Link, Place, Verdict, link};
use crate::probe::Probe;

pub(super) fn registry(host: &RegistryHost, probe: &Probe, place: Place, insecure: bool, links: &mut Vec<Link>) {
    // What only pods can reach is no fault when it is not reached from elsewhere.
    let (failed, elsewhere) = match place {
        Place::Inside => (Verdict::Failed, None),
        Place::Outside => {
            (Verdict::Warning, Some("this only means something inside the cluster: run the check in a pod"))
        }
    };
    links.push(match &probe.addresses {
        Ok(addresses) => {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            link("name", Verdict::Ok, format!("{host} is {}", addresses.join(", ")), None)
        }
        Err(error) => link(
            "name",
            failed,
            format!("{host} is not resolved: {error}"),
            elsewhere.or(Some("give the registry that name in the cluster's DNS, or declare another")),
        ),
    });
    let not_a_registry =
        |status: u16| (status != 200 && status != 401).then_some("expected 200 or 401: see what else answers there");
    links.push(match (&probe.https, &probe.http) {
        (Ok(status), _) if not_a_registry(*status).is_some() => {
            link("registry", Verdict::Warning, format!("https://{host}/v2/ answers {status}"), not_a_registry(*status))
        }
        (Ok(status), _) if insecure => {
            let remedy = "insecure: true is not needed in the policy's settings";
            link("registry", Verdict::Warning, format!("https://{host}/v2/ answers {status}"), Some(remedy))
        }
        (Ok(status), _) => link("registry", Verdict::Ok, format!("https://{host}/v2/ answers {status}"), None),
        (Err(_), Some(Ok(status))) if not_a_registry(*status).is_some() => {
            link("registry", Verdict::Warning, format!("http://{host}/v2/ answers {status}"), not_a_registry(*status))
        }
        (Err(_), Some(Ok(status))) if insecure => link(
            "registry",
            Verdict::Ok,
            format!("http://{host}/v2/ answers {status}, and the settings say insecure: true"),
            None,
        ),
        (Err(error), Some(Ok(status))) => link(
            "registry",
            Verdict::Failed,
            format!("http://{host}/v2/ answers {status}, but HTTPS does not ({error})"),
            Some("set insecure: true in the policy's settings, or give the registry a certificate"),
        ),
        (Err(https), http) => {
            let http = http.as_ref().and_then(|http| http.as_ref().err()).map(String::as_str).unwrap_or("not tried");
            let seen = format!("{host} does not answer: HTTPS: {https}; HTTP: {http}");
            link("registry", failed, seen, elsewhere.or(Some("start the registry, or declare where it is")))
        }
    });
}
