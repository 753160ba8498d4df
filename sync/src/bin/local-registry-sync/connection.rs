//! Which cluster the program works on.

use anyhow::Context;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// Connects as the pod's service account in a cluster, and as the kubeconfig says elsewhere or if a context is named.
pub(crate) async fn connect(context: Option<&str>) -> anyhow::Result<Client> {
    let config = match context {
        None => Config::infer().await.context("no cluster: found neither a service account nor a usable kubeconfig")?,
        Some(context) => {
            let kubeconfig = Kubeconfig::read().context("no cluster: no usable kubeconfig")?;
            let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
            Config::from_custom_kubeconfig(kubeconfig, &options).await.context("no cluster: no usable kubeconfig")?
        }
    };
    Client::try_from(config).context("no cluster: the connection cannot be set up")
}
