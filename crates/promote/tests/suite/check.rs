//! `check`: the files alone.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::fixture::{Answer, PROGRAM, lines};

const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const REGISTRIES: &str = "registries:\n- {name: staging.example/team, src: true}\n- {name: registry.example/team}\n";

fn tree(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        write(folder.path(), path, text);
    }
    folder
}

pub(crate) fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Answer {
    let mut command = Command::new(PROGRAM);
    Answer::from_output(command.args(arguments).current_dir(folder).stdin(Stdio::null()).output().unwrap())
}

/// Checks a project with these two files.
#[track_caller]
fn check(registries: &str, images: &str, expected: &[&str]) {
    let files = [("manifests/team/promoter-manifest.yaml", registries), ("images/team/images.yaml", images)];
    let answer = run(tree(&files).path(), &["check"]);
    let found: Vec<&str> = answer.stdout.lines().collect();
    assert_eq!(found, expected);
    assert_eq!(answer.code, Some(i32::from(!found.last().unwrap().starts_with("valid: "))));
}

fn images() -> String {
    format!("- name: app\n  dmap:\n    \"{A}\": [\"v1\"]\n")
}

#[test]
fn what_is_valid_is_counted() {
    let charts = format!("- name: charts/app\n  dmap:\n    {A}: [\"0.1.0\", 1.0]\n    {B}: []\n");
    check(REGISTRIES, &images(), &["valid: 1 project, 1 image, 1 digest, 1 edge"]);
    check(REGISTRIES, &(images() + &charts), &["valid: 1 project, 2 images, 3 digests, 4 edges"]);
    let whole = "# set up once\nimagesPath: \"../../images/team/images.yaml\"\n".to_owned() + REGISTRIES;
    check(&whole, &images(), &["valid: 1 project, 1 image, 1 digest, 1 edge"]);
    let account = REGISTRIES.replace("/team}", "/team, service-account: x@y.example}");
    let warning = "manifests/team/promoter-manifest.yaml:3:50: warning: `service-account` is ignored; credentials are taken from the files of Docker, Podman or Kubernetes";
    check(&account, &images(), &[warning, "valid: 1 project, 1 image, 1 digest, 1 edge"]);
}

#[test]
fn registries() {
    #[track_caller]
    fn registries(text: &str, expected: &[&str]) {
        let lines: Vec<String> =
            expected.iter().map(|line| format!("manifests/team/promoter-manifest.yaml{line}")).collect();
        check(text, &images(), &lines.iter().map(String::as_str).collect::<Vec<_>>());
    }
    registries("", &[": is empty; expected a mapping with `registries`"]);
    registries("# soon\n", &[": is empty; expected a mapping with `registries`"]);
    registries("[]", &[":1:1: found a list; expected a mapping with `registries` and `imagesPath`"]);
    registries("registries: 1", &[":1:13: found a string; expected a list of registries"]);
    registries("imagesPath: ../../images/team/images.yaml", &[":1:1: the field `registries` is missing"]);
    registries("registries: []", &[":1:13: no registry is the source; set `src: true` on one"]);
    registries(
        "registries: [{name: reg.example/x, src: true}]",
        &[":1:13: no registry is a target; add one without `src: true`"],
    );
    registries(
        "registries:\n- {name: a.example, src: true}\n- {name: b.example, src: true}\n- {name: c.example}",
        &[":3:10: is a second source, after `a.example` on line 2; exactly one registry has `src: true`"],
    );
    registries(
        "registries:\n- {name: a.example, src: yes}\n- {name: team/x}\n- {title: c.example}\n- {name: d.example, src: true}\n- {name: d.example}",
        &[
            ":2:26: found a string; expected `true` or `false`",
            ":3:10: the registry `team/x` names no registry; start with its host, which has a dot or a port, as in `registry.example/team`",
            ":4:3: the field `name` is missing",
            ":4:4: the field `title` is not known; known are `name`, `src` and `service-account`",
            ":6:10: the registry `d.example` is there already, on line 5; write it once",
        ],
    );
    registries(
        &("imagesPath: ../../images/other/images.yaml\n".to_owned() + REGISTRIES),
        &[
            ":1:13: the path `../../images/other/images.yaml` does not lead to `images/team/images.yaml`; write `../../images/team/images.yaml`, or leave it out",
        ],
    );
    registries(
        &(REGISTRIES.to_owned() + "renames: []"),
        &[":4:1: the field `renames` is not known; known are `registries` and `imagesPath`"],
    );
    registries("registries: *x", &[":1:13: is not valid YAML: while parsing node, found unknown anchor"]);
    registries("registries: [\n", &[":1:13: is not valid YAML: unclosed bracket '['"]);
    registries(&format!("a: {}{}", "[".repeat(20), "]".repeat(20)), &[":1:19: is nested deeper than 16 levels"]);
}

