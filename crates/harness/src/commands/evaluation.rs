//! What `run` and `serve` need: a policy, settings that it accepts, and objects that it can look up.

use anyhow::bail;
use local_registry_harness::capabilities::Capabilities;
use local_registry_harness::engine::Policy;
use local_registry_harness::metadata::{context_aware_resources, context_aware_resources_of};
use local_registry_harness::objects::{Folder, Objects};
use serde_json::Value;

use super::arguments::Evaluation;

/// Loads the policy, and reads the settings. Like a policy server, this fails if the policy does not accept them.
pub(super) fn load(evaluation: &Evaluation) -> anyhow::Result<(Policy, Value)> {
    let settings = evaluation.settings.read()?;
    let granted = match &evaluation.metadata_path {
        Some(path) => context_aware_resources(path)?,
        None => context_aware_resources_of(&evaluation.module)?,
    };
    let policy = Policy::load(&evaluation.module, Capabilities::new(granted, objects(evaluation)?))?;
    let response = policy.validate_settings(&settings)?;
    if !response.valid {
        bail!("the settings are invalid: {}", response.message.unwrap_or_default());
    }
    Ok((policy, settings))
}

fn objects(evaluation: &Evaluation) -> anyhow::Result<Objects> {
    if let Some(path) = &evaluation.objects_path {
        return Ok(Objects::Folder(Folder::read(path)?));
    }
    #[cfg(feature = "cluster")]
    if let Some(path) = &evaluation.kubeconfig {
        let context = evaluation.context.clone();
        return Ok(Objects::Cluster(local_registry_harness::objects::ClusterObjects::connect(path, context)?));
    }
    Ok(Objects::Nowhere)
}
