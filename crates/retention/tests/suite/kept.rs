//! What stays, and what goes.

use serde_json::json;

use super::fixture::{APP, Fixture, HOST};
use super::registry::Deletes;

#[tokio::test]
async fn the_newest_images_stay_and_the_others_go() {
    let fixture = Fixture::keeping(2);
    for (tag, days) in [("v1", 9), ("v2", 8), ("v3", 7), ("v4", 6)] {
        fixture.image(tag, days);
    }
    let ran = fixture.run().await;
    assert_eq!((ran.end, fixture.tags()), (Ok(true), vec!["v3".to_owned(), "v4".to_owned()]), "{}", ran.text);
    assert!(
        ran.text.contains("team/app: 2 of 4 tags stay (2 among the newest); 2 went, with 2 manifests of "),
        "{}",
        ran.text
    );
    assert!(ran.text.contains("\n  v1: deleted, made "), "{}", ran.text);
    let again = fixture.run().await;
    assert_eq!((again.end, fixture.tags().len()), (Ok(true), 2));
}

#[tokio::test]
async fn a_dry_run_deletes_nothing() {
    let mut fixture = Fixture::keeping(1);
    fixture.task.confirm = false;
    for (tag, days) in [("v1", 9), ("v2", 8)] {
        fixture.image(tag, days);
    }
    let ran = fixture.run().await;
    assert_eq!((ran.end, fixture.tags().len()), (Ok(true), 2));
    assert_eq!(fixture.registry.asked("DELETE"), Vec::<String>::new());
    assert_eq!(ran.reports[0]["tags"][0]["outcome"], "would-be-deleted");
    assert!(ran.text.contains("  v1: would be deleted, made "), "{}", ran.text);
}

#[tokio::test]
async fn what_any_object_names_stays() {
    let fixture = Fixture::keeping(1);
    let old = fixture.image("v1", 90);
    let index = fixture.index(Some("multi"), &[&fixture.image_in(APP, None, 80)]);
    for (tag, days) in [("v2", 70), ("v3", 60), ("v4", 50), ("v5", 9), ("v6", 8)] {
        fixture.image(tag, days);
    }
    fixture.name(&format!("{HOST}/{APP}@{old}"));
    fixture.api_server.add("/api/v1/pods", "web-1", &format!("docker-pullable://local-registry:5000/{APP}:v2"));
    // Without a registry, as in a Build.
    fixture.api_server.add("/apis/shipwright.io/v1alpha1/builds", "app", &format!("{APP}:v3"));
    fixture.api_server.add("/apis/batch/v1/jobs", "job", &format!("x {HOST}/{APP}@{index} y"));
    let ran = fixture.run().await;
    assert_eq!((ran.end, fixture.tags()), (Ok(true), ["multi", "v1", "v2", "v3", "v6"].map(str::to_owned).into()));
    assert!(ran.text.contains("  v1: stays, since Deployment team/web names it"), "{}", ran.text);
    assert_eq!(ran.reports[0]["tags"][2]["by"], "Pod team/web-1");
}

#[tokio::test]
async fn kinds_that_a_user_adds_are_read() {
    let mut fixture = Fixture::keeping(1);
    fixture.image("v1", 9);
    fixture.image("v2", 8);
    fixture.api_server.add("/apis/argoproj.io/v1alpha1/rollouts", "web", &format!("{HOST}/{APP}:v1"));
    fixture.task.resources = vec!["rollouts.argoproj.io/v1alpha1".parse().unwrap()];
    assert_eq!((fixture.run().await.end, fixture.tags().len()), (Ok(true), 2));
}

#[tokio::test]
async fn signatures_follow_what_they_are_about() {
    let fixture = Fixture::keeping(1);
    let (old, new) = (fixture.image("v1", 9), fixture.image("v2", 8));
    let part = fixture.image_in(APP, None, 9);
    let index = fixture.index(Some("old-multi"), &[&part]);
    for subject in [&old, &new, &part, &index] {
        fixture.attach(subject, ".sig");
    }
    let of_another = fixture.attach(&format!("sha256:{}", "0".repeat(64)), "");
    let signature = fixture.attach(&old, ".att");
    fixture.attach(&signature, ".sig");
    let ran = fixture.run().await;
    let kept = [format!("sha256-{}", "0".repeat(64)), format!("{}.sig", new.replace(':', "-")), "v2".to_owned()];
    let mut expected = kept.to_vec();
    expected.sort();
    assert_eq!((ran.end, fixture.tags()), (Ok(true), expected), "{}", ran.text);
    assert!(fixture.has(&of_another) && !fixture.has(&part));
    assert_eq!(fixture.registry.store().manifests.len(), 3);
}

