//! Whether the field `local` can be stored.

use local_registry_core::{Kind, Version, image_fields};
use serde_json::Value;

use super::{Link, Verdict, link};
use crate::cluster::ClusterError;
use crate::json::at;
use crate::run::chain;

/// Whether Shipwright's CRD knows `local` beside each image.
pub(super) fn crd(kind: Kind, name: &str, found: Result<Option<Value>, ClusterError>) -> Link {
    let subject = format!("CRD {name}");
    let crd = match found {
        Err(error) => return link(subject, Verdict::Warning, chain(&error), None),
        Ok(None) => return link(subject, Verdict::Failed, "there is none", Some("install Shipwright")),
        Ok(Some(crd)) => crd,
    };
    let mut missing = Vec::new();
    for version in at(&crd, &["spec", "versions"]).as_array().map(Vec::as_slice).unwrap_or_default() {
        let name = at(version, &["name"]).as_str().unwrap_or_default();
        let Some(known) = Version::parse(name).filter(|_| at(version, &["served"]) != false) else { continue };
        for field in image_fields(kind, known) {
            let schema = field
                .path
                .iter()
                .fold(at(version, &["schema", "openAPIV3Schema"]), |schema, part| at(schema, &["properties", part]));
            if at(schema, &["properties", "local", "type"]) != "boolean" {
                missing.push(format!("{name} {}", field.path.join(".")));
            }
        }
    }
    if missing.is_empty() {
        return link(subject, Verdict::Ok, "it has the field local beside every image", None);
    }
    let remedy = "use the annotations local-registry-hosting/output, /source and /builder, or patch the CRD (Shipwright's operator puts its own back at every upgrade)";
    link(subject, Verdict::Warning, format!("it lacks the field local in {}", missing.join(", ")), Some(remedy))
}
