//! Lists of objects, page by page.

use kube::Error;
use kube::api::ListParams;
use kube::core::ObjectList;
use kube::core::request::Request;
use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::connection::Cluster;
use crate::error::ClusterError;

/// How many objects are on a page. A Build may be 1 MiB, and the pod has little memory.
const PAGE: u32 = 25;

/// Objects that are listed in the whole cluster.
#[derive(Debug, Clone, Copy)]
pub enum Listed {
    /// Shipwright's Builds, in the version that is stored.
    Builds,
    /// The namespaces.
    Namespaces,
}

impl Listed {
    fn url(self) -> &'static str {
        match self {
            Self::Builds => "/apis/shipwright.io/v1beta1/builds",
            Self::Namespaces => "/api/v1/namespaces",
        }
    }

    /// The resource, as RBAC and errors name it.
    fn resource(self) -> &'static str {
        match self {
            Self::Builds => "builds.shipwright.io",
            Self::Namespaces => "namespaces",
        }
    }
}

impl Cluster {
    /// Shows every object, as far as `T` reads it. No more than a page is kept at a time.
    ///
    /// # Errors
    /// A [`ClusterError`]; some objects may have been shown before.
    pub async fn each<T: DeserializeOwned + Clone>(
        &self,
        listed: Listed,
        show: impl FnMut(T),
    ) -> Result<(), ClusterError> {
        let (subject, resource) = (listed.resource().to_owned(), listed.resource().to_owned());
        let call = Call { subject, verb: "list", resource };
        let list = async |page: &ListParams| {
            let request = Request::new(listed.url()).list(page).map_err(Error::BuildRequest)?;
            self.client.request(request).await
        };
        pages(ListParams::default().limit(PAGE), &call, list, show).await
    }
}

/// Asks for a list page by page, and shows every object. No more than a page is kept at a time.
///
/// # Errors
/// A [`ClusterError`]; some objects may have been shown before.
pub(crate) async fn pages<T: Clone>(
    mut page: ListParams,
    call: &Call,
    list: impl AsyncFn(&ListParams) -> Result<ObjectList<T>, Error>,
    mut show: impl FnMut(T),
) -> Result<(), ClusterError> {
    loop {
        let found = call.answer(list(&page)).await?;
        found.items.into_iter().for_each(&mut show);
        match found.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(()),
        }
    }
}
