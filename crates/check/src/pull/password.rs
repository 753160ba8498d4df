//! The Kubernetes token by which a registry with a token server takes the canary.

use std::path::{Path, PathBuf};
use std::time::Duration;

use local_registry_cluster::Cluster;
use local_registry_cluster::credentials::{CONFIG_KEY, NAME};
use local_registry_core::RuntimeHost;
use local_registry_core::text::with_causes;
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::NAMESPACE;

/// How long a credential is waited for: that of a namespace that was labelled a moment ago comes in seconds.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(2);

/// Where the token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Password {
    /// In this file.
    File(PathBuf),
    /// In the Secret that makes itself in the namespace `local-registry-check`, as those of builds do.
    Credential,
}

/// What docker reads; of it, who somebody is at each registry.
#[derive(Deserialize)]
struct DockerConfig {
    auths: std::collections::BTreeMap<String, Auth>,
}

#[derive(Deserialize)]
struct Auth {
    password: String,
}

impl Password {
    /// Reads it, for this registry.
    ///
    /// # Errors
    /// Why there is none. It is not in that.
    pub(super) async fn read(&self, cluster: &Cluster, host: &RuntimeHost) -> Result<String, String> {
        match self {
            Self::File(file) => of_file(file),
            Self::Credential => {
                let start = Instant::now();
                loop {
                    match of_credential(cluster, host).await {
                        Err(_) if start.elapsed() < LONGEST_WAIT => sleep(PAUSE).await,
                        found => return found,
                    }
                }
            }
        }
    }
}

fn of_file(file: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: cannot be read: {error}", file.display()))?;
    Ok(text.trim().to_owned())
}

async fn of_credential(cluster: &Cluster, host: &RuntimeHost) -> Result<String, String> {
    let secret = cluster.secret(NAMESPACE, NAME).await.map_err(|error| with_causes(&error))?;
    let none = |what: &str| format!("Secret {NAMESPACE}/{NAME}: {what}");
    let secret = secret.ok_or_else(|| none("there is none, and the program `credentials` should make it"))?;
    // An error of serde_json may quote the token.
    let config: Option<DockerConfig> = secret.get(CONFIG_KEY).and_then(|text| serde_json::from_slice(text).ok());
    let config = config.ok_or_else(|| none("it has no passwords that could be read"))?;
    let auth = config.auths.get(host.as_str()).ok_or_else(|| none(&format!("it has no password for {host}")))?;
    Ok(auth.password.clone())
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use http::{Request, Response};
    use kube::Client;
    use kube::client::Body;
    use local_registry_testkit::api_server::{Answer, send, status};
    use serde_json::{Value, json};
    use tower_test::mock::pair;

    use super::*;

    const HOST: &str = "registry.example:5000";

    fn secret(config: &str) -> Value {
        let metadata = json!({"namespace": NAMESPACE, "name": NAME});
        let data = json!({CONFIG_KEY: STANDARD.encode(config)});
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    }

    /// What is read of a Secret that is there from the third look on, and how long that takes, in seconds.
    async fn read(secret: Option<Value>) -> (Result<String, String>, u64) {
        let (service, mut handle) = pair::<Request<Body>, Response<Answer>>();
        tokio::spawn(async move {
            let mut looks = 0;
            while let Some((_, response)) = handle.next_request().await {
                looks += 1;
                match &secret {
                    Some(secret) if looks > 2 => send(response, 200, secret),
                    _ => {
                        let details = json!({"kind": "secrets", "name": NAME});
                        send(response, 404, &status(404, "NotFound", "", &details));
                    }
                }
            }
        });
        let cluster = Cluster::new(Client::new(service, "default"));
        let start = Instant::now();
        let found = Password::Credential.read(&cluster, &HOST.parse().unwrap()).await;
        (found, start.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_credential_is_waited_for_and_never_quoted() {
        let good = secret(&json!({"auths": {HOST: {"password": "token"}}}).to_string());
        assert_eq!(read(Some(good)).await, (Ok("token".to_owned()), 4));
        for (secret, expected) in [
            (None, "there is none, and the program `credentials` should make it"),
            (Some(secret("token")), "it has no passwords that could be read"),
            (Some(secret(r#"{"auths": "token"}"#)), "it has no passwords that could be read"),
            (
                Some(secret(r#"{"auths": {"other.example": {"password": "token"}}}"#)),
                "it has no password for registry.example:5000",
            ),
        ] {
            let (found, seconds) = read(secret).await;
            let error = found.unwrap_err();
            assert_eq!(error, format!("Secret local-registry-check/local-registry-push: {expected}"));
            assert_eq!(seconds, 30);
        }
    }

    #[tokio::test]
    async fn the_token_of_a_file_is_read_without_its_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "password\n").unwrap();
        assert_eq!(of_file(&file), Ok("password".to_owned()));
        let error = of_file(&folder.path().join("none")).unwrap_err();
        assert!(error.contains("none: cannot be read"), "{error}");
    }
}
