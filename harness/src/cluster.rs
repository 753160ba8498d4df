//! Kubernetes objects from a cluster.

use std::path::Path;

use anyhow::Context;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;
use tokio::runtime::Handle;

use crate::host::GetResource;

/// A cluster that is asked anew every time.
pub struct Cluster {
    client: Client,
    runtime: Handle,
}

impl Cluster {
    /// Connects as a kubeconfig file says; must be called within a Tokio runtime.
    ///
    /// # Errors
    /// Where the file cannot be read or names no usable cluster.
    pub async fn connect(kubeconfig: &Path, context: Option<String>) -> anyhow::Result<Self> {
        let place = || format!("{}: no usable kubeconfig", kubeconfig.display());
        let file = Kubeconfig::read_from(kubeconfig).with_context(place)?;
        let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
        let config = Config::from_custom_kubeconfig(file, &options).await.with_context(place)?;
        let client = Client::try_from(config).with_context(place)?;
        Ok(Self { client, runtime: Handle::current() })
    }

    /// The object that is asked for. Must be called outside of the runtime's own threads, as guests are.
    pub(crate) fn get(&self, request: &GetResource) -> Result<Option<Value>, String> {
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
