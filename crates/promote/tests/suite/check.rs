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

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn run(folder: &Path, arguments: &[&str]) -> Answer {
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
        let lines: Vec<String> = expected.iter().map(|line| format!("images/team/images.yaml{line}")).collect();
        check(REGISTRIES, text, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let none = ": has no images; add one with `local-registry-promote add`, or remove the project from both folders";
    images("", &[none]);
    images("# nothing yet\n", &[none]);
    images("[]", &[none]);
    images("name: app", &[":1:1: found a mapping; expected a list of images"]);
    images("- name: app", &[":1:3: the field `dmap` is missing"]);
    images("- name: app\n  dmap: {}", &[":2:9: has no digests; add one, or remove the image"]);
    images(
        &format!(
            "- name: App\n  dmap:\n    sha256:12: [v1]\n    {A}: v1\n    {B}: [v1, v1, .v1, null, \"a b\"]\n    {B}: []\n- name: x\n  dmap: []\n  extra: 1\n"
        ),
        &[
            ":1:9: the image name `App` is not valid: has the upper-case letter `A` at character 1; a path is lower case",
            ":3:5: `sha256:12` is not a digest; write `sha256:` and 64 hexadecimal digits in lower case",
            &format!(":4:{}: found a string; expected a list of tags, such as [\"v1\"], or []", A.len() + 7),
            &format!(":5:{}: the tag `v1` is there already, on line 3; a tag names one digest", B.len() + 8),
            &format!(":5:{}: the tag `v1` is there already, on line 3; a tag names one digest", B.len() + 12),
            &format!(":5:{}: the tag `.v1` starts with `.`; a tag starts with a letter, a digit or `_`", B.len() + 16),
            &format!(":5:{}: found nothing; expected a tag; write it in quotes", B.len() + 21),
            &format!(":5:{}: the tag `a b` has ` `, which no tag has", B.len() + 27),
            &format!(":6:5: the key `{B}` is there already, on line 5; write it once"),
            ":8:9: found a list; expected a mapping of digests to lists of tags",
            ":9:3: the field `extra` is not known; known are `name` and `dmap`",
        ],
    );
    images(
        &format!("- name: app\n  dmap: {{{A}: [v1]}}\n- name: app\n  dmap: {{{B}: [v2]}}\n"),
        &[":3:9: the image `app` is there already, on line 1; write all of its digests there"],
    );
    images(
        &format!("- name: app\n  dmap: {{{A}: [!!str v1]}}\n---\n[]"),
        &[":2:90: has the YAML tag `!!str`; write the value without it", ":3:1: is a second document; a file has one"],
    );
    // Valid alone, but too long below the registries.
    let long = format!("{}/{}", "x".repeat(125), "x".repeat(125));
    let too_long =
        |host: &str| format!(":1:9: `{host}/team/{long}` has a path of 256 characters; at most 255 are allowed");
    let expected = ["registry.example", "staging.example"].map(too_long);
    images(&format!("- name: {long}\n  dmap: {{{A}: [v1]}}"), &expected.each_ref().map(String::as_str));
}

#[test]
fn files_in_the_wrong_place_and_twins_that_are_missing_are_errors() {
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
    let missing = |path: &str, twin: &str, hint: &str| format!("{path}: is missing, the twin of `{twin}`; {hint}");
    let write = "write it, or remove the folder of the same name in `images`";
    let add = "write it with `local-registry-promote add`, or remove the folder of the same name in `manifests`";
    let mut expected = vec![
        missing("images/a/images.yaml", "manifests/a/promoter-manifest.yaml", add),
        missing("images/b/images.yaml", "manifests/b/promoter-manifest.yaml", add),
        format!("images/d/images.yaml: is missing; {add}"),
        format!("manifests/a/promoter-manifest.yaml: is missing; {write}"),
        missing("manifests/c/promoter-manifest.yaml", "images/c/images.yaml", write),
        missing("manifests/d/promoter-manifest.yaml", "images/d/images.yaml", write),
    ];
    for path in [
        "manifests/a/nested/promoter-manifest.yaml",
        "manifests/a/promoter-manifest.yml",
        "manifests/promoter-manifest.yaml",
    ] {
        expected.push(format!("{path}: nothing reads this file; expected `manifests/PROJECT/promoter-manifest.yaml`"));
    }
    let mut found: Vec<String> = answer.stdout.lines().map(str::to_owned).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(answer.code, Some(1));
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
    assert!(found[1]["message"].as_str().unwrap().contains(r"`a\u{1b}b`"), "{found:?}");
}

#[test]
fn nothing_is_promoted_by_files_with_an_error() {
    let folder = tree(&[("manifests/team/promoter-manifest.yaml", REGISTRIES), ("images/team/images.yaml", "[]")]);
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
    assert_eq!(answer.stderr, "error: --project x: there is no such project; known are team\n");
    assert_eq!(answer.code, Some(2));
}

fn git(folder: &Path, arguments: &[&str]) {
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
    git(repository.path(), &["init", "--quiet", "--initial-branch=main"]);
    git(repository.path(), &["add", "."]);
    git(repository.path(), &["commit", "--quiet", "--message", "before"]);
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
fn an_earlier_state_with_errors_does_not_block_the_change_that_fixes_it() {
    let folder = tree(&[
        ("manifests/team/promoter-manifest.yaml", REGISTRIES),
        ("images/team/images.yaml", "- name: app\n  dmap: {x: [v1]}"),
    ]);
    git(folder.path(), &["init", "--quiet", "--initial-branch=main"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--message", "before"]);
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
    assert!(run(folder.path(), &["check"]).ok().ends_with("valid: 1 project, 2 images, 2 digests, 6 edges\n"));
    // And the real ones, where they are.
    if let Some(upstream) = std::env::var_os("UPSTREAM") {
        let promotion = Path::new(&upstream).join("promotion");
        assert!(run(&promotion, &["check"]).ok().ends_with("valid: 1 project, 2 images, 29 digests, 620 edges\n"));
    }
}
