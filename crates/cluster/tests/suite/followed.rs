//! A followed ConfigMap, against an API server that hangs, answers about something else, and ends watches at once. Seconds are
//! those of tokio's clock, which is paused: it moves on where every task waits.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use local_registry_cluster::Cluster;
use local_registry_cluster::aliases::Alias;
use local_registry_cluster::follow::{Followed, FollowedAll, News, Seen};
use local_registry_declaration::Data;
use local_registry_testkit::api_server::{
    Answer, BOOKMARK, bookmark, config_map, lines, send, send_lines, send_watch, status,
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use tower_test::mock::{SendResponse, pair};

const HOST: &str = "hostFromClusterNetwork: reg.io";

/// A request, and how it is answered.
type Reply = fn(usize, SendResponse<Response<Answer>>);

/// A cluster that answers lists and watches in these ways, each with the count of such requests before it.
fn cluster(on_list: Reply, on_watch: Reply) -> Cluster {
    let (service, mut handle) = pair::<Request<Body>, Response<Answer>>();
    tokio::spawn(async move {
        let (mut lists, mut watches) = (0, 0);
        while let Some((request, response)) = handle.next_request().await {
            if request.uri().query().is_some_and(|query| query.contains("watch=true")) {
                on_watch(watches, response);
                watches += 1;
            } else {
                on_list(lists, response);
                lists += 1;
            }
        }
    });
    Cluster::new(Client::new(service, "default"))
}

fn list(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMapList", "metadata": {"resourceVersion": "1"}, "items": items})
}

fn answer_list(_: usize, response: SendResponse<Response<Answer>>) {
    send(response, 200, &list(&[config_map(HOST)]));
}

fn stay_open(_: usize, response: SendResponse<Response<Answer>>) {
    send_watch(response, []);
}

/// Keeps a request, and never answers it.
fn hang(_: usize, response: SendResponse<Response<Answer>>) {
    tokio::spawn(async move {
        sleep(Duration::MAX).await;
        drop(response);
    });
}

/// The next news, and after how many seconds it came.
async fn news(followed: &mut Followed<Data>) -> (News, u64) {
    let start = Instant::now();
    let news = timeout(Duration::from_hours(1), followed.news()).await.expect("there is no news");
    (news, start.elapsed().as_secs())
}

fn error(followed: &Followed<Data>) -> &str {
    &followed.lost().expect("it is not lost").error
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_never_answered_is_noticed() {
    let mut followed = cluster(hang, stay_open).follow_config_map();
    assert_eq!(news(&mut followed).await, (News::Lost, 15));
    assert_eq!(
        error(&followed),
        "ConfigMap kube-public/local-registry-hosting: the API server did not answer within 15 seconds"
    );
    assert_eq!(followed.seen(), &Seen::NotYet);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_never_answered_is_noticed() {
    let mut followed = cluster(answer_list, hang).follow_config_map();
    let start = Instant::now();
    assert_eq!(news(&mut followed).await, (News::First, 0));
    assert_eq!(news(&mut followed).await, (News::Lost, 15));
    assert_eq!(followed.lost().unwrap().since, start, "since the API server was last heard of");
    // An answered list shows that it can be read again.
    assert_eq!(news(&mut followed).await.0, News::Same);
    assert_eq!(followed.lost(), None);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_silent_for_longer_than_bookmarks_need_is_not_believed() {
    let silent: Reply = |_, response| send_lines(response, stream::pending());
    let mut followed = cluster(answer_list, silent).follow_config_map();
    assert_eq!(news(&mut followed).await, (News::First, 0));
    let (news, seconds) = news(&mut followed).await;
    assert!(news == News::Same && (75..80).contains(&seconds), "{news:?} after {seconds} s");
}

#[tokio::test(start_paused = true)]
async fn a_watch_with_bookmarks_is_believed() {
    let mut followed = cluster(answer_list, stay_open).follow_config_map();
    assert_eq!(news(&mut followed).await, (News::First, 0));
    assert!(timeout(Duration::from_hours(1), followed.news()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn watches_that_end_at_once_are_begun_again_ever_more_rarely() {
    let end: Reply = |_, response| send(response, 200, &"");
    let cluster = cluster(answer_list, end);
    let mut followed = cluster.follow_config_map();
    let _ = timeout(Duration::from_mins(2), async {
        loop {
            followed.news().await;
        }
    })
    .await;
    let ended = cluster.ended_watches().load(Ordering::Relaxed);
    assert!((4..12).contains(&ended), "{ended}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_has_worked_goes_on_from_where_it_ended() {
    // The API server ends every watch after some minutes.
    let end: Reply = |watch, response| match watch {
        0 => send_lines(
            response,
            stream::iter(0..4).then(|_| async {
                sleep(BOOKMARK).await;
                bookmark("2")
            }),
        ),
        _ => send_watch(
            response,
            [(Duration::from_secs(10), vec![json!({"type": "MODIFIED", "object": config_map(HOST)})])],
        ),
    };
    let one_list: Reply = |list, response| {
        assert_eq!(list, 0, "the ConfigMap is listed once");
        answer_list(list, response);
    };
    let mut followed = cluster(one_list, end).follow_config_map();
    assert_eq!(news(&mut followed).await, (News::First, 0));
    let (news, seconds) = news(&mut followed).await;
    assert!(news == News::Same && (250..255).contains(&seconds), "{news:?} after {seconds} s");
}

#[tokio::test(start_paused = true)]
async fn an_answer_about_something_else_is_no_news_of_the_object() {
    fn other() -> Value {
        let mut other = config_map("hostFromClusterNetwork: evil.example");
        other["metadata"]["name"] = json!("other");
        other
    }
    let message = "ConfigMap kube-public/local-registry-hosting: the answer is about the object `other`; something between this program and the API server answers in its place";
    let mut followed = cluster(|_, response| send(response, 200, &list(&[other()])), stay_open).follow_config_map();
    assert_eq!(news(&mut followed).await.0, News::Lost);
    assert_eq!(error(&followed), message);

    let deleted: Reply = |_, response| send(response, 200, &lines(&[json!({"type": "DELETED", "object": other()})]));
    let mut followed = cluster(answer_list, deleted).follow_config_map();
    assert_eq!(news(&mut followed).await, (News::First, 0));
    assert_eq!(news(&mut followed).await.0, News::Lost);
    assert_eq!(error(&followed), message);
    assert!(matches!(followed.seen(), Seen::Present(_)), "what was seen still counts");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_refused_is_no_news_of_the_object() {
    for code in [404, 429, 503] {
        let refuse: Reply = match code {
            404 => |_, response| send(response, 404, &status(404, "NotFound", "no such path", &json!({}))),
            429 => |_, response| send(response, 429, &status(429, "TooManyRequests", "slow down", &json!({}))),
            _ => |_, response| send(response, 503, &"<html>"),
        };
        let mut followed = cluster(refuse, stay_open).follow_config_map();
        let (news, seconds) = news(&mut followed).await;
        assert!(news == News::Lost && seconds <= 15, "{code}: {news:?} after {seconds} s");
        assert_eq!(followed.seen(), &Seen::NotYet);
    }
}

fn services(items: &[Value], continue_token: &str) -> Value {
    let metadata = json!({"resourceVersion": "1", "continue": continue_token});
    json!({"apiVersion": "v1", "kind": "ServiceList", "metadata": metadata, "items": items})
}

fn service(namespace: &str, name: &str) -> Value {
    let metadata = json!({"namespace": namespace, "name": name, "resourceVersion": "2"});
    json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"type": "ExternalName"}})
}

fn namespaces(followed: &FollowedAll<Alias>) -> Vec<String> {
    followed.seen().into_iter().flatten().map(|(place, _)| place.namespace.clone().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn objects_that_are_alike_are_listed_page_by_page_and_followed_one_by_one() {
    let pages: Reply = |page, response| match page {
        0 => send(response, 200, &services(&[service("a", "local-registry"), service("b", "local-registry")], "x")),
        _ => send(response, 200, &services(&[service("c", "local-registry")], "")),
    };
    let events: Reply = |_, response| {
        let event = |kind: &str, namespace: &str| json!({"type": kind, "object": service(namespace, "local-registry")});
        let steps = [event("ADDED", "d"), event("MODIFIED", "d"), event("DELETED", "b"), event("DELETED", "never")];
        send_watch(response, steps.map(|event| (Duration::from_secs(1), vec![event])));
    };
    let mut followed = cluster(pages, events).follow_aliases();
    assert_eq!(followed.seen(), None);
    for (news, expected) in [
        (News::First, "a b c"),
        (News::Changed, "a b c d"),
        (News::Same, "a b c d"),
        (News::Changed, "a c d"),
        (News::Same, "a c d"),
    ] {
        assert_eq!(followed.news().await, news);
        assert_eq!(namespaces(&followed).join(" "), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_with_another_object_or_without_its_last_page_is_no_news() {
    let other: Reply = |_, response| {
        send(response, 200, &services(&[service("a", "local-registry"), service("b", "evil")], ""));
    };
    let gone: Reply = |page, response| match page {
        0 => send(response, 200, &services(&[service("a", "local-registry")], "x")),
        _ => send(response, 410, &status(410, "Expired", "the token is too old", &json!({}))),
    };
    for (reply, message) in
        [(other, "the answer is about the object `evil`"), (gone, "the API server answered 410: the token is too old")]
    {
        let mut followed = cluster(reply, stay_open).follow_aliases();
        assert_eq!(followed.news().await, News::Lost);
        assert_eq!(followed.seen(), None);
        let error = &followed.lost().unwrap().error;
        assert!(error.starts_with("Services that are called local-registry: ") && error.contains(message), "{error}");
    }
}
