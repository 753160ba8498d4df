//! Single objects: an answer counts only if it is about the object that was asked for.
//!
//! A load balancer, a proxy or a login page may answer in the API server's place, with 404 or with something else.

use std::fmt::Debug;

use kube::api::{Api, DeleteParams};
use kube::core::Status;
use kube::{Error, Resource};
use local_registry_core::Quoted;
use serde::de::DeserializeOwned;

use crate::call::{Call, Failure, limited};
use crate::error::{ClusterError, ClusterErrorKind};

/// What is asked for: an object by its name, and by its namespace if it has one.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) namespace: Option<&'a str>,
    pub(crate) name: &'a str,
    /// The resource, as paths and statuses name it.
    pub(crate) plural: &'a str,
}

/// An object by its name; `None` if the API server says that there is no such object.
///
/// # Errors
/// A [`ClusterError`] if it cannot be read, or if the answer is about something else.
pub(crate) async fn named<K>(api: &Api<K>, wanted: Wanted<'_>, call: &Call) -> Result<Option<K>, ClusterError>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    match limited(api.get(wanted.name)).await {
        Ok(object) => wanted.check(&object, call).map(|()| Some(object)),
        Err(Failure::Api(Error::Api(status))) if status.code == 404 && wanted.is_in(&status) => Ok(None),
        Err(failure) => Err(call.failed(failure)),
    }
}

/// Deletes an object by its name. Returns whether it was there.
///
/// # Errors
/// A [`ClusterError`] if it is still there.
pub(crate) async fn deleted<K>(
    api: &Api<K>,
    parameters: &DeleteParams,
    wanted: Wanted<'_>,
    call: &Call,
) -> Result<bool, ClusterError>
where
    K: Clone + DeserializeOwned + Debug,
{
    match limited(api.delete(wanted.name, parameters)).await {
        Ok(_) => Ok(true),
        Err(Failure::Api(Error::Api(status))) if status.code == 404 && wanted.is_in(&status) => Ok(false),
        Err(failure) => Err(call.failed(failure)),
    }
}

impl Wanted<'_> {
    /// Checks that an object is the one that was asked for.
    ///
    /// # Errors
    /// A [`ClusterError`] with the name that was found.
    pub(crate) fn check(&self, object: &impl Resource, call: &Call) -> Result<(), ClusterError> {
        match self.other(object) {
            None => Ok(()),
            Some(found) => Err(ClusterErrorKind::Other { found }.about(call.subject.clone())),
        }
    }

    /// What an object is, if it is not the one that was asked for.
    pub(crate) fn other(&self, object: &impl Resource) -> Option<String> {
        let name = object.meta().name.as_deref().unwrap_or_default();
        let namespace = object.meta().namespace.as_deref();
        // A namespace that is not said is that of the path.
        let is_elsewhere = self.namespace.is_some() && namespace.is_some() && namespace != self.namespace;
        match namespace {
            _ if name.is_empty() => Some("an object without a name".to_owned()),
            Some(namespace) if is_elsewhere => Some(format!("the object {}", Quoted(&format!("{namespace}/{name}")))),
            _ if name != self.name => Some(format!("the object {}", Quoted(name))),
            _ => None,
        }
    }

    /// Whether a status names the object that was asked for. One about a path that is not served names none.
    pub(crate) fn is_in(&self, status: &Status) -> bool {
        let details = status.details.as_ref();
        details.is_some_and(|details| {
            details.name == self.name && (details.kind.is_empty() || details.kind == self.plural)
        })
    }
}
