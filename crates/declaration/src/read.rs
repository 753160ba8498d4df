//! From the ConfigMap's data to what the cluster declares.

use std::collections::BTreeMap;

use local_registry_core::admission::is_help_url;
use local_registry_core::registry::HostError;
use local_registry_core::{Quoted, RegistryHost, RuntimeHost};

use super::data::{Data, KeptValue};
use super::declared::{Declaration, Declared};
use super::error::{DeclarationError, DeclarationErrorKind};
use super::kep_1755::{FOR_PODS, FOR_RUNTIMES, HELP, HOST, VERSIONS};
use super::yaml::{self, Field};

/// Reads what the data of the ConfigMap declares, in the newest version that is known. Unknown fields are ignored, as
/// KEP-1755 demands.
///
/// ```
/// use local_registry_declaration::{Data, Declaration, read};
///
/// let data: Data = [("localRegistryHosting.v1", "hostFromClusterNetwork: kind-registry:5000")].into_iter().collect();
/// let declared = read(&data)?;
/// assert_eq!(declared.declaration.to_string(), "the local registry is kind-registry:5000");
///
/// let data: Data = [("localRegistryHosting.v1", "host: localhost:5001")].into_iter().collect();
/// let runtime_host = Some("localhost:5001".parse().expect("a host of a node"));
/// assert_eq!(read(&data)?.declaration, Declaration::NotForPods { runtime_host, help: None });
///
/// let data: Data = [("localRegistryHosting.v1", "hostFromClusterNetwork: Registry.example")].into_iter().collect();
/// assert_eq!(
///     read(&data).unwrap_err().to_string(),
///     "kube-public/local-registry-hosting: localRegistryHosting.v1, line 1: hostFromClusterNetwork: \
///      `Registry.example` has an upper-case letter; write the host in lower case",
/// );
/// # Ok::<(), local_registry_declaration::DeclarationError>(())
/// ```
///
/// # Errors
/// A [`DeclarationError`] if the data cannot be understood. It says where, and what to write instead.
pub fn read(data: &Data) -> Result<Declared, DeclarationError> {
    let fields = Fields::newest(data)?;
    let (help, ignored_help) = match fields.get(HELP) {
        Some(help) if is_help_url(&help.text) => (Some(help.text.clone()), None),
        Some(help) => (None, Some(help.text.clone())),
        None => (None, None),
    };
    let for_pods = fields.host(FOR_PODS, RegistryHost::parse)?;
    let (runtime_host, unusable) = fields.runtime_host()?;
    let declaration = match for_pods {
        Some(host) => Declaration::Registry { host, runtime_host, help },
        None => Declaration::NotForPods { runtime_host, help },
    };
    let falls_back = fields.get(FOR_RUNTIMES).is_none();
    let ignored_host = unusable.map(|error| error.to_string());
    Ok(Declared { declaration, ignored_help, falls_back, ignored_host })
}

/// Reads the names by which nodes pull: `hostFromContainerRuntime`, or `host` where that is absent, as KEP-1755 says; and
/// `hostFromClusterNetwork`, since the images that pods push have that name.
///
/// # Errors
/// A [`DeclarationError`] if the data cannot be understood, or one of the names cannot be right.
pub fn runtime_names(data: &Data) -> Result<Vec<RuntimeHost>, DeclarationError> {
    let fields = Fields::newest(data)?;
    let (for_runtimes, _) = fields.runtime_host()?;
    let for_pods = fields.host(FOR_PODS, RegistryHost::parse)?.as_ref().map(RuntimeHost::from);
    let for_pods = for_pods.filter(|name| for_runtimes.as_ref() != Some(name));
    Ok(for_runtimes.into_iter().chain(for_pods).collect())
}

/// The fields of a declaration.
struct Fields {
    /// The key of the data that they are in.
    key: &'static str,
    fields: BTreeMap<&'static str, Field>,
}

impl Fields {
    /// Those of the newest version that is known.
    fn newest(data: &Data) -> Result<Self, DeclarationError> {
        let newest = VERSIONS.into_iter().find_map(|(key, names)| Some((key, names, data.value(key)?)));
        let Some((key, names, value)) = newest else {
            return Err(DeclarationError(DeclarationErrorKind::NoKnownVersion { keys: keys(data) }));
        };
        let fields = match value {
            KeptValue::Text(text) => {
                yaml::fields(text, &names).map_err(|error| DeclarationErrorKind::Yaml { key, error })
            }
            KeptValue::TooLong(length) => Err(DeclarationErrorKind::TooLong { key, length: *length }),
        };
        Ok(Self { key, fields: fields.map_err(DeclarationError)? })
    }

    fn get(&self, field: &str) -> Option<&Field> {
        self.fields.get(field)
    }

    /// The host under which container runtimes pull: `hostFromContainerRuntime`, or `host` where that is absent. `host` is
    /// for the user's own machine first, so one that cannot be right for nodes is no error: then they have none, and the
    /// second value says why.
    fn runtime_host(&self) -> Result<(Option<RuntimeHost>, Option<DeclarationError>), DeclarationError> {
        if let Some(host) = self.host(FOR_RUNTIMES, RuntimeHost::parse)? {
            return Ok((Some(host), None));
        }
        Ok(match self.host(HOST, RuntimeHost::parse) {
            Ok(host) => (host, None),
            Err(error) => (None, Some(error)),
        })
    }

