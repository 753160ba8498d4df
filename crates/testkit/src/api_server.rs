//! What every stand-in for the API server sends.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use http::Response;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};
use tower_test::mock::SendResponse;

/// The body of an answer.
pub type Answer = UnsyncBoxBody<Bytes, Infallible>;

/// The path of the ConfigMap.
pub const CONFIG_MAP: &str = "/api/v1/namespaces/kube-public/configmaps/local-registry-hosting";
/// The path of the ClusterAdmissionPolicy `local`.
pub const POLICY: &str = "/apis/policies.kubewarden.io/v1/clusteradmissionpolicies/local";

/// The object that comes with an error.
pub fn status(code: u16, reason: &str, message: &str, details: &Value) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": code, "reason": reason, "message": message, "details": details,
    })
}

/// The ConfigMap with this value under the key of version 1.
pub fn config_map(value: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "local-registry-hosting", "namespace": "kube-public", "resourceVersion": "2"},
        "data": {"localRegistryHosting.v1": value},
    })
}

/// Answers a request.
pub fn send(response: SendResponse<Response<Answer>>, code: u16, body: &impl ToString) {
    let body = Full::from(body.to_string()).boxed_unsync();
    response
        .send_response(Response::builder().status(code).header("content-type", "application/json").body(body).unwrap());
}

/// How often a watch sends a bookmark, as the API server does.
pub const BOOKMARK: Duration = Duration::from_mins(1);

/// Events of a watch, and how long it waits before it sends them.
pub type Step = (Duration, Vec<Value>);

/// Answers a watch: with these events one after another, and bookmarks meanwhile. After an event of the type `ERROR` it ends;
/// else it stays open.
pub fn send_watch(response: SendResponse<Response<Answer>>, steps: impl IntoIterator<Item = Step>) {
    let steps: VecDeque<Step> = steps.into_iter().collect();
    let ends = steps.back().is_some_and(|(_, events)| is_error(events));
    let lines = stream::unfold(steps, move |mut steps| async move {
        match steps.front_mut() {
            None if ends => return None,
            Some((delay, _)) if *delay <= BOOKMARK => {
                let (delay, events) = steps.pop_front()?;
                sleep(delay).await;
                return Some((lines(&events), steps));
            }
            Some((delay, _)) => *delay -= BOOKMARK,
            None => {}
        }
        sleep(BOOKMARK).await;
        Some((bookmark("2"), steps))
    });
    send_lines(response, lines);
}

/// Answers a watch that stays open, and returns where its events are to be sent. It sends bookmarks meanwhile.
pub fn open_watch(response: SendResponse<Response<Answer>>) -> UnboundedSender<Value> {
    let (sender, receiver) = unbounded_channel();
    let news = stream::unfold(receiver, async |mut receiver: UnboundedReceiver<Value>| {
        let line = match timeout(BOOKMARK, receiver.recv()).await {
            Ok(event) => lines(&[event?]),
            Err(_) => bookmark("2"),
        };
        Some((line, receiver))
    });
    send_lines(response, Box::pin(news));
    sender
}

/// Answers a watch with lines as they come.
pub fn send_lines(response: SendResponse<Response<Answer>>, lines: impl Stream<Item = String> + Send + 'static) {
    let frames = lines.map(|line| Ok::<_, Infallible>(Frame::data(Bytes::from(line))));
    let body = StreamBody::new(frames).boxed_unsync();
    response
        .send_response(Response::builder().status(200).header("content-type", "application/json").body(body).unwrap());
}

/// A bookmark, as a line of a watch.
pub fn bookmark(version: &str) -> String {
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"resourceVersion": version}});
    lines(&[json!({"type": "BOOKMARK", "object": object})])
}

/// The steps of the next watch: up to one that ends it.
pub fn next_steps(steps: &mut VecDeque<Step>) -> Vec<Step> {
    let end = steps.iter().position(|(_, events)| is_error(events)).map_or(steps.len(), |last| last + 1);
    steps.drain(..end).collect()
}

fn is_error(events: &[Value]) -> bool {
    events.iter().any(|event| event["type"] == "ERROR")
}

/// Events as lines of a watch.
pub fn lines(events: &[Value]) -> String {
    events.iter().fold(String::new(), |mut lines, event| {
        let _ = writeln!(lines, "{event}");
        lines
    })
}
