//! Values that cannot be right are refused, by their key, before anything is applied.

use e2e::values::{merged, namespaced, registry, without_policy};
use e2e::{Chart, Crds, TestCluster, config_map, values};
use local_registry_core::registry::RuntimeHost;
use serde_json::{Value, json};

/// The usual values, with this one in the place that a JSON pointer names.
fn with(pointer: &str, value: Value) -> Value {
    let mut values = registry();
    let mut place = &mut values;
    for key in pointer.split('/').skip(1) {
        place = &mut place[key];
    }
    *place = value;
    values
}

/// Asserts that both releases of Helm refuse these values, and say all of this.
#[track_caller]
fn refused(values: &Value, says: &[&str]) {
    refused_in(e2e::NAMESPACE, values, says);
}

/// The same of a release in this namespace.
#[track_caller]
fn refused_in(namespace: &str, values: &Value, says: &[&str]) {
    for helm in Chart::HELM {
        let answer = Chart::alone(helm).in_namespace(namespace).render(values);
        assert_eq!(answer.code, Some(1), "Helm {helm}: {values}");
        for text in says {
            assert!(answer.stderr.contains(text), "Helm {helm}: {values}: expected: {text}\nfound: {}", answer.stderr);
        }
    }
}

#[test]
fn keys_that_are_unknown_are_named() {
    for (pointer, key) in [
        ("/registries", "registries"),
        ("/registry/enable", "enable"),
        ("/registry/storage/size", "size"),
        ("/registry/storage/s3/Bucket", "Bucket"),
        ("/registry/tls/issuer", "issuer"),
        ("/nodes/runtimes", "runtimes"),
        ("/monitoring/enable", "enable"),
        ("/image/name", "name"),
    ] {
        refused(&with(pointer, json!("x")), &[&format!("'{key}'")]);
    }
}

#[test]
fn values_of_a_wrong_kind_are_named_with_their_key() {
    for (pointer, value) in [
        ("/registry/enabled", json!("yes")),
        ("/registry/storage/type", json!("S3")),
        ("/registry/storage/s3/ports", json!(["https"])),
        ("/registry/storage/s3/ports", json!([70000])),
        ("/registry/clusterIP", json!("10.96.0")),
        ("/registry/image/digest", json!("sha256:0123")),
        ("/registry/tolerations", json!({})),
        ("/image/digest", json!("latest")),
        ("/nodes/runtime", json!("docker")),
        ("/nodes/resync", json!(0)),
        ("/nodes/namespace", json!("Nodes")),
        ("/nodes/namespace", json!("-")),
        ("/nodes/namespace", json!("kube-system")),
        ("/nodes/resync", json!(99_999_999_999_u64)),
        ("/nodes/addresses", json!({"kind-registry": "http://kind-registry:5000"})),
        ("/nodes/addresses", json!({"Kind:5000": "http://kind-registry:5000"})),
        ("/nodes/addresses", json!({"kind:99999": "http://kind-registry:5000"})),
        ("/nodes/addresses", json!({"kind:5000": "http://"})),
        ("/nodes/addresses", json!({"kind:5000": "http://172.18.0.5:"})),
        ("/registry/storage/volume/size", json!("1.2.3Gi")),
        ("/registry/storage/volume/size", json!("20GB")),
        ("/registry/resources", json!({"limits": {"memory": "many"}})),
        ("/registry/nodeSelector", json!({"kubernetes.io/os": "windows"})),
        ("/help", json!("ftp://example.org")),
        ("/clusterDomain", json!("cluster.local.")),
        ("/monitoring/labels", json!({"a": 1})),
        ("/monitoring/labels", json!({"app.kubernetes.io/name": "mine"})),
    ] {
        // Helm 3 and 4, and the templates, write the way to a value with different signs in between.
        let last = pointer.rsplit('/').next().unwrap();
        refused(&with(pointer, value), &[last]);
    }
}

#[test]
fn names_and_addresses_are_those_that_the_agent_reads() {
    for host in [
        "kind-registry:5000",
        "localhost",
        "localhost:5001",
        "reg.example",
        "[fd00::1]",
        "[fd00::1]:5000",
        "10.0.0.1:5000",
        "a.b-c.d:65535",
        "kind-registry",
        "a..b:5000",
        "docker.io",
        "index.docker.io:443",
        "foo.bar-",
        "a:99999",
        "a:0",
        "Kind:5000",
        "[::::",
        "0.0.0.0:5000",
        "",
        "a_b:5000",
        "a b:5000",
    ] {
        let is_valid = RuntimeHost::parse(host).is_ok();
        let as_name = json!({"nodes": {"enabled": true, "addresses": {host: "http://172.18.0.5:5000"}}});
        let as_address =
            json!({"nodes": {"enabled": true, "addresses": {"kind-registry:5000": format!("http://{host}")}}});
        for values in [as_name, as_address] {
            let answer = Chart::alone("4").render(&values);
            assert_eq!(answer.code == Some(0), is_valid, "{values}: {}", answer.stderr);
        }
    }
}

