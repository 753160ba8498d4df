//! The policy's settings.

use std::fmt;

use crate::json::{Mask, Node};
use crate::registry::{Host, HostError, HostWarning, RegistryHost, RuntimeHost};
use crate::text::{Quoted, is_object_name};

/// What an operator, or the sync job, tells the policy about the cluster's registry.
///
/// ```
/// use local_registry_core::Settings;
///
/// let (settings, warnings) = Settings::parse(br#"{"host": "kind-registry:5000", "color": "blue"}"#)?;
/// assert_eq!(settings.host.as_ref().map(AsRef::as_ref), Some("kind-registry:5000"));
/// assert!(warnings[0].to_string().starts_with("settings: the key `color` is not known and is ignored"));
///
/// let error = Settings::parse(br#"{"insecure": "yes"}"#).unwrap_err();
/// assert_eq!(error.to_string(), "settings.insecure: found a string; expected true or false");
/// # Ok::<(), local_registry_core::admission::SettingsError>(())
/// ```
///
/// A key that is absent means the same as one that is null, and absent settings mean the same as `null` and `{}`. An
/// empty string counts as absent, too, since a form writes that for an empty field.
///
/// A policy server with one policy whose settings are invalid does not start, and serves no other policy either. So an
/// unknown key, or a `help` that is not a URL, is a [`SettingsWarning`] and not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `host`: the registry as pods see it, KEP-1755's `hostFromClusterNetwork`. `None`: the cluster declares no local
    /// registry.
    pub host: Option<RegistryHost>,
    /// `runtimeHost`: the registry as the nodes' container runtimes see it, KEP-1755's `hostFromContainerRuntime`, or its
    /// `host` where that is absent. Only the images of pods get it. `None`: nodes have no local registry.
    pub runtime_host: Option<RuntimeHost>,
    /// `help`: a printable http(s) URL that messages about a missing registry show.
    pub help: Option<String>,
    /// `insecure`: the registry speaks plain HTTP.
    pub insecure: bool,
    /// `outputWithoutRegistry`: what happens to an output that is not local and names no registry.
    pub output_without_registry: OutputWithoutRegistry,
    /// `pushSecret`: the name of the Secret that a local output gets as its push secret, if neither it nor the Build that it is
    /// inherited from names one.
    pub push_secret: Option<String>,
    /// `repositories`: which repositories of the registry a local output may have.
    pub repositories: Repositories,
    /// `lookupBuilds`: read the Build that a BuildRun names.
    pub lookup_builds: bool,
    /// `knativeTags`: whether Knative's controller asks the registry for the digests of tags.
    pub knative_tags: KnativeTags,
    /// `imagesWithoutRegistry`: what the images of pods and revisions are that name no registry.
    pub images_without_registry: ImagesWithoutRegistry,
}

impl Default for Settings {
    /// The settings `{}`.
    fn default() -> Self {
        Self {
            host: None,
            runtime_host: None,
            help: None,
            insecure: false,
            output_without_registry: OutputWithoutRegistry::Warn,
            push_secret: None,
            repositories: Repositories::Any,
            lookup_builds: true,
            knative_tags: KnativeTags::Resolved,
            images_without_registry: ImagesWithoutRegistry::AsWritten,
        }
    }
}

/// What happens to an output that is not local and names no registry, and so would be pushed to Docker Hub.
///
/// ```
/// use local_registry_core::admission::{OutputWithoutRegistry, Settings};
///
/// let (settings, _) = Settings::parse(br#"{"outputWithoutRegistry": "reject"}"#)?;
/// assert_eq!(settings.output_without_registry, OutputWithoutRegistry::Reject);
/// # Ok::<(), local_registry_core::admission::SettingsError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputWithoutRegistry {
    /// `allow`: it passes.
    Allow,
    /// `warn`: it passes with a warning.
    Warn,
    /// `reject`: the request is rejected.
    Reject,
}

