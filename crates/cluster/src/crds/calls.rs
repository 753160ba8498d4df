//! CRDs are read, followed and patched.

use http::HeaderValue;
use http::header::CONTENT_TYPE;
use kube::Error;
use kube::api::{Api, Patch, PatchParams};
use kube::core::{Request, Status};
use local_registry_core::shipwright::Kind;
use serde_json::Value;

use crate::call::{Call, Failure, limited};
use crate::connection::Cluster;
use crate::crds::crd::{Crd, GROUP, crd_name};
use crate::error::{ClusterError, ClusterErrorKind};
use crate::follow::{Content, Followed, Selection, Slim, Watch};
use crate::named::{Wanted, named};
use crate::policies::FIELD_MANAGER;

/// Where the API server has all CRDs.
const URL: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

impl Cluster {
    /// The CRD of a kind; `None` if there is none.
    ///
    /// # Errors
    /// A [`ClusterError`] if it cannot be read.
    pub async fn crd(&self, kind: Kind) -> Result<Option<Crd>, ClusterError> {
        let api: Api<Slim<Crd>> = Api::all(self.client.clone());
        Ok(named(&api, wanted(kind), &call(kind, "get")).await?.map(Slim::into_content))
    }

    /// Follows the CRD of a kind.
    #[must_use]
    pub fn follow_crd(&self, kind: Kind) -> Followed<Crd> {
        let one = Selection::One { namespace: None, name: crd_name(kind).to_owned() };
        let call = move |verb| call(kind, verb);
        Followed::new(Watch::new(self.client.clone(), one, self.ended_watches(), call))
    }

    /// Changes the CRD of a kind by a JSON patch, and returns it as it is then; with `dry_run`, as it would be.
    ///
    /// # Errors
    /// A [`ClusterError`]; then nothing was written. It [is outdated](ClusterError::is_outdated) if the patch sets a
    /// `resourceVersion` that the CRD no longer has, or tests or changes what is no longer there.
    pub async fn patch_crd(&self, kind: Kind, operations: &[Value], dry_run: bool) -> Result<Crd, ClusterError> {
        let parameters =
            PatchParams { dry_run, field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let answer = async {
            // kube has JSON patches only with a library for them, and all that differs is the header.
            let request = Request::new(URL).patch(crd_name(kind), &parameters, &Patch::Merge(operations));
            let mut request = request.map_err(Error::BuildRequest)?;
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json-patch+json"));
            self.client.request::<Slim<Crd>>(request).await
        };
        let call = call(kind, "patch");
        match limited(answer).await {
            Ok(crd) => wanted(kind).check(&crd, &call).map(|()| crd.into_content()),
            Err(Failure::Api(Error::Api(status))) if status.code == 409 || does_not_apply(&status) => {
                Err(ClusterErrorKind::Changed.about(call.subject))
            }
            Err(failure) => Err(call.failed(failure)),
        }
    }
}

/// Whether the API server could not apply a JSON patch to the object as it is. It says so with empty details. Whatever else it
/// answers with 422 is about the object that would result, and names that; what a webhook answers has no details.
fn does_not_apply(status: &Status) -> bool {
    let details = status.details.as_ref();
    status.code == 422 && details.is_some_and(|details| details.name.is_empty() && details.causes.is_empty())
}

fn wanted(kind: Kind) -> Wanted<'static> {
    Wanted { namespace: None, name: crd_name(kind), plural: Crd::PLURAL }
}

/// A call about a CRD.
fn call(kind: Kind, verb: &'static str) -> Call {
    let name = crd_name(kind);
    Call {
        subject: format!("CustomResourceDefinition {name}"),
        verb,
        resource: format!("{}.{GROUP}/{name}", Crd::PLURAL),
    }
}
