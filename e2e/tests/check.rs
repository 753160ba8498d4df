//! `check`, with the rights of the Job in `deploy/check`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by panicking"
)]

use e2e::{Cluster, Crds};

/// The lines of `check`, without those about the registry, which no test has.
fn lines(stdout: &str) -> Vec<&str> {
    let elsewhere = |line: &&str| !line.contains(" name: ") && !line.contains(" registry: ");
    stdout.lines().filter(elsewhere).collect()
}

#[test]
fn every_link_is_seen() {
    let mut cluster = Cluster::start(Crds::Patched);
    cluster.kubectl.ok(&["apply", "-k", "deploy/guard"]);
    cluster.kubectl.ok(&["apply", "-k", "deploy/check"]);
    cluster.declare("hostFromClusterNetwork: \"kind-registry.invalid:5000\"\n");
    let both = ["--policy=local-registry", "--policy=local-registry-guard"];
    assert_eq!(cluster.sync(&both).code, Some(0));
    cluster.reconcile();
    let answer = cluster.check(&both);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert_eq!(
        lines(&answer.stdout),
        [
            "✓ ConfigMap: the local registry is kind-registry.invalid:5000",
            "✓ host: kind-registry.invalid:5000 is what image parsers read back as a registry",
            "✓ CRD builds.shipwright.io: it has the field local beside every image",
            "✓ CRD buildruns.shipwright.io: it has the field local beside every image",
            "✓ policy local-registry: it is active",
            "✓ policy local-registry settings: they say what the cluster declares",
            "✓ policy local-registry rights: service account kubewarden/policy-server may get Builds",
            "✓ policy local-registry-guard: it is active",
            "✓ policy local-registry-guard mutating: it is a guard: it rejects what another policy should have resolved",
            "✓ policy local-registry-guard settings: they say what the cluster declares",
            "✓ policy local-registry-guard rights: service account kubewarden/policy-server may get Builds",
        ]
    );

    cluster.kubectl.ok(&["delete", "clusterrolebinding", "local-registry-policy"]);
    let answer = cluster.check(&[]);
    assert_eq!(answer.code, Some(1));
    let expected = "✗ policy local-registry rights: service account kubewarden/policy-server of policy server default may not get Builds";
    assert!(answer.stdout.contains(expected), "{answer:?}");
}
