//! What is wrong with one project stops that one, and no other.

use std::path::Path;
use std::process::Command;

use crate::check::{commit, git, write};
use crate::fixture::{Fixture, digest};
use crate::stand_in::Kind;

const BROKEN: &str = "images/broken/images.yaml";

/// A tree with a project whose files are valid, and one whose files are not.
fn with_a_broken_project() -> (Fixture, String) {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = digest(&fixture.staging.image("staging/app", Some("v1"), "amd64", &[b"layer"]));
    fixture.promote(&[("app", &image, &["v1"])]);
    let (staging, production) = (fixture.staging.address, fixture.production.address);
    fixture.write(
        "manifests/broken/promoter-manifest.yaml",
        &format!("registries: [{{name: \"{staging}/other\", src: true}}, {{name: \"{production}/other\"}}]"),
    );
    fixture.write(BROKEN, "- name: app\n  dmap: {sha256:12: [v1]}\n");
    (fixture, image)
}

#[test]
fn a_project_with_errors_stops_itself_alone() {
    let (fixture, _) = with_a_broken_project();
    let answer = fixture.run(&["run", "--confirm"]);
    assert!(answer.stderr.starts_with(&format!("{BROKEN}:2:10: `sha256:12` is not a digest; ")), "{answer:?}");
    assert!(
        answer.stderr.ends_with(
            "error: the files of these projects have errors, so nothing of them was asked or changed: `broken`\n"
        ),
        "{answer:?}"
    );
    assert!(answer.failed().ends_with("1 copied\n"));
    // Whoever asks for another project does not hear of it.
    let answer = fixture.run(&["plan", "--project", "team"]);
    assert_eq!(answer.stderr, "");
    assert_eq!(answer.ok(), "1 there\n");
    let answer = fixture.run(&["plan", "--project", "broken"]);
    assert!(answer.stderr.ends_with("error: the files have errors; nothing was asked or changed\n"), "{answer:?}");
    answer.failed();
    // A project without a valid manifest is one, too.
    fixture.write("manifests/broken/promoter-manifest.yaml", "registries: 1");
    let answer = fixture.run(&["plan"]);
    assert!(answer.stderr.ends_with("changed: `broken`\n"), "{answer:?}");
    answer.failed();
    // A name is not obeyed by a terminal, or by whoever reads the lines.
    fixture.write("images/x\n::error::forged\u{1b}[2J/images.yaml", "");
    let answer = fixture.run(&["plan"]);
    assert!(
        answer.stderr.lines().all(|line| !line.starts_with("::error")) && !answer.stderr.contains('\u{1b}'),
        "{answer:?}"
    );
    std::fs::remove_dir_all(fixture.folder.path().join("images/x\n::error::forged\u{1b}[2J")).unwrap();
    // And with --base, where only what is new is looked at.
    commit(fixture.folder.path());
    fixture.run(&["plan", "--base", "main"]).failed();
    fixture.run(&["plan", "--base", "main", "--project", "team"]).ok();
}

#[test]
fn two_projects_that_want_one_tag_stop_each_other() {
    let (fixture, image) = with_a_broken_project();
    let other = digest(&fixture.staging.image("other/app", Some("v1"), "amd64", &[b"other"]));
    let (staging, production) = (fixture.staging.address, fixture.production.address);
    fixture.write(
        "manifests/broken/promoter-manifest.yaml",
        &format!("registries: [{{name: \"{staging}/other\", src: true}}, {{name: \"{production}/prod\"}}]"),
    );
    fixture.write(BROKEN, &format!("- name: app\n  dmap: {{\"{other}\": [v1]}}\n"));
    for arguments in [&["plan"][..], &["plan", "--project", "team"], &["plan", "--project", "broken"]] {
        let answer = fixture.run(arguments);
        assert!(answer.stderr.contains("name it once"), "{answer:?}");
        assert!(answer.stderr.ends_with("error: the files have errors; nothing was asked or changed\n"), "{answer:?}");
        answer.failed();
    }
    // The same image by both is no contradiction.
    fixture.staging.image("other/app", Some("v1"), "amd64", &[b"layer"]);
    fixture.write(BROKEN, &format!("- name: app\n  dmap: {{\"{image}\": [v1]}}\n"));
    let answer = fixture.run(&["run", "--confirm"]);
    assert_eq!(answer.stderr.lines().count(), 1, "{answer:?}");
    assert!(answer.stderr.contains(&format!("warning: `{production}/prod/app:v1` comes from ")), "{answer:?}");
    answer.ok();
}

