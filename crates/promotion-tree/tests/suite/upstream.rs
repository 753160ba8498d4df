//! Kubernetes' own files, where they are (`UPSTREAM`), read by another parser.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use local_registry_core::Digest;
use local_registry_promotion_tree::{Severity, Tree, TreeFiles};
use serde::Deserialize;

#[derive(Deserialize)]
struct Manifest {
    registries: Vec<Registry>,
}

#[derive(Deserialize)]
struct Registry {
    name: String,
    #[serde(default)]
    src: bool,
}

#[derive(Deserialize)]
struct Image {
    name: String,
    dmap: Option<BTreeMap<String, Vec<String>>>,
}

/// Every edge of a project as text.
fn expected(registries: &str, images: &str) -> BTreeSet<String> {
    let manifest: Manifest = serde_saphyr::from_str(registries).unwrap();
    let images: Option<Vec<Image>> = serde_saphyr::from_str(images).unwrap();
    let (sources, targets): (Vec<&Registry>, Vec<&Registry>) = manifest.registries.iter().partition(|one| one.src);
    let mut edges = BTreeSet::new();
    for image in images.iter().flatten() {
        // One digest of the tree has 63 digits.
        let digests = image.dmap.iter().flatten().filter(|(digest, _)| digest.parse::<Digest>().is_ok());
        for (digest, tags) in digests {
            let tags: Vec<Option<&String>> = if tags.is_empty() { vec![None] } else { tags.iter().map(Some).collect() };
            for target in &targets {
                for tag in &tags {
                    let name = &image.name;
                    edges.insert(format!("{}/{name}@{digest} {}/{name} {tag:?}", sources[0].name, target.name));
                }
            }
        }
    }
    edges
}

#[test]
fn kubernetes_own_tree_has_its_edges() {
    let Some(upstream) = std::env::var_os("UPSTREAM") else { return };
    let root = Path::new(&upstream).join("promotion-tree");
    let mut files = TreeFiles::default();
    let mut texts: BTreeMap<String, [String; 2]> = BTreeMap::new();
    for (index, (tree, file)) in [("manifests", "promoter-manifest.yaml"), ("images", "images.yaml")].iter().enumerate()
    {
        for project in std::fs::read_dir(root.join(tree)).unwrap() {
            let name = project.unwrap().file_name().into_string().unwrap();
            let path = format!("{tree}/{name}/{file}");
            let text = std::fs::read_to_string(root.join(&path)).unwrap();
            files.insert(path, text.clone());
            texts.entry(name).or_default()[index] = text;
        }
    }
    let (tree, findings) = Tree::read(&files);
    let errors: Vec<String> =
        findings.iter().filter(|one| one.severity == Severity::Error).map(ToString::to_string).collect();
    let bad = "images/k8s-staging-ingress-nginx/images.yaml:152:5: `sha256:23eb4b1775fbaa2adca55c73cf0341e1224d6308689b6f4b3aa1523312eb81c` is not a digest; ";
    assert!(matches!(errors.as_slice(), [error] if error.starts_with(bad)), "{errors:#?}");
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for edge in tree.edges() {
        let text =
            format!("{} {} {:?}", edge.source.at(&edge.digest), edge.target, edge.tag.map(|tag| tag.to_string()));
        assert!(found.entry(edge.project.to_string()).or_default().insert(text), "twice");
    }
    assert_eq!(texts.len(), 75);
    for (project, [registries, images]) in texts {
        let expected = expected(&registries, &images);
        assert!(found.remove(&project).unwrap_or_default() == expected, "{project}");
    }
    assert!(found.is_empty());
}
