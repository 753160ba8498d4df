//! The layer that signs in. Credentials go to the registry itself and to its token server, and nowhere else.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::challenge::Challenge;
use super::credential::Credential;
use super::credentials::Credentials;
use crate::exchange::access::Access;
use crate::exchange::error::{Kind, RegistryError};
use crate::exchange::refusal::refused;
use crate::exchange::request::{Body, Expected, Request};
use crate::exchange::response::Response;
use crate::exchange::secrets;
use crate::exchange::transport::Transport;
use crate::exchange::url::{is_as_safe, is_same_origin, with_parameters};
use crate::pace::backoff::Backoff;

/// How long a token is used if the registry does not say. The specification's default.
const DEFAULT_LIFE: u64 = 60;
/// How long a token is used at most, in seconds.
const LONGEST_LIFE: u64 = 86_400;

/// Signs in at one registry, as it wants it.
pub(crate) struct Authorized<T> {
    inner: T,
    base: Uri,
    client: Client,
    backoff: Backoff,
    challenge: std::sync::Mutex<Option<Challenge>>,
    tokens: std::sync::Mutex<HashMap<Access, Slot>>,
}

/// Who signs in.
pub(crate) struct Client {
    /// The registry, as users and their files of credentials name it.
    pub(crate) host: String,
    pub(crate) credentials: Arc<Credentials>,
    /// What the client calls itself at a token server.
    pub(crate) id: String,
}

/// A token, and until when it is used.
#[derive(Clone)]
struct Token {
    header: HeaderValue,
    until: Instant,
}

/// A token that one request at a time asks for.
type Slot = Arc<Mutex<Option<Token>>>;

/// What a token server answers.
#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl<T: Transport> Authorized<T> {
    /// Signs in at the registry at `base`.
    pub(crate) fn new(inner: T, base: Uri, client: Client, backoff: Backoff) -> Self {
        Self {
            inner,
            base,
            client,
            backoff,
            challenge: std::sync::Mutex::default(),
            tokens: std::sync::Mutex::default(),
        }
    }

    /// Sends a request, and once more if the registry asks for credentials.
    async fn send_signed(&self, mut request: Request, access: &Access) -> Result<Response, RegistryError> {
        if !is_same_origin(&request.url, &self.base) {
            return self.inner.send(request).await;
        }
        let (line, again) = (request.line(), request.try_clone());
        if again.is_some() {
            self.sign(&mut request, access).await?;
        } else {
            self.sign_stream(&mut request, access).await?;
        }
        let response = self.inner.send(request).await?;
        if response.status != StatusCode::UNAUTHORIZED || !is_same_origin(&response.url, &self.base) {
            return Ok(response);
        }
        self.learn(&response.headers, access).map_err(|kind| line.failed(kind))?;
        // It takes a permit until it is gone.
        drop(response);
        let Some(mut again) = again else {
            return Err(line.failed(Kind::NoAnswer("the registry asks again who is there".to_owned())));
        };
        self.sign(&mut again, access).await?;
        let mut response = self.inner.send(again).await?;
        if response.status == StatusCode::UNAUTHORIZED {
            response.has_credentials = self.credential(access, &self.base).await?.is_some();
        }
        Ok(response)
    }

    /// Adds the header for a request, if the registry has asked for one.
    async fn sign(&self, request: &mut Request, access: &Access) -> Result<(), RegistryError> {
        if let Some(header) = self.header(access).await? {
            request.headers.insert(AUTHORIZATION, header);
        }
        Ok(())
    }

    /// The same for a request that can be sent only once, and before which a source was opened: only the token server is asked
    /// again.
    async fn sign_stream(&self, request: &mut Request, access: &Access) -> Result<(), RegistryError> {
        let mut pauses = self.backoff.start();
        while let Err(error) = self.sign(request, access).await {
            pauses.after(error).await?;
        }
        Ok(())
    }

    async fn header(&self, access: &Access) -> Result<Option<HeaderValue>, RegistryError> {
        let challenge = lock(&self.challenge).clone();
        match challenge {
            None => Ok(None),
            Some(Challenge::Basic) => Ok(self.credential(access, &self.base).await?.as_deref().and_then(basic)),
            Some(Challenge::Bearer { realm, service }) => {
                let slot = Arc::clone(lock(&self.tokens).entry(access.clone()).or_default());
                let mut slot = slot.lock().await;
                let now = Instant::now();
                if let Some(token) = slot.as_ref().filter(|token| token.until > now) {
                    return Ok(Some(token.header.clone()));
                }
                let token = self.token(&realm, service.as_deref(), access).await?;
                let header = token.header.clone();
                *slot = Some(token);
                Ok(Some(header))
            }
        }
    }

    /// Learns from a refusal. The token that was refused is not used again.
    fn learn(&self, headers: &HeaderMap, access: &Access) -> Result<(), Kind> {
        let challenge = Challenge::read(headers).map_err(|error| Kind::Challenge(error.into_text()))?;
        *lock(&self.challenge) = Some(challenge);
        lock(&self.tokens).remove(access);
        Ok(())
    }

    async fn credential(&self, access: &Access, url: &Uri) -> Result<Option<Arc<Credential>>, RegistryError> {
        let found = self.client.credentials.find(&self.client.host, access.path()).await;
        found.map_err(|error| RegistryError::new(&Method::GET, url, Kind::Credentials(error)))
    }

    async fn token(&self, realm: &Uri, service: Option<&str>, access: &Access) -> Result<Token, RegistryError> {
        if !is_as_safe(realm, &self.base) {
            return Err(RegistryError::new(&Method::GET, realm, Kind::PlainRealm(realm.to_string())));
        }
        let credential = self.credential(access, realm).await?;
        let request = self.token_request(realm, service, access, credential.as_deref());
        let line = request.line();
        let asked = Instant::now();
        let mut response = self.inner.send(request).await?;
        if !response.status.is_success() {
            response.has_credentials = credential.is_some();
            return Err(refused(&line, response).await);
        }
        let answer = response.document().await.map_err(|kind| line.failed(kind))?;
        Token::read(&answer, asked).map_err(|kind| line.failed(kind))
    }

    /// The request for a token, by a password if there is one, or by a token that is exchanged.
    fn token_request(
        &self,
        realm: &Uri,
        service: Option<&str>,
        access: &Access,
        credential: Option<&Credential>,
    ) -> Request {
        let mut parameters = form_urlencoded::Serializer::new(String::new());
        if let Some(service) = service {
            parameters.append_pair("service", service);
        }
        if let Some(Credential::Identity(token)) = credential {
            secrets::keep(token);
            let scopes = access.scopes().join(" ");
            parameters.append_pair("scope", &scopes).append_pair("grant_type", "refresh_token");
            parameters.append_pair("client_id", &self.client.id).append_pair("refresh_token", token);
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            return Request::new(Method::POST, realm.clone(), None, Expected::Document)
                .header(CONTENT_TYPE, form)
                .body(Body::Bytes(parameters.finish().into()));
        }
        for scope in access.scopes() {
            parameters.append_pair("scope", scope);
        }
        let url = with_parameters(realm, &parameters.finish()).unwrap_or_else(|| realm.clone());
        let request = Request::new(Method::GET, url, None, Expected::Document);
        match credential.and_then(basic) {
            Some(header) => request.header(AUTHORIZATION, header),
            None => request,
        }
    }
}

