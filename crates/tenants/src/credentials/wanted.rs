//! What a credential is for: a registry, by its names, and its certificate authority.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use local_registry_cluster::credentials::{Fingerprint, NAME, SecretContent, StoredSecret};
use local_registry_core::RegistryHost;
use local_registry_core::registry::PORTABLE_HOST;
use serde_json::json;

use super::authority::Authority;
use crate::audience::AUDIENCE;

/// The user that a client says it is. The token server looks at the password alone.
const USERNAME: &str = NAME;
/// How much of something secret shows that a text quotes it.
const QUOTED: usize = 24;

/// What a credential is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    host: RegistryHost,
    authority: Option<Authority>,
    fingerprint: Fingerprint,
}

impl Wanted {
    pub(super) fn new(host: RegistryHost, authority: Option<Authority>) -> Self {
        let ca = authority.as_ref().map_or("", Authority::as_str);
        let parts = [host.as_str(), PORTABLE_HOST, USERNAME, AUDIENCE, ca].map(str::as_bytes);
        let fingerprint = Fingerprint::of(&parts);
        Self { host, authority, fingerprint }
    }

    /// The registry.
    pub(super) fn host(&self) -> &RegistryHost {
        &self.host
    }

    /// What stands for all of it.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Whether a Secret has the certificate authority.
    pub(super) fn has_authority(&self, secret: &StoredSecret) -> bool {
        secret.has_ca(self.authority.as_ref().map(Authority::as_str))
    }

    /// A Secret with this token.
    pub(super) fn content(&self, token: &str) -> SecretContent {
        let entry = json!({"username": USERNAME, "password": token, "auth": auth(token)});
        let auths = json!({self.host.as_str(): entry, PORTABLE_HOST: entry});
        SecretContent::new(&json!({"auths": auths}).to_string(), self.authority.as_ref().map(Authority::as_str))
    }
}

/// A Secret without a token, to which a token can be bound.
pub(super) fn without_token() -> SecretContent {
    SecretContent::new(r#"{"auths":{}}"#, None)
}

/// User and password, as the header of a request has them.
fn auth(token: &str) -> String {
    STANDARD.encode(format!("{USERNAME}:{token}"))
}

/// Whether a text quotes something of this token, as a webhook that refuses a Secret might.
pub(super) fn quotes(text: &str, token: &str) -> bool {
    let begins = |secret: &str| secret.get(..QUOTED).unwrap_or(secret).to_owned();
    // As every configuration of ours begins, in Base64.
    let config = STANDARD.encode(r#"{"auths":"#);
    [begins(token), begins(&auth(token)), config].iter().any(|secret| text.contains(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_for_the_declared_name_and_the_portable_one() {
        let config = |host: &str| {
            let text = format!("{:?}", Wanted::new(host.parse().unwrap(), None));
            assert!(text.contains(host), "{text}");
            let wanted = Wanted::new(host.parse().unwrap(), None);
            wanted.content("t").config()
        };
        let entry = r#"{"auth":"bG9jYWwtcmVnaXN0cnktcHVzaDp0","password":"t","username":"local-registry-push"}"#;
        let expected = format!(r#"{{"auths":{{"kind-registry:5000":{entry},"local-registry:5000":{entry}}}}}"#);
        assert_eq!(config("kind-registry:5000"), SecretContent::new(&expected, None).config());
        let alone = format!(r#"{{"auths":{{"local-registry:5000":{entry}}}}}"#);
        assert_eq!(config(PORTABLE_HOST), SecretContent::new(&alone, None).config());
    }

    #[test]
    fn a_text_that_quotes_the_token_is_known() {
        let token = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.e30.c2ln";
        for text in [
            format!("refused: {token}"),
            auth(token),
            STANDARD.encode(format!(r#"{{"auths":{{"registry:5000":{token}"#)),
        ] {
            assert!(quotes(&text, token), "{text}");
        }
        assert!(!quotes("exceeded quota: secrets", token));
    }
}
