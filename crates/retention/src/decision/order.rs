//! In which order manifests go.
//!
//! Whatever is attached to an image goes before it: nobody would know any more what it was attached to. An index goes before what it
//! names, so that nobody ever sees a part of it. A program that is killed leaves whole images behind, but perhaps for the parts of the
//! one that was being deleted.

use std::collections::{BTreeMap, BTreeSet};

use local_registry_core::Digest;

use super::closure::Attachments;
use super::inventory::Inventory;

enum Step<'a> {
    /// What is attached to it comes first.
    Begin(&'a Digest),
    /// It goes, and what it names follows.
    End(&'a Digest),
}

/// These manifests, in the order in which they go.
pub(crate) fn order<'a>(
    inventory: &'a Inventory,
    attachments: &'a Attachments<'a>,
    going: &'a BTreeSet<Digest>,
) -> Vec<Digest> {
    // How many indexes name each, of those that go.
    let mut above: BTreeMap<&Digest, usize> = BTreeMap::new();
    let children =
        |digest: &Digest| inventory.manifests.get(digest).into_iter().flat_map(|manifest| &manifest.children);
    for child in going.iter().flat_map(children) {
        *above.entry(child).or_default() += 1;
    }
    let is_free = |above: &BTreeMap<&Digest, usize>, digest: &Digest| above.get(digest).is_none_or(|count| *count == 0);
    let (mut ordered, mut begun) = (Vec::new(), BTreeSet::new());
    // Only what is attached to itself, by a way around, is not free at the first look.
    let free = going.iter().filter(|digest| is_free(&above, digest));
    let starts: Vec<&Digest> = free.chain(going).collect();
    for start in starts {
        let mut steps = vec![Step::Begin(start)];
        while let Some(step) = steps.pop() {
            match step {
                Step::Begin(digest) if !going.contains(digest) || !begun.insert(digest) => {}
                Step::Begin(digest) => {
                    // That of its parts, too: without the index, nobody would know the parts any more.
                    let (mut parts, mut open) = (BTreeSet::new(), vec![digest]);
                    while let Some(part) = open.pop() {
                        if parts.insert(part) {
                            open.extend(children(part).filter(|child| going.contains(*child)));
                        }
                    }
                    steps.push(Step::End(digest));
                    let attached = parts.into_iter().flat_map(|part| attachments.to(part)).copied();
                    steps.extend(attached.filter(|attached| is_free(&above, attached)).map(Step::Begin));
                }
                Step::End(digest) => {
                    for child in children(digest) {
                        if let Some(count) = above.get_mut(child) {
                            *count = count.saturating_sub(1);
                        }
                        if is_free(&above, child) {
                            steps.push(Step::Begin(child));
                        }
                    }
                    ordered.push(digest.clone());
                }
            }
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::super::inventory::Manifest;
    use super::*;

    fn digest(letter: char) -> Digest {
        format!("sha256:{}", letter.to_string().repeat(64)).parse().unwrap()
    }

    #[track_caller]
    fn check(manifests: &[(char, &str)], tags: &[(String, char)], expected: &str) {
        let children = |text: &str| Manifest { children: text.chars().map(digest).collect(), ..Manifest::default() };
        let inventory = Inventory {
            tags: tags.iter().map(|(tag, letter)| (tag.parse().unwrap(), digest(*letter))).collect(),
            manifests: manifests.iter().map(|(letter, text)| (digest(*letter), children(text))).collect(),
        };
        let going = inventory.manifests.keys().cloned().collect();
        let found = order(&inventory, &Attachments::of(&inventory), &going);
        let letters: String = found.iter().filter_map(|digest| digest.hex().chars().next()).collect();
        assert_eq!(letters, expected);
    }

    fn attached(letter: char) -> String {
        format!("sha256-{}.sig", letter.to_string().repeat(64))
    }

    #[test]
    fn what_is_attached_goes_first_and_parts_go_last() {
        let tag = |name: &str| name.to_owned();
        check(&[('a', ""), ('d', "")], &[(tag("v1"), 'a'), (attached('a'), 'd')], "da");
        // Of a part, too; and what is attached to that.
        let tags = [(tag("v1"), 'f'), (attached('a'), 'd'), (attached('d'), 'c')];
        check(&[('a', ""), ('d', ""), ('c', ""), ('f', "a")], &tags, "cdfa");
        // A part of two indexes goes after both.
        check(&[('a', ""), ('e', "a"), ('f', "a")], &[(tag("v1"), 'e'), (tag("v2"), 'f')], "efa");
        // A list of referrers: what it names goes after it.
        check(&[('a', ""), ('d', ""), ('e', "d")], &[(tag("v1"), 'a'), (attached('a'), 'e')], "eda");
    }

    #[test]
    fn what_is_attached_to_itself_goes_all_the_same() {
        check(&[('a', ""), ('d', "")], &[(attached('a'), 'd'), (attached('d'), 'a')], "da");
        check(&[('a', "")], &[(attached('a'), 'a')], "a");
    }
}
