//! `images.yaml`: which images of a project are promoted, by digest, and under which tags.

use local_registry_core::{ImageReference, Quoted};

use super::digest::Digest;
use super::fields::{fields, list, mapping, string};
use super::finding::{Findings, Place, Position};
use super::repository::RegistryName;
use super::tag::Tag;
use super::yaml::{self, Node};

/// An image of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    /// Its name below each registry.
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) digests: Vec<Promoted>,
}

/// One digest of an image, and its tags. There may be none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Promoted {
    pub(crate) digest: Digest,
    pub(crate) place: Place,
    pub(crate) tags: Vec<(Tag, Place)>,
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
    let mut images: Vec<(Image, Position)> = Vec::new();
    for element in elements {
        let Some((image, start)) = read_image(element, findings) else { continue };
        if let Some((_, first)) = images.iter().find(|(other, _)| other.name == image.name) {
            let message = format!(
                "the image `{}` is there already, on line {}; write all of its digests there",
                image.name, first.line
            );
            findings.error(start, message);
            continue;
        }
        images.push((image, start));
    }
    images.into_iter().map(|(image, _)| image).collect()
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
    let image = Image { name: text.to_owned(), place: findings.place(name.start), digests };
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
    let mut seen: Vec<(Tag, Position)> = Vec::new();
    let mut is_empty = true;
    for (text, key, value) in entries {
        is_empty = false;
        let tags = read_tags(value, &mut seen, findings);
        match text.parse::<Digest>() {
            Ok(digest) => digests.push(Promoted { digest, place: findings.place(key.start), tags }),
            Err(error) => findings.error(key.start, format!("{} {error}", Quoted(text))),
        }
    }
    if is_empty {
        findings.error(node.start, "has no digests; add one, or remove the image");
    }
    digests
}

fn read_tags(node: &Node, seen: &mut Vec<(Tag, Position)>, findings: &mut Findings) -> Vec<(Tag, Place)> {
    let Some(elements) = list(node, "a list of tags, such as [\"v1\"], or []", findings) else { return Vec::new() };
    let mut tags = Vec::new();
    for element in elements {
        let Some(text) = string(element, "a tag; write it in quotes", findings) else { continue };
        match text.parse::<Tag>() {
            Ok(tag) => {
                if let Some((_, first)) = seen.iter().find(|(other, _)| *other == tag) {
                    let message =
                        format!("the tag `{tag}` is there already, on line {}; a tag names one digest", first.line);
                    findings.error(element.start, message);
                    continue;
                }
                seen.push((tag.clone(), element.start));
                tags.push((tag, findings.place(element.start)));
            }
            Err(error) => findings.error(element.start, format!("the tag {} {error}", Quoted(text))),
        }
    }
    tags
}
