//! `make bench-promote`: what it costs to promote many images, beside skopeo and crane in the same run.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use e2e::{LocalRegistry, Make, PromotionTree, crane, fleet, peak_memory};

/// The commands that copy all images to a registry, one after another.
type Commands<'a> = Box<dyn Fn(&str) -> Vec<Command> + 'a>;

/// One way to copy all images.
struct Contender<'a> {
    name: &'a str,
    commands: Commands<'a>,
}

fn main() {
    let images: usize = std::env::var("IMAGES").ok().map_or(200, |count| count.parse().expect("IMAGES: a number"));
    let staging = LocalRegistry::start(Make::Distribution);
    println!("pushing {images} images of 5 platforms");
    let lines = fleet(&staging.host, images);
    let names: Vec<&str> = lines.lines().filter_map(|line| line.strip_prefix("- name: ")).collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let list = folder.path().join("sync.yaml");
    let wanted: Vec<String> = names.iter().map(|name| format!("    staging/{name}: [v1]\n")).collect();
    let text = format!("{}:\n  tls-verify: false\n  images:\n{}", staging.host, wanted.concat());
    std::fs::write(&list, text).expect("a list for skopeo");

    let tree = |target: &str| PromotionTree::new(&staging.host, target, &lines);
    let trees = std::cell::RefCell::new(Vec::new());
    let contenders = [
        Contender {
            name: "local-registry-promote",
            commands: Box::new(|target| {
                let tree = tree(target);
                let command = tree.command(&["run", "--confirm"]);
                trees.borrow_mut().push(tree);
                vec![command]
            }),
        },
        Contender {
            name: "crane copy",
            commands: Box::new(|target| {
                let copy = |name: &&str| {
                    let mut command = Command::new(crane());
                    let from = format!("{}/staging/{name}:v1", staging.host);
                    command.args(["copy", "--insecure", &from, &format!("{target}/prod/{name}:v1")]);
                    command
                };
                names.iter().map(copy).collect()
            }),
        },
        Contender {
            name: "skopeo sync",
            commands: Box::new(|target| {
                let mut command = Command::new("skopeo");
                command.args(["sync", "--all", "--src", "yaml", "--dest", "docker", "--dest-tls-verify=false"]);
                command.arg(&list).arg(format!("{target}/prod"));
                vec![command]
            }),
        },
    ];
    println!("| | first run | peak memory | requests an edge: source, target | second run | requests an edge |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for Contender { name, commands } in &contenders {
        let target = LocalRegistry::start(Make::Distribution);
        let first = measure(&staging, &target, commands(&target.host), images, folder.path());
        let second = measure(&staging, &target, commands(&target.host), images, folder.path());
        println!(
            "| {name} | {:.1} s | {:.1} MiB | {:.1}, {:.1} | {:.2} s | {:.1}, {:.1} |",
            first.seconds,
            first.mebibytes,
            first.from_source,
            first.to_target,
            second.seconds,
            second.from_source,
            second.to_target
        );
    }
}

struct Measured {
    seconds: f64,
    mebibytes: f64,
    from_source: f64,
    to_target: f64,
}

#[expect(clippy::cast_precision_loss, reason = "these are counts of some thousands")]
fn measure(from: &LocalRegistry, to: &LocalRegistry, commands: Vec<Command>, images: usize, folder: &Path) -> Measured {
    let (before_source, before_target) = (from.requests().len(), to.requests().len());
    let start = Instant::now();
    let peaks = commands.into_iter().map(|command| peak_memory(command, &folder.join("log")));
    let peak = peaks.max().unwrap_or_default();
    let seconds = start.elapsed().as_secs_f64();
    let each = |count: usize| count as f64 / images as f64;
    Measured {
        seconds,
        mebibytes: peak as f64 / 1024.0,
        from_source: each(from.requests().len() - before_source),
        to_target: each(to.requests().len() - before_target),
    }
}
