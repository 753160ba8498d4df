//! How a registry wants to be asked, as it says when it refuses a request without credentials.

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, Uri};
use http_auth::ChallengeRef;
use http_auth::parser::ChallengeParser;

use crate::error::Kind;
use crate::url::{absolute, without_user};

/// How a registry wants to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// With a user and a password.
    Basic,
    /// With a token that the token server at `realm` gives.
    Bearer { realm: Uri, service: Option<String> },
}

impl Challenge {
    /// Reads the headers of a refusal.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, Kind> {
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
        Err(Kind::Challenge(without_user(&found)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, expected: Result<Challenge, &str>) {
        let headers = HeaderMap::from_iter([(WWW_AUTHENTICATE, header.parse().unwrap())]);
        let found = Challenge::read(&headers).map_err(|kind| kind.to_string());
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
