//! The Build that a BuildRun names, and what the run takes from it: output, source and builder.

use super::annotation::{Annotations, mark_of};
use super::before::Before;
use super::fields::{self, Kind, OUTPUT, Role, Version, image_fields};
use super::image::Image;
use super::lookup::{BuildLookup, LookupError, is_object_name};
use super::messages::Problem;
use super::remark::Remark;
use super::run_output::{has_output, set_insecure};
use super::{Case, mask, output};
use crate::admission::Outcome;
use crate::json::{Node, Path};
use crate::message::Fault;
use crate::registry::{Resolution, named_registry};

/// A BuildRun that names a Build.
pub(super) struct NamingRun<'c> {
    pub(super) case: &'c Case<'c>,
    pub(super) name: &'c str,
    pub(super) annotations: Annotations,
}

impl NamingRun<'_> {
    fn name_path(&self) -> Path {
        fields::build_name(self.case.version)
    }

    /// Whether the run now takes something from the Build that it had of its own before an UPDATE.
    pub(super) fn takes_more_than(&self, before: &Before<'_>) -> bool {
        let (object, version) = (self.case.object, self.case.version);
        let lost = |has: &dyn Fn(&Node<'_>) -> bool| has(before.object) && !has(object);
        lost(&has_output)
            || lost(&|object| streams_source(object, version))
            || lost(&sets_builder)
            || self.marks_inherited() && !before.annotations.say_local(Role::Output)
    }

    /// Whether the run's own annotation says that the output that it inherits is local.
    fn marks_inherited(&self) -> bool {
        !has_output(self.case.object) && self.annotations.say_local(Role::Output)
    }
}

