//! What holds for all manifests.

use local_registry_core::Tag;
use local_registry_promotion_tree::{Addition, Severity, Tree, TreeFiles};
use proptest::prelude::*;

const REGISTRIES: &str = "registries: [{name: s.example/x, src: true}, {name: p.example/x}, {name: q.example}]";

fn tree(images: &str) -> (Tree, Vec<local_registry_promotion_tree::Finding>) {
    Tree::read(&TreeFiles::from_iter([
        ("manifests/team/promoter-manifest.yaml", REGISTRIES),
        ("images/team/images.yaml", images),
    ]))
}

fn additions() -> impl Strategy<Value = Vec<Addition>> {
    let image = proptest::sample::select(vec!["app", "charts/app", "b-c", "zoo"]);
    let tag = proptest::option::weighted(0.8, "v[0-9]{1,2}(\\.[0-9]{1,2})?(-rc)?");
    let one = (image, 0..6_u8, tag).prop_map(|(image, seed, tag)| Addition {
        image: image.to_owned(),
        digest: local_registry_oci::digest_of(&[seed]),
        tag: tag.map(|tag: String| tag.parse::<Tag>().unwrap()),
    });
    proptest::collection::vec(one, 1..20)
}

/// Text that is laid out as people do it.
fn decorated(text: &str, decoration: &[u8]) -> String {
    let lines = text.lines().zip(decoration.iter().cycle());
    lines
        .map(|(line, decoration)| match decoration % 4 {
            // Once for each line: comments about comments would double each time.
            0 if !line.contains('#') => format!("{line}  # why\n"),
            1 if line.starts_with('-') => format!("\n# what follows\n{line}\n"),
            _ => format!("{line}\n"),
        })
        .collect()
}

proptest! {
    #[test]
    fn check_accepts_what_add_writes(additions in additions(), decoration in proptest::collection::vec(any::<u8>(), 1..9)) {
        let mut text = String::new();
        let mut expected = std::collections::BTreeSet::new();
        for addition in &additions {
            let before = text.clone();
            match addition.apply(&text) {
                Ok(after) => {
                    prop_assert_eq!(addition.apply(&after).unwrap(), after.clone(), "adding twice is adding once");
                    expected.insert((addition.image.clone(), addition.digest.clone(), addition.tag.clone()));
                    text = after;
                }
                Err(error) => prop_assert!(error.to_string().contains("must not move"), "{}", error),
            }
            // No comment is lost.
            for comment in before.lines().filter_map(|line| line.split_once('#')) {
                prop_assert!(text.contains(comment.1));
            }
            if addition.digest.as_str().as_bytes()[10] % 2 == 0 {
                text = decorated(&text, &decoration);
            }
        }
        let (tree, findings) = tree(&text);
        prop_assert_eq!(findings, vec![]);
        // A digest without tags loses its place to one with a tag.
        let tagged: std::collections::BTreeSet<_> =
            expected.iter().filter(|(.., tag)| tag.is_some()).map(|(image, digest, _)| (image.clone(), digest.clone())).collect();
        expected.retain(|(image, digest, tag)| tag.is_some() || !tagged.contains(&(image.clone(), digest.clone())));
        prop_assert_eq!(tree.edges().count(), 2 * expected.len());
        for (image, digest, tag) in expected {
            let path = format!("q.example/{image}");
            prop_assert!(tree.edges().any(|edge| edge.target.to_string() == path && edge.digest == digest && edge.tag == tag));
        }
        // Images are in the order of their names.
        let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("- name: ")?.split(' ').next()).collect();
        prop_assert!(names.is_sorted(), "{:?}", names);
    }

    #[test]
    fn a_tree_that_only_grows_moves_no_tag(additions in additions()) {
        let mut text = String::new();
        let mut earlier = Vec::new();
        for addition in &additions {
            text = addition.apply(&text).unwrap_or(text);
            earlier.push(tree(&text).0);
        }
        let (now, _) = tree(&text);
        for base in &earlier {
            prop_assert_eq!(now.moved_tags(base, "main"), vec![]);
        }
        prop_assert_eq!(now.new_edges(&now), vec![]);
        let from_nothing = now.new_edges(&Tree::default());
        prop_assert_eq!(from_nothing, now.edges().collect::<Vec<_>>());
    }

    #[test]
    fn no_text_is_too_strange(text in "(?s).{0,200}|[-:\\[\\]{}#&*!|>'\"%@ \nxv1]{0,200}") {
        let (_, findings) = tree(&text);
        let files = TreeFiles::from_iter([("manifests/team/promoter-manifest.yaml", text.as_str()), ("images/team/images.yaml", "[]")]);
        let (_, others) = Tree::read(&files);
        prop_assert!(others.iter().any(|finding| finding.severity == Severity::Error));
        for finding in findings.iter().chain(&others) {
            prop_assert!(!finding.to_string().chars().any(char::is_control), "{}", finding);
        }
        let addition = Addition { image: "app".to_owned(), digest: local_registry_oci::digest_of(b""), tag: None };
        if let Ok(after) = addition.apply(&text) {
            prop_assert!(tree(&after).0.edges().count() >= 2);
        }
    }
}
