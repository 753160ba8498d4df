//! A BuildRun: its own images are resolved in place, and the output of the Build that it names by an
//! output of its own.

use crate::decision::{Case, Outcome};
use crate::fault::{Fault, Help, Problem};
use crate::fields::{self, ImageField, Kind, OUTPUT, Path, Role, Version, image_fields};
use crate::json::Node;
use crate::local::{Annotations, Before, Image, Resolution, annotation, is_at, value_at, wrong_type};
use crate::lookup::{BuildLookup, LookupError, is_object_name, stored_builder};
use crate::warning::Remark;

/// Decides about a BuildRun that is created or updated.
pub(crate) fn decide(case: &Case<'_>, builds: &mut dyn BuildLookup, outcome: &mut Outcome) {
    if case.old == Some(case.object) {
        return;
    }
    let name_path = fields::build_name(case.version);
    let name = match named_build(case, name_path) {
        Ok(Origin::Named(name)) => Some(name),
        Ok(Origin::Embedded) => None,
        // Shipwright says what is wrong with such a run.
        Ok(Origin::Unclear) => return,
        Err(fault) => {
            outcome.faults.push(fault);
            return;
        }
    };
    let injected = decide_own_images(case, outcome);
    let build_states_insecure = name.is_some_and(|name| decide_build(case, name_path, name, builds, outcome));
    for field in injected.into_iter().filter(|_| case.settings.insecure && !build_states_insecure) {
        set_insecure(case, field, outcome);
    }
}

enum Origin<'n> {
    Named(&'n str),
    Embedded,
    /// Neither a name nor a specification, or both.
    Unclear,
}

fn named_build<'n>(case: &Case<'n>, name_path: Path) -> Result<Origin<'n>, Fault> {
    let name = value_at(case.object, name_path)?;
    let specification = value_at(case.object, fields::embedded_spec(case.version))?;
    match (name, specification) {
        (Some(Node::String(name)), None) => Ok(Origin::Named(name)),
        (Some(other), None) => Err(wrong_type(name_path, other.kind(), "the name of a Build")),
        (None, Some(_)) => Ok(Origin::Embedded),
        _ => Ok(Origin::Unclear),
    }
}

