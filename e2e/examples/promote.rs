//! `make bench-promote`: what it costs to promote many images, and one large one, beside other programs in the same run.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use e2e::{LocalRegistry, Make, PromotionTree, fleet, ok, peak_memory, rival, skopeo, write_layout};
use serde_json::json;

/// How many copies are under way at once, for the programs that have to be told.
const AT_ONCE: usize = 16;
/// How many bytes the layer of the large image has. `LARGE_LAYER` sets another number.
const LAYER: u64 = 2 << 30;

/// The command that copies all images to a registry.
type Copy<'a> = Box<dyn Fn(&str) -> Command + 'a>;

/// One way to copy all images.
struct Contender<'a> {
    name: &'static str,
    copy: Copy<'a>,
    /// Whether it is one process, so that its memory is known.
    is_one: bool,
}

/// What is copied.
struct Images<'a> {
    staging: &'a LocalRegistry,
    names: Vec<String>,
    /// The lines of `images.yaml`.
    lines: String,
    folder: &'a Path,
}

fn main() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    let count = number("IMAGES").map_or(200, |count| usize::try_from(count).expect("a number"));
    let staging = LocalRegistry::start(Make::Distribution);
    let folder = tempfile::tempdir().expect("a temporary folder");
    println!("pushing {count} images of 5 platforms");
    let lines = fleet(&staging.host, count);
    let names = lines.lines().filter_map(|line| line.strip_prefix("- name: ")).map(str::to_owned).collect();
    compare(&Images { staging: &staging, names, lines, folder: folder.path() });

    let size = number("LARGE_LAYER").unwrap_or(LAYER);
    println!("\npushing an image with a layer of {size} bytes");
    let digest = push_large(&staging, folder.path(), size);
    let lines = format!("- name: large\n  dmap:\n    \"{digest}\": [\"v1\"]\n");
    compare(&Images { staging: &staging, names: vec!["large".to_owned()], lines, folder: folder.path() });
}

/// Pushes an image with one layer of zeros, which takes no disk before that. Returns its digest.
fn push_large(staging: &LocalRegistry, folder: &Path, size: u64) -> String {
    let (layout, zeros) = (folder.join("layout"), folder.join("zeros"));
    std::fs::File::create(&zeros).and_then(|file| file.set_len(size)).expect("a sparse file");
    let mut sum = Command::new("sha256sum");
    sum.arg(&zeros);
    let hex = ok(sum).split(' ').next().expect("a digest").to_owned();
    let digest = format!("sha256:{hex}");
    let image = write_layout(&layout, |blob| {
        let config =
            json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [digest]}});
        json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": blob("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes()),
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": size}]
        })
    });
    std::fs::rename(&zeros, layout.join("blobs/sha256").join(&hex)).expect("a blob");
    skopeo(&format!("oci:{}", layout.display()), &format!("docker://{}/staging/large:v1", staging.host));
    image
}

/// Copies the images by each program, twice, and prints a table.
fn compare(images: &Images<'_>) {
    let trees = std::cell::RefCell::new(Vec::new());
    let contenders = [
        Contender {
            name: "local-registry-promote run",
            copy: Box::new(|target| {
                let tree = PromotionTree::new(&images.staging.host, target, &images.lines);
                let command = tree.command(&["run", "--confirm"]);
                trees.borrow_mut().push(tree);
                command
            }),
            is_one: true,
        },
        Contender {
            name: "regsync once, with signatures",
            copy: Box::new(|target| regsync(images, target)),
            is_one: true,
        },
        Contender {
            name: "regctl image copy, 16 at once, with signatures",
            copy: Box::new(|target| {
                let registries = [&images.staging.host, target].map(|host| format!("--host reg={host},tls=disabled"));
                each(
                    images,
                    target,
                    &format!(
                        "{} {} image copy --digest-tags --referrers",
                        rival("regctl").display(),
                        registries.join(" ")
                    ),
                )
            }),
            is_one: false,
        },
        Contender {
            name: "crane copy, 16 at once",
            copy: Box::new(|target| each(images, target, &format!("{} copy --insecure", rival("crane").display()))),
            is_one: false,
        },
        Contender { name: "skopeo sync", copy: Box::new(|target| skopeo_sync(images, target)), is_one: true },
    ];
    println!("| | first run | peak memory | requests an edge: source, target | second run | requests an edge |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for contender in &contenders {
        let target = LocalRegistry::start(Make::Distribution);
        let (first, second) = (measure(images, &target, contender), measure(images, &target, contender));
        let peak =
            if contender.is_one { format!("{:.1} MiB", first.mebibytes) } else { "several processes".to_owned() };
        println!(
            "| `{}` | {:.2} s | {peak} | {:.1}, {:.1} | {:.2} s | {:.1}, {:.1} |",
            contender.name,
            first.seconds,
            first.from_source,
            first.to_target,
            second.seconds,
            second.from_source,
            second.to_target
        );
    }
}

