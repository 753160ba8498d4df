//! What `verify` sees of production.

use crate::fixture::{Fixture, digest};
use crate::stand_in::Kind;

#[test]
fn every_difference_is_named() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let (app, other) =
        (fixture.staging.index("staging/app", "v1", "app"), fixture.staging.index("staging/other", "v1", "other"));
    fixture.promote(&[("app", &app, &["v1", "v2"]), ("other", &other, &[])]);
    let (production, staging) = (fixture.production.address, fixture.staging.address);
    let line = |state: &str, target: &str, image: &str, digest: &str, rest: &str| {
        format!("{state:11}  {production}/prod/{target}  {staging}/staging/{image}@{digest}{rest}\n")
    };
    let promote = ": promote it with `run --confirm`";
    let by_digest = format!("other@{other}");
    let expected = [
        line("absent", "app:v1", "app", &app, promote),
        line("absent", "app:v2", "app", &app, promote),
        line("absent", &by_digest, "other", &other, promote),
        "3 absent\n".to_owned(),
    ];
    assert_eq!(fixture.run(&["verify"]).failed(), expected.concat());

    fixture.run(&["run", "--confirm"]).ok();
    assert_eq!(fixture.run(&["verify"]).ok(), "3 there\n");
    let moved = digest(&fixture.production.image("prod/app", Some("v2"), "amd64", &[b"somebody's"]));
    fixture.production.store().manifests.remove(&("prod/other".to_owned(), other.clone()));
    let expected = [
        line("differs", "app:v2", "app", &app, &format!(": it is {moved}; somebody has moved it")),
        line("absent", &by_digest, "other", &other, promote),
        "1 there, 1 differs, 1 absent\n".to_owned(),
    ];
    assert_eq!(fixture.run(&["verify"]).failed(), expected.concat());
}

#[test]
fn production_does_not_need_the_source() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = fixture.staging.index("staging/app", "v1", "app");
    fixture.promote(&[("app", &image, &["v1"])]);
    fixture.run(&["run", "--confirm"]).ok();
    *fixture.staging.store() = crate::stand_in::Store::default();
    assert_eq!(fixture.run(&["verify"]).ok(), "1 there\n");
}

#[test]
fn bytes_that_lie_are_no_image() {
    let production =
        Kind::hooked(
            |asked, _| {
                if asked.method == "GET" { crate::stand_in::Action::Lie } else { crate::stand_in::Action::Serve }
            },
        );
    let fixture = Fixture::new(Kind::default(), production);
    let image = fixture.staging.index("staging/app", "v1", "app");
    fixture.production.index("prod/app", "v1", "app");
    fixture.promote(&[("app", &image, &["v1"])]);
    assert_eq!(fixture.run(&["plan"]).ok(), "1 there\n");
    let output = fixture.run(&["verify"]).failed();
    assert!(output.starts_with("unreachable") && output.contains("not to be trusted"), "{output}");
}
