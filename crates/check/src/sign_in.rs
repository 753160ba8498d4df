//! How a registry wants clients to say who they are, and whether its token server and it go together.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::Serializer;
use http::{HeaderMap, HeaderValue, Uri};
use local_registry_oci::Challenge;
use serde::Deserialize;

use crate::exchange::get;
use crate::link::{Link, LinkVerdict};
use crate::location::Location;

/// How a registry asks who somebody is, as it says when it answers 401.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignIn {
    /// By a user and a password.
    Password,
    /// By a token of a token server.
    Token {
        /// The URL of that.
        realm: String,
        /// What it calls the registry.
        service: Option<String>,
        /// What the registry answers to a token that was given without a password, or why there is none.
        answer: Result<u16, String>,
    },
}

/// What a token server answers.
#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

impl SignIn {
    /// Reads what a registry says about it, and tries it, with nothing asked for. `url` is that of `/v2/`.
    pub(super) async fn probe(headers: &HeaderMap, url: &Uri) -> Option<Self> {
        match Challenge::read(headers).ok()? {
            Challenge::Basic => Some(Self::Password),
            Challenge::Bearer { realm, service } => {
                let answer = async {
                    let token = token(&realm, service.as_deref(), None, None).await?;
                    Ok(get(url, Some(token)).await?.status.as_u16())
                };
                let answer = answer.await;
                Some(Self::Token { realm: realm.to_string(), service, answer })
            }
        }
    }

    /// The header with which a repository can be pushed to, for this Kubernetes token; `None` if the registry has no token server,
    /// which takes such tokens.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn to_push(&self, repository: &str, password: &str) -> Result<Option<HeaderValue>, String> {
        let Self::Token { realm, service, .. } = self else { return Ok(None) };
        let realm: Uri = realm.parse().map_err(|_| Fault::NotAUrl.to_string())?;
        let scope = format!("repository:{repository}:pull,push");
        token(&realm, service.as_deref(), Some(&scope), Some(password)).await.map(Some)
    }

    /// The link of the token server, if there is one.
    pub(super) fn link(&self, location: Location) -> Option<Link> {
        const LINK: &str = "token server";
        let Self::Token { realm, answer, .. } = self else { return None };
        Some(match answer {
            Ok(200) => Link::ok(LINK, format!("{realm} gives tokens, and the registry takes them")),
            Ok(401) => Link::failed(LINK, format!("the registry does not take the tokens of {realm}")).remedy(
                "they have different keys, or clocks: restart the registry, which reads the key when it starts",
            ),
            Ok(status) => Link::failed(LINK, format!("the registry answers {status} to a token of {realm}"))
                .remedy("see the registry's log"),
            Err(error) => {
                let (verdict, remedy) = match location {
                    Location::InCluster => (LinkVerdict::Failed, "see the pods registry-token and their log"),
                    Location::OutOfCluster => {
                        (LinkVerdict::Warning, "pods may reach it all the same: run the check in a pod")
                    }
                };
                Link::new(LINK, verdict, format!("{realm} gives no token, and so nobody can push: {error}"))
                    .remedy(remedy)
            }
        })
    }
}

