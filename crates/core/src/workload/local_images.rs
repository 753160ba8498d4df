//! Which images of a pod or revision are local, and what becomes of each.

use super::fields::{CONTAINERS, CONTAINERS_ANNOTATION, ImageHolders, MIRROR, OF_REVISION};
use super::image::Image;
use super::kind::WorkloadKind;
use super::messages::{WorkloadProblem, WorkloadWarning};
use super::names::{MOST_NAMES, Names, annotation};
use crate::admission::{
    Fate, ImageProblem, ImagesWithoutRegistry, KnativeTags, Outcome, SPEC, Settings, fate_of_local_image, undo,
};
use crate::json::Node;
use crate::message::{Fault, FieldPath};
use crate::registry::{Host, RuntimeHost, named_registry, names_portable_host};
use crate::text::Quoted;

/// How many images with faults a rejection lists. Nobody reads more, and a request may have a hundred thousand.
const LISTED: usize = 50;

/// Whether a request is about local images.
pub(super) enum Relevance<'n> {
    /// The object has and had no annotation, no image names the portable host, and those without a registry are as they are
    /// written; or the request changes no image.
    Irrelevant,
    /// An annotated pod that the kubelet runs from a file, and only shows to the API server. It is new, or its images have
    /// changed.
    StaticPod,
    /// An object that has or had the annotation, has an image that names the portable host, or whose images without a registry
    /// are local; and the request writes images.
    Relevant(Box<LocalImages<'n>>),
}

/// The images of the containers, or of the volumes, of an object with local ones.
pub(super) struct LocalImages<'n> {
    kind: WorkloadKind,
    holders: &'static ImageHolders,
    /// What an image without a registry is, if no annotation names it.
    without_registry: ImagesWithoutRegistry,
    /// Whether the object is a pod of a Knative revision, which was resolved when it was created, and never changes.
    is_of_revision: bool,
    /// The annotation, and the names in it; none if the object does not have the annotation.
    text: &'n str,
    names: Names<'n>,
    /// Whether the request writes the annotation, or another text in it.
    is_new: bool,
    /// The annotation in a request for ephemeral containers, if it is another one than that of the pod, and the names in
    /// it. The API server drops it.
    dropped_text: &'n str,
    dropped_names: Names<'n>,
    /// The images that the object has, apart from `written`.
    others: Vec<Image<'n>>,
    /// The images that this request writes.
    written: Vec<Image<'n>>,
    /// The names that the annotation had before an UPDATE. They were checked then.
    old_names: Option<Names<'n>>,
}

