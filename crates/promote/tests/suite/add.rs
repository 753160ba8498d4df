//! `add`: from a tag of the staging registry to a line of `images.yaml`.

use local_registry_core::Digest;
use local_registry_oci::digest_of;
use local_registry_promotion_tree::Addition;
use serde_json::json;

use crate::fixture::{Fixture, digest, lines};
use crate::stand_in::{Action, Asked, Kind};

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
}

#[test]
fn an_image_is_added_where_its_author_would() {
    let check = |digest: &Digest, tag: &str, before: &str, expected: &str| {
        let addition = Addition { image: "app".to_owned(), digest: digest.clone(), tag: tag.parse().ok() };
        assert_eq!(addition.apply(before).unwrap(), expected);
    };
    let (a, b) = (digest_of(b"a"), digest_of(b"b"));
    // Blocks of releases: a digest that is known gets its tag where it stands, and a new one goes to the last block.
    let blocks = |first: &str, last: &str| {
        format!(
            "# 1.0\n- name: app\n  dmap:\n    \"{a}\": [{first}]\n# 1.1\n- name: app\n  dmap:\n{last}- name: zoo\n  dmap: {{}}\n"
        )
    };
    let other = digest_of(b"c");
    let last = format!("    \"{other}\": [\"1.1\"]\n");
    check(&a, "1.0.1", &blocks("\"1.0\"", &last), &blocks("\"1.0\", \"1.0.1\"", &last));
    check(&b, "1.2", &blocks("\"1.0\"", &last), &blocks("\"1.0\"", &format!("{last}    \"{b}\": [\"1.2\"]\n")));
    // Nothing is there yet.
    let line = format!("\"{b}\": [\"1.2\"]");
    for empty in ["", " {}", " ~", " null"] {
        let before = format!("- name: app\n  dmap:{empty} # soon\n- name: zoo\n  dmap: {{}}\n");
        check(&b, "1.2", &before, &format!("- name: app\n  dmap:\n    {line} # soon\n- name: zoo\n  dmap: {{}}\n"));
    }
    check(&b, "1.2", "- dmap: {}\n  name: app\n", &format!("- dmap:\n    {line}\n  name: app\n"));
    check(&b, "1.2", "- name: app\n  dmap:", &format!("- name: app\n  dmap:\n    {line}"));
}

#[test]
fn a_release_is_added_by_its_tag() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let old = format!("sha256:{}", "a".repeat(64));
    fixture.promote(&[("app", &old, &["v1"]), ("other", &old, &["v1"]), ("tool", &old, &["v1"])]);
    let [app, tool, new] =
        ["app", "tool", "new"].map(|name| fixture.staging.index(&format!("staging/{name}"), "v2", name));
    // Every image that the file names and that has the tag.
    let answer = fixture.run(&["add", "--tag", "v2"]);
    let host = fixture.staging.address;
    assert_eq!(answer.stderr, format!("warning: `{host}/staging/other:v2` is not there; it was left out\n"));
    assert_eq!(answer.ok(), format!("{FILE}: added app:v2, {app}\n{FILE}: added tool:v2, {tool}\n"));
    // An image that the file does not name, and one with a tag of its own.
    let added = fixture.run(&["add", "--tag", "v2", "new", "app:v2"]).ok();
    assert_eq!(added, format!("{FILE}: added new:v2, {new}\n{FILE}: has app:v2, {app}\n"));
    let expected = |name: &str, digest: &str| {
        format!("- name: {name}\n  dmap:\n    \"{old}\": [\"v1\"]\n    \"{digest}\": [\"v2\"]\n")
    };
    let other = format!("- name: other\n  dmap:\n    \"{old}\": [\"v1\"]\n");
    let new = format!("- name: new\n  dmap:\n    \"{new}\": [\"v2\"]\n");
    assert_eq!(text(&fixture), [expected("app", &app), new, other, expected("tool", &tool)].concat());
    fixture.run(&["check"]).ok();

    let answer = fixture.run(&["add", "--tag", "v3"]);
    let message = "no image of images.yaml has the tag `v3` in the staging registry; push it, or name a new image";
    assert!(answer.stderr.ends_with(&format!("error: {message}\n")), "{answer:?}");
    answer.failed();
    // A registry that fails is not one that lacks the tag.
    let production = Kind::default();
    let staging = Kind::hooked(|asked: &Asked, _| {
        if asked.path.contains("/other/") { Action::Answer(403, vec![], String::new()) } else { Action::Serve }
    });
    let fixture = Fixture::new(staging, production);
    fixture.staging.index("staging/app", "v2", "app");
    fixture.promote(&[("app", &old, &["v1"]), ("other", &old, &["v1"])]);
    let before = text(&fixture);
    let answer = fixture.run(&["add", "--tag", "v2"]);
    assert!(answer.stderr.contains("/staging/other`: HEAD http://"), "{answer:?}");
    answer.failed();
    assert_eq!(text(&fixture), before);
    for (arguments, expected) in [
        (&["add"][..], "error: name an image, or give --tag or --from\n"),
        (&["add", "--tag", "a b"], "error: invalid value 'a b' for '--tag <TAG>': has ` `, which no tag has\n"),
        (
            &["add", "--tag", "v2", "--project", "x"],
            "the project `x` is not known, or has no valid manifest; known are",
        ),
    ] {
        let answer = fixture.run(arguments);
        assert!(answer.stderr.contains(expected), "{answer:?}");
        assert_eq!(answer.code, Some(2), "{answer:?}");
    }
}

