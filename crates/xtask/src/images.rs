//! `deploy/images`, with digests in place of tags.

use local_registry_core::Digest;
use serde_json::{Map, Value};

use crate::release::{PROMOTE, SYNC};

/// What a release is named by. Whatever somebody pushes to a tag later would run, too.
pub(crate) struct Digests {
    /// The policy's module.
    pub(crate) module: Digest,
    /// The image of the sync job.
    pub(crate) sync: Digest,
    /// The image of local-registry-promote.
    pub(crate) promote: Digest,
}

const URL: &str = "registry://";

/// Names the module and the images in the component by their digests. The error says what the component lacks.
pub(crate) fn pin(component: &mut Value, digests: &Digests) -> Result<(), String> {
    for (name, digest) in [(SYNC, &digests.sync), (PROMOTE, &digests.promote)] {
        let image = image(component, name).ok_or_else(|| format!("images: `{name}` is missing; add it"))?;
        image.remove("newTag");
        image.insert("digest".to_owned(), digest.to_string().into());
    }
    let mut pinned = 0;
    for patch in component.get_mut("patches").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(patch) = patch.get_mut("patch") else { continue };
        let mut operations: Value =
            serde_saphyr::from_str(patch.as_str().unwrap_or_default()).map_err(|error| format!("patches: {error}"))?;
        pinned += pin_modules(&mut operations, &digests.module);
        *patch = operations.to_string().into();
    }
    match pinned {
        1 => Ok(()),
        _ => Err(format!("patches: {pinned} values begin with `{URL}`; exactly one must, the policy's module")),
    }
}

fn image<'a>(component: &'a mut Value, name: &str) -> Option<&'a mut Map<String, Value>> {
    let images = component.get_mut("images")?.as_array_mut()?;
    images.iter_mut().find(|image| image.get("name").is_some_and(|found| found == name))?.as_object_mut()
}

/// Names the modules in a JSONPatch by this digest, and returns how many there are.
fn pin_modules(operations: &mut Value, digest: &Digest) -> usize {
    let values = operations.as_array_mut().into_iter().flatten().filter_map(|operation| operation.get_mut("value"));
    values
        .filter_map(|value| {
            let module = value.as_str().filter(|text| text.starts_with(URL))?;
            *value = format!("{}@{digest}", untagged(module)).into();
            Some(())
        })
        .count()
}

/// A reference without its tag. The port of a host is no tag.
fn untagged(reference: &str) -> &str {
    match reference.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => reference,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn digest(of: char) -> String {
        format!("sha256:{}", of.to_string().repeat(64))
    }

    fn digests() -> Digests {
        let [module, sync, promote] = ['a', 'b', 'c'].map(|of| digest(of).parse().unwrap());
        Digests { module, sync, promote }
    }

    fn component(module: &str) -> Value {
        json!({
            "images": [
                {"name": SYNC, "newName": "registry.example/sync", "newTag": "v1.2.0"},
                {"name": PROMOTE, "newName": "registry.example/promote", "newTag": "v1.2.0"},
                {"name": "registry", "newTag": "3.1.2", "digest": "sha256:0"},
            ],
            "patches": [{
                "target": {"group": "policies.kubewarden.io"},
                "patch": format!("- op: replace\n  path: /spec/module\n  value: {module}\n"),
            }],
        })
    }

    #[test]
    fn module_and_images_are_named_by_digest_and_nothing_else_changes() {
        let mut pinned = component("registry://registry.example:5000/policy:v1.2.0");
        pin(&mut pinned, &digests()).unwrap();
        let module = format!("registry://registry.example:5000/policy@{}", digest('a'));
        let operations = json!([{"op": "replace", "path": "/spec/module", "value": module}]);
        let expected = json!({
            "images": [
                {"name": SYNC, "newName": "registry.example/sync", "digest": digest('b')},
                {"name": PROMOTE, "newName": "registry.example/promote", "digest": digest('c')},
                {"name": "registry", "newTag": "3.1.2", "digest": "sha256:0"},
            ],
            "patches": [{"target": {"group": "policies.kubewarden.io"}, "patch": operations.to_string()}],
        });
        assert_eq!(pinned, expected);
    }

    #[test]
    fn a_port_is_no_tag() {
        assert_eq!(untagged("registry://host:5000/policy"), "registry://host:5000/policy");
        assert_eq!(untagged("registry://host:5000/policy:v1"), "registry://host:5000/policy");
    }

    #[test]
    fn an_image_or_a_module_that_is_missing_is_reported() {
        let mut without_promote = component("registry://registry.example/policy:v1.2.0");
        without_promote["images"].as_array_mut().unwrap().remove(1);
        assert_eq!(
            pin(&mut without_promote, &digests()).unwrap_err(),
            "images: `local-registry-promote` is missing; add it"
        );
        assert_eq!(
            pin(&mut component("https://registry.example/policy.wasm"), &digests()).unwrap_err(),
            "patches: 0 values begin with `registry://`; exactly one must, the policy's module"
        );
    }
}
