//! Pods and revisions with the annotation: which of their containers run local images, and what becomes of each image.

use super::fields::{ALL, ANNOTATION, EPHEMERAL, MIRROR, OF_REVISION, REGULAR};
use super::image::Container;
use super::kind::WorkloadKind;
use super::messages::{ContainersProblem, ContainersWarning, undo};
use super::names::{MOST_NAMES, Names, annotation};
use crate::admission::{Fate, ImageProblem, Outcome, SPEC, Settings, fate_of_local_image};
use crate::json::Node;
use crate::message::Fault;
use crate::registry::{Host, named_registry};

/// How many images with faults a rejection lists. Nobody reads more, and a request may have a hundred thousand.
const LISTED: usize = 50;

/// Whether a request is about the annotation.
pub(super) enum Relevance<'n> {
    /// The object has and had no annotation, or the request changes no image.
    Irrelevant,
    /// An annotated pod that the kubelet runs from a file, and only shows to the API server. It is new, or its containers
    /// have changed.
    StaticPod,
    /// An object that has or had the annotation, and whose images the request writes.
    Annotated(Box<AnnotatedWorkload<'n>>),
}

/// An object that has or had the annotation, and whose images a request writes.
pub(super) struct AnnotatedWorkload<'n> {
    kind: WorkloadKind,
    /// Whether the object is a pod of a Knative revision, which was resolved when it was created, and never changes.
    is_of_revision: bool,
    /// The annotation, and the names in it; none if the object has lost the annotation.
    text: &'n str,
    names: Names<'n>,
    /// Whether the request writes the annotation, or another text in it.
    is_new: bool,
    /// The annotation in a request for ephemeral containers, if it is another one than that of the pod, and the names in
    /// it. The API server drops it.
    dropped_text: &'n str,
    dropped_names: Names<'n>,
    /// The containers that the object has, apart from `written`.
    others: Vec<Container<'n>>,
    /// The containers whose images this request writes.
    written: Vec<Container<'n>>,
    /// The names that the annotation had before an UPDATE. They were checked then.
    old_names: Option<Names<'n>>,
}

