//! `images.yaml`: which images of a project are promoted, by digest, and under which tags.

use std::collections::HashMap;

use local_registry_core::{ImageReference, Quoted};

use super::fields::{fields, list, mapping, string};
use super::registry_name::RegistryName;
use super::yaml::{self, Node, Value};
use crate::finding::{Findings, Position};
use local_registry_core::Digest;
use local_registry_core::Tag;

/// An image of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    /// Its name below each registry.
    pub(crate) name: String,
    pub(crate) position: Position,
    pub(crate) digests: Vec<Promoted>,
}

/// One digest of an image, and its tags. There may be none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Promoted {
    pub(crate) digest: Digest,
    pub(crate) tags: Vec<(Tag, Position)>,
}

impl Image {
    /// Every tag, what it names, and where the file says so.
    pub(crate) fn tags(&self) -> impl Iterator<Item = (&Tag, &Digest, Position)> {
        self.digests
            .iter()
            .flat_map(|promoted| promoted.tags.iter().map(move |(tag, position)| (tag, &promoted.digest, *position)))
    }

    /// How many edges it has to each target.
    pub(crate) fn edges(&self) -> usize {
        self.digests.iter().map(|promoted| promoted.tags.len().max(1)).sum()
    }
}

/// Reads the file of a project: all that is valid. An image may stand in several blocks, as Kubernetes' projects have one for
/// each release.
pub(crate) fn read(text: &str, findings: &mut Findings) -> Vec<Image> {
    let Some(root) = yaml::read(text, findings) else {
        if findings.is_empty() {
            findings.file_promotes_nothing(NO_IMAGES);
        }
        return Vec::new();
    };
    if root.is_null() {
        findings.file_promotes_nothing(NO_IMAGES);
        return Vec::new();
    }
    let Some(elements) = list(&root, "a list of images", findings) else { return Vec::new() };
    if elements.is_empty() {
        findings.file_promotes_nothing(NO_IMAGES);
    }
    let mut images: Vec<Blocks> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for element in elements {
        let Some((name, position, digests)) = read_block(element, findings) else { continue };
        let index = *known.entry(name).or_insert(images.len());
        if index == images.len() {
            images.push(Blocks::new(name, position));
        }
        if let (Some(blocks), Some(digests)) = (images.get_mut(index), digests) {
            blocks.add(digests, findings);
        }
    }
    images.into_iter().map(|blocks| blocks.image).collect()
}

const NO_IMAGES: &str =
    "has no images; add one with `local-registry-promote add`, or remove the project from both folders";

/// An image, as its blocks are read.
struct Blocks {
    image: Image,
    /// Where each digest is in the image.
    digests: HashMap<Digest, usize>,
    /// What each tag names, and on which line.
    tags: HashMap<Tag, (Digest, u32)>,
}

/// The name of a block, where that is, and its digests, if they are a mapping.
fn read_block<'n>(node: &'n Node, findings: &mut Findings) -> Option<(&'n str, Position, Option<&'n Node>)> {
    let fields = fields(node, &["name", "dmap"], findings)?;
    let digests = fields.required("dmap", findings);
    let name = fields.required("name", findings)?;
    let text = string(name, "the name of an image", findings)?;
    if let Err(error) = check_name(text) {
        findings.error(name.start, format!("the image name {} is not valid: {error}", Quoted(text)));
        // What is wrong below is reported, too.
        if let Some(digests) = digests {
            Blocks::new(text, name.start).add(digests, findings);
        }
        return None;
    }
    Some((text, name.start, digests))
}

/// Any registry will do: the grammar of a path does not depend on it.
fn check_name(name: &str) -> Result<(), String> {
    let registry = RegistryName::parse("any.example/any").map_err(|error| error.to_string())?;
    let Err(error) = registry.repository(name) else { return Ok(()) };
    // Alone, the name has its own positions.
    Err(ImageReference::parse(name).map_or_else(|alone| alone.to_string(), |_| error.to_string()))
}

impl Blocks {
    fn new(name: &str, position: Position) -> Self {
        let image = Image { name: name.to_owned(), position, digests: Vec::new() };
        Self { image, digests: HashMap::new(), tags: HashMap::new() }
    }

    /// Adds the digests of one block.
    fn add(&mut self, node: &Node, findings: &mut Findings) {
        let is_empty = match &node.value {
            Value::Mapping(entries) => entries.is_empty(),
            _ => node.is_null(),
        };
        if is_empty {
            let message = format!("the image `{}` has no digests here; add one, or remove it", self.image.name);
            findings.promotes_nothing(node.start, message);
            return;
        }
        let Some(entries) = mapping(node, "a mapping of digests to lists of tags", findings) else { return };
        for (text, key, value) in entries {
            match text.parse::<Digest>() {
                Ok(digest) => {
                    let tags = self.read_tags(value, Some(&digest), findings);
                    self.promote(digest, tags);
                }
                Err(error) => {
                    findings.error(key.start, format!("{} {error}", Quoted(text)));
                    self.read_tags(value, None, findings);
                }
            }
        }
    }

    fn promote(&mut self, digest: Digest, tags: Vec<(Tag, Position)>) {
        let index = *self.digests.entry(digest.clone()).or_insert(self.image.digests.len());
        match self.image.digests.get_mut(index) {
            Some(promoted) => promoted.tags.extend(tags),
            None => self.image.digests.push(Promoted { digest, tags }),
        }
    }

    /// The tags of a digest; `None` if that is not valid. A tag that is there already for the same digest is left out.
    fn read_tags(&mut self, node: &Node, digest: Option<&Digest>, findings: &mut Findings) -> Vec<(Tag, Position)> {
        let expected = "a list of tags, such as [\"v1\"], or []";
        let Some(elements) = list(node, expected, findings) else { return Vec::new() };
        let mut tags = Vec::new();
        for element in elements {
            let Some(text) = string(element, "a tag; write it in quotes", findings) else { continue };
            let tag = match text.parse::<Tag>() {
                Ok(tag) => tag,
                Err(error) => {
                    findings.error(element.start, format!("the tag {} {error}", Quoted(text)));
                    continue;
                }
            };
            if tag.is_attachment() {
                let message =
                    format!("the tag `{tag}` is one of signatures, which come along with what they sign; leave it out");
                findings.error(element.start, message);
                continue;
            }
            let Some(digest) = digest else { continue };
            match self.tags.get(&tag) {
                None => {
                    self.tags.insert(tag.clone(), (digest.clone(), element.start.line));
                    tags.push((tag, element.start));
                }
                Some((other, line)) if other == digest => {
                    let message = format!("the tag `{tag}` is there already, on line {line}; write it once");
                    findings.warning(element.start, message);
                }
                Some((_, line)) => {
                    let message =
                        format!("the tag `{tag}` names another digest on line {line}; a tag names one digest");
                    findings.error(element.start, message);
                }
            }
        }
        tags
    }
}
