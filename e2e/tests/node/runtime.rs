//! What the agent says about the container runtime's configuration, beside what the runtime does.

use e2e::node::ConfigPath;

use crate::kit::{self, REGISTRY, hello};

#[test]
fn a_runtime_that_ignores_the_files_is_reported() {
    let mut kit = kit::with(&[]);
    let name = kit.push(&hello(), "team/ignored:v1");
    assert_eq!(kit.report()["runtime"]["reads"], "yes");

    kit.node.containerd.restart(ConfigPath::Unset);
    let report = kit.reports("that the files are ignored", |report| report["runtime"]["reads"] == "no");
    let remedy = report["runtime"]["remedy"].as_str().unwrap();
    assert!(remedy.contains("config_path"), "{report}");
    let ignored = kit.node.pull(&name);
    assert!(!ignored.succeeded, "{}", ignored.output);
    let events = kit.events("LocalRegistryIgnored");
    assert!(events.iter().any(|note| note.contains("config_path")), "{events:?}");

    kit.node.containerd.restart(ConfigPath::Folder);
    kit.reports("that the files are read", |report| report["runtime"]["reads"] == "yes");
    assert_eq!(kit.node.pull(&format!("{REGISTRY}/team/ignored:v1")).ok(), "hello\n");
}
