//! The host capabilities of a policy: the calls that a guest may make, with the error texts of a real policy server.

mod field_masks;
mod log;

use std::collections::BTreeSet;

use self::field_masks::prune;
use self::log::log;
use crate::metadata::ContextAwareResource;
use crate::objects::{GetResource, Objects};

/// Answers the calls of one policy.
pub struct Capabilities {
    granted: BTreeSet<ContextAwareResource>,
    objects: Objects,
}

impl Capabilities {
    /// Lets the policy read the kinds in `granted`, its `contextAwareResources`.
    #[must_use]
    pub fn new(granted: impl IntoIterator<Item = ContextAwareResource>, objects: Objects) -> Self {
        Self { granted: granted.into_iter().collect(), objects }
    }

    /// Answers one call. An error is a text, since that is all that a policy server passes to its guest.
    pub(crate) fn answer(
        &self,
        binding: &str,
        namespace: &str,
        operation: &str,
        payload: &[u8],
    ) -> Result<Vec<u8>, String> {
        if binding != "kubewarden" {
            return Err(format!("unknown binding: {binding}"));
        }
        match (namespace, operation) {
            ("tracing", "log") => {
                log(payload);
                Ok(Vec::new())
            }
            ("kubernetes", "get_resource") => self.get_resource(payload),
            ("tracing" | "kubernetes", _) => Err(format!("unknown operation: {operation}")),
            _ => Err(format!("unknown namespace: {namespace}")),
        }
    }

    fn get_resource(&self, payload: &[u8]) -> Result<Vec<u8>, String> {
        let request: GetResource = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        let GetResource { api_version, kind, name, namespace, .. } = &request;
        let kind_of_object = ContextAwareResource { api_version: api_version.clone(), kind: kind.clone() };
        if !self.granted.contains(&kind_of_object) {
            return Err(format!(
                "Policy has not been granted access to Kubernetes {api_version}/{kind} resources. The violation has been reported."
            ));
        }
        tracing::debug!(api_version, kind, name, namespace, "get_resource");
        let found = self.objects.get(&request);
        let namespace = namespace.as_deref();
        let missing = || format!("Cannot find {api_version}/{kind} named '{name}' inside of namespace '{namespace:?}'");
        let mut object = found
            .and_then(|found| found.ok_or_else(missing))
            .map_err(|error| format!("Callback evaluation failure: {error}"))?;
        if let Some(masks) = &request.field_masks {
            prune(&mut object, masks);
        }
        serde_json::to_vec(&object).map_err(|error| error.to_string())
    }
}
