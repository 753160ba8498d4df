//! The images that an object names.

use std::collections::BTreeSet;
use std::sync::Arc;

use local_registry_core::text::one_line;
use serde::Deserialize;

use super::finder::{Finder, Mention};
use super::named::Names;
use super::strings::each_string;

/// Who an object is.
#[derive(Deserialize)]
struct Identity {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    name: String,
    namespace: Option<String>,
}

/// Adds what an object names, wherever it stands in it.
///
/// # Errors
/// What it is, if it is not an object.
pub(crate) fn add_names(names: &mut Names, finder: &Finder, kind: &str, json: &str) -> Result<(), String> {
    let mut mentions = BTreeSet::new();
    let mut are_images = false;
    let mut show = |mention: Mention| {
        if names.counts(&mention) {
            are_images |= matches!(mention, Mention::Image { .. });
            mentions.insert(mention);
        }
    };
    let unreadable = |error: serde_json::Error| format!("an object that cannot be read: {error}");
    each_string(json, |text| finder.find(text, &mut show)).map_err(unreadable)?;
    if !are_images {
        return Ok(());
    }
    let Identity { metadata: Metadata { name, namespace } } = serde_json::from_str(json).map_err(unreadable)?;
    let namespace = namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
    let object: Arc<str> = one_line(&format!("{kind} {namespace}{name}")).into();
    names.add(mentions, &object);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use local_registry_core::Digest;
    use serde_json::{Value, json};

    fn named(objects: &[Value]) -> Names {
        let finder = Finder::new(["local-registry:5000".parse().unwrap()]);
        let mut names = Names::of(["team/app", "team/base"]);
        for object in objects {
            add_names(&mut names, &finder, "Pod", &object.to_string()).unwrap();
        }
        names
    }

    fn digest(digit: char) -> Digest {
        format!("sha256:{}", digit.to_string().repeat(64)).parse().unwrap()
    }

    #[test]
    fn an_image_counts_wherever_it_stands() {
        let image = "local-registry:5000/team/app:v1";
        for object in [
            json!({"spec": {"containers": [{"image": image}]}}),
            json!({"status": {"containerStatuses": [{"imageID": format!("docker-pullable://{image}")}]}}),
            json!({"spec": {"any": {"field": [["of", "others", image]]}}}),
            json!({"spec": {"env": [{"value": format!("--image={image} --x")}]}}),
            json!({"spec": {"image": "team/app:v1"}}),
        ] {
            let mut object = object;
            object["metadata"] = json!({"name": "web-1", "namespace": "team"});
            let names = named(&[object.clone()]);
            let app = names.repository("team/app");
            assert_eq!(app.tag(&"v1".parse().unwrap()).map(|by| &**by), Some("Pod team/web-1"), "{object}");
            assert_eq!(app.tag(&"v2".parse().unwrap()), None);
            assert_eq!(names.repository("team/base").tag(&"v1".parse().unwrap()), None);
        }
    }

    #[test]
    fn annotations_count_also_with_json_in_them() {
        let applied = json!({"spec": {"image": "local-registry:5000/team/app:v1"}}).to_string();
        let names = named(&[json!({"metadata": {"name": "x", "annotations": {"last-applied": applied}}})]);
        assert_eq!(names.repository("team/app").tag(&"v1".parse().unwrap()).map(|by| &**by), Some("Pod x"));
    }

    #[test]
    fn a_digest_in_a_field_of_its_own_belongs_to_the_repositories_of_its_object() {
        let run = |name: &str, image: &str, digest: &Digest| json!({"metadata": {"name": name}, "spec": {"image": image}, "status": {"digest": digest}});
        let names = named(&[
            run("one", "local-registry:5000/team/app:v1", &digest('1')),
            run("two", "quay.example/x:v1", &digest('2')),
            run("three", "team/app@sha256:not-one", &digest('3')),
        ]);
        let found: Vec<Digest> = names.repository("team/app").digests().into_keys().cloned().collect();
        assert_eq!(found, [digest('1')]);
        assert_eq!(names.repository("team/base").digests().len(), 0);
    }

    #[test]
    fn what_somebody_writes_as_a_name_is_one_line() {
        let names = named(&[json!({"metadata": {"name": "a\nb"}, "image": "team/app:v1"})]);
        assert_eq!(names.repository("team/app").tag(&"v1".parse().unwrap()).map(|by| &**by), Some(r"Pod a\nb"));
    }
}
