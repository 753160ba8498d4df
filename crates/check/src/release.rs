//! What to do about what the chart installs.

/// How to get back what this version ships: the remedy of what is missing, or was changed. `values` are those that install it.
pub(crate) fn upgrade(values: &str) -> String {
    format!("upgrade the release with the chart of this version ({values})")
}
