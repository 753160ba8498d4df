//! How an image was built, by SLSA's two forms of provenance.

use serde_json::Value;

use super::source::plain_source;

/// The predicate types (<https://slsa.dev/spec>).
const V0_2: &str = "https://slsa.dev/provenance/v0.2";
const V1: &str = "https://slsa.dev/provenance/v1";

/// Where parameters of a build name the source, the best place first. Each kind of build has its own.
const SOURCES: [&str; 6] = [
    "/workflow/repository",
    "/source",
    "/source/uri",
    "/configSource/uri",
    "/buildConfigSource/repository",
    "/repository",
];

/// Who built an image, and from what.
///
/// ```
/// use local_registry_signatures::Provenance;
///
/// let provenance = Provenance {
///     builder: "https://github.com/actions/runner/github-hosted".to_owned(),
///     source: Some("https://github.com/team/app".to_owned()),
/// };
/// assert_eq!(provenance.source.as_deref(), Some("https://github.com/team/app"));
/// ```
///
/// Of SLSA 0.2, `builder.id` and `invocation.configSource.uri`. Of SLSA 1, `runDetails.builder.id`, and from
/// `buildDefinition.externalParameters` the first that is there of `workflow.repository`, `source`, `source.uri`,
/// `configSource.uri`, `buildConfigSource.repository` and `repository`. Never the materials, which say what was used, not what was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Who built it, as it is written there.
    pub builder: String,
    /// The repository that was built, without `git+` before, without `@…` or `#…` after it, and without `.git`.
    pub source: Option<String>,
}

impl Provenance {
    /// Reads a predicate. `None` if it is of another type, or names no builder.
    pub(super) fn parse(predicate_type: &str, predicate: &Value) -> Option<Self> {
        let (builder, source) = match predicate_type {
            V0_2 => (text(predicate, "/builder/id"), text(predicate, "/invocation/configSource/uri")),
            V1 => {
                let parameters = predicate.pointer("/buildDefinition/externalParameters");
                let source = parameters.and_then(|all| SOURCES.iter().find_map(|at| text(all, at)));
                (text(predicate, "/runDetails/builder/id"), source)
            }
            _ => return None,
        };
        Some(Self { builder: builder?.to_owned(), source: source.map(plain_source) })
    }
}

/// A text that is not empty.
fn text<'a>(value: &'a Value, at: &str) -> Option<&'a str> {
    value.pointer(at).and_then(Value::as_str).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(predicate_type: &str, predicate: &Value, expected: Option<(&str, Option<&str>)>) {
        let expected = expected
            .map(|(builder, source)| Provenance { builder: builder.to_owned(), source: source.map(str::to_owned) });
        assert_eq!(Provenance::parse(predicate_type, predicate), expected, "{predicate}");
    }

    #[test]
    fn slsa_0_2_is_read() {
        let predicate = json!({
            "builder": {"id": "https://builder.example"},
            "invocation": {"configSource": {"uri": "git+https://github.com/team/app@refs/heads/main"}},
            "materials": [{"uri": "git+https://github.com/team/library"}],
        });
        check(V0_2, &predicate, Some(("https://builder.example", Some("https://github.com/team/app"))));
        check(V1, &predicate, None);
        check("https://slsa.dev/provenance/v0.2/", &predicate, None);
    }

    #[test]
    fn slsa_1_names_the_source_in_one_of_several_places() {
        let with = |parameters: Value| {
            json!({
                "buildDefinition": {
                    "externalParameters": parameters,
                    "resolvedDependencies": [{"uri": "git+https://github.com/team/library"}],
                },
                "runDetails": {"builder": {"id": "b"}},
            })
        };
        for parameters in [
            json!({"workflow": {"repository": "https://x.example/app"}, "source": "other", "repository": "other"}),
            json!({"source": "git+https://x.example/app@refs/heads/main"}),
            json!({"source": {"uri": "https://x.example/app.git"}, "configSource": {"uri": "other"}}),
            json!({"configSource": {"uri": "https://x.example/app#v1"}}),
            json!({"buildConfigSource": {"repository": "https://x.example/app", "ref": "refs/heads/main"}}),
            json!({"repository": "https://x.example/app"}),
        ] {
            check(V1, &with(parameters), Some(("b", Some("https://x.example/app"))));
        }
        for parameters in [json!({}), json!(null), json!({"source": 1}), json!({"workflow": "x", "source": ""})] {
            check(V1, &with(parameters), Some(("b", None)));
        }
    }

    #[test]
    fn without_a_builder_there_is_no_provenance() {
        for predicate in [json!({}), json!(null), json!({"builder": {"id": ""}}), json!({"builder": {"id": 1}})] {
            check(V0_2, &predicate, None);
            check(V1, &json!({"runDetails": predicate}), None);
        }
    }
}
