//! Whether the field `local` can be stored.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, JSONSchemaProps};
use local_registry_core::shipwright::{Kind, Version, image_fields};

use crate::link::Link;
use local_registry_cluster::ClusterError;
use local_registry_core::text::with_causes;

/// Whether Shipwright's CRD has the field `local` beside each image, in every version that is served.
pub(super) fn crd(kind: Kind, name: &str, found: Result<Option<CustomResourceDefinition>, ClusterError>) -> Link {
    let subject = format!("CRD {name}");
    let crd = match found {
        Err(error) => return Link::warning(subject, with_causes(&error)),
        Ok(None) => return Link::failed(subject, "not found").remedy("install Shipwright"),
        Ok(Some(crd)) => crd,
    };
    let mut missing = Vec::new();
    for version in crd.spec.versions.iter().filter(|version| version.served) {
        let Some(known) = Version::parse(&version.name) else { continue };
        let schema = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref());
        for field in image_fields(kind, known) {
            let local = schema.and_then(|schema| field.path.iter().chain(&["local"]).try_fold(schema, property));
            if local.and_then(|local| local.type_.as_deref()) != Some("boolean") {
                missing.push(format!("{} {}", version.name, field.path.join(".")));
            }
        }
    }
    if missing.is_empty() {
        return Link::ok(subject, "it has the field local beside every image");
    }
    Link::warning(subject, format!("it lacks the field local in {}", missing.join(", "))).remedy(
        "use the annotations local-registry-hosting/output, /source and /builder, or patch the CRD (Shipwright's operator puts its own back at every upgrade)",
    )
}

/// The schema of a property.
fn property<'s>(schema: &'s JSONSchemaProps, name: &&str) -> Option<&'s JSONSchemaProps> {
    schema.properties.as_ref()?.get(*name)
}
