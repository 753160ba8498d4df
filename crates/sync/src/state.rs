//! What a cluster declares, in a word.

use local_registry_declaration::Declared;
use serde::Serialize;

/// What a cluster declares, in a word.
///
/// ```
/// use local_registry_sync::State;
///
/// assert_eq!(State::NotForPods.name(), "not-for-pods");
/// assert!(State::NotForPods.is_usable() && !State::Unusable.is_usable());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The ConfigMap could not be read.
    Unknown,
    /// The ConfigMap cannot be understood, or declares a host that is not allowed.
    Unusable,
    /// There is no ConfigMap.
    Absent,
    /// The ConfigMap declares no registry for pods.
    NotForPods,
    /// The ConfigMap declares a registry for pods.
    Registry,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Unknown, Self::Unusable, Self::Absent, Self::NotForPods, Self::Registry];

    /// The state as JSON and metrics name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Unusable => "unusable",
            Self::Absent => "absent",
            Self::NotForPods => "not-for-pods",
            Self::Registry => "registry",
        }
    }

    /// Whether policies can be reconciled with it.
    #[must_use]
    pub fn is_usable(self) -> bool {
        !matches!(self, Self::Unknown | Self::Unusable)
    }
}

impl From<&Declared> for State {
    fn from(declared: &Declared) -> Self {
        match declared.for_pods() {
            _ if !declared.is_there() => Self::Absent,
            None => Self::NotForPods,
            Some(_) => Self::Registry,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_names_states_as_metrics_do() {
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
    }
}
