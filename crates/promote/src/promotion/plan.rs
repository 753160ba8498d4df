//! What a promotion would do.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt};

use super::inspection::inspect;
use super::item::Item;
use super::progress::Progress;
use super::report::{Report, State};
use crate::manifest::Edge;
use local_registry_oci::Registries;

/// How many images are looked at, or copied, at once. Each registry limits its own requests.
pub(super) const AT_ONCE: usize = 16;

/// Looks at every edge, by HEAD requests, and changes nothing. Reports come in the order of the edges.
pub async fn plan(registries: &Registries, edges: impl IntoIterator<Item = Edge>, progress: Arc<dyn Progress>) {
    let reports =
        stream::iter(Item::group(edges)).map(|item| async move { reports(registries, &item).await }).buffered(AT_ONCE);
    reports.for_each(async |reports| reports.iter().for_each(|report| progress.edge(report))).await;
}

async fn reports(registries: &Registries, item: &Item) -> Vec<Report> {
    let found = inspect(registries, item).await;
    let state = |edge: &Edge| match &found {
        Ok(inspection) => inspection.state(item, edge.tag.as_ref()),
        Err(error) => State::Unreachable { reason: error.to_string() },
    };
    item.edges().into_iter().map(|edge| Report { state: state(&edge), edge }).collect()
}
