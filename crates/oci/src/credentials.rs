//! Credentials as Docker, Podman and Kubernetes keep them: a file in JSON, with the names of helpers perhaps.
//!
//! A key of the file is a registry, or a registry and a path (`registry.example/team`); in a Secret of Kubernetes a part of
//! the host may be `*`. The key that names most of a repository counts.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use docker_credential::{CredentialRetrievalError, DockerCredential};
use local_registry_core::Quoted;
use local_registry_core::text::matches_wildcard;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::docker_hub::is_docker_hub;

/// The key by which Docker keeps the credentials of Docker Hub.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// What proves who asks.
#[derive(Clone)]
pub(crate) enum Credential {
    Password {
        user: String,
        password: String,
    },
    /// A token that is exchanged for others.
    Identity(String),
}

/// The credentials of a user.
pub struct Credentials {
    files: Vec<PathBuf>,
    known: Mutex<HashMap<String, Option<Arc<Credential>>>>,
}

/// The keys of a file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Keys {
    auths: HashMap<String, Value>,
    cred_helpers: HashMap<String, Value>,
    creds_store: Option<String>,
}

impl Credentials {
    /// Those of the user who runs the program: `REGISTRY_AUTH_FILE`, `$DOCKER_CONFIG/config.json`,
    /// `$XDG_RUNTIME_DIR/containers/auth.json`, `~/.config/containers/auth.json`, `~/.docker/config.json`. The first file
    /// that has credentials for a repository counts.
    #[must_use]
    pub fn from_environment(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let below = |name: &str, rest: &str| {
            variable(name).filter(|value| !value.is_empty()).map(|folder| PathBuf::from(folder).join(rest))
        };
        let files = [
            below("REGISTRY_AUTH_FILE", ""),
            below("DOCKER_CONFIG", "config.json"),
            below("XDG_RUNTIME_DIR", "containers/auth.json"),
            below("HOME", ".config/containers/auth.json"),
            below("HOME", ".docker/config.json"),
        ];
        Self::from_files(files.into_iter().flatten())
    }

    /// Those of these files.
    pub fn from_files(files: impl IntoIterator<Item = PathBuf>) -> Self {
        // Joining nothing leaves a slash at the end of a path.
        let files = files.into_iter().map(|path| path.components().collect()).collect();
        Self { files, known: Mutex::default() }
    }

    /// What there is for a repository.
    pub(crate) async fn find(&self, host: &str, path: &str) -> Result<Option<Arc<Credential>>, String> {
        let mut known = self.known.lock().await;
        let name = format!("{host}/{path}");
        if let Some(found) = known.get(&name) {
            return Ok(found.clone());
        }
        let (files, host, path) = (self.files.clone(), host.to_owned(), path.to_owned());
        // A helper is a program, and may take a while.
        let found = tokio::task::spawn_blocking(move || find(&files, &host, &path))
            .await
            .map_err(|error| error.to_string())??
            .map(Arc::new);
        known.insert(name, found.clone());
        Ok(found)
    }
}

fn find(files: &[PathBuf], host: &str, path: &str) -> Result<Option<Credential>, String> {
    for file in files {
        let shown = file.display();
        let text = match std::fs::read(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(format!("{shown}: {error}")),
        };
        // An error of serde_json may quote what it found.
        let keys: Keys = serde_json::from_slice(&text).map_err(|error| {
            format!("{shown}: is not a file of credentials: line {} column {}", error.line(), error.column())
        })?;
        let Some(key) = keys.best(host, path) else { continue };
        match docker_credential::get_credential_from_reader(text.as_slice(), &key) {
            Ok(DockerCredential::UsernamePassword(user, password)) => {
                // Docker's convention for a token that a helper gives.
                let is_token = user == "<token>";
                return Ok(Some(if is_token {
                    Credential::Identity(password)
                } else {
                    Credential::Password { user, password }
                }));
            }
            Ok(DockerCredential::IdentityToken(token)) => return Ok(Some(Credential::Identity(token))),
            Err(error) if has_none(&error) => {}
            Err(error) => return Err(format!("{shown}: {}", cause(&key, &error))),
        }
    }
    Ok(None)
}

