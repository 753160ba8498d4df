//! The names of all repositories.

use bytes::Bytes;
use http::Method;
use serde::Deserialize;

use super::registry::Registry;
use crate::exchange::access::Access;
use crate::exchange::allowance::Allowance;
use crate::exchange::error::{Kind, RegistryError};
use crate::exchange::request::{Expected, Request};
use crate::exchange::url::with_path;

/// How many names are asked for at once. distribution refuses to give more.
const PAGE: usize = 1000;
/// How many bytes all pages may have.
const LARGEST: usize = 16 << 20;

/// One page of names. Some registry writes `null` for none.
#[derive(Deserialize)]
struct Page {
    // So that it must be there.
    #[serde(deserialize_with = "Deserialize::deserialize")]
    repositories: Option<Vec<String>>,
}

impl Registry {
    /// The names of all repositories, from all pages, in the registry's order, as it writes them. A registry may list one that has
    /// no tags.
    ///
    /// # Errors
    /// A [`RegistryError`] if the registry does not list them, leads to another one, or has no end.
    pub async fn catalog(&self) -> Result<Vec<String>, RegistryError> {
        let url = with_path(&self.base, &format!("/v2/_catalog?n={PAGE}"));
        let url = url.ok_or_else(|| RegistryError::no_host(&self.host))?;
        let request = Request::new(Method::GET, url, Some(Access::catalog()), Expected::Document);
        let (mut found, mut size) = (Vec::new(), 0);
        let read = |bytes: &Bytes| {
            size += bytes.len();
            if size > LARGEST {
                return Err(Kind::TooLong { expected: LARGEST as u64 });
            }
            let page: Page = serde_json::from_slice(bytes)
                .map_err(|error| Kind::Body(format!("expected a list of repositories: {error}")))?;
            found.extend(page.repositories.into_iter().flatten());
            Ok(())
        };
        self.pages(request, Allowance::default, read).await?;
        Ok(found)
    }
}
