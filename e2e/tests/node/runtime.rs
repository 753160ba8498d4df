//! What the agent says about the container runtime's configuration, beside what the runtime does.

use e2e::node::ONE_FOLDER;

use crate::kit::{self, hello};

/// What containerd 2.2 to 2.4 take for the folder where nothing is set.
const LIST: &str = "registry.config_path = '/etc/containerd/certs.d:/etc/docker/certs.d'";

#[test]
fn the_agent_knows_whether_the_runtime_reads_its_files() {
    let mut kit = kit::with(&[]);
    let name = kit.push(&hello(), "team/read:v1");
    let split = format!("{LIST}\ndiscard_unpacked_layers = true");
    // What the agent says, and whether the pull succeeds.
    for (settings, says, pulls) in [
        ("", "no", false),
        (LIST, "no", false),
        (&split, "yes", true),
        // Earlier versions than this one would ignore the files: the agent reads its version from the Node.
        ("use_local_image_pull = true", "yes", true),
        (ONE_FOLDER, "yes", true),
    ] {
        kit.node.containerd.restart(settings);
        let what = format!("`{says}` about `{settings}`");
        let report = kit.reports(&what, |report| report["runtime"]["reads"] == says);
        assert_eq!(report["runtime"]["remedy"].is_string(), says != "yes", "{report}");
        let pulled = kit.node.pull(&name);
        assert_eq!(pulled.succeeded, pulls, "`{settings}`: {}", pulled.output);
    }
    let events = kit.events("LocalRegistryIgnored");
    assert!(events.iter().any(|note| note.contains("set config_path = ")), "{events:?}");
}
