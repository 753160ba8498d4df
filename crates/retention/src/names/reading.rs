//! Reads what the cluster names.

use local_registry_cluster::objects::ResourceName;
use local_registry_cluster::{Cluster, ClusterError};
use local_registry_core::text::with_causes;
use thiserror::Error;

use super::finder::Finder;
use super::images::add_names;
use super::kinds::kinds;
use super::named::Names;

/// Why it is not known what the cluster names.
#[derive(Debug, Error)]
pub(crate) enum NamesError {
    #[error("{}; nothing is deleted before all objects that may name an image were read", with_causes(.0))]
    Cluster(ClusterError),
    #[error(
        "--resource {0}: the API server serves no such kind, so a name in it would be missed; correct it, or leave it out"
    )]
    NotServed(ResourceName),
}

/// What the cluster names of these repositories, in the kinds that are always read and in those that the user adds.
///
/// # Errors
/// If anything was not read.
pub(crate) async fn read_names(
    cluster: &Cluster,
    finder: &Finder,
    added: &[ResourceName],
    mut names: Names,
) -> Result<Names, NamesError> {
    let mut discovery = cluster.discover().await.map_err(NamesError::Cluster)?;
    for (kind, is_added) in kinds().map(|kind| (kind, false)).chain(added.iter().map(|kind| (kind.clone(), true))) {
        match discovery.find(&kind).await.map_err(NamesError::Cluster)? {
            Some(served) => {
                let read =
                    cluster.each_object(&served, |object| add_names(&mut names, finder, object.kind, object.json));
                read.await.map_err(NamesError::Cluster)?;
            }
            None if is_added => return Err(NamesError::NotServed(kind)),
            None => {}
        }
    }
    Ok(names)
}