/// The header with a token for a scope, from a token server.
///
/// # Errors
/// Why there is none. Neither the password nor the token is in it.
pub(super) async fn token(
    realm: &Uri,
    service: Option<&str>,
    scope: Option<&str>,
    password: Option<&str>,
) -> Result<HeaderValue, String> {
    let mut query = Serializer::new(String::new());
    for (name, value) in [("service", service), ("scope", scope)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let separator = if realm.query().is_some() { '&' } else { '?' };
    let url: Uri = format!("{realm}{separator}{}", query.finish()).parse().map_err(|_| Fault::NotAUrl.to_string())?;
    let basic = password.map(|password| hidden(&format!("Basic {}", STANDARD.encode(format!("check:{password}")))));
    let answer = get(&url, basic.transpose()?).await?;
    if !answer.status.is_success() {
        return Err(Fault::Refused(answer.status.as_u16()).to_string());
    }
    // An error of serde_json may quote the token.
    let found: Option<TokenAnswer> = serde_json::from_slice(&answer.body).ok();
    let token = found.and_then(|found| found.token.or(found.access_token)).filter(|token| !token.is_empty());
    hidden(&format!("Bearer {}", token.ok_or_else(|| Fault::NoToken.to_string())?))
}

/// A header whose value is shown nowhere.
fn hidden(text: &str) -> Result<HeaderValue, String> {
    let mut header = HeaderValue::from_str(text).map_err(|_| Fault::NotAHeader.to_string())?;
    header.set_sensitive(true);
    Ok(header)
}

/// Why there is no token.
enum Fault {
    NotAUrl,
    Refused(u16),
    NoToken,
    NotAHeader,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAUrl => f.write_str("that is not a URL"),
            Self::Refused(status) => write!(f, "it answers {status}"),
            Self::NoToken => f.write_str("there is no token in its answer"),
            Self::NotAHeader => f.write_str("the token, or the password, has characters that no header may have"),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
    use axum::response::IntoResponse;
    use axum::routing::get;
    use tokio::net::TcpListener;

    use super::*;
    use crate::probe::probe;

    /// A registry that asks for a token, and its token server, which answers this. The registry takes the token `good`.
    async fn registry(answer: (StatusCode, &'static str)) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let challenge = format!(r#"Bearer realm="http://{host}/token",service="{host}""#);
        let routes = Router::new()
            .route(
                "/v2/",
                get(async move |headers: HeaderMap| {
                    let is_known = headers.get(AUTHORIZATION).is_some_and(|header| header == "Bearer good");
                    let status = if is_known { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
                    (status, [(WWW_AUTHENTICATE, challenge)]).into_response()
                }),
            )
            .route(
                "/token",
                get(async move |uri: Uri, headers: HeaderMap| {
                    let is_asked = uri.query().unwrap_or_default().starts_with("service=127.0.0.1");
                    assert!(is_asked, "{uri}");
                    match headers.get(AUTHORIZATION) {
                        // `check:password`.
                        Some(header) if header == "Basic Y2hlY2s6cGFzc3dvcmQ=" => {
                            assert!(
                                uri.query().unwrap().ends_with("scope=repository%3Acheck%2Fcanary%3Apull%2Cpush"),
                                "{uri}"
                            );
                            (StatusCode::OK, r#"{"token": "of-check"}"#)
                        }
                        Some(header) => panic!("{header:?}"),
                        None => answer,
                    }
                }),
            );
        tokio::spawn(async move { axum::serve(listener, routes).await });
        host
    }

    async fn signed_in(answer: (StatusCode, &'static str)) -> SignIn {
        let host = registry(answer).await.parse().unwrap();
        probe(&host).await.sign_in.unwrap()
    }

    #[track_caller]
    fn link(sign_in: &SignIn) -> String {
        let SignIn::Token { realm, .. } = sign_in else { panic!("{sign_in:?}") };
        sign_in.link(Location::InCluster).unwrap().to_string().replace(realm, "REALM")
    }

    #[tokio::test]
    async fn a_token_server_is_tried_with_the_registry() {
        let ok = StatusCode::OK;
        for (answer, expected) in [
            ((ok, r#"{"token": "good"}"#), "✓ token server: REALM gives tokens, and the registry takes them"),
            ((ok, r#"{"access_token": "good"}"#), "✓ token server: REALM gives tokens, and the registry takes them"),
            (
                (ok, r#"{"token": "of another key"}"#),
                "✗ token server: the registry does not take the tokens of REALM; they have different keys, or clocks: restart the registry, which reads the key when it starts",
            ),
            (
                (ok, "<html>"),
                "✗ token server: REALM gives no token, and so nobody can push: there is no token in its answer; see the pods registry-token and their log",
            ),
            (
                (StatusCode::SERVICE_UNAVAILABLE, ""),
                "✗ token server: REALM gives no token, and so nobody can push: it answers 503; see the pods registry-token and their log",
            ),
        ] {
            assert_eq!(link(&signed_in(answer).await), expected);
        }
    }

    #[tokio::test]
    async fn a_canary_is_pushed_with_a_token_for_a_password() {
        let sign_in = signed_in((StatusCode::OK, r#"{"token": "good"}"#)).await;
        let header = sign_in.to_push("check/canary", "password").await.unwrap().unwrap();
        assert_eq!(header, "Bearer of-check");
        assert!(header.is_sensitive());
        assert_eq!(SignIn::Password.to_push("check/canary", "password").await, Ok(None));
    }
}
