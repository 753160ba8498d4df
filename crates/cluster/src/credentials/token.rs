//! A token of the ServiceAccount, which ends with the Secret that it is for.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::authentication::v1::TokenRequest;
use kube::core::request::Request;
use serde_json::json;

use super::NAME;
use super::account::Account;
use super::calls::path;
use super::found::Part;
use crate::call::Call;
use crate::connection::Cluster;
use crate::error::{ClusterError, ClusterErrorKind};

/// A token, and when it ends. Printing it shows nothing of the token.
#[derive(Clone, PartialEq, Eq)]
pub struct BoundToken {
    text: String,
    expires: Timestamp,
}

impl BoundToken {
    /// The token.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// When it ends. The API server may give it another life than the one that was asked for.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        self.expires
    }
}

impl fmt::Debug for BoundToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundToken").field("expires", &self.expires).finish_non_exhaustive()
    }
}

impl Cluster {
    /// A token of the account of a namespace for this audience, which lives for so long, and no longer than the Secret with this
    /// `uid`.
    ///
    /// # Errors
    /// A [`ClusterError`] if there is none. No token is in it.
    pub async fn push_token(
        &self,
        namespace: &str,
        audience: &str,
        lifetime: Duration,
        secret: &str,
    ) -> Result<BoundToken, ClusterError> {
        let bound = json!({"apiVersion": "v1", "kind": "Secret", "name": NAME, "uid": secret});
        let asked = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "metadata": {"name": NAME, "namespace": namespace},
            "spec": {"audiences": [audience], "expirationSeconds": lifetime.as_secs(), "boundObjectRef": bound},
        });
        let call = Call {
            subject: format!("token of ServiceAccount {namespace}/{NAME}"),
            verb: "create",
            resource: format!("serviceaccounts/token of {NAME} in {namespace}"),
        };
        let request = Request::new(path::<Account>(namespace)).create_subresource(
            "token",
            NAME,
            &kube::api::PostParams::default(),
            asked.to_string().into_bytes(),
        );
        let answer: TokenRequest = self.quiet(request, &call).await?;
        let spec = answer.spec;
        let is_about_it = answer.metadata.namespace.is_none_or(|found| found == namespace)
            && answer.metadata.name.is_none_or(|found| found == NAME || found.is_empty())
            && spec.audiences == [audience]
            && spec.bound_object_ref.is_some_and(|bound| bound.uid.as_deref() == Some(secret));
        let given = answer.status.filter(|status| is_about_it && !status.token.is_empty());
        let Some(status) = given else {
            let found = format!("something else than a token of {}", Account::KIND);
            return Err(ClusterErrorKind::Other { found }.about(call.subject));
        };
        Ok(BoundToken { text: status.token, expires: status.expiration_timestamp.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_a_token_shows_nothing_of_it() {
        let token = BoundToken { text: "very-secret".to_owned(), expires: Timestamp::UNIX_EPOCH };
        assert_eq!(format!("{token:?}"), "BoundToken { expires: 1970-01-01T00:00:00Z, .. }");
    }
}
