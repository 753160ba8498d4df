//! Which cluster the program works on.

use std::error::Error;

use anyhow::{Context, anyhow};
use kube::config::{InferConfigError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use local_registry_cluster::Cluster;

use crate::arguments::Arguments;

/// The cluster that the arguments name.
pub(crate) async fn cluster(arguments: &Arguments) -> anyhow::Result<Cluster> {
    Ok(Cluster::new(connect(arguments.context.as_deref()).await?))
}

/// Connects by the kubeconfig, in its current context or this one. Without a usable kubeconfig, and if no context is
/// named, connects as the service account of the pod.
async fn connect(context: Option<&str>) -> anyhow::Result<Client> {
    let config = match context {
        None => Config::infer().await.map_err(|error| neither(&error))?,
        Some(context) => in_context(context).await.map_err(|error| unusable(&error))?,
    };
    Client::try_from(config).context("no cluster: the connection cannot be set up")
}

async fn in_context(context: &str) -> Result<Config, KubeconfigError> {
    let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
    Config::from_custom_kubeconfig(Kubeconfig::read()?, &options).await
}

fn neither(error: &InferConfigError) -> anyhow::Error {
    let reason = error.source().and_then(|source| source.downcast_ref()).map_or_else(String::new, reason);
    anyhow!("no cluster: this is not a pod with a service account, and there is no usable kubeconfig: {reason}")
}

fn unusable(error: &KubeconfigError) -> anyhow::Error {
    anyhow!("no cluster: no usable kubeconfig: {}", reason(error))
}

/// Why a kubeconfig cannot be used. The text of an error about its YAML is not used: it shows the lines around the error,
/// and these may hold a token.
fn reason(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(error) => match error.location() {
            Some(location) => {
                format!(
                    "it is not valid YAML, or has wrong types, at line {} column {}",
                    location.line(),
                    location.column()
                )
            }
            None => "it is not valid YAML, or has wrong types".to_owned(),
        },
        other => other.to_string(),
    }
}
