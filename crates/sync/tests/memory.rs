//! What a ConfigMap may cost: its author chooses up to 1 MiB, and the sync job's pod has 32 MiB.
//!
//! The allocator counts every allocation of the process, so there is one test, and nothing runs beside it.

#![cfg(test)]
#![expect(unsafe_code, reason = "an allocator is unsafe; this one only counts what the system's does")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use local_registry_cluster::Cluster;
use local_registry_declaration::{AllowedHosts, Data, Declared};
use local_registry_sync::{Report, State, Task, Timing, watch};
use local_registry_testkit::api_server::{Answer, send, send_watch};
use serde_json::{Value, json};
use tokio::time::sleep;
use tower_test::mock::pair;

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is the system allocator's, with the same arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::SeqCst) + layout.size();
        PEAK.fetch_max(now, Ordering::SeqCst);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::SeqCst);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes that were allocated at a time, without those that were allocated before.
fn peak<T>(measured: impl FnOnce() -> T) -> (usize, T) {
    let before = NOW.load(Ordering::SeqCst);
    PEAK.store(before, Ordering::SeqCst);
    let result = measured();
    (PEAK.load(Ordering::SeqCst) - before, result)
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Names of values, the values, and whether each declares a registry.
fn values() -> Vec<(&'static str, String, bool)> {
    const HOST: &str = "hostFromClusterNetwork: reg.io:5000\n";
    let aliases = |length: usize, count: usize| {
        format!("{HOST}long: &a \"{}\"\nlist:\n{}", "x".repeat(length), "- *a\n".repeat(count))
    };
    let lines = |count: usize, line: fn(usize) -> String| (0..count).map(line).collect::<Vec<_>>().concat();
    let keys = |count: usize| lines(count, |n| format!("k{n}: v\n"));
    vec![
        ("one long scalar, 500 aliases", aliases(100_000, 500), false),
        ("the longest that is read, with as many aliases", aliases(13_000, 600), false),
        ("the longest that is read, with a dozen aliases", aliases(16_000, 12), false),
        ("a text with a dozen aliases", aliases(1_000, 12), true),
        ("escapes", format!("{HOST}long: \"{}\"", "\\t".repeat(8_000)), true),
        ("escapes behind an anchor", format!("{HOST}long: &a \"{}\"\nb: *a", "\\t".repeat(8_000)), true),
        ("a known field that is long", format!("{HOST}help: {}", "x".repeat(16_000)), true),
        ("a host that is long", format!("{HOST}host: {0}\nhelp: {0}", "x".repeat(8_000)), true),
        ("a comment", format!("{HOST}#{}", "x".repeat(16_000)), true),
        ("a long key", format!("{HOST}? {}\n: x", "x".repeat(16_000)), true),
        ("many keys", format!("{HOST}{}", keys(900)), true),
        ("too many keys", format!("{HOST}{}", keys(1_800)), false),
        ("a wide list", format!("{HOST}list: [{}]", "x,".repeat(900)), true),
        ("a list that is too wide", format!("{HOST}list: [{}]", "x,".repeat(8_000)), false),
        ("a deep list", format!("{HOST}list: {}{}", "[".repeat(8_000), "]".repeat(8_000)), false),
        ("a deep mapping", format!("{HOST}{}", lines(150, |n| format!("{}a:\n", " ".repeat(n)))), false),
        ("anchors", format!("{HOST}list: {}x{}", "&a [".repeat(30), "]".repeat(30)), false),
        ("many anchors", format!("{HOST}list: [{}]", lines(1_000, |n| format!("&a{n} x,"))), false),
        (
            "aliases of lists",
            format!("{HOST}a: &a [{}]\nb: &b [{}]\nc: [{}]", "x,".repeat(300), "*a,".repeat(8), "*b,".repeat(8)),
            false,
        ),
        ("merges", format!("{HOST}a: &a {{x: y}}\n{}", "? {<<: *a}\n: x\n".repeat(900)), false),
        ("one MiB of nothing", "\n".repeat(MIB), false),
        ("a text that holds YAML", format!("|\n  {HOST}  {}", "x".repeat(16_000)), false),
    ]
}

fn config_map(value: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": "local-registry-hosting", "namespace": "kube-public", "resourceVersion": "2",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "x".repeat(200 * KIB)},
        },
        "data": {"localRegistryHosting.v1": "hostFromClusterNetwork: reg.io:5000", "other": value},
    })
}

/// JSON as Go's encoder writes it, with six bytes for each `<`.
fn as_go_writes_it(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

/// Runs the program with this ConfigMap, which is listed, and then changed again and again.
fn run(list: &'static str, event: &'static str) -> Vec<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let (service, mut handle) = pair::<Request<Body>, Response<Answer>>();
        let serving = async move {
            let mut watches = 0;
            while let Some((request, response)) = handle.next_request().await {
                let query = request.uri().query().unwrap_or_default();
                let (code, body) = match request.uri().path() {
                    path if path.ends_with("/configmaps") && query.contains("watch=true") => {
                        watches += 1;
                        if watches > 3 {
                            send_watch(response, []);
                            continue;
                        }
                        (200, event.to_owned())
                    }
                    path if path.ends_with("/configmaps") => (200, list.to_owned()),
                    path if path.contains("/events") => (403, String::new()),
                    _ => {
                        let policy =
                            json!({"metadata": {"name": "local"}, "spec": {"settings": {"host": "reg.io:5000"}}});
                        (200, policy.to_string())
                    }
                };
                send(response, code, &body);
            }
        };
        let cluster = Cluster::new(Client::new(service, "default"));
        let task = Task { policies: vec!["local".parse().unwrap()], ..Task::default() };
        let timing = Timing { settle: Duration::from_secs(1), resync: Duration::from_mins(1) };
        let mut reports = Vec::new();
        tokio::select! {
            never = watch(&cluster, &task, timing, |report| reports.push(report.clone())) => match never {},
            () = serving => {}
            () = sleep(Duration::from_secs(200)) => {}
        }
        reports
    })
}

#[test]
fn no_config_map_takes_more_memory_than_the_pod_has() {
    // Reading a value takes a fraction of a MiB, whatever it says.
    for (name, value, is_usable) in values() {
        let read = |data: &Data| Declared::read(data, &AllowedHosts::default());
        let (bytes, result) = peak(|| read(&[("localRegistryHosting.v1", &value)].into_iter().collect()));
        assert_eq!(result.is_ok(), is_usable, "{name}: {result:?}");
        assert!(bytes < 512 * KIB, "{name}: {bytes} bytes");
    }

    // The API server sends up to six bytes for each byte of 1 MiB. Some 16 MiB hold that while it is read, and nothing of
    // it is kept. The stand-in for the API server holds it here, too. The rest of the program takes some 6 MiB.
    let config_map = config_map(&"<".repeat(MIB - 100));
    let list = json!({"apiVersion": "v1", "kind": "ConfigMapList", "metadata": {"resourceVersion": "1"}, "items": [config_map]});
    let list: &'static str = as_go_writes_it(&list).leak();
    let event: &'static str = as_go_writes_it(&json!({"type": "MODIFIED", "object": config_map})).leak();
    let (bytes, reports) = peak(|| run(list, event));
    assert!(!reports.is_empty() && reports.iter().all(|report| report.state == State::Registry), "{reports:?}");
    assert!(bytes < 24 * MIB, "{bytes} bytes");
}
