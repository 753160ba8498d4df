//! What keeps a policy from doing its work, by its own spec.

use local_registry_core::Quoted;

use super::resources::Resources;
use super::spec::PolicySpec;
use crate::selector::Selector;

/// A field that makes a policy do nothing unless it has one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protection<'a> {
    /// Its name.
    pub field: &'static str,
    /// Its value.
    pub found: &'a str,
    /// The value that it should have.
    pub expected: &'static str,
    /// What happens with another value.
    pub otherwise: &'static str,
}

impl Protection<'_> {
    /// Whether the field has the value that it should have.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.found == self.expected
    }
}

impl PolicySpec {
    /// The fields that make a policy about these resources do nothing unless they have one value. Kubewarden's CRD and the API
    /// server default `mode` and `failurePolicy` to it.
    #[must_use]
    pub fn protections(&self, about: Resources) -> Vec<Protection<'_>> {
        let mut all = vec![
            Protection {
                field: "mode",
                found: self.mode.as_deref().unwrap_or("protect"),
                expected: "protect",
                otherwise: "the policy is asked, but its answers are ignored",
            },
            Protection {
                field: "failurePolicy",
                found: self.failure_policy.as_deref().unwrap_or("Fail"),
                expected: "Fail",
                otherwise: "an image that cannot be resolved goes to Docker Hub",
            },
        ];
        if about == Resources::LabelledWorkloads {
            all.push(Protection {
                field: "settings.imagesWithoutRegistry",
                found: self.settings.images_without_registry.as_deref().unwrap_or("asWritten"),
                expected: "local",
                otherwise: "an image without a registry stays as it is, and the guard refuses it",
            });
        }
        all
    }

    /// What keeps a policy about these resources from doing its work, as parts of a sentence about it.
    #[must_use]
    pub fn faults(&self, about: Resources) -> Vec<String> {
        let protections = self.protections(about).into_iter().filter(|protection| !protection.holds());
        let mut faults: Vec<String> = protections
            .map(|Protection { field, found, expected, .. }| {
                format!("its {field} is {}, not {expected}", Quoted(found))
            })
            .collect();
        let left_out = self.left_out(about);
        if !left_out.is_empty() {
            faults.push(format!("its rules leave out {left_out}"));
        }
        if let Some(selector) = self.object_selector().ok().flatten().filter(Selector::is_impossible) {
            faults.push(format!("it sees only objects with {selector}, which nothing has"));
        }
        faults
    }
}