#[tokio::test]
async fn a_part_of_what_stays_is_not_deleted_and_what_only_old_indexes_need_is() {
    let fixture = Fixture::keeping(1);
    let (shared, alone) = (fixture.image("v1-amd64", 9), fixture.image_in(APP, None, 9));
    fixture.index(Some("v1"), &[&shared, &alone]);
    fixture.index(Some("v2"), &[&shared, &fixture.image_in(APP, None, 2)]);
    let ran = fixture.run().await;
    // The tag of the part goes, and the part stays.
    assert_eq!((ran.end, fixture.tags()), (Ok(true), vec!["v2".to_owned()]), "{}", ran.text);
    assert!(fixture.has(&shared) && !fixture.has(&alone));
    assert!(ran.text.contains("  v1-amd64: deleted, without its image, which stays"), "{}", ran.text);
}

#[tokio::test]
async fn what_a_digest_names_without_a_tag_keeps_its_parts() {
    let fixture = Fixture::keeping(1);
    let shared = fixture.image_in(APP, None, 9);
    let untagged = fixture.index(None, &[&shared]);
    fixture.index(Some("v1"), &[&shared, &fixture.image_in(APP, Some("part"), 9)]);
    fixture.image("v2", 2);
    fixture.name(&format!("{HOST}/{APP}@{untagged}"));
    let ran = fixture.run().await;
    assert_eq!((ran.end, fixture.tags()), (Ok(true), vec!["v2".to_owned()]), "{}", ran.text);
    assert!(fixture.has(&untagged) && fixture.has(&shared));
}

#[tokio::test]
async fn a_registry_that_keeps_tags_with_their_images_is_left_so() {
    let fixture = Fixture::keeping(1);
    fixture.registry.store().deletes = Deletes::Digests;
    for name in ["a", "b"] {
        let part = fixture.image(&format!("part-{name}"), 9);
        fixture.index(Some(&format!("multi-{name}")), &[&part]);
    }
    fixture.image("v1", 90);
    fixture.image("v2", 2);
    fixture.name(&format!("{HOST}/{APP}:multi-a"));
    fixture.api_server.add("/api/v1/pods", "b", &format!("{HOST}/{APP}:multi-b"));
    let ran = fixture.run().await;
    assert_eq!(ran.end, Ok(true));
    assert_eq!(fixture.tags(), ["multi-a", "multi-b", "part-a", "part-b", "v2"]);
    assert_eq!(ran.text.matches("the registry deletes no tag without its image, so such tags stay: ").count(), 1);
}

#[tokio::test]
async fn a_registry_that_deletes_an_image_with_its_tag_ends_the_run() {
    let fixture = Fixture::keeping(1);
    fixture.registry.store().deletes = Deletes::ImagesWithTags;
    for name in ["a", "b"] {
        let part = fixture.image(&format!("part-{name}"), 9);
        fixture.index(Some(&format!("multi-{name}")), &[&part]);
        fixture.api_server.add("/api/v1/pods", name, &format!("{HOST}/{APP}:multi-{name}"));
    }
    fixture.image("v2", 2);
    let ran = fixture.run().await;
    let error = ran.end.unwrap_err();
    assert!(error.contains(": the registry has deleted the image together with its tag `part-a`; "), "{error}");
    assert_eq!(fixture.tags(), ["multi-a", "multi-b", "part-b", "v2"]);
}

#[tokio::test]
async fn several_tags_of_an_image_count_once_and_go_together() {
    let fixture = Fixture::keeping(2);
    for (tag, days) in [("v1", 9), ("v2", 8), ("v3", 7)] {
        let digest = fixture.image(tag, days);
        for end in ["a", "b", "c"] {
            fixture.registry.store().tags.insert((APP.to_owned(), format!("{tag}{end}")), digest.clone());
        }
    }
    let ran = fixture.run().await;
    assert_eq!((ran.end, fixture.tags().len()), (Ok(true), 8));
    assert!(!fixture.tags().iter().any(|tag| tag.starts_with("v1")));
    assert_eq!(fixture.registry.asked("DELETE").len(), 1);
}

#[tokio::test]
async fn only_what_is_selected_is_looked_at() {
    let mut fixture = Fixture::keeping(1);
    for repository in ["team/app", "team/base", "other/app"] {
        fixture.image_in(repository, Some("v1"), 9);
        fixture.image_in(repository, Some("v2"), 8);
    }
    fixture.task.selection.only = vec!["team/*".to_owned()];
    fixture.task.selection.except = vec!["*/base".to_owned()];
    let ran = fixture.run().await;
    assert_eq!((ran.end, ran.reports.len()), (Ok(true), 1));
    assert_eq!(fixture.registry.tags("team/base").len() + fixture.registry.tags("other/app").len(), 4);
    // Whoever names all of them needs no right to list them.
    fixture.registry.store().asked.clear();
    fixture.task.selection.only = vec!["other/app".to_owned()];
    assert_eq!(fixture.run().await.reports[0]["repository"], json!(format!("{HOST}/other/app")));
    assert!(!fixture.registry.asked("GET").contains(&"GET /v2/_catalog".to_owned()));
}
