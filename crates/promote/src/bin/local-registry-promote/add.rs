//! `add`: from what the user names to a changed `images.yaml`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, bail};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use local_registry_core::{Digest, ImageReference, Quoted, Tag};
use local_registry_oci::{Reference, Registries, Repository};
use local_registry_promotion_tree::{Addition, Finding, RegistryName, Tree, TreeFiles};
use local_registry_system::{Output, print_line};
use serde::Serialize;

use crate::arguments::BadArgument;
use crate::tree_files::{ImagesFile, read_folder};

/// How many images are asked about at once. The registry has limits of its own.
const AT_ONCE: usize = 16;

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

/// What is added.
pub(crate) struct Wanted<'a> {
    pub(crate) images: &'a [String],
    /// The tag of those that have none.
    pub(crate) tag: Option<&'a Tag>,
    /// A file with more of them.
    pub(crate) from: Option<&'a Path>,
    pub(crate) project: Option<&'a str>,
}

/// Adds images, all of them or none.
pub(crate) async fn perform(
    root: &Path,
    wanted: Wanted<'_>,
    registries: &Registries,
    output: Output,
) -> anyhow::Result<bool> {
    let mut files = read_folder(root)?;
    let (tree, findings) = Tree::read(&files);
    let mut changed: BTreeMap<String, String> = BTreeMap::new();
    let unchanged = files.clone();
    let mut reports = Vec::new();
    if wanted.is_of_tag() {
        // Which images there are is not known by files with errors.
        refuse(&findings, output, |finding| {
            finding.projects().any(|name| wanted.project.is_none_or(|wanted| wanted == name))
        })?;
    }
    for (project, addition) in wanted.additions(&tree, registries).await? {
        let file = TreeFiles::images_path(&project);
        if let Some(reason) = files.unreadable(&file) {
            bail!("{file}: cannot be read: {}; nothing was added", Quoted(reason));
        }
        let before = files.text(&file).unwrap_or_default().to_owned();
        let after = addition.apply(&before).with_context(|| file.clone())?;
        let Addition { image, digest, tag } = addition;
        if let Some(reason) = tag.as_ref().and_then(|tag| tree.denies(&project, tag)).filter(|_| after != before) {
            bail!("{}: {reason}; nothing was added", Quoted(&image));
        }
        reports.push(Entry { file: file.clone(), image, digest, tag, added: after != before });
        if after != before {
            files.insert(file, after.clone());
            changed.insert(project, after);
        }
    }
    // What is wrong after the change would be refused by `check`. What is wrong elsewhere is not the user's business now.
    let (_, findings) = Tree::read(&files);
    refuse(&findings, output, |finding| changed.keys().any(|project| finding.stops(project)))?;
    let mut writable = Vec::new();
    for (project, text) in changed {
        let path = TreeFiles::images_path(&project);
        writable.push((ImagesFile::new(root, &project).with_context(|| path.clone())?, path, text));
    }
    for (file, path, text) in writable {
        file.write(unchanged.text(&path), &text).with_context(|| path)?;
    }
    for report in reports {
        print_line(&output.line(&report)?)?;
    }
    Ok(true)
}

/// Prints the errors among these findings that matter, if there are any, and fails then.
fn refuse(findings: &[Finding], output: Output, matters: impl Fn(&Finding) -> bool) -> anyhow::Result<()> {
    let is_error = |finding: &&Finding| finding.stops_projects() && matters(finding);
    let errors: Vec<_> = findings.iter().filter(is_error).collect();
    for finding in &errors {
        eprintln!("{}", output.line(finding)?);
    }
    if errors.is_empty() { Ok(()) } else { bail!("nothing was added") }
}

