//! From the ConfigMap's data to what the cluster declares.

use std::collections::BTreeMap;

use local_registry_core::admission::is_help_url;
use local_registry_core::registry::{Host, HostError};
use local_registry_core::{Quoted, RegistryHost, RuntimeHost};

use super::allowed_hosts::AllowedHosts;
use super::data::{Data, KeptValue};
use super::declared::{DeclarationWarning, Declared};
use super::error::{DeclarationError, DeclarationErrorKind};
use super::kep_1755::{FOR_PODS, FOR_RUNTIMES, HELP, HOST, VERSIONS};
use super::yaml::{self, Field, YamlError};

impl Declared {
    /// Reads what the data of the ConfigMap declares, in the newest version that is known. Unknown fields are ignored, as
    /// KEP-1755 demands.
    ///
    /// ```
    /// use local_registry_declaration::{AllowedHosts, Data, Declared};
    ///
    /// let read = |value: &str, allowed: &AllowedHosts| {
    ///     let data: Data = [("localRegistryHosting.v1", value)].into_iter().collect();
    ///     Declared::read(&data, allowed)
    /// };
    /// let all = AllowedHosts::default();
    /// assert_eq!(
    ///     read("hostFromClusterNetwork: Registry.example", &all).unwrap_err().to_string(),
    ///     "kube-public/local-registry-hosting: localRegistryHosting.v1, line 1: hostFromClusterNetwork: \
    ///      `Registry.example` has an upper-case letter; write the host in lower case",
    /// );
    ///
    /// let some = AllowedHosts::new(vec!["*.svc:5000".parse()?]);
    /// let declared = read("host: localhost:5001\nhostFromClusterNetwork: registry.infra.svc:5000", &some)?;
    /// assert_eq!((declared.for_nodes(), declared.warnings().len()), (None, 1));
    /// assert!(read("hostFromClusterNetwork: evil.example", &some).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A [`DeclarationError`] if the data cannot be understood, or declares a host for pods or for container runtimes that
    /// cannot be right or is not allowed. It says where, and what to write instead.
    pub fn read(data: &Data, allowed: &AllowedHosts) -> Result<Self, DeclarationError> {
        let fields = Fields::newest(data)?;
        let mut warnings = Vec::new();
        let help = match fields.get(HELP) {
            Ok(Some(help)) if is_help_url(&help.text) => Some(help.text.clone()),
            Ok(None) => None,
            Ok(Some(Field { text, .. })) => {
                let reason = format!("{} is not a printable http(s) URL of at most 1024 characters", Quoted(text));
                warnings.push(DeclarationWarning::Help(reason));
                None
            }
            Err(error) => {
                warnings.push(DeclarationWarning::Help(error.to_string()));
                None
            }
        };
        let for_pods = fields.host(FOR_PODS, RegistryHost::parse)?;
        let for_runtimes = fields.host(FOR_RUNTIMES, RuntimeHost::parse)?;
        if let Some(host) = &for_pods {
            permitted(allowed, FOR_PODS, host)?;
            warnings.extend(host.warning().map(DeclarationWarning::ForPods));
        }
        let likely_for_pods = for_runtimes.as_ref().filter(|_| for_pods.is_none());
        let likely_for_pods = likely_for_pods.and_then(|host| RegistryHost::parse(host.as_str()).ok());
        let for_nodes = match for_runtimes {
            Some(host) => {
                permitted(allowed, RUNTIMES, &host)?;
                Some(host)
            }
            // `host` is for the user's own machine first, so one that nodes cannot use is no error.
            None => fields.host_of_users(allowed).unwrap_or_else(|error| {
                warnings.push(DeclarationWarning::Host(error.to_string()));
                None
            }),
        };
        // Nothing is sent to it, so nobody has to allow it.
        let for_users = fields.host(HOST, RuntimeHost::parse).ok().flatten();
        Ok(Self { is_there: true, for_pods, for_nodes, for_users, likely_for_pods, help, warnings })
    }
}