/// regsync with a file that names every image.
fn regsync(images: &Images<'_>, target: &str) -> Command {
    let host = &images.staging.host;
    let creds: Vec<_> = [host.as_str(), target].map(|host| json!({"registry": host, "tls": "disabled"})).into();
    let entry = |name: &String| json!({"source": format!("{host}/staging/{name}:v1"), "target": format!("{target}/prod/{name}:v1"), "type": "image"});
    let entries: Vec<_> = images.names.iter().map(entry).collect();
    let defaults = json!({"parallel": AT_ONCE, "digestTags": true, "referrers": true});
    let file = images.folder.join("regsync.yaml");
    // JSON is YAML.
    let text = json!({"version": 1, "creds": creds, "defaults": defaults, "sync": entries}).to_string();
    std::fs::write(&file, text).expect("a file for regsync");
    let mut command = Command::new(rival("regsync"));
    command.arg("once").arg("--config").arg(file);
    command
}

/// A program that copies one image, for all of them.
fn each(images: &Images<'_>, target: &str, program: &str) -> Command {
    let host = &images.staging.host;
    let pairs = images.names.iter().map(|name| format!("{host}/staging/{name}:v1 {target}/prod/{name}:v1\n"));
    let file = images.folder.join("pairs");
    std::fs::write(&file, pairs.collect::<Vec<_>>().concat()).expect("a list");
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("xargs -P {AT_ONCE} -L 1 {program} < {}", file.display()));
    command
}

fn skopeo_sync(images: &Images<'_>, target: &str) -> Command {
    let file = images.folder.join("skopeo.yaml");
    let wanted: Vec<String> = images.names.iter().map(|name| format!("    staging/{name}: [v1]\n")).collect();
    let wanted = wanted.concat();
    let text = format!("{}:\n  tls-verify: false\n  images:\n{wanted}", images.staging.host);
    std::fs::write(&file, text).expect("a list for skopeo");
    let mut command = Command::new("skopeo");
    command.args(["sync", "--all", "--src", "yaml", "--dest", "docker", "--dest-tls-verify=false"]);
    command.arg(&file).arg(format!("{target}/prod"));
    command
}

struct Measured {
    seconds: f64,
    mebibytes: f64,
    from_source: f64,
    to_target: f64,
}

#[expect(clippy::cast_precision_loss, reason = "these are counts of some thousands")]
fn measure(images: &Images<'_>, to: &LocalRegistry, contender: &Contender<'_>) -> Measured {
    let from = images.staging;
    let (before_source, before_target) = (from.requests().len(), to.requests().len());
    let command = (contender.copy)(&to.host);
    let start = Instant::now();
    let peak = peak_memory(command, &images.folder.join("log"));
    let seconds = start.elapsed().as_secs_f64();
    let each = |count: usize| count as f64 / images.names.len() as f64;
    Measured {
        seconds,
        mebibytes: peak as f64 / 1024.0,
        from_source: each(from.requests().len() - before_source),
        to_target: each(to.requests().len() - before_target),
    }
}
