//! Plain HTTP, as far as these scenarios speak it with registries.

use std::io::{Read, Write};
use std::net::TcpStream;

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: String,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let value = |line: &str| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then(|| value.to_owned())
        };
        self.headers.lines().find_map(value)
    }

    /// Where an upload goes on: the path and query of the header `Location`.
    pub(crate) fn location(&self) -> String {
        let location = self.header("Location").unwrap_or_else(|| panic!("no Location: {self:?}"));
        location[location.find("/v2/").unwrap()..].to_owned()
    }
}

/// Sends a request to `HOST:PORT`. Each line of `headers` ends with CR and LF.
pub(crate) fn ask(address: &str, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
    let mut connection = begin(address, method, path, headers, body.len());
    connection.write_all(body).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (headers, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, headers: headers.to_owned(), body: body.to_owned() }
}

/// Sends a request without its body, which the caller sends.
pub(crate) fn begin(address: &str, method: &str, path: &str, headers: &str, length: usize) -> TcpStream {
    let mut connection = TcpStream::connect(address).unwrap();
    // A server that speaks HTTP/1.0 closes the connection after its answer, and sends no chunks.
    write!(connection, "{method} {path} HTTP/1.0\r\nContent-Length: {length}\r\n{headers}\r\n").unwrap();
    connection
}
