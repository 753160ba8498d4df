//! `hosts.toml` as containerd's own code reads it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use e2e::node::program;
use local_registry_core::registry::{RegistryUrl, Scheme};
use local_registry_node::runtime::{Name, Runtime, Target, contents, directory};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rcgen::generate_simple_self_signed;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// How many names are generated.
const CASES: usize = 400;

/// A registry that containerd asks for a name.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Registry {
    url: String,
    /// What it may be asked for.
    capabilities: Vec<String>,
    /// Whether a certificate authority beside the system's is trusted.
    authority: bool,
}

#[derive(Debug, Deserialize)]
struct Answer {
    registries: Vec<Registry>,
    #[serde(default)]
    error: String,
}

/// What the newest containerd makes of names, if `config_path` is this folder.
fn ask(folder: &Path, names: impl Iterator<Item = String>) -> Vec<Answer> {
    ask_program("hosts", folder, names)
}

/// Which URLs containerd 1.7 asks for a name.
fn ask_1_7(folder: &Path, name: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Answer {
        urls: Vec<String>,
    }
    let answers: Vec<Answer> = ask_program("hosts-1", folder, [name.to_owned()].into_iter());
    answers.into_iter().flat_map(|answer| answer.urls).collect()
}

fn ask_program<A: DeserializeOwned>(name: &str, folder: &Path, names: impl Iterator<Item = String>) -> Vec<A> {
    let mut program = Command::new(program(name));
    let mut program = program.arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = program.stdin.take().unwrap();
    let names = names.collect::<Vec<_>>().join("\n");
    let writer = std::thread::spawn(move || stdin.write_all(names.as_bytes()).unwrap());
    let output = program.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Hosts of every form, with and without a port.
fn host() -> impl Strategy<Value = String> {
    let label = "[a-z]([a-z0-9-]{0,6}[a-z0-9])?";
    let name = prop::collection::vec(label, 2..4).prop_map(|labels| labels.join("."));
    let service = (label, label, select(vec!["svc", "svc.cluster.local"])).prop_map(|(a, b, c)| format!("{a}.{b}.{c}"));
    let ipv4 = (1..224u8, any::<[u8; 3]>()).prop_map(|(a, [b, c, d])| format!("{a}.{b}.{c}.{d}"));
    let ipv6 =
        any::<u64>().prop_map(|tail| format!("[{}]", std::net::Ipv6Addr::from(0xfd00_u128 << 112 | u128::from(tail))));
    let port = prop_oneof![1 => Just(String::new()), 3 => (1..=u16::MAX).prop_map(|port| format!(":{port}"))];
    (prop_oneof![2 => service, 1 => name, 1 => ipv4, 1 => ipv6], port)
        .prop_map(|(host, port)| format!("{host}{port}"))
        .prop_filter("a valid host", |host| host.parse::<local_registry_core::RuntimeHost>().is_ok())
}

/// A name, where it leads, whether there is a certificate authority, and what others have beside it.
fn case() -> impl Strategy<Value = (String, RegistryUrl, bool, Vec<usize>)> {
    let scheme = select(vec![Scheme::Http, Scheme::Https]);
    let others = subsequence(vec![0, 1, 2], 0..=3);
    (host(), scheme, host(), any::<bool>(), others).prop_map(|(name, scheme, host, has_ca, others)| {
        (name, RegistryUrl { scheme, host: host.parse().unwrap() }, has_ca && scheme == Scheme::Https, others)
    })
}

/// Files of others that must not make containerd overlook ours.
fn write_others(folder: &Path, name: &str, others: &[usize]) {
    let elsewhere = "server = \"https://elsewhere.example\"\n";
    for other in others {
        match (other, name.rsplit_once(':')) {
            (0, _) => write(&folder.join("_default/hosts.toml"), elsewhere),
            (1, Some((host, _))) if !host.starts_with('[') => write(&folder.join(host).join("hosts.toml"), elsewhere),
            (2, Some(_)) => fs::create_dir_all(folder.join(name)).unwrap(),
            _ => {}
        }
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn containerd_reads_what_the_agent_writes() {
    let mut runner = TestRunner::deterministic();
    let authority = generate_simple_self_signed(["registry".to_owned()]).unwrap().cert.pem();
    let folder = tempfile::tempdir().unwrap();
    let mut cases: BTreeMap<String, (RegistryUrl, bool)> = BTreeMap::new();
    while cases.len() < CASES {
        let (name, url, has_ca, others) = case().new_tree(&mut runner).unwrap().current();
        let directory = folder.path().join(directory(&name));
        if cases.contains_key(&name) || directory.exists() {
            continue;
        }
        write_others(folder.path(), &name, &others);
        let text = contents(Runtime::Containerd, &name.parse().unwrap(), Target::Registry { url: &url, has_ca });
        write(&directory.join("hosts.toml"), &text);
        if has_ca {
            write(
                &directory.join("ca.crt"),
                &format!("# local-registry-sync node: a line before the certificate\n{authority}"),
            );
        }
        cases.insert(name, (url, has_ca));
    }
    // Written last, another name's file of others may lie where one of ours was looked for.
    let answers = ask(folder.path(), cases.keys().cloned());
    assert_eq!(answers.len(), cases.len());
    for ((name, (url, has_ca)), answer) in cases.iter().zip(answers) {
        assert_eq!(answer.error, "", "{name}");
        let capabilities = ["pull", "resolve"].map(ToOwned::to_owned).to_vec();
        let registry = || Registry { url: format!("{url}/v2"), capabilities: capabilities.clone(), authority: *has_ca };
        assert_eq!(answer.registries, [registry(), registry()], "{name}: the entry, and the server");
    }
}

#[test]
fn containerd_asks_the_directory_of_the_agent_first() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["registry.infra.svc:5000", "[fd00::1]:5000", "[fd00::1]", "reg.io"];
    for name in names {
        write(&folder.path().join(name).join("hosts.toml"), "server = \"https://elsewhere.example\"\n");
        let url = RegistryUrl { scheme: Scheme::Http, host: "10.0.0.5:5000".parse().unwrap() };
        let text = contents(Runtime::Containerd, &name.parse().unwrap(), Target::Registry { url: &url, has_ca: false });
        write(&folder.path().join(directory(name)).join("hosts.toml"), &text);
    }
    for answer in ask(folder.path(), names.map(ToOwned::to_owned).into_iter()) {
        assert_eq!(answer.registries[0].url, "http://10.0.0.5:5000/v2");
    }
}

#[test]
fn a_missing_authority_fails_every_pull() {
    let folder = tempfile::tempdir().unwrap();
    let url = RegistryUrl { scheme: Scheme::Https, host: "10.0.0.5:5000".parse().unwrap() };
    let text =
        contents(Runtime::Containerd, &"reg.io:5000".parse().unwrap(), Target::Registry { url: &url, has_ca: true });
    write(&folder.path().join("reg.io_5000_/hosts.toml"), &text);
    let answers = ask(folder.path(), ["reg.io:5000".to_owned()].into_iter());
    assert!(answers[0].error.contains("unable to read CA cert"), "{answers:?}");
}

#[test]
fn every_containerd_is_led_to_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let name = "registry.infra.svc:5000";
    let text = contents(Runtime::Containerd, &name.parse().unwrap(), Target::Nowhere);
    write(&folder.path().join(directory(name)).join("hosts.toml"), &text);
    let nowhere = "https://127.0.0.1:0/v2";
    let answers = ask(folder.path(), [name.to_owned()].into_iter());
    let urls: Vec<&str> = answers[0].registries.iter().map(|registry| registry.url.as_str()).collect();
    assert_eq!(urls, [nowhere, nowhere]);
    assert_eq!(ask_1_7(folder.path(), name), [nowhere, nowhere]);
}

#[test]
fn every_containerd_reads_the_file_of_the_portable_name() {
    let folder = tempfile::tempdir().unwrap();
    let name = Name::portable("kind-registry:5000".parse().unwrap());
    let url = RegistryUrl { scheme: Scheme::Https, host: "kind-registry:5000".parse().unwrap() };
    let text = contents(Runtime::Containerd, &name, Target::Registry { url: &url, has_ca: false });
    write(&folder.path().join(directory(name.as_str())).join("hosts.toml"), &text);
    let expected = "https://kind-registry:5000/v2";
    let answers = ask(folder.path(), ["local-registry:5000".to_owned()].into_iter());
    let urls: Vec<&str> = answers[0].registries.iter().map(|registry| registry.url.as_str()).collect();
    assert_eq!(urls, [expected, expected]);
    assert_eq!(ask_1_7(folder.path(), "local-registry:5000"), [expected, expected]);
}

#[test]
fn containerd_1_reads_all_but_an_ipv6_address() {
    let folder = tempfile::tempdir().unwrap();
    for (name, host, expected) in [
        ("registry.infra.svc:5000", "10.0.0.5:5000", "http://10.0.0.5:5000/v2"),
        // It drops the file, and asks the name itself. So the agent writes none.
        ("other.infra.svc:5000", "[fd00::5]:5000", "https://other.infra.svc:5000/v2"),
        ("[fd00::1]:5000", "10.0.0.6:5000", "http://10.0.0.6:5000/v2"),
    ] {
        let url = RegistryUrl { scheme: Scheme::Http, host: host.parse().unwrap() };
        let text = contents(Runtime::Containerd, &name.parse().unwrap(), Target::Registry { url: &url, has_ca: false });
        write(&folder.path().join(directory(name)).join("hosts.toml"), &text);
        assert_eq!(ask_1_7(folder.path(), name)[0], expected, "{name}");
    }
}
