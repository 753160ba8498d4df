//! CRI-O's drop-in for a registry (`containers-registries.conf.d(5)`).

use local_registry_core::registry::Scheme;

use super::marker::header;
use super::name::Name;
use super::target::Target;

/// With what the names of our drop-ins begin and end.
pub(super) const PREFIX: &str = "local-registry-";
pub(super) const SUFFIX: &str = ".conf";

/// The name of the drop-in about a name.
pub(super) fn file_name(name: &str) -> String {
    format!("{PREFIX}{}{SUFFIX}", name.replace(':', "_"))
}

/// The text of the drop-in. `insecure` lets CRI-O speak plain HTTP, so it is only set for that.
pub(super) fn drop_in(name: &Name, target: Target<'_>) -> String {
    let settings = match target {
        Target::Registry { url, .. } => {
            let insecure = url.scheme == Scheme::Http;
            format!("location = \"{}\"\ninsecure = {insecure}\n", url.host)
        }
        // CRI-O refuses to pull then, and says that the registry is blocked.
        Target::Nowhere => format!("# The registry is gone.\nlocation = \"{name}\"\nblocked = true\n"),
    };
    format!("{}[[registry]]\nprefix = \"{name}\"\n{settings}", header(name))
}

/// The name of a registry that a drop-in of others has an entry for, if it is this one.
pub(super) fn has_entry(text: &str, name: &str) -> bool {
    let Ok(table) = text.parse::<toml::Table>() else { return false };
    let entries = table.get("registry").and_then(toml::Value::as_array);
    entries.into_iter().flatten().any(|entry| {
        let prefix = entry.get("prefix").or_else(|| entry.get("location")).and_then(toml::Value::as_str);
        prefix == Some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use local_registry_core::registry::RegistryUrl;

    #[test]
    fn a_drop_in_leads_to_the_address() {
        let name: Name = "registry.infra.svc:5000".parse().unwrap();
        let url = RegistryUrl { scheme: Scheme::Http, host: "10.0.0.5:5000".parse().unwrap() };
        let registry = |url: &RegistryUrl| drop_in(&name, Target::Registry { url, has_ca: false });
        let text = registry(&url);
        assert!(text.ends_with(
            "[[registry]]\nprefix = \"registry.infra.svc:5000\"\nlocation = \"10.0.0.5:5000\"\ninsecure = true\n"
        ));
        assert!(has_entry(&text, name.as_str()));
        assert!(!has_entry(&text, "registry.infra.svc:80"));
        assert!(has_entry("[[registry]]\nlocation = \"a:1\"", "a:1"));
        assert!(!has_entry("[[registry", name.as_str()));
        let secure = registry(&RegistryUrl { scheme: Scheme::Https, ..url });
        assert!(secure.ends_with("insecure = false\n"));
        assert!(drop_in(&name, Target::Nowhere).ends_with("\nblocked = true\n"));
        assert_eq!(file_name(name.as_str()), "local-registry-registry.infra.svc_5000.conf");
    }
}