impl Wanted<'_> {
    /// Whether it is every image with the tag.
    fn is_of_tag(&self) -> bool {
        self.images.is_empty() && self.from.is_none() && self.tag.is_some()
    }

    /// The images with their projects, as the staging registry has them now.
    async fn additions(&self, tree: &Tree, registries: &Registries) -> anyhow::Result<Vec<(String, Addition)>> {
        let written = self.names()?;
        let is_of_tag = self.is_of_tag();
        let wanted = if is_of_tag { self.of_tag(tree)? } else { self.written(&written, tree)? };
        let found: Vec<Option<(String, Addition)>> = stream::iter(wanted)
            .map(async |(written, named)| {
                let digest = named.digest(registries).await.with_context(|| Quoted(&written).to_string())?;
                let added = |digest| (named.project, Addition { image: named.image, digest, tag: named.tag });
                match digest {
                    Ok(digest) => Ok(Some(added(digest))),
                    // Not every image has every tag.
                    Err(missing) if is_of_tag => {
                        eprintln!("warning: {}; it was left out", missing.split(';').next().unwrap_or_default());
                        Ok(None)
                    }
                    Err(missing) => bail!("{}: {missing}", Quoted(&written)),
                }
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let found: Vec<(String, Addition)> = found.into_iter().flatten().collect();
        if let (true, Some(tag)) = (found.is_empty(), self.tag) {
            bail!("no image of images.yaml has the tag `{tag}` in the staging registry; push it, or name a new image");
        }
        Ok(found)
    }

    /// The images that the user names, each with its tag.
    fn names(&self) -> anyhow::Result<Vec<String>> {
        let mut names = self.images.to_vec();
        if let Some(file) = self.from {
            let shown = || format!("--from {}", file.display());
            let text = if file == Path::new("-") {
                std::io::read_to_string(std::io::stdin()).with_context(shown)?
            } else {
                std::fs::read_to_string(file).with_context(shown)?
            };
            let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
            names.extend(lines.filter(|line| !line.is_empty()).map(str::to_owned));
            if names.is_empty() {
                bail!("{}: there is no image in it", shown());
            }
        }
        if names.is_empty() && self.tag.is_none() {
            bail!(BadArgument("name an image, or give --tag or --from".to_owned()));
        }
        Ok(names)
    }

    fn written(&self, images: &[String], tree: &Tree) -> anyhow::Result<Vec<(String, Named)>> {
        let read = |text: &String| {
            let image = Named::read(text, self.tag, self.project, tree);
            Ok((text.clone(), image.with_context(|| BadArgument(Quoted(text).to_string()))?))
        };
        images.iter().map(read).collect()
    }

    /// Every image that the project's files name, with the tag.
    fn of_tag(&self, tree: &Tree) -> anyhow::Result<Vec<(String, Named)>> {
        let sources: Vec<(&str, &RegistryName)> =
            tree.sources().filter(|(project, _)| self.project.is_none_or(|wanted| wanted == *project)).collect();
        let (project, source) = match sources.as_slice() {
            [one] => *one,
            [] => return Err(no_project(self.project, tree)).context(BadArgument("--tag".to_owned())),
            _ => {
                let names: Vec<&str> = sources.iter().map(|(name, _)| *name).collect();
                bail!(BadArgument(format!("--tag: name a project with --project: {}", names.join(", "))))
            }
        };
        let named = tree.images(project).map(|(image, _)| {
            let repository = source.repository(image)?;
            let (project, image) = (project.to_owned(), image.to_owned());
            let one = Named { project, image, repository, tag: self.tag.cloned(), digest: None };
            Ok((one.repository.to_string(), one))
        });
        named.collect()
    }
}

impl Named {
    fn read(text: &str, default: Option<&Tag>, project: Option<&str>, tree: &Tree) -> anyhow::Result<Self> {
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
        let own = reference.tag().map(str::parse).transpose()?;
        let digest = reference.digest().map(str::parse).transpose()?;
        let tag = own.or_else(|| default.cloned());
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

    /// The digest that the staging registry has by that tag, or by the digest that the user names; or what is missing.
    async fn digest(&self, registries: &Registries) -> anyhow::Result<Result<Digest, String>> {
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
        let Some(found) = registry.manifest_digest(&self.repository, reference).await? else { return Ok(Err(missing)) };
        match &self.digest {
            Some(digest) if *digest != found => bail!("the tag names {found}, and not the digest that you wrote"),
            _ => Ok(Ok(found)),
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
