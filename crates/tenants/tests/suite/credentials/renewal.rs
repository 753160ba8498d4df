//! What is made, when it is renewed, and what is put right.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use local_registry_cluster::credentials::Fingerprint;
use local_registry_tenants::credentials::CredentialsTask;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::server::{ACCOUNTS, BINDINGS, FIRST, SECOND, SECRETS, Shared};
use super::{BOTH, LIFETIME, look, run, run_as, run_for, seconds, task};

#[tokio::test(start_paused = true)]
async fn a_labelled_namespace_gets_all_three() {
    let shared = Shared::with(&["team"]);
    let report = look(&shared).await;
    assert_eq!(
        report.to_string(),
        "credentials: for first.infra.svc:5000 in 1 namespace\ncredential local-registry-push of team: made"
    );
    let server = shared.lock();
    assert_eq!(
        server.writes,
        [
            "PATCH serviceaccounts team",
            "PATCH rolebindings team",
            "PATCH secrets team",
            "TOKEN serviceaccounts team",
            "PATCH secrets team",
            // What it promises is there.
            "PATCH serviceaccounts team",
        ]
    );
    let object = |kind| &server.objects[&(kind, "team".to_owned())];
    for kind in [ACCOUNTS, BINDINGS, SECRETS] {
        let labels = json!({"app.kubernetes.io/managed-by": "local-registry-credentials", "app.kubernetes.io/part-of": "local-registry"});
        assert_eq!(object(kind)["metadata"]["labels"], labels, "{kind}");
    }
    assert_eq!(object(ACCOUNTS)["automountServiceAccountToken"], false);
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "local-registry-push"});
    assert_eq!(object(BINDINGS)["roleRef"], role);
    let subjects = json!([{"kind": "ServiceAccount", "name": "local-registry-push", "namespace": "team"}]);
    assert_eq!(object(BINDINGS)["subjects"], subjects);
    assert_eq!(object(SECRETS)["type"], "kubernetes.io/dockerconfigjson");
    assert_eq!(server.good_for("team"), BOTH);
    let annotations = &object(SECRETS)["metadata"]["annotations"];
    let expires: jiff::Timestamp = annotations["local-registry-hosting/expires"].as_str().unwrap().parse().unwrap();
    assert_eq!(report.expires, Some(expires));
    let life = expires.duration_since(server.now()).as_secs();
    assert!((86_390..=86_400).contains(&life), "{life}");
    assert_eq!(annotations["local-registry-hosting/lifetime"], "86400");
    assert_eq!(server.promise("team"), [expires.to_string().as_str(), "first.infra.svc:5000"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_secret_is_in_a_report() {
    let shared = Shared::with(&["team"]);
    let report = look(&shared).await;
    for text in [report.to_string(), format!("{report:?}"), serde_json::to_string(&report).unwrap()] {
        assert!(!text.contains(&shared.lock().given[0].text), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_at_two_thirds_of_its_life() {
    let shared = Shared::with(&["team"]);
    run(&shared, async {
        sleep(LIFETIME * 59 / 100).await;
        assert_eq!(shared.lock().given.len(), 1);
        sleep(LIFETIME * 8 / 100).await;
        assert_eq!(shared.lock().given.len(), 2);
        sleep(LIFETIME).await;
        assert_eq!(shared.lock().good_for("team"), BOTH);
    })
    .await;
    let server = shared.lock();
    assert_eq!(server.given.len(), 3, "one each two thirds of a day");
    let at = server.given[1].at;
    assert!((LIFETIME * 3 / 5..=LIFETIME * 2 / 3 + seconds(2)).contains(&at), "{at:?}");
    assert_eq!(
        server.writes.iter().filter(|write| write.ends_with("serviceaccounts team")).count(),
        7,
        "the account stays, and promises each token"
    );
}

#[tokio::test(start_paused = true)]
async fn the_life_that_the_api_server_gives_counts() {
    let shared = Shared::with(&["team"]);
    shared.lock().life = Some(900);
    run(&shared, async {
        sleep(seconds(530)).await;
        assert_eq!(shared.lock().given.len(), 1);
        sleep(seconds(90)).await;
        assert_eq!(shared.lock().given.len(), 2);
        for _ in 0..100 {
            sleep(seconds(30)).await;
            assert_eq!(shared.lock().good_for("team"), BOTH);
        }
    })
    .await;
    // A year is more than was asked for.
    let shared = Shared::with(&["team"]);
    shared.lock().life = Some(365 * 86_400);
    run_for(&shared, LIFETIME * 2 / 3 + seconds(60)).await;
    assert_eq!(shared.lock().given.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn another_host_counts_when_it_has_settled() {
    let shared = Shared::with(&["a", "b"]);
    let reports = run(&shared, async {
        sleep(seconds(30)).await;
        shared.lock().declare(Some(SECOND));
        sleep(seconds(5)).await;
        shared.lock().declare(Some(FIRST));
        sleep(seconds(30)).await;
        assert_eq!(shared.lock().given.len(), 2, "nothing has changed");
        shared.lock().declare(Some(SECOND));
        sleep(seconds(9)).await;
        assert_eq!(shared.lock().given.len(), 2);
        sleep(seconds(3)).await;
        for namespace in ["a", "b"] {
            assert_eq!(shared.lock().good_for(namespace), ["local-registry:5000", "second.infra.svc:5000"]);
        }
    })
    .await;
    assert!(
        reports.iter().any(|report| report.starts_with("credentials: for second.infra.svc:5000 in 2 namespaces")),
        "{reports:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_portable_name_itself_may_be_declared() {
    let shared = Shared::with(&["team"]);
    shared.lock().declared = Some("hostFromClusterNetwork: local-registry:5000");
    look(&shared).await;
    assert_eq!(shared.lock().good_for("team"), ["local-registry:5000"]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_keeps_what_is_there_and_makes_what_is_missing() {
    let shared = Shared::with(&["a", "b", "c", "d"]);
    look(&shared).await;
    shared.lock().writes.clear();
    sleep(LIFETIME / 2).await;
    run_for(&shared, seconds(300)).await;
    assert_eq!(shared.lock().writes, [""; 0]);
    shared.lock().discard(BINDINGS, "b");
    shared.lock().discard(SECRETS, "c");
    shared.lock().discard(ACCOUNTS, "d");
    run_for(&shared, seconds(30)).await;
    let server = shared.lock();
    assert!(["a", "b", "c", "d"].into_iter().all(|namespace| server.good_for(namespace) == BOTH));
    let mut writes = server.writes.clone();
    writes.sort();
    assert_eq!(
        writes,
        [
            "PATCH rolebindings b",
            "PATCH secrets c",
            "PATCH secrets c",
            "PATCH secrets d",
            "PATCH serviceaccounts c",
            "PATCH serviceaccounts c",
            "PATCH serviceaccounts d",
            "PATCH serviceaccounts d",
            "TOKEN serviceaccounts c",
            "TOKEN serviceaccounts d",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_the_middle_goes_on() {
    let shared = Shared::with(&["team"]);
    shared.lock().latency = seconds(1);
    for _ in 0..5 {
        run_for(&shared, seconds(6)).await;
    }
    shared.lock().latency = seconds(0);
    run_for(&shared, seconds(60)).await;
    assert_eq!(shared.lock().good_for("team"), BOTH);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_changes_is_put_right_at_once() {
    let shared = Shared::with(&["team"]);
    run(&shared, async {
        sleep(seconds(30)).await;
        let empty = STANDARD.encode(r#"{"auths":{}}"#);
        shared.lock().edit(SECRETS, "team", |secret| secret["data"][".dockerconfigjson"] = json!(empty));
        sleep(seconds(3)).await;
        assert_eq!(shared.lock().good_for("team"), BOTH);
        sleep(seconds(30)).await;
        shared.lock().edit(SECRETS, "team", |secret| {
            secret["metadata"]["annotations"]["local-registry-hosting/expires"] = json!("2999-01-01T00:00:00Z");
        });
        sleep(seconds(3)).await;
        assert_eq!(shared.lock().given.len(), 3);
        sleep(seconds(30)).await;
        shared.lock().edit(ACCOUNTS, "team", |account| account["automountServiceAccountToken"] = json!(true));
        shared.lock().edit(BINDINGS, "team", |binding| binding["subjects"][0]["name"] = json!("default"));
        sleep(seconds(3)).await;
        let server = shared.lock();
        assert_eq!(server.objects[&(ACCOUNTS, "team".to_owned())]["automountServiceAccountToken"], false);
        assert_eq!(server.objects[&(BINDINGS, "team".to_owned())]["subjects"][0]["name"], "local-registry-push");
        assert_eq!(server.given.len(), 3, "the token is as good as before");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_changed_is_made_anew() {
    let shared = Shared::with(&["immutable", "opaque", "role"]);
    look(&shared).await;
    {
        let mut server = shared.lock();
        server.edit(SECRETS, "immutable", |secret| secret["immutable"] = json!(true));
        server.edit(SECRETS, "opaque", |secret| secret["type"] = json!("Opaque"));
        server.edit(BINDINGS, "role", |binding| binding["roleRef"]["name"] = json!("admin"));
    }
    assert!(look(&shared).await.succeeded());
    let server = shared.lock();
    assert!(["immutable", "opaque", "role"].into_iter().all(|namespace| server.good_for(namespace) == BOTH));
    assert_eq!(server.objects[&(BINDINGS, "role".to_owned())]["roleRef"]["name"], "local-registry-push");
    assert_eq!(server.objects[&(SECRETS, "immutable".to_owned())]["immutable"], json!(null));
    assert_eq!(server.objects[&(SECRETS, "opaque".to_owned())]["type"], "kubernetes.io/dockerconfigjson");
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_restored_from_a_backup_gets_a_token_of_its_own() {
    let shared = Shared::with(&["team"]);
    look(&shared).await;
    shared.lock().edit(SECRETS, "team", |secret| secret["metadata"]["uid"] = json!("another"));
    assert_eq!(shared.lock().good_for("team"), [""; 0]);
    look(&shared).await;
    assert_eq!(shared.lock().good_for("team"), BOTH);
}

/// Makes a Secret look as if this program had just written it, as whoever knows how can who may write it.
fn forge(shared: &Shared) {
    let account = shared.lock().objects[&(ACCOUNTS, "team".to_owned())]["metadata"]["uid"].clone();
    let expires = shared.lock().now().checked_add(LIFETIME).unwrap();
    let expires = jiff::Timestamp::from_second(expires.as_second()).unwrap().to_string();
    let config = "e30=";
    shared.lock().edit(SECRETS, "team", |secret| {
        let wanted = ["first.infra.svc:5000", "local-registry:5000", "local-registry-push", "local-registry", ""];
        let wanted = Fingerprint::of(&wanted.map(str::as_bytes));
        let uid = secret["metadata"]["uid"].as_str().unwrap();
        let [uid, account, expires_text, life] = [uid, account.as_str().unwrap(), &expires, "86400"].map(str::as_bytes);
        let config_seal = Fingerprint::of(&[config.as_bytes()]);
        let seal =
            Fingerprint::of(&[uid, account, expires_text, life, wanted.as_bytes(), config_seal.as_bytes()]).to_hex();
        secret["data"][".dockerconfigjson"] = json!(config);
        secret["metadata"]["annotations"]["local-registry-hosting/expires"] = json!(expires);
        secret["metadata"]["annotations"]["local-registry-hosting/seal"] = json!(seal);
    });
}

#[tokio::test(start_paused = true)]
async fn a_forged_secret_is_put_right_when_the_token_would_be_renewed() {
    let shared = Shared::with(&["team"]);
    run(&shared, async {
        sleep(LIFETIME / 2).await;
        forge(&shared);
        sleep(seconds(120)).await;
        assert_eq!(shared.lock().given.len(), 1, "it is forged well");
        sleep(LIFETIME / 6).await;
        assert_eq!(shared.lock().good_for("team"), BOTH);
    })
    .await;
    // A program that was not there knows of no other end than the one that is forged.
    forge(&shared);
    run(&shared, async {
        sleep(seconds(120)).await;
        assert_eq!(shared.lock().good_for("team"), [""; 0], "it is forged well");
        sleep(LIFETIME).await;
        assert_eq!(shared.lock().good_for("team"), BOTH);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_ends_later_than_any_token_is_renewed_at_once() {
    let shared = Shared::with(&["team"]);
    let year = CredentialsTask { lifetime: Duration::from_hours(24 * 365), ..task(&shared) };
    run_as(&shared, year, sleep(seconds(5))).await;
    assert_eq!(shared.lock().given.len(), 1);
    // A Secret that says that its token lives for a year, where tokens live for a day.
    run_for(&shared, seconds(5)).await;
    assert_eq!(shared.lock().given.len(), 2);
    run_for(&shared, seconds(5)).await;
    assert_eq!(shared.lock().given.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn somebody_who_changes_a_secret_again_and_again_keeps_nobody_busy() {
    let shared = Shared::with(&["loud", "quiet"]);
    run(&shared, async {
        for _ in 0..200 {
            sleep(seconds(1)).await;
            if shared.lock().objects.contains_key(&(SECRETS, "loud".to_owned())) {
                shared.lock().edit(SECRETS, "loud", |secret| secret["data"][".dockerconfigjson"] = json!("e30="));
            }
        }
    })
    .await;
    let server = shared.lock();
    let (loud, quiet) = (server.writes_in("loud"), server.writes_in("quiet"));
    assert!(quiet == 6 && (10..=50).contains(&loud), "{loud} {quiet}");
}

#[tokio::test(start_paused = true)]
async fn the_certificate_authority_is_in_the_secret_and_follows_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.crt");
    let certificate = |text: &str| format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    std::fs::write(&path, format!("# a comment\n{}", certificate("AA=="))).unwrap();
    let shared = Shared::with(&["team"]);
    let with_file = |authority: &'static Path| CredentialsTask { authority: Some(authority), ..task(&shared) };
    let file: &'static Path = Box::leak(path.clone().into_boxed_path());
    let stored = || shared.lock().objects[&(SECRETS, "team".to_owned())]["data"]["ca.crt"].clone();
    run_as(&shared, with_file(file), async {
        sleep(seconds(5)).await;
        assert_eq!(stored(), json!(STANDARD.encode(certificate("AA=="))));
        assert_eq!(shared.lock().good_for("team"), BOTH);
        std::fs::write(&path, certificate("AQ==")).unwrap();
        sleep(seconds(70)).await;
        assert_eq!(stored(), json!(STANDARD.encode(certificate("AQ=="))));
        shared.lock().edit(SECRETS, "team", |secret| secret["data"]["ca.crt"] = json!("e30="));
        sleep(seconds(20)).await;
        assert_eq!(stored(), json!(STANDARD.encode(certificate("AQ=="))));
        std::fs::remove_file(&path).unwrap();
        shared.lock().label("other", Some("true"));
        sleep(seconds(70)).await;
        assert_eq!(shared.lock().writes_in("other"), 0, "nothing changes while the file cannot be read");
    })
    .await;
    look(&shared).await;
    assert_eq!(stored(), json!(null), "what was there of ours goes with the option");
    // What somebody else has put there is theirs.
    shared.lock().edit(SECRETS, "team", |secret| secret["data"]["ca.crt"] = json!("e30="));
    shared.lock().writes.clear();
    look(&shared).await;
    assert_eq!(shared.lock().writes, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_tokens_of_one_minute_are_not_renewed_in_one() {
    let start = Instant::now();
    let namespaces: Vec<String> = (0..40).map(|number| format!("team-{number}")).collect();
    let shared = Shared::with(&namespaces.iter().map(String::as_str).collect::<Vec<_>>());
    run_for(&shared, LIFETIME * 2 / 3 + seconds(60)).await;
    let server = shared.lock();
    let mut renewed: Vec<u64> = server.given.iter().skip(40).map(|given| given.at.as_secs()).collect();
    renewed.sort_unstable();
    assert_eq!(renewed.len(), 40, "{:?}", start.elapsed());
    let span = renewed[39] - renewed[0];
    assert!(span > LIFETIME.as_secs() / 30, "all within {span} seconds");
}
