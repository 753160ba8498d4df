//! A BuildRun: its own images are resolved in place, and the output of the Build that it names by an
//! output of its own.

use crate::decision::{Case, Outcome};
use crate::fault::{Fault, Help, Problem};
use crate::fields::{self, ImageField, Kind, OUTPUT, Path, Role, Version, image_fields};
use crate::image::named_registry;
use crate::json::Node;
use crate::local::{Annotations, Before, Image, Resolution, annotation, is_at, value_at, wrong_type};
use crate::lookup::{BuildLookup, LookupError, is_builder, is_object_name, stored_builder};
use crate::output;
use crate::warning::Remark;

/// Decides about a BuildRun that is created or updated.
pub(crate) fn decide(case: &Case<'_>, builds: &mut dyn BuildLookup, outcome: &mut Outcome) {
    let annotations = Annotations::read(case.object, &mut outcome.faults);
    let before = case.old.map(Before::of);
    let own = decide_own_images(case, &annotations, before.as_ref(), outcome);
    let mut build_states_insecure = false;
    let mut inherits = false;
    match origin(case.object, case.version) {
        Ok(Origin::Named(name)) => {
            inherits = !has_output(case.object);
            let run = Run { case, name_path: fields::build_name(case.version), name, annotations: &annotations };
            if run.asks_for_build(before.as_ref()) {
                build_states_insecure = run.decide_build(builds, outcome);
            }
        }
        // Shipwright says what is wrong with an unclear run.
        Ok(Origin::Embedded | Origin::Unclear) => {}
        Err(fault) => outcome.add(fault),
    }
    for field in own.injected.into_iter().filter(|_| case.settings.insecure && !build_states_insecure) {
        set_insecure(case, field, outcome);
    }
    for role in Role::ALL.into_iter().filter(|role| annotations.mark_local(*role) && !own.roles.contains(role)) {
        let is_new = before.as_ref().is_none_or(|before| !before.annotations.mark_local(role));
        // That of a named Build is looked for where the Build is.
        if is_new && !(inherits && role == Role::Output) {
            outcome.warn(Remark::IdleAnnotation(role));
        }
    }
}

/// What a run builds.
#[derive(Debug, PartialEq, Eq)]
enum Origin<'n> {
    Named(&'n str),
    Embedded,
    /// Neither a name nor a specification, or both: Shipwright fails such a run, until an update repairs it.
    Unclear,
}

fn origin<'n>(object: &'n Node<'n>, version: Version) -> Result<Origin<'n>, Fault> {
    let name_path = fields::build_name(version);
    let name = value_at(object, name_path)?;
    let specification = value_at(object, fields::embedded_spec(version))?;
    match (name, specification) {
        (Some(Node::String(name)), None) => Ok(Origin::Named(name)),
        (Some(other), None) => Err(wrong_type(name_path, other.kind(), "the name of a Build")),
        (None, Some(_)) => Ok(Origin::Embedded),
        _ => Ok(Origin::Unclear),
    }
}

/// The images that stand in a run itself.
#[derive(Default)]
struct OwnImages {
    /// The roles of all that there are.
    roles: Vec<Role>,
    /// The outputs that were injected and say nothing about `insecure`.
    injected: Vec<&'static ImageField>,
}

/// Resolves the images that stand in the run itself.
fn decide_own_images(
    case: &Case<'_>,
    annotations: &Annotations,
    before: Option<&Before<'_>>,
    outcome: &mut Outcome,
) -> OwnImages {
    let mut own = OwnImages::default();
    for field in image_fields(Kind::BuildRun, case.version) {
        let mut image = match Image::read(case.object, field, annotations) {
            Ok(Some(image)) => image,
            Ok(None) => continue,
            Err(fault) => {
                outcome.add(fault);
                continue;
            }
        };
        own.roles.push(field.role);
        let old = before.and_then(|before| before.image(field));
        image.release(old.as_ref(), case.settings);
        let is_unchanged = old.is_some_and(|old| image.is_same_as(&old));
        match image.resolve(case.settings) {
            // An image that came through unresolved is repaired, whatever the update is about.
            Some(Ok(Resolution::Inject(text))) => {
                outcome.edits.set_text(field.image, &text);
                if field.role == Role::Output && !image.states_insecure {
                    own.injected.push(field);
                }
            }
            _ if is_unchanged => {}
            None => output::decide(case, &image, None, field.image, outcome),
            Some(Ok(Resolution::Keep)) => {}
            Some(Err(fault)) => outcome.faults.push(fault),
            Some(Ok(Resolution::Wanting)) => outcome.faults.push(image.without_registry(case.settings)),
        }
    }
    own
}

fn has_output(object: &Node<'_>) -> bool {
    matches!(object.at(OUTPUT.path), Ok(Some(_)))
}

fn set_insecure(case: &Case<'_>, field: &ImageField, outcome: &mut Outcome) {
    outcome.edits.set_true(field.insecure);
    if case.version == Version::V1Alpha1 && field.path == OUTPUT.path {
        outcome.warn(Remark::InsecureDropped);
    }
}

