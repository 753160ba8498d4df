//! Single objects: an answer counts only if it is about the object that was asked for.
//!
//! A load balancer, a proxy or a login page may answer in the API server's place, with 404 or with something else.

use std::fmt::Debug;

use kube::api::Api;
use kube::core::Status;
use kube::{Error, Resource};
use serde::de::DeserializeOwned;

use crate::call::{Call, Failure, limited};
use crate::error::{ClusterError, ClusterErrorKind};

/// An object by its name; `None` if the API server says that there is no such object.
///
/// # Errors
/// A [`ClusterError`] if it cannot be read, or if the answer is about something else.
pub(crate) async fn named<K>(api: &Api<K>, name: &str, call: &Call) -> Result<Option<K>, ClusterError>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    match limited(api.get(name)).await {
        Ok(object) => check_name(&object, name, call).map(|()| Some(object)),
        Err(Failure::Api(Error::Api(status))) if status.code == 404 && is_about(&status, name) => Ok(None),
        Err(failure) => Err(call.failed(failure)),
    }
}

/// Checks that an object is the one that was asked for.
///
/// # Errors
/// A [`ClusterError`] with the name that was found.
pub(crate) fn check_name(object: &impl Resource, name: &str, call: &Call) -> Result<(), ClusterError> {
    let found = object.meta().name.clone().unwrap_or_default();
    if found == name { Ok(()) } else { Err(ClusterErrorKind::Other { found }.about(call.subject.clone())) }
}

/// Whether a status names the object that was asked for. One about a path that is not served names none.
pub(crate) fn is_about(status: &Status, name: &str) -> bool {
    status.details.as_ref().is_some_and(|details| details.name == name)
}
