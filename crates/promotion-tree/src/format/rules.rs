//! `rules.yaml`: what a project demands of the images that it promotes. Kubernetes' promoter has no such file.
//!
//! Whatever is wrong with it stops the project: rules that nobody can read must not count as none.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use local_registry_core::Quoted;
use local_registry_signatures::{Identity, Pattern, PublicKey, Signers, plain_source};

use super::fields::{Fields, boolean, fields, list, string};
use super::yaml::{self, Node};
use crate::files::rules;
use crate::finding::Findings;
use crate::rules::{Platform, ProvenanceRule, Rules, SignatureRule};

const EMPTY: &str = "is empty; write rules, or remove the file";

/// Reads the file. `None` if something is wrong with it.
pub(crate) fn read(text: &str, findings: &mut Findings) -> Option<Rules> {
    let Some(root) = yaml::read(text, findings) else {
        if findings.is_empty() {
            findings.about_file(EMPTY);
        }
        return None;
    };
    if root.is_null() {
        findings.about_file(EMPTY);
        return None;
    }
    let known = ["signatures", "platforms", "tags", "provenance"];
    let fields = fields(&root, &known, findings)?;
    let signatures = fields.optional("signatures").map(|node| read_signatures(node, findings));
    let platforms = fields.optional("platforms").map(|node| {
        let expected = "a list of platforms, such as [linux/amd64]";
        read_list(node, expected, findings, |element, findings| parsed::<Platform>(element, "a platform", findings))
    });
    let denied = fields.optional("tags").map(|node| read_tags(node, findings));
    let provenance = fields.optional("provenance").map(|node| (node, read_provenance(node, findings)));
    if let (None, Some((node, _))) = (&signatures, &provenance) {
        let message = "anybody can write a provenance; say in `signatures` who has to have signed it";
        findings.error(node.start, message);
    }
    let provenance = provenance.and_then(|(_, rule)| rule);
    if !findings.is_empty() {
        return None;
    }
    if known.iter().all(|name| fields.optional(name).is_none()) {
        findings.about_file(EMPTY);
        return None;
    }
    Some(Rules {
        text: text.to_owned(),
        signatures: signatures.flatten().map(|rule| SignatureRule { provenance, ..rule }),
        platforms: platforms.unwrap_or_default(),
        denied_tags: denied.unwrap_or_default(),
    })
}

fn read_signatures(node: &Node, findings: &mut Findings) -> Option<SignatureRule> {
    let fields = fields(node, &["keys", "keyless", "required"], findings)?;
    let keys = fields.optional("keys").map(|node| {
        let expected = "a list of public keys in PEM";
        read_list(node, expected, findings, |element, findings| parsed::<PublicKey>(element, "a public key", findings))
    });
    let identities =
        fields.optional("keyless").map(|node| read_list(node, "a list of identities", findings, read_identity));
    let required = fields.optional("required").map_or(Some(true), |node| boolean(node, findings));
    if keys.is_none() && identities.is_none() {
        findings.error(node.start, "names nobody who signs; add `keys`, or `keyless`");
    }
    let signers = Signers::new(keys.unwrap_or_default(), identities.unwrap_or_default());
    Some(SignatureRule { signers: Arc::new(signers), required: required?, provenance: None })
}

fn read_identity(node: &Node, findings: &mut Findings) -> Option<Identity> {
    let fields = fields(node, &["authority", "log", "issuer", "subject"], findings)?;
    let authority = required(&fields, "authority", "certificates in PEM", findings);
    let log = required(&fields, "log", "a public key in PEM", findings);
    let issuer = fields.required("issuer", findings).and_then(|node| text(node, "the URL of an issuer", findings));
    let subject = required(&fields, "subject", "the subject of a certificate", findings);
    if let (Some(node), Some(_)) = (fields.optional("subject"), &subject)
        && node.text().is_some_and(is_everybody)
    {
        findings.error(node.start, "is everybody; name who signs");
    }
    Some(Identity { authority: authority?, log: log?, issuer: issuer?.to_owned(), subject: subject? })
}

