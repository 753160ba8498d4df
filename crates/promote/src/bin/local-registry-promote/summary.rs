//! How many edges have which state.

use std::fmt;

use local_registry_promote::State;

/// How many edges have which state. Prints as `2 there, 1 copy`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Summary(Vec<(&'static str, usize)>);

impl Summary {
    /// Counts an edge.
    pub(crate) fn add(&mut self, state: &State) {
        match self.0.iter_mut().find(|(name, _)| *name == state.name()) {
            Some((_, count)) => *count += 1,
            None => self.0.push((state.name(), 1)),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing to promote");
        }
        let counts: Vec<String> = self.0.iter().map(|(name, count)| format!("{count} {name}")).collect();
        f.write_str(&counts.join(", "))
    }
}
