//! The calls about the three objects. What the API server answers to them may be secret, so kube, which logs answers that it
//! cannot read, does not get to see it.

use std::collections::BTreeMap;

use http_body_util::BodyExt;
use kube::Error;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::client::Body;
use kube::core::Status;
use kube::core::request::{Error as RequestError, Request};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::account::Account;
use super::binding::Binding;
use super::found::{Found, MANAGED_BY, Part};
use super::promise::Promise;
use super::secret::{SecretContent, StoredSecret};
use super::{MANAGER, NAME};
use crate::call::{Call, Failure, hushed, limited};
use crate::connection::Cluster;
use crate::error::{ClusterError, ClusterErrorKind};
use crate::follow::{FollowedAll, Pace, Selection, Slim, Watch};
use crate::named::Wanted;

impl Cluster {
    /// Follows the objects of every namespace that have the name of the credentials, whoever has made them. Pages of their list
    /// come at this pace, if there is one.
    #[must_use]
    pub fn follow_push<T: Part>(&self, pace: Option<&Pace>) -> FollowedAll<Found<T>> {
        let call = |verb| Call {
            subject: format!("{}s that are called {NAME}", T::KIND),
            verb,
            resource: format!("{}/{NAME} in all namespaces", resource::<T>()),
        };
        let watch = Watch::new(self.client.clone(), Selection::Named(NAME), self.ended_watches(), call);
        FollowedAll::new(match pace {
            Some(pace) => watch.paced(pace),
            None => watch,
        })
    }

    /// Makes the ServiceAccount of a namespace what it should be, with what it says of the token, and returns it as it is then; with
    /// `dry_run`, as it would be; with a `uid`, only if it is that one.
    ///
    /// # Errors
    /// A [`ClusterError`] if the API server does not take it.
    pub async fn apply_push_account(
        &self,
        namespace: &str,
        promise: &Promise,
        uid: Option<&str>,
        dry_run: bool,
    ) -> Result<Found<Account>, ClusterError> {
        self.apply_push(namespace, Account::body(), &promise.annotations(), uid, dry_run).await
    }

    /// Makes the RoleBinding of a namespace what it should be, likewise.
    ///
    /// # Errors
    /// A [`ClusterError`] if the API server does not take it.
    pub async fn apply_push_binding(&self, namespace: &str, dry_run: bool) -> Result<Found<Binding>, ClusterError> {
        self.apply_push(namespace, Binding::body(namespace), &BTreeMap::new(), None, dry_run).await
    }

    /// Writes the Secret of a namespace, likewise; with a `uid`, only if it is that one.
    ///
    /// # Errors
    /// A [`ClusterError`] if the API server does not take it. Nothing secret is in it, unless somebody's webhook says it.
    pub async fn apply_push_secret(
        &self,
        namespace: &str,
        content: &SecretContent,
        uid: Option<&str>,
        dry_run: bool,
    ) -> Result<Found<StoredSecret>, ClusterError> {
        self.apply_push(namespace, content.body(), content.annotations(), uid, dry_run).await
    }

    /// Deletes one of the objects of a namespace, if it is still the one that was seen. What somebody changes in it meanwhile must not
    /// keep it; that it is still ours is looked at by the policies of the chart.
    ///
    /// # Errors
    /// A [`ClusterError`] if it is still there.
    pub async fn delete_push<T: Part>(
        &self,
        namespace: &str,
        seen: &Found<T>,
        dry_run: bool,
    ) -> Result<(), ClusterError> {
        let same = Preconditions { uid: Some(seen.uid().to_owned()), resource_version: None };
        let parameters = DeleteParams { dry_run, preconditions: Some(same), ..DeleteParams::default() };
        let call = call::<T>(namespace, "delete");
        let request = Request::new(path::<T>(namespace)).delete(NAME, &parameters);
        match limited(self.text(request)).await {
            Ok(_) => Ok(()),
            Err(Failure::Api(Error::Api(status))) if status.code == 404 && wanted::<T>(namespace).is_in(&status) => {
                Ok(())
            }
            Err(failure) => Err(failed(&call, failure)),
        }
    }

