//! What changes between the look and the deletion.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::fixture::{APP, Fixture, HOST};

fn fixture() -> (Fixture, Vec<String>) {
    let fixture = Fixture::keeping(1);
    let digests = [("v1", 9), ("v2", 8), ("v3", 7), ("v4", 6)].map(|(tag, days)| fixture.image(tag, days));
    (fixture, digests.to_vec())
}

#[tokio::test]
async fn a_tag_that_moves_to_an_old_image_keeps_it() {
    let (fixture, digests) = fixture();
    let old = digests[0].clone();
    // Somebody rolls back: the newest tag, which stays, now names the oldest image.
    let mut listed = 0;
    fixture.registry.hook(move |store, asked| {
        if asked == "GET /v2/team/app/tags/list" {
            listed += 1;
            // The first look has two pages.
            if listed == 3 {
                store.tags.insert((APP.to_owned(), "v4".to_owned()), old.clone());
            }
        }
        None
    });
    let ran = fixture.run().await;
    assert!(fixture.has(&digests[0]), "{}", ran.text);
    // Its own tag is an old one. Of what is left, another image is the newest now.
    assert_eq!((ran.end, fixture.tags()), (Ok(true), ["v3", "v4"].map(str::to_owned).into()), "{}", ran.text);
    assert!(ran.text.contains("  v4: stays, since it has changed meanwhile"), "{}", ran.text);
}

#[tokio::test]
async fn a_new_tag_of_an_old_image_keeps_it() {
    let (fixture, digests) = fixture();
    let old = digests[1].clone();
    let mut listed = 0;
    fixture.registry.hook(move |store, asked| {
        listed += usize::from(asked == "GET /v2/team/app/tags/list");
        if listed == 3 {
            store.tags.insert((APP.to_owned(), "stable".to_owned()), old.clone());
        }
        None
    });
    let ran = fixture.run().await;
    assert!(fixture.has(&digests[1]), "{}", ran.text);
    assert_eq!(ran.end, Ok(true));
    assert_eq!(fixture.tags(), ["stable", "v4"]);
}

#[tokio::test]
async fn a_tag_that_moves_away_from_what_goes_is_not_followed_by_a_deletion() {
    let (fixture, digests) = fixture();
    let new = fixture.image_in(APP, None, 0);
    let moved = new.clone();
    fixture.registry.hook(move |store, asked| {
        if asked == "HEAD /v2/team/app/manifests/v1" {
            store.tags.insert((APP.to_owned(), "v1".to_owned()), moved.clone());
        }
        None
    });
    let ran = fixture.run().await;
    assert_eq!((ran.end, fixture.tags()), (Ok(true), ["v1", "v4"].map(str::to_owned).into()), "{}", ran.text);
    assert!(fixture.has(&new) && fixture.has(&digests[0]));
}

#[tokio::test(start_paused = true)]
async fn what_the_cluster_names_is_read_again_after_a_minute() {
    let (fixture, digests) = fixture();
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, objects) = (Arc::clone(&asked), Arc::clone(&fixture.api_server.objects));
    // While the registry is looked at, which takes some minutes, somebody deploys the oldest image.
    fixture.api_server.hook(move |path| {
        if path == "/apis" && count.fetch_add(1, Ordering::SeqCst) == 1 {
            let pod = serde_json::json!({"metadata": {"name": "x"}, "image": format!("{HOST}/{APP}:v1")});
            objects.lock().unwrap().insert("/api/v1/pods".to_owned(), vec![pod]);
        }
        None
    });
    let mut was_slow = false;
    fixture.registry.hook(move |_, line| {
        // A registry that is ill for a while: it is asked again after pauses.
        let is_slow = line == "GET /v2/team/app/manifests/v2" && !was_slow;
        was_slow |= is_slow;
        is_slow.then(|| (503, String::new()))
    });
    // The clock of the test goes on by two minutes in the only pause that there is.
    let hurry = async {
        while !fixture.registry.asked("GET").contains(&"GET /v2/team/app/manifests/v2".to_owned()) {
            tokio::task::yield_now().await;
        }
        tokio::time::advance(Duration::from_mins(2)).await;
    };
    let (ran, ()) = tokio::join!(fixture.run(), hurry);
    assert_eq!((ran.end, fixture.tags()), (Ok(true), ["v1", "v4"].map(str::to_owned).into()), "{}", ran.text);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert!(fixture.has(&digests[0]));
}
