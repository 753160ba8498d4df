//! How often the registry is asked.

use super::fixture::{APP, Fixture, HOST};

#[tokio::test]
async fn a_repository_with_few_images_costs_one_list() {
    let fixture = Fixture::keeping(2);
    let digest = fixture.image("v1", 9);
    fixture.image("v2", 8);
    fixture.attach(&digest, ".sig");
    let ran = fixture.run().await;
    let asked = fixture.registry.store().asked.clone();
    assert_eq!(asked, ["GET /v2/_catalog", "GET /v2/team/app/tags/list", "GET /v2/team/app/tags/list"]);
    assert!(ran.text.contains("team/app: 3 of 3 tags stay (3 no more images than --keep)\n"), "{}", ran.text);
}

#[tokio::test]
async fn each_manifest_and_each_configuration_is_read_once() {
    let mut fixture = Fixture::keeping(1);
    fixture.task.confirm = false;
    let part = fixture.image_in(APP, None, 9);
    for tag in ["v1", "v2", "v3"] {
        fixture.index(Some(tag), &[&part, &fixture.image_in(APP, Some(&format!("{tag}-arm64")), 8)]);
    }
    fixture.run().await;
    let mut asked = fixture.registry.asked("GET");
    let count = asked.len();
    asked.sort();
    asked.retain(|line| !line.contains("/tags/list"));
    let unique = asked.iter().collect::<std::collections::BTreeSet<_>>().len();
    assert_eq!(asked.len(), unique, "{asked:?} of {count}");
    assert_eq!(fixture.registry.asked("HEAD"), Vec::<String>::new());
}

#[tokio::test]
async fn nobody_asks_how_old_images_are_that_stay_anyway() {
    let fixture = Fixture::keeping(1);
    fixture.image("v1", 9);
    fixture.image("v2", 8);
    fixture.name(&format!("{HOST}/{APP}:v1"));
    fixture.run().await;
    assert!(!fixture.registry.asked("GET").iter().any(|line| line.contains("/blobs/")));
}
