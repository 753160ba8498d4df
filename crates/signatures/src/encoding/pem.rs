//! Blocks of PEM in a text.
//!
//! Strict where it matters (RFC 7468): a block ends with the label that it began with. What stands around the blocks is left
//! alone, since OpenSSL writes there what it found in them.

use local_registry_core::Quoted;
use thiserror::Error;

use super::base64::Base64;

/// One block, whose content is still text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PemBlock<'a> {
    /// What it says that it is, as in `PUBLIC KEY`.
    pub(crate) label: &'a str,
    content: String,
}

impl PemBlock<'_> {
    /// The bytes in it.
    pub(crate) fn der(&self) -> Result<Vec<u8>, PemFlaw> {
        let bytes = Base64::parse(&self.content).map(|bytes| bytes.0);
        bytes.ok_or_else(|| PemFlaw::NotBase64 { label: self.label.to_owned() })
    }
}

/// What is wrong with PEM.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum PemFlaw {
    #[error("the PEM block {} has no line `-----END {label}-----`, so it is cut off", Quoted(label))]
    NoEnd { label: String },
    #[error("the PEM block {} is not base64", Quoted(label))]
    NotBase64 { label: String },
}

/// The blocks of a text in their order.
pub(crate) fn pem_blocks(text: &str) -> Result<Vec<PemBlock<'_>>, PemFlaw> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = boundary(line, "-----BEGIN ") else { continue };
        let mut content = String::new();
        loop {
            match lines.next() {
                Some(line) if boundary(line, "-----END ") == Some(label) => break,
                Some(line) if !line.starts_with("-----") => content.push_str(line),
                _ => return Err(PemFlaw::NoEnd { label: label.chars().take(Quoted::LONGEST).collect() }),
            }
        }
        blocks.push(PemBlock { label, content });
    }
    Ok(blocks)
}

/// The label in a line that begins or ends a block.
fn boundary<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix("-----")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_among_other_lines() {
        let text = "Subject: x\n-----BEGIN A-----\r\nAQ\r\nID\r\n-----END A-----\nmore\n-----BEGIN B C-----\n-----END B C-----";
        let blocks = pem_blocks(text).unwrap();
        let read: Vec<(&str, Vec<u8>)> = blocks.iter().map(|block| (block.label, block.der().unwrap())).collect();
        assert_eq!(read, [("A", vec![1, 2, 3]), ("B C", Vec::new())]);
        assert_eq!(pem_blocks("no block"), Ok(Vec::new()));
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let read = pem_blocks(text).and_then(|blocks| blocks.iter().map(PemBlock::der).collect::<Result<Vec<_>, _>>());
        assert_eq!(read.unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_block_that_is_broken_is_an_error() {
        let cut_off = "the PEM block `A` has no line `-----END A-----`, so it is cut off";
        check("-----BEGIN A-----\nAQID\n", cut_off);
        check("-----BEGIN A-----\nAQID\n-----END B-----\n", cut_off);
        check("-----BEGIN A-----\nAQID\n-----BEGIN A-----\n-----END A-----\n", cut_off);
        check("-----BEGIN A-----\nAQ*D\n-----END A-----\n", "the PEM block `A` is not base64");
    }
}
