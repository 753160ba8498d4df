//! What a cluster declares in the ConfigMap `kube-public/local-registry-hosting` (KEP-1755).
//!
//! Its values are YAML, written by whoever may write that ConfigMap; so everything that is no
//! declaration is told apart from a declaration of nothing, and nothing here takes more than its
//! limits of time and memory.

use std::fmt;

use local_registry_core::{HostError, Quoted, RegistryHost, is_help_url};

use crate::data::{Data, LONGEST, V1, Value};
use crate::document;

/// The namespace of the ConfigMap.
pub const NAMESPACE: &str = "kube-public";
/// The name of the ConfigMap.
pub const NAME: &str = "local-registry-hosting";

/// The versions that we know, newest first, and the fields that each has. All are strings.
const VERSIONS: [(&str, [&str; 4]); 1] = [(V1, [HOST, FOR_PODS, "hostFromContainerRuntime", HELP])];
const HOST: &str = "host";
pub(crate) const FOR_PODS: &str = "hostFromClusterNetwork";
const HELP: &str = "help";

/// A usable ConfigMap, and what of it is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// What the cluster declares.
    pub declaration: Declaration,
    /// A `help` that is not shown to anybody, since it is no printable URL.
    pub ignored_help: Option<String>,
}

/// What a cluster declares about its local registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declaration {
    /// There is no ConfigMap.
    Absent,
    /// Pods reach a registry.
    Registry {
        /// `hostFromClusterNetwork`.
        host: RegistryHost,
        /// `help`, a printable http(s) URL.
        help: Option<String>,
    },
    /// There is a declaration, but none of a registry that pods reach; `host` is never taken for one,
    /// since it is the registry as the user's own machine sees it.
    NotForPods {
        /// `help`, a printable http(s) URL.
        help: Option<String>,
    },
}

impl fmt::Display for Declaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => write!(f, "no local registry is declared: there is no ConfigMap {NAMESPACE}/{NAME}"),
            Self::Registry { host, .. } => write!(f, "the local registry is {host}"),
            Self::NotForPods { .. } => write!(
                f,
                "no local registry is declared for pods: {NAMESPACE}/{NAME} has no {FOR_PODS}; add the line `{FOR_PODS}: \"kind-registry:5000\"` with the host and port under which pods reach the registry"
            ),
        }
    }
}

/// Why a ConfigMap says nothing that could be used; the last good settings stay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{NAMESPACE}/{NAME}: {0}")]
pub struct Unusable(Reason);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("found {keys}; expected the key `localRegistryHosting.v1`, which is the only version that is known")]
    NoKnownVersion { keys: String },
    #[error(
        "{key}: the value has {length} bytes; expected at most {LONGEST}; leave out what does not belong to the declaration"
    )]
    TooLong { key: &'static str, length: usize },
    #[error("{key}{line}: {problem}")]
    Yaml { key: &'static str, line: Line, problem: document::Problem },
    #[error("{key}{line}: {FOR_PODS}: {problem}")]
    Host { key: &'static str, line: Line, problem: HostError },
}

/// The keys that a ConfigMap has instead.
fn keys(data: &Data) -> String {
    let (names, omitted) = data.others();
    let mut names: Vec<String> = names.iter().map(|name| Quoted(name).to_string()).collect();
    if omitted > 0 {
        names.push(format!("{omitted} more keys"));
    }
    if names.is_empty() { "no data".to_owned() } else { names.join(", ") }
}

/// A line of the value, counted from 1, where one is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line(Option<u64>);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(line) => write!(f, ", line {line}"),
            None => Ok(()),
        }
    }
}

/// Reads the data of the ConfigMap: the newest version that is known. Unknown fields are ignored, as
/// the KEP asks.
///
/// # Errors
/// [`Unusable`] where the data cannot be understood; its message says where, and what to write instead.
pub fn read(data: &Data) -> Result<Declared, Unusable> {
    for (key, fields) in VERSIONS {
        match data.value(key) {
            None => {}
            Some(Value::Text(value)) => return read_value(key, value, &fields).map_err(Unusable),
            Some(Value::TooLong(length)) => return Err(Unusable(Reason::TooLong { key, length: *length })),
        }
    }
    Err(Unusable(Reason::NoKnownVersion { keys: keys(data) }))
}