/// A run that names a Build.
struct Run<'c> {
    case: &'c Case<'c>,
    name_path: Path,
    name: &'c str,
    annotations: &'c Annotations,
}

impl Run<'_> {
    /// Whether the Build matters to this request. An UPDATE of a run that named the same Build before has been
    /// through here already, unless it now takes something from the Build that it had of its own.
    fn asks_for_build(&self, before: Option<&Before<'_>>) -> bool {
        let Some(old) = self.case.old else { return true };
        let (object, version) = (self.case.object, self.case.version);
        let lost = |has: &dyn Fn(&Node<'_>) -> bool| has(old) && !has(object);
        let is_marked_now =
            self.marks_inherited() && before.is_none_or(|old| !old.annotations.mark_local(Role::Output));
        origin(old, version) != Ok(Origin::Named(self.name))
            || lost(&has_output)
            || lost(&|object| streams_source(object, version))
            || lost(&sets_builder)
            || is_marked_now
    }

    /// Whether the run says itself that the output that it inherits is local.
    fn marks_inherited(&self) -> bool {
        !has_output(self.case.object) && self.annotations.mark_local(Role::Output)
    }

    /// Looks the Build up, and resolves its output for a run that has none of its own. Returns whether the Build
    /// says anything about `insecure`, which the run inherits.
    fn decide_build(&self, builds: &mut dyn BuildLookup, outcome: &mut Outcome) -> bool {
        let Self { case, name_path, name, .. } = *self;
        let own_output = has_output(case.object);
        if !case.settings.lookup_builds {
            if self.marks_inherited() {
                let problem = Problem::InheritedNotLookedUp { name: name.to_owned() };
                outcome.faults.push(Fault::new(Role::Output.annotation_path(), problem));
            } else if !own_output {
                outcome.warn(Remark::NotLookedUp { path: name_path, name: name.to_owned() });
            }
            return false;
        }
        let text = match look_up(case, name, builds) {
            Ok(text) => text,
            Err(NoBuild::Yet) => {
                let (name, namespace) = (name.to_owned(), case.namespace.to_owned());
                outcome.warn(Remark::NoSuchBuildYet { path: name_path, name, namespace });
                return false;
            }
            Err(NoBuild::Problem(problem)) => {
                outcome.faults.push(Fault::new(name_path, problem));
                return false;
            }
        };
        let build = match Node::parse(&text, fields::STORED_BUILD) {
            Ok(build @ Node::Object(_)) => build,
            Ok(other) => {
                outcome.faults.push(Fault::new(name_path, unreadable(name, format_args!("it is {}", other.kind()))));
                return false;
            }
            Err(error) => {
                outcome.faults.push(Fault::new(name_path, unreadable(name, format_args!("{error}"))));
                return false;
            }
        };
        let named = NamedBuild { run: self, build: &build };
        if own_output {
            named.check_own_output(outcome);
        } else {
            named.decide_output(outcome);
        }
        if !streams_source(case.object, case.version) {
            named.check_source(outcome);
        }
        if !sets_builder(case.object) {
            named.check_builder(outcome);
        }
        matches!(build.at(OUTPUT.insecure), Ok(Some(_)))
    }
}

/// Why there is no Build to look at.
enum NoBuild {
    /// It may come with the same dry run, of which nothing is stored.
    Yet,
    Problem(Problem),
}

fn look_up(case: &Case<'_>, name: &str, builds: &mut dyn BuildLookup) -> Result<String, NoBuild> {
    if case.namespace.is_empty() {
        return Err(NoBuild::Problem(Problem::NoNamespace));
    }
    let missing = |remedy| {
        let (name, namespace) = (name.to_owned(), case.namespace.to_owned());
        NoBuild::Problem(Problem::NoSuchBuild { name, namespace, remedy })
    };
    if !is_object_name(name) {
        return Err(missing("no object can have that name: write that of a Build in the run's namespace"));
    }
    builds.build(case.namespace, name).map_err(|error| match error {
        LookupError::NotFound if case.is_dry_run => NoBuild::Yet,
        LookupError::NotFound => missing(error.remedy()),
        _ => NoBuild::Problem(Problem::Lookup {
            name: name.to_owned(),
            cause: error.cause().unwrap_or_default().to_owned(),
            remedy: error.remedy(),
        }),
    })
}

fn unreadable(name: &str, cause: std::fmt::Arguments<'_>) -> Problem {
    Problem::LookupAnswer { name: name.to_owned(), cause: cause.to_string() }
}

/// Whether a run streams its own source, and so never uses that of its Build. In v1beta1 the type alone says
/// nothing: without the object `local`, Shipwright takes the source of the Build.
fn streams_source(object: &Node<'_>, version: Version) -> bool {
    let is_of = |source: &Node<'_>, kind: &str| source.field("type").and_then(Node::text) == Some(kind);
    match version {
        Version::V1Beta1 => matches!(object.at(fields::SOURCE), Ok(Some(source))
            if is_of(source, "Local") && matches!(source.field("local"), Some(Node::Object(_)))),
        Version::V1Alpha1 => matches!(object.at(fields::SOURCES), Ok(Some(Node::Array(sources)))
            if sources.iter().any(|source| is_of(source, "LocalCopy"))),
    }
}

