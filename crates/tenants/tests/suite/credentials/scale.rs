//! A thousand namespaces.

use std::time::Duration;

use tokio::time::sleep;

use super::server::Shared;
use super::{BOTH, run, run_for, seconds};

const MANY: usize = 1_000;

fn many() -> Shared {
    let names: Vec<String> = (0..MANY).map(|number| format!("team-{number}")).collect();
    Shared::with(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// How many calls came in the busiest second.
fn busiest_second(calls: &[Duration]) -> usize {
    let mut calls = calls.to_vec();
    calls.sort_unstable();
    let within = |start: &Duration| {
        calls.partition_point(|call| *call < *start + seconds(1)) - calls.partition_point(|call| call < start)
    };
    calls.iter().map(within).max().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_namespaces_have_their_credentials_within_a_minute() {
    let shared = many();
    shared.lock().latency = Duration::from_millis(20);
    run(&shared, async {
        sleep(seconds(60)).await;
        let server = shared.lock();
        assert!(server.namespaces.keys().all(|namespace| server.good_for(namespace) == BOTH));
        assert_eq!(server.writes.len(), 6 * MANY);
        assert!(server.at_once <= 8, "{} at once", server.at_once);
        let busiest = busiest_second(&server.calls);
        assert!(busiest <= 130, "{busiest} calls in a second");
    })
    .await;
    // A restart renews none.
    shared.lock().writes.clear();
    shared.lock().calls.clear();
    run_for(&shared, seconds(120)).await;
    let server = shared.lock();
    assert_eq!(server.writes, [""; 0]);
    let busiest = busiest_second(&server.calls);
    assert!(busiest <= 130, "{busiest} calls in a second");
}

#[tokio::test(start_paused = true)]
async fn no_more_than_eight_calls_are_under_way() {
    let names: Vec<String> = (0..50).map(|number| format!("team-{number}")).collect();
    let shared = Shared::with(&names.iter().map(String::as_str).collect::<Vec<_>>());
    // Slower than turns come.
    shared.lock().latency = seconds(1);
    run_for(&shared, seconds(60)).await;
    let server = shared.lock();
    assert_eq!(server.at_once, 8);
    assert!(names.iter().all(|namespace| server.good_for(namespace) == BOTH));
}
