//! The Build that a BuildRun names, and what the run takes from it: output, source, builder and parameters.

use super::annotation::{Marks, mark_for};
use super::builder_parameter::{BuilderParameter, sets_builder};
use super::defaults::{Defaults, Stated};
use super::fields::{self, Kind, OUTPUT, Role, STORED_BUILD_MASK, Version, image_fields};
use super::image::{Before, Image};
use super::lookup::{BuildLookup, LookupError};
use super::messages::{BuildProblem, BuildWarning};
use super::output::{check_docker_hub, has_output};
use super::parameters;
use super::request::BuildRequest;
use crate::admission::{Fate, Outcome};
use crate::json::{Node, Path};
use crate::message::Fault;
use crate::registry::{named_registry, names_portable_host};
use crate::text::is_object_name;

/// A BuildRun that names a Build.
pub(super) struct NamingRun<'r> {
    pub(super) request: &'r BuildRequest<'r>,
    pub(super) name: &'r str,
    pub(super) marks: Marks,
    /// The builder that the run sets itself, if the request writes it and it names no registry.
    pub(super) builder: Option<BuilderParameter>,
    /// Whether this is an UPDATE after which the run takes no more from the Build than before.
    pub(super) is_settled: bool,
    /// Whether the UPDATE takes a parameter from the run, which it may have got for one of the Build's.
    pub(super) has_lost_parameters: bool,
}

impl NamingRun<'_> {
    fn name_path(&self) -> Path {
        fields::build_name(self.request.version)
    }

    /// Whether the run now takes something from the Build that it had of its own before an UPDATE.
    pub(super) fn takes_more_than(&self, before: &Before<'_>) -> bool {
        let (object, version) = (self.request.object, self.request.version);
        let lost = |has: &dyn Fn(&Node<'_>) -> bool| has(before.object) && !has(object);
        lost(&has_output)
            || lost(&|object| streams_source(object, version))
            || lost(&sets_builder)
            || self.marks_inherited() && !before.marks.say_local(Role::Output)
    }

    /// Whether the run's own annotation says that the output that it inherits is local.
    fn marks_inherited(&self) -> bool {
        !has_output(self.request.object) && self.marks.say_local(Role::Output)
    }
}

/// Gives a run again what it has lost of its Build's parameters in an UPDATE: a client that applies a run again writes the list
/// of its manifest. That refuses nothing. Without the Build, the run is over, or fails.
pub(super) fn restore_parameters(run: &NamingRun<'_>, builds: &mut dyn BuildLookup, outcome: &mut Outcome) {
    if !run.request.settings.lookup_builds {
        return;
    }
    if let Ok(text) = look_up(run, builds)
        && let Ok(build) = Node::parse(&text, STORED_BUILD_MASK)
    {
        parameters::inherit(run.request, &build, outcome);
    }
}

/// Looks the Build up, and resolves its output for a run that has none of its own. Returns what the Build's output states, which
/// the run inherits.
pub(super) fn decide(run: &NamingRun<'_>, builds: &mut dyn BuildLookup, outcome: &mut Outcome) -> Stated {
    let NamingRun { request, name, .. } = *run;
    if !request.settings.lookup_builds {
        if !run.is_settled {
            check_without_lookup(run, outcome);
        }
        return Stated::NOT_LOOKED_UP;
    }
    let text = match look_up(run, builds) {
        Ok(text) => text,
        Err(NoBuild::Yet) => {
            let (path, namespace) = (run.name_path(), request.namespace);
            outcome.warn(&BuildWarning::NoSuchBuildYet { path, name, namespace });
            return Stated::NOT_LOOKED_UP;
        }
        Err(NoBuild::Fault(fault)) => {
            outcome.fault(fault);
            return Stated::default();
        }
    };
    let no_build = |cause| BuildProblem::LookupAnswer { name, cause }.at(run.name_path());
    let build = match Node::parse(&text, STORED_BUILD_MASK) {
        Ok(build @ Node::Object(_)) => build,
        Ok(other) => {
            outcome.fault(no_build(format_args!("it is {}", other.type_name())));
            return Stated::default();
        }
        Err(error) => {
            outcome.fault(no_build(format_args!("{error}")));
            return Stated::default();
        }
    };
    NamedBuild { run, build: &build }.decide(outcome)
}

