//! Credentials that make themselves, by the account that the chart gives the program, and what else that account may do.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use e2e::{Crds, NAMESPACE, TestCluster, eventually, values};
use serde_json::{Value, json};

const NAME: &str = "local-registry-push";
const REGISTRY: &str = "registry.local-registry.svc.cluster.local:5000";
const ACCOUNT: &str = "--as=system:serviceaccount:local-registry:registry-credentials";
const LABEL: &str = "local-registry-hosting/push=true";
const EXPIRES: &str = "local-registry-hosting/expires";
const HOST: &str = "local-registry-hosting/host";

fn start() -> TestCluster {
    let cluster = TestCluster::start(Crds::Plain);
    cluster.install(&values::tenants());
    for namespace in ["labelled", "other"] {
        cluster.kubectl.ok(&["create", "namespace", namespace]);
    }
    cluster.kubectl.ok(&["label", "namespace", "labelled", LABEL]);
    cluster.kubectl.wait_for_admission_policies();
    cluster
}

/// Runs the program once, with the rights that the chart gives it.
fn keep(cluster: &TestCluster) -> String {
    let answer = cluster.run_as(NAMESPACE, "registry-credentials", &["credentials"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    answer.stdout
}

fn secret(cluster: &TestCluster, namespace: &str) -> Value {
    cluster.kubectl.json(&["get", "secret", NAME, "--namespace", namespace])
}

/// When the token ends, and for which host it is, as the account of `labelled` says.
fn promise(cluster: &TestCluster) -> [Value; 2] {
    let account = cluster.kubectl.json(&["get", "serviceaccount", NAME, "--namespace=labelled"]);
    [EXPIRES, HOST].map(|annotation| account["metadata"]["annotations"][annotation].clone())
}

/// The password for a host in a Secret.
fn password(secret: &Value, host: &str) -> String {
    let config = STANDARD.decode(secret["data"][".dockerconfigjson"].as_str().unwrap()).unwrap();
    let config: Value = serde_json::from_slice(&config).unwrap();
    config["auths"][host]["password"].as_str().unwrap_or_else(|| panic!("no {host}")).to_owned()
}

/// Whose token this is for the registry, if it is anybody's.
fn owner(cluster: &TestCluster, token: &str) -> Option<String> {
    let review = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
        "spec": {"token": token, "audiences": ["local-registry"]},
    });
    let answer = cluster.kubectl.ok_with(&["create", "--output=json", "-f", "-"], &review);
    let status = serde_json::from_str::<Value>(&answer).unwrap()["status"].clone();
    (status["authenticated"] == true).then(|| status["user"]["username"].as_str().unwrap().to_owned())
}

