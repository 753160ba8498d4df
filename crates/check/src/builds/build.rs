//! One Build, as far as it is looked at.

use std::collections::BTreeMap;

use local_registry_core::ImageReference;
use local_registry_core::registry::PORTABLE_HOST;
use local_registry_core::shipwright::{Mark, OUTPUT_LABEL, OUTPUT_LABEL_LOCAL};
use serde::Deserialize;

/// A Build in `v1beta1`, the version that is stored.
///
/// Its builder image is not looked at. In this version it is a parameter, and a parameter has no field `local` that could
/// be lost.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Build {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
}

#[derive(Debug, Clone, Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: Annotations,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Annotations {
    #[serde(rename = "local-registry-hosting/output")]
    output: Option<String>,
    #[serde(rename = "local-registry-hosting/source")]
    source: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Spec {
    #[serde(default)]
    output: Image,
    source: Option<Source>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    oci_artifact: Option<Image>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Image {
    image: Option<String>,
    local: Option<bool>,
}

/// What the field `local` of an image and its annotation say.
#[derive(Debug, Clone, Copy)]
struct Locality<'a> {
    field: Option<bool>,
    mark: Option<Mark>,
    /// The registry that the image names.
    registry: Option<&'a str>,
}

impl<'a> Locality<'a> {
    fn new(image: &'a Image, annotation: Option<&str>) -> Self {
        let text = image.image.as_deref().unwrap_or_default();
        let registry = ImageReference::parse(text).ok().and_then(|reference| reference.registry());
        Self { field: image.local, mark: annotation.and_then(Mark::parse), registry }
    }

    fn lacks_record(self) -> bool {
        self.field == Some(true) && !self.is_marked_local()
    }

    fn is_local(self) -> bool {
        self.field.unwrap_or_else(|| self.is_marked_local())
    }

    fn is_marked_local(self) -> bool {
        self.mark.is_some_and(Mark::is_local)
    }
}

impl Build {
    /// `namespace/name`.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.metadata.namespace, self.metadata.name)
    }

    pub(super) fn namespace(&self) -> &str {
        &self.metadata.namespace
    }

    pub(super) fn labels(&self) -> &BTreeMap<String, String> {
        &self.metadata.labels
    }

    /// For each image that has `local: true`, while the annotation does not say so: the registry that it names.
    pub(super) fn unrecorded(&self) -> impl Iterator<Item = Option<&str>> {
        self.localities().filter(|locality| locality.lacks_record()).map(|locality| locality.registry)
    }

    /// Whether an image has no field `local`, but the annotation records that it had one.
    pub(super) fn lacks_field(&self) -> bool {
        self.localities().any(|locality| locality.field.is_none() && locality.mark == Some(Mark::Recorded))
    }

    pub(super) fn has_local_output(&self) -> bool {
        self.output().is_local()
    }

    /// Whether it has the label by which the guard finds the Builds that runs may inherit a local output from.
    pub(super) fn is_labelled(&self) -> bool {
        self.labels().get(OUTPUT_LABEL).is_some_and(|label| label == OUTPUT_LABEL_LOCAL)
    }

    /// Whether the output names no registry, so that it goes to Docker Hub unless it is resolved.
    pub(super) fn has_output_without_registry(&self) -> bool {
        let image = self.spec.output.image.as_deref().unwrap_or_default();
        ImageReference::parse(image).is_ok_and(|image| image.registry().is_none())
    }

    /// Whether the output is at the local registry, and not in a repository that begins with the Build's namespace. `hosts`: the
    /// registries that the policies know as the cluster's.
    pub(super) fn has_output_outside_of_namespace(&self, hosts: &[String]) -> bool {
        let image = self.spec.output.image.as_deref().unwrap_or_default();
        let Ok(reference) = ImageReference::parse(image) else { return false };
        let is_of_cluster = |registry: &str| self.has_local_output() && hosts.iter().any(|host| host == registry);
        let is_local = match reference.registry() {
            None => self.has_local_output(),
            Some(registry) => registry == PORTABLE_HOST || is_of_cluster(registry),
        };
        is_local && !reference.is_below(self.namespace())
    }

    fn output(&self) -> Locality<'_> {
        Locality::new(&self.spec.output, self.metadata.annotations.output.as_deref())
    }

    fn localities(&self) -> impl Iterator<Item = Locality<'_>> {
        let source = self.spec.source.as_ref().and_then(|source| source.oci_artifact.as_ref());
        let annotation = self.metadata.annotations.source.as_deref();
        [self.output()].into_iter().chain(source.map(|image| Locality::new(image, annotation)))
    }
}