/// Where the name for container runtimes is from, in messages.
const RUNTIMES: &str = "hostFromContainerRuntime, or host in its place";

/// Checks that the operator allows a host.
fn permitted(
    allowed: &AllowedHosts,
    field: &'static str,
    host: &(impl AsRef<str> + ToString),
) -> Result<(), DeclarationError> {
    if allowed.permit(host) {
        return Ok(());
    }
    let (host, allowed) = (host.to_string(), allowed.to_string());
    Err(DeclarationError(DeclarationErrorKind::NotAllowed { field, host, allowed }))
}

/// The fields of a declaration.
struct Fields {
    /// The key of the data that they are in.
    key: &'static str,
    fields: BTreeMap<&'static str, Result<Field, YamlError>>,
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

    fn get(&self, field: &str) -> Result<Option<&Field>, DeclarationError> {
        let found = self.fields.get(field).map(Result::as_ref).transpose();
        found.map_err(|error| DeclarationError(DeclarationErrorKind::Yaml { key: self.key, error: error.clone() }))
    }

    /// The `host`, if container runtimes can use it.
    fn host_of_users(&self, allowed: &AllowedHosts) -> Result<Option<RuntimeHost>, DeclarationError> {
        let host = self.host(HOST, RuntimeHost::parse)?;
        if let Some(host) = &host {
            permitted(allowed, RUNTIMES, host)?;
        }
        Ok(host)
    }

