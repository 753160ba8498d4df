//! The certificate authority of a registry: what of the operator's file is written to the node.

use std::fmt::Write;
use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::files::AUTHORITY;
use super::marker::first_line;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The certificate authority's file as it is written to the node: its certificates, and nothing else that is in it.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let failed = |error: String| {
        format!("--ca {}: {error}; without it, every pull would fail, so nothing is written", path.display())
    };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let certificates = certificates(&text).map_err(|error| failed(error.to_owned()))?;
    Ok(format!("{}\n{certificates}", first_line(AUTHORITY)))
}

/// The certificates of a PEM file. containerd refuses every pull if one of them cannot be read.
fn certificates(text: &str) -> Result<String, &'static str> {
    let mut found = String::new();
    let mut lines = text.lines().map(str::trim_end);
    while let Some(line) = lines.next() {
        if line != BEGIN {
            continue;
        }
        let mut block = format!("{BEGIN}\n");
        loop {
            let line = lines.next().ok_or("a certificate in it has no end")?;
            let _ = writeln!(block, "{line}");
            if line == END {
                break;
            }
        }
        let der =
            CertificateDer::from_pem_slice(block.as_bytes()).map_err(|_| "a certificate in it is not valid PEM")?;
        if !is_one_sequence(&der) {
            return Err("a certificate in it is cut off, or is not one");
        }
        found.push_str(&block);
    }
    if found.is_empty() { Err("it has no certificate") } else { Ok(found) }
}

/// Whether the bytes are one ASN.1 sequence, and nothing else, as a certificate is.
fn is_one_sequence(der: &[u8]) -> bool {
    let (length, rest) = match der {
        [0x30, 0x82, high, low, rest @ ..] => (usize::from(*high) << 8 | usize::from(*low), rest),
        [0x30, 0x81, length, rest @ ..] | [0x30, length @ 0..=0x7f, rest @ ..] => (usize::from(*length), rest),
        _ => return false,
    };
    rest.len() == length
}
