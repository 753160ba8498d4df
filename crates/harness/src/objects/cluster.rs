//! Kubernetes objects from a cluster.

use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, anyhow};
use kube::api::{Api, ApiResource, DynamicObject};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::GetResource;
use crate::tls;

/// The objects of a cluster. Every lookup asks the API server, without a cache.
pub struct ClusterObjects {
    client: Client,
    runtime: &'static Runtime,
}

/// The threads that talk to clusters. They live as long as the program, since a runtime must not be dropped by code
/// that runs on another one.
static RUNTIME: LazyLock<std::io::Result<Runtime>> = LazyLock::new(Runtime::new);

impl ClusterObjects {
    /// Connects by a kubeconfig file.
    ///
    /// # Errors
    /// If the file cannot be read, or has no such context or no usable cluster.
    pub fn connect(kubeconfig: &Path, context: Option<String>) -> anyhow::Result<Self> {
        let place = || format!("{}: no usable kubeconfig", kubeconfig.display());
        let unusable = |error: KubeconfigError| anyhow!("{}: {}", place(), reason(&error));
        let file = Kubeconfig::read_from(kubeconfig).map_err(unusable)?;
        let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
        tls::install_provider();
        let runtime = RUNTIME.as_ref().context("no threads can be started")?;
        let client = runtime.block_on(async {
            let config = Config::from_custom_kubeconfig(file, &options).await.map_err(unusable)?;
            Client::try_from(config).with_context(place)
        })?;
        Ok(Self { client, runtime })
    }

    /// Looks an object up. Must not be called from async code.
    pub(super) fn get(&self, request: &GetResource) -> Result<Option<Value>, String> {
        self.runtime.block_on(self.get_async(request))
    }

    async fn get_async(&self, request: &GetResource) -> Result<Option<Value>, String> {
        let GetResource { api_version, kind, .. } = request;
        let resources = match api_version.as_str() {
            "v1" => self.client.list_core_api_resources(api_version).await,
            _ => self.client.list_api_group_resources(api_version).await,
        };
        let resources = resources.map_err(|error| format!("error finding resource {api_version} / {kind}: {error}"))?;
        let resource = resources
            .resources
            .into_iter()
            .find(|resource| resource.kind == *kind)
            .ok_or_else(|| format!("Cannot find resource {api_version}/{kind}"))?;
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let description = ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version: api_version.clone(),
            kind: kind.clone(),
            plural: resource.name,
        };
        let api: Api<DynamicObject> = match (&request.namespace, resource.namespaced) {
            (Some(namespace), true) => Api::namespaced_with(self.client.clone(), namespace, &description),
            (None, true) => {
                return Err(format!("Resource {api_version}/{kind} is namespaced, but no namespace was provided"));
            }
            (_, false) => Api::all_with(self.client.clone(), &description),
        };
        let object = api.get_opt(&request.name).await.map_err(|error| error.to_string())?;
        object.map(serde_json::to_value).transpose().map_err(|error| error.to_string())
    }
}

/// Why a kubeconfig cannot be used. The text of an error about its YAML is not used: it shows the lines around the error,
/// and these may hold a token.
fn reason(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(_) => "it is not valid YAML, or has wrong types".to_owned(),
        other => other.to_string(),
    }
}
