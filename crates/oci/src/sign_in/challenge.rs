//! How a registry wants to be asked, as it says when it refuses a request without credentials.

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, Uri};
use http_auth::ChallengeRef;
use http_auth::parser::ChallengeParser;
use local_registry_core::Quoted;
use thiserror::Error;

use crate::exchange::url::{absolute, without_user};

/// How a registry wants to be asked.
///
/// ```
/// use http::HeaderMap;
/// use http::header::WWW_AUTHENTICATE;
/// use local_registry_oci::Challenge;
///
/// let mut headers = HeaderMap::new();
/// headers.insert(WWW_AUTHENTICATE, r#"Bearer realm="https://auth.example/token",service="registry""#.parse()?);
/// let Challenge::Bearer { realm, service } = Challenge::read(&headers)? else { panic!() };
/// assert_eq!((realm.to_string().as_str(), service.as_deref()), ("https://auth.example/token", Some("registry")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// With a user and a password.
    Basic,
    /// With a token of a token server.
    Bearer {
        /// The URL of that.
        realm: Uri,
        /// What it calls the registry.
        service: Option<String>,
    },
}

/// What a registry asks for is not known here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("asks for credentials in a way that is not known here: {}", Quoted(.0))]
pub struct ChallengeError(String);

#[cfg(feature = "registries")]
impl ChallengeError {
    /// What the registry said.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

impl Challenge {
    /// Reads the headers of a refusal.
    ///
    /// # Errors
    /// A [`ChallengeError`] if the registry asks for something else.
    pub fn read(headers: &HeaderMap) -> Result<Self, ChallengeError> {
        let mut found = String::new();
        for value in headers.get_all(WWW_AUTHENTICATE) {
            let Ok(text) = value.to_str() else { continue };
            text.clone_into(&mut found);
            let challenges: Vec<ChallengeRef<'_>> = ChallengeParser::new(text).map_while(Result::ok).collect();
            if let Some(bearer) = challenges.iter().find(|challenge| challenge.scheme.eq_ignore_ascii_case("Bearer")) {
                let parameter = |name: &str| {
                    let found = bearer.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                    found.map(|(_, value)| value.to_unescaped())
                };
                if let Some(realm) = parameter("realm").and_then(|realm| absolute(&realm)) {
                    return Ok(Self::Bearer { realm, service: parameter("service") });
                }
            }
            if challenges.iter().any(|challenge| challenge.scheme.eq_ignore_ascii_case("Basic")) {
                return Ok(Self::Basic);
            }
        }
        Err(ChallengeError(without_user(&found)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, expected: Result<Challenge, &str>) {
        let headers = HeaderMap::from_iter([(WWW_AUTHENTICATE, header.parse().unwrap())]);
        let found = Challenge::read(&headers).map_err(|error| error.to_string());
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn tokens_are_better_than_passwords() {
        let realm: Uri = "https://auth.example/token".parse().unwrap();
        let bearer =
            |service: Option<&str>| Ok(Challenge::Bearer { realm: realm.clone(), service: service.map(str::to_owned) });
        check("Basic realm=\"x\"", Ok(Challenge::Basic));
        check("Bearer realm=\"https://auth.example/token\"", bearer(None));
        check(
            "basic realm=\"x\", BEARER Realm=\"https://auth.example/token\", service=\"registry\"",
            bearer(Some("registry")),
        );
    }

    #[test]
    fn what_is_not_known_is_named() {
        let message = |text: &str| format!("asks for credentials in a way that is not known here: `{text}`");
        check("Negotiate", Err(&message("Negotiate")));
        check("Bearer realm=\"/token\"", Err(&message("Bearer realm=\"/token\"")));
    }
}
