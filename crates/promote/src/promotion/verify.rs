//! Production against the manifests.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::attached::{Attached, DEEPEST, referrer};
use super::error::PromotionError;
use super::item::Item;
use super::manifest_tree::ManifestTree;
use super::plan::AT_ONCE;
use super::progress::Progress;
use super::report::{Report, State};
use super::signatures::Signatures;
use crate::manifest::Edge;
use local_registry_core::{Digest, Tag};
use local_registry_oci::{Reference, Registries, Registry, Repository};

/// Reads every image from its targets, by tag and by digest. Reports come in the order of the edges.
///
/// With [`Signatures::Follow`], whatever is attached to an image at the source has to be at the target.
pub async fn verify(
    registries: &Registries,
    edges: impl IntoIterator<Item = Edge>,
    signatures: Signatures,
    progress: Arc<dyn Progress>,
) {
    let reports = stream::iter(Item::group(edges))
        .map(|item| async move { reports(registries, &item, signatures).await })
        .buffered(AT_ONCE);
    reports.for_each(async |reports| reports.iter().for_each(|report| progress.edge(report))).await;
}

async fn reports(registries: &Registries, item: &Item, signatures: Signatures) -> Vec<Report> {
    let mut reports = Vec::new();
    for edge in item.edges() {
        let state = named(registries, item, edge.tag.as_ref()).await;
        reports.push(Report { state: state.unwrap_or_else(|error| unreachable(&error)), edge });
    }
    let is_there = |report: &Report| report.state == State::There;
    if signatures == Signatures::Follow && reports.iter().any(is_there) {
        let state = match unsigned(registries, item).await {
            Ok(missing) if missing.is_empty() => State::There,
            Ok(missing) => State::Unsigned { missing: missing.into_iter().collect() },
            Err(error) => unreachable(&error),
        };
        for report in reports.iter_mut().filter(|report| is_there(report)) {
            report.state = state.clone();
        }
    }
    reports
}

fn unreachable(error: &PromotionError) -> State {
    match error {
        PromotionError::Registry(_) => State::Unreachable { reason: error.to_string() },
        _ => State::Failed { reason: error.to_string() },
    }
}

/// What a tag names, or whether the digest is there. The bytes are read, and have the digest.
async fn named(registries: &Registries, item: &Item, tag: Option<&Tag>) -> Result<State, PromotionError> {
    let target = registries.registry(&item.target)?;
    let reference = tag.map_or(Reference::Digest(&item.digest), Reference::Tag);
    Ok(match target.manifest(&item.target, reference).await? {
        None => State::Absent,
        Some(manifest) if manifest.digest == item.digest => State::There,
        Some(manifest) => State::Differs { found: manifest.digest },
    })
}

/// What is attached to the image, or to a part of it, at the source alone. Nothing, if the source has it no more.
async fn unsigned(registries: &Registries, item: &Item) -> Result<BTreeSet<String>, PromotionError> {
    let (source, target) = (registries.registry(&item.source)?, registries.registry(&item.target)?);
    if source.manifest_digest(&item.source, Reference::Digest(&item.digest)).await?.is_none() {
        return Ok(BTreeSet::new());
    }
    let tree = ManifestTree::read(&target, &item.target, &item.digest).await?;
    let (source, target) = ((&*source, &item.source), (&*target, &item.target));
    stream::iter(tree.digests().map(Ok))
        .map_ok(|digest| missing(source, target, digest, 0))
        .try_buffer_unordered(AT_ONCE)
        .try_fold(BTreeSet::new(), async |mut all, missing| {
            all.extend(missing);
            Ok(all)
        })
        .await
}

type Missing<'f> = Pin<Box<dyn Future<Output = Result<Vec<String>, PromotionError>> + 'f>>;

/// What is attached to one manifest, or to what is attached to it, at the source alone: digests of referrers, and tags of
/// cosign.
fn missing<'f>(
    (source, source_repository): (&'f Registry, &'f Repository),
    (target, repository): (&'f Registry, &'f Repository),
    digest: &'f Digest,
    depth: usize,
) -> Missing<'f> {
    Box::pin(async move {
        let wanted = Attached::read_at(depth, source, source_repository, digest).await?;
        if wanted.is_empty() || depth == DEEPEST {
            return Ok(Vec::new());
        }
        let existing = Attached::read_at(depth, target, repository, digest).await?;
        let mut found = Vec::new();
        for one in wanted.referrers.keys() {
            if existing.referrers.contains_key(one) {
                found.extend(missing((source, source_repository), (target, repository), one, depth + 1).await?);
            } else if referrer(source, source_repository, one, digest).await?.is_some() {
                found.push(one.to_string());
            }
        }
        for (tag, digest) in &wanted.tags {
            let is_there = match existing.tags.iter().find(|(other, _)| other == tag) {
                None => false,
                Some((_, found)) if found == digest => true,
                // The target may have more signatures than the source.
                Some((_, found)) => {
                    let wanted = ManifestTree::read(source, source_repository, digest).await?;
                    let found = ManifestTree::read(target, repository, found).await?;
                    let parts = found.top_parts().zip(wanted.top_parts());
                    parts.is_some_and(|(found, wanted)| found.has_signatures_of(wanted))
                }
            };
            if !is_there {
                found.push(tag.to_string());
            }
        }
        Ok(found)
    })
}