#[test]
fn a_release_of_files_that_cannot_be_read_is_not_added_in_part() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let app = fixture.staging.index("staging/app", "v2", "app");
    fixture
        .write(FILE, &format!("- name: app\n  dmap: {{\"{app}\": [v1]}}\n- name: tool\n  dmap: {{sha256:12: [v1]}}\n"));
    let before = text(&fixture);
    let answer = fixture.run(&["add", "--tag", "v2"]);
    assert!(answer.stderr.starts_with(&format!("{FILE}:4:10: `sha256:12` is not a digest; ")), "{answer:?}");
    answer.failed();
    assert_eq!(text(&fixture), before);
    // Which project is meant is not guessed.
    let (staging, production) = (fixture.staging.address, fixture.production.address);
    fixture.write(
        "manifests/other/promoter-manifest.yaml",
        &format!("registries: [{{name: \"{staging}/other\", src: true}}, {{name: \"{production}/other\"}}]"),
    );
    fixture.promote(&[("app", &app, &["v1"])]);
    fixture.write("images/other/images.yaml", "[]");
    let answer = fixture.run(&["add", "--tag", "v2"]);
    assert_eq!(answer.stderr, "error: --tag: name a project with --project: other, team\n");
    assert_eq!(answer.code, Some(2));
    fixture.run(&["add", "--tag", "v2", "--project", "team"]).ok();
}

#[test]
fn what_others_write_meanwhile_is_not_overwritten() {
    let file = std::sync::Arc::new(std::sync::OnceLock::<std::path::PathBuf>::new());
    let theirs = std::sync::Arc::clone(&file);
    let staging = Kind::hooked(move |asked: &Asked, _| {
        if asked.method == "HEAD" {
            // While the registry is asked, a colleague adds something.
            std::fs::write(theirs.get().unwrap(), "# a colleague was here\n").unwrap();
        }
        Action::Serve
    });
    let fixture = Fixture::new(staging, Kind::default());
    fixture.staging.index("staging/app", "v1", "app");
    fixture.write(FILE, "[]\n");
    file.set(fixture.folder.path().join(FILE)).unwrap();
    let answer = fixture.run(&["add", "app:v1"]);
    assert_eq!(answer.stderr, format!("error: {FILE}: somebody else has changed it meanwhile; run it again\n"));
    answer.failed();
    assert_eq!(text(&fixture), "# a colleague was here\n");
    fixture.run(&["add", "app:v1"]).ok();
    assert!(text(&fixture).starts_with("# a colleague was here\n"));
}

#[test]
fn no_comment_is_lost_and_what_cannot_be_read_is_said() {
    let digest = digest_of(b"a");
    let addition = Addition { image: "app".to_owned(), digest: digest.clone(), tag: "v1".parse().ok() };
    let refused = |text: &str| addition.apply(text).unwrap_err().to_string();
    for text in ["[\n # nothing yet\n]", "- name: app\n  dmap: {\n # keep me\n }\n"] {
        assert!(refused(text).starts_with("the file is laid out in a way that cannot be changed safely"), "{text}");
    }
    assert_eq!(
        refused("- name: app\n  dmap: [\n"),
        "the file cannot be read, so nothing was added: images.yaml:2:9: is not valid YAML: unclosed bracket '['"
    );
    assert!(refused("# \u{200e}\n[]").contains("images.yaml:1:3: has the character \\u{200e}"));
    // What YAML reads as something else is in quotes.
    let odd = Addition { image: "null".to_owned(), ..addition };
    assert_eq!(odd.apply("").unwrap(), format!("- name: \"null\"\n  dmap:\n    \"{digest}\": [\"v1\"]\n"));
}

#[test]
fn images_come_from_a_file_or_from_stdin() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let host = fixture.staging.address;
    let [app, tool] = ["app", "tool"].map(|name| fixture.staging.index(&format!("staging/{name}"), "v2", name));
    let list = format!("# built by ko\n{host}/staging/app:v2@{app}\n\n  {host}/staging/tool@{tool}  # the tool\r\n");
    fixture.write("built", &list);
    let added = fixture.run(&["add", "--tag", "v2", "--from", "built"]).ok();
    let expected = format!("{FILE}: added app:v2, {app}\n{FILE}: added tool:v2, {tool}\n");
    assert_eq!(added, expected);
    let mut command = fixture.command(&["add", "--from", "-", "--tag", "v2"]);
    let input = std::fs::File::open(fixture.folder.path().join("built")).unwrap();
    let output = command.stdin(input).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected.replace("added", "has"));
    fixture.write("built", "# nothing\n");
    for (file, expected) in
        [("built", "error: --from built: there is no image in it\n"), ("none", "error: --from none: No such file")]
    {
        let answer = fixture.run(&["add", "--from", file]);
        assert!(answer.stderr.starts_with(expected), "{answer:?}");
        answer.failed();
    }
}
