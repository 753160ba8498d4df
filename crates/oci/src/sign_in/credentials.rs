//! Credentials as Docker, Podman and Kubernetes keep them: a file in JSON, with the names of helpers perhaps.
//!
//! A key of the file is a registry, or a registry and a path (`registry.example/team`); in a Secret of Kubernetes a part of
//! the host may be `*`. The key that names most of a repository counts.

use std::collections::HashMap;
use std::ffi::OsString;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use docker_credential::{CredentialRetrievalError, DockerCredential};
use local_registry_core::Quoted;
use local_registry_core::text::matches_wildcard;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::credential::Credential;
use super::helper::{self, Stop, StopOnDrop};
use crate::names::docker_hub::is_docker_hub;

/// The key by which Docker keeps the credentials of Docker Hub.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// What there is for a repository, or why that is not known. A helper that fails is not asked again for each request.
type Found = Result<Option<Arc<Credential>>, String>;

/// What was found, or is being looked for, by key. Whoever asks for the same waits for it, and nobody else does.
type Slots<K> = Mutex<HashMap<K, Arc<OnceCell<Found>>>>;

/// The credentials of a user.
pub struct Credentials {
    files: Vec<PathBuf>,
    /// A file whose content is the password for every repository. It counts before all others.
    token: Option<PathBuf>,
    /// What there is for repositories: a registry with passwords asks for each request.
    known: Slots<String>,
    /// What helpers have answered, by their names and the keys.
    asked: Slots<(String, String)>,
}

/// The keys of a file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Keys {
    auths: Option<HashMap<String, Value>>,
    cred_helpers: Option<HashMap<String, Value>>,
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
        Self { files, token: None, known: Mutex::default(), asked: Mutex::default() }
    }

    /// A password for every repository: what a file has, such as a token of Kubernetes. It is read each time that it is used, since the
    /// kubelet writes a new one before the old one ends.
    ///
    /// ```
    /// use local_registry_oci::Credentials;
    ///
    /// let credentials = Credentials::from_token_file("/var/run/secrets/registry/token");
    /// # drop(credentials);
    /// ```
    pub fn from_token_file(file: impl Into<PathBuf>) -> Self {
        Self { token: Some(file.into()), ..Self::from_files([]) }
    }

    /// What there is for a repository.
    pub(crate) async fn find(&self, host: &str, path: &str) -> Found {
        if let Some(file) = &self.token {
            return token(file);
        }
        slot(&self.known, format!("{host}/{path}")).get_or_init(|| self.look(host, path)).await.clone()
    }

    async fn look(&self, host: &str, path: &str) -> Found {
        for file in &self.files {
            let shown = file.display();
            let written = written(file, host, path).map_err(|error| format!("{shown}: {error}"))?;
            let found = match written {
                Written::Nothing => None,
                Written::Credential(found) => Some(Arc::new(found)),
                Written::Helper { name, key } => {
                    self.ask(name, key).await.map_err(|error| format!("{shown}: {error}"))?
                }
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Asks a helper, once for each key, whatever becomes of that. Others are not kept waiting.
    async fn ask(&self, name: String, key: String) -> Found {
        let answer = slot(&self.asked, (name.clone(), key.clone()));
        let ask = async {
            // A helper is a program, and may take a while, but not longer than somebody waits for it.
            let stop = Stop::default();
            let _stopped = StopOnDrop(stop.clone());
            let asked = tokio::task::spawn_blocking(move || helper::ask(&name, &key, &stop)).await;
            asked.map_err(|error| error.to_string())?.map(|found| found.map(Arc::new))
        };
        answer.get_or_init(|| ask).await.clone()
    }
}

/// What a file has as a password. The name of the user says nothing.
fn token(file: &Path) -> Found {
    let failed = |reason: &str| Err(format!("{}: {reason}", file.display()));
    match std::fs::read_to_string(file) {
        Ok(text) if text.trim().is_empty() => failed("is empty; it has to have a token"),
        Ok(text) => {
            let (user, password) = ("token".to_owned(), text.trim().to_owned());
            Ok(Some(Arc::new(Credential::Password { user, password })))
        }
        Err(error) => failed(&error.to_string()),
    }
}

fn slot<K: Eq + Hash>(slots: &Slots<K>, key: K) -> Arc<OnceCell<Found>> {
    Arc::clone(slots.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default())
}

/// What a file says of a repository.
enum Written {
    Nothing,
    Credential(Credential),
    /// A program has it.
    Helper {
        name: String,
        key: String,
    },
}

fn written(file: &Path, host: &str, path: &str) -> Result<Written, String> {
    let text = match std::fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Written::Nothing),
        Err(error) => return Err(error.to_string()),
    };
    // An error of serde_json may quote what it found.
    let keys: Keys = serde_json::from_slice(&text)
        .map_err(|error| format!("is not a file of credentials: line {} column {}", error.line(), error.column()))?;
    keys.best(host, path).map_or(Ok(Written::Nothing), |key| keys.credential(key))
}

