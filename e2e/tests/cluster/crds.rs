//! The sync job keeps the field `local` in Shipwright's CRDs, whatever is done to them.

use std::time::{Duration, Instant};

use e2e::{Crds, TestCluster, Watch, build, eventually, values};
use local_registry_cluster::crds::crd_name;
use local_registry_core::shipwright::{Kind, Version, image_fields};
use serde_json::{Value, json};

pub(crate) const KINDS: [(Kind, &str); 2] = [(Kind::Build, "builds"), (Kind::BuildRun, "buildruns")];

/// A cluster with the usual set, and Shipwright's own CRDs.
fn installed() -> TestCluster {
    let cluster = TestCluster::start(Crds::Plain);
    cluster.install(&values::usual());
    cluster
}

/// Runs the program as the cluster's administrator.
fn crds(cluster: &TestCluster, arguments: &[&str]) -> e2e::Answer {
    e2e::as_administrator(&cluster.kubectl, &[&["crds"], arguments].concat())
}

/// A CRD as it is stored, but for what every write changes.
pub(crate) fn stored(cluster: &TestCluster, name: &str) -> Value {
    comparable(cluster.kubectl.json(&["get", "crd", &format!("{name}.shipwright.io")]))
}

fn comparable(mut crd: Value) -> Value {
    for field in ["managedFields", "resourceVersion", "generation"] {
        crd["metadata"].as_object_mut().unwrap().remove(field);
    }
    crd
}

/// The JSON pointers of the schemas that have images.
fn images(kind: Kind, crd: &Value) -> Vec<String> {
    let versions = crd["spec"]["versions"].as_array().unwrap().iter().enumerate();
    let pointers = versions.flat_map(|(index, version)| {
        let fields = image_fields(kind, Version::parse(version["name"].as_str().unwrap()).unwrap()).iter();
        fields.map(move |field| {
            let schema = format!("/spec/versions/{index}/schema/openAPIV3Schema");
            field.path.iter().fold(schema, |pointer, part| format!("{pointer}/properties/{part}"))
        })
    });
    pointers.collect()
}

/// Takes the field out of a CRD; `None` unless each image has it.
fn without_the_field(kind: Kind, mut crd: Value) -> Option<Value> {
    for image in images(kind, &crd) {
        let properties = crd.pointer_mut(&image).unwrap()["properties"].as_object_mut().unwrap();
        let field = properties.remove("local")?;
        assert_eq!(field["type"], "boolean");
    }
    Some(crd)
}

/// Waits until each image of a CRD has the field, and returns it without.
pub(crate) fn with_the_field(cluster: &TestCluster, kind: Kind, name: &str) -> Value {
    eventually("the field to be in the CRD", || without_the_field(kind, stored(cluster, name)))
}

