//! What cannot be read, or is refused.

use super::fixture::{APP, Fixture, HOST};
use super::registry::Deletes;

fn with_two_repositories() -> Fixture {
    let fixture = Fixture::keeping(1);
    for repository in [APP, "team/other"] {
        for (tag, days) in [("v1", 9), ("v2", 8), ("v3", 7)] {
            fixture.image_in(repository, Some(tag), days);
        }
    }
    fixture
}

#[tokio::test(start_paused = true)]
async fn a_repository_of_which_something_cannot_be_read_is_left_alone() {
    for (line, answer) in [
        ("GET /v2/team/app/manifests/v2", (500, "")),
        ("GET /v2/team/app/manifests/v2", (403, "")),
        ("GET /v2/team/app/manifests/v2", (404, "<html>not found</html>")),
        ("GET /v2/team/app/manifests/v2", (200, "{}")),
        ("GET /v2/team/app/manifests/v2", (200, "<html>")),
        ("GET /v2/team/app/tags/list", (500, "")),
        ("GET /v2/team/app/tags/list", (200, "<html>")),
    ] {
        let fixture = with_two_repositories();
        fixture.registry.hook(move |_, asked| (asked == line).then(|| (answer.0, answer.1.to_owned())));
        let ran = fixture.run().await;
        assert_eq!((ran.end, fixture.tags().len()), (Ok(false), 3), "{line} {answer:?}: {}", ran.text);
        assert!(ran.text.contains("✗ nothing of it is deleted, since not all of it can be read: "), "{}", ran.text);
        assert_eq!(fixture.registry.tags("team/other"), ["v3"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_missing_is_named() {
    let fixture = with_two_repositories();
    let is_refused = |asked: &str| asked.starts_with("DELETE /v2/team/app/");
    fixture.registry.hook(move |_, asked| is_refused(asked).then(|| (403, String::new())));
    let ran = fixture.run().await;
    assert_eq!((ran.end, fixture.tags().len()), (Ok(false), 3));
    let expected = "it needs the right `delete` on repositories.registry.local-registry-hosting";
    assert!(ran.text.contains(expected), "{}", ran.text);
    assert_eq!(ran.reports[0]["tags"][0]["outcome"], "left");
    // Another namespace has other rights.
    assert_eq!(fixture.registry.tags("team/other"), ["v3"]);

    fixture.registry.hook(|_, asked| (asked == "GET /v2/_catalog").then(|| (401, String::new())));
    let error = fixture.run().await.end.unwrap_err();
    assert!(error.contains("it needs the right `list` on repositories"), "{error}");
}

#[tokio::test]
async fn a_registry_that_deletes_nothing_says_how_to_turn_it_on() {
    let fixture = with_two_repositories();
    fixture.registry.store().deletes = Deletes::Nothing;
    let ran = fixture.run().await;
    let error = ran.end.unwrap_err();
    assert!(
        error.starts_with("the registry deletes nothing: DELETE http://registry.infra.svc:5000/v2/team/app/"),
        "{error}"
    );
    assert!(error.contains("turn it on: `registry.delete: true` in the values of the chart"), "{error}");
    assert_eq!(fixture.registry.asked("DELETE").len(), 1);
    assert_eq!(ran.reports.len(), 1);
}

#[tokio::test]
async fn a_tag_that_the_registry_does_not_have_is_named_and_the_others_go_on() {
    let fixture = with_two_repositories();
    let key = (APP.to_owned(), "v0".to_owned());
    fixture.registry.store().tags.insert(key, format!("sha256:{}", "0".repeat(64)));
    let ran = fixture.run().await;
    assert_eq!((ran.end, fixture.tags()), (Ok(true), ["v0", "v3"].map(str::to_owned).into()), "{}", ran.text);
    assert!(ran.text.contains("  v0: the registry lists it, and does not have it; "), "{}", ran.text);
}

#[tokio::test]
async fn nothing_is_deleted_unless_every_object_was_read() {
    for (path, answer) in [
        ("/api/v1/pods", (403, r#"{"kind":"Status","code":403,"message":"pods is forbidden"}"#)),
        ("/api/v1/pods", (404, "<html>not found</html>")),
        ("/api/v1/pods", (200, "{}")),
        ("/api/v1/pods", (200, "<html>")),
        ("/api/v1/pods", (200, r#"{"kind":"PodList","metadata":{}}"#)),
        ("/api/v1/pods", (200, r#"{"kind":"Pod","metadata":{},"items":[]}"#)),
        ("/api/v1/pods", (500, "")),
        ("/apis", (200, r#"{"kind":"APIGroupList","apiVersion":"v1","groups":[]}"#)),
        ("/apis", (404, "")),
        (
            "/apis/apps/v1",
            (200, r#"{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"apps/v1","resources":[]}"#),
        ),
        ("/apis/apps/v1", (503, "")),
    ] {
        let fixture = with_two_repositories();
        fixture.api_server.hook(move |asked| (asked == path).then(|| (answer.0, answer.1.to_owned())));
        let ran = fixture.run().await;
        let error = ran.end.expect_err(path);
        assert!(error.contains("nothing is deleted before all objects that may name an image were read"), "{error}");
        assert_eq!(fixture.registry.asked("DELETE"), Vec::<String>::new());
        if answer.0 == 403 {
            assert!(error.contains("list is forbidden: pods is forbidden; grant `list` on pods"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_kind_that_a_user_adds_has_to_be_there() {
    let mut fixture = with_two_repositories();
    fixture.task.resources = vec!["rolouts.argoproj.io/v1alpha1".parse().unwrap()];
    let error = fixture.run().await.end.unwrap_err();
    assert!(
        error.starts_with("--resource rolouts.argoproj.io/v1alpha1: the API server serves no such kind"),
        "{error}"
    );
}

#[tokio::test]
async fn a_repository_whose_name_cannot_be_right_is_passed_over() {
    let fixture = with_two_repositories();
    fixture.image_in("x", Some("v1"), 9);
    let ran = fixture.run().await;
    assert_eq!(ran.end, Ok(false));
    assert!(ran.text.contains(&format!("{HOST}/x: not looked at\n  ✗ ")), "{}", ran.text);
    assert_eq!(fixture.tags(), ["v3"]);
}
