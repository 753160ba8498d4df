//! What an unkind API server does to credentials.

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::time::{Instant, sleep};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::server::{ACCOUNTS, Fault, SECRETS, Shared};
use super::{BOTH, LIFETIME, look, run, run_for, seconds};

/// Everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = writeln!(self.0.lock().unwrap(), "{field}: {value:?}");
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        attributes.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn one_that_is_silent_ends_the_round_and_is_tried_again() {
    let namespaces: Vec<String> = (0..100).map(|number| format!("team-{number}")).collect();
    let shared = Shared::with(&namespaces.iter().map(String::as_str).collect::<Vec<_>>());
    shared.lock().fault = Some(Fault::Silent);
    let start = Instant::now();
    let report = look(&shared).await;
    assert_eq!(start.elapsed().as_secs(), 15);
    assert!(!report.succeeded() && report.to_string().contains("did not answer within 15 seconds"), "{report}");

    shared.lock().writes.clear();
    run(&shared, async {
        sleep(seconds(300)).await;
        let writes = shared.lock().writes.len();
        assert!((8 * 5..8 * 16).contains(&writes), "{writes}");
        shared.lock().fault = None;
        sleep(seconds(90)).await;
        assert_eq!(shared.lock().good_for("team-99"), BOTH);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_fails_stops_no_other_and_rests_longer_each_time() {
    let shared = Shared::with(&["a", "full", "z"]);
    shared.lock().refusing.insert("full");
    let reports = run(&shared, async {
        sleep(seconds(5)).await;
        for namespace in ["a", "z"] {
            assert_eq!(shared.lock().good_for(namespace), BOTH);
        }
        // Whatever is new of others.
        for _ in 0..300 {
            sleep(seconds(2)).await;
            shared.lock().label("other", Some("yes"));
            shared.lock().label("other", None);
        }
        let tries = shared.lock().writes_in("full");
        assert!((5..=8).contains(&tries), "{tries}");
        shared.lock().refusing.clear();
        sleep(seconds(185)).await;
        assert_eq!(shared.lock().good_for("full"), BOTH);
    })
    .await;
    assert_eq!(
        reports[0],
        "credentials: for first.infra.svc:5000 in 2 namespaces\n\
         credential local-registry-push of full: failed: ServiceAccount full/local-registry-push: the API server answered 403: \
         exceeded quota: objects\n\
         credential local-registry-push of a: made\n\
         credential local-registry-push of z: made"
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_that_cannot_be_renewed_is_the_one_that_ends_first() {
    let shared = Shared::with(&["a"]);
    look(&shared).await;
    let expires = look(&shared).await.expires;
    sleep(LIFETIME * 5 / 6).await;
    shared.lock().label("new", Some("true"));
    shared.lock().refusing.insert("a");
    let report = look(&shared).await;
    assert!(!report.succeeded() && expires.is_some());
    assert_eq!(report.expires, expires);
    shared.lock().refusing.clear();
    assert!(look(&shared).await.expires > expires);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_fit_is_a_failure() {
    for (fault, expected) in [
        (Fault::AboutElse, "the answer is about the object `elsewhere/local-registry-push`"),
        (Fault::Conflict, "it was changed meanwhile, so nothing was written"),
        (Fault::Changes, "a Secret that is not as it was sent; see which mutating webhook changes it"),
        (Fault::Strips, "a ServiceAccount that is not as it was sent; see which mutating webhook changes it"),
    ] {
        let shared = Shared::with(&["a"]);
        shared.lock().fault = Some(fault);
        let report = look(&shared).await;
        assert!(!report.succeeded() && report.to_string().contains(expected), "{fault:?}: {report}");
        // It is tried again, but not all the time.
        shared.lock().writes.clear();
        run(&shared, async {
            sleep(seconds(300)).await;
            let writes = shared.lock().writes.len();
            // What has lost its label is somebody else's.
            let least = if fault == Fault::Strips { 0 } else { 3 };
            assert!((least..=60).contains(&writes), "{fault:?}: {writes}");
            shared.lock().fault = None;
            if fault == Fault::Strips {
                let all: Vec<_> = shared.lock().objects.keys().cloned().collect();
                for (kind, namespace) in all {
                    shared.lock().discard(kind, &namespace);
                }
            }
            sleep(seconds(200)).await;
            assert_eq!(shared.lock().good_for("a"), BOTH, "{fault:?}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_for_something_else_is_not_taken() {
    let shared = Shared::with(&["a"]);
    look(&shared).await;
    shared.lock().discard(SECRETS, "a");
    let first = look(&shared).await;
    assert!(first.succeeded());
    shared.lock().edit(SECRETS, "a", |secret| secret["data"] = serde_json::json!({}));
    shared.lock().edit(ACCOUNTS, "a", |account| account["metadata"]["annotations"] = serde_json::json!({}));
    shared.lock().fault = Some(Fault::AboutElse);
    let report = look(&shared).await;
    assert!(
        report.to_string().contains("token of ServiceAccount a/local-registry-push: the answer is about"),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_far_off_is_named() {
    let shared = Shared::with(&["a"]);
    shared.lock().life = Some(-86_400);
    let report = look(&shared).await;
    assert!(report.to_string().contains("; set the clocks of both machines"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn no_token_is_in_a_log_or_a_report_whatever_the_answers_are() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    for fault in [None, Some(Fault::Garbled), Some(Fault::Quotes), Some(Fault::AboutElse), Some(Fault::Changes)] {
        let shared = Shared::with(&["a", "b"]);
        // There is a Secret to be filled, so that tokens are asked for first.
        look(&shared).await;
        for namespace in ["a", "b"] {
            shared.lock().edit(SECRETS, namespace, |secret| secret["metadata"]["annotations"] = serde_json::json!({}));
        }
        shared.lock().fault = fault;
        let given = shared.lock().given.len();
        let reports = run_for(&shared, seconds(100)).await.join("\n");
        assert!(shared.lock().given.len() > given, "{fault:?}");
        let logged = log.0.lock().unwrap().clone();
        assert!(!logged.is_empty());
        for given in &shared.lock().given {
            let auth = STANDARD.encode(format!("local-registry-push:{}", given.text));
            for secret in [given.text.as_str(), &auth, &STANDARD.encode(r#"{"auths":"#)] {
                assert!(!reports.contains(secret) && !logged.contains(secret), "{fault:?}: {reports} {logged}");
            }
        }
        if fault == Some(Fault::Quotes) {
            assert!(reports.contains("the Secret was refused, by a message that quotes what is in it"), "{reports}");
        }
    }
}

/// Lists and watches of Secrets that cannot be read.
#[tokio::test(start_paused = true)]
async fn a_secret_that_cannot_be_read_is_not_logged() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let secret = "dmVyeS1zZWNyZXQtdGV4dC10aGF0LW5vYm9keS1zZWVz";
    let shared = Shared::with(&["a"]);
    look(&shared).await;
    let reports = run(&shared, async {
        sleep(seconds(20)).await;
        shared.lock().edit(SECRETS, "a", |object| object["data"] = serde_json::json!(secret));
        sleep(seconds(120)).await;
    })
    .await;
    assert!(reports.iter().any(|report| report.starts_with("credentials: unknown: ")), "{reports:?}");
    assert!(!reports.join("").contains(secret) && !log.0.lock().unwrap().contains(secret), "{reports:?}");
}
