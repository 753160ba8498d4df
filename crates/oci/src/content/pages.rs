//! Lists in pages, by the header `Link`.

use bytes::Bytes;
use http::header::LINK;
use http::{HeaderMap, Uri};

use super::registry::Registry;
use crate::exchange::allowance::Allowance;
use crate::exchange::error::{Kind, RegistryError};
use crate::exchange::refusal::refused;
use crate::exchange::request::Request;
use crate::exchange::url::{is_same_origin, join};

/// How many pages of a list are read. A registry that has more of them leads in circles.
const PAGES: usize = 1000;

impl Registry {
    /// Reads all pages of a list, each with `read`. `longest` says how many bytes a page may have.
    ///
    /// # Errors
    /// A [`RegistryError`] if the registry fails, refuses, leads to another one, or has no end.
    pub(crate) async fn pages(
        &self,
        mut request: Request,
        longest: impl Fn() -> Allowance,
        mut read: impl FnMut(&Bytes) -> Result<(), Kind>,
    ) -> Result<(), RegistryError> {
        for _ in 0..PAGES {
            request.longest = longest();
            let (line, url, following) = (request.line(), request.url.clone(), request.try_clone());
            let mut response = self.send(request).await?;
            if !response.status.is_success() {
                return Err(refused(&line, response).await);
            }
            let failed = |kind| line.failed(kind);
            read(&response.document().await.map_err(failed)?).map_err(failed)?;
            request = match (next_page(&url, &response.headers).map_err(failed)?, following) {
                (Some(next), Some(following)) if is_same_origin(&next, &self.base) => {
                    Request { url: next, ..following }
                }
                (Some(_), _) => return Err(failed(Kind::Body("the next page is at another registry".to_owned()))),
                (None, _) => return Ok(()),
            };
        }
        Err(request.line().failed(Kind::Body(format!("there are more than {PAGES} pages"))))
    }
}

/// Where the next page is, by the header `Link` (RFC 8288); `None` if this one is the last.
///
/// # Errors
/// If there is a next page, but not where it is.
fn next_page(url: &Uri, headers: &HeaderMap) -> Result<Option<Uri>, Kind> {
    for value in headers.get_all(LINK) {
        let text = String::from_utf8_lossy(value.as_bytes());
        let mut rest = text.as_ref();
        // A target may have any character but `>`, a comma too.
        while let Some((target, after)) = rest.split_once('<').and_then(|(_, rest)| rest.split_once('>')) {
            let (parameters, following) = after.split_once(',').unwrap_or((after, ""));
            if parameters.split(';').any(is_next) {
                let next = join(url, target).filter(|next| next != url);
                let unusable =
                    || Kind::Header { name: "Link", value: target.split('?').next().unwrap_or_default().to_owned() };
                return next.map(Some).ok_or_else(unusable);
            }
            rest = following;
        }
    }
    Ok(None)
}

/// Whether a parameter says that its link leads to the next page.
fn is_next(parameter: &str) -> bool {
    let parameter: String = parameter.chars().filter(|c| !c.is_whitespace() && *c != '"').collect();
    parameter.eq_ignore_ascii_case("rel=next")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(link: &str, expected: Result<Option<&str>, &str>) {
        let url = "http://registry.example/v2/app/tags/list?n=2".parse().unwrap();
        let headers = HeaderMap::from_iter([(LINK, link.parse().unwrap())]);
        let found = next_page(&url, &headers).map(|next| next.map(|next| next.to_string()));
        assert_eq!(
            found.map_err(|error| error.to_string()),
            expected.map(|next| next.map(str::to_owned)).map_err(str::to_owned)
        );
    }

    #[test]
    fn the_next_page_is_known_or_missing_or_an_error() {
        check("</v2/app/tags/list?last=b>; rel=\"next\"", Ok(Some("http://registry.example/v2/app/tags/list?last=b")));
        check("</x?last=a,b>; rel=next", Ok(Some("http://registry.example/x?last=a,b")));
        check("</first>; rel=first, </second>; title=x; REL = \"NEXT\"", Ok(Some("http://registry.example/second")));
        check("</first>; rel=first", Ok(None));
        check("<http://[x>; rel=\"next\"", Err("the header `Link` is `http://[x`, which is not usable"));
        // It would never end.
        check(
            "</v2/app/tags/list?n=2>; rel=next",
            Err("the header `Link` is `/v2/app/tags/list`, which is not usable"),
        );
    }
}