#[test]
fn a_labelled_namespace_has_a_credential_for_as_long_as_it_has_the_label() {
    let cluster = start();
    keep(&cluster);
    let made = secret(&cluster, "labelled");
    let token = password(&made, REGISTRY);
    assert_eq!(password(&made, "local-registry:5000"), token);
    assert_eq!(owner(&cluster, &token).as_deref(), Some("system:serviceaccount:labelled:local-registry-push"));
    let can = ["auth", "can-i", "push", "repositories.registry.local-registry-hosting/app"];
    let user = "--as=system:serviceaccount:labelled:local-registry-push";
    for (namespace, expected) in [("labelled", "yes"), ("other", "no")] {
        let answer = cluster.kubectl.run(&[&can[..], &[user, "--namespace", namespace]].concat());
        assert_eq!(answer.stdout.trim(), expected, "{namespace}");
    }
    assert_eq!(promise(&cluster), [made["metadata"]["annotations"][EXPIRES].clone(), json!(REGISTRY)]);
    // A program that starts anew renews nothing.
    keep(&cluster);
    assert_eq!(secret(&cluster, "labelled")["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);

    // What somebody else has made stays.
    let foreign = ["create", "secret", "generic", NAME, "--namespace=other", "--from-literal=a=b"];
    cluster.kubectl.ok(&foreign);
    cluster.kubectl.ok(&["label", "namespace", "other", LABEL]);
    let left_alone = cluster.run_as(NAMESPACE, "registry-credentials", &["credentials"]);
    assert!(left_alone.stdout.contains("other"), "it is not said that it is left alone: {left_alone:?}");
    assert_eq!(secret(&cluster, "other")["data"], json!({"a": "Yg=="}));
    cluster.kubectl.ok(&["label", "namespace", "other", "local-registry-hosting/push-"]);

    cluster.kubectl.ok(&["label", "namespace", "labelled", "local-registry-hosting/push-"]);
    keep(&cluster);
    for kind in ["secret", "serviceaccount", "rolebinding"] {
        let get = ["get", kind, NAME, "--namespace=labelled", "--ignore-not-found", "--output=name"];
        assert_eq!(cluster.kubectl.ok(&get), "", "{kind}");
    }
    // The API server remembers for some seconds that a token was good.
    eventually("the token to end", || owner(&cluster, &token).is_none().then_some(()));
    all_go_with_the_release(&cluster);
}

/// An uninstall leaves no credential, and what somebody else has made stays.
fn all_go_with_the_release(cluster: &TestCluster) {
    cluster.kubectl.ok(&["label", "namespace", "labelled", LABEL]);
    keep(cluster);
    // As the hook does; its own account exists only while Helm uninstalls.
    let arguments = ["credentials", "--remove", "--revoke=local-registry-credentials"];
    cluster.kubectl.ok(&[
        "create",
        "clusterrolebinding",
        "as-the-hook",
        "--clusterrole=cluster-admin",
        "--serviceaccount=kubewarden:hook",
    ]);
    cluster.kubectl.ok(&["create", "serviceaccount", "hook", "--namespace=kubewarden"]);
    cluster.run_as("kubewarden", "hook", &arguments).ok(&arguments);
    let left = cluster.kubectl.ok(&[
        "get",
        "secrets",
        "--all-namespaces",
        "--field-selector=metadata.name=local-registry-push",
        "--output=jsonpath={.items[*].metadata.namespace}",
    ]);
    assert_eq!(left, "other");
}

#[test]
fn check_says_which_credentials_are_good_and_may_read_none() {
    let cluster = TestCluster::start(Crds::Patched);
    let tenants = json!({"registry": {"enabled": true, "tenants": {"enabled": true}}, "nodes": {"enabled": false}});
    cluster.install(&tenants);
    for namespace in ["labelled", "other"] {
        cluster.kubectl.ok(&["create", "namespace", namespace]);
    }
    cluster.kubectl.wait_for_admission_policies();
    let lines = |arguments: &[&str]| {
        let answer = cluster.check(arguments);
        let lines = answer.stdout.lines().filter(|line| line.contains(" credentials: "));
        lines.map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let none =
        "✓ credentials: no namespace has the label local-registry-hosting/push=true; label those whose builds push";
    assert_eq!(lines(&["--credentials"]), [none]);
    for namespace in ["labelled", "other"] {
        cluster.kubectl.ok(&["label", "namespace", namespace, LABEL]);
    }
    cluster.kubectl.ok(&["create", "serviceaccount", NAME, "--namespace=other"]);
    let log = "see the log of the Deployment registry-credentials, which makes and renews them";
    let foreign = "✗ credentials: 1 of 2 namespaces with the label have a ServiceAccount local-registry-push that somebody else has made: \
                   other; take the label from the namespace, or delete that ServiceAccount if nobody needs it";
    let missing = format!("✗ credentials: 1 of 2 namespaces with the label have none: labelled; {log}");
    assert_eq!(lines(&["--credentials"]), [missing.as_str(), foreign]);
    cluster.kubectl.ok(&["delete", "serviceaccount", NAME, "--namespace=other"]);
    keep(&cluster);
    let good = lines(&["--credentials"]);
    assert!(good[0].starts_with("✓ credentials: 2 namespaces have one; the first ends in 23 h ("), "{good:?}");
    assert_eq!(lines(&[]), [""; 0]);
    // What a tenant writes is their own.
    let promised = promise(&cluster);
    let annotate = ["annotate", "--overwrite", "serviceaccount", NAME, "--namespace=labelled"];
    for (value, expected) in [
        ("2026-01-01T00:00:00Z", format!("one that has ended: labelled; {log}")),
        (
            "\u{1b}[31m\n✓",
            r"something else than a time within a year, such as 2026-11-30T12:00:00Z, in the annotation local-registry-hosting/expires of local-registry-push: labelled (`\u{1b}[31m\n✓`); see the log of the Deployment registry-credentials, which writes it anew".to_owned(),
        ),
    ] {
        cluster.kubectl.ok(&[&annotate[..], &[&format!("{EXPIRES}={value}")]].concat());
        let expected = format!("✗ credentials: 1 of 2 namespaces with the label have {expected}");
        assert_eq!(lines(&["--credentials"]), [expected]);
        let before = secret(&cluster, "labelled")["metadata"]["resourceVersion"].clone();
        keep(&cluster);
        assert_eq!(promise(&cluster), promised);
        assert_eq!(secret(&cluster, "labelled")["metadata"]["resourceVersion"], before, "no token was made");
    }
    let account = cluster.control_plane.kubectl_of(NAMESPACE, "local-registry-check");
    for arguments in [
        &["get", "secrets", "--all-namespaces"][..],
        &["get", "secrets", "--all-namespaces", "--field-selector=metadata.name=local-registry-push"],
        &["get", "secret", NAME, "--namespace=labelled"],
        &["get", "serviceaccounts", "--all-namespaces"],
        &["annotate", "serviceaccount", NAME, "--namespace=labelled", "a=b"],
        &["create", "token", NAME, "--namespace=labelled"],
    ] {
        account.run(arguments).failed_with("is forbidden");
    }
    cluster.kubectl.ok(&["delete", "clusterrolebinding", "local-registry-check"]);
    let forbidden = lines(&["--credentials"]);
    assert!(
        forbidden[0].starts_with("! credentials: ") && forbidden[0].contains("; grant `list` on "),
        "{forbidden:?}"
    );
}

/// What the program writes, and somebody with its account might write in its place.
fn object(kind: &str, namespace: &str) -> Value {
    let metadata = json!({
        "name": NAME, "namespace": namespace,
        "labels": {"app.kubernetes.io/managed-by": "local-registry-credentials", "app.kubernetes.io/part-of": "local-registry"},
    });
    match kind {
        "Secret" => json!({
            "apiVersion": "v1", "kind": kind, "metadata": metadata, "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": STANDARD.encode(r#"{"auths":{}}"#)},
        }),
        "ServiceAccount" => {
            json!({"apiVersion": "v1", "kind": kind, "metadata": metadata, "automountServiceAccountToken": false})
        }
        _ => json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "local-registry-push"},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}],
        }),
    }
}

