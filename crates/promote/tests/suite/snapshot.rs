//! `snapshot`: what a target has.

use serde_json::json;

use crate::fixture::{Fixture, digest, lines};
use crate::stand_in::{Action, Asked, Kind};

#[test]
fn a_target_is_printed_as_the_file_that_would_promote_it() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let [v1, v2] = ["1", "2"].map(|seed| fixture.production.index("prod/app", &format!("v{seed}"), seed));
    for (tag, names) in [("v1.10", &v1), ("v1.9", &v1), ("stable", &v2)] {
        fixture.production.store().tags.insert(("prod/app".to_owned(), tag.to_owned()), names.clone());
    }
    let signature = format!("{}.sig", v1.replace(':', "-"));
    fixture.production.store().tags.insert(("prod/app".to_owned(), signature), v2.clone());
    let chart = digest(&fixture.production.image("prod/charts/app", Some("0.1.0"), "amd64", &[b"chart"]));
    fixture.promote(&[("app", &v1, &["v1"]), ("gone", &v1, &["v1"])]);

    let answer = fixture.run(&["snapshot"]);
    assert_eq!(answer.stderr, format!("warning: {}/prod/gone is not there\n", fixture.production.address));
    let found = answer.ok();
    let expected = format!(
        "- name: app\n  dmap:\n    \"{v2}\": [\"stable\", \"v2\"]\n    \"{v1}\": [\"v1\", \"v1.9\", \"v1.10\"]\n"
    );
    assert_eq!(found, expected);
    // It is a file that nothing has to be done for.
    fixture.write("images/team/images.yaml", &found);
    assert_eq!(fixture.run(&["plan"]).ok(), "5 there\n");

    // What no file names; with an image that none has.
    fixture.promote(&[("app", &v1, &["v1", "v1.9", "v1.10", "stable"])]);
    let unnamed = fixture.run(&["snapshot", "--unnamed", "charts/app"]).failed();
    assert_eq!(
        unnamed,
        format!(
            "- name: app\n  dmap:\n    \"{v2}\": [\"stable\", \"v2\"]\n- name: charts/app\n  dmap:\n    \"{chart}\": [\"0.1.0\"]\n"
        )
    );
    let found = fixture.run(&["snapshot", "--unnamed", "--output=json"]).failed();
    assert_eq!(lines(&found), [json!({"image": "app", "tags": {"stable": v2, "v2": v2}})]);
    fixture.promote(&[("app", &v1, &["v1", "v1.9", "v1.10"]), ("other", &v2, &[])]);
    fixture.production.store().tags.retain(|(_, tag), digest| *digest == v1 && !tag.starts_with("sha256-"));
    assert_eq!(fixture.run(&["snapshot", "--unnamed"]).ok(), "[]\n");
}

#[test]
fn what_a_registry_does_not_say_is_not_left_out() {
    for (status, body) in [(500, ""), (403, ""), (200, "<html>"), (200, r#"{"tags":[1]}"#), (200, "{}")] {
        let production = Kind::hooked(move |asked: &Asked, _| {
            if asked.path.ends_with("/tags/list") {
                Action::Answer(status, vec![], body.to_owned())
            } else {
                Action::Serve
            }
        });
        let fixture = Fixture::new(Kind::default(), production);
        fixture.promote(&[("app", &format!("sha256:{}", "a".repeat(64)), &["v1"])]);
        let answer = fixture.run(&["snapshot", "--retries", "0"]);
        assert!(answer.stderr.contains("/prod/app: GET http://"), "{answer:?}");
        assert_eq!(answer.failed(), "");
    }
    // A list that leads in circles, and one that leads to somebody else.
    for link in
        ["</v2/prod/app/tags/list?last=>; rel=\"next\"", "<http://127.0.0.1:9/v2/prod/app/tags/list>; rel=\"next\""]
    {
        let production = Kind::hooked(move |asked: &Asked, _| {
            if asked.path.ends_with("/tags/list") {
                Action::Answer(200, vec![("link", link.to_owned())], r#"{"tags":null}"#.to_owned())
            } else {
                Action::Serve
            }
        });
        let fixture = Fixture::new(Kind::default(), production);
        fixture.promote(&[("app", &format!("sha256:{}", "a".repeat(64)), &["v1"])]);
        let answer = fixture.run(&["snapshot"]);
        assert!(
            answer.stderr.contains("the header `Link` is")
                || answer.stderr.contains("more than 1000 pages")
                || answer.stderr.contains("at another registry"),
            "{answer:?}"
        );
        answer.failed();
    }
    // Files that do not say what they name.
    let fixture = Fixture::new(Kind::default(), Kind::default());
    fixture.production.index("prod/app", "v1", "app");
    fixture.write("images/team/images.yaml", "- name: app\n  dmap: [\n");
    let answer = fixture.run(&["snapshot", "--unnamed"]);
    assert!(answer.stderr.ends_with("error: the files have errors; nothing was asked\n"), "{answer:?}");
    assert_eq!(answer.failed(), "");
    let fixture = Fixture::new(Kind::default(), Kind::default());
    fixture.promote(&[("app", &format!("sha256:{}", "a".repeat(64)), &["v1"])]);
    for (arguments, expected) in [
        (["snapshot", "--project=x"], "error: --project `x`: there is no such project; known are team\n".to_owned()),
        (
            ["snapshot", "--target=x.example"],
            format!(
                "error: --target `x.example`: the project has no such target; known are {}/prod\n",
                fixture.production.address
            ),
        ),
        (["snapshot", "App"], "error: `App`: has the upper-case letter `A`".to_owned()),
    ] {
        let answer = fixture.run(&arguments);
        assert!(answer.stderr.starts_with(&expected), "{answer:?}");
        assert_eq!(answer.code, Some(2));
    }
}