/// Whether there are just no credentials. Docker's helpers say that in words.
fn has_none(error: &CredentialRetrievalError) -> bool {
    match error {
        CredentialRetrievalError::NoCredentialConfigured => true,
        CredentialRetrievalError::HelperFailure { stdout, .. } => stdout.contains("credentials not found"),
        _ => false,
    }
}

/// What went wrong, without what the file or a helper says: both may have credentials in it.
fn cause(key: &str, error: &CredentialRetrievalError) -> String {
    let key = Quoted(key);
    match error {
        CredentialRetrievalError::HelperFailure { helper, .. } => {
            format!("the helper {} failed for {key}", Quoted(helper))
        }
        CredentialRetrievalError::HelperCommunicationError => format!("the helper for {key} cannot be run"),
        CredentialRetrievalError::MalformedHelperResponse => format!("the helper for {key} gave no credentials"),
        _ => format!("the credentials for {key} are not valid: expected `auth`, in base64, with `user:password` in it"),
    }
}

impl Keys {
    /// The key that names most of the repository.
    fn best(&self, host: &str, path: &str) -> Option<String> {
        let keys = self.auths.keys().chain(self.cred_helpers.keys());
        let best = keys.filter_map(|key| Some((matched(key, host, path)?, key))).max();
        let by_store = || if is_docker_hub(host) { DOCKER_HUB_KEY } else { host }.to_owned();
        best.map(|(_, key)| key.clone()).or_else(|| self.creds_store.as_ref().map(|_| by_store()))
    }
}

/// How much of a repository a key names: path first, then whether it does so without `*`.
fn matched(key: &str, host: &str, path: &str) -> Option<(usize, bool)> {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    let (key_host, key_path) = match (bare, bare.unwrap_or(key).split_once('/')) {
        // What follows the host in a URL is the path of the API.
        (Some(_), Some((host, "" | "v1" | "v1/" | "v2" | "v2/"))) => (host, ""),
        (_, Some((host, path))) => (host, path.trim_end_matches('/')),
        (bare, None) => (bare.unwrap_or(key), ""),
    };
    let is_host = key_host == host || (is_docker_hub(key_host) && is_docker_hub(host));
    // As the kubelet reads it: `*` stands for characters of one part between dots.
    if !is_host && !matches_wildcard(key_host, host, '.') {
        return None;
    }
    let is_below =
        key_path.is_empty() || path.strip_prefix(key_path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    is_below.then_some((key_path.len(), is_host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(keys: &[&str], host: &str, path: &str, expected: Option<&str>) {
        let auths = keys.iter().map(|key| ((*key).to_owned(), Value::Null)).collect();
        let keys = Keys { auths, ..Keys::default() };
        assert_eq!(keys.best(host, path).as_deref(), expected);
    }

    #[test]
    fn the_key_that_names_most_of_a_repository_counts() {
        let keys = ["reg.io", "reg.io/team", "reg.io/team/app", "*.example", "*.example/team", "a.example"];
        check(&keys, "reg.io", "team/app", Some("reg.io/team/app"));
        check(&keys, "reg.io", "team/application", Some("reg.io/team"));
        check(&keys, "reg.io", "teams", Some("reg.io"));
        check(&keys, "other.io", "team", None);
        check(&keys, "b.example", "team/x", Some("*.example/team"));
        check(&keys, "a.example", "x", Some("a.example"));
        check(&keys, "a.b.example", "x", None);
        check(&["https://reg.io/v2/"], "reg.io", "x", Some("https://reg.io/v2/"));
        check(&["reg.io:5000"], "reg.io", "x", None);
        check(&[DOCKER_HUB_KEY], "docker.io", "library/x", Some(DOCKER_HUB_KEY));
    }

    #[test]
    fn a_store_is_asked_for_the_host() {
        let keys = Keys { creds_store: Some("desktop".to_owned()), ..Keys::default() };
        assert_eq!(keys.best("reg.io", "x").as_deref(), Some("reg.io"));
        assert_eq!(keys.best("docker.io", "x").as_deref(), Some(DOCKER_HUB_KEY));
    }
}
