//! What cosign has signed is promoted by rules, from a folder into each make of registry, and from there into the next one.

use e2e::{LocalRegistry, Make, PromotionTree, ok};

/// Image layouts with one image that cosign has signed, by tags and by bundles, and the key.
const BY_COSIGN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/promote/tests/data/cosign");
const IMAGE: &str = "sha256:b0a3c84054019ae5081f26b2476f5f1de4a277db260fd9d01d5b6fd7f0eb6c66";

/// A tree that promotes both images from below one registry to below another one, by rules.
fn tree(from: &str, to: &str) -> PromotionTree {
    let images =
        format!("- name: tags\n  dmap: {{\"{IMAGE}\": [v1]}}\n- name: bundles\n  dmap: {{\"{IMAGE}\": [v1]}}\n");
    let tree = PromotionTree::new("unused.example", "unused.example", &images);
    let key = std::fs::read_to_string(format!("{BY_COSIGN}/cosign.pub")).unwrap();
    let rules = format!(
        "signatures:\n  keys:\n  - |\n    {}\nprovenance:\n  builder: https://ci.example/builder@*\n  source: https://git.example/team/app\nplatforms: [linux/amd64, linux/arm64]\n",
        key.trim_end().replace('\n', "\n    ")
    );
    let registries = format!("registries: [{{name: \"{from}\", src: true}}, {{name: \"{to}\"}}]");
    for (file, text) in [("promoter-manifest.yaml", registries), ("rules.yaml", rules)] {
        std::fs::write(tree.path().join("manifests/team").join(file), text).unwrap();
    }
    tree
}

#[test]
fn signatures_prove_the_same_in_every_registry() {
    let makes = [Make::GoContainerRegistry, Make::Distribution, Make::Distribution2, Make::GoContainerRegistry];
    let registries: Vec<LocalRegistry> =
        makes.into_iter().filter(|make| make.is_here()).map(LocalRegistry::start).collect();
    let folders: Vec<String> = registries.iter().map(|registry| format!("{}/prod", registry.host)).collect();
    let first = tree("staging.example", &folders[0]);
    let layouts = ["--from-layouts", BY_COSIGN];
    assert!(ok(first.command(&[&["run", "--confirm"][..], &layouts].concat())).ends_with("2 copied\n"));
    assert_eq!(ok(first.command(&[&["verify"][..], &layouts].concat())), "2 there\n");
    for pair in folders.windows(2) {
        let tree = tree(&pair[0], &pair[1]);
        assert!(tree.run(&["run", "--confirm"]).ends_with("2 copied\n"));
        assert_eq!(tree.run(&["verify"]), "2 there\n");
    }
}
