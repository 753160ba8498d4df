//! What the API server serves.
//!
//! A list that answers 404 says too little: the API server answers so for a kind that is not there, and whatever stands before it
//! for anything. So what is not served is known by the API server's own lists of what is.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{APIGroupList, APIResourceList};

use super::resource_name::ResourceName;
use crate::call::Call;
use crate::connection::Cluster;
use crate::error::{ClusterError, ClusterErrorKind};

/// A group that every API server has.
const ALWAYS_THERE: &str = "apps";
/// The one version of the core group.
const CORE_VERSION: &str = "v1";

/// What the API server serves, as far as it was asked.
pub struct Discovery<'a> {
    cluster: &'a Cluster,
    /// The versions of each group, the preferred one first.
    groups: BTreeMap<String, Vec<String>>,
    /// The plurals of the kinds that can be listed, by the path of their group and version.
    resources: BTreeMap<String, Vec<String>>,
}

/// A kind that is served, in a version that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedResource {
    /// Where all of its objects are.
    pub(super) path: String,
    /// The resource, as RBAC and errors name it.
    pub(super) resource: String,
}

impl Cluster {
    /// Asks what is served.
    ///
    /// # Errors
    /// A [`ClusterError`] if the API server does not say.
    pub async fn discover(&self) -> Result<Discovery<'_>, ClusterError> {
        let call = call("the list of API groups", "/apis");
        let found: APIGroupList = call.answer(self.client.list_api_groups()).await?;
        let groups: BTreeMap<String, Vec<String>> = found
            .groups
            .into_iter()
            .map(|group| {
                let preferred = group.preferred_version.map(|preferred| preferred.version);
                let mut versions: Vec<String> = group.versions.into_iter().map(|version| version.version).collect();
                versions.sort_by_key(|version| Some(version) != preferred.as_ref());
                (group.name, versions)
            })
            .collect();
        if groups.contains_key(ALWAYS_THERE) {
            return Ok(Discovery { cluster: self, groups, resources: BTreeMap::new() });
        }
        let found = format!("something that has no group `{ALWAYS_THERE}`");
        Err(ClusterErrorKind::Other { found }.about(call.subject))
    }
}

impl Discovery<'_> {
    /// A kind as it is served: in the version of its name, or else in another one, in which the objects are the same. `None` if the
    /// API server does not serve it.
    ///
    /// # Errors
    /// A [`ClusterError`] if the API server does not say.
    pub async fn find(&mut self, name: &ResourceName) -> Result<Option<ServedResource>, ClusterError> {
        let mut versions = match name.group() {
            "" => vec![CORE_VERSION.to_owned()],
            group => self.groups.get(group).cloned().unwrap_or_default(),
        };
        versions.sort_by_key(|version| version != name.version());
        for version in versions {
            let path = match name.group() {
                "" => format!("/api/{version}"),
                group => format!("/apis/{group}/{version}"),
            };
            if self.plurals(&path).await?.iter().any(|plural| plural == name.plural()) {
                return Ok(Some(ServedResource {
                    path: format!("{path}/{}", name.plural()),
                    resource: name.resource(),
                }));
            }
        }
        Ok(None)
    }

    async fn plurals(&mut self, path: &str) -> Result<&[String], ClusterError> {
        if !self.resources.contains_key(path) {
            let call = call(&format!("the kinds of {path}"), path);
            let request = http::Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError);
            let answer = async { self.cluster.client.request::<APIResourceList>(request?).await };
            let found = call.answer(answer).await?;
            if found.resources.is_empty() {
                let found = "something without kinds".to_owned();
                return Err(ClusterErrorKind::Other { found }.about(call.subject));
            }
            let plurals = found.resources.into_iter().map(|resource| resource.name).collect();
            self.resources.insert(path.to_owned(), plurals);
        }
        Ok(self.resources.get(path).map(Vec::as_slice).unwrap_or_default())
    }
}

/// A call about what is served. Everybody who is signed in may ask that, unless somebody took the right away.
fn call(subject: &str, path: &str) -> Call {
    Call { subject: subject.to_owned(), verb: "get", resource: format!("the path {path}") }
}