impl<T: Transport> Transport for Authorized<T> {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, RegistryError>> {
        Box::pin(async move {
            match request.access.clone() {
                Some(access) => self.send_signed(request, &access).await,
                None => self.inner.send(request).await,
            }
        })
    }
}

impl Token {
    /// Reads what a token server answered to a request of that time.
    fn read(answer: &[u8], asked: Instant) -> Result<Self, Kind> {
        // An error of serde_json may quote the token.
        let answer: TokenAnswer =
            serde_json::from_slice(answer).map_err(|_| Kind::Body("expected a token, in JSON".to_owned()))?;
        let token = answer.token.or(answer.access_token).filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| Kind::Body("there is no token in it".to_owned()))?;
        secrets::keep(&token);
        let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| Kind::Body("the token has characters that no header may have".to_owned()))?;
        header.set_sensitive(true);
        let life = answer.expires_in.unwrap_or(DEFAULT_LIFE).min(LONGEST_LIFE);
        // A tenth less, so that it does not end on its way.
        Ok(Self { header, until: asked + Duration::from_secs(life).mul_f32(0.9) })
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

fn lock<T>(mutex: &std::sync::Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{Asked, Scripted, Step, answer};

    const USER: &str = r#"{"auths":{"registry.example":{"auth":"dXNlcjpwYXNzd29yZC0x"}}}"#;
    const BASIC: &str = "Basic dXNlcjpwYXNzd29yZC0x";

    fn challenged(challenge: &str) -> Step {
        Step::Answer(401, vec![("www-authenticate", challenge.to_owned())], vec![])
    }

    fn get(url: &str) -> Request {
        Request::new(Method::GET, url.parse().unwrap(), Some(Access::pull("app")), Expected::Document)
    }

    /// Sends these requests with those credentials, and returns the last result, and what was asked.
    async fn sent(steps: impl IntoIterator<Item = Step>, urls: &[&str]) -> (Result<u16, String>, Vec<Asked>) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        std::fs::write(&file, USER).unwrap();
        let client = Client {
            host: "registry.example".to_owned(),
            credentials: Arc::new(Credentials::from_files([file])),
            id: "a-test".to_owned(),
        };
        let registry = Scripted::new(steps);
        let signing = Authorized::new(
            registry.clone(),
            "https://registry.example/".parse().unwrap(),
            client,
            Backoff { retries: 2 },
        );
        let mut last = Err("nothing was sent".to_owned());
        for url in urls {
            let found = signing.send(get(url)).await;
            last = found.map(|response| response.status.as_u16()).map_err(|error| error.to_string());
        }
        (last, registry.asked())
    }

    fn asked(line: &str, authorization: Option<&str>) -> Asked {
        Asked { line: line.to_owned(), authorization: authorization.map(str::to_owned) }
    }

    const URL: &str = "https://registry.example/v2/app/manifests/v1";

    #[tokio::test]
    async fn a_password_is_sent_once_it_is_asked_for() {
        let steps = [challenged("Basic realm=\"x\""), answer(200, ""), answer(200, "")];
        let (last, found) = sent(steps, &[URL, URL]).await;
        let line = format!("GET {URL}");
        assert_eq!(last, Ok(200));
        assert_eq!(found, [asked(&line, None), asked(&line, Some(BASIC)), asked(&line, Some(BASIC))]);
    }

    #[tokio::test]
    async fn a_token_is_asked_for_once_and_the_password_goes_only_to_its_server() {
        let steps = [
            challenged("Bearer realm=\"https://auth.example/token?x=1\",service=\"a b\""),
            answer(200, r#"{"token": "tok-en", "expires_in": 300}"#),
            answer(200, ""),
            answer(200, ""),
        ];
        let (last, found) = sent(steps, &[URL, URL]).await;
        let (line, token) = (format!("GET {URL}"), Some("Bearer tok-en"));
        let realm = "GET https://auth.example/token?x=1&service=a+b&scope=repository%3Aapp%3Apull";
        assert_eq!(last, Ok(200));
        let expected = [asked(&line, None), asked(realm, Some(BASIC)), asked(&line, token), asked(&line, token)];
        assert_eq!(found, expected);
    }

    #[tokio::test]
    async fn a_registry_that_refuses_again_is_not_asked_a_third_time() {
        let challenge = || challenged("Basic realm=\"x\"");
        let (last, found) = sent([challenge(), challenge()], &[URL]).await;
        assert_eq!((last, found.len()), (Ok(401), 2));
    }

    #[tokio::test]
    async fn nothing_goes_to_another_host_or_to_where_the_way_is_not_encrypted() {
        let elsewhere = "https://elsewhere.example/v2/app/manifests/v1";
        let steps = [challenged("Basic realm=\"x\""), answer(200, ""), challenged("Basic realm=\"x\"")];
        let (last, found) = sent(steps, &[URL, elsewhere]).await;
        assert_eq!(last, Ok(401));
        assert_eq!(found.last(), Some(&asked(&format!("GET {elsewhere}"), None)));

        let (last, found) = sent([challenged("Bearer realm=\"http://auth.example/token\"")], &[URL]).await;
        let expected = "GET http://auth.example/token: asks for credentials at `http://auth.example/token`, which is not encrypted; nothing was sent there";
        assert_eq!((last, found.len()), (Err(expected.to_owned()), 1));
    }

    #[tokio::test]
    async fn a_token_server_does_not_get_its_secrets_into_a_message() {
        let realm = "Bearer realm=\"https://auth.example/token\"";
        let refusal = r#"{"errors":[{"code":"DENIED","message":"password-1 is wrong"}]}"#;
        let (last, _) = sent([challenged(realm), answer(403, refusal)], &[URL]).await;
        let expected = "GET https://auth.example/token: answered 403 Forbidden (`DENIED: [hidden] is wrong`); these credentials may not do that";
        assert_eq!(last, Err(expected.to_owned()));
        let (last, _) = sent([challenged(realm), answer(200, "no JSON but s3cret")], &[URL]).await;
        let expected = "GET https://auth.example/token: the answer is not usable: expected a token, in JSON";
        assert_eq!(last, Err(expected.to_owned()));
    }
}
