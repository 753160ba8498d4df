//! `snapshot`: what a target has, as an `images.yaml`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use local_registry_core::Quoted;
use local_registry_oci::{Reference, Registries, Repository};
use local_registry_promotion_tree::{ImageTags, RegistryName, Snapshot, Tree};
use local_registry_system::{Output, print_line};
use serde_json::json;

use crate::arguments::BadArgument;
use crate::tree_files::read_folder;

/// How many images, and tags of each, are asked about at once. The registry has limits of its own.
const AT_ONCE: usize = 16;

/// What is printed.
pub(crate) struct Wanted<'a> {
    pub(crate) images: &'a [String],
    pub(crate) project: Option<&'a str>,
    pub(crate) target: Option<&'a str>,
    /// Only what the files do not name.
    pub(crate) unnamed: bool,
}

/// Prints what a target has.
pub(crate) async fn perform(
    root: &Path,
    wanted: Wanted<'_>,
    registries: &Registries,
    output: Output,
) -> anyhow::Result<bool> {
    let (tree, findings) = Tree::read(&read_folder(root)?);
    let project = wanted.project(&tree)?;
    let target = wanted.target(&tree, project)?;
    // What the files name is not known.
    if let Some(finding) = findings.iter().find(|finding| finding.stops(project)) {
        eprintln!("{}", output.line(finding)?);
        bail!("the files have errors; nothing was asked");
    }
    let mut named: BTreeMap<&str, ImageTags> = tree.images(project).collect();
    for image in wanted.images {
        named.entry(image).or_default();
    }
    let found: Vec<(String, ImageTags)> = stream::iter(named)
        .map(async |(name, known)| {
            let repository = target.repository(name).with_context(|| BadArgument(Quoted(name).to_string()))?;
            let tags = tags(registries, &repository).await.with_context(|| repository.to_string())?;
            let mut tags = tags.unwrap_or_else(|| {
                eprintln!("warning: {repository} is not there");
                ImageTags::new()
            });
            if wanted.unnamed {
                tags.retain(|tag, digest| known.get(tag) != Some(digest));
            }
            anyhow::Ok((name.to_owned(), tags))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let is_in_line = !wanted.unnamed || found.iter().all(|(_, tags)| tags.is_empty());
    match output {
        Output::Text => print_line(Snapshot::from_iter(found).to_string().trim_end())?,
        Output::Json => {
            for (image, tags) in found.into_iter().filter(|(_, tags)| !tags.is_empty()) {
                print_line(&json!({"image": image, "tags": tags_as_text(&tags)}).to_string())?;
            }
        }
    }
    Ok(is_in_line)
}

/// Every tag of a repository, and what it names, but for those of signatures; `None` if there is no such repository.
async fn tags(registries: &Registries, repository: &Repository) -> anyhow::Result<Option<ImageTags>> {
    let registry = registries.registry(repository)?;
    let Some(tags) = registry.tags(repository).await? else { return Ok(None) };
    let tags = tags.into_iter().filter(|tag| !tag.is_attachment());
    let digests = stream::iter(tags).map(async |tag| {
        let found = registry.manifest_digest(repository, Reference::Tag(&tag)).await?;
        let digest = found.with_context(|| format!("the tag `{tag}` is listed, and is not there; try again"))?;
        anyhow::Ok((tag, digest))
    });
    digests.buffered(AT_ONCE).try_collect().await.map(Some)
}

fn tags_as_text(tags: &ImageTags) -> BTreeMap<String, String> {
    tags.iter().map(|(tag, digest)| (tag.to_string(), digest.to_string())).collect()
}

impl Wanted<'_> {
    fn project<'t>(&self, tree: &'t Tree) -> anyhow::Result<&'t str> {
        let known: Vec<&str> = tree.sources().map(|(name, _)| name).collect();
        let is_wanted = |name: &&&str| self.project.is_none_or(|wanted| wanted == **name);
        let mut found = known.iter().filter(is_wanted);
        match (found.next(), found.next()) {
            (Some(name), None) => Ok(name),
            (Some(_), Some(_)) => bail!(BadArgument(format!("name one with --project: {}", known.join(", ")))),
            (None, _) => {
                bail!(BadArgument::no_such_project(self.project.unwrap_or_default(), &known))
            }
        }
    }

    fn target<'t>(&self, tree: &'t Tree, project: &str) -> anyhow::Result<&'t RegistryName> {
        let known: Vec<&RegistryName> = tree.targets(project).collect();
        let is_wanted = |name: &&&RegistryName| self.target.is_none_or(|wanted| wanted == name.as_str());
        known.iter().find(is_wanted).copied().with_context(|| {
            let known: Vec<&str> = known.iter().map(|name| name.as_str()).collect();
            let wanted = self.target.unwrap_or_default();
            BadArgument(format!(
                "--target {}: the project has no such target; known are {}",
                Quoted(wanted),
                known.join(", ")
            ))
        })
    }
}