impl<'n> LocalImages<'n> {
    /// Reads the object that a request writes, and what it was before an UPDATE.
    pub(super) fn read(
        kind: WorkloadKind,
        holders: &'static ImageHolders,
        object: &'n Node<'_>,
        old: Option<&'n Node<'_>>,
        without_registry: ImagesWithoutRegistry,
    ) -> Result<Relevance<'n>, Fault> {
        let old = old.filter(|old| matches!(old, Node::Object(_)));
        let is_ephemeral = kind == WorkloadKind::EphemeralContainers;
        let lists = if is_ephemeral { holders.ephemeral } else { holders.all };
        // Whatever else is in the object was there before, and must not keep other fields from being changed.
        if old.is_some_and(|old| lists.iter().all(|list| old.at(list).ok() == object.at(list).ok())) {
            return Ok(Relevance::Irrelevant);
        }
        // What a request for ephemeral containers says about the rest of the pod is dropped.
        let stored = if is_ephemeral { old.unwrap_or(object) } else { object };
        let text = annotation(stored, holders)?;
        let old_text = old.and_then(|old| annotation(old, holders).ok().flatten());
        let dropped_text =
            if is_ephemeral { annotation(object, holders)?.filter(|dropped| text != Some(dropped)) } else { None };
        let is_of_revision = kind == WorkloadKind::Pod && matches!(object.at(OF_REVISION), Ok(Some(_)));
        let are_all_local = without_registry == ImagesWithoutRegistry::Local || has_all(stored, holders);
        let is_annotated = are_all_local || text.or(old_text).or(dropped_text).is_some();
        if !is_annotated && !Image::any_names_portable_host(object, holders, lists) {
            return Ok(Relevance::Irrelevant);
        }
        if kind == WorkloadKind::Pod && matches!(stored.at(MIRROR), Ok(Some(_))) {
            return Ok(if text.is_some() { Relevance::StaticPod } else { Relevance::Irrelevant });
        }
        let mut others = if is_ephemeral { Image::list(stored, holders, holders.regular)? } else { Vec::new() };
        let mut written = Vec::new();
        for image in Image::list(object, holders, lists)? {
            let is_changed = old.is_none_or(|old| image.differs_in(old));
            if is_changed { &mut written } else { &mut others }.push(image);
        }
        if old.is_some() && written.is_empty() {
            return Ok(Relevance::Irrelevant);
        }
        let mut names = text.map(Names::parse).unwrap_or_default();
        // Knative adds a container of its own to a revision's pods, which the author of a `*` does not know of. In a whole
        // namespace, that label excepts nothing: anybody may write it.
        let is_whole = without_registry == ImagesWithoutRegistry::Local;
        names.set_all(is_whole || (are_all_local || names.has_all()) && !is_of_revision);
        Ok(Relevance::Relevant(Box::new(Self {
            kind,
            holders,
            without_registry,
            is_of_revision,
            text: text.unwrap_or_default(),
            is_new: text != old_text,
            names,
            dropped_text: dropped_text.unwrap_or_default(),
            dropped_names: dropped_text.map(Names::parse).unwrap_or_default(),
            others,
            written,
            old_names: old_text.map(Names::parse),
        })))
    }

    /// Decides about the images that name the portable host, and about those that the annotation names.
    pub(super) fn decide(mut self, settings: &Settings, outcome: &mut Outcome) {
        let ImageHolders { annotation, annotation_path, noun, .. } = *self.holders;
        let mut local = Vec::new();
        let (mut not_yet_named, mut no_longer_named) = (Vec::new(), Vec::new());
        let mut may_be_meant = self.old_names.is_none();
        // An earlier call for the same request may have put the registry in front.
        let for_nodes = settings.runtime_host.as_ref().map(RuntimeHost::as_str);
        let is_at_registry = |text| for_nodes.is_some() && named_registry(text) == for_nodes;
        for image in &self.written {
            let text = image.text();
            if self.names.mean(image.name, text) || names_portable_host(text) {
                self.names.note(image.name);
                local.push(*image);
            } else if self.dropped_names.mean(image.name, text) && !is_at_registry(text) {
                not_yet_named.push(image.name);
            } else if named_registry(text).is_none() && !image.name.is_empty() {
                may_be_meant = true;
                if self.old_names.as_ref().is_some_and(|names| names.mean(image.name, text)) {
                    no_longer_named.push(image.name);
                }
            }
        }
        if !not_yet_named.is_empty() {
            outcome.fault(WorkloadProblem::NotYetNamed(&not_yet_named).at(annotation_path));
        }
        if !no_longer_named.is_empty() {
            outcome.warn(&WorkloadWarning::NoLongerNamed { annotation, names: &no_longer_named, noun });
        }
        for image in &self.others {
            self.names.note(image.name);
        }
        for image in self.others.iter().chain(&self.written) {
            self.dropped_names.note(image.name);
        }
        if let Some(name) = self.names.repeated {
            outcome.warn(&WorkloadWarning::Repeated { annotation, name });
        }
        if !self.is_new && !may_be_meant {
            self.names.forgive();
        }
        self.check_names(may_be_meant, outcome);
        self.resolve(&local, settings, outcome);
    }

    /// Rejects names that nothing in the object has: with a typo in a name, the container that was meant would run an
    /// image of Docker Hub.
    ///
    /// A running pod may name an ephemeral container before that is added. So a name that an UPDATE does not add is a
    /// fault only if a container that is written may be the one that was meant. The same goes for the rest of an
    /// annotation that an UPDATE leaves as it was.
    ///
    /// A request for ephemeral containers may have an annotation of its own. The API server drops it, but its author has
    /// meant a container by each name.
    fn check_names(&self, may_be_meant: bool, outcome: &mut Outcome) {
        let ImageHolders { annotation_path, noun, .. } = *self.holders;
        for (text, names) in [(self.text, &self.names), (self.dropped_text, &self.dropped_names)] {
            if names.has_empty {
                outcome.fault(WorkloadProblem::EmptyName { text, noun }.at(annotation_path));
            }
            if names.count > MOST_NAMES {
                outcome.fault(WorkloadProblem::TooManyNames { count: names.count, noun }.at(annotation_path));
            }
        }
        let is_old = |name: &str| self.old_names.as_ref().is_some_and(|names| names.contains(name));
        let dropped = self.dropped_names.unknown().filter(|name| !self.names.contains(name));
        let unknown: Vec<&str> =
            self.names.unknown().filter(|name| may_be_meant || !is_old(name)).chain(dropped).collect();
        if !unknown.is_empty() {
            let known: Vec<&str> = self
                .others
                .iter()
                .chain(&self.written)
                .map(|image| image.name)
                .filter(|name| !name.is_empty())
                .collect();
            let problem = WorkloadProblem::NoSuchName { unknown: &unknown, known: &known, noun };
            outcome.fault(problem.at(annotation_path));
        }
    }

    /// Puts the nodes' registry in front of these images.
    fn resolve(&self, images: &[Image<'_>], settings: &Settings, outcome: &mut Outcome) {
        let host = settings.runtime_host.as_ref().map(|host| host as &dyn Host);
        for image in images {
            let problem = match fate_of_local_image(image.value, host, &|| self.undo(image)) {
                Fate::Keep | Fate::NotLocal => continue,
                Fate::Inject(text) if text == image.text() => continue,
                Fate::Inject(text) => {
                    if let Some(fault) = self.two_hosts(image, settings) {
                        outcome.fault(fault);
                        continue;
                    }
                    let (list, index, field) = image.place();
                    outcome.edits.set_text_of_element(list, index, field, &text);
                    continue;
                }
                // The registry of a revision may be an earlier one. Nobody could change that in its pods.
                Fate::Invalid(ImageProblem::ForeignRegistry { .. }) if self.is_of_revision => continue,
                Fate::Invalid(ImageProblem::ForeignRegistry { .. }) if host.is_none() => {
                    self.no_registry(image, settings)
                }
                Fate::NoRegistry => self.no_registry(image, settings),
                Fate::Invalid(problem) => problem,
            };
            if outcome.fault_count() >= LISTED {
                outcome.fault(WorkloadProblem::More.at(SPEC));
                return;
            }
            outcome.fault(problem.at(image.path()));
        }
    }

    /// Whether an image that the names mean is local without any annotation.
    fn is_local_by_setting(&self, image: &Image<'_>) -> bool {
        self.without_registry == ImagesWithoutRegistry::Local && !self.names.contains(image.name)
    }

    /// How an author makes one of the images not local.
    fn undo(&self, image: &Image<'_>) -> String {
        let (text, is_named) = (image.text(), self.names.contains(image.name));
        if !self.names.mean(image.name, text) {
            return undo(text, None);
        }
        if self.is_local_by_setting(image) {
            return "name a registry, without which each image here is local".to_owned();
        }
        let name = if is_named { image.name } else { "*" };
        let is_here = is_named || self.text.contains('*');
        let annotation = if is_here { self.holders.annotation } else { CONTAINERS_ANNOTATION };
        undo(text, Some(&format_args!("remove {} from the annotation {annotation}", Quoted(name))))
    }

    fn no_registry<'i>(&self, image: &Image<'i>, settings: &'i Settings) -> ImageProblem<'i> {
        ImageProblem::NoRegistry {
            text: image.text(),
            whose: " for its nodes",
            undo: self.undo(image),
            help: settings.help.as_deref(),
        }
    }

    /// The fault of a revision's image that Knative looks up, where pods and nodes do not have one name for the registry.
    fn two_hosts(&self, image: &Image<'_>, settings: &Settings) -> Option<Fault> {
        let for_nodes = settings.runtime_host.as_ref().filter(|_| self.kind == WorkloadKind::Revision)?.as_str();
        let for_pods = settings.host_text();
        // The kubelet pulls the image of a volume, and Knative never looks that one up.
        if for_pods == Some(for_nodes)
            // The image is a valid reference, so this begins its digest.
            || image.text().contains('@')
            || settings.knative_tags == KnativeTags::Skipped
            || self.holders.is_volumes()
        {
            return None;
        }
        let is_named = self.names.mean(image.name, image.text()) && !self.is_local_by_setting(image);
        let path = if is_named { FieldPath::from(self.holders.annotation_path) } else { image.path() };
        let help = settings.help.as_deref();
        Some(WorkloadProblem::TwoHosts { for_pods, for_nodes, help }.at(path))
    }
}

/// Whether the annotation about containers says that all images of the object are local, those of volumes, too.
fn has_all(object: &Node<'_>, holders: &ImageHolders) -> bool {
    let names = |text| Names::parse(text).has_all();
    holders.is_volumes() && annotation(object, &CONTAINERS).ok().flatten().is_some_and(names)
}
