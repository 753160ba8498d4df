//! Values of the chart that many scenarios install.

use serde_json::{Value, json};

/// The usual set: the policy for Builds with its guard, the sync job and the check.
#[must_use]
pub fn usual() -> Value {
    json!({})
}

/// The usual set without the guard.
#[must_use]
pub fn without_guard() -> Value {
    json!({"guard": {"enabled": false}})
}

/// The guard without the policy.
#[must_use]
pub fn guard_alone() -> Value {
    without_policy(json!({"guard": {"enabled": true}}))
}

/// The usual set, and the policy for annotated pods.
#[must_use]
pub fn workloads() -> Value {
    json!({"workloads": {"enabled": true}})
}

/// The usual set, and the policy for labelled namespaces.
#[must_use]
pub fn labelled() -> Value {
    json!({"workloads": {"enabled": true, "namespaces": "labelled"}})
}

/// The usual set, and both policies for pods.
#[must_use]
pub fn both() -> Value {
    json!({"workloads": {"enabled": true, "namespaces": "both"}})
}

/// The policy for the release's namespace alone.
#[must_use]
pub fn namespaced() -> Value {
    json!({"policy": {"namespaced": true}})
}

/// A registry and its agents, without policies.
#[must_use]
pub fn registry() -> Value {
    without_policy(json!({"registry": {"enabled": true}}))
}

/// A registry whose rights are the cluster's, without agents and policies.
#[must_use]
pub fn tenants() -> Value {
    merged(registry(), json!({"registry": {"tenants": {"enabled": true}}, "nodes": {"enabled": false}}))
}

/// The agents alone.
#[must_use]
pub fn nodes() -> Value {
    without_policy(json!({"nodes": {"enabled": true}}))
}

/// These values, without the policy and what belongs to it.
#[must_use]
pub fn without_policy(values: Value) -> Value {
    merged(json!({"policy": {"enabled": false}}), values)
}

/// Values with more of them. Where both have one, it is the second one's.
#[must_use]
pub fn merged(values: Value, more: Value) -> Value {
    match (values, more) {
        (Value::Object(mut values), Value::Object(more)) => {
            for (key, value) in more {
                let before = values.remove(&key).unwrap_or_default();
                values.insert(key, merged(before, value));
            }
            Value::Object(values)
        }
        (_, more) => more,
    }
}
