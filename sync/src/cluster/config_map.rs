//! The ConfigMap, as little of it as is needed.

use std::borrow::Cow;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::api::Api;
use serde::Deserialize;
use serde::de::Deserializer;

use super::call::Call;
use super::connection::Cluster;
use super::error::ClusterError;
use crate::declaration::{Data, NAME, NAMESPACE};

impl Cluster {
    /// The data of the ConfigMap `kube-public/local-registry-hosting`; `None` if there is no ConfigMap.
    ///
    /// # Errors
    /// A [`ClusterError`] if it cannot be read.
    pub(crate) async fn config_map(&self) -> Result<Option<Data>, ClusterError> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), NAMESPACE);
        let found = call("get").answer(api.get_opt(NAME)).await?;
        Ok(found.map(ConfigMap::into_data))
    }
}

/// A call about the ConfigMap.
pub(super) fn call(verb: &'static str) -> Call {
    Call {
        subject: format!("ConfigMap {NAMESPACE}/{NAME}"),
        verb,
        resource: format!("configmaps/{NAME} in {NAMESPACE}"),
    }
}

/// The ConfigMap as the API server sends it.
///
/// `k8s_openapi`'s type would keep all of it: up to 1 MiB, and the annotations besides.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ConfigMap {
    #[serde(deserialize_with = "needed_metadata")]
    metadata: ObjectMeta,
    data: Option<Data>,
}

impl ConfigMap {
    pub(super) fn into_data(self) -> Data {
        self.data.unwrap_or_default()
    }
}

/// Reads what a watch needs of the metadata. Annotations and managed fields can be long.
fn needed_metadata<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        name: Option<String>,
        namespace: Option<String>,
        resource_version: Option<String>,
    }
    let Metadata { name, namespace, resource_version } = Metadata::deserialize(deserializer)?;
    Ok(ObjectMeta { name, namespace, resource_version, ..ObjectMeta::default() })
}

impl Resource for ConfigMap {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "ConfigMap".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "configmaps".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn annotations_are_not_kept() {
        let config_map = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "n", "resourceVersion": "7", "annotations": {"a": "b"}},
            "data": {"note": "x"},
        });
        let config_map: ConfigMap = serde_json::from_value(config_map).unwrap();
        assert_eq!(config_map.meta().resource_version.as_deref(), Some("7"));
        assert_eq!(config_map.meta().annotations, None);
        assert_eq!(config_map.into_data(), [("note", "x")].into_iter().collect());
    }

    #[test]
    fn a_config_map_without_data_has_none() {
        for data in [json!({"metadata": {}}), json!({"metadata": {}, "data": null})] {
            assert_eq!(serde_json::from_value::<ConfigMap>(data).unwrap().into_data(), Data::default());
        }
    }
}
