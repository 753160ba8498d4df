//! The ConfigMap that declares the cluster's registry.

use std::time::Duration;

use kube::api::Api;
use local_registry_declaration::{Data, NAME, NAMESPACE};

use crate::call::Call;
use crate::connection::Cluster;
use crate::error::ClusterError;
use crate::follow::{Content, Followed, Selection, SettledDeclaration, Slim, Watch};
use crate::named::{Wanted, named};

impl Content for Data {
    const KIND: &'static str = "ConfigMap";
    const PLURAL: &'static str = "configmaps";
    const FIELD: &'static str = "data";
    const MISTAKEN: Option<&'static str> = Some("binaryData");

    fn note_mistaken(&mut self) {
        self.note_binary_data();
    }
}

impl Cluster {
    /// The data of the ConfigMap `kube-public/local-registry-hosting`; `None` if there is no ConfigMap.
    ///
    /// # Errors
    /// A [`ClusterError`] if it cannot be read.
    pub async fn config_map(&self) -> Result<Option<Data>, ClusterError> {
        let api: Api<Slim<Data>> = Api::namespaced(self.client.clone(), NAMESPACE);
        let found =
            named(&api, Wanted { namespace: Some(NAMESPACE), name: NAME, plural: Data::PLURAL }, &call("get")).await?;
        Ok(found.map(Slim::into_content))
    }

    /// Follows the ConfigMap.
    #[must_use]
    pub fn follow_config_map(&self) -> Followed<Data> {
        let one = Selection::One { namespace: Some(NAMESPACE.to_owned()), name: NAME.to_owned() };
        Followed::new(Watch::new(self.client.clone(), one, self.ended_watches(), call))
    }

    /// Follows the declaration. Each but the first counts when it has been unchanged for `settle`.
    #[must_use]
    pub fn follow_declaration(&self, settle: Duration) -> SettledDeclaration {
        SettledDeclaration::new(self.follow_config_map(), settle)
    }
}

/// A call about the ConfigMap.
fn call(verb: &'static str) -> Call {
    Call {
        subject: format!("ConfigMap {NAMESPACE}/{NAME}"),
        verb,
        resource: format!("configmaps/{NAME} in {NAMESPACE}"),
    }
}