#[test]
fn values_that_exclude_each_other_are_refused_with_the_way_out() {
    let bucket = json!({"type": "s3", "s3": {"bucket": "images"}});
    let with_two = |first: (&str, Value), second: (&str, Value)| {
        let mut values = with(first.0, first.1);
        let second = with(second.0, second.1);
        for (part, keys) in second.as_object().unwrap() {
            for (key, value) in keys.as_object().unwrap() {
                values[part][key] = value.clone();
            }
        }
        values
    };
    let tls = || ("/registry/tls/enabled", json!(true));
    for (values, says) in [
        (with("/registry/storage/type", json!("s3")), &["registry.storage.s3.bucket"][..]),
        (with(tls().0, tls().1), &["registry.clusterIP", "registry.tls.certManager"]),
        (
            with_two(("/registry/auth/enabled", json!(true)), ("/registry/tls/enabled", json!(true))),
            &["registry.clusterIP"],
        ),
        (
            json!({"registry": {"enabled": true, "clusterIP": "10.96.0.50", "auth": {"enabled": true}, "tls": {"enabled": true}}}),
            &["registry.readOnlyClusterIP"],
        ),
        (
            with_two(("/registry/auth/enabled", json!(true)), ("/registry/tenants", json!({"enabled": true}))),
            &["registry.auth.enabled", "registry.tenants.enabled"],
        ),
        (
            json!({"registry": {
                "enabled": true, "clusterIP": "10.96.0.50", "readOnlyClusterIP": "10.96.0.51", "tls": {"enabled": true},
                "tenants": {"enabled": true, "realm": "http://registry.example/token"},
            }}),
            &["registry.tenants.realm", "http"],
        ),
        (
            json!({"nodes": {"enabled": true}, "registry": {"garbageCollection": {"schedule": "@weekly"}}}),
            &["registry.garbageCollection.schedule", "registry.enabled"],
        ),
        (
            with_two(
                ("/registry/storage/type", json!("none")),
                ("/registry/garbageCollection/schedule", json!("@weekly")),
            ),
            &["registry.garbageCollection.schedule", "none"],
        ),
        (
            json!({"nodes": {"enabled": true}, "registry": {"garbageCollection": {"enabled": true}}}),
            &["registry.garbageCollection.enabled", "registry.enabled"],
        ),
        (
            with_two(("/registry/storage/type", json!("none")), ("/registry/garbageCollection/enabled", json!(true))),
            &["registry.garbageCollection.enabled", "none"],
        ),
        (
            json!({"nodes": {"enabled": true}, "registry": {"prune": {"enabled": true}}}),
            &["registry.prune.enabled", "registry.enabled"],
        ),
        (
            json!({"registry": {"enabled": true, "prune": {"enabled": true}}}),
            &["registry.prune.enabled", "registry.delete=true"],
        ),
        (
            json!({"registry": {"enabled": true, "auth": {"enabled": true}, "prune": {"enabled": true}}}),
            &["registry.prune.secret", "registry.auth.enabled"],
        ),
        (
            json!({"registry": {"enabled": true, "storage": {"type": "s3", "s3": bucket["s3"], "volume": {"existingClaim": "images"}}}}),
            &["registry.storage.volume.existingClaim"],
        ),
        (
            json!({"registry": {"enabled": true}, "nodes": {"enabled": false, "cleanUp": true}}),
            &["nodes.cleanUp", "nodes.enabled"],
        ),
        (without_policy(json!({"monitoring": {"enabled": true}})), &["registry.enabled"]),
        (
            json!({"registry": {"enabled": true, "clusterIP": "10.0.0.50", "tls": {"enabled": true, "secret": "registry-root"}}}),
            &["registry.tls.secret: is `registry-root`"],
        ),
    ] {
        refused(&values, says);
    }
}