/// Which repositories of the cluster's registry a local output may have.
///
/// ```
/// use local_registry_core::admission::{Repositories, Settings};
///
/// let (settings, _) = Settings::parse(br#"{"repositories": "namespace"}"#)?;
/// assert_eq!(settings.repositories, Repositories::Namespace);
/// # Ok::<(), local_registry_core::admission::SettingsError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repositories {
    /// `any`: every one.
    Any,
    /// `namespace`: those that begin with the namespace of the Build or BuildRun, as `team/app` in the namespace `team`.
    Namespace,
}

/// Whether Knative's controller asks the local registry for the digest of a revision's tag, as a pod.
///
/// ```
/// use local_registry_core::admission::{KnativeTags, Settings};
///
/// let (settings, _) = Settings::parse(br#"{"knativeTags": "skipped"}"#)?;
/// assert_eq!(settings.knative_tags, KnativeTags::Skipped);
/// # Ok::<(), local_registry_core::admission::SettingsError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnativeTags {
    /// `resolved`: it does, so pods and nodes need one name for the registry.
    Resolved,
    /// `skipped`: it does not, since the nodes' name is among its `registries-skipping-tag-resolving`.
    Skipped,
}

/// What an image of a pod or of a Knative revision is that names no registry.
///
/// ```
/// use local_registry_core::admission::{ImagesWithoutRegistry, Settings};
///
/// let (settings, _) = Settings::parse(br#"{"imagesWithoutRegistry": "local"}"#)?;
/// assert_eq!(settings.images_without_registry, ImagesWithoutRegistry::Local);
/// # Ok::<(), local_registry_core::admission::SettingsError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImagesWithoutRegistry {
    /// `asWritten`: it is local only if an annotation names it.
    AsWritten,
    /// `local`: it is local, as if the annotation `local-registry-hosting/containers: "*"` were there.
    Local,
}

/// A key of the settings.
struct Key {
    name: &'static str,
    /// What it has as its value, as messages say it.
    expected: &'static str,
    value: Value,
}

/// The type of a key's value, and how it is read.
enum Value {
    /// A string. An empty one counts as absent.
    Text(fn(&mut Settings, &str) -> Result<(), Flaw>),
    /// `true` or `false`.
    Flag(fn(&mut Settings, bool)),
}

