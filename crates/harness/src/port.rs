//! Free TCP ports, for servers that cannot choose one themselves.

use std::io::{Error, ErrorKind};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// The ports to try. They are below those of outgoing connections, which could take a port before the server does.
const PORTS: std::ops::Range<u16> = 15_000..30_000;

/// A free TCP port of the loopback interface, a different one each time. Programs that run side by side start their
/// search at different ports.
///
/// # Errors
/// If all are taken.
pub fn free_port() -> Result<u16, Error> {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    // Programs that start together have consecutive process numbers, so their searches start about a hundred ports
    // apart.
    let first = std::process::id().wrapping_mul(127);
    for _ in PORTS {
        let nth = first.wrapping_add(ASKED.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + u16::try_from(nth % u32::from(PORTS.end - PORTS.start)).unwrap_or_default();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Error::new(ErrorKind::AddrInUse, "no TCP port is free"))
}
