//! `add`: from what the user names to a changed `images.yaml`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, bail};
use local_registry_core::{Digest, ImageReference, Quoted, Tag};
use local_registry_oci::{Reference, Registries, Repository};
use local_registry_promote::{Addition, RegistryName, Severity, Tree, TreeFiles};
use local_registry_system::{Output, print_line};
use serde::Serialize;

use crate::arguments::BadArgument;
use crate::tree_files::{read_folder, write_images};

/// An image, as the user names it.
struct Named {
    project: String,
    image: String,
    repository: Repository,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

/// An entry of an `images.yaml` that the user asked for.
#[derive(Serialize)]
struct Entry {
    file: String,
    image: String,
    digest: Digest,
    tag: Option<Tag>,
    /// Whether the file did not have it before.
    added: bool,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, image, digest, tag, added } = self;
        let verb = if *added { "added" } else { "has" };
        write!(f, "{file}: {verb} {image}")?;
        if let Some(tag) = tag {
            write!(f, ":{tag}")?;
        }
        write!(f, ", {digest}")
    }
}

/// Adds images, all of them or none.
pub(crate) async fn perform(
    root: &Path,
    images: &[String],
    project: Option<&str>,
    registries: &Registries,
    output: Output,
) -> anyhow::Result<bool> {
    let mut files = read_folder(root)?;
    let (tree, _) = Tree::read(&files);
    let mut changed: BTreeMap<String, String> = BTreeMap::new();
    let mut reports = Vec::new();
    for name in images {
        let quoted = || Quoted(name).to_string();
        let named = Named::read(name, project, &tree).with_context(|| BadArgument(quoted()))?;
        let digest = named.digest(registries).await.with_context(quoted)?;
        let file = TreeFiles::images_path(&named.project);
        let before = files.text(&file).unwrap_or_default().to_owned();
        let addition = Addition { image: named.image, digest, tag: named.tag };
        let after = addition.apply(&before).with_context(|| file.clone())?;
        let Addition { image, digest, tag } = addition;
        reports.push(Entry { file: file.clone(), image, digest, tag, added: after != before });
        if after != before {
            files.insert(file, after.clone());
            changed.insert(named.project, after);
        }
    }
    // What is wrong after the change would be refused by `check`.
    let (_, findings) = Tree::read(&files);
    let errors: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    if !errors.is_empty() {
        for finding in errors {
            eprintln!("{}", output.line(finding)?);
        }
        bail!("nothing was added");
    }
    for (project, text) in changed {
        write_images(root, &project, &text).with_context(|| TreeFiles::images_path(&project))?;
    }
    for report in reports {
        print_line(&output.line(&report)?)?;
    }
    Ok(true)
}

impl Named {
    fn read(text: &str, project: Option<&str>, tree: &Tree) -> anyhow::Result<Self> {
        let sources: Vec<(&str, &RegistryName)> =
            tree.sources().filter(|(name, _)| project.is_none_or(|wanted| wanted == *name)).collect();
        let below_source = match sources.as_slice() {
            [(_, source)] => format!("{source}/{text}"),
            _ => text.to_owned(),
        };
        // A name of one letter is only valid below a registry.
        let reference =
            ImageReference::parse(text).or_else(|error| ImageReference::parse(&below_source).map_err(|_| error))?;
        let path = reference.path();
        let tag = reference.tag().map(str::parse).transpose()?;
        let digest = reference.digest().map(str::parse).transpose()?;
        if tag.is_none() && digest.is_none() {
            bail!("has neither a tag nor a digest; write `{text}:TAG`");
        }
        let (project, image) = match reference.registry() {
            None => match sources.as_slice() {
                [(name, _)] => (*name, path.to_owned()),
                [] => return Err(no_project(project, tree)),
                _ => bail!("could be of any project; name one with `--project`, or write the image with its registry"),
            },
            Some(host) => {
                let full = format!("{host}/{path}");
                let below = |(name, source): &(&'_ str, &RegistryName)| {
                    let image = full.strip_prefix(source.as_str())?.strip_prefix('/')?.to_owned();
                    Some((source.as_str().len(), (*name).to_owned(), image))
                };
                let mut found: Vec<(usize, String, String)> = sources.iter().filter_map(below).collect();
                found.sort();
                let longest = found.last().map(|(length, ..)| *length);
                found.retain(|(length, ..)| Some(*length) == longest);
                match found.as_slice() {
                    [(_, name, image)] => {
                        let known = sources.iter().find(|(known, _)| known == name);
                        (known.map_or("", |(known, _)| *known), image.clone())
                    }
                    [] => {
                        return Err(no_project(project, tree))
                            .context("is not below the staging registry of a project");
                    }
                    _ => bail!("could be of several projects; name one with `--project`"),
                }
            }
        };
        let source = sources.iter().find(|(name, _)| *name == project).map(|(_, source)| *source);
        let repository = source.context("has no project")?.repository(&image)?;
        Ok(Self { project: project.to_owned(), image, repository, tag, digest })
    }

    /// The digest that the staging registry has by that tag, or by the digest that the user names.
    async fn digest(&self, registries: &Registries) -> anyhow::Result<Digest> {
        let registry = registries.registry(&self.repository)?;
        let (reference, missing) = match (&self.tag, &self.digest) {
            (Some(tag), _) => {
                let image = self.repository.tagged(tag);
                (Reference::Tag(tag), format!("`{image}` is not there; push it, or look at the tag"))
            }
            (None, Some(digest)) => {
                let image = self.repository.at(digest);
                (Reference::Digest(digest), format!("`{image}` is not there; push it, or look at the digest"))
            }
            (None, None) => bail!("has neither a tag nor a digest"),
        };
        let found = registry.manifest_digest(&self.repository, reference).await?.context(missing)?;
        match &self.digest {
            Some(digest) if *digest != found => bail!("the tag names {found}, and not the digest that you wrote"),
            _ => Ok(found),
        }
    }
}

fn no_project(project: Option<&str>, tree: &Tree) -> anyhow::Error {
    let names: Vec<String> = tree.sources().map(|(name, source)| format!("`{name}` ({source})")).collect();
    let known = if names.is_empty() {
        "there are none; write manifests/PROJECT/promoter-manifest.yaml first".to_owned()
    } else {
        format!("known are {}", names.join(", "))
    };
    match project {
        Some(project) => {
            anyhow::anyhow!("the project {} is not known, or has no valid manifest; {known}", Quoted(project))
        }
        None => anyhow::anyhow!("there is no project for it; {known}"),
    }
}