/// What is wrong with a value of the right type, or worth a warning.
enum Flaw {
    Host(HostError),
    HostWarning(HostWarning),
    /// It is none of the words that are expected, and this one is used.
    Word(&'static str),
    /// It is not what is expected, and counts as absent.
    Useless,
}

/// All keys. What is kept of the settings, the message about an unknown key, and how each is read come from here.
const KEYS: [Key; 10] = [
    Key {
        name: "host",
        expected: "a string, as in `kind-registry:5000`",
        value: Value::Text(|settings, text| {
            let host = RegistryHost::parse(text).map_err(Flaw::Host)?;
            let warning = host.warning();
            settings.host = Some(host);
            warning.map_or(Ok(()), |warning| Err(Flaw::HostWarning(warning)))
        }),
    },
    Key {
        name: "runtimeHost",
        expected: "a string, as in `localhost:5001`",
        value: Value::Text(|settings, text| {
            settings.runtime_host = Some(RuntimeHost::parse(text).map_err(Flaw::Host)?);
            Ok(())
        }),
    },
    Key {
        name: "help",
        expected: "a printable http:// or https:// URL of at most 1024 characters",
        value: Value::Text(|settings, text| {
            if !is_help_url(text) {
                return Err(Flaw::Useless);
            }
            settings.help = Some(text.to_owned());
            Ok(())
        }),
    },
    Key {
        name: "insecure",
        expected: "true or false",
        value: Value::Flag(|settings, insecure| settings.insecure = insecure),
    },
    Key {
        name: "outputWithoutRegistry",
        expected: "allow, warn or reject",
        value: Value::Text(|settings, text| {
            settings.output_without_registry = match text {
                "allow" => OutputWithoutRegistry::Allow,
                "warn" => OutputWithoutRegistry::Warn,
                "reject" => OutputWithoutRegistry::Reject,
                _ => return Err(Flaw::Word("warn")),
            };
            Ok(())
        }),
    },
    Key {
        name: "pushSecret",
        expected: "the name of a Secret",
        value: Value::Text(|settings, text| {
            if !is_object_name(text) {
                return Err(Flaw::Useless);
            }
            settings.push_secret = Some(text.to_owned());
            Ok(())
        }),
    },
    Key {
        name: "repositories",
        expected: "any or namespace",
        value: Value::Text(|settings, text| {
            settings.repositories = match text {
                "any" => Repositories::Any,
                "namespace" => Repositories::Namespace,
                _ => {
                    // A typo must not open every repository to everybody.
                    settings.repositories = Repositories::Namespace;
                    return Err(Flaw::Word("namespace"));
                }
            };
            Ok(())
        }),
    },
    Key {
        name: "lookupBuilds",
        expected: "true or false",
        value: Value::Flag(|settings, lookup| settings.lookup_builds = lookup),
    },
    Key {
        name: "knativeTags",
        expected: "resolved or skipped",
        value: Value::Text(|settings, text| {
            settings.knative_tags = match text {
                "resolved" => KnativeTags::Resolved,
                "skipped" => KnativeTags::Skipped,
                _ => return Err(Flaw::Word("resolved")),
            };
            Ok(())
        }),
    },
    Key {
        name: "imagesWithoutRegistry",
        expected: "asWritten or local",
        value: Value::Text(|settings, text| {
            settings.images_without_registry = match text {
                "asWritten" => ImagesWithoutRegistry::AsWritten,
                "local" => ImagesWithoutRegistry::Local,
                _ => return Err(Flaw::Word("asWritten")),
            };
            Ok(())
        }),
    },
];

/// The names of all keys.
#[expect(clippy::indexing_slicing, reason = "the compiler evaluates it, and reports an index that is out of bounds")]
const NAMES: [&str; KEYS.len()] = {
    let mut names = [""; KEYS.len()];
    let mut index = 0;
    while index < KEYS.len() {
        names[index] = KEYS[index].name;
        index += 1;
    }
    names
};

/// Why settings are invalid: every wrong key, on a line each.
///
/// ```
/// let error = local_registry_core::Settings::parse(br#"{"host": 5000, "insecure": "no"}"#).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "settings.host: found a number; expected a string, as in `kind-registry:5000`\n\
///      settings.insecure: found a string; expected true or false"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError(Vec<SettingsErrorKind>);

impl std::error::Error for SettingsError {}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, kind) in self.0.iter().enumerate() {
            write!(f, "{}{kind}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum SettingsErrorKind {
    #[error("the settings are not valid JSON ({0})")]
    NotJson(String),
    #[error("the settings are {0}; expected an object, as in {{\"host\": \"kind-registry:5000\"}}")]
    NotAnObject(&'static str),
    #[error("settings.{key}: found {found}; expected {expected}")]
    Type { key: &'static str, found: &'static str, expected: &'static str },
    #[error("settings.{key}: {error}")]
    Host { key: &'static str, error: HostError },
}

/// Something in the settings that is ignored, or that not every program can use, and why.
///
/// ```
/// let (_, warnings) = local_registry_core::Settings::parse(br#"{"help": "ask Jane"}"#)?;
/// assert_eq!(
///     warnings[0].to_string(),
///     "settings.help: `ask Jane` is ignored; expected a printable http:// or https:// URL of at most 1024 characters"
/// );
/// # Ok::<(), local_registry_core::admission::SettingsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct SettingsWarning(#[from] SettingsWarningKind);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum SettingsWarningKind {
    #[error("settings: the key {} is not known and is ignored; known are {}", Quoted(.0), KnownKeys)]
    UnknownKey(String),
    #[error("settings.{key}: {} is ignored; expected {expected}", Quoted(.text))]
    Useless { key: &'static str, text: String, expected: &'static str },
    #[error("settings.{key}: {} is ignored, and {default} is used; expected {expected}", Quoted(.text))]
    Word { key: &'static str, text: String, default: &'static str, expected: &'static str },
    #[error("settings.host: {0}")]
    Host(HostWarning),
}

/// The names of all keys, as a sentence lists them.
struct KnownKeys;

impl fmt::Display for KnownKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in NAMES.iter().enumerate() {
            f.write_str(match index {
                0 => "",
                _ if index + 1 == NAMES.len() => " and ",
                _ => ", ",
            })?;
            f.write_str(name)?;
        }
        Ok(())
    }
}

/// The longest `help` that messages show, in bytes, as the message about another one says.
const LONGEST_HELP: usize = 1024;

impl Settings {
    /// Keeps every key, so that unknown ones can be reported.
    pub(crate) const MASK: Mask = Mask::Scalars(&NAMES);

    /// Reads settings from JSON text, such as the payload of the waPC function `validate_settings`.
    ///
    /// # Errors
    /// A [`SettingsError`] that lists every wrong key.
    pub fn parse(text: &[u8]) -> Result<(Self, Vec<SettingsWarning>), SettingsError> {
        let not_json = |error: &dyn fmt::Display| SettingsError(vec![SettingsErrorKind::NotJson(error.to_string())]);
        let text = std::str::from_utf8(text).map_err(|error| not_json(&error))?;
        let node = Node::parse(text, Self::MASK).map_err(|error| not_json(&error))?;
        Self::read(Some(&node))
    }

    /// The text of `host`.
    pub(crate) fn host_text(&self) -> Option<&str> {
        self.host.as_ref().map(RegistryHost::as_str)
    }

    pub(crate) fn read(node: Option<&Node<'_>>) -> Result<(Self, Vec<SettingsWarning>), SettingsError> {
        let mut settings = Self::default();
        let mut warnings = Vec::new();
        let entries = match node {
            None | Some(Node::Null) => return Ok((settings, warnings)),
            Some(Node::Object(object)) => &object.entries,
            Some(other) => return Err(SettingsError(vec![SettingsErrorKind::NotAnObject(other.type_name())])),
        };
        let mut errors = Vec::new();
        for entry in entries {
            let Some(key) = KEYS.iter().find(|key| key.name == entry.key) else {
                warnings.push(SettingsWarningKind::UnknownKey(entry.key.to_string()).into());
                continue;
            };
            match key.read(&entry.value, &mut settings) {
                Ok(None) => {}
                Ok(Some(warning)) => warnings.push(warning.into()),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok((settings, warnings)) } else { Err(SettingsError(errors)) }
    }
}

impl Key {
    /// Reads the value of this key. Returns a warning if there is one about the value.
    fn read(
        &self,
        value: &Node<'_>,
        settings: &mut Settings,
    ) -> Result<Option<SettingsWarningKind>, SettingsErrorKind> {
        let Self { name: key, expected, .. } = *self;
        let (read, text) = match (&self.value, value) {
            (Value::Text(read), Node::String(text)) if !text.is_empty() => (read, &**text),
            (_, Node::Null) | (Value::Text(_), Node::String(_)) => return Ok(None),
            (Value::Flag(read), Node::Bool(flag)) => {
                read(settings, *flag);
                return Ok(None);
            }
            (_, other) => return Err(SettingsErrorKind::Type { key, found: other.type_name(), expected }),
        };
        Ok(Some(match read(settings, text) {
            Ok(()) => return Ok(None),
            Err(Flaw::Host(error)) => return Err(SettingsErrorKind::Host { key, error }),
            Err(Flaw::HostWarning(warning)) => SettingsWarningKind::Host(warning),
            Err(Flaw::Useless) => SettingsWarningKind::Useless { key, text: text.to_owned(), expected },
            Err(Flaw::Word(default)) => SettingsWarningKind::Word { key, text: text.to_owned(), default, expected },
        }))
    }
}

/// Whether a text may be a `help`: printable ASCII in the form of an http(s) URL, and short. Its author, who may write
/// the cluster's ConfigMap, writes to users' terminals with it.
///
/// ```
/// use local_registry_core::admission::is_help_url;
///
/// assert!(is_help_url("https://example.org/registry"));
/// assert!(!is_help_url("see the wiki"));
/// ```
#[must_use]
pub fn is_help_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    text.len() <= LONGEST_HELP
        && text.bytes().all(|b| b.is_ascii_graphic())
        && rest.is_some_and(|rest| rest.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &Settings, warnings: &[&str]) {
        let (settings, found) = Settings::parse(text.as_bytes()).unwrap();
        assert_eq!(&settings, expected);
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), warnings);
    }