/// Looks the Build up, and resolves its output for a run that has none of its own. Returns whether the Build says
/// anything about `insecure`, which the run inherits.
pub(super) fn decide(run: &NamingRun<'_>, builds: &mut dyn BuildLookup, outcome: &mut Outcome) -> bool {
    let NamingRun { case, name, .. } = *run;
    let own_output = has_output(case.object);
    if !case.settings.lookup_builds {
        if run.marks_inherited() {
            outcome.faults.push(Problem::InheritedNotLookedUp { name }.at(Role::Output.annotation_path()));
        } else if !own_output {
            outcome.warn(&Remark::NotLookedUp { path: run.name_path(), name });
        }
        return false;
    }
    let text = match look_up(run, builds) {
        Ok(text) => text,
        Err(NoBuild::Yet) => {
            outcome.warn(&Remark::NoSuchBuildYet { path: run.name_path(), name, namespace: case.namespace });
            return false;
        }
        Err(NoBuild::Fault(fault)) => {
            outcome.faults.push(fault);
            return false;
        }
    };
    let build = match Node::parse(&text, mask::STORED_BUILD) {
        Ok(build @ Node::Object(_)) => build,
        Ok(other) => {
            let cause = format_args!("it is {}", other.type_name());
            outcome.faults.push(Problem::LookupAnswer { name, cause }.at(run.name_path()));
            return false;
        }
        Err(error) => {
            let cause = format_args!("{error}");
            outcome.faults.push(Problem::LookupAnswer { name, cause }.at(run.name_path()));
            return false;
        }
    };
    let named = NamedBuild { run, build: &build };
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

/// Why there is no Build to look at.
enum NoBuild {
    /// The Build may be created by the same dry run, which stores nothing.
    Yet,
    Fault(Fault),
}

fn look_up(run: &NamingRun<'_>, builds: &mut dyn BuildLookup) -> Result<String, NoBuild> {
    let NamingRun { case, name, .. } = *run;
    let namespace = case.namespace;
    let fault = |problem: &Problem<'_>| NoBuild::Fault(problem.at(run.name_path()));
    let missing = |remedy| fault(&Problem::NoSuchBuild { name, namespace, remedy });
    if namespace.is_empty() {
        return Err(fault(&Problem::NoNamespace));
    }
    if !is_object_name(name) {
        return Err(missing("no object can have that name: write that of a Build in the run's namespace"));
    }
    builds.build(namespace, name).map_err(|error| match error {
        LookupError::NotFound if case.is_dry_run => NoBuild::Yet,
        LookupError::NotFound => missing(error.remedy()),
        _ => fault(&Problem::Lookup { name, cause: error.cause().unwrap_or_default(), remedy: error.remedy() }),
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

/// Whether a run sets the parameter in which Shipwright stores a v1alpha1 builder, and so never uses that of its Build.
fn sets_builder(run: &Node<'_>) -> bool {
    let Ok(Some(Node::Raw(text))) = run.at(fields::PARAMETERS) else { return false };
    let Ok(Node::Array(parameters)) = Node::parse(text, mask::PARAMETER_NAMES) else { return false };
    parameters.iter().any(is_builder)
}

/// The builder that Shipwright stored for a v1alpha1 Build. Of two such parameters, the last one counts: the conversion
/// puts the builder after the Build's own parameters, and later parameters override earlier ones.
fn stored_builder<'n>(build: &'n Node<'_>) -> Option<&'n str> {
    let Ok(Some(Node::Array(parameters))) = build.at(fields::PARAMETERS) else { return None };
    parameters.iter().rfind(|parameter| is_builder(parameter))?.field("value")?.text()
}

/// Whether a parameter is the one in which Shipwright stores a v1alpha1 builder.
fn is_builder(parameter: &Node<'_>) -> bool {
    parameter.field("name").and_then(Node::text) == Some(fields::BUILDER_PARAMETER)
}

/// The Build that a run names, in the stored version.
struct NamedBuild<'c> {
    run: &'c NamingRun<'c>,
    build: &'c Node<'c>,
}

impl NamedBuild<'_> {
    /// Resolves the output for a run that inherits it.
    fn decide_output(&self, outcome: &mut Outcome) {
        let case = self.run.case;
        let mut image = match self.image(Role::Output) {
            Ok(Some(image)) => image,
            Ok(None) if self.run.marks_inherited() => return outcome.warn(&Remark::IdleAnnotation(Role::Output)),
            Ok(None) => return,
            Err(fault) => return self.push(fault, outcome),
        };
        if self.run.marks_inherited() {
            image.claim_for_run();
        }
        match image.resolve(case.settings) {
            None => output::check(case, &image, Some(self.run.name), self.run.name_path(), outcome),
            Some(Ok(Resolution::Keep)) => {}
            Some(Err(fault)) => self.push(fault, outcome),
            Some(Ok(Resolution::NoRegistry)) => self.push(image.without_registry(case.settings), outcome),
            Some(Ok(Resolution::Inject(text))) => {
                outcome.edits.set_text(OUTPUT.image, &text);
                if case.settings.insecure && !image.states_insecure {
                    set_insecure(case, &OUTPUT, outcome);
                }
            }
        }
    }

    /// Rejects the output that a run would have inherited, without the registry: another webhook removed it.
    fn check_own_output(&self, outcome: &mut Outcome) {
        let own = Image::read(self.run.case.object, &OUTPUT, self.run.annotations);
        let (Ok(Some(own)), Ok(Some(inherited))) = (own, self.image(Role::Output)) else { return };
        let before = self.run.case.old.and_then(|old| old.at(OUTPUT.image).ok().flatten()).and_then(Node::text);
        let is_stripped = before != Some(own.text())
            && !own.is_local()
            && named_registry(own.text()).is_none()
            && own.text() == inherited.text();
        if is_stripped && inherited.is_local() {
            let problem = Problem::InheritedWithoutRegistry { text: own.text(), name: self.run.name };
            outcome.faults.push(problem.at(OUTPUT.image));
        }
    }

    fn check_source(&self, outcome: &mut Outcome) {
        match self.image(Role::Source) {
            Ok(Some(image)) if image.is_local() => self.check_current(Role::Source, image.text(), outcome),
            Ok(_) => {}
            Err(fault) => self.push(fault, outcome),
        }
    }

    /// Shipwright stores the builder of a v1alpha1 Build as a parameter. That it was local is known only by the
    /// annotation that the policy recorded.
    fn check_builder(&self, outcome: &mut Outcome) {
        let Some(text) = stored_builder(self.build) else { return };
        match mark_of(self.build, Role::Builder) {
            Ok(Some(mark)) if mark.is_local() => self.check_current(Role::Builder, text, outcome),
            Ok(_) => {}
            Err(fault) => self.push(fault, outcome),
        }
    }

    fn image(&self, role: Role) -> Result<Option<Image<'_>>, Fault> {
        let annotations = Annotations::of(role, mark_of(self.build, role)?);
        match image_fields(Kind::Build, Version::V1Beta1).iter().find(|field| field.role == role) {
            Some(field) => Image::read(self.build, field, annotations),
            None => Ok(None),
        }
    }

    /// Rejects a local image of the Build that the run cannot override and that is not at the cluster's registry.
    fn check_current(&self, role: Role, text: &str, outcome: &mut Outcome) {
        let name = self.run.name;
        let settings = self.run.case.settings;
        let help = settings.help.as_deref();
        let host = settings.host.as_ref().map(AsRef::as_ref);
        let problem = match (host, role) {
            (Some(host), _) if named_registry(text) == Some(host) => return,
            (Some(host), Role::Builder) => Problem::StaleBuilder { name, text, host },
            (Some(host), _) => Problem::StaleSource { name, text, host },
            (None, Role::Builder) => Problem::BuilderWithoutRegistry { name, text, help },
            (None, _) => Problem::SourceWithoutRegistry { name, text, help },
        };
        outcome.faults.push(problem.at(self.run.name_path()));
    }

    /// Adds a fault of the Build to those of the run.
    fn push(&self, fault: Fault, outcome: &mut Outcome) {
        let problem = Problem::Build { name: self.run.name, fault };
        outcome.faults.push(problem.at(self.run.name_path()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builder_is_found_among_the_parameters() {
        let check = |parameters: &str, expected: Option<&str>| {
            let build = format!(r#"{{"spec":{{"paramValues":{parameters}}}}}"#);
            assert_eq!(stored_builder(&Node::parse(&build, mask::STORED_BUILD).unwrap()), expected, "{parameters}");
        };
        check(r#"[{"name":"a","value":"b"},{"name":"builder-image","value":"x/y"}]"#, Some("x/y"));
        check(r#"[{"name":"builder-image","value":"x/y"},{"name":"builder-image","value":"y/z"}]"#, Some("y/z"));
        check(r#"[{"name":"builder-image","configMapValue":{}}]"#, None);
        check(r#"[{"name":"builder-image","value":7}]"#, None);
        check(r#"{"name":"builder-image","value":"x/y"}"#, None);
        check("null", None);
    }
}
