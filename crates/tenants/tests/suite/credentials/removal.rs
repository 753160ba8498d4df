//! Credentials that are removed for good.

use local_registry_tenants::credentials::revoke_and_remove;
use serde_json::json;
use tokio::time::Instant;

use super::look;
use super::server::{ACCOUNTS, SECRETS, Shared};

/// What is said, the namespaces that have something then, and the second of the end.
async fn removed(shared: &Shared, dry_run: bool) -> (Vec<String>, Vec<String>, u64) {
    let start = Instant::now();
    let (revocation, report) = revoke_and_remove(&shared.cluster(), "local-registry-credentials", dry_run).await;
    let lines = [revocation.to_string()].into_iter().chain(report.map(|report| report.to_string())).collect();
    let mut left: Vec<String> = shared.lock().objects.keys().map(|(_, namespace)| namespace.clone()).collect();
    left.sort();
    left.dedup();
    (lines, left, start.elapsed().as_secs())
}

/// Credentials in two namespaces, of which one has lost its label, and a Secret of somebody else.
async fn to_be_left() -> Shared {
    let shared = Shared::with(&["a", "b"]);
    look(&shared).await;
    let mut server = shared.lock();
    server.label("b", None);
    server.put(SECRETS, "c", json!({}));
    server.edit(SECRETS, "c", |secret| secret["metadata"]["labels"] = json!({}));
    server.writes.clear();
    drop(server);
    shared
}

const REVOKED: &str = "ClusterRoleBinding local-registry-credentials: deleted";
const GONE: &str = "credentials: none, since they are removed for good\ncredential local-registry-push of a: deleted\n\
                    credential local-registry-push of b: deleted";

#[tokio::test(start_paused = true)]
async fn all_credentials_of_ours_go_for_good_whatever_the_labels_say() {
    let shared = to_be_left().await;
    let (lines, left, second) = removed(&shared, false).await;
    assert_eq!((lines, left, second), (vec![REVOKED.to_owned(), GONE.to_owned()], vec!["c".to_owned()], 3));
    assert_eq!(shared.lock().writes[0], "DELETE binding", "the right goes first");
    // A program that has not noticed yet that its right is gone.
    let shared = to_be_left().await;
    shared.lock().returns = 2;
    let (lines, left, second) = removed(&shared, false).await;
    assert_eq!(lines[1].matches("of a: deleted").count(), 1, "{lines:?}");
    assert_eq!((left, second), (vec!["c".to_owned()], 5));
    let shared = to_be_left().await;
    shared.lock().returns = u32::MAX;
    let (lines, _, second) = removed(&shared, false).await;
    assert!(lines[1].starts_with("credentials: unchanged: they came back each time"), "{lines:?}");
    assert_eq!(second, 30);
}

#[tokio::test(start_paused = true)]
async fn a_finalizer_of_somebody_else_is_named() {
    let shared = to_be_left().await;
    shared.lock().edit(ACCOUNTS, "b", |account| account["metadata"]["finalizers"] = json!(["team.example/mine"]));
    let (lines, left, second) = removed(&shared, false).await;
    let ending = "credential local-registry-push of b: its ServiceAccount is being deleted; it goes when its finalizers are removed: \
                  team.example/mine";
    assert!(lines[1].ends_with(ending), "{lines:?}");
    assert_eq!((left, second), (vec!["b".to_owned(), "c".to_owned()], 3));
}

#[tokio::test(start_paused = true)]
async fn credentials_stay_where_the_right_cannot_be_taken_or_nothing_is_written() {
    let all = ["a", "b", "c"].map(ToOwned::to_owned).to_vec();
    let shared = to_be_left().await;
    shared.lock().revocation = 403;
    let (lines, left, _) = removed(&shared, false).await;
    assert_eq!((lines.len(), left), (1, all.clone()));
    let shared = to_be_left().await;
    let (lines, left, _) = removed(&shared, true).await;
    assert_eq!(left, all);
    assert!(lines[1].ends_with("credential local-registry-push of b: would be deleted (dry run)"), "{lines:?}");
    let shared = to_be_left().await;
    shared.lock().refusing.insert("b");
    let (lines, left, _) = removed(&shared, false).await;
    assert!(lines[1].contains("credential local-registry-push of b: failed: "), "{lines:?}");
    assert_eq!(left, ["b", "c"]);
    shared.lock().hides = Some(SECRETS);
    let (lines, ..) = removed(&shared, false).await;
    assert!(lines[1].starts_with("credentials: unknown: "), "{lines:?}");
}
