//! How a registry wants to be asked, and the tokens that it gave.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_auth::ChallengeRef;
use http_auth::parser::ChallengeParser;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Method, Url};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::credentials::{Credential, Credentials};
use super::error::{Kind, RegistryError};
use super::secrets;
use super::transport::Transport;

/// What is to be done with which repositories: the scopes of a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Access {
    path: String,
    scopes: Vec<String>,
}

impl Access {
    pub(super) fn pull(path: &str) -> Self {
        Self { path: path.to_owned(), scopes: vec![format!("repository:{path}:pull")] }
    }

    pub(super) fn push(path: &str) -> Self {
        Self { path: path.to_owned(), scopes: vec![format!("repository:{path}:pull,push")] }
    }

    /// Pushes to one repository what is taken from another one.
    pub(super) fn mount(path: &str, from: &str) -> Self {
        let mut access = Self::push(path);
        access.scopes.push(format!("repository:{from}:pull"));
        access
    }
}

/// How a registry wants to be asked.
#[derive(Debug, Clone)]
enum Challenge {
    Basic,
    Bearer { realm: Url, service: Option<String> },
}

/// A token, and until when it is used.
#[derive(Clone)]
struct Token {
    header: HeaderValue,
    until: Instant,
}

/// A token that may be asked for at this moment.
type Slot = Arc<Mutex<Option<Token>>>;

/// What is known of how to sign in at one registry.
pub(super) struct Authorization {
    host: String,
    credentials: Arc<Credentials>,
    challenge: std::sync::Mutex<Option<Challenge>>,
    tokens: std::sync::Mutex<HashMap<Access, Slot>>,
}

/// How long a token is used if the registry does not say. The specification's default.
const DEFAULT_LIFE: u64 = 60;

/// What a token server answers.
#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Authorization {
    pub(super) fn new(host: &str, credentials: Arc<Credentials>) -> Self {
        Self {
            host: host.to_owned(),
            credentials,
            challenge: std::sync::Mutex::default(),
            tokens: std::sync::Mutex::default(),
        }
    }

    /// The header for a request; `None` as long as the registry has not asked for one.
    pub(super) async fn header(
        &self,
        access: &Access,
        transport: &Transport,
    ) -> Result<Option<HeaderValue>, RegistryError> {
        let challenge = lock(&self.challenge).clone();
        match challenge {
            None => Ok(None),
            Some(Challenge::Basic) => {
                let (method, url) = (Method::GET, transport.base());
                Ok(self.credential(access, &method, url).await?.as_deref().and_then(basic))
            }
            Some(Challenge::Bearer { realm, service }) => {
                let slot = Arc::clone(lock(&self.tokens).entry(access.clone()).or_default());
                let mut slot = slot.lock().await;
                let now = Instant::now();
                if let Some(token) = slot.as_ref().filter(|token| token.until > now) {
                    return Ok(Some(token.header.clone()));
                }
                let token = self.token(&realm, service.as_deref(), access, transport).await?;
                let header = token.header.clone();
                *slot = Some(token);
                Ok(Some(header))
            }
        }
    }

    /// Learns from a refusal. The token that was refused is not used again.
    pub(super) fn learn(
        &self,
        headers: &HeaderMap,
        access: &Access,
        method: &Method,
        url: &Url,
    ) -> Result<(), RegistryError> {
        let challenge = challenge(headers).map_err(|kind| RegistryError::new(method, url, kind))?;
        *lock(&self.challenge) = Some(challenge);
        lock(&self.tokens).remove(access);
        Ok(())
    }

    async fn credential(
        &self,
        access: &Access,
        method: &Method,
        url: &Url,
    ) -> Result<Option<Arc<Credential>>, RegistryError> {
        let found = self.credentials.of(&self.host, &access.path).await;
        found.map_err(|error| RegistryError::new(method, url, Kind::Credentials(error)))
    }

    async fn token(
        &self,
        realm: &Url,
        service: Option<&str>,
        access: &Access,
        transport: &Transport,
    ) -> Result<Token, RegistryError> {
        let is_as_safe = realm.scheme() == "https" || (realm.scheme() == "http" && transport.base().scheme() == "http");
        if !is_as_safe {
            return Err(RegistryError::new(&Method::GET, realm, Kind::PlainRealm(realm.as_str().to_owned())));
        }
        let credential = self.credential(access, &Method::GET, realm).await?;
        let mut parameters: Vec<(&str, &str)> = Vec::new();
        parameters.extend(service.map(|service| ("service", service)));
        let asked = Instant::now();
        let joined = access.scopes.join(" ");
        let (method, answer) = if let Some(Credential::Identity(token)) = credential.as_deref() {
            parameters.extend([
                ("scope", joined.as_str()),
                ("grant_type", "refresh_token"),
                ("client_id", "local-registry-promote"),
            ]);
            parameters.push(("refresh_token", token));
            secrets::keep(token);
            (Method::POST, transport.ask(&Method::POST, realm, None, &parameters).await?)
        } else {
            parameters.extend(access.scopes.iter().map(|scope| ("scope", scope.as_str())));
            let header = credential.as_deref().and_then(basic);
            (Method::GET, transport.ask(&Method::GET, realm, header, &parameters).await?)
        };
        let failed = |kind| RegistryError::new(&method, realm, kind);
        // An error of serde_json may quote the token.
        let answer: TokenAnswer =
            serde_json::from_slice(&answer).map_err(|_| failed(Kind::Body("expected a token, in JSON".to_owned())))?;
        let token = answer.token.or(answer.access_token).filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| failed(Kind::Body("there is no token in it".to_owned())))?;
        secrets::keep(&token);
        let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| failed(Kind::Body("the token has characters that no header may have".to_owned())))?;
        header.set_sensitive(true);
        let life = answer.expires_in.unwrap_or(DEFAULT_LIFE);
        // A tenth less, so that it does not end on its way.
        Ok(Token { header, until: asked + Duration::from_secs(life.min(86_400)).mul_f32(0.9) })
    }
}

/// The header of a user and a password.
fn basic(credential: &Credential) -> Option<HeaderValue> {
    let Credential::Password { user, password } = credential else { return None };
    let encoded = STANDARD.encode(format!("{user}:{password}"));
    secrets::keep(password);
    secrets::keep(&encoded);
    let mut header = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// How the headers of a refusal want to be asked.
fn challenge(headers: &HeaderMap) -> Result<Challenge, Kind> {
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
            if let Some(realm) = parameter("realm").and_then(|realm| Url::parse(&realm).ok()) {
                return Ok(Challenge::Bearer { realm, service: parameter("service") });
            }
        }
        if challenges.iter().any(|challenge| challenge.scheme.eq_ignore_ascii_case("Basic")) {
            return Ok(Challenge::Basic);
        }
    }
    Err(Kind::Challenge(found))
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
