//! What the policy sets beside the image of a local output: plain HTTP and a push secret, where nobody states them.

use super::fields::{ImageField, OUTPUT, Version};
use super::messages::BuildWarning;
use super::request::BuildRequest;
use crate::admission::{Outcome, Settings};
use crate::json::Node;

/// What an output states beside its image, so that the policy does not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stated {
    /// `insecure`, as true or as false.
    pub(super) insecure: bool,
    /// A push secret.
    pub(super) push_secret: bool,
}

impl Stated {
    /// Nothing is known of it, so that it may state everything.
    pub(super) const UNKNOWN: Self = Self { insecure: true, push_secret: true };
    /// A Build that a new run names, and that is not looked at. It may state a secret. A run that pushes by plain HTTP has to say so,
    /// whatever its Build says.
    pub(super) const NOT_LOOKED_UP: Self = Self { insecure: false, push_secret: true };

    /// What an output, as the object of a request or a stored one has it, states. A Secret without a name is none.
    pub(super) fn read(output: &Node<'_>) -> Self {
        let credentials = output.field("credentials").and_then(|credentials| credentials.field("name"));
        let names_one = |name: Option<&Node<'_>>| name.and_then(Node::text).is_some_and(|name| !name.is_empty());
        Self {
            insecure: output.field("insecure").is_some(),
            push_secret: names_one(output.field("pushSecret")) || names_one(credentials),
        }
    }

    /// What this output states, or the one that Shipwright takes the rest from.
    pub(super) fn or(self, other: Self) -> Self {
        Self { insecure: self.insecure || other.insecure, push_secret: self.push_secret || other.push_secret }
    }
}

/// What a run's output gets with the registry: what the settings have and nobody states.
pub(super) struct Defaults<'r> {
    insecure: bool,
    push_secret: Option<&'r str>,
}

impl<'r> Defaults<'r> {
    pub(super) fn of(settings: &'r Settings, stated: Stated) -> Self {
        Self {
            insecure: settings.insecure && !stated.insecure,
            push_secret: settings.push_secret.as_deref().filter(|_| !stated.push_secret),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.insecure && self.push_secret.is_none()
    }

    /// Sets them beside the image, and warns of what Shipwright will not use.
    pub(super) fn set(&self, field: &ImageField, request: &BuildRequest<'_>, outcome: &mut Outcome) {
        // What is embedded is all that Shipwright has, and not in the place of anything.
        let is_of_run = field.path == OUTPUT.path;
        if self.insecure {
            outcome.edits.set_true(field.insecure);
            if is_of_run && request.version == Version::V1Alpha1 {
                outcome.warn(&BuildWarning::InsecureDropped);
            }
        }
        if let Some(name) = self.push_secret {
            let path = field.push_secret(request.version);
            outcome.edits.set_text(path, name);
            if is_of_run {
                outcome.warn(&BuildWarning::PushSecretOfRun { path, name });
            }
        }
    }
}
