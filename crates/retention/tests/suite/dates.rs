//! How old an image is.

use local_registry_retention::UndatedRule;
use serde_json::json;

use super::fixture::{APP, Fixture};

#[tokio::test]
async fn what_is_young_stays_however_many_there_are() {
    let fixture = Fixture::keeping(1);
    for tag in ["a", "b", "c"] {
        fixture.image(tag, 0);
    }
    fixture.image("old", 2);
    let ran = fixture.run().await;
    assert_eq!((ran.end, fixture.tags()), (Ok(true), ["a", "b", "c"].map(str::to_owned).into()), "{}", ran.text);
}

#[tokio::test]
async fn an_image_without_a_usable_date_stays_unless_the_user_goes_by_names() {
    let mut fixture = Fixture::keeping(2);
    for (tag, created) in [
        ("v1.9", "1970-01-01T00:00:00Z"),
        ("v1.10", "1980-01-01T00:00:00Z"),
        ("v1.8", "2999-01-01T00:00:00Z"),
        ("v1.7", "x"),
    ] {
        fixture.image_of(APP, Some(tag), &json!({"created": created, "x": tag}));
    }
    fixture.image_of(APP, Some("v1.6"), &json!({"x": 1}));
    for (tag, days) in [("d1", 9), ("d2", 8), ("d3", 7)] {
        fixture.image(tag, days);
    }
    let ran = fixture.run().await;
    assert_eq!((ran.end, fixture.tags().len()), (Ok(true), 7), "{}", ran.text);
    let expected = "  v1.9: stays, since its date is 1970-01-01T00:00:00Z, as reproducible builds write it; to order such images by \
                    their tags, add --undated name";
    assert!(ran.text.contains(expected), "{}", ran.text);
    fixture.task.rules.undated = UndatedRule::ByName;
    let ran = fixture.run().await;
    assert_eq!(
        (ran.end, fixture.tags()),
        (Ok(true), ["d2", "d3", "v1.10", "v1.9"].map(str::to_owned).into()),
        "{}",
        ran.text
    );
}

#[tokio::test]
async fn the_annotation_is_the_date_of_what_is_not_an_image() {
    let fixture = Fixture::keeping(1);
    for (tag, created) in [("v1", "2020-01-01T00:00:00Z"), ("v2", "2021-01-01T00:00:00Z")] {
        let mut store = fixture.registry.store();
        let mut config = store.put_blob(APP, "{}".to_owned());
        config["mediaType"] = json!("application/vnd.cncf.helm.config.v1+json");
        let annotations = json!({"org.opencontainers.image.created": created});
        store.put(APP, Some(tag), &json!({"config": config, "layers": [], "annotations": annotations}));
    }
    assert_eq!((fixture.run().await.end, fixture.tags()), (Ok(true), vec!["v2".to_owned()]));
    assert!(!fixture.registry.asked("GET").iter().any(|line| line.contains("/blobs/")));
}

#[tokio::test]
async fn an_index_is_as_old_as_its_newest_part() {
    let fixture = Fixture::keeping(1);
    let (old, new) = (fixture.image_in(APP, None, 90), fixture.image_in(APP, None, 2));
    fixture.index(Some("index"), &[&old, &new]);
    fixture.image("v1", 9);
    assert_eq!((fixture.run().await.end, fixture.tags()), (Ok(true), vec!["index".to_owned()]));
}

#[tokio::test]
async fn a_configuration_that_is_lost_leaves_its_image_alone() {
    let fixture = Fixture::keeping(1);
    fixture.image("lost", 90);
    fixture.registry.store().blobs.clear();
    fixture.image("v1", 9);
    fixture.image("v2", 8);
    let ran = fixture.run().await;
    assert_eq!((ran.end, fixture.tags()), (Ok(true), ["lost", "v2"].map(str::to_owned).into()));
    assert!(ran.text.contains("  lost: stays, since its date cannot be read: GET http://"), "{}", ran.text);
}