/// The same with another value at a place.
fn with(kind: &str, place: &str, value: Value) -> Value {
    let mut object = object(kind, "labelled");
    let (parent, key) = place.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[key.replace("~1", "/")] = value;
    object
}

#[test]
fn whoever_has_the_account_makes_nothing_but_credentials() {
    let cluster = start();
    // RBAC alone would refuse much of what follows. So the account may do everything here, and only the limits are left.
    let everything = ["--clusterrole=cluster-admin", "--serviceaccount=local-registry:registry-credentials"];
    cluster.kubectl.ok(&[&["create", "clusterrolebinding", "everything"], &everything[..]].concat());
    let create = ["create", "--dry-run=server", ACCOUNT, "-f", "-"];
    for kind in ["ServiceAccount", "RoleBinding", "Secret"] {
        cluster.kubectl.ok_with(&create, &object(kind, "labelled"));
    }
    // The longest host is a domain of 253 bytes with its port.
    let annotated = |kind: &str, annotation: &str, length: usize| {
        with(kind, "/metadata/annotations", json!({annotation: "x".repeat(length)}))
    };
    for (annotation, length) in [(EXPIRES, 64), (EXPIRES, 0), (HOST, 259), (HOST, 0)] {
        cluster.kubectl.ok_with(&create, &annotated("ServiceAccount", annotation, length));
    }
    let label = "app.kubernetes.io~1managed-by";
    let mut forged = vec![
        with("Secret", "/metadata/name", json!("another")),
        with("Secret", "/type", json!("Opaque")),
        with("Secret", "/data/token", json!("eA==")),
        with("Secret", "/immutable", json!(true)),
        with("Secret", "/metadata/annotations", json!({"kubernetes.io/service-account.name": "default"})),
        with("Secret", "/metadata/finalizers", json!(["example.com/stay"])),
        with(
            "Secret",
            "/metadata/ownerReferences",
            json!([{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}]),
        ),
        with("ServiceAccount", "/metadata/name", json!("default")),
        with("ServiceAccount", "/automountServiceAccountToken", json!(true)),
        with("ServiceAccount", "/secrets", json!([{"name": "of-others"}])),
        with("ServiceAccount", "/imagePullSecrets", json!([{"name": "of-others"}])),
        with("ServiceAccount", "/metadata/annotations", json!({"eks.amazonaws.com/role-arn": "arn:admin"})),
        annotated("ServiceAccount", EXPIRES, 65),
        annotated("ServiceAccount", HOST, 260),
        annotated("ServiceAccount", "local-registry-hosting/lifetime", 1),
        annotated("ServiceAccount", "local-registry-hosting/seal", 1),
        annotated("Secret", EXPIRES, 65),
        annotated("Secret", HOST, 1),
        annotated("RoleBinding", EXPIRES, 1),
        annotated("RoleBinding", HOST, 1),
        with("RoleBinding", "/metadata/name", json!("another")),
        with("RoleBinding", "/roleRef/name", json!("cluster-admin")),
        with("RoleBinding", "/roleRef/kind", json!("Role")),
        with("RoleBinding", "/subjects", json!([{"kind": "ServiceAccount", "name": NAME, "namespace": "other"}])),
        with(
            "RoleBinding",
            "/subjects",
            json!([{"kind": "ServiceAccount", "name": "default", "namespace": "labelled"}]),
        ),
        with(
            "RoleBinding",
            "/subjects",
            json!([{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:authenticated"}]),
        ),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": NAME},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        }),
    ];
    for kind in ["ServiceAccount", "RoleBinding", "Secret"] {
        forged.push(object(kind, "other"));
        forged.push(with(kind, &format!("/metadata/labels/{label}"), json!("Helm")));
        forged.push(with(kind, "/metadata/labels/more", json!("labels")));
    }
    for object in &forged {
        let answer = cluster.kubectl.run_with(&create, &object.to_string());
        assert!(answer.code != Some(0) && answer.stderr.contains("registry-credentials may"), "{object}: {answer:?}");
    }

    for account in [NAME, "another"] {
        cluster.kubectl.ok(&["create", "serviceaccount", account, "--namespace=labelled"]);
    }
    cluster.kubectl.ok(&["create", "secret", "generic", NAME, "--namespace=labelled", "--from-literal=a=b"]);
    let bound =
        ["--bound-object-kind=Secret", "--bound-object-name=local-registry-push", "--namespace=labelled", ACCOUNT];
    let token = |account: &'static str, more: &[&'static str]| {
        cluster.kubectl.run(&[&["create", "token", account], more].concat())
    };
    let audience = "--audience=local-registry";
    token(NAME, &[&bound[..], &[audience, "--duration=1h"]].concat()).ok(&["create", "token"]);
    for (account, more) in [
        (NAME, [&bound[..], &["--duration=1h"]].concat()),
        (NAME, [&bound[..], &["--audience=vault", "--duration=1h"]].concat()),
        (NAME, [&bound[..], &[audience, "--audience=vault", "--duration=1h"]].concat()),
        (NAME, [&bound[..], &[audience, "--duration=48h"]].concat()),
        (NAME, vec!["--namespace=labelled", ACCOUNT, audience, "--duration=1h"]),
        ("another", [&bound[..], &[audience, "--duration=1h"]].concat()),
    ] {
        token(account, &more).failed_with("registry-credentials may");
    }
    // What somebody else has made is neither changed nor deleted.
    for arguments in [
        &["delete", "secret", NAME][..],
        &["label", "secret", NAME, "app.kubernetes.io/managed-by=local-registry-credentials"],
        &["delete", "serviceaccount", "another"],
        &["delete", "secrets", "--all"],
    ] {
        cluster
            .kubectl
            .run(&[arguments, &["--namespace=labelled", ACCOUNT]].concat())
            .failed_with("registry-credentials may");
    }
}