#[test]
fn policies_that_cannot_be_are_refused_with_the_way_out() {
    let namespaced = |more: Value| merged(namespaced(), more);
    for (values, says) in [
        (without_policy(json!({"alias": {"enabled": true}})), &["alias.enabled: is set", "policy.enabled=true"][..]),
        (without_policy(json!({"registry": {"enabled": true}, "check": {"pull": true}})), &["check.pull: is set"]),
        (
            without_policy(json!({"nodes": {"enabled": true}, "sync": {"schedule": "@daily"}})),
            &["sync.schedule: is set"],
        ),
        (
            without_policy(json!({"nodes": {"enabled": true}, "sync": {"allowHosts": ["a:1"]}})),
            &["sync.allowHosts: is set"],
        ),
        (json!({"check": {"namespace": "other"}}), &["check.namespace: is `other`"]),
        (
            json!({"sync": {"schedule": "@daily"}, "monitoring": {"enabled": true}}),
            &["monitoring.enabled", "sync.schedule"],
        ),
        (without_policy(json!({"policy": {"namespaced": true}})), &["policy.namespaced: is true", "policy.enabled"]),
        (
            namespaced(
                json!({"workloads": {"enabled": true}, "registry": {"enabled": true}, "alias": {"enabled": true}}),
            ),
            &["workloads.enabled: is true", "registry.enabled: is true", "alias.enabled: is true"],
        ),
        (namespaced(json!({"check": {"pull": true}})), &["check.pull: is true"]),
        (json!({"policy": {"server": {"namespace": "kube-public"}}}), &["policy.server.namespace: is `kube-public`"]),
        (json!({"policy": {"module": {"repository": "reg.example/policy:v1"}}}), &["policy.module.repository", "`v1`"]),
        // What has its own namespace would have a second one in that.
        (
            json!({"check": {"pull": true}, "nodes": {"enabled": true, "namespace": "local-registry-check"}}),
            &["nodes.namespace"],
        ),
        (
            json!({"policy": {"server": {"namespace": "local-registry"}}, "registry": {"enabled": true}}),
            &["the namespace"],
        ),
    ] {
        refused(&values, says);
    }
    for namespace in ["default", "kube-system", "local-registry-check"] {
        refused_in(namespace, &values::usual(), &["the namespace of the release", "--namespace local-registry"]);
    }
    refused_in("kubewarden", &values::namespaced(), &["policy.namespaced: is true", "`kubewarden`"]);
    for module in
        ["registry://reg.example/policy", "oci://reg.example/policy", "reg.example/Policy", "reg.example/policy/"]
    {
        refused(&json!({"policy": {"module": {"repository": module}}}), &["repository"]);
    }
    for (namespace, values) in [("kubewarden", values::both()), ("default", values::namespaced())] {
        let answer = Chart::alone("4").in_namespace(namespace).render(&values);
        assert_eq!(answer.code, Some(0), "{namespace}: {answer:?}");
    }
}

#[test]
fn what_the_cluster_lacks_or_has_already_is_said_before_anything_is_applied() {
    let cluster = TestCluster::start(Crds::Plain);
    let installed =
        || cluster.kubectl.run(&["get", "deployment", "registry", "--namespace=local-registry"]).code == Some(0);
    let refuses = |values: &Value, says: &[&str]| {
        for helm in Chart::HELM {
            let answer = Chart::of(helm, &cluster.kubectl).try_install(values, &[]);
            assert_eq!(answer.code, Some(1), "Helm {helm}: {values}");
            for text in says {
                assert!(answer.stderr.contains(text), "Helm {helm}: expected: {text}\nfound: {}", answer.stderr);
            }
        }
        assert!(!installed());
    };
    let tls =
        without_policy(json!({"registry": {"enabled": true, "clusterIP": "10.0.0.50", "tls": {"enabled": true}}}));
    refuses(&tls, &["cert-manager", "registry.tls.certManager"]);
    refuses(
        &without_policy(json!({"registry": {"enabled": true}, "monitoring": {"enabled": true}})),
        &["monitoring.coreos.com", "monitoring.enabled"],
    );

    // Roles of the chart would have one name there, and NOTES.txt speaks of the namespace as the registry's own.
    for namespace in ["default", "kube-public", "kubewarden"] {
        let answer = Chart::of("4", &cluster.kubectl).try_install(&registry(), &[&format!("--namespace={namespace}")]);
        assert_eq!(answer.code, Some(1), "{namespace}");
        assert!(answer.stderr.contains("--namespace local-registry --create-namespace"), "{answer:?}");
    }
    // As KinD's own recipe declares one.
    let declared = config_map("host: \"localhost:5001\"\nhostFromClusterNetwork: \"kind-registry:5000\"\n");
    cluster.kubectl.ok_with(&["create", "-f", "-"], &declared);
    refuses(&registry(), &["local-registry-hosting", "kind-registry:5000", "registry.declaration.enabled"]);
    // Without a declaration of its own, it leaves that alone.
    let values = with("/registry/declaration/enabled", json!(false));
    Chart::of("4", &cluster.kubectl).install(&values);
    let left = cluster.kubectl.json(&["get", "configmap", "local-registry-hosting", "--namespace=kube-public"]);
    // A Job cannot be changed.
    let mut collecting = values.clone();
    collecting["registry"]["garbageCollection"] = json!({"enabled": true});
    Chart::of("4", &cluster.kubectl).install(&collecting);
    Chart::of("4", &cluster.kubectl).install(&collecting);
    collecting["image"] = json!({"tag": "v9"});
    let answer = Chart::of("4", &cluster.kubectl).try_install(&collecting, &[]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert!(answer.stderr.contains("upgrade with registry.garbageCollection.enabled=false first"), "{answer:?}");
    assert_eq!(left["data"], declared["data"]);
}
