//! Where an alias leads.

use local_registry_cluster::services::ServiceName;
use local_registry_core::registry::PORTABLE_HOST;
use local_registry_core::{RegistryHost, RuntimeHost};
use local_registry_declaration::Declared;

/// Why a declared registry can have no alias. Prints as a clause that says how to fix it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct NoTarget(#[from] NoTargetKind);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum NoTargetKind {
    #[error("no local registry is declared for pods")]
    NotDeclared,
    #[error("the declared registry is {PORTABLE_HOST} itself")]
    Portable,
    #[error(
        "an alias leads to a Service of this cluster, and the declared registry `{0}` does not name one; declare a Service, such \
         as registry.infra.svc.{1}:5000"
    )]
    NoService(RegistryHost, String),
    #[error(
        "an alias needs the whole name of the Service, and the declared registry `{0}` lacks the cluster's domain; declare \
         `{0}` with `.{1}` after `svc`"
    )]
    NoDomain(RegistryHost, String),
    #[error(
        "an alias has no port of its own, and the declared registry `{0}` is not on port 5000, as the portable name is; \
         give its Service that port, and declare it"
    )]
    OtherPort(RegistryHost),
}

impl NoTarget {
    /// Whether that is as it should be: there is nothing to fix.
    #[must_use]
    pub fn is_intended(&self) -> bool {
        matches!(self.0, NoTargetKind::NotDeclared | NoTargetKind::Portable)
    }
}

/// The name that aliases lead to: the whole name of the declared Service, without its port. `cluster_domain` is the DNS domain of
/// the cluster.
///
/// ```
/// use local_registry_declaration::{AllowedHosts, Data, Declared};
/// use local_registry_sync::aliases::target;
///
/// let value = "hostFromClusterNetwork: registry.infra.svc.cluster.local:5000";
/// let data: Data = [("localRegistryHosting.v1", value)].into_iter().collect();
/// let declared = Declared::read(&data, &AllowedHosts::default())?;
/// assert_eq!(target(&declared, "cluster.local"), Ok("registry.infra.svc.cluster.local".to_owned()));
/// # Ok::<(), local_registry_declaration::DeclarationError>(())
/// ```
///
/// # Errors
/// A [`NoTarget`] if none is declared that an alias can lead to.
pub fn target(declared: &Declared, cluster_domain: &str) -> Result<String, NoTarget> {
    let host = declared.for_pods().ok_or(NoTargetKind::NotDeclared)?;
    if host.as_str() == PORTABLE_HOST {
        return Err(NoTargetKind::Portable.into());
    }
    if ServiceName::named_by(&RuntimeHost::from(host), cluster_domain).is_none() {
        return Err(NoTargetKind::NoService(host.clone(), cluster_domain.to_owned()).into());
    }
    if host.name().strip_suffix(".svc").is_some() {
        return Err(NoTargetKind::NoDomain(host.clone(), cluster_domain.to_owned()).into());
    }
    if host.port() != Some(5000) {
        return Err(NoTargetKind::OtherPort(host.clone()).into());
    }
    Ok(host.name().to_owned())
}

#[cfg(test)]
mod tests {
    use local_registry_declaration::{AllowedHosts, Data};

    use super::*;

    #[track_caller]
    fn check(declared: &str, expected: Result<&str, &str>) {
        let data: Data = [("localRegistryHosting.v1", declared)].into_iter().collect();
        let declared = Declared::read(&data, &AllowedHosts::default()).unwrap();
        let found = target(&declared, "example.org").map_err(|error| error.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn an_alias_leads_to_the_declared_service() {
        check("hostFromClusterNetwork: registry.infra.svc.example.org:5000", Ok("registry.infra.svc.example.org"));
    }

    #[test]
    fn what_has_no_alias_says_why() {
        check("help: https://example.org", Err("no local registry is declared for pods"));
        check(
            "hostFromClusterNetwork: local-registry:5000",
            Err("the declared registry is local-registry:5000 itself"),
        );
        for host in [
            "kind-registry:5000",
            "10.0.0.5:5000",
            "'[fd00::1]:5000'",
            "registry.example.org:5000",
            "registry.infra.svc.evil.example:5000",
            "registry.infra.svc.example.org.evil.example:5000",
        ] {
            let message = format!(
                "an alias leads to a Service of this cluster, and the declared registry `{}` does not name one; declare a \
                 Service, such as registry.infra.svc.example.org:5000",
                host.trim_matches('\'')
            );
            check(&format!("hostFromClusterNetwork: {host}"), Err(&message));
        }
        check(
            "hostFromClusterNetwork: registry.infra.svc:5000",
            Err(
                "an alias needs the whole name of the Service, and the declared registry `registry.infra.svc:5000` lacks the \
                 cluster's domain; declare `registry.infra.svc:5000` with `.example.org` after `svc`",
            ),
        );
        for host in ["registry.infra.svc.example.org", "registry.infra.svc.example.org:443"] {
            let message = format!(
                "an alias has no port of its own, and the declared registry `{host}` is not on port 5000, as the portable \
                 name is; give its Service that port, and declare it"
            );
            check(&format!("hostFromClusterNetwork: {host}"), Err(&message));
        }
    }
}
