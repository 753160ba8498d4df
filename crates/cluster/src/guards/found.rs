//! A guard as it is stored.

use serde_json::Value;

use super::faults::{GuardFault, faults, oddities};
use super::guard::Guard;
use crate::connection::Cluster;
use crate::error::ClusterError;

/// The kinds of the two objects of a guard. Both have its name.
const POLICY: &str = "ValidatingAdmissionPolicy";
const BINDING: &str = "ValidatingAdmissionPolicyBinding";

/// A guard as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundGuard {
    guard: Guard,
    /// Whether the API server knows such objects.
    is_served: bool,
    /// The spec of the policy; `None` if there is no policy.
    policy: Option<Value>,
    /// The spec of the binding; `None` if there is none.
    binding: Option<Value>,
}

impl FoundGuard {
    /// The spec of its ValidatingAdmissionPolicy; null if there is none.
    #[must_use]
    pub fn spec(&self) -> &Value {
        self.policy.as_ref().unwrap_or(&Value::Null)
    }

    /// What keeps the API server from refusing by it. Whether its expressions are the shipped ones is not looked at.
    #[must_use]
    pub fn faults(&self) -> Vec<GuardFault> {
        if !self.is_served {
            return vec![GuardFault::NO_API];
        }
        faults(self.guard, self.policy.as_ref(), self.binding.as_ref())
    }

    /// What is unlike the shipped binding, and leaves nothing out. Parts of a sentence about the guard.
    #[must_use]
    pub fn oddities(&self) -> Vec<&'static str> {
        oddities(self.guard, self.binding.as_ref())
    }
}

impl Cluster {
    /// A guard. Its binding counts only if it has the guard's name: that can be read without the right to list.
    ///
    /// # Errors
    /// A [`ClusterError`] if it cannot be read.
    pub async fn guard(&self, guard: Guard) -> Result<FoundGuard, ClusterError> {
        let spec = |fields: Value| fields.get("spec").cloned().unwrap_or_default();
        let policy = match self.admission_object(POLICY, guard.name()).await {
            Ok(found) => found.map(spec),
            // Other programs than the API server may answer so, too.
            Err(error) if error.is_unknown_path() && !self.serves_admission(POLICY).await? => {
                return Ok(FoundGuard { guard, is_served: false, policy: None, binding: None });
            }
            Err(error) => return Err(error),
        };
        let binding = match policy {
            Some(_) => self.admission_object(BINDING, guard.name()).await?.map(spec),
            None => None,
        };
        Ok(FoundGuard { guard, is_served: true, policy, binding })
    }
}