/// Resolves the images that stand in the run itself. Returns the outputs that were injected and say
/// nothing about `insecure`.
fn decide_own_images(case: &Case<'_>, outcome: &mut Outcome) -> Vec<&'static ImageField> {
    let annotations = Annotations::read(case.object, &mut outcome.faults);
    let before = case.old.map(Before::of);
    let mut idle = Role::ALL.map(|role| Some(role).filter(|role| annotations.says(*role) == Some(true)));
    let mut injected = Vec::new();
    for field in image_fields(Kind::BuildRun, case.version) {
        let image = match Image::read(case.object, field, &annotations) {
            Ok(Some(image)) => image,
            Ok(None) => continue,
            Err(fault) => {
                if !outcome.faults.contains(&fault) {
                    outcome.faults.push(fault);
                }
                continue;
            }
        };
        for role in idle.iter_mut().filter(|role| **role == Some(field.role)) {
            *role = None;
        }
        if before.as_ref().is_some_and(|before| before.had(&image)) {
            continue;
        }
        match image.resolve(case.settings) {
            None | Some(Ok(Resolution::Keep)) => {}
            Some(Err(fault)) => outcome.faults.push(fault),
            Some(Ok(Resolution::Wanting)) => outcome.faults.push(image.without_registry(case.settings)),
            Some(Ok(Resolution::Inject(text))) => {
                outcome.edits.set_text(field.image, &text);
                if field.role == Role::Output && !image.states_insecure {
                    injected.push(field);
                }
            }
        }
    }
    for role in idle.into_iter().flatten() {
        if before.as_ref().is_none_or(|before| before.annotations.says(role) != Some(true)) {
            outcome.warn(Remark::IdleAnnotation(role));
        }
    }
    injected
}

fn set_insecure(case: &Case<'_>, field: &ImageField, outcome: &mut Outcome) {
    outcome.edits.set_true(field.insecure);
    if case.version == Version::V1Alpha1 && field.path == OUTPUT.path {
        outcome.warn(Remark::InsecureDropped);
    }
}

/// Looks the named Build up where that matters, and resolves its output for a run that has none of
/// its own. Returns whether the Build says anything about `insecure`, which the run inherits.
fn decide_build(
    case: &Case<'_>,
    name_path: Path,
    name: &str,
    builds: &mut dyn BuildLookup,
    outcome: &mut Outcome,
) -> bool {
    let has_output = |object: &Node<'_>| matches!(object.at(OUTPUT.path), Ok(Some(_)));
    let own_output = has_output(case.object);
    if let Some(old) = case.old {
        let same_build = matches!(old.at(name_path), Ok(Some(before)) if before.text() == Some(name));
        // A run that loses its output falls back to that of the Build, which is as portable as ever.
        let lost_output = has_output(old) && !own_output;
        if same_build && !lost_output {
            return false;
        }
    }
    if !case.settings.lookup_builds {
        if !own_output {
            outcome.warn(Remark::NotLookedUp { path: name_path, name: name.to_owned() });
        }
        return false;
    }
    let text = match look_up(case, name, builds) {
        Ok(text) => text,
        Err(problem) => {
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
    let named = NamedBuild { case, name_path, name, build: &build };
    if !own_output {
        named.decide_output(outcome);
    }
    if !streams_source(case) {
        named.check_source(outcome);
    }
    named.check_builder(outcome);
    matches!(build.at(OUTPUT.insecure), Ok(Some(_)))
}

fn look_up(case: &Case<'_>, name: &str, builds: &mut dyn BuildLookup) -> Result<String, Problem> {
    if case.namespace.is_empty() {
        return Err(Problem::NoNamespace);
    }
    let missing = |remedy| Problem::NoSuchBuild { name: name.to_owned(), namespace: case.namespace.to_owned(), remedy };
    if !is_object_name(name) {
        return Err(missing("no object can have that name: write that of a Build in the run's namespace"));
    }
    builds.build(case.namespace, name).map_err(|error| match error {
        LookupError::NotFound => missing(error.remedy()),
        _ => Problem::Lookup {
            name: name.to_owned(),
            cause: error.cause().unwrap_or_default().to_owned(),
            remedy: error.remedy(),
        },
    })
}

fn unreadable(name: &str, cause: std::fmt::Arguments<'_>) -> Problem {
    Problem::LookupAnswer { name: name.to_owned(), cause: cause.to_string() }
}

/// Whether the run streams its own source, and so never uses that of its Build.
fn streams_source(case: &Case<'_>) -> bool {
    let (path, streamed) = fields::streamed_source(case.version);
    let is_streamed = |source: &Node<'_>| source.field("type").and_then(Node::text) == Some(streamed);
    match case.object.at(path) {
        Ok(Some(Node::Array(sources))) => sources.iter().any(is_streamed),
        Ok(Some(source)) => is_streamed(source),
        _ => false,
    }
}

/// The Build that a run names, in the stored version.
struct NamedBuild<'c> {
    case: &'c Case<'c>,
    name_path: Path,
    name: &'c str,
    build: &'c Node<'c>,
}

impl NamedBuild<'_> {
    fn decide_output(&self, outcome: &mut Outcome) {
        let image = match self.image(Role::Output) {
            Ok(Some(image)) => image,
            Ok(None) => return,
            Err(fault) => return self.push(fault, outcome),
        };
        match image.resolve(self.case.settings) {
            None | Some(Ok(Resolution::Keep)) => {}
            Some(Err(fault)) => self.push(fault, outcome),
            Some(Ok(Resolution::Wanting)) => self.push(image.without_registry(self.case.settings), outcome),
            Some(Ok(Resolution::Inject(text))) => {
                outcome.edits.set_text(OUTPUT.image, &text);
                if self.case.settings.insecure && !image.states_insecure {
                    set_insecure(self.case, &OUTPUT, outcome);
                }
            }
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
            Ok(Some(true)) => self.check_current(Role::Builder, text, outcome),
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
        let (name, text) = (self.name.to_owned(), text.to_owned());
        let problem = match &self.case.settings.host {
            Some(host) if is_at(&text, host) => return,
            Some(host) => Problem::StaleBuild { name, role, text, host: host.to_string() },
            None => {
                let help = Help(self.case.settings.help.clone());
                Problem::BuildWithoutRegistry { name, role, text, help }
            }
        };
        outcome.faults.push(Fault::new(self.name_path, problem));
    }

    fn push(&self, fault: Fault, outcome: &mut Outcome) {
        let problem = Problem::Build { name: self.name.to_owned(), fault: Box::new(fault) };
        outcome.faults.push(Fault::new(self.name_path, problem));
    }
}