#[test]
fn add_changes_what_it_has_read() {
    let (fixture, image) = with_a_broken_project();
    // An error elsewhere.
    fixture.run(&["add", "--project", "team", "app:v1"]).ok();
    // An error in the same project.
    fixture.write(BROKEN, "- name: zoo\n  dmap: {sha256:12: [v1]}\n");
    fixture.staging.image("other/app", Some("v2"), "amd64", &[b"other"]);
    let before = std::fs::read(fixture.folder.path().join(BROKEN)).unwrap();
    let answer = fixture.run(&["add", "--project", "broken", "app:v2"]);
    assert!(answer.stderr.ends_with("error: nothing was added\n"), "{answer:?}");
    answer.failed();
    assert_eq!(std::fs::read(fixture.folder.path().join(BROKEN)).unwrap(), before);
    // A file that cannot be read: a byte of Latin-1 in a comment.
    let file = fixture.folder.path().join("images/team/images.yaml");
    let latin =
        [b"# \xa9 team\n".as_slice(), format!("- name: app\n  dmap: {{\"{image}\": [v1]}}\n").as_bytes()].concat();
    std::fs::write(&file, &latin).unwrap();
    fixture.staging.image("staging/app", Some("v2"), "amd64", &[b"new"]);
    let answer = fixture.run(&["add", "--project", "team", "app:v2"]);
    assert_eq!(
        answer.stderr,
        "error: images/team/images.yaml: cannot be read: `stream did not contain valid UTF-8`; nothing was added\n"
    );
    answer.failed();
    assert_eq!(std::fs::read(&file).unwrap(), latin);
}

#[test]
fn add_follows_no_link() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    fixture.staging.image("staging/app", Some("v1"), "amd64", &[b"layer"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let victim = elsewhere.path().join("victim");
    std::fs::write(&victim, "").unwrap();
    let (link, real) = (fixture.folder.path().join("images"), elsewhere.path());
    for (link, target) in [(link.clone(), real), (link.join("team"), real), (link.join("team/images.yaml"), &victim)] {
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, &link).unwrap();
        let answer = fixture.run(&["add", "app:v1"]);
        assert_ne!(answer.code, Some(0), "{answer:?}");
        assert!(answer.stderr.contains("is a link") || answer.stderr.contains("leads out of the folder"), "{answer:?}");
        assert_eq!(std::fs::read(&victim).unwrap(), b"");
        assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 1);
        std::fs::remove_file(&link).unwrap();
    }
    // A link within the tree is one that somebody else reads, too.
    fixture.write("shared.yaml", "");
    std::os::unix::fs::symlink("../../shared.yaml", fixture.folder.path().join("images/team/images.yaml")).unwrap();
    let answer = fixture.run(&["add", "app:v1"]);
    assert!(answer.stderr.contains("images/team/images.yaml is a link; "), "{answer:?}");
    answer.failed();
}

/// A change may bring a folder that git takes for a repository. Its configuration would name a program.
#[test]
fn a_change_cannot_fake_the_repository_that_it_is_compared_with() {
    const REGISTRIES: &str = "registries:\n- {name: staging.example/x, src: true}\n- {name: prod.example/x}\n";
    let images = |digit: &str| format!("- name: app\n  dmap:\n    \"sha256:{}\": [v1]\n", digit.repeat(64));
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("promo");
    write(&tree, "manifests/team/promoter-manifest.yaml", REGISTRIES);
    write(&tree, "images/team/images.yaml", &images("a"));
    commit(folder.path());
    // The change moves a tag, and has a repository in which it was so before.
    write(&tree, "images/team/images.yaml", &images("b"));
    let faked = folder.path().join("faked");
    write(&faked, "manifests/team/promoter-manifest.yaml", REGISTRIES);
    write(&faked, "images/team/images.yaml", &images("b"));
    commit(&faked);
    git(&faked, &["gc", "--quiet"]);
    let marker = folder.path().join("marker");
    for part in ["objects", "refs", "HEAD", "packed-refs"] {
        let copied = Command::new("cp").arg("-r").arg(faked.join(".git").join(part)).arg(&tree).status().unwrap();
        assert!(copied.success());
    }
    let config = |root: &Path| {
        let program = format!("touch {}; false", root.join("marker").display());
        format!(
            "[core]\nrepositoryformatversion = 1\nbare = false\nworktree = .\nfsmonitor = \"{program}\"\n[extensions]\npartialClone = origin\n[remote \"origin\"]\nurl = .\npromisor = true\nuploadpack = \"{program}\"\n"
        )
    };
    write(&tree, "config", &config(folder.path()));
    for objects in ["whole", "lacking"] {
        if objects == "lacking" {
            std::fs::remove_dir_all(tree.join("objects/pack")).unwrap();
        }
        let answer = crate::check::run(&tree, &["check", "--base", "main"]);
        assert!(answer.stderr.contains("bare repository"), "{answer:?}");
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(1), ""));
        assert!(!marker.exists());
    }
}