    /// The host in a field, if there is one.
    fn host<H>(
        &self,
        field: &'static str,
        parse: impl FnOnce(&str) -> Result<H, HostError>,
    ) -> Result<Option<H>, DeclarationError> {
        let Some(found) = self.get(field)? else { return Ok(None) };
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
    if data.has_binary() {
        names.push("binaryData, which is not read".to_owned());
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

    fn read(value: &str) -> Result<Declared, DeclarationError> {
        Declared::read(&v1(value), &AllowedHosts::default())
    }

    #[track_caller]
    fn check(value: &str, expected: Declared) {
        // It has a test of its own.
        let found = read(value).map(|declared| Declared { for_users: None, ..declared });
        assert_eq!(found, Ok(expected));
    }

    #[track_caller]
    fn check_unusable(value: &str, message: &str) {
        let expected = format!("kube-public/local-registry-hosting: localRegistryHosting.v1{message}");
        assert_eq!(read(value).unwrap_err().to_string(), expected);
    }

    fn declared(for_pods: Option<&str>, for_nodes: Option<&str>, help: Option<&str>) -> Declared {
        Declared {
            is_there: true,
            for_pods: for_pods.map(|host| RegistryHost::parse(host).unwrap()),
            for_nodes: for_nodes.map(|host| RuntimeHost::parse(host).unwrap()),
            for_users: None,
            likely_for_pods: None,
            help: help.map(ToOwned::to_owned),
            warnings: Vec::new(),
        }
    }

    fn registry(host: &str, help: Option<&str>) -> Declared {
        declared(Some(host), None, help)
    }

    /// The same, for nodes as well.
    fn for_both(host: &str, runtime_host: &str, help: Option<&str>) -> Declared {
        declared(Some(host), Some(runtime_host), help)
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
            declared(None, Some("localhost:5001"), Some(help)),
        );
        check(
            "help: \"https://microk8s.io/docs/registry-built-in\"",
            declared(None, None, Some("https://microk8s.io/docs/registry-built-in")),
        );
    }

    #[test]
    fn what_nodes_have_of_their_own_is_a_guess_for_pods() {
        let likely = |value: &str| read(value).unwrap().likely_for_pods().map(ToString::to_string);
        let guess = Some("registry.infra.svc:5000".to_owned());
        assert_eq!(likely("host: localhost:5001\nhostFromContainerRuntime: registry.infra.svc:5000"), guess);
        assert_eq!(likely("hostFromContainerRuntime: localhost:5001"), None, "no pod reaches it");
        assert_eq!(likely("host: registry.infra.svc:5000"), None, "it is for the user's own machine");
        assert_eq!(likely("hostFromClusterNetwork: reg.io\nhostFromContainerRuntime: registry.infra.svc:5000"), None);
    }

    #[test]
    fn a_host_that_some_programs_cannot_read_is_used_with_a_warning() {
        let declared = read("hostFromClusterNetwork: \"[fd00::5]:5000\"").unwrap();
        assert_eq!(declared.for_pods().map(ToString::to_string), Some("[fd00::5]:5000".to_owned()));
        let [warning] = declared.warnings() else { panic!("{declared:?}") };
        assert_eq!(
            warning.to_string(),
            "hostFromClusterNetwork: `[fd00::5]:5000` is an IPv6 address, which buildah, skopeo, podman and CRI-O cannot read in the name of an image; use a name, or an IPv4 address"
        );
    }

    #[test]
    fn what_a_template_leaves_behind_is_named() {
        for host in [":5000", "${NAME}:${PORT}", "%!s(<nil>)", "null:5000", "undefined:5000", "None:5000"] {
            for field in ["hostFromClusterNetwork", "hostFromContainerRuntime"] {
                check_unusable(
                    &format!("{field}: \"{host}\""),
                    &format!(
                        ", line 1: {field}: `{host}` looks as if a variable was not filled in; write the registry's host and port, as in `kind-registry:5000`, or leave it out"
                    ),
                );
            }
        }
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
        let warnings = vec![DeclarationWarning::Help(
            "`call \\u{1b}[31mme` is not a printable http(s) URL of at most 1024 characters".to_owned(),
        )];
        check(
            "hostFromClusterNetwork: reg.io\nhelp: \"call \\e[31mme\"",
            Declared { warnings, ..registry("reg.io", None) },
        );
    }

    #[test]
    fn the_newest_known_version_counts() {
        let data = [
            ("localRegistryHosting.v1", "hostFromClusterNetwork: reg.io"),
            ("localRegistryHosting.v9", "- unknown"),
            ("note", "x"),
        ];
        let data = data.into_iter().collect();
        assert_eq!(Declared::read(&data, &AllowedHosts::default()), Ok(registry("reg.io", None)));
    }

    #[test]
    fn no_known_version() {
        let check = |keys: &[&str], found: &str| {
            let data = keys.iter().map(|key| (key, "")).collect();
            assert_eq!(
                Declared::read(&data, &AllowedHosts::default()).unwrap_err().to_string(),
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
        let mut binary = Data::default();
        binary.note_binary_data();
        assert_eq!(
            Declared::read(&binary, &AllowedHosts::default()).unwrap_err().to_string(),
            "kube-public/local-registry-hosting: found binaryData, which is not read; expected the key `localRegistryHosting.v1`, which is the only version that is known"
        );
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
            let message =
                |field: &str| format!(", line 2: {field}: found {found}; expected a string; write it in quotes");
            for field in ["hostFromClusterNetwork", "hostFromContainerRuntime"] {
                check_unusable(&format!("x: y\n{field}: {value}"), &message(field));
            }
            let key = "kube-public/local-registry-hosting: localRegistryHosting.v1";
            let unused = [
                ("host", DeclarationWarning::Host(format!("{key}{}", message("host")))),
                ("help", DeclarationWarning::Help(format!("{key}{}", message("help")))),
            ];
            for (field, warning) in unused {
                let fields = format!("hostFromClusterNetwork: reg.io\n{field}: {value}");
                check(&fields, Declared { warnings: vec![warning], ..registry("reg.io", None) });
            }
            // Nobody uses it.
            check(
                &format!("hostFromClusterNetwork: a:1\nhostFromContainerRuntime: b:1\nhost: {value}"),
                for_both("a:1", "b:1", None),
            );
        }
    }

    #[test]
    fn empty_fields_are_absent() {
        for empty in ["", "~", "null", "\"\""] {
            check(
                &format!(
                    "host: localhost:5001\nhostFromContainerRuntime: {empty}\nhostFromClusterNetwork: reg.io\nhelp: {empty}"
                ),
                for_both("reg.io", "localhost:5001", None),
            );
            check(
                &format!("host: localhost:5001\nhostFromClusterNetwork: {empty}"),
                declared(None, Some("localhost:5001"), None),
            );
            check(&format!("host: {empty}\nhostFromClusterNetwork: reg.io"), registry("reg.io", None));
            check_unusable(
                &format!("hostFromClusterNetwork: {empty}"),
                ": found the field `hostFromClusterNetwork` without a value; expected a field that is known, as in `hostFromClusterNetwork: \"kind-registry:5000\"`; add it, or delete the ConfigMap",
            );
            check_unusable(
                &format!("hostFromClusterNetwork: {empty}\nhostfromclusternetwork: reg.io"),
                ": found the field `hostfromclusternetwork`; expected `hostFromClusterNetwork`; correct it, or leave it out",
            );
        }
    }

    #[test]
    fn a_field_that_is_likely_misspelt_is_an_error() {
        let found = |found: &str| {
            format!(": found the field `{found}`; expected `hostFromClusterNetwork`; correct it, or leave it out")
        };
        for key in
            ["hostfromclusternetwork", "HostFromClusterNetwork", "hostFromClusterNetworks", "host_from_cluster_network"]
        {
            check_unusable(&format!("{key}: reg.io"), &found(key));
            check_unusable(&format!("host: localhost:5001\n{key}: reg.io"), &found(key));
            // The field itself is there, too.
            check(&format!("hostFromClusterNetwork: reg.io\n{key}: other.io"), registry("reg.io", None));
        }
        check_unusable("hosts: reg.io", ": found the field `hosts`; expected `host`; correct it, or leave it out");
        check_unusable(
            "localRegistryHosting.v1:\n  hostFromClusterNetwork: reg.io",
            ": found `hostFromClusterNetwork` below `localRegistryHosting.v1`; expected it at the top of the value; move it there",
        );
        check_unusable(
            "- hostFromClusterNetwork: reg.io",
            ": the value is a list; expected fields, as in `hostFromClusterNetwork: \"kind-registry:5000\"`",
        );
        let none = "expected a field that is known, as in `hostFromClusterNetwork: \"kind-registry:5000\"`; add it, or delete the ConfigMap";
        check_unusable("{}", &format!(": found no field; {none}"));
        check_unusable("registry: reg.io", &format!(": found the field `registry`; {none}"));
        check("hostFromClusterNetwork: reg.io\nfuture: {host: x}", registry("reg.io", None));
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
        for host in ["my-laptop", "http://localhost:5001", "0.0.0.0:5001", "docker.io"] {
            let declared = read(&format!("hostFromClusterNetwork: reg.io\nhost: {host}")).unwrap();
            assert_eq!((declared.for_pods().map(RegistryHost::as_str), declared.for_nodes()), (Some("reg.io"), None));
            let [DeclarationWarning::Host(reason)] = declared.warnings() else { panic!("{declared:?}") };
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
        let names = read(value).unwrap().names();
        assert_eq!(names.iter().map(RuntimeHost::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn nodes_pull_by_the_names_for_runtimes_and_for_pods() {
        check_names("hostFromClusterNetwork: a:1\nhostFromContainerRuntime: b:1\nhost: c:1", &["b:1", "a:1"]);
        check_names("hostFromClusterNetwork: a:1\nhostFromContainerRuntime: a:1", &["a:1"]);
        check_names("hostFromClusterNetwork: a:1\nhost: localhost:5001", &["localhost:5001", "a:1"]);
        check_names("host: localhost:5001", &["localhost:5001"]);
        check_names("help: x", &[]);
        let error = read("help: x\nhostFromContainerRuntime: A:1").unwrap_err().to_string();
        let expected = "localRegistryHosting.v1, line 2: hostFromContainerRuntime: `A:1` has an upper-case letter; write the host in lower case";
        assert_eq!(error, format!("kube-public/local-registry-hosting: {expected}"));
    }

    #[test]
    fn the_portable_name_stands_for_a_declared_one() {
        let check = |value: &str, expected: Option<&str>| {
            let found = read(value).unwrap().portable_for_nodes();
            assert_eq!(found.as_ref().map(RuntimeHost::as_str), expected, "{value}");
        };
        check("hostFromClusterNetwork: a:1\nhostFromContainerRuntime: b:1\nhost: c:1", Some("b:1"));
        check("hostFromClusterNetwork: a:1", Some("a:1"));
        for loopback in ["localhost:5001", "localhost", "127.0.0.1:5000", "\"[::1]:5000\""] {
            check(&format!("hostFromClusterNetwork: a:1\nhost: {loopback}"), Some("a:1"));
            check(&format!("host: {loopback}"), Some(loopback.trim_matches('"')));
        }
        check("hostFromClusterNetwork: local-registry:5000", None);
        check("hostFromClusterNetwork: a:1\nhostFromContainerRuntime: local-registry:5000", None);
        check("help: x", None);
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
        let error = read(&bomb).unwrap_err().to_string();
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
        assert_eq!(read(&long).unwrap().for_pods().map(RegistryHost::as_str), Some("reg.io"));
        let long = format!("hostFromClusterNetwork: {}.io", "x".repeat(10_000));
        let error = read(&long).unwrap_err().to_string();
        assert!(error.len() < 600, "{error}");
    }

    #[test]
    fn an_alias_may_give_several_fields_their_value() {
        check(
            "hostFromContainerRuntime: &name kind-registry:5000\nhostFromClusterNetwork: *name\n",
            for_both("kind-registry:5000", "kind-registry:5000", None),
        );
    }

    #[test]
    fn a_host_that_is_not_allowed_is_named_with_those_that_are() {
        let allowed = AllowedHosts::new(["reg.io", "*.svc:5000"].map(|text| text.parse().unwrap()).to_vec());
        let read = |value: &str| Declared::read(&v1(value), &allowed).map_err(|error| error.to_string());
        let message = |field: &str, host: &str| {
            format!(
                "kube-public/local-registry-hosting: {field}: `{host}` is not allowed; expected `reg.io` or `*.svc:5000`; declare such a host, or allow this one by --allow-host"
            )
        };
        assert_eq!(
            read("hostFromClusterNetwork: evil.io:5000"),
            Err(message("hostFromClusterNetwork", "evil.io:5000"))
        );
        let both = "hostFromClusterNetwork: reg.io\nhostFromContainerRuntime: registry.svc:5000";
        assert_eq!(read(both), Ok(for_both("reg.io", "registry.svc:5000", None)));
        let nodes = message("hostFromContainerRuntime, or host in its place", "evil.io");
        for for_pods in ["", "hostFromClusterNetwork: reg.io"] {
            assert_eq!(read(&format!("{for_pods}\nhostFromContainerRuntime: evil.io")), Err(nodes.clone()));
            // A `host` in its place is for the user's own machine first.
            let found = read(&format!("{for_pods}\nhost: evil.io")).unwrap();
            assert_eq!((found.for_nodes(), found.warnings()), (None, &[DeclarationWarning::Host(nodes.clone())][..]));
            let for_pods = if for_pods.is_empty() { vec![] } else { vec!["reg.io"] };
            assert_eq!(found.names().iter().map(RuntimeHost::as_str).collect::<Vec<_>>(), for_pods);
        }
    }
}
