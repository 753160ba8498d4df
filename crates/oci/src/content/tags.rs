//! The tags of a repository.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::header::LINK;
use http::{Method, StatusCode};
use local_registry_core::Tag;
use serde::Deserialize;

use super::registry::Registry;
use crate::exchange::allowance::Allowance;
use crate::exchange::error::{Kind, RegistryError};
use crate::exchange::request::Expected;
use crate::names::repository::Repository;

/// How many tags are asked for at once.
const PAGE: usize = 1000;
/// How many bytes all pages may have. There is room for a million tags.
const LARGEST: usize = 32 << 20;

/// One page of tags. Some registry writes `null` for none.
#[derive(Deserialize)]
struct Page {
    // So that it must be there.
    #[serde(deserialize_with = "Deserialize::deserialize")]
    tags: Option<Vec<String>>,
}

/// The names of all tags.
#[derive(Deserialize)]
struct Tags {
    /// Some registries say `null` for none.
    tags: Option<BTreeSet<String>>,
}

impl Registry {
    /// The tags of a repository, from all pages, in the registry's order; `None` if there is no such repository. What is not a
    /// tag by its grammar is left out.
    ///
    /// # Errors
    /// A [`RegistryError`] if the registry does not list them, leads to another one, or has no end.
    pub async fn tags(&self, repository: &Repository) -> Result<Option<Vec<Tag>>, RegistryError> {
        let request = self.request(Method::GET, repository, &format!("tags/list?n={PAGE}"), Expected::Document)?;
        let (mut found, mut size, mut is_first) = (Vec::new(), 0, true);
        let read = |bytes: &Bytes| {
            is_first = false;
            size += bytes.len();
            if size > LARGEST {
                return Err(Kind::TooLong { expected: LARGEST as u64 });
            }
            let page: Page = serde_json::from_slice(bytes)
                .map_err(|error| Kind::Body(format!("expected a list of tags: {error}")))?;
            found.extend(page.tags.into_iter().flatten().filter_map(|tag| tag.parse::<Tag>().ok()));
            Ok(())
        };
        match self.pages(request, Allowance::default, read).await {
            Ok(()) => Ok(Some(found)),
            Err(error) if is_first && error.status() == Some(StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The names of all tags of a repository; `None` if the registry does not list them, or not in one short answer.
    ///
    /// # Errors
    /// A [`RegistryError`] if the registry fails.
    pub async fn short_list_of_tags(&self, repository: &Repository) -> Result<Option<BTreeSet<String>>, RegistryError> {
        let mut request = self.request(Method::GET, repository, "tags/list", Expected::Document)?;
        request.longest = Allowance::of_list();
        let mut response = match self.send(request).await {
            Ok(response) if response.status.is_success() => response,
            Ok(_) => return Ok(None),
            Err(error) if error.is_too_long() => return Ok(None),
            Err(error) => return Err(error),
        };
        if response.headers.contains_key(LINK) {
            return Ok(None);
        }
        let Ok(bytes) = response.document().await else { return Ok(None) };
        Ok(serde_json::from_slice::<Tags>(&bytes).ok().and_then(|found| found.tags))
    }
}
