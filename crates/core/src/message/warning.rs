//! What the sender of an accepted request is told.

use std::fmt;

/// A warning about an accepted request. kubectl prints each on a line of its own.
///
/// ```
/// use local_registry_core::admission::{Decision, Request};
/// use local_registry_core::decide;
///
/// let payload = br#"{
///     "request": {
///         "kind": {"group": "shipwright.io", "version": "v1beta1", "kind": "Build"},
///         "operation": "CREATE", "object": {"spec": {"output": {"image": "team/app"}}}
///     }
/// }"#;
/// let request = Request::parse(payload)?;
/// let Decision::Accept { warnings, .. } = decide(&request, &mut |_: &str, _: &str| unreachable!())? else {
///     panic!("rejected")
/// };
/// assert_eq!(
///     warnings[0].to_string(),
///     "spec.output.image: `team/app` names no registry and is not local, so it goes to Docker Hub; \
///      set local: true for this cluster's registry, or name a registry"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning(String);

impl Warning {
    pub(crate) fn new(message: &dyn fmt::Display) -> Self {
        Self(message.to_string())
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