    #[track_caller]
    fn check_invalid(text: &str, message: &str) {
        assert_eq!(Settings::parse(text.as_bytes()).unwrap_err().to_string(), message);
    }

    fn host(text: &str) -> RegistryHost {
        RegistryHost::parse(text).unwrap()
    }

    #[test]
    fn nothing_is_required() {
        let defaults = Settings::default();
        check("{}", &defaults, &[]);
        check("null", &defaults, &[]);
        check(
            r#"{"host":null,"runtimeHost":null,"help":null,"insecure":null,"outputWithoutRegistry":null,"pushSecret":null,"repositories":null,"lookupBuilds":null}"#,
            &defaults,
            &[],
        );
        check(
            r#"{"host":"","runtimeHost":"","help":"","outputWithoutRegistry":"","pushSecret":"","repositories":""}"#,
            &defaults,
            &[],
        );
    }

    #[test]
    fn every_key_is_read() {
        check(
            r#"{"host":"kind-registry:5000","runtimeHost":"localhost:5001","help":"https://example.org/registry","insecure":true,"outputWithoutRegistry":"reject","pushSecret":"push.v1","repositories":"namespace","lookupBuilds":false,"knativeTags":"skipped","imagesWithoutRegistry":"local"}"#,
            &Settings {
                host: Some(host("kind-registry:5000")),
                runtime_host: Some(RuntimeHost::parse("localhost:5001").unwrap()),
                help: Some("https://example.org/registry".to_owned()),
                insecure: true,
                output_without_registry: OutputWithoutRegistry::Reject,
                push_secret: Some("push.v1".to_owned()),
                repositories: Repositories::Namespace,
                lookup_builds: false,
                knative_tags: KnativeTags::Skipped,
                images_without_registry: ImagesWithoutRegistry::Local,
            },
            &[],
        );
    }

