//! The metrics of a running token server, all named `local_registry_sync_token_…`.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use local_registry_tenants::{Right, TokenEvent};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::{Label, Monitored};

/// How many namespaces have samples of their own. Whoever reaches the server may ask for any name.
const NAMESPACES: usize = 500;
/// The namespace of all others. No namespace has this name.
const OTHERS: &str = "(others)";

/// The namespace of whatever is asked for without a password.
const ANONYMOUS: &str = "(anonymous)";

/// A namespace and a verb.
type RightLabels = [(&'static str, String); 2];

/// What became of requests, and which rights were missing.
pub(crate) struct TokenMetrics {
    registry: Registry,
    requests: Family<Label, Counter>,
    missing: Family<RightLabels, Counter>,
    namespaces: Mutex<BTreeSet<String>>,
    ready: AtomicBool,
}

impl Default for TokenMetrics {
    fn default() -> Self {
        let (requests, missing): (Family<Label, Counter>, Family<RightLabels, Counter>) = Default::default();
        let mut registry = Registry::with_prefix("local_registry_sync_token");
        registry.register("requests", "Requests for tokens, by what became of them", Family::clone(&requests));
        let help =
            "Rights on repositories that were asked for and that RBAC does not give, by the repository's namespace";
        registry.register("rights_missing", help, Family::clone(&missing));
        for result in ["given", "refused", "failed"] {
            requests.get_or_create(&[("result", result.to_owned())]).inc_by(0);
        }
        Self { registry, requests, missing, namespaces: Mutex::default(), ready: AtomicBool::new(false) }
    }
}

impl TokenMetrics {
    /// Counts what became of a request.
    pub(crate) fn record(&self, event: &TokenEvent<'_>) {
        let result = match event {
            TokenEvent::Given => "given",
            TokenEvent::Refused(refusal) if refusal.is_failure() => "failed",
            TokenEvent::Refused(_) => "refused",
            TokenEvent::Missing(right) => {
                let namespace = self.bounded(right.namespace().unwrap_or_default());
                return self.record_missing(namespace, *right);
            }
            // They could make anybody's alerts fire.
            TokenEvent::MissingForAnonymous(right) => return self.record_missing(ANONYMOUS.to_owned(), *right),
        };
        self.requests.get_or_create(&[("result", result.to_owned())]).inc();
    }

    fn record_missing(&self, namespace: String, right: Right<'_>) {
        let labels = [("repository_namespace", namespace), ("verb", right.action().verb().to_owned())];
        self.missing.get_or_create(&labels).inc();
    }

    /// The namespace, or that of all others.
    fn bounded(&self, namespace: &str) -> String {
        let mut known = self.namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(namespace) {
            if known.len() >= NAMESPACES {
                return OTHERS.to_owned();
            }
            known.insert(namespace.to_owned());
        }
        namespace.to_owned()
    }

    /// Sets whether there is a key to sign with.
    pub(crate) fn set_ready(&self, is_ready: bool) {
        self.ready.store(is_ready, Ordering::Relaxed);
    }
}

impl Monitored for TokenMetrics {
    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    fn registry(&self) -> &Registry {
        &self.registry
    }
}

#[cfg(test)]
mod tests {
    use local_registry_tenants::Scope;
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn namespaces_are_bounded() {
        let metrics = TokenMetrics::default();
        for number in 0..NAMESPACES + 7 {
            let scope = Scope::parse(&format!("repository:team-{number}/app:push")).unwrap();
            Right::of(&scope).for_each(|right| metrics.record(&TokenEvent::Missing(right)));
        }
        let mut text = String::new();
        encode(&mut text, metrics.registry()).unwrap();
        let samples = text.lines().filter(|line| line.contains("rights_missing_total{"));
        assert_eq!(samples.count(), NAMESPACES + 1);
        let scope = Scope::parse("repository:team-7/app:push").unwrap();
        Right::of(&scope).for_each(|right| metrics.record(&TokenEvent::MissingForAnonymous(right)));
        let mut with_anonymous = String::new();
        encode(&mut with_anonymous, metrics.registry()).unwrap();
        for (namespace, count) in [("team-7", 1), ("(anonymous)", 1)] {
            let sample = format!(
                r#"local_registry_sync_token_rights_missing_total{{repository_namespace="{namespace}",verb="push"}} {count}"#
            );
            assert!(with_anonymous.contains(&sample), "{sample}: {with_anonymous}");
        }
        let others = r#"local_registry_sync_token_rights_missing_total{repository_namespace="(others)",verb="push"} 7"#;
        assert!(text.contains(others), "{text}");
    }
}