/// Whether a run sets the parameter in which Shipwright stores a v1alpha1 builder, and so never uses that of
/// its Build.
fn sets_builder(object: &Node<'_>) -> bool {
    let Ok(Some(Node::Raw(text))) = object.at(fields::PARAMETERS) else { return false };
    let Ok(Node::Array(parameters)) = Node::parse(text, fields::PARAMETER_NAMES) else { return false };
    parameters.iter().any(is_builder)
}

/// The Build that a run names, in the stored version.
struct NamedBuild<'c> {
    run: &'c Run<'c>,
    build: &'c Node<'c>,
}

impl NamedBuild<'_> {
    fn decide_output(&self, outcome: &mut Outcome) {
        let case = self.run.case;
        let mut image = match self.image(Role::Output) {
            Ok(Some(image)) => image,
            Ok(None) if self.run.marks_inherited() => return outcome.warn(Remark::IdleAnnotation(Role::Output)),
            Ok(None) => return,
            Err(fault) => return self.push(fault, outcome),
        };
        if self.run.marks_inherited() {
            image.claim();
        }
        match image.resolve(case.settings) {
            None => output::decide(case, &image, Some(self.run.name), self.run.name_path, outcome),
            Some(Ok(Resolution::Keep)) => {}
            Some(Err(fault)) => self.push(fault, outcome),
            Some(Ok(Resolution::Wanting)) => self.push(image.without_registry(case.settings), outcome),
            Some(Ok(Resolution::Inject(text))) => {
                outcome.edits.set_text(OUTPUT.image, &text);
                if case.settings.insecure && !image.states_insecure {
                    set_insecure(case, &OUTPUT, outcome);
                }
            }
        }
    }

    /// The output that a run would have inherited, but for the registry: another webhook took that out again.
    fn check_own_output(&self, outcome: &mut Outcome) {
        let own = Image::read(self.run.case.object, &OUTPUT, self.run.annotations);
        let (Ok(Some(own)), Ok(Some(inherited))) = (own, self.image(Role::Output)) else { return };
        let before = self.run.case.old.and_then(|old| old.at(OUTPUT.image).ok().flatten()).and_then(Node::text);
        let is_stripped = before != Some(own.text())
            && !own.is_local()
            && named_registry(own.text()).is_none()
            && own.text() == inherited.text();
        if is_stripped && inherited.is_local() {
            let problem =
                Problem::InheritedWithoutRegistry { text: own.text().to_owned(), name: self.run.name.to_owned() };
            outcome.faults.push(Fault::new(OUTPUT.image, problem));
        }
    }

    fn check_source(&self, outcome: &mut Outcome) {
        match self.image(Role::Source) {
            Ok(Some(image)) if image.is_local() => self.check_current(Role::Source, image.text(), outcome),
            Ok(_) => {}
            Err(fault) => self.push(fault, outcome),
        }
    }

    /// Shipwright stores the builder of a v1alpha1 Build as a parameter; only the annotation that we
    /// recorded still tells that it was local.
    fn check_builder(&self, outcome: &mut Outcome) {
        let Some(text) = stored_builder(self.build) else { return };
        match annotation(self.build, Role::Builder) {
            Ok(Some(mark)) if mark.is_local() => self.check_current(Role::Builder, text, outcome),
            Ok(_) => {}
            Err(fault) => self.push(fault, outcome),
        }
    }

    fn image(&self, role: Role) -> Result<Option<Image<'_>>, Fault> {
        let annotations = Annotations::of(role, annotation(self.build, role)?);
        match image_fields(Kind::Build, Version::V1Beta1).iter().find(|field| field.role == role) {
            Some(field) => Image::read(self.build, field, &annotations),
            None => Ok(None),
        }
    }

    fn check_current(&self, role: Role, text: &str, outcome: &mut Outcome) {
        let (name, text) = (self.run.name.to_owned(), text.to_owned());
        let help = || Help(self.run.case.settings.help.clone());
        let problem = match (&self.run.case.settings.host, role) {
            (Some(host), _) if is_at(&text, host) => return,
            (Some(host), Role::Builder) => Problem::StaleBuilder { name, text, host: host.to_string() },
            (Some(host), _) => Problem::StaleSource { name, text, host: host.to_string() },
            (None, Role::Builder) => Problem::BuilderWithoutRegistry { name, text, help: help() },
            (None, _) => Problem::SourceWithoutRegistry { name, text, help: help() },
        };
        outcome.faults.push(Fault::new(self.run.name_path, problem));
    }

    fn push(&self, fault: Fault, outcome: &mut Outcome) {
        let problem = Problem::Build { name: self.run.name.to_owned(), fault };
        outcome.faults.push(Fault::new(self.run.name_path, problem));
    }
}