/// Says what is unknown of a run's output while Builds are not looked up.
fn check_without_lookup(run: &NamingRun<'_>, outcome: &mut Outcome) {
    let name = run.name;
    if run.marks_inherited() {
        outcome.fault(BuildProblem::InheritedNotLookedUp { name }.at(Role::Output.annotation_path()));
    } else if !has_output(run.request.object) {
        outcome.warn(&BuildWarning::NotLookedUp { path: run.name_path(), name });
    }
}

/// Why there is no Build to look at.
enum NoBuild {
    /// The Build may be created by the same dry run, which stores nothing.
    Yet,
    Fault(Fault),
}

fn look_up(run: &NamingRun<'_>, builds: &mut dyn BuildLookup) -> Result<String, NoBuild> {
    let NamingRun { request, name, .. } = *run;
    let namespace = request.namespace;
    let fault = |problem: &BuildProblem<'_>| NoBuild::Fault(problem.at(run.name_path()));
    let missing = |remedy| fault(&BuildProblem::NoSuchBuild { name, namespace, remedy });
    if namespace.is_empty() {
        return Err(fault(&BuildProblem::NoNamespace));
    }
    if !is_object_name(name) {
        return Err(missing("no object can have that name: write that of a Build in the run's namespace"));
    }
    builds.build(namespace, name).map_err(|error| match error {
        LookupError::NotFound if request.is_dry_run => NoBuild::Yet,
        LookupError::NotFound => missing(error.remedy()),
        _ => fault(&BuildProblem::Lookup { name, cause: error.cause().unwrap_or_default(), remedy: error.remedy() }),
    })
}

/// Whether a run streams its own source, and so never uses that of its Build. In v1beta1 the type alone does not decide:
/// without the object `local`, Shipwright uses the Build's source.
fn streams_source(run: &Node<'_>, version: Version) -> bool {
    let has_type = |source: &Node<'_>, name: &str| source.field("type").and_then(Node::text) == Some(name);
    match version {
        Version::V1Beta1 => matches!(run.at(fields::SOURCE), Ok(Some(source))
            if has_type(source, "Local") && matches!(source.field("local"), Some(Node::Object(_)))),
        Version::V1Alpha1 => matches!(run.at(fields::SOURCES), Ok(Some(Node::Array(sources)))
            if sources.iter().any(|source| has_type(source, "LocalCopy"))),
    }
}

/// The Build that a run names, in the stored version.
struct NamedBuild<'r> {
    run: &'r NamingRun<'r>,
    build: &'r Node<'r>,
}