    #[test]
    fn unknown_keys_are_accepted_with_a_warning() {
        check(
            r#"{"hosts":[1,{}],"host":"reg.io"}"#,
            &Settings { host: Some(host("reg.io")), ..Settings::default() },
            &[
                "settings: the key `hosts` is not known and is ignored; known are host, runtimeHost, help, insecure, outputWithoutRegistry, pushSecret, repositories, lookupBuilds, knativeTags and imagesWithoutRegistry",
            ],
        );
    }

    #[test]
    fn an_unknown_word_is_ignored_with_a_warning() {
        let check = |key: &str, word: &str, expected: Settings, warnings: &[&str]| {
            check(&format!(r#"{{"{key}":"{word}"}}"#), &expected, warnings);
        };
        for (word, expected) in [
            ("allow", OutputWithoutRegistry::Allow),
            ("warn", OutputWithoutRegistry::Warn),
            ("reject", OutputWithoutRegistry::Reject),
        ] {
            let expected = Settings { output_without_registry: expected, ..Settings::default() };
            check("outputWithoutRegistry", word, expected, &[]);
        }
        for (word, expected) in [("resolved", KnativeTags::Resolved), ("skipped", KnativeTags::Skipped)] {
            check("knativeTags", word, Settings { knative_tags: expected, ..Settings::default() }, &[]);
        }
        for (word, expected) in
            [("asWritten", ImagesWithoutRegistry::AsWritten), ("local", ImagesWithoutRegistry::Local)]
        {
            let expected = Settings { images_without_registry: expected, ..Settings::default() };
            check("imagesWithoutRegistry", word, expected, &[]);
        }
        for (word, expected) in [("any", Repositories::Any), ("namespace", Repositories::Namespace)] {
            check("repositories", word, Settings { repositories: expected, ..Settings::default() }, &[]);
        }
        check(
            "repositories",
            "namespaces",
            Settings { repositories: Repositories::Namespace, ..Settings::default() },
            &["settings.repositories: `namespaces` is ignored, and namespace is used; expected any or namespace"],
        );
        for (key, word, warning) in [
            ("outputWithoutRegistry", "Deny", "`Deny` is ignored, and warn is used; expected allow, warn or reject"),
            ("knativeTags", "skip", "`skip` is ignored, and resolved is used; expected resolved or skipped"),
            (
                "imagesWithoutRegistry",
                "Local",
                "`Local` is ignored, and asWritten is used; expected asWritten or local",
            ),
        ] {
            check(key, word, Settings::default(), &[&format!("settings.{key}: {warning}")]);
        }
    }

    #[test]
    fn a_help_that_is_not_a_printable_url_is_ignored_with_a_warning() {
        for help in [
            "see the wiki",
            "ftp://example.org",
            "https://",
            "https:///x",
            r"https://example.org/\u001b[31m",
            r"http://example.org/\n",
            "http://exämple.org",
            "https://a b",
        ] {
            let (settings, warnings) = Settings::parse(format!(r#"{{"help":"{help}"}}"#).as_bytes()).unwrap();
            assert_eq!(settings, Settings::default(), "{help}");
            assert_eq!(warnings.len(), 1, "{help}");
        }
        check(
            r#"{"help":"see the wiki"}"#,
            &Settings::default(),
            &[
                "settings.help: `see the wiki` is ignored; expected a printable http:// or https:// URL of at most 1024 characters",
            ],
        );
        let long = format!("https://example.org/{}", "x".repeat(1004));
        check(&format!(r#"{{"help":"{long}"}}"#), &Settings { help: Some(long.clone()), ..Settings::default() }, &[]);
        assert_eq!(Settings::parse(format!(r#"{{"help":"{long}x"}}"#).as_bytes()).unwrap().1.len(), 1);
    }

    #[test]
    fn a_push_secret_that_no_secret_can_be_called_is_ignored_with_a_warning() {
        for name in ["Push", "a b", "../push", "push_secret"] {
            let message = format!("settings.pushSecret: `{name}` is ignored; expected the name of a Secret");
            check(&format!(r#"{{"pushSecret":"{name}"}}"#), &Settings::default(), &[&message]);
        }
    }

    #[test]
    fn an_ipv6_address_is_used_with_a_warning() {
        check(
            r#"{"host":"[fd00::1]:5000"}"#,
            &Settings { host: Some(host("[fd00::1]:5000")), ..Settings::default() },
            &[
                "settings.host: `[fd00::1]:5000` is an IPv6 address, which buildah, skopeo, podman and CRI-O cannot read in the name of an image; use a name, or an IPv4 address",
            ],
        );
    }

    #[test]
    fn wrong_values_are_invalid_and_reported_together() {
        check_invalid(
            r#"{"host":"kind-registry"}"#,
            "settings.host: `kind-registry` has neither a dot nor a port, so image parsers read it as a Docker Hub namespace; add the port, as in `kind-registry:5000`",
        );
        check_invalid(
            r#"{"host":5000,"runtimeHost":true,"help":[],"insecure":"true","outputWithoutRegistry":true,"lookupBuilds":1}"#,
            "settings.host: found a number; expected a string, as in `kind-registry:5000`\n\
             settings.runtimeHost: found a boolean; expected a string, as in `localhost:5001`\n\
             settings.help: found an array; expected a printable http:// or https:// URL of at most 1024 characters\n\
             settings.insecure: found a string; expected true or false\n\
             settings.outputWithoutRegistry: found a boolean; expected allow, warn or reject\n\
             settings.lookupBuilds: found a number; expected true or false",
        );
        check_invalid(
            r#"{"host":"localhost:5001","runtimeHost":"docker.io"}"#,
            "settings.host: `localhost:5001` means the build pod itself when used inside a cluster; write the host under which pods reach the registry\n\
             settings.runtimeHost: `docker.io` is Docker Hub, not a registry of this cluster; write the host under which nodes reach the local registry",
        );
        check_invalid("[]", r#"the settings are an array; expected an object, as in {"host": "kind-registry:5000"}"#);
        check_invalid("{", "the settings are not valid JSON (it ends too early at line 1 column 2)");
        check_invalid(
            r#"{"host":"a.b","host":"c.d"}"#,
            "the settings are not valid JSON (an object has the same key twice at line 1 column 22)",
        );
    }
}
