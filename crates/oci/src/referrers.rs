//! The referrers of a manifest: what says of itself that it is about it, such as a signature.

use std::collections::HashSet;
use std::sync::{MutexGuard, PoisonError};

use oci_spec::image::{Descriptor, ImageIndex};
use reqwest::header::{HeaderMap, LINK};
use reqwest::{Method, StatusCode, Url};

use super::client::Registry;
use super::error::{Kind, RegistryError};
use super::transport::{LONGEST_ANSWER, body};
use crate::Repository;
use local_registry_core::Digest;

/// How many pages of referrers are read. A registry that has more of them leads in circles.
const PAGES: usize = 1000;

impl Registry {
    /// The referrers of a manifest, from all pages, which have 4 MiB together at most; `None` if the registry does not have this API.
    pub async fn referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Vec<Descriptor>>, RegistryError> {
        let path = self.path(repository);
        if self.without_referrers().contains(&path) {
            return Ok(None);
        }
        let mut call = self.call(Method::GET, repository, &format!("referrers/{digest}"));
        let mut found: Vec<Descriptor> = Vec::new();
        let mut size = 0;
        for number in 0..PAGES {
            let page = self
                .transport
                .retrying(async || {
                    let answer = self.send(&call, |request| request).await?;
                    let status = answer.response.status();
                    if number == 0
                        && matches!(
                            status,
                            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED
                        )
                    {
                        return Ok(None);
                    }
                    let answer = self.succeeded(&call, answer).await?;
                    let next = next_page(&call.url, answer.response.headers());
                    let bytes = body(&call.method, &call.url, answer.response).await?;
                    let index: ImageIndex = serde_json::from_slice(&bytes)
                        .map_err(|error| call.failed(Kind::Body(format!("expected an index of referrers: {error}"))))?;
                    Ok(Some((index, next, bytes.len())))
                })
                .await?;
            let Some((index, next, length)) = page else {
                self.without_referrers().insert(path);
                return Ok(None);
            };
            size += length;
            if size > LONGEST_ANSWER {
                return Err(call.failed(Kind::TooLong { expected: LONGEST_ANSWER as u64 }));
            }
            found.extend(index.manifests().iter().cloned());
            match next {
                None => return Ok(Some(found)),
                Some(next) if self.transport.is_own(&next) => call.url = next,
                Some(_) => return Err(call.failed(Kind::Body("the next page is at another registry".to_owned()))),
            }
        }
        Err(call.failed(Kind::Body(format!("there are more than {PAGES} pages"))))
    }
}

impl Registry {
    fn without_referrers(&self) -> MutexGuard<'_, HashSet<String>> {
        self.without_referrers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the next page is, by the header `Link`.
fn next_page(url: &Url, headers: &HeaderMap) -> Option<Url> {
    let links = headers.get_all(LINK).into_iter().filter_map(|value| value.to_str().ok());
    let next = links.flat_map(|value| value.split(',')).find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters.split(';').any(|parameter| {
            let parameter: String = parameter.chars().filter(|c| !c.is_whitespace() && *c != '"').collect();
            parameter.eq_ignore_ascii_case("rel=next")
        });
        is_next.then_some(target)
    });
    url.join(next?).ok()
}