impl NamedBuild<'_> {
    /// Decides about everything that the run takes from the Build.
    fn decide(&self, outcome: &mut Outcome) -> Stated {
        self.check_own_builder(outcome);
        if !self.run.is_settled {
            self.decide_inherited(outcome);
        } else if self.run.has_lost_parameters {
            parameters::inherit(self.run.request, self.build, outcome);
        }
        self.build.at(OUTPUT.path).ok().flatten().map(Stated::read).unwrap_or_default()
    }

    fn decide_inherited(&self, outcome: &mut Outcome) {
        let BuildRequest { object, version, .. } = *self.run.request;
        if has_output(object) {
            self.check_own_output(outcome);
        } else {
            self.decide_output(outcome);
        }
        for fault in parameters::inherit(self.run.request, self.build, outcome) {
            self.fault(fault, outcome);
        }
        if !streams_source(object, version) {
            self.check_source(outcome);
        }
        if !sets_builder(object) {
            self.check_builder(outcome);
        }
    }

    /// Rejects a builder without a registry in the place of a local one. It would come from Docker Hub.
    fn check_own_builder(&self, outcome: &mut Outcome) {
        let Some(builder) = &self.run.builder else { return };
        if matches!(mark_for(self.build, Role::Builder), Ok(Some(mark)) if mark.is_local()) {
            let problem = BuildProblem::OwnBuilder { text: &builder.image, name: self.run.name };
            outcome.fault(problem.at(builder.path()));
        }
    }

    /// Resolves the output for a run that inherits it.
    fn decide_output(&self, outcome: &mut Outcome) {
        let request = self.run.request;
        let mut image = match self.image(Role::Output) {
            Ok(Some(image)) => image,
            Ok(None) if self.run.marks_inherited() => return outcome.warn(&BuildWarning::IdleAnnotation(Role::Output)),
            Ok(None) => return,
            Err(fault) => return self.fault(fault, outcome),
        };
        if self.run.marks_inherited() {
            image.claim_for_run();
        }
        match image.fate(request) {
            Fate::NotLocal => check_docker_hub(request, &image, Some(self.run.name), self.run.name_path(), outcome),
            // What only the run marks is not what the guard finds the Build by, so the run has to name it.
            Fate::Keep if self.run.marks_inherited() => outcome.edits.set_text(OUTPUT.image, image.text()),
            Fate::Keep => {}
            Fate::Invalid(problem) => self.fault(image.invalid(&problem), outcome),
            Fate::NoRegistry => self.fault(image.without_registry(request.settings), outcome),
            Fate::Inject(text) => {
                let defaults = Defaults::of(request.settings, image.stated);
                if text != image.text() || !defaults.is_empty() {
                    outcome.edits.set_text(OUTPUT.image, &text);
                }
                defaults.set(&OUTPUT, request, outcome);
            }
        }
    }

    /// Rejects the output that a run would have inherited, without the registry: another webhook removed it.
    fn check_own_output(&self, outcome: &mut Outcome) {
        let own = Image::read(self.run.request.object, &OUTPUT, self.run.marks);
        let (Ok(Some(own)), Ok(Some(inherited))) = (own, self.image(Role::Output)) else { return };
        let before = self.run.request.old.and_then(|old| old.at(OUTPUT.image).ok().flatten()).and_then(Node::text);
        let is_stripped = before != Some(own.text())
            && !own.is_local()
            && named_registry(own.text()).is_none()
            && own.text() == inherited.text();
        if is_stripped && inherited.is_local() {
            let problem = BuildProblem::InheritedWithoutRegistry { text: own.text(), name: self.run.name };
            outcome.fault(problem.at(OUTPUT.image));
        }
    }

    fn check_source(&self, outcome: &mut Outcome) {
        match self.image(Role::Source) {
            Ok(Some(image)) if image.is_local() => self.check_current(Role::Source, image.text(), outcome),
            Ok(_) => {}
            Err(fault) => self.fault(fault, outcome),
        }
    }

    /// Shipwright stores the builder of a v1alpha1 Build as a parameter. That it was local is known only by the
    /// annotation that the policy recorded.
    fn check_builder(&self, outcome: &mut Outcome) {
        let Some(builder) = BuilderParameter::read(self.build) else { return };
        // It is resolved with the other parameters.
        if names_portable_host(&builder.image) {
            return;
        }
        match mark_for(self.build, Role::Builder) {
            Ok(Some(mark)) if mark.is_local() => self.check_current(Role::Builder, &builder.image, outcome),
            Ok(_) => {}
            Err(fault) => self.fault(fault, outcome),
        }
    }

    fn image(&self, role: Role) -> Result<Option<Image<'_>>, Fault> {
        let marks = Marks::read_one(self.build, role)?;
        match image_fields(Kind::Build, Version::V1Beta1).iter().find(|field| field.role == role) {
            Some(field) => Image::read(self.build, field, marks),
            None => Ok(None),
        }
    }

    /// Rejects a local image of the Build that the run cannot override and that is not at the cluster's registry.
    fn check_current(&self, role: Role, text: &str, outcome: &mut Outcome) {
        let name = self.run.name;
        let settings = self.run.request.settings;
        let help = settings.help.as_deref();
        let host = settings.host_text();
        let problem = match (host, role) {
            (Some(host), _) if named_registry(text) == Some(host) => return,
            (Some(host), _) => BuildProblem::Stale { role, name, text, host },
            (None, Role::Builder) => BuildProblem::BuilderWithoutRegistry { name, text, help },
            (None, _) => BuildProblem::SourceWithoutRegistry { name, text, help },
        };
        outcome.fault(problem.at(self.run.name_path()));
    }

    /// Adds a fault of the Build to those of the run.
    fn fault(&self, fault: Fault, outcome: &mut Outcome) {
        let problem = BuildProblem::Build { name: self.run.name, fault };
        outcome.fault(problem.at(self.run.name_path()));
    }
}
