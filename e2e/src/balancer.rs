//! A port that leads each connection to the next of two servers.

use std::io::copy;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Leads connections to two ports of this machine in turn, as a Service does while a Deployment rolls. It ends when it is
/// dropped; connections that are open go on.
#[derive(Debug)]
pub(crate) struct Balancer {
    /// Where it listens.
    pub(crate) port: u16,
    ends: Arc<AtomicBool>,
}

impl Balancer {
    pub(crate) fn start(servers: [u16; 2]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let ends = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ends);
        std::thread::spawn(move || {
            for (client, server) in listener.incoming().zip(servers.into_iter().cycle()) {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                if let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", server))) {
                    lead(&client, &server);
                    lead(&server, &client);
                }
            }
        });
        Self { port, ends }
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        // It waits for a connection.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

/// Copies what one side sends to the other, until it ends.
fn lead(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    std::thread::spawn(move || {
        // Either side may end at any time.
        let _ = copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
}
