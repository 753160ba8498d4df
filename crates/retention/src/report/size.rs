//! Numbers of bytes, for people.

use std::fmt;

/// A number of bytes. Prints as `1.2 GB`.
pub(crate) struct Size(pub(crate) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] =
            [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
        match UNITS.iter().find(|(unit, _)| self.0 >= *unit) {
            Some((unit, name)) => write!(f, "{}.{} {name}", self.0 / unit, self.0 % unit / (unit / 10)),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let check = |bytes: u64, expected: &str| assert_eq!(Size(bytes).to_string(), expected);
        check(999, "999 bytes");
        check(1_950, "1.9 kB");
        check(34_560_000, "34.5 MB");
        check(u64::MAX, "18446744.0 TB");
    }
}
