//! Free TCP ports, for servers that have to be told theirs.

use std::io::{Error, ErrorKind};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// A TCP port of the loopback interface that nobody listens on, and that nobody else in this program gets.
/// It lies below the ports that systems give to outgoing connections, which could take it before it is used.
///
/// # Errors
/// Where all are taken.
pub fn free_port() -> Result<u16, Error> {
    static NEXT: AtomicU16 = AtomicU16::new(15_000);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if port >= 30_000 {
            return Err(Error::new(ErrorKind::AddrInUse, "no TCP port is free"));
        }
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
}
