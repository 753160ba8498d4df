//! Many images at once: how many requests, and how much memory.

use e2e::{LocalRegistry, Make, PromotionTree, fleet, peak_memory};

/// How many KiB the program may use.
const MEMORY: u64 = 64 << 10;
const IMAGES: usize = 30;

#[test]
fn a_second_run_asks_once_for_each_edge_and_memory_is_small() {
    let (staging, production) = (LocalRegistry::start(Make::Distribution), LocalRegistry::start(Make::Distribution));
    let tree = PromotionTree::new(&staging.host, &production.host, &fleet(&staging.host, IMAGES));
    let log = tree.path().join("log");

    let before = staging.requests().len();
    let peak = peak_memory(tree.command(&["run", "--confirm"]), &log);
    assert!(peak > 0 && peak < MEMORY, "{peak} KiB");
    let (source, target) = (staging.requests().len() - before, production.requests().len());
    println!(
        "number: {IMAGES} images of 5 platforms: {source} requests to the source, {target} to the target, {peak} KiB"
    );

    let (source, target) = (staging.requests().len(), production.requests().len());
    assert_eq!(tree.run(&["run", "--confirm"]), format!("{IMAGES} there\n"));
    assert_eq!(staging.requests().len(), source);
    let again = production.requests().split_off(target);
    assert_eq!(again.len(), IMAGES);
    assert!(again.iter().all(|(method, path, _)| method == "HEAD" && path.contains("/manifests/")), "{again:?}");
}
