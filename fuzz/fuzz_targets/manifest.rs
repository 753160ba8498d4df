//! Any two files are read, every finding is one line, and `add` writes only what is read back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use local_registry_oci::digest_of;
use local_registry_promotion_tree::{Addition, Severity, Tree, TreeFiles};

const REGISTRIES: &str = "registries: [{name: s.example/x, src: true}, {name: p.example}]";

fn read(registries: &str, images: &str) -> (Tree, bool) {
    let files =
        TreeFiles::from_iter([("manifests/x/promoter-manifest.yaml", registries), ("images/x/images.yaml", images)]);
    let (tree, findings) = Tree::read(&files);
    for finding in &findings {
        assert!(!finding.to_string().chars().any(char::is_control), "{finding}");
    }
    (tree, findings.iter().all(|finding| finding.severity == Severity::Warning))
}

fuzz_target!(|text: &str| {
    read(text, "[]");
    let (before, was_valid) = read(REGISTRIES, text);
    let addition = Addition { image: "app".to_owned(), digest: digest_of(b"x"), tag: "v1".parse().ok() };
    let Ok(after) = addition.apply(text) else { return };
    let (tree, is_valid) = read(REGISTRIES, &after);
    assert!(is_valid || !was_valid);
    let is_there = tree.edges().any(|edge| edge.digest == addition.digest && edge.tag == addition.tag);
    assert!(is_there);
    assert!(tree.edges().count() >= before.edges().count());
    assert_eq!(addition.apply(&after), Ok(after.clone()));
});
