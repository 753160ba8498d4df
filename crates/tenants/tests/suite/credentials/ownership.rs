//! Whose objects are touched, and which namespaces have credentials.

use serde_json::{Value, json};
use tokio::time::sleep;

use local_registry_tenants::credentials::{CredentialsTask, once};

use super::server::{ACCOUNTS, BINDINGS, OBJECTS, SECRETS, Shared};
use super::{BOTH, look, run, run_for, seconds, task};

/// Makes an object that is not ours.
fn put_foreign(shared: &Shared, kind: &'static str, namespace: &str) {
    shared.lock().put(kind, namespace, json!({"type": "Opaque", "roleRef": {"name": "view"}}));
    shared.lock().edit(kind, namespace, |object| object["metadata"]["labels"] = json!({"app": "mine"}));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_ours_is_left_alone() {
    let shared = Shared::with(&["account", "binding", "secret", "team"]);
    put_foreign(&shared, ACCOUNTS, "account");
    put_foreign(&shared, BINDINGS, "binding");
    put_foreign(&shared, SECRETS, "secret");
    put_foreign(&shared, SECRETS, "unlabelled");
    let report = look(&shared).await;
    assert!(!report.succeeded());
    let alone = |namespace: &str, object: &str| {
        format!(
            "credential local-registry-push of {namespace}: left alone, since somebody else has made a {object} of that name; take the \
             label local-registry-hosting/push from the namespace, or delete that {object} if nobody needs it"
        )
    };
    assert_eq!(
        report.to_string(),
        [
            "credentials: for first.infra.svc:5000 in 2 namespaces",
            &alone("account", "ServiceAccount"),
            "credential local-registry-push of binding: its RoleBinding is left alone, since somebody else has made it, so the \
             credential may be worth nothing; delete that RoleBinding if nobody needs it",
            &alone("secret", "Secret"),
            "credential local-registry-push of binding: made",
            "credential local-registry-push of team: made",
        ]
        .join("\n")
    );
    let server = shared.lock();
    assert_eq!([server.writes_in("account"), server.writes_in("secret"), server.writes_in("unlabelled")], [0; 3]);
    assert_eq!(server.good_for("binding"), BOTH);
    assert_eq!(server.objects[&(BINDINGS, "binding".to_owned())]["roleRef"]["name"], "view");
}

#[tokio::test(start_paused = true)]
async fn a_namespace_without_the_label_has_nothing() {
    let shared = Shared::with(&["a", "b", "c"]);
    let reports = run(&shared, async {
        sleep(seconds(5)).await;
        assert_eq!(shared.lock().objects.len(), 9);
        shared.lock().label("a", None);
        shared.lock().label("b", Some("yes"));
        sleep(seconds(5)).await;
        let server = shared.lock();
        assert!(server.objects.keys().all(|(_, namespace)| namespace == "c"), "{:?}", server.objects.keys());
        let deleted: Vec<&String> = server.writes.iter().filter(|write| write.ends_with(" a")).skip(6).collect();
        assert_eq!(deleted, ["DELETE rolebindings a", "DELETE secrets a", "DELETE serviceaccounts a"]);
    })
    .await;
    let mislabelled = "credential local-registry-push of b: not made, since the label local-registry-hosting/push has the value `yes`; \
                       write true, or remove the label";
    assert!(reports.last().unwrap().contains(mislabelled), "{reports:?}");
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_terminates_is_left_out() {
    let shared = Shared::with(&["team", "gone"]);
    look(&shared).await;
    shared.lock().namespaces.insert("gone".to_owned(), ("true", "Terminating"));
    shared.lock().discard(SECRETS, "gone");
    shared.lock().writes.clear();
    assert!(look(&shared).await.succeeded());
    assert_eq!(shared.lock().writes, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn without_a_registry_there_are_no_secrets() {
    let shared = Shared::with(&["a", "b"]);
    put_foreign(&shared, SECRETS, "b");
    let reports = run(&shared, async {
        sleep(seconds(5)).await;
        shared.lock().declare(None);
        sleep(seconds(9)).await;
        assert_eq!(shared.lock().good_for("a"), BOTH);
        sleep(seconds(3)).await;
        let server = shared.lock();
        let left: Vec<(&str, &str)> =
            server.objects.keys().map(|(kind, namespace)| (*kind, namespace.as_str())).collect();
        assert_eq!(left, [(BINDINGS, "a"), (SECRETS, "b"), (ACCOUNTS, "a")]);
    })
    .await;
    assert!(
        reports
            .last()
            .unwrap()
            .starts_with("credentials: none, since no local registry is declared: there is no ConfigMap")
    );
    // Another registry comes back to the same account.
    run_for(&shared, seconds(5)).await;
    shared.lock().declared = Some(super::server::FIRST);
    run_for(&shared, seconds(5)).await;
    assert_eq!(shared.lock().good_for("a"), BOTH);
}

#[tokio::test(start_paused = true)]
async fn a_declaration_that_cannot_be_used_changes_nothing() {
    let shared = Shared::with(&["a"]);
    let reports = run(&shared, async {
        sleep(seconds(5)).await;
        shared.lock().writes.clear();
        shared.lock().declare(Some("hostFromClusterNetwork: localhost:5000"));
        shared.lock().label("b", Some("true"));
        shared.lock().label("a", None);
        sleep(seconds(90)).await;
    })
    .await;
    // Until it has settled, the one before counts.
    for (namespace, writes) in [("a", 3), ("b", 6)] {
        assert_eq!(shared.lock().writes_in(namespace), writes);
    }
    assert!(reports.last().unwrap().starts_with("credentials: unchanged: "), "{reports:?}");
    shared.lock().label("c", Some("true"));
    run_for(&shared, seconds(90)).await;
    assert_eq!(shared.lock().writes_in("c"), 0);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_changes_nothing() {
    for hidden in ["configmaps", "namespaces", ACCOUNTS, BINDINGS, SECRETS] {
        let shared = Shared::with(&["a"]);
        shared.lock().hides = Some(hidden);
        let reports = run_for(&shared, seconds(150)).await;
        assert_eq!(shared.lock().writes, [""; 0], "{hidden}");
        assert_eq!(reports.len(), 1, "{hidden}: {reports:?}");
        let (start, end) = ("credentials: unknown: ", "; until it can be read again, credentials stay as they are");
        assert!(reports[0].starts_with(start) && reports[0].ends_with(end), "{reports:?}");
    }
    let shared = Shared::with(&["a"]);
    shared.lock().hides = Some(SECRETS);
    let report = look(&shared).await;
    assert!(report.to_string().contains("grant `list` on secrets/local-registry-push in all namespaces"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn what_was_seen_last_counts_for_as_long_as_a_resync() {
    let shared = Shared::with(&["a"]);
    let reports = run(&shared, async {
        sleep(seconds(5)).await;
        shared.lock().hides = Some(SECRETS);
        shared.lock().disconnect();
        sleep(seconds(10)).await;
        shared.lock().label("early", Some("true"));
        sleep(seconds(20)).await;
        assert_eq!(shared.lock().good_for("early"), BOTH);
        sleep(seconds(60)).await;
        shared.lock().label("late", Some("true"));
        sleep(seconds(60)).await;
        assert_eq!(shared.lock().writes_in("late"), 0);
        assert_eq!(shared.lock().writes_in("early"), 6, "what was written and is not seen is not written again");
    })
    .await;
    assert!(reports.last().unwrap().starts_with("credentials: unknown: "), "{reports:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_writes_nothing_and_asks_for_no_token() {
    let shared = Shared::with(&["new", "old"]);
    look(&shared).await;
    for kind in OBJECTS {
        shared.lock().discard(kind, "new");
    }
    shared.lock().edit(SECRETS, "old", |secret| secret["data"] = Value::Null);
    shared.lock().put(SECRETS, "left", json!({}));
    shared.lock().writes.clear();
    let before = shared.lock().objects.clone();
    let tokens = shared.lock().given.len();
    let report = once(&shared.cluster(), CredentialsTask { dry_run: true, ..task(&shared) }).await;
    let server = shared.lock();
    assert_eq!((&server.objects, server.given.len()), (&before, tokens));
    assert_eq!(server.writes, [""; 0]);
    for expected in
        ["of new: would be made or changed", "of old: would be made or changed", "of left: would be deleted"]
    {
        assert!(report.to_string().contains(expected), "{report}");
    }
}