fn read_value(key: &'static str, text: &str, fields: &[&'static str]) -> Result<Declared, Reason> {
    let texts =
        document::fields(text, fields).map_err(|(line, problem)| Reason::Yaml { key, line: Line(line), problem })?;
    let (help, ignored_help) = match texts.get(HELP) {
        Some((_, text)) if is_help_url(text) => (Some(text.clone()), None),
        Some((_, text)) => (None, Some(text.clone())),
        None => (None, None),
    };
    let declaration = match texts.get(FOR_PODS) {
        Some((line, text)) => {
            let host = RegistryHost::parse(text).map_err(|problem| Reason::Host { key, line: Line(*line), problem })?;
            Declaration::Registry { host, help }
        }
        None => Declaration::NotForPods { help },
    };
    Ok(Declared { declaration, ignored_help })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v1(value: &str) -> Data {
        [("localRegistryHosting.v1", value)].into_iter().collect()
    }

    #[track_caller]
    fn check(value: &str, declaration: Declaration) {
        assert_eq!(read(&v1(value)), Ok(Declared { declaration, ignored_help: None }));
    }

    #[track_caller]
    fn check_unusable(value: &str, message: &str) {
        let expected = format!("kube-public/local-registry-hosting: localRegistryHosting.v1{message}");
        assert_eq!(read(&v1(value)).unwrap_err().to_string(), expected);
    }

    fn registry(host: &str, help: Option<&str>) -> Declaration {
        Declaration::Registry { host: RegistryHost::parse(host).unwrap(), help: help.map(ToOwned::to_owned) }
    }

    #[test]
    fn a_host_for_pods_is_a_declaration() {
        check("hostFromClusterNetwork: \"kind-registry:5000\"\n", registry("kind-registry:5000", None));
        check("hostFromClusterNetwork: kind-registry:5000", registry("kind-registry:5000", None));
        check("{\"hostFromClusterNetwork\": \"10.0.0.5:5000\"}", registry("10.0.0.5:5000", None));
        check(
            "host: \"localhost:5001\"\nhostFromContainerRuntime: \"kind-registry:5000\"\nhostFromClusterNetwork: \"kind-registry:5000\"\nhelp: \"https://kind.sigs.k8s.io/docs/user/local-registry/\"\n",
            registry("kind-registry:5000", Some("https://kind.sigs.k8s.io/docs/user/local-registry/")),
        );
        check("# of the admin\nhostFromClusterNetwork: >-\n  reg.io\n", registry("reg.io", None));
    }

    #[test]
    fn unknown_fields_are_ignored() {
        check("hostFromClusterNetwork: reg.io\nfuture: {a: [1, ~, {b: c}]}\n5: x", registry("reg.io", None));
    }

    #[test]
    fn without_a_host_for_pods_nothing_is_declared_for_them() {
        // The ConfigMap of the KinD recipe, and that of microk8s.
        let help = "https://kind.sigs.k8s.io/docs/user/local-registry/";
        check(
            &format!("host: \"localhost:5001\"\nhelp: \"{help}\"\n"),
            Declaration::NotForPods { help: Some(help.to_owned()) },
        );
        check(
            "help: \"https://microk8s.io/docs/registry-built-in\"",
            Declaration::NotForPods { help: Some("https://microk8s.io/docs/registry-built-in".to_owned()) },
        );
        check("{}", Declaration::NotForPods { help: None });
    }

    #[test]
    fn a_help_that_is_no_url_is_not_used() {
        let declared = read(&v1("hostFromClusterNetwork: reg.io\nhelp: \"call \\e[31mme\"")).unwrap();
        assert_eq!(declared.declaration, registry("reg.io", None));
        assert_eq!(declared.ignored_help.as_deref(), Some("call \u{1b}[31mme"));
    }

    #[test]
    fn the_newest_known_version_counts() {
        let data = [
            ("localRegistryHosting.v1", "hostFromClusterNetwork: reg.io"),
            ("localRegistryHosting.v9", "- nobody knows"),
            ("note", "x"),
        ];
        let data = data.into_iter().collect();
        assert_eq!(read(&data).unwrap().declaration, registry("reg.io", None));
    }

    #[test]
    fn no_known_version() {
        let check = |keys: &[&str], found: &str| {
            let data = keys.iter().map(|key| (key, "")).collect();
            assert_eq!(
                read(&data).unwrap_err().to_string(),
                format!(
                    "kube-public/local-registry-hosting: found {found}; expected the key `localRegistryHosting.v1`, which is the only version that is known"
                ),
            );
        };
        check(&[], "no data");
        check(
            &["localRegistryHosting.v2", "localregistryhosting.v1"],
            "`localRegistryHosting.v2`, `localregistryhosting.v1`",
        );
        check(&["a", "b", "c", "d", "e", "f", "g"], "`a`, `b`, `c`, `d`, `e`, 2 more keys");
    }

    #[test]
    fn values_that_are_no_declaration() {
        let example = "`hostFromClusterNetwork: \"kind-registry:5000\"`";
        for empty in ["", "\n", "~", "# nothing\n", "null"] {
            check_unusable(
                empty,
                &format!(": the value is empty; write a declaration, as in {example}, or delete the ConfigMap"),
            );
        }
        for (value, found) in
            [("[a, b]", "a list"), ("kind-registry:5000", "a text"), ("5000", "a number"), ("true", "a boolean")]
        {
            check_unusable(value, &format!(": the value is {found}; expected fields, as in {example}"));
        }
        let twice = ": the value is a text that holds YAML itself, so it was encoded twice; leave out the outer quotes";
        check_unusable("\"hostFromClusterNetwork: reg.io\"", twice);
        check_unusable("|\n  host: a\n  help: b\n", twice);
        check_unusable(
            "host: a\n---\nhost: b\n",
            ", line 3: the value has several YAML documents; write one, without `---`",
        );
        check_unusable("host: a\nhelp: b\nhost: c\n", ", line 3: a key stands twice; write each once");
    }

    #[test]
    fn yaml_that_is_none() {
        let check = |value: &str, line: u64, cause: &str| {
            check_unusable(
                value,
                &format!(
                    ", line {line}: the value is not valid YAML ({cause}); mend it, or write the declaration anew, as in `hostFromClusterNetwork: \"kind-registry:5000\"`"
                ),
            );
        };
        check("host: \"localhost:5001\nhelp: x\n", 2, "invalid indentation in multiline quoted scalar");
        check("host: 'a'\n  help: x", 2, "while parsing a block mapping, did not find expected key");
    }

    #[test]
    fn fields_that_are_no_text() {
        for (value, found) in [
            ("5000", "a number"),
            ("1.5", "a number"),
            ("true", "a boolean"),
            ("[a]", "a list"),
            ("{a: b}", "a mapping"),
        ] {
            for field in ["host", "hostFromClusterNetwork", "hostFromContainerRuntime", "help"] {
                check_unusable(
                    &format!("x: y\n{field}: {value}"),
                    &format!(", line 2: {field}: found {found}; expected a text; write it in quotes"),
                );
            }
        }
        for null in ["", "~", "null"] {
            check_unusable(
                &format!("hostFromClusterNetwork: {null}\n"),
                ", line 1: hostFromClusterNetwork: found nothing; write a text, or leave the line out",
            );
        }
    }

    #[test]
    fn hosts_that_cannot_be_right() {
        check_unusable(
            "help: x\nhostFromClusterNetwork: kind-registry",
            ", line 2: hostFromClusterNetwork: `kind-registry` has neither a dot nor a port, so image parsers read it as a Docker Hub namespace; add the port, as in `kind-registry:5000`",
        );
        check_unusable(
            "hostFromClusterNetwork: localhost:5001",
            ", line 1: hostFromClusterNetwork: `localhost:5001` means the build pod itself when used inside a cluster; write the host under which pods reach the registry",
        );
    }

    #[test]
    fn bombs_do_not_go_off() {
        let too_much =
            "the value expands to more than a declaration ever needs; write it without aliases and deep nesting";
        let deep = format!("host: {}{}", "[".repeat(5000), "]".repeat(5000));
        check_unusable(&deep, &format!(", line 1: {too_much}"));
        check_unusable("host: &a [*a]", &format!(", line 1: {too_much}"));
        check_unusable(&format!("host: &a x\nlist:\n- {}", "*a\n- ".repeat(17)), &format!(", line 19: {too_much}"));
        check_unusable(&format!("list:\n{}", "- x\n".repeat(2_500)), &format!(", line 1999: {too_much}"));
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..9 {
            let alias = format!("*a{},", level - 1).repeat(9);
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", alias.trim_end_matches(',')));
        }
        let error = read(&v1(&bomb)).unwrap_err().to_string();
        assert!(error.ends_with(too_much), "{error}");
    }

    #[test]
    fn a_value_that_is_longer_than_any_declaration() {
        let value = format!("hostFromClusterNetwork: reg.io\n#{}", "x".repeat(104_000));
        check_unusable(
            &value,
            ": the value has 104032 bytes; expected at most 16384; leave out what does not belong to the declaration",
        );
        let long = format!("host: {0}\nhelp: https://{0}\nhostFromClusterNetwork: reg.io", "x".repeat(5_000));
        assert_eq!(read(&v1(&long)).unwrap().declaration, registry("reg.io", None));
        let long = format!("hostFromClusterNetwork: {}.io", "x".repeat(10_000));
        let error = read(&v1(&long)).unwrap_err().to_string();
        assert!(error.len() < 600, "{error}");
    }

    #[test]
    fn one_text_may_stand_for_several_fields() {
        check(
            "hostFromContainerRuntime: &name kind-registry:5000\nhostFromClusterNetwork: *name\n",
            registry("kind-registry:5000", None),
        );
    }

    #[test]
    fn each_state_says_what_to_write() {
        let check = |declaration: Declaration, message: &str| assert_eq!(declaration.to_string(), message);
        check(
            Declaration::Absent,
            "no local registry is declared: there is no ConfigMap kube-public/local-registry-hosting",
        );
        check(registry("reg.io", None), "the local registry is reg.io");
        check(
            Declaration::NotForPods { help: None },
            "no local registry is declared for pods: kube-public/local-registry-hosting has no hostFromClusterNetwork; add the line `hostFromClusterNetwork: \"kind-registry:5000\"` with the host and port under which pods reach the registry",
        );
    }
}
