//! What the account says of the token in the Secret.

use local_registry_tenants::credentials::{CredentialsTask, once};
use serde_json::json;
use tokio::time::sleep;

use super::server::{ACCOUNTS, SECOND, SECRETS, Server, Shared};
use super::{BOTH, LIFETIME, look, run, run_for, seconds, task};

/// When the token ends, as the Secret says.
fn said(server: &Server) -> &str {
    let secret = &server.objects[&(SECRETS, "team".to_owned())];
    secret["metadata"]["annotations"]["local-registry-hosting/expires"].as_str().unwrap()
}

#[track_caller]
fn check(shared: &Shared, host: &str) {
    let server = shared.lock();
    assert_eq!(server.promise("team"), [said(&server), host]);
}

#[tokio::test(start_paused = true)]
async fn each_token_is_promised_when_it_is_there() {
    let shared = Shared::with(&["team"]);
    run(&shared, async {
        sleep(seconds(5)).await;
        check(&shared, "first.infra.svc:5000");
        let first = said(&shared.lock()).to_owned();
        shared.lock().writes.clear();
        sleep(LIFETIME * 2 / 3 + seconds(5)).await;
        assert_ne!(said(&shared.lock()), first);
        check(&shared, "first.infra.svc:5000");
        let renewed = ["TOKEN serviceaccounts team", "PATCH secrets team", "PATCH serviceaccounts team"];
        assert_eq!(shared.lock().writes, renewed);
        shared.lock().writes.clear();
        shared.lock().declare(Some(SECOND));
        sleep(seconds(15)).await;
        check(&shared, "second.infra.svc:5000");
        assert_eq!(shared.lock().writes, renewed);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_promise_that_is_wrong_is_put_right_without_a_token() {
    let shared = Shared::with(&["team"]);
    run(&shared, async {
        for wrong in [
            json!({}),
            json!({"local-registry-hosting/expires": "2999-01-01T00:00:00Z", "local-registry-hosting/host": "evil.io"}),
            json!({"local-registry-hosting/expires": "x".repeat(100_000), "of-others": "stays"}),
        ] {
            sleep(seconds(30)).await;
            shared.lock().edit(ACCOUNTS, "team", |account| account["metadata"]["annotations"] = wrong);
            shared.lock().writes.clear();
            sleep(seconds(3)).await;
            check(&shared, "first.infra.svc:5000");
            assert_eq!(shared.lock().writes, ["PATCH serviceaccounts team"]);
        }
        shared.lock().writes.clear();
        sleep(seconds(300)).await;
        assert_eq!(shared.lock().writes, [""; 0], "a quiet round writes nothing");
    })
    .await;
    let server = shared.lock();
    assert_eq!(server.given.len(), 1);
    assert_eq!(server.objects[&(ACCOUNTS, "team".to_owned())]["metadata"]["annotations"]["of-others"], "stays");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_promised_that_is_not_there() {
    let shared = Shared::with(&["team"]);
    look(&shared).await;
    // The Secret is gone, and cannot be made again.
    shared.lock().discard(SECRETS, "team");
    shared.lock().refused = Some("TOKEN serviceaccounts");
    assert!(!look(&shared).await.succeeded());
    assert_eq!(shared.lock().promise("team"), ["", ""]);
    shared.lock().refused = None;
    look(&shared).await;
    check(&shared, "first.infra.svc:5000");
    // Somebody has put another one in its place.
    shared.lock().edit(SECRETS, "team", |secret| secret["metadata"]["labels"] = json!({}));
    let report = look(&shared).await;
    assert!(report.to_string().contains("left alone, since somebody else has made a Secret"), "{report}");
    assert_eq!(shared.lock().promise("team"), ["", ""]);
    shared.lock().writes.clear();
    assert!(!look(&shared).await.succeeded());
    assert_eq!(shared.lock().writes, [""; 0]);
    shared.lock().discard(SECRETS, "team");
    look(&shared).await;
    // No registry is declared, and the promise goes first.
    shared.lock().writes.clear();
    shared.lock().declared = None;
    look(&shared).await;
    assert_eq!(shared.lock().promise("team"), ["", ""]);
    assert_eq!(shared.lock().writes, ["PATCH serviceaccounts team", "DELETE secrets team"]);
    shared.lock().writes.clear();
    look(&shared).await;
    assert_eq!(shared.lock().writes, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_promise_that_cannot_be_written_costs_no_token() {
    let shared = Shared::with(&["team"]);
    run(&shared, async {
        sleep(seconds(5)).await;
        shared.lock().refused = Some("PATCH serviceaccounts");
        sleep(LIFETIME * 2 / 3 + seconds(300)).await;
        let server = shared.lock();
        assert_eq!((server.given.len(), server.good_for("team")), (2, BOTH.map(ToOwned::to_owned).to_vec()));
        assert!(server.promise("team")[0] < said(&server), "it promises less than there is");
    })
    .await;
    let report = look(&shared).await;
    assert!(!report.succeeded() && report.to_string().contains("of team: failed: ServiceAccount team/"), "{report}");
    shared.lock().refused = None;
    run_for(&shared, seconds(5)).await;
    check(&shared, "first.infra.svc:5000");
    assert_eq!(shared.lock().given.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_forged_promise_that_cannot_be_put_right_stops_no_renewal() {
    let shared = Shared::with(&["team"]);
    run(&shared, async {
        sleep(seconds(5)).await;
        // A tenant can fill the annotations so that the API server takes no longer ones.
        shared.lock().refused = Some("PATCH serviceaccounts");
        let forged = json!({
            "local-registry-hosting/expires": "2999-01-01T00:00:00Z", "local-registry-hosting/host": "first.infra.svc:5000",
        });
        shared.lock().edit(ACCOUNTS, "team", |account| account["metadata"]["annotations"] = forged);
        sleep(LIFETIME * 2 / 3 + seconds(300)).await;
        let server = shared.lock();
        assert_eq!((server.given.len(), server.good_for("team")), (2, BOTH.map(ToOwned::to_owned).to_vec()));
    })
    .await;
    assert!(!look(&shared).await.succeeded());
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_says_that_a_promise_would_be_refused() {
    let shared = Shared::with(&["team"]);
    look(&shared).await;
    shared.lock().edit(ACCOUNTS, "team", |account| {
        account["metadata"]["annotations"]["local-registry-hosting/host"] = json!("evil.io");
    });
    shared.lock().refused = Some("PATCH serviceaccounts");
    let report = once(&shared.cluster(), CredentialsTask { dry_run: true, ..task(&shared) }).await;
    assert!(!report.succeeded() && report.to_string().contains("of team: failed: ServiceAccount team/"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn somebody_who_forges_promises_again_and_again_keeps_nobody_busy() {
    let shared = Shared::with(&["loud", "quiet"]);
    run(&shared, async {
        for second in 0..200 {
            sleep(seconds(1)).await;
            if shared.lock().objects.contains_key(&(SECRETS, "loud".to_owned())) {
                shared.lock().edit(ACCOUNTS, "loud", |account| {
                    account["metadata"]["annotations"]["local-registry-hosting/host"] = json!(second.to_string());
                });
            }
        }
    })
    .await;
    let server = shared.lock();
    let (loud, quiet) = (server.writes_in("loud"), server.writes_in("quiet"));
    assert!(quiet == 6 && (16..=40).contains(&loud), "{loud} {quiet}");
    assert_eq!(server.given.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_replaced_at_once_is_promised_no_longer() {
    let shared = Shared::with(&["team"]);
    let reports = run(&shared, async {
        sleep(seconds(3)).await;
        check(&shared, "first.infra.svc:5000");
        shared.lock().edit(SECRETS, "team", |secret| secret["metadata"]["labels"] = json!({}));
        sleep(seconds(3)).await;
        assert_eq!(shared.lock().promise("team"), ["", ""]);
    })
    .await;
    assert!(reports.last().unwrap().contains("left alone, since somebody else has made a Secret"), "{reports:?}");
}