    /// The host in a field, if there is one.
    fn host<H>(
        &self,
        field: &'static str,
        parse: impl FnOnce(&str) -> Result<H, HostError>,
    ) -> Result<Option<H>, DeclarationError> {
        let Some(found) = self.get(field) else { return Ok(None) };
        let host = parse(&found.text);
        let (key, line) = (self.key, found.line);
        host.map(Some).map_err(|error| DeclarationError(DeclarationErrorKind::Host { key, line, field, error }))
    }
}

/// The keys that a ConfigMap has instead of a known one, for a message.
fn keys(data: &Data) -> String {
    let (names, omitted) = data.others();
    let mut names: Vec<String> = names.iter().map(|name| Quoted(name).to_string()).collect();
    if omitted > 0 {
        names.push(format!("{omitted} more keys"));
    }
    if names.is_empty() { "no data".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    fn v1(value: &str) -> Data {
        [("localRegistryHosting.v1", value)].into_iter().collect()
    }

    #[track_caller]
    fn check(value: &str, declaration: Declaration) {
        let declared = read(&v1(value)).unwrap();
        assert_eq!((declared.declaration, declared.ignored_help, declared.ignored_host), (declaration, None, None));
    }

    #[track_caller]
    fn check_unusable(value: &str, message: &str) {
        let expected = format!("kube-public/local-registry-hosting: localRegistryHosting.v1{message}");
        assert_eq!(read(&v1(value)).unwrap_err().to_string(), expected);
    }

    fn registry(host: &str, help: Option<&str>) -> Declaration {
        let host = RegistryHost::parse(host).unwrap();
        Declaration::Registry { host, runtime_host: None, help: help.map(ToOwned::to_owned) }
    }

    /// The same, for nodes as well.
    fn for_both(host: &str, runtime_host: &str, help: Option<&str>) -> Declaration {
        let (host, runtime_host) = (RegistryHost::parse(host).unwrap(), RuntimeHost::parse(runtime_host).unwrap());
        Declaration::Registry { host, runtime_host: Some(runtime_host), help: help.map(ToOwned::to_owned) }
    }

    #[test]
    fn a_host_for_pods_is_a_declaration() {
        check("hostFromClusterNetwork: \"kind-registry:5000\"\n", registry("kind-registry:5000", None));
        check("hostFromClusterNetwork: kind-registry:5000", registry("kind-registry:5000", None));
        check("{\"hostFromClusterNetwork\": \"10.0.0.5:5000\"}", registry("10.0.0.5:5000", None));
        check(
            "host: \"localhost:5001\"\nhostFromContainerRuntime: \"kind-registry:5000\"\nhostFromClusterNetwork: \"kind-registry:5000\"\nhelp: \"https://kind.sigs.k8s.io/docs/user/local-registry/\"\n",
            for_both(
                "kind-registry:5000",
                "kind-registry:5000",
                Some("https://kind.sigs.k8s.io/docs/user/local-registry/"),
            ),
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
            Declaration::NotForPods {
                runtime_host: Some(RuntimeHost::parse("localhost:5001").unwrap()),
                help: Some(help.to_owned()),
            },
        );
        check(
            "help: \"https://microk8s.io/docs/registry-built-in\"",
            Declaration::NotForPods {
                runtime_host: None,
                help: Some("https://microk8s.io/docs/registry-built-in".to_owned()),
            },
        );
        check("{}", Declaration::NotForPods { runtime_host: None, help: None });
    }

    #[test]
    fn container_runtimes_pull_by_their_own_host_or_by_that_of_the_users_machine() {
        check(
            "host: a:1\nhostFromContainerRuntime: localhost:5001\nhostFromClusterNetwork: b:1",
            for_both("b:1", "localhost:5001", None),
        );
        check("host: localhost:5001\nhostFromClusterNetwork: b:1", for_both("b:1", "localhost:5001", None));
        // The host for pods never takes the place of the one for runtimes.
        check("hostFromClusterNetwork: b:1", registry("b:1", None));
        check(
            "host: not a host\nhostFromContainerRuntime: c:1\nhostFromClusterNetwork: b:1",
            for_both("b:1", "c:1", None),
        );
    }

    #[test]
    fn a_help_that_is_not_a_url_is_not_used() {
        let declared = read(&v1("hostFromClusterNetwork: reg.io\nhelp: \"call \\e[31mme\"")).unwrap();
        assert_eq!(declared.declaration, registry("reg.io", None));
        assert_eq!(declared.ignored_help.as_deref(), Some("call \u{1b}[31mme"));
    }

    #[test]
    fn the_newest_known_version_counts() {
        let data = [
            ("localRegistryHosting.v1", "hostFromClusterNetwork: reg.io"),
            ("localRegistryHosting.v9", "- unknown"),
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
    fn values_that_are_not_declarations() {
        let example = "`hostFromClusterNetwork: \"kind-registry:5000\"`";
        for empty in ["", "\n", "~", "# nothing\n", "null"] {
            check_unusable(
                empty,
                &format!(": the value is empty; write a declaration, as in {example}, or delete the ConfigMap"),
            );
        }
        for (value, found) in
            [("[a, b]", "a list"), ("kind-registry:5000", "a string"), ("5000", "a number"), ("true", "a boolean")]
        {
            check_unusable(value, &format!(": the value is {found}; expected fields, as in {example}"));
        }
        let twice = ": the value is a string that holds YAML, so it was encoded twice; leave out the outer quotes";
        check_unusable("\"hostFromClusterNetwork: reg.io\"", twice);
        check_unusable("|\n  host: a\n  help: b\n", twice);
        check_unusable(
            "host: a\n---\nhost: b\n",
            ", line 3: the value has several YAML documents; write one, without `---`",
        );
        check_unusable("host: a\nhelp: b\nhost: c\n", ", line 3: a key occurs twice; write each key once");
    }

    #[test]
    fn yaml_that_cannot_be_parsed() {
        let check = |value: &str, line: u64, cause: &str| {
            check_unusable(
                value,
                &format!(
                    ", line {line}: the value is not valid YAML ({cause}); fix it, or write a new declaration, as in `hostFromClusterNetwork: \"kind-registry:5000\"`"
                ),
            );
        };
        check("host: \"localhost:5001\nhelp: x\n", 2, "invalid indentation in multiline quoted scalar");
        check("host: 'a'\n  help: x", 2, "while parsing a block mapping, did not find expected key");
    }

    #[test]
    fn fields_that_are_not_strings() {
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
                    &format!(", line 2: {field}: found {found}; expected a string; write it in quotes"),
                );
            }
        }
        for null in ["", "~", "null"] {
            check_unusable(
                &format!("hostFromClusterNetwork: {null}\n"),
                ", line 1: hostFromClusterNetwork: found nothing; write a string, or leave the line out",
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
    fn a_host_that_cannot_be_right_for_nodes_keeps_nothing_from_pods() {
        for host in ["my-laptop", "http://localhost:5001", "0.0.0.0:5001", "docker.io", "\"\""] {
            let declared = read(&v1(&format!("hostFromClusterNetwork: reg.io\nhost: {host}"))).unwrap();
            assert_eq!(declared.declaration, registry("reg.io", None));
            let reason = declared.ignored_host.unwrap();
            assert!(
                reason.starts_with("kube-public/local-registry-hosting: localRegistryHosting.v1, line 2: host: `"),
                "{reason}"
            );
            check_names(&format!("hostFromClusterNetwork: reg.io\nhost: {host}"), &["reg.io"]);
        }
        check_unusable(
            "hostFromClusterNetwork: reg.io\nhostFromContainerRuntime: docker.io",
            ", line 2: hostFromContainerRuntime: `docker.io` is Docker Hub, not a registry of this cluster; write the host under which nodes reach the local registry",
        );
    }

    #[track_caller]
    fn check_names(value: &str, expected: &[&str]) {
        let names = runtime_names(&v1(value)).unwrap();
        assert_eq!(names.iter().map(RuntimeHost::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn nodes_pull_by_the_names_for_runtimes_and_for_pods() {
        check_names("hostFromClusterNetwork: a:1\nhostFromContainerRuntime: b:1\nhost: c:1", &["b:1", "a:1"]);
        check_names("hostFromClusterNetwork: a:1\nhostFromContainerRuntime: a:1", &["a:1"]);
        check_names("hostFromClusterNetwork: a:1\nhost: localhost:5001", &["localhost:5001", "a:1"]);
        check_names("host: localhost:5001", &["localhost:5001"]);
        check_names("help: x", &[]);
        let error = runtime_names(&v1("help: x\nhostFromContainerRuntime: A:1")).unwrap_err().to_string();
        let expected = "localRegistryHosting.v1, line 2: hostFromContainerRuntime: `A:1` has an upper-case letter; write the host in lower case";
        assert_eq!(error, format!("kube-public/local-registry-hosting: {expected}"));
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
            writeln!(bomb, "a{level}: &a{level} [{}]", alias.trim_end_matches(',')).unwrap();
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
        let long = format!("other: {0}\nhelp: https://{0}\nhostFromClusterNetwork: reg.io", "x".repeat(5_000));
        assert_eq!(read(&v1(&long)).unwrap().declaration, registry("reg.io", None));
        let long = format!("hostFromClusterNetwork: {}.io", "x".repeat(10_000));
        let error = read(&v1(&long)).unwrap_err().to_string();
        assert!(error.len() < 600, "{error}");
    }

    #[test]
    fn an_alias_may_give_several_fields_their_value() {
        check(
            "hostFromContainerRuntime: &name kind-registry:5000\nhostFromClusterNetwork: *name\n",
            for_both("kind-registry:5000", "kind-registry:5000", None),
        );
    }
}