impl Keys {
    /// The credentials of a key: from its own helper, from the file, or from the store.
    fn credential(&self, key: String) -> Result<Written, String> {
        let helper = self.cred_helpers.iter().flatten().find(|(name, _)| **name == key);
        if let Some(name) = helper.and_then(|(_, name)| name.as_str()).filter(|name| !name.is_empty()) {
            return Ok(Written::Helper { name: name.to_owned(), key });
        }
        match (self.written(&key)?, self.store()) {
            (Some(found), _) => Ok(Written::Credential(found)),
            (None, Some(name)) => Ok(Written::Helper { name: name.to_owned(), key }),
            (None, None) => Ok(Written::Nothing),
        }
    }

    /// The helper for everything that has none of its own.
    fn store(&self) -> Option<&str> {
        self.creds_store.as_deref().filter(|name| !name.is_empty())
    }

    /// The credentials that the file has itself.
    fn written(&self, key: &str) -> Result<Option<Credential>, String> {
        let Some(entry) = self.auths.iter().flatten().find(|(name, _)| *name == key) else { return Ok(None) };
        let auths = serde_json::json!({ "auths": HashMap::from([entry]) }).to_string();
        match docker_credential::get_credential_from_reader(auths.as_bytes(), key) {
            Ok(DockerCredential::UsernamePassword(user, password)) => Ok(Some(Credential::of(user, password))),
            Ok(DockerCredential::IdentityToken(token)) => Ok(Some(Credential::Identity(token))),
            Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(None),
            // What the file says may have credentials in it.
            Err(_) => Err(format!(
                "the credentials for {} are not valid: expected `auth`, in base64, with `user:password` in it",
                Quoted(key)
            )),
        }
    }

    /// The key that names most of the repository.
    fn best(&self, host: &str, path: &str) -> Option<String> {
        let keys = self.auths.iter().flatten().chain(self.cred_helpers.iter().flatten()).map(|(key, _)| key);
        let best = keys.filter_map(|key| Some((matched(key, host, path)?, key))).max();
        let by_store = || if is_docker_hub(host) { DOCKER_HUB_KEY } else { host }.to_owned();
        best.map(|(_, key)| key.clone()).or_else(|| self.store().map(|_| by_store()))
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
        let keys = Keys { auths: Some(auths), ..Keys::default() };
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

    #[tokio::test]
    async fn a_token_is_read_again_when_it_is_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let credentials = Credentials::from_token_file(&file);
        for (text, expected) in [
            (None, Err(format!("{}: No such file or directory (os error 2)", file.display()))),
            (Some("one\n"), Ok("one".to_owned())),
            (Some("two"), Ok("two".to_owned())),
            (Some(" \n"), Err(format!("{}: is empty; it has to have a token", file.display()))),
        ] {
            if let Some(text) = text {
                std::fs::write(&file, text).unwrap();
            }
            let found = credentials.find("reg.io", "team/app").await;
            let found = found.map(|found| match found.as_deref() {
                Some(Credential::Password { password, .. }) => password.clone(),
                _ => "another credential".to_owned(),
            });
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_store_is_asked_for_the_host() {
        let keys = Keys { creds_store: Some("desktop".to_owned()), ..Keys::default() };
        assert_eq!(keys.best("reg.io", "x").as_deref(), Some("reg.io"));
        assert_eq!(keys.best("docker.io", "x").as_deref(), Some(DOCKER_HUB_KEY));
    }
}
