//! containerd's version, and what depends on it.

use std::fmt;

/// The release of containerd: its major and minor version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    major: u16,
    minor: u16,
}

/// How a release makes one configuration of several files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Merging {
    /// A plugin's table replaces that of an earlier file.
    Replace,
    /// Tables are merged, and then moved to where this release has them.
    ThenMigrate,
    /// Tables are moved, file by file, and then merged.
    AfterMigration,
}

impl Version {
    /// The newest one that is known. It stands for those after it.
    pub(super) const NEWEST: Self = Self::new(2, 4);
    /// The releases that differ in what they read, oldest first.
    pub(super) const ALL: [Self; 5] =
        [Self::new(1, 7), Self::new(2, 0), Self::new(2, 1), Self::new(2, 2), Self::NEWEST];

    const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// Reads a version as a kubelet reports it, such as `1.7.28-k3s1` or `v2.1.4`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
        let minor = |text: &str| text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok();
        Some(Self { major: parts.next()?.parse().ok()?, minor: minor(parts.next()?)? })
    }

    /// The newest `version` of a configuration that it reads. With a newer one, it does not start.
    pub(super) fn newest_config(self) -> i64 {
        match self {
            _ if self < Self::new(2, 0) => 2,
            _ if self < Self::new(2, 3) => 3,
            _ => 4,
        }
    }

    /// How it makes one configuration of several files.
    pub(super) fn merging(self) -> Merging {
        match self {
            _ if self < Self::new(2, 0) => Merging::Replace,
            _ if self < Self::new(2, 3) => Merging::ThenMigrate,
            _ => Merging::AfterMigration,
        }
    }

    /// Whether images have a plugin of their own, `io.containerd.cri.v1.images`.
    pub(super) fn has_images_plugin(self) -> bool {
        self >= Self::new(2, 0)
    }

    /// Whether the transfer service does pulls, where no setting needs what it cannot do. It takes `config_path` for one
    /// directory; local pulls take it for a list, as `$PATH` is one.
    pub(super) fn has_transfer_pulls(self) -> bool {
        self >= Self::new(2, 1)
    }

    /// Whether `config_path` is a list of two directories where nothing is set.
    pub(super) fn has_default_path(self) -> bool {
        self >= Self::new(2, 2)
    }

    /// Whether it has that list also where the path is set, but empty. 2.2 has it then only in a file that it moves.
    pub(super) fn fills_empty_path(self) -> bool {
        self >= Self::new(2, 3)
    }

    /// Whether it reads the name of a table with an IPv6 address in `hosts.toml`. The reader of TOML before that refuses `[` in
    /// it, and drops the file.
    pub(crate) fn reads_ipv6(self) -> bool {
        self >= Self::new(2, 0)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_kubelets_report_them() {
        let check = |text: &str, expected: Option<(u16, u16)>| {
            assert_eq!(Version::parse(text), expected.map(|(major, minor)| Version::new(major, minor)), "{text}");
        };
        check("1.7.28", Some((1, 7)));
        check("v2.1.4", Some((2, 1)));
        check("2.1.5-k3s1.33", Some((2, 1)));
        check("2.3-rc.1", Some((2, 3)));
        check("2.10.0+unknown", Some((2, 10)));
        check("", None);
        check("2", None);
        check("Unknown", None);
    }
}