fn read_tags(node: &Node, findings: &mut Findings) -> Vec<Pattern> {
    let Some(fields) = fields(node, &["deny"], findings) else { return Vec::new() };
    let Some(deny) = fields.required("deny", findings) else { return Vec::new() };
    read_list(deny, "a list of tags, such as [latest]", findings, |element, findings| {
        let text = string(element, "a tag; write it in quotes", findings)?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '*');
        if text.is_empty() || !text.chars().all(is_plain) {
            let message = format!("{} matches no tag; a tag has letters, digits, `_`, `.` and `-`", Quoted(text));
            findings.error(element.start, message);
            return None;
        }
        parsed(element, "a tag", findings)
    })
}

fn read_provenance(node: &Node, findings: &mut Findings) -> Option<ProvenanceRule> {
    let fields = fields(node, &["builder", "source"], findings)?;
    let builder = fields.optional("builder").map(|node| parsed(node, "the URL of a builder", findings));
    for node in ["builder", "source"].iter().filter_map(|name| fields.optional(name)) {
        if node.text().is_some_and(is_everybody) {
            findings.error(node.start, "is everybody; name who builds, and from what");
        }
    }
    let source = fields.optional("source").map(|node| read_source(node, findings));
    if builder.is_none() && source.is_none() {
        findings.error(node.start, "asks for nothing; add `builder`, or `source`");
    }
    Some(ProvenanceRule { builder: builder.flatten(), source: source.flatten() })
}

/// Whether a pattern leaves nothing to ask for.
fn is_everybody(pattern: &str) -> bool {
    pattern.contains('*') && pattern.trim_start_matches("https:").chars().all(|c| matches!(c, '*' | '/'))
}

/// A source as provenances are read: those that say more are shortened.
fn read_source(node: &Node, findings: &mut Findings) -> Option<Pattern> {
    let source: Pattern = parsed(node, "the URL of a repository", findings)?;
    let text = source.as_str();
    let plain = plain_source(text);
    if plain != text {
        let message = format!("{} would match nothing; write {}", Quoted(text), Quoted(&plain));
        findings.error(node.start, message);
    }
    Some(source)
}

/// The elements of a list that has some.
fn read_list<T>(
    node: &Node,
    expected: &str,
    findings: &mut Findings,
    mut read: impl FnMut(&Node, &mut Findings) -> Option<T>,
) -> Vec<T> {
    let Some(elements) = list(node, expected, findings) else { return Vec::new() };
    if elements.is_empty() {
        findings.error(node.start, format!("is an empty list; expected {expected}"));
    }
    elements.iter().filter_map(|element| read(element, findings)).collect()
}

/// The value of a field that has to be there.
fn required<T: FromStr<Err: Display>>(
    fields: &Fields<'_>,
    name: &str,
    what: &str,
    findings: &mut Findings,
) -> Option<T> {
    let node = fields.required(name, findings)?;
    parsed(node, what, findings)
}

/// A value that a text stands for.
fn parsed<T: FromStr<Err: Display>>(node: &Node, what: &str, findings: &mut Findings) -> Option<T> {
    let found = text(node, what, findings)?;
    match found.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            // Somebody may have written a private key, and others read what is printed.
            let message = if found.contains("-----") {
                let hint = if found.trim().contains('\n') { "" } else { "; write it line by line, after `|`" };
                format!("this value {error}{hint}")
            } else {
                format!("{} {error}", Quoted(found))
            };
            findings.error(node.start, message);
            None
        }
    }
}

/// A text that is not empty.
fn text<'n>(node: &'n Node, what: &str, findings: &mut Findings) -> Option<&'n str> {
    let found = string(node, what, findings)?;
    if found.trim().is_empty() {
        findings.error(node.start, format!("is empty; expected {what}"));
        return None;
    }
    Some(found)
}

/// Whether somebody may take a file for one with rules: by its name, or by that of a folder of the project that it is in.
pub(crate) fn resembles(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    // The name of the project may be anything.
    parts.iter().skip(if parts.len() > 2 { 2 } else { 1 }).any(|name| name.to_ascii_lowercase().contains("rule"))
}

/// What is wrong with such a file, which would be taken for rules that hold.
pub(crate) fn unread() -> String {
    format!("nothing reads these rules; expected `{}`", rules("PROJECT"))
}