/// Waits until the sync job says this of both CRDs.
fn wait_for_state(watch: &Watch, state: &str) {
    for (kind, _) in KINDS {
        let metric = format!(r#"crd_field{{crd="{}",state="{state}"}}"#, crd_name(kind));
        eventually("the state of the CRD", || (watch.metric(&metric) == Some(1)).then_some(()));
    }
}

/// The CRD as releases of Shipwright had it that knew no platforms, with its versions the other way round.
fn older(mut crd: Value) -> Value {
    let versions = crd["spec"]["versions"].as_array_mut().unwrap();
    for version in versions.iter_mut() {
        version["schema"]["openAPIV3Schema"]["description"] = json!("An older release.");
        let spec = &mut version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
        spec["output"]["properties"].as_object_mut().unwrap().remove("platforms");
    }
    versions.reverse();
    crd
}

#[test]
fn the_field_is_back_after_every_upgrade_and_nothing_else_differs() {
    let cluster = installed();
    let watch = cluster.watch(&["--crds"]);
    wait_for_state(&watch, "there");
    let by_force = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    let replace = ["replace", "-f", "-"];
    let mut longest = Duration::ZERO;
    for (turn, write) in [&by_force[..], &by_force, &replace, &replace, &by_force].into_iter().enumerate() {
        for (kind, name) in KINDS {
            let newest = cluster.shipwright_crd(name);
            let release = if turn % 2 == 0 { older(newest) } else { newest };
            // What the API server makes of the release.
            let trial = [write, &["--dry-run=server", "--output=json"]].concat();
            let answer = cluster.kubectl.run_with(&trial, &release.to_string()).ok(&trial);
            let released = comparable(serde_json::from_str(&answer).unwrap());
            assert_eq!(without_the_field(kind, released.clone()), None, "the release has the field already");

            cluster.kubectl.ok_with(write, &release);
            let written = Instant::now();
            assert_eq!(with_the_field(&cluster, kind, name), released, "{turn} {name}");
            longest = longest.max(written.elapsed());
        }
    }
    println!("number: the field was back after {longest:?} at most, with the time that kubectl takes to look");

    // Without force, the API server refuses a release, and names who wrote the versions.
    for (kind, name) in KINDS {
        let apply = ["apply", "--server-side", "-f", "-"];
        let refused = cluster.kubectl.run_with(&apply, &older(cluster.shipwright_crd(name)).to_string());
        refused.failed_with(r#"conflict with "local-registry-sync""#);
        with_the_field(&cluster, kind, name);
    }
    wait_for_state(&watch, "there");
    let patches: u64 = KINDS
        .iter()
        .map(|(kind, _)| watch.metric(&format!(r#"crd_patches_total{{crd="{}"}}"#, crd_name(*kind))).unwrap())
        .sum();
    assert_eq!(patches, 12, "one for each time that the field was missing");
    let events = cluster.kubectl.json(&["get", "events.events.k8s.io", "--namespace=default"]);
    let reasons: Vec<&Value> = events["items"].as_array().unwrap().iter().map(|event| &event["reason"]).collect();
    assert!(reasons.contains(&&json!("FieldAdded")), "{reasons:?}");
}

#[test]
fn a_crd_that_comes_later_gets_the_field_and_policies_do_not_wait_for_it() {
    let mut cluster = installed();
    cluster.kubectl.ok(&["delete", "crd", "builds.shipwright.io", "buildruns.shipwright.io"]);
    cluster.declare("hostFromClusterNetwork: \"kind-registry:5000\"\n");
    let answer = cluster.sync(&["--crds"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(answer.stdout.contains("local-registry: changed"), "{answer:?}");
    assert!(answer.stdout.contains("CRD builds.shipwright.io: not there"), "{answer:?}");

    let mut watch = cluster.watch(&["--crds", "--settle=0"]);
    wait_for_state(&watch, "absent");
    cluster.apply_released_crds();
    wait_for_state(&watch, "there");
    for (kind, name) in KINDS {
        with_the_field(&cluster, kind, name);
    }
    cluster.declare("hostFromClusterNetwork: \"other:5000\"\n");
    eventually("the policy to get the host", || {
        (cluster.policy()["spec"]["settings"]["host"] == "other:5000").then_some(())
    });
    cluster.reconcile();
    let local = build("hello", json!({"image": "team/hello", "local": true}));
    eventually("the API server to know the field", || (cluster.try_create(&local).code == Some(0)).then_some(()));
    assert_eq!(cluster.stored("build", "hello")["spec"]["output"]["local"], true);
    assert_eq!(watch.process.terminate(), Some(0));
}

#[test]
fn a_crd_of_another_shape_is_reported_and_stays_as_it_is() {
    let cluster = installed();
    let mut other = cluster.shipwright_crd("builds");
    let pointer = &images(Kind::Build, &other)[0];
    let properties = other.pointer_mut(pointer).unwrap()["properties"].as_object_mut().unwrap();
    let image = properties.remove("image").unwrap();
    properties.insert("reference".to_owned(), image);
    other.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove("required");
    cluster.kubectl.ok_with(&["replace", "-f", "-"], &other);
    let before = stored(&cluster, "builds");

    let error = "CRD builds.shipwright.io: left alone, since it has another shape: \
                 v1alpha1 spec.output.image: found nothing; expected a string";
    let watch = cluster.watch(&["--crds", "--settle=0"]);
    eventually("the sync job to report the shape", || watch.process.log().contains(error).then_some(()));
    let state = r#"crd_field{crd="builds.shipwright.io",state="other-shape"}"#;
    eventually("the state of the CRD", || (watch.metric(state) == Some(1)).then_some(()));
    with_the_field(&cluster, Kind::BuildRun, "buildruns");
    cluster.declare("hostFromClusterNetwork: \"kind-registry:5000\"\n");
    eventually("the policy to get the host", || {
        (cluster.policy()["spec"]["settings"]["host"] == "kind-registry:5000").then_some(())
    });
    let answer = crds(&cluster, &[]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert!(answer.stdout.contains(error), "{answer:?}");
    let checked = cluster.check(&[]);
    assert!(checked.stdout.contains("! CRD builds.shipwright.io: it has another shape than is known"), "{checked:?}");
    assert_eq!(stored(&cluster, "builds"), before);
}

#[test]
fn what_was_added_can_be_removed_and_nothing_else() {
    let cluster = TestCluster::start(Crds::Plain);
    let before = KINDS.map(|(_, name)| stored(&cluster, name));
    let dry = crds(&cluster, &["--dry-run"]);
    assert_eq!(dry.code, Some(0), "{dry:?}");
    assert!(
        dry.stdout.contains("CRD buildruns.shipwright.io: would add the field local in v1alpha1 spec.output"),
        "{dry:?}"
    );
    assert_eq!(KINDS.map(|(_, name)| stored(&cluster, name)), before);

    for _ in 0..2 {
        let answer = crds(&cluster, &[]);
        assert!(
            answer.stdout.contains("CRD builds.shipwright.io: added the field local in v1alpha1 spec.output"),
            "{answer:?}"
        );
        assert!(crds(&cluster, &[]).stdout.contains("CRD builds.shipwright.io: unchanged"));
        assert_eq!(KINDS.map(|(kind, name)| with_the_field(&cluster, kind, name)), before);
        assert!(crds(&cluster, &["--remove", "--dry-run"]).stdout.contains("would remove the field local"));
        let answer = crds(&cluster, &["--remove", "--output=json"]);
        assert_eq!(answer.code, Some(0), "{answer:?}");
        let line: Value = serde_json::from_str(answer.stdout.lines().next().unwrap()).unwrap();
        assert_eq!((&line["crd"], &line["result"]), (&json!("builds.shipwright.io"), &json!("removed")));
        assert_eq!(KINDS.map(|(_, name)| stored(&cluster, name)), before);
    }

    // A field of somebody else's stays.
    let theirs = json!({"type": "boolean", "description": "Shipwright's own."});
    let mut crd = cluster.shipwright_crd("builds");
    let pointer = &images(Kind::Build, &crd)[0];
    crd.pointer_mut(pointer).unwrap()["properties"]["local"] = theirs.clone();
    cluster.kubectl.ok_with(&["replace", "-f", "-"], &crd);
    assert_eq!(crds(&cluster, &[]).code, Some(0));
    let answer = crds(&cluster, &["--remove"]);
    let warning = "warning: v1alpha1 spec.output: the field local has another description, so somebody else added it";
    assert!(answer.stdout.contains(warning), "{answer:?}");
    assert_eq!(stored(&cluster, "builds").pointer(pointer).unwrap()["properties"]["local"], theirs);

    // One that somebody gave a default makes every image local. It has its description, but is not as it was added.
    assert_eq!(crds(&cluster, &[]).code, Some(0));
    let path = format!("{pointer}/properties/local");
    let ours = stored(&cluster, "buildruns")
        .pointer(&images(Kind::BuildRun, &stored(&cluster, "buildruns"))[0])
        .unwrap()["properties"]["local"]["description"]
        .clone();
    let changed = json!({"type": "boolean", "description": ours, "default": true});
    let change = json!([{"op": "replace", "path": path, "value": changed}]).to_string();
    cluster.kubectl.ok(&["patch", "crd", "builds.shipwright.io", "--type=json", "--patch", &change]);
    for arguments in [&[] as &[&str], &["--remove"]] {
        let answer = crds(&cluster, arguments);
        assert_eq!(answer.code, Some(1), "{answer:?}");
        assert!(answer.stdout.contains("v1alpha1 spec.output.local: found a boolean with default"), "{answer:?}");
    }
    assert!(crds(&cluster, &["--remove"]).stdout.contains("left: the field local in v1alpha1 spec.output; "));
    assert_eq!(stored(&cluster, "builds").pointer(&path), Some(&changed));
}

#[test]
fn a_program_that_takes_the_field_out_again_and_again_is_reported_and_not_raced() {
    let cluster = installed();
    let watch = cluster.watch(&["--crds", "--settle=0"]);
    wait_for_state(&watch, "there");
    let release = cluster.shipwright_crd("builds").to_string();
    let state = |state: &str| watch.metric(&format!(r#"crd_field{{crd="builds.shipwright.io",state="{state}"}}"#));
    let started = Instant::now();
    let mut taken_out = 0;
    eventually("the sync job to hold back", || {
        if state("missing") == Some(1) && watch.process.log().contains("something takes it out again and again") {
            return Some(());
        }
        let _ = cluster.kubectl.run_with(&["replace", "-f", "-"], &release);
        taken_out += 1;
        None
    });
    let patches = watch.metric(r#"crd_patches_total{crd="builds.shipwright.io"}"#).unwrap();
    println!("number: the field was taken out {taken_out} times in {:?}, and added {patches} times", started.elapsed());
    assert!(patches <= 21 + started.elapsed().as_secs() / 60, "{patches}");
    cluster.declare("hostFromClusterNetwork: \"kind-registry:5000\"\n");
    eventually("the policy to get the host", || {
        (cluster.policy()["spec"]["settings"]["host"] == "kind-registry:5000").then_some(())
    });
    eventually("the field to be added once more", || (state("there") == Some(1)).then_some(()));
}

#[test]
fn without_the_right_to_read_crds_their_state_is_unknown_and_policies_are_synced() {
    let cluster = installed();
    let rights = cluster.kubectl.json(&["get", "clusterrole", "local-registry-sync"]);
    let index =
        rights["rules"].as_array().unwrap().iter().position(|rule| rule["apiGroups"][0] == "apiextensions.k8s.io");
    let patch = json!([{"op": "remove", "path": format!("/rules/{}", index.unwrap())}]).to_string();
    cluster.kubectl.ok(&["patch", "clusterrole", "local-registry-sync", "--type=json", "--patch", &patch]);
    cluster.declare("hostFromClusterNetwork: \"kind-registry:5000\"\n");
    let watch = cluster.watch(&["--crds", "--resync=1"]);
    eventually("the policy to get the host", || {
        (cluster.policy()["spec"]["settings"]["host"] == "kind-registry:5000").then_some(())
    });
    let message = "CRD builds.shipwright.io: unknown: CustomResourceDefinition builds.shipwright.io: list is forbidden";
    eventually("the sync job to report what it lacks", || watch.process.log().contains(message).then_some(()));
    wait_for_state(&watch, "unknown");
    assert!(watch.answers("/readyz").0.contains(" 200 "));
    watch.looks_again();

    cluster.install(&values::usual());
    wait_for_state(&watch, "there");
}

#[test]
fn both_crds_fit_into_the_memory_of_the_pod() {
    let cluster = installed();
    let watch = cluster.watch(&["--crds", "--resync=1"]);
    for _ in 0..5 {
        wait_for_state(&watch, "there");
        cluster.apply_released_crds();
        for (kind, name) in KINDS {
            with_the_field(&cluster, kind, name);
        }
    }
    // The pod has 32 MiB. The pages of the program's file do not count here: a release build has far fewer of them.
    let [peak, now, file] = ["VmHWM", "VmRSS", "RssFile"].map(|name| watch.process.memory(name));
    println!("number: {peak} KiB at most, {now} KiB now, of which {file} KiB are pages of the program");
    assert!(peak - file < 24 * 1024, "{peak} KiB, {file} KiB of the program");
}
