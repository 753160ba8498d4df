//! `add`: from a tag of the staging registry to a line of `images.yaml`.

use serde_json::json;

use crate::fixture::{Fixture, digest, lines};
use crate::stand_in::Kind;

const FILE: &str = "images/team/images.yaml";

fn text(fixture: &Fixture) -> String {
    std::fs::read_to_string(fixture.folder.path().join(FILE)).unwrap_or_default()
}

#[test]
fn the_first_image_writes_the_file_and_the_next_ones_are_sorted_in() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let host = fixture.staging.address;
    let (v1, v10) =
        (fixture.staging.index("staging/app", "v1", "1"), fixture.staging.index("staging/app", "v10", "10"));
    let v9 = fixture.staging.index("staging/app", "v9", "9");
    fixture.staging.store().tags.insert(("staging/app".to_owned(), "v9.0".to_owned()), v9.clone());
    let chart = fixture.staging.index("staging/charts/app", "0.1.0", "chart");
    let added = fixture.run(&["add", &format!("{host}/staging/app:v10")]).ok();
    assert_eq!(added, format!("{FILE}: added app:v10, {v10}\n"));
    assert_eq!(text(&fixture), format!("- name: app\n  dmap:\n    \"{v10}\": [\"v10\"]\n"));

    // A project is known by its registry, or it is the only one.
    let images = ["app:v1", "app:v9", &format!("app:v9.0@{v9}"), &format!("charts/app@{chart}"), "app:v10"];
    let added = fixture.run(&[&["add"], images.as_slice()].concat()).ok();
    assert!(added.ends_with(&format!("{FILE}: has app:v10, {v10}\n")), "{added}");
    let expected = format!(
        "- name: app\n  dmap:\n    \"{v1}\": [\"v1\"]\n    \"{v9}\": [\"v9\", \"v9.0\"]\n    \"{v10}\": [\"v10\"]\n- name: charts/app\n  dmap:\n    \"{chart}\": []\n"
    );
    assert_eq!(text(&fixture), expected);
    fixture.run(&["check"]).ok();
    // An image without a tag gets one.
    let added = fixture.run(&["add", "charts/app:0.1.0", "--output=json"]).ok();
    let image = json!({"file": FILE, "image": "charts/app", "digest": chart, "tag": "0.1.0", "added": true});
    assert_eq!(lines(&added), [image]);
    assert!(text(&fixture).ends_with(&format!("\"{chart}\": [\"0.1.0\"]\n")));
}

#[test]
fn everything_that_was_there_stays_as_it_was() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = fixture.staging.index("staging/bb", "v2", "bb");
    let (a, z) = (format!("sha256:{}", "a".repeat(64)), format!("sha256:{}", "c".repeat(64)));
    let before = format!(
        "# our images\n\n-  name:   aa   # the first\n   dmap:\n     {a}: [ 'v1' ] # do not touch\n\n# about b\n-  name: bb\n   dmap:\n     # the first release\n     {a}: [v1]\n     # a later one\n     {z}:\n     - v3\n     - v4   # both\n\n# about z\n-  name: zz\n   dmap: {{{z}: [v1]}}\n# the end"
    );
    fixture.write(FILE, &before);
    fixture.run(&["add", "bb:v2"]).ok();
    let line = format!("     # a later one\n     {z}:\n");
    assert_eq!(text(&fixture), before.replace(&line, &format!("     \"{image}\": [\"v2\"]\n{line}")));

    // A block of tags gets another line, and a new image goes between others.
    let before = text(&fixture).replace(&z, &image).replace(&format!("     \"{image}\": [\"v2\"]\n"), "");
    fixture.write(FILE, &before);
    fixture.staging.store().tags.insert(("staging/bb".to_owned(), "v3.1".to_owned()), image.clone());
    fixture.staging.index("staging/cc", "v1", "c");
    fixture.run(&["add", "bb:v3.1", "cc:v1"]).ok();
    let c = fixture.staging.store().tags[&("staging/cc".to_owned(), "v1".to_owned())].clone();
    let expected = before
        .replace("     - v4   # both\n", "     - \"v3.1\"\n     - v4   # both\n")
        .replace("# about z\n", &format!("-  name: cc\n  dmap:\n    \"{c}\": [\"v1\"]\n# about z\n"));
    let expected = expected.replace("-  name: cc\n", "- name: cc\n");
    assert_eq!(text(&fixture), expected);
}

