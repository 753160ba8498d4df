//! What a cluster declares in the ConfigMap `kube-public/local-registry-hosting` (KEP-1755).
//!
//! Its values are YAML, written by whoever may write that ConfigMap; so everything that is no
//! declaration is told apart from a declaration of nothing, and nothing here takes more than its
//! limits of time and memory.

use std::collections::BTreeMap;
use std::fmt;

use local_registry_core::{HostError, Quoted, RegistryHost, is_help_url};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// The namespace of the ConfigMap.
pub const NAMESPACE: &str = "kube-public";
/// The name of the ConfigMap.
pub const NAME: &str = "local-registry-hosting";

/// The versions that we know, newest first, and the fields that each has. All are strings.
const VERSIONS: [(&str, [&str; 4]); 1] =
    [("localRegistryHosting.v1", [HOST, FOR_PODS, "hostFromContainerRuntime", HELP])];
const HOST: &str = "host";
const FOR_PODS: &str = "hostFromClusterNetwork";
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
    #[error("found {}; expected the key `localRegistryHosting.v1`, which is the only version that is known", Keys(.0))]
    NoKnownVersion(Vec<String>),
    #[error("{key}{line}: {problem}")]
    Value { key: &'static str, line: Line, problem: Problem },
}

/// The keys that a ConfigMap has instead.
struct Keys<'a>(&'a [String]);

impl fmt::Display for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no data");
        }
        for (index, key) in self.0.iter().enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { ", " }, Quoted(key))?;
        }
        Ok(())
    }
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

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error(
        "the value is empty; write a declaration, as in `{FOR_PODS}: \"kind-registry:5000\"`, or delete the ConfigMap"
    )]
    Empty,
    #[error(
        "the value is not valid YAML ({0}); mend it, or write the declaration anew, as in `{FOR_PODS}: \"kind-registry:5000\"`"
    )]
    Yaml(String),
    #[error("the value has several YAML documents; write one, without `---`")]
    Documents,
    #[error("a key stands twice; write each once")]
    DuplicateKey,
    #[error("the value expands to more than a declaration ever needs; write it without aliases and deep nesting")]
    TooMuch,
    #[error("the value is a text that holds YAML itself, so it was encoded twice; leave out the outer quotes")]
    EncodedTwice,
    #[error("the value is {0}; expected fields, as in `{FOR_PODS}: \"kind-registry:5000\"`")]
    NotAMapping(&'static str),
    #[error("{field}: found nothing; write a text, or leave the line out")]
    Null { field: &'static str },
    #[error("{field}: found {found}; expected a text; write it in quotes")]
    NotAText { field: &'static str, found: &'static str },
    #[error("{FOR_PODS}: {0}")]
    Host(HostError),
}

/// Reads the data of the ConfigMap: the newest version that is known. Unknown fields are ignored, as
/// the KEP asks.
///
/// # Errors
/// [`Unusable`] where the data cannot be understood; its message says where, and what to write instead.
pub fn read(data: &BTreeMap<String, String>) -> Result<Declared, Unusable> {
    for (key, fields) in VERSIONS {
        if let Some(value) = data.get(key) {
            return read_value(value, &fields)
                .map_err(|(line, problem)| Unusable(Reason::Value { key, line: Line(line), problem }));
        }
    }
    Err(Unusable(Reason::NoKnownVersion(data.keys().cloned().collect())))
}

type Fault = (Option<u64>, Problem);

fn read_value(text: &str, fields: &[&'static str]) -> Result<Declared, Fault> {
    let document = match serde_saphyr::from_str::<Spanned<Value>>(text) {
        Ok(document) => document,
        Err(error) => return Err(explain(error.without_snippet())),
    };
    let entries = match document.value {
        Value::Mapping(entries) => entries,
        Value::Null => return Err((None, Problem::Empty)),
        Value::Text(text) if serde_saphyr::from_str::<Value>(&text).is_ok_and(|value| value.is_mapping()) => {
            return Err((None, Problem::EncodedTwice));
        }
        other => return Err((None, Problem::NotAMapping(other.kind()))),
    };
    let mut texts = BTreeMap::new();
    for field in fields {
        let Some((_, value)) = entries.iter().find(|(key, _)| key == field) else { continue };
        let line = Some(value.referenced.line());
        match &value.value {
            Value::Text(text) => texts.insert(*field, (line, text.as_str())),
            Value::Null => return Err((line, Problem::Null { field })),
            other => return Err((line, Problem::NotAText { field, found: other.kind() })),
        };
    }
    let (help, ignored_help) = match texts.get(HELP) {
        Some((_, text)) if is_help_url(text) => (Some((*text).to_owned()), None),
        Some((_, text)) => (None, Some((*text).to_owned())),
        None => (None, None),
    };
    let declaration = match texts.get(FOR_PODS) {
        Some((line, text)) => {
            let host = RegistryHost::parse(text).map_err(|error| (*line, Problem::Host(error)))?;
            Declaration::Registry { host, help }
        }
        None => Declaration::NotForPods { help },
    };
    Ok(Declared { declaration, ignored_help })
}

/// The library's errors in our own words, where it speaks to programmers.
fn explain(error: &serde_saphyr::Error) -> Fault {
    use serde_saphyr::Error;
    let problem = match error {
        Error::MultipleDocuments { .. } => Problem::Documents,
        Error::DuplicateMappingKey { .. } => Problem::DuplicateKey,
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::RecursiveReferencesRequireWeakTypes { .. }
        | Error::AliasError { .. } => Problem::TooMuch,
        _ if error.to_string().starts_with("recursion limit exceeded") => Problem::TooMuch,
        other => {
            let text = other.to_string();
            Problem::Yaml(text.split(" at line ").next().unwrap_or(&text).to_owned())
        }
    };
    (error.location().map(|location| location.line()), problem)
}

/// A YAML value, as far as it matters here.
#[derive(Debug)]
enum Value {
    Null,
    Boolean,
    Number,
    Text(String),
    List,
    Mapping(Vec<(String, Spanned<Value>)>),
}

impl Value {
    fn is_mapping(&self) -> bool {
        matches!(self, Self::Mapping(_))
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::Text(_) => "a text",
            Self::List => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Boolean)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Number)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Value, E> {
        Ok(Value::Number)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Value, E> {
        Ok(Value::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = entries.next_key()? {
            fields.push((key, entries.next_value()?));
        }
        Ok(Value::Mapping(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v1(value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("localRegistryHosting.v1".to_owned(), value.to_owned())])
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
        let mut data = v1("hostFromClusterNetwork: reg.io");
        data.insert("localRegistryHosting.v9".to_owned(), "- nobody knows".to_owned());
        data.insert("note".to_owned(), "x".to_owned());
        assert_eq!(read(&data).unwrap().declaration, registry("reg.io", None));
    }

    #[test]
    fn no_known_version() {
        let check = |keys: &[&str], found: &str| {
            let data = keys.iter().map(|key| ((*key).to_owned(), String::new())).collect();
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
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..9 {
            let alias = format!("*a{},", level - 1).repeat(9);
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", alias.trim_end_matches(',')));
        }
        let error = read(&v1(&bomb)).unwrap_err().to_string();
        assert!(error.ends_with(too_much), "{error}");
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
