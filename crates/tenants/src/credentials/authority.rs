//! The certificate authority of the registry: what of the operator's file goes into Secrets.

use std::fs::File;
use std::io::Read;
use std::path::Path;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
/// How large the file may be. A Secret takes 1 MiB.
const LIMIT: u64 = 256 * 1024;

/// The certificates of a file, in PEM. Nothing else that is in the file: every tenant can read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority(String);

impl Authority {
    /// Reads the file. The error says why the credentials stay as they are.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let failed = |error: String| {
            format!("--ca {}: {error}; until it can be used, credentials stay as they are", path.display())
        };
        let mut text = String::new();
        let file = File::open(path).map_err(|error| failed(error.to_string()))?;
        let length = file.take(LIMIT + 1).read_to_string(&mut text).map_err(|error| failed(error.to_string()))?;
        if length as u64 > LIMIT {
            return Err(failed(format!("it is larger than {} KiB", LIMIT / 1024)));
        }
        certificates(&text).map(Self).map_err(|error| failed(error.to_owned()))
    }

    /// The certificates.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The certificates of a PEM file.
fn certificates(text: &str) -> Result<String, &'static str> {
    let mut found = String::new();
    let mut is_inside = false;
    for line in text.lines().map(str::trim_end) {
        is_inside |= line == BEGIN;
        if is_inside {
            found.push_str(line);
            found.push('\n');
        }
        is_inside &= line != END;
    }
    match found.is_empty() {
        _ if is_inside => Err("a certificate in it has no end"),
        true => Err("it has no certificate"),
        false => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_certificates_is_taken() {
        let one = format!("{BEGIN}\nAA==\n{END}\n");
        let key = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";
        let check = |text: &str, expected: Result<&str, &'static str>| {
            assert_eq!(certificates(text).as_deref().map_err(|error| *error), expected, "{text}");
        };
        check(&one, Ok(&one));
        check(&format!("# ours\r\n{}{key}{one}", one.replace('\n', "\r\n")), Ok(&format!("{one}{one}")));
        check(key, Err("it has no certificate"));
        check("", Err("it has no certificate"));
        check(&format!("{one}{BEGIN}\nAA=="), Err("a certificate in it has no end"));
    }

    #[test]
    fn a_file_that_cannot_be_used_says_why() {
        let error = Authority::read(Path::new("/does/not/exist")).unwrap_err();
        let (start, end) = ("--ca /does/not/exist: ", "; until it can be used, credentials stay as they are");
        assert!(error.starts_with(start) && error.ends_with(end), "{error}");
    }
}
