//! The referrers of a manifest: what says of itself that it is about it, such as a signature.

use std::collections::HashSet;
use std::sync::{MutexGuard, PoisonError};

use http::header::LINK;
use http::{HeaderMap, Method, StatusCode, Uri};
use local_registry_core::Digest;
use oci_spec::image::{Descriptor, ImageIndex};

use crate::error::{Kind, RegistryError};
use crate::refusal::refused;
use crate::registry::Registry;
use crate::repository::Repository;
use crate::request::{Expected, Request, RequestLine};
use crate::response::{LONGEST_DOCUMENT, Response};
use crate::url::{is_same_origin, join};

/// How many pages of referrers are read. A registry that has more of them leads in circles.
const PAGES: usize = 1000;

/// One page of referrers.
struct Page {
    index: ImageIndex,
    next: Option<Uri>,
    size: usize,
}

impl Registry {
    /// The referrers of a manifest, from all pages, which have 4 MiB together at most; `None` if the registry does not have
    /// this API.
    ///
    /// # Errors
    /// A [`RegistryError`] if the registry fails, or leads to another one.
    pub async fn referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Vec<Descriptor>>, RegistryError> {
        let path = self.api_path(repository);
        if self.without_referrers().contains(&path) {
            return Ok(None);
        }
        let mut request = self.request(Method::GET, repository, &format!("referrers/{digest}"), Expected::Document)?;
        let mut found: Vec<Descriptor> = Vec::new();
        let mut size = 0;
        for number in 0..PAGES {
            let (line, url, following) = (request.line(), request.url.clone(), request.try_clone());
            let response = self.send(request).await?;
            let is_absent = matches!(response.status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED);
            if number == 0 && is_absent {
                self.without_referrers().insert(path);
                return Ok(None);
            }
            let page = Page::read(&line, &url, response).await?;
            size += page.size;
            if size > LONGEST_DOCUMENT {
                return Err(line.failed(Kind::TooLong { expected: LONGEST_DOCUMENT as u64 }));
            }
            found.extend(page.index.manifests().iter().cloned());
            request = match (page.next, following) {
                (Some(next), Some(following)) if is_same_origin(&next, &self.base) => {
                    Request { url: next, ..following }
                }
                (Some(_), _) => {
                    return Err(line.failed(Kind::Body("the next page is at another registry".to_owned())));
                }
                (None, _) => return Ok(Some(found)),
            };
        }
        Err(request.line().failed(Kind::Body(format!("there are more than {PAGES} pages"))))
    }

    fn without_referrers(&self) -> MutexGuard<'_, HashSet<String>> {
        self.without_referrers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Page {
    async fn read(line: &RequestLine, url: &Uri, mut response: Response) -> Result<Self, RegistryError> {
        if !response.status.is_success() {
            return Err(refused(line, response).await);
        }
        let bytes = response.document().await.map_err(|kind| line.failed(kind))?;
        let index = serde_json::from_slice(&bytes)
            .map_err(|error| line.failed(Kind::Body(format!("expected an index of referrers: {error}"))))?;
        Ok(Self { index, next: next_page(url, &response.headers), size: bytes.len() })
    }
}

/// Where the next page is, by the header `Link`.
fn next_page(url: &Uri, headers: &HeaderMap) -> Option<Uri> {
    let links = headers.get_all(LINK).into_iter().filter_map(|value| value.to_str().ok());
    let next = links.flat_map(|value| value.split(',')).find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters.split(';').any(|parameter| {
            let parameter: String = parameter.chars().filter(|c| !c.is_whitespace() && *c != '"').collect();
            parameter.eq_ignore_ascii_case("rel=next")
        });
        is_next.then_some(target)
    });
    join(url, next?)
}