impl<'n> AnnotatedWorkload<'n> {
    /// Reads the object that a request writes, and what it was before an UPDATE.
    pub(super) fn read(
        kind: WorkloadKind,
        object: &'n Node<'_>,
        old: Option<&'n Node<'_>>,
    ) -> Result<Relevance<'n>, Fault> {
        let old = old.filter(|old| matches!(old, Node::Object(_)));
        let is_ephemeral = kind == WorkloadKind::EphemeralContainers;
        let lists = if is_ephemeral { &EPHEMERAL[..] } else { &ALL[..] };
        // Whatever else is in the object was there before, and must not keep other fields from being changed.
        if old.is_some_and(|old| lists.iter().all(|list| old.at(list).ok() == object.at(list).ok())) {
            return Ok(Relevance::Irrelevant);
        }
        // What a request for ephemeral containers says about the rest of the pod is dropped.
        let stored = if is_ephemeral { old.unwrap_or(object) } else { object };
        let text = annotation(stored)?;
        let old_text = old.and_then(|old| annotation(old).ok().flatten());
        let dropped_text =
            if is_ephemeral { annotation(object)?.filter(|dropped| text != Some(dropped)) } else { None };
        if text.or(old_text).or(dropped_text).is_none() {
            return Ok(Relevance::Irrelevant);
        }
        if kind == WorkloadKind::Pod && text.is_some() && matches!(stored.at(MIRROR), Ok(Some(_))) {
            return Ok(Relevance::StaticPod);
        }
        let mut others = if is_ephemeral { Container::list(stored, &REGULAR)? } else { Vec::new() };
        let mut written = Vec::new();
        for container in Container::list(object, lists)? {
            let is_changed = old.is_none_or(|old| container.differs_in(old));
            if is_changed { &mut written } else { &mut others }.push(container);
        }
        if old.is_some() && written.is_empty() {
            return Ok(Relevance::Irrelevant);
        }
        Ok(Relevance::Annotated(Box::new(Self {
            kind,
            is_of_revision: kind == WorkloadKind::Pod && matches!(object.at(OF_REVISION), Ok(Some(_))),
            text: text.unwrap_or_default(),
            is_new: text != old_text,
            names: text.map(Names::parse).unwrap_or_default(),
            dropped_text: dropped_text.unwrap_or_default(),
            dropped_names: dropped_text.map(Names::parse).unwrap_or_default(),
            others,
            written,
            old_names: old_text.map(Names::parse),
        })))
    }

    /// Decides about the images of the containers that the annotation names.
    pub(super) fn decide(mut self, settings: &Settings, outcome: &mut Outcome) {
        let mut named = Vec::new();
        let (mut not_yet_named, mut no_longer_named) = (Vec::new(), Vec::new());
        let mut may_be_meant = self.old_names.is_none();
        for container in &self.written {
            let image = container.image.and_then(Node::text).unwrap_or_default();
            if self.names.contains(container.name) {
                self.names.note_container(container.name);
                named.push(*container);
            } else if self.dropped_names.contains(container.name) {
                not_yet_named.push(container.name);
            } else if named_registry(image).is_none() {
                may_be_meant = true;
                if self.old_names.as_ref().is_some_and(|names| names.contains(container.name)) {
                    no_longer_named.push(container.name);
                }
            }
        }
        if !not_yet_named.is_empty() {
            outcome.fault(ContainersProblem::NotYetNamed(&not_yet_named).at(ANNOTATION));
        }
        if !no_longer_named.is_empty() {
            outcome.warn(&ContainersWarning::NoLongerNamed(&no_longer_named));
        }
        for container in &self.others {
            self.names.note_container(container.name);
        }
        for container in self.others.iter().chain(&self.written) {
            self.dropped_names.note_container(container.name);
        }
        if let Some(name) = self.names.repeated {
            outcome.warn(&ContainersWarning::Repeated(name));
        }
        if !self.is_new && !may_be_meant {
            self.names.forgive();
        }
        self.check_names(may_be_meant, outcome);
        match self.two_hosts(settings) {
            Some(fault) if !named.is_empty() => outcome.fault(fault),
            _ => self.resolve(&named, settings, outcome),
        }
    }

    /// The fault of a revision where pods and nodes do not have one name for the registry.
    fn two_hosts(&self, settings: &Settings) -> Option<Fault> {
        let for_nodes = settings.runtime_host.as_ref().filter(|_| self.kind == WorkloadKind::Revision)?.as_str();
        let for_pods = settings.host.as_ref().map(AsRef::as_ref);
        let help = settings.help.as_deref();
        (for_pods != Some(for_nodes)).then(|| ContainersProblem::TwoHosts { for_pods, for_nodes, help }.at(ANNOTATION))
    }

    /// Rejects names of which there is no container: with a typo in a name, the container that was meant would run an
    /// image of Docker Hub.
    ///
    /// A running pod may name an ephemeral container before that is added. So a name that an UPDATE does not add is a
    /// fault only if a container that is written may be the one that was meant. The same goes for the rest of an
    /// annotation that an UPDATE leaves as it was.
    ///
    /// A request for ephemeral containers may have an annotation of its own. The API server drops it, but its author has
    /// meant a container by each name.
    fn check_names(&self, may_be_meant: bool, outcome: &mut Outcome) {
        for (text, names) in [(self.text, &self.names), (self.dropped_text, &self.dropped_names)] {
            if names.has_empty {
                outcome.fault(ContainersProblem::EmptyName { text }.at(ANNOTATION));
            }
            if names.count > MOST_NAMES {
                outcome.fault(ContainersProblem::TooManyNames { count: names.count }.at(ANNOTATION));
            }
        }
        let is_old = |name: &str| self.old_names.as_ref().is_some_and(|names| names.contains(name));
        let dropped = self.dropped_names.without_container().filter(|name| !self.names.contains(name));
        let unknown: Vec<&str> =
            self.names.without_container().filter(|name| may_be_meant || !is_old(name)).chain(dropped).collect();
        if !unknown.is_empty() {
            let known: Vec<&str> = self.others.iter().chain(&self.written).map(|container| container.name).collect();
            outcome.fault(ContainersProblem::NoSuchContainer { unknown: &unknown, known: &known }.at(ANNOTATION));
        }
    }

    /// Puts the nodes' registry in front of the images of these containers.
    fn resolve(&self, containers: &[Container<'_>], settings: &Settings, outcome: &mut Outcome) {
        let host = settings.runtime_host.as_ref().map(|host| host as &dyn Host);
        for container in containers {
            let undo = || undo(container.name);
            let no_registry = || ImageProblem::NoRegistry {
                text: container.image.and_then(Node::text).unwrap_or_default(),
                whose: " for its nodes",
                undo: undo(),
                help: settings.help.as_deref(),
            };
            let problem = match fate_of_local_image(container.image, host, &undo) {
                Fate::Keep | Fate::NotLocal => continue,
                Fate::Inject(text) => {
                    let (list, index, field) = container.place();
                    outcome.edits.set_text_of_element(list, index, field, &text);
                    continue;
                }
                // The registry of a revision may be an earlier one. Nobody could change that in its pods.
                Fate::Invalid(ImageProblem::ForeignRegistry { .. }) if self.is_of_revision => continue,
                Fate::Invalid(ImageProblem::ForeignRegistry { .. }) if host.is_none() => no_registry(),
                Fate::NoRegistry => no_registry(),
                Fate::Invalid(problem) => problem,
            };
            if outcome.fault_count() == LISTED {
                outcome.fault(ContainersProblem::More.at(SPEC));
                return;
            }
            outcome.fault(problem.at(container.image_path()));
        }
    }
}