#[test]
fn images_and_digests_and_tags() {
    #[track_caller]
    fn images(text: &str, expected: &[&str]) {
        let place = |line: &&str| {
            if line.starts_with(':') { format!("images/team/images.yaml{line}") } else { (*line).to_owned() }
        };
        let lines: Vec<String> = expected.iter().map(place).collect();
        check(REGISTRIES, text, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let none =
        ": warning: has no images; add one with `local-registry-promote add`, or remove the project from both folders";
    let size = "valid: 1 project, 0 images, 0 digests, 0 edges";
    images("", &[none, size]);
    images("# nothing yet\n", &[none, size]);
    images("[]", &[none, size]);
    images("name: app", &[":1:1: found a mapping; expected a list of images"]);
    images("- name: app", &[":1:3: the field `dmap` is missing"]);
    let none = ":2:9: warning: the image `app` has no digests here; add one, or remove it";
    images("- name: app\n  dmap: {}", &[none, "valid: 1 project, 1 image, 0 digests, 0 edges"]);
    images("- name: app\n  dmap: ~", &[none, "valid: 1 project, 1 image, 0 digests, 0 edges"]);
    images(
        &format!(
            "- name: App\n  dmap:\n    sha256:12: [v1]\n    {A}: v1\n    {B}: [v1, v1, .v1, null, \"a b\"]\n    {B}: []\n- name: x\n  dmap: []\n  extra: 1\n"
        ),
        &[
            ":1:9: the image name `App` is not valid: has the upper-case letter `A` at character 1; a path is lower case",
            ":3:5: `sha256:12` is not a digest; write `sha256:` and 64 hexadecimal digits in lower case",
            &format!(":4:{}: found a string; expected a list of tags, such as [\"v1\"], or []", A.len() + 7),
            &format!(":5:{}: warning: the tag `v1` is there already, on line 5; write it once", B.len() + 12),
            &format!(":5:{}: the tag `.v1` starts with `.`; a tag starts with a letter, a digit or `_`", B.len() + 16),
            &format!(":5:{}: found nothing; expected a tag; write it in quotes", B.len() + 21),
            &format!(":5:{}: the tag `a b` has ` `, which no tag has", B.len() + 27),
            &format!(":6:5: the key `{B}` is there already, on line 5; write it once"),
            ":8:9: found a list; expected a mapping of digests to lists of tags",
            ":9:3: the field `extra` is not known; known are `name` and `dmap`",
        ],
    );
    images(
        &format!("- name: app\n  dmap: {{{A}: [!!str v1]}}\n---\n[]"),
        &[":2:90: has the YAML tag `!!str`; write the value without it", ":3:1: is a second document; a file has one"],
    );
    // Valid alone, but too long below the registries.
    let long = format!("{}/{}", "x".repeat(125), "x".repeat(125));
    let too_long = format!(
        ":1:9: `staging.example/team/{long}` has a path of 256 characters; at most 255 are allowed (and so below 1 other registries)"
    );
    images(&format!("- name: {long}\n  dmap: {{{A}: [v1]}}"), &[&too_long]);
}

#[test]
fn an_image_may_have_a_block_for_each_release() {
    #[track_caller]
    fn images(text: &str, expected: &[&str]) {
        check(REGISTRIES, text, expected);
    }
    let blocks = |other: &str, tag: &str| {
        format!(
            "# 1.0\n- name: app\n  dmap:\n    {A}: [\"1.0\"]\n# 1.1\n- name: app\n  dmap:\n    {other}: [\"{tag}\"]\n"
        )
    };
    images(&blocks(B, "1.1"), &["valid: 1 project, 1 image, 2 digests, 2 edges"]);
    images(&blocks(A, "1.1"), &["valid: 1 project, 1 image, 1 digest, 2 edges"]);
    let place = format!("images/team/images.yaml:8:{}", A.len() + 8);
    images(
        &blocks(B, "1.0"),
        &[&format!("{place}: the tag `1.0` names another digest on line 4; a tag names one digest")],
    );
    images(
        &blocks(A, "1.0"),
        &[
            &format!("{place}: warning: the tag `1.0` is there already, on line 4; write it once"),
            "valid: 1 project, 1 image, 1 digest, 1 edge",
        ],
    );
}

#[test]
fn what_a_reader_does_not_see_is_refused() {
    let text = |hidden: &str| {
        format!("- name: app\n  dmap:\n    \"{A}\": [\"v1\"] # by the team{hidden}    \"{B}\": [\"v2\"]\n")
    };
    for hidden in
        ['\r', '\u{85}', '\u{2028}', '\u{2029}', '\u{b}', '\u{c}', '\0', '\u{202e}', '\u{2066}', '\u{200f}', '\u{feff}']
    {
        let place = format!("images/team/images.yaml:3:{}", A.len() + 29);
        let escaped = hidden.escape_unicode();
        let message = format!(
            "{place}: has the character {escaped}, which hides from a reader what the file says; write the file without it"
        );
        check(REGISTRIES, &text(&hidden.to_string()), &[&message]);
    }
    for shown in ["\n", "\r\n"] {
        check(REGISTRIES, &text(shown), &["valid: 1 project, 1 image, 2 digests, 2 edges"]);
    }
    check(REGISTRIES, &format!("\u{feff}{}", images()), &["valid: 1 project, 1 image, 1 digest, 1 edge"]);
}

#[test]
fn files_in_the_wrong_place_and_twins_that_are_missing_promote_nothing() {
    let folder = tree(&[
        ("manifests/promoter-manifest.yaml", REGISTRIES),
        ("manifests/a/promoter-manifest.yml", REGISTRIES),
        ("manifests/a/nested/promoter-manifest.yaml", REGISTRIES),
        ("manifests/b/promoter-manifest.yaml", REGISTRIES),
        ("manifests/README.md", "not a manifest"),
        ("images/c/images.yaml", &images()),
        ("images/c/OWNERS", "approvers: []"),
        ("images/d/OWNERS", ""),
    ]);
    let answer = run(folder.path(), &["check"]);
    let missing =
        |path: &str, twin: &str, hint: &str| format!("{path}: warning: is missing, the twin of `{twin}`; {hint}");
    let set_up = "write it, or remove the folder of the same name in `images`";
    let add = "write it with `local-registry-promote add`, or remove the folder of the same name in `manifests`";
    let mut expected = vec![
        missing("images/b/images.yaml", "manifests/b/promoter-manifest.yaml", add),
        missing("manifests/c/promoter-manifest.yaml", "images/c/images.yaml", set_up),
        "valid: 1 project, 0 images, 0 digests, 0 edges".to_owned(),
    ];
    for folder in ["images/d", "manifests/a"] {
        expected
            .push(format!("{folder}: warning: promotes nothing; put the project's file in it, or remove the folder"));
    }
    for path in [
        "manifests/a/nested/promoter-manifest.yaml",
        "manifests/a/promoter-manifest.yml",
        "manifests/promoter-manifest.yaml",
    ] {
        expected.push(format!(
            "{path}: warning: nothing reads this file; expected `manifests/PROJECT/promoter-manifest.yaml`"
        ));
    }
    let mut found: Vec<String> = answer.stdout.lines().map(str::to_owned).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(answer.code, Some(0));
    // Who adds such a thing has made a mistake.
    commit(folder.path());
    write(folder.path(), "images/e/images.yaml", &images());
    write(folder.path(), "images/c/images.yaml", &format!("{}- name: later\n  dmap:\n", images()));
    let found = run(folder.path(), &["check", "--base", "main"]).failed();
    let errors: Vec<&str> = found.lines().filter(|line| !line.contains(": warning: ")).collect();
    assert_eq!(
        errors,
        [
            "images/c/images.yaml:5:7: the image `later` has no digests here; add one, or remove it",
            "manifests/e/promoter-manifest.yaml: is missing, the twin of `images/e/images.yaml`; write it, or remove the folder of the same name in `images`",
        ]
    );
}

#[test]
fn targets_that_overlap_are_errors() {
    let other = "registries: [{name: staging.example/other, src: true}, {name: registry.example}]";
    let folder = tree(&[
        ("manifests/a/promoter-manifest.yaml", REGISTRIES),
        ("images/a/images.yaml", &images()),
        ("manifests/b/promoter-manifest.yaml", other),
        ("images/b/images.yaml", &format!("- name: team/app\n  dmap: {{{B}: [v1, v2]}}")),
        (
            "manifests/c/promoter-manifest.yaml",
            "registries: [{name: c.example, src: true}, {name: c.example/}, {name: d.example}]",
        ),
        ("images/c/images.yaml", &images()),
    ]);
    let answer = run(folder.path(), &["check"]);
    assert_eq!(
        answer.failed().lines().collect::<Vec<_>>(),
        [
            &format!(
                "images/b/images.yaml:2:{}: `registry.example/team/app:v1` would be staging.example/other/team/app@{B}, and by images/a/images.yaml:3:{} it is staging.example/team/app@{A}; name it once",
                B.len() + 13,
                A.len() + 10
            ),
            "manifests/c/promoter-manifest.yaml:1:51: the registry `c.example/` has an empty path component at character 11",
        ]
    );
}

#[test]
fn findings_are_json_for_programs() {
    let folder = tree(&[
        ("manifests/team/promoter-manifest.yaml", REGISTRIES),
        ("images/team/images.yaml", "- name: \"a\\eb\""),
    ]);
    let answer = run(folder.path(), &["check", "--output", "json"]);
    let found = lines(&answer.stdout);
    assert_eq!(answer.code, Some(1));
    assert_eq!(found[0]["file"], "images/team/images.yaml");
    assert_eq!(
        (&found[0]["line"], &found[0]["column"], &found[0]["severity"]),
        (&1.into(), &3.into(), &"error".into())
    );
    assert!(found[1]["message"].as_str().unwrap().starts_with("has an escape, which hides from a reader"), "{found:?}");
    assert!(found[2]["message"].as_str().unwrap().contains(r"`a\u{1b}b`"), "{found:?}");
}

#[test]
fn nothing_is_promoted_by_files_with_an_error() {
    let folder =
        tree(&[("manifests/team/promoter-manifest.yaml", REGISTRIES), ("images/team/images.yaml", "- name: app")]);
    for arguments in [["plan", "--all"], ["run", "--confirm"], ["verify", "--all"]] {
        let answer = run(folder.path(), &arguments);
        assert!(answer.stderr.ends_with("error: the files have errors; nothing was asked or changed\n"), "{answer:?}");
        assert_eq!(answer.failed(), "");
    }
}

#[test]
fn bad_arguments_are_explained() {
    let folder = tree(&[("manifests/team/promoter-manifest.yaml", REGISTRIES), ("images/team/images.yaml", &images())]);
    let answer = run(folder.path(), &["plan", "--at-once", "0"]);
    assert_eq!(answer.code, Some(2));
    assert!(
        answer.stderr.starts_with("error: invalid value '0' for '--at-once <NUMBER>': 0 is not in 1..=256"),
        "{answer:?}"
    );
    let answer = run(folder.path(), &["plan", "--project", "x"]);
    assert_eq!(answer.stderr, "error: --project `x`: there is no such project; known are team\n");
    assert_eq!(answer.code, Some(2));
}

/// Makes a folder a repository with all its files in a commit of the branch `main`.
pub(crate) fn commit(folder: &Path) {
    git(folder, &["init", "--quiet", "--initial-branch=main"]);
    git(folder, &["add", "."]);
    git(folder, &["commit", "--quiet", "--message", "before"]);
}

pub(crate) fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@t.example", "-c", "commit.gpgsign=false"]);
    let output = command.args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_change_must_not_move_a_tag() {
    // The tree is a folder of a repository.
    let repository = tempfile::tempdir().unwrap();
    let folder = repository.path().join("promotion");
    write(&folder, "manifests/team/promoter-manifest.yaml", REGISTRIES);
    write(&folder, "images/team/images.yaml", &images());
    commit(repository.path());
    assert_eq!(run(&folder, &["check", "--base", "main"]).ok(), "valid: 1 project, 1 image, 1 digest, 1 edge\n");

    write(
        &folder,
        "images/team/images.yaml",
        &format!("- name: app\n  dmap:\n    \"{A}\": []\n    \"{B}\": [v1, v2]\n"),
    );
    run(&folder, &["check"]).ok();
    let moved = run(&folder, &["check", "--base", "main"]).failed();
    let expected = format!(
        "images/team/images.yaml:4:{}: the tag `v1` moves: `registry.example/team/app:v1` is {A} in main; use another tag\n",
        B.len() + 10
    );
    assert_eq!(moved, expected);
    let answer = run(&folder, &["run", "--confirm", "--base", "main"]);
    assert!(answer.stderr.contains("the tag `v1` moves"), "{answer:?}");
    answer.failed();

    let answer = run(&folder, &["check", "--base", "--help-me"]);
    assert_eq!(answer.code, Some(2), "{answer:?}");
    let answer = run(&folder, &["check", "--base=--help-me"]);
    assert_eq!(
        answer.stderr,
        "error: --base: `--help-me` is not a commit that is here (git does not know it); fetch it, as in `git fetch origin main`\n"
    );
    answer.failed();
    let elsewhere = tree(&[("manifests/team/promoter-manifest.yaml", REGISTRIES)]);
    let answer = run(elsewhere.path(), &["check", "--base", "main"]);
    assert!(answer.stderr.contains("not a git repository"), "{answer:?}");
}

#[test]
fn links_do_not_hide_what_moves() {
    let folder = tree(&[("manifests/team/promoter-manifest.yaml", REGISTRIES), ("images/team/images.yaml", &images())]);
    commit(folder.path());
    // A change that makes a folder or a file a link is refused, though its entries are the same.
    let shared = folder.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    let place = folder.path().join("images/team");
    std::fs::rename(&place, shared.join("team")).unwrap();
    std::os::unix::fs::symlink("../shared/team", &place).unwrap();
    run(folder.path(), &["check"]).ok();
    let answer = run(folder.path(), &["check", "--base", "main"]);
    let message = "is a link, which no comparison with a commit follows; make it a file or a folder";
    assert_eq!(answer.failed(), format!("images/team: {message}\n"));
    // Where one came in all the same, it stops nobody, and what is not compared is named.
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--message", "a link"]);
    std::fs::remove_file(&place).unwrap();
    std::fs::rename(shared.join("team"), &place).unwrap();
    let answer = run(folder.path(), &["check", "--base", "main"]);
    let message = "warning: --base main: the files of `team` have errors there; what is wrong there is not compared\n";
    assert_eq!(answer.stderr, message);
    answer.ok();
}

#[test]
fn an_earlier_state_with_errors_does_not_block_the_change_that_fixes_it() {
    let folder = tree(&[
        ("manifests/team/promoter-manifest.yaml", REGISTRIES),
        ("images/team/images.yaml", "- name: app\n  dmap: {x: [v1]}"),
    ]);
    commit(folder.path());
    write(folder.path(), "images/team/images.yaml", &images());
    run(folder.path(), &["check", "--base", "main"]).ok();
}

#[test]
fn kubernetes_own_files_are_valid_as_they_are() {
    // The shape of its files: a comment first, `imagesPath` last, charts beside images, quotes everywhere.
    let registries = "# google group for staging.example/k8s-staging-jobset is k8s-infra-staging-jobset@kubernetes.example\nregistries:\n- name: staging.example/k8s-staging-jobset\n  src: true\n- name: asia-east1.example/k8s-artifacts-prod/images/jobset\n  service-account: k8s-infra@k8s-artifacts-prod.example\n- name: us-west2.example/k8s-artifacts-prod/images/jobset\n  service-account: k8s-infra@k8s-artifacts-prod.example\nimagesPath: \"../../images/k8s-staging-jobset/images.yaml\"\n";
    let images = format!(
        "- name: charts/jobset\n  dmap:\n    \"{A}\": [\"v0.8.1\", \"0.8.1\"]\n- name: jobset\n  dmap:\n    \"{B}\": [\"v0.1.0\"]\n"
    );
    let folder = tree(&[
        ("manifests/k8s-staging-jobset/promoter-manifest.yaml", registries),
        ("images/k8s-staging-jobset/images.yaml", &images),
    ]);
    let answer = run(folder.path(), &["check"]).ok();
    let warning = "manifests/k8s-staging-jobset/promoter-manifest.yaml:6:20: warning: `service-account` is ignored (and 1 more); ";
    assert!(answer.starts_with(warning), "{answer}");
    assert!(answer.ends_with("valid: 1 project, 2 images, 2 digests, 6 edges\n"), "{answer}");
}
