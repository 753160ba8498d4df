//! All objects of a kind, page by page, as the API server writes them.

use std::borrow::Cow;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use kube::Error;
use kube::client::Body;
use kube::core::Status;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::discovery::ServedResource;
use crate::call::{Call, Failure, limited};
use crate::connection::Cluster;
use crate::error::{ClusterError, ClusterErrorKind};

/// How many objects the first page has.
const FIRST: usize = 100;
/// How many objects a page has at most.
const MOST: usize = 500;
/// How many bytes a page may have. An object has some MiB at most.
const LARGEST: usize = 8 << 20;
/// A page with fewer bytes is followed by one with more objects, and one with many more bytes by one with fewer.
const SMALL: usize = 1 << 20;
/// How often a list is begun again that the API server has forgotten meanwhile.
const ATTEMPTS: usize = 3;

/// An object of a list.
pub struct ListedObject<'a> {
    /// Its kind. Objects in a list do not say it themselves.
    pub kind: &'a str,
    /// The object, in JSON.
    pub json: &'a str,
}

/// A page of a list.
#[derive(Deserialize)]
struct Page<'a> {
    kind: Cow<'a, str>,
    metadata: PageMetadata,
    // So that it must be there. Go writes `null` for a list without anything in it.
    #[serde(borrow, deserialize_with = "Deserialize::deserialize")]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct PageMetadata {
    #[serde(rename = "continue")]
    token: Option<String>,
}

/// What came of the request for a page.
enum Answered {
    Text(String),
    /// It has more bytes than a page may have.
    TooLong,
    /// The API server does not know any more where the list was.
    Forgotten,
}

impl Cluster {
    /// Shows every object of a kind, whole, and some of them twice perhaps. No more than a page is in memory at a time.
    ///
    /// # Errors
    /// A [`ClusterError`]; some objects may have been shown before.
    pub async fn each_object(
        &self,
        served: &ServedResource,
        mut show: impl FnMut(ListedObject<'_>) -> Result<(), String>,
    ) -> Result<(), ClusterError> {
        let resource = served.resource.clone();
        let call = Call { subject: resource.clone(), verb: "list", resource };
        let other = |found: String| ClusterErrorKind::Other { found }.about(call.subject.clone());
        let (mut token, mut limit, mut attempts) = (None, FIRST, 1);
        loop {
            let text = match self.page(&call, served, limit, token.as_deref()).await? {
                Answered::Text(text) => text,
                Answered::TooLong if limit > 1 => {
                    limit = (limit / 4).max(1);
                    continue;
                }
                Answered::TooLong => return Err(other(format!("an object of more than {LARGEST} bytes"))),
                Answered::Forgotten if attempts < ATTEMPTS => {
                    (token, attempts) = (None, attempts + 1);
                    continue;
                }
                Answered::Forgotten => {
                    let message = "the list was forgotten before its end, again and again".to_owned();
                    return Err(ClusterErrorKind::Refused { code: 410, message }.about(call.subject));
                }
            };
            let page: Page<'_> =
                serde_json::from_str(&text).map_err(|error| other(format!("something that is no list: {error}")))?;
            let Some(kind) = page.kind.strip_suffix("List") else {
                return Err(other("something that is no list".to_owned()));
            };
            for object in page.items.iter().flatten() {
                show(ListedObject { kind, json: object.get() }).map_err(other)?;
            }
            token = page.metadata.token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(());
            }
            limit = match text.len() {
                size if size < SMALL => (limit * 2).min(MOST),
                size if size > 4 * SMALL => (limit / 2).max(1),
                _ => limit,
            };
        }
    }

    async fn page(
        &self,
        call: &Call,
        served: &ServedResource,
        limit: usize,
        token: Option<&str>,
    ) -> Result<Answered, ClusterError> {
        let parameters = kube::api::ListParams::default().limit(u32::try_from(limit).unwrap_or(u32::MAX));
        let parameters = token.map_or(parameters.clone(), |token| parameters.continue_token(token));
        let request = kube::core::request::Request::new(&served.path).list(&parameters).map_err(Error::BuildRequest);
        let answer = async {
            let response = self.client.send(request?.map(Body::from)).await?;
            let status = response.status();
            let bytes = match Limited::new(response.into_body(), LARGEST).collect().await {
                Ok(body) => body.to_bytes(),
                Err(error) if error.is::<LengthLimitError>() => return Ok(Answered::TooLong),
                Err(error) => return Err(Error::Service(error)),
            };
            let text = String::from_utf8(bytes.into()).map_err(Error::FromUtf8)?;
            if status.is_success() {
                return Ok(Answered::Text(text));
            }
            if status == http::StatusCode::GONE {
                return Ok(Answered::Forgotten);
            }
            let refused = serde_json::from_str(&text)
                .unwrap_or_else(|_| Status::failure(text.trim(), "").with_code(status.as_u16()));
            Err(Error::Api(Box::new(refused)))
        };
        limited(answer).await.map_err(|failure: Failure| call.failed(failure))
    }
}