    /// Applies an object. By force: whoever has changed one by hand owns what they have changed.
    async fn apply_push<T: Part>(
        &self,
        namespace: &str,
        mut body: Value,
        annotations: &BTreeMap<&str, String>,
        uid: Option<&str>,
        dry_run: bool,
    ) -> Result<Found<T>, ClusterError> {
        let labels = json!({MANAGED_BY: MANAGER, "app.kubernetes.io/part-of": "local-registry"});
        let mut metadata = json!({"name": NAME, "labels": labels, "annotations": annotations});
        if let (Some(metadata), Some(uid)) = (metadata.as_object_mut(), uid) {
            metadata.insert("uid".to_owned(), json!(uid));
        }
        if let Some(body) = body.as_object_mut() {
            body.insert("kind".to_owned(), json!(T::KIND));
            body.insert("metadata".to_owned(), metadata);
        }
        let mut parameters = PatchParams::apply(MANAGER).force();
        parameters.dry_run = dry_run;
        let call = call::<T>(namespace, "patch");
        let request = Request::new(path::<T>(namespace)).patch(NAME, &parameters, &Patch::Apply(&body));
        let answer: Slim<Found<T>> = self.quiet(request, &call).await?;
        wanted::<T>(namespace).check(&answer, &call)?;
        Ok(answer.into_content())
    }

    /// Sends a request whose answer nobody may quote.
    pub(super) async fn quiet<T: DeserializeOwned>(
        &self,
        request: Result<http::Request<Vec<u8>>, RequestError>,
        call: &Call,
    ) -> Result<T, ClusterError> {
        let text = limited(self.text(request)).await.map_err(|failure| failed(call, failure))?;
        serde_json::from_str(&text).map_err(|error| call.failed(Failure::Api(hushed(Error::SerdeError(error)))))
    }

    async fn text(&self, request: Result<http::Request<Vec<u8>>, RequestError>) -> Result<String, Error> {
        let request = request.map_err(Error::BuildRequest)?.map(Body::from);
        let answer = self.client.send(request).await?;
        let code = answer.status();
        let bytes = answer.into_body().collect().await?.to_bytes();
        if code.is_success() {
            return String::from_utf8(bytes.to_vec()).map_err(Error::FromUtf8);
        }
        let unreadable = || Status::failure("its answer is not what the API server says", "").with_code(code.as_u16());
        let status = serde_json::from_slice(&bytes).unwrap_or_else(|_| unreadable());
        Err(Error::Api(Box::new(status)))
    }
}

/// The error of a call. A conflict is about the `uid` or the version that it names, since it is sent by force.
fn failed(call: &Call, failure: Failure) -> ClusterError {
    match failure {
        Failure::Api(Error::Api(status)) if status.code == 409 => ClusterErrorKind::Changed.about(call.subject.clone()),
        failure => call.failed(failure),
    }
}

/// The path of the objects of a namespace.
pub(super) fn path<T: Part>(namespace: &str) -> String {
    let root = if T::GROUP.is_empty() { "/api".to_owned() } else { format!("/apis/{}", T::GROUP) };
    format!("{root}/v1/namespaces/{namespace}/{}", T::PLURAL)
}

/// The resource, as RBAC and errors name it.
fn resource<T: Part>() -> String {
    if T::GROUP.is_empty() { T::PLURAL.to_owned() } else { format!("{}.{}", T::PLURAL, T::GROUP) }
}

fn wanted<T: Part>(namespace: &str) -> Wanted<'_> {
    Wanted { namespace: Some(namespace), name: NAME, plural: T::PLURAL }
}

fn call<T: Part>(namespace: &str, verb: &'static str) -> Call {
    let subject = format!("{} {namespace}/{NAME}", T::KIND);
    Call { subject, verb, resource: format!("{}/{NAME} in {namespace}", resource::<T>()) }
}
