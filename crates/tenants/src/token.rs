//! The tokens that the registry takes: JSON Web Tokens with what may be done, as the specification of distribution's token
//! authentication has them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;

use crate::scope::{Action, Scope, Target};
use crate::signing_key::{KeyError, SigningKey};

/// Who has made a token. The registry is told to trust no other.
pub const ISSUER: &str = "local-registry-sync";
/// How long a token is valid. The registry allows for a minute between its clock and ours, so that what is taken away from somebody
/// is felt within five.
pub const LIFETIME: Duration = Duration::from_mins(4);

/// A token, and until when it is valid.
pub struct Token {
    text: String,
    issued_at: u64,
}

/// What a token says (RFC 7519).
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'static str,
    sub: &'a str,
    aud: &'a str,
    exp: u64,
    nbf: u64,
    iat: u64,
    jti: String,
    access: Vec<Access<'a>>,
}

/// A target, and what may be done with it.
#[derive(Serialize)]
struct Access<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    actions: Vec<&'static str>,
}

#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    alg: &'static str,
    kid: &'a str,
}

impl<'a> Access<'a> {
    fn of(scope: &'a Scope) -> Self {
        match scope.target() {
            Target::Repository(name) => {
                let actions = scope.actions().map(Action::verb).collect();
                Self { kind: "repository", name: name.as_str(), actions }
            }
            Target::Catalog => Self { kind: "registry", name: "catalog", actions: vec!["*"] },
        }
    }
}

impl Token {
    /// A token that lets a user do what is granted, at a service.
    ///
    /// # Errors
    /// A [`KeyError`] if it cannot be signed.
    pub fn sign(
        key: &SigningKey,
        user: &str,
        service: &str,
        granted: &[Scope],
        now: SystemTime,
    ) -> Result<Self, KeyError> {
        let issued_at = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let claims = Claims {
            iss: ISSUER,
            sub: user,
            aud: service,
            exp: issued_at + LIFETIME.as_secs(),
            nbf: issued_at,
            iat: issued_at,
            jti: random()?,
            access: granted.iter().map(Access::of).collect(),
        };
        let header = Header { typ: "JWT", alg: "ES256", kid: key.id() };
        let signed = format!("{}.{}", encoded(&header), encoded(&claims));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes())?);
        Ok(Self { text: format!("{signed}.{signature}"), issued_at })
    }

    /// The token, as the registry takes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// When it was made, by RFC 3339.
    #[must_use]
    pub fn issued_at(&self) -> String {
        let seconds = i64::try_from(self.issued_at).unwrap_or_default();
        Timestamp::from_second(seconds).unwrap_or_default().to_string()
    }
}

/// A name that no other token has.
fn random() -> Result<String, KeyError> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| KeyError::no_randomness())?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn encoded(part: &impl Serialize) -> String {
    // Both parts consist of texts and numbers, which can always be written.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(part).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
    use serde_json::{Value, json};

    use super::*;

    fn decoded(part: &str) -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn a_token_says_what_is_granted_and_is_signed() {
        let key = SigningKey::generate().unwrap();
        let granted = ["repository:team/app:pull,push", "registry:catalog:*"].map(|text| Scope::parse(text).unwrap());
        let now = UNIX_EPOCH + Duration::from_hours(500_000);
        let token = Token::sign(&key, "system:serviceaccount:team:ci", "registry:5000", &granted, now).unwrap();
        assert_eq!(token.issued_at(), "2027-01-15T08:00:00Z");

        let parts: Vec<&str> = token.as_str().split('.').collect();
        let [header, claims, signature] = parts[..] else { panic!("{parts:?}") };
        assert_eq!(decoded(header), json!({"typ": "JWT", "alg": "ES256", "kid": key.id()}));
        let mut claims_found = decoded(claims);
        let name = claims_found.as_object_mut().unwrap().remove("jti").unwrap();
        assert_eq!(name.as_str().unwrap().len(), 22);
        let expected = json!({
            "iss": "local-registry-sync",
            "sub": "system:serviceaccount:team:ci",
            "aud": "registry:5000",
            "iat": 1_800_000_000, "nbf": 1_800_000_000, "exp": 1_800_000_240,
            "access": [
                {"type": "repository", "name": "team/app", "actions": ["pull", "push"]},
                {"type": "registry", "name": "catalog", "actions": ["*"]},
            ],
        });
        assert_eq!(claims_found, expected);

        let set = serde_json::from_str::<Value>(&key.jwks()).unwrap();
        let mut point = vec![4];
        for coordinate in ["x", "y"] {
            point.extend(URL_SAFE_NO_PAD.decode(set["keys"][0][coordinate].as_str().unwrap()).unwrap());
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        public.verify(format!("{header}.{claims}").as_bytes(), &signature).unwrap();
        public.verify(format!("{header}.x{claims}").as_bytes(), &signature).unwrap_err();
    }
}