#[test]
fn files_with_other_ends_of_lines_keep_them() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = fixture.staging.index("staging/bb", "v1", "b");
    let a = format!("sha256:{}", "a".repeat(64));
    let before = format!("- name: aa\r\n  dmap:\r\n    {a}: [v1]");
    fixture.write(FILE, &before);
    fixture.run(&["add", "bb:v1"]).ok();
    assert_eq!(text(&fixture), format!("{before}\r\n- name: bb\r\n  dmap:\r\n    \"{image}\": [\"v1\"]\r\n"));
}

#[test]
fn a_file_that_says_it_is_empty_is_filled() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = fixture.staging.index("staging/app", "v1", "app");
    let added = format!("- name: app\n  dmap:\n    \"{image}\": [\"v1\"]\n");
    for (before, after) in [
        ("[]\n", added.clone()),
        ("[]", added.clone()),
        ("---\n[ ]\n# the end\n", format!("---\n{added}# the end\n")),
        ("# our images\n[] # none yet\n", format!("# our images\n{added} # none yet\n")),
    ] {
        fixture.write(FILE, before);
        fixture.run(&["add", "app:v1"]).ok();
        assert_eq!(text(&fixture), after);
    }
}

#[test]
fn what_cannot_be_added_changes_nothing() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = fixture.staging.index("staging/app", "v1", "app");
    let other = digest(&fixture.staging.image("staging/app", Some("v2"), "amd64", &[b"other"]));
    let host = fixture.staging.address;
    fixture.promote(&[("app", &other, &["v1"])]);
    let before = text(&fixture);
    let exits = |code: i32, arguments: &[&str], expected: &str| {
        let answer = fixture.run(&[&["add"], arguments].concat());
        assert!(answer.stderr.contains(expected), "{}", answer.stderr);
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(code), ""), "{}", answer.stderr);
        assert_eq!(text(&fixture), before);
    };
    let check = |arguments: &[&str], expected: &str| exits(1, arguments, expected);
    let is_bad_argument = |arguments: &[&str], expected: &str| exits(2, arguments, expected);
    check(
        &["app:v2", "app:v1"],
        &format!(
            "error: {FILE}: the tag `v1` of `app` is {other} already; a tag that people pull must not move, so use another one\n"
        ),
    );
    is_bad_argument(&["app"], "error: `app`: has neither a tag nor a digest; write `app:TAG`\n");
    check(
        &["app:v3"],
        &format!("error: `app:v3`: `{host}/staging/app:v3` is not there; push it, or look at the tag\n"),
    );
    let gone = format!("sha256:{}", "9".repeat(64));
    check(
        &[&format!("app@{gone}")],
        &format!("`{host}/staging/app@{gone}` is not there; push it, or look at the digest\n"),
    );
    check(&[&format!("app:v2@{image}")], &format!("the tag names {other}, and not the digest that you wrote\n"));
    is_bad_argument(
        &["App:v1"],
        "error: `App:v1`: has the upper-case letter `A` at character 1; a path is lower case\n",
    );
    is_bad_argument(
        &["elsewhere.example/app:v1"],
        &format!(
            "is not below the staging registry of a project: there is no project for it; known are `team` ({host}/staging)\n"
        ),
    );
    is_bad_argument(
        &["--project", "x", "app:v1"],
        &format!("the project `x` is not known, or has no valid manifest; known are `team` ({host}/staging)\n"),
    );
    // A layout that is not one line for each digest.
    let text_before = format!("[{{name: app, dmap: {{\"{other}\": [v1]}}}}]\n");
    fixture.write(FILE, &text_before);
    let answer = fixture.run(&["add", "app:v2"]);
    // The digest is there, and its list of tags is one that can be added to.
    answer.ok();
    fixture.write(FILE, &text_before);
    let third = digest(&fixture.staging.image("staging/app", Some("v3"), "amd64", &[b"third"]));
    let answer = fixture.run(&["add", "app:v3"]);
    let expected = format!(
        "error: {FILE}: the file is laid out in a way that cannot be changed safely; add this by hand:\n- name: app\n  dmap:\n    \"{third}\": [\"v3\"]\n\n"
    );
    assert_eq!(answer.stderr, expected);
    answer.failed();
    assert_eq!(text(&fixture), text_before);
    // An error elsewhere in the tree.
    fixture.write("images/lonely/images.yaml", "[]");
    let answer = fixture.run(&["add", "app:v2"]);
    assert!(answer.stderr.ends_with("error: nothing was added\n"), "{answer:?}");
    answer.failed();
}
