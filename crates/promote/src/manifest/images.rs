//! `images.yaml`: which images of a project are promoted, by digest, and under which tags.

use std::collections::HashMap;

use local_registry_core::{ImageReference, Quoted};

use super::fields::{fields, list, mapping, string};
use super::finding::{Findings, Location, Position};
use super::registry_name::RegistryName;
use super::yaml::{self, Node};
use local_registry_core::Digest;
use local_registry_core::Tag;

/// An image of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    /// Its name below each registry.
    pub(crate) name: String,
    pub(crate) location: Location,
    pub(crate) digests: Vec<Promoted>,
}

/// One digest of an image, and its tags. There may be none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Promoted {
    pub(crate) digest: Digest,
    pub(crate) location: Location,
    pub(crate) tags: Vec<(Tag, Location)>,
}

/// Reads the file of a project: all that is valid.
pub(super) fn read(text: &str, findings: &mut Findings) -> Vec<Image> {
    let before = findings.len();
    let Some(root) = yaml::read(text, findings) else {
        if findings.len() == before {
            findings.about_file(NO_IMAGES);
        }
        return Vec::new();
    };
    let Some(elements) = list(&root, "a list of images", findings) else { return Vec::new() };
    if elements.is_empty() {
        findings.about_file(NO_IMAGES);
    }
    let mut images: Vec<Image> = Vec::new();
    let mut lines: HashMap<String, usize> = HashMap::new();
    for element in elements {
        let Some((image, start)) = read_image(element, findings) else { continue };
        if let Some(line) = lines.get(&image.name) {
            let message =
                format!("the image `{}` is there already, on line {line}; write all of its digests there", image.name);
            findings.error(start, message);
            continue;
        }
        lines.insert(image.name.clone(), start.line);
        images.push(image);
    }
    images
}

const NO_IMAGES: &str =
    "has no images; add one with `local-registry-promote add`, or remove the project from both folders";

fn read_image(node: &Node, findings: &mut Findings) -> Option<(Image, Position)> {
    let fields = fields(node, &["name", "dmap"], findings)?;
    let digests = fields.required("dmap", findings).map(|dmap| read_digests(dmap, findings)).unwrap_or_default();
    let name = fields.required("name", findings)?;
    let text = string(name, "the name of an image", findings)?;
    if let Err(error) = check_name(text) {
        findings.error(name.start, format!("the image name {} is not valid: {error}", Quoted(text)));
        return None;
    }
    let image = Image { name: text.to_owned(), location: findings.location(name.start), digests };
    Some((image, name.start))
}

/// Any registry will do: the grammar of a path does not depend on it.
fn check_name(name: &str) -> Result<(), String> {
    let registry = RegistryName::parse("any.example/any").map_err(|error| error.to_string())?;
    let Err(error) = registry.repository(name) else { return Ok(()) };
    // Alone, the name has its own positions.
    Err(ImageReference::parse(name).map_or_else(|alone| alone.to_string(), |_| error.to_string()))
}

fn read_digests(node: &Node, findings: &mut Findings) -> Vec<Promoted> {
    let Some(entries) = mapping(node, "a mapping of digests to lists of tags", findings) else { return Vec::new() };
    let mut digests = Vec::new();
    let mut seen: HashMap<Tag, usize> = HashMap::new();
    let mut is_empty = true;
    for (text, key, value) in entries {
        is_empty = false;
        let tags = read_tags(value, &mut seen, findings);
        match text.parse::<Digest>() {
            Ok(digest) => digests.push(Promoted { digest, location: findings.location(key.start), tags }),
            Err(error) => findings.error(key.start, format!("{} {error}", Quoted(text))),
        }
    }
    if is_empty {
        findings.error(node.start, "has no digests; add one, or remove the image");
    }
    digests
}

fn read_tags(node: &Node, seen: &mut HashMap<Tag, usize>, findings: &mut Findings) -> Vec<(Tag, Location)> {
    let Some(elements) = list(node, "a list of tags, such as [\"v1\"], or []", findings) else { return Vec::new() };
    let mut tags = Vec::new();
    for element in elements {
        let Some(text) = string(element, "a tag; write it in quotes", findings) else { continue };
        match text.parse::<Tag>() {
            Ok(tag) if tag.is_attachment() => {
                let message =
                    format!("the tag `{tag}` is one of signatures, which come along with what they sign; leave it out");
                findings.error(element.start, message);
            }
            Ok(tag) => {
                if let Some(line) = seen.get(&tag) {
                    let message = format!("the tag `{tag}` is there already, on line {line}; a tag names one digest");
                    findings.error(element.start, message);
                    continue;
                }
                seen.insert(tag.clone(), element.start.line);
                tags.push((tag, findings.location(element.start)));
            }
            Err(error) => findings.error(element.start, format!("the tag {} {error}", Quoted(text))),
        }
    }
    tags
}
