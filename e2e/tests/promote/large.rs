//! A layer that is larger than memory may be.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use e2e::{PromotionTree, peak_memory};
use local_registry_core::Digest;
use local_registry_oci::digest_of;
use serde_json::json;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// How many bytes the layer has. `LARGE_LAYER` sets another number.
const LAYER: u64 = 2 << 30;

/// One request: method, path with its query, and how long its body is.
struct Request {
    method: String,
    path: String,
    length: u64,
}

/// Reads the head of a request; `None` at the end of the connection.
fn head(connection: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    if connection.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut length = 0;
    loop {
        let mut header = String::new();
        connection.read_line(&mut header).ok()?;
        match header.trim().to_ascii_lowercase().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap(),
            Some(_) => {}
            None => return Some(Request { method, path, length }),
        }
    }
}

/// Answers with these headers and this body.
fn answer(connection: &mut BufReader<TcpStream>, status: &str, headers: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    connection.get_mut().write_all(head.as_bytes()).unwrap();
    connection.get_mut().write_all(body).unwrap();
}

/// Serves a registry's requests by a function, each connection in a thread.
fn serve(respond: impl Fn(&mut BufReader<TcpStream>, &Request) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let respond = Arc::new(respond);
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let respond = Arc::clone(&respond);
            std::thread::spawn(move || {
                let mut connection = BufReader::new(connection.unwrap());
                while let Some(request) = head(&mut connection) {
                    respond(&mut connection, &request);
                }
            });
        }
    });
    address
}

/// The digest of that many zeros.
fn digest_of_zeros(mut count: u64) -> Digest {
    let piece = vec![0; 1 << 20];
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    while count > 0 {
        let length = count.min(1 << 20);
        context.update(&piece[..usize::try_from(length).unwrap()]);
        count -= length;
    }
    Digest::from_sha256(context.finish().as_ref().try_into().unwrap())
}

/// Promotes an image with one layer of so many zeros, and returns the peak of the program's memory in KiB.
fn promote_zeros(size: u64) -> u64 {
    let layer = json!({"mediaType": "application/x", "digest": digest_of_zeros(size), "size": size});
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [layer]}).to_string();
    let digest = digest_of(manifest.as_bytes());
    let source = serve(move |connection, request| match (request.method.as_str(), &request.path) {
        ("GET", path) if path.contains("/blobs/") => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n");
            connection.get_mut().write_all(head.as_bytes()).unwrap();
            std::io::copy(&mut std::io::repeat(0).take(size), connection.get_mut()).unwrap();
        }
        ("GET" | "HEAD", path) if path.contains("/manifests/sha256:") => {
            let body = if request.method == "GET" { manifest.as_bytes() } else { b"" };
            answer(connection, "200 OK", &format!("content-type: {MANIFEST}\r\n"), body);
        }
        _ => answer(connection, "404 Not Found", "", b""),
    });
    let (taken, manifests) = (Arc::new(AtomicU64::new(0)), Arc::new(std::sync::Mutex::new(Vec::new())));
    let (count, stored) = (Arc::clone(&taken), Arc::clone(&manifests));
    let tagged = AtomicBool::new(false);
    let target = serve(move |connection, request| match (request.method.as_str(), &request.path) {
        ("POST", _) => answer(connection, "202 Accepted", "location: /v2/upload/1\r\n", b""),
        ("PUT", path) if path.starts_with("/v2/upload/") => {
            let read = std::io::copy(&mut connection.take(request.length), &mut std::io::sink()).unwrap();
            count.fetch_add(read, Ordering::Relaxed);
            answer(connection, "201 Created", "", b"");
        }
        ("PUT", path) => {
            if path.ends_with("/manifests/v1") {
                tagged.store(true, Ordering::Relaxed);
            }
            let mut body = Vec::new();
            connection.take(request.length).read_to_end(&mut body).unwrap();
            *stored.lock().unwrap() = body;
            answer(connection, "201 Created", "", b"");
        }
        ("GET" | "HEAD", path)
            if !stored.lock().unwrap().is_empty()
                && (path.contains("/manifests/sha256:")
                    || (path.ends_with("/manifests/v1") && tagged.load(Ordering::Relaxed))) =>
        {
            let body = stored.lock().unwrap().clone();
            let digest = digest_of(&body);
            let headers = format!("content-type: {MANIFEST}\r\ndocker-content-digest: {digest}\r\n");
            let body = if request.method == "GET" { body.as_slice() } else { b"" };
            answer(connection, "200 OK", &headers, body);
        }
        _ => answer(connection, "404 Not Found", "", b""),
    });
    let tree = PromotionTree::new(&source, &target, &format!("- name: app\n  dmap:\n    \"{digest}\": [v1]\n"));
    let peak = peak_memory(tree.command(&["run", "--confirm"]), &tree.path().join("log"));
    assert_eq!(taken.load(Ordering::Relaxed), size);
    peak
}

#[test]
fn memory_does_not_grow_with_a_layer() {
    let size = std::env::var("LARGE_LAYER").map_or(LAYER, |size| size.parse().unwrap());
    let small = promote_zeros(1 << 20);
    let large = promote_zeros(size);
    println!("number: a layer of {size} bytes: {large} KiB; one of 1 MiB: {small} KiB");
    assert!(large < small + (8 << 10), "{large} KiB, and {small} KiB for a small layer");
}
