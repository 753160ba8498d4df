//! A tree beside an earlier state of it: which tags move, and what is new.

use std::collections::{HashMap, HashSet};

use super::edge::Edge;
use super::finding::{Finding, Severity};
use super::tree::Tree;
use local_registry_core::{Digest, Tag};

impl Tree {
    /// Every tag that names another digest than in an earlier state. A tag that people pull must not move.
    ///
    /// `name` is what the earlier state is called in messages.
    #[must_use]
    pub fn moved_tags(&self, base: &Self, name: &str) -> Vec<Finding> {
        let before: HashMap<(String, Tag), Digest> =
            base.edges().filter_map(|edge| Some(((edge.target.identity(), edge.tag?), edge.digest))).collect();
        let mut findings: Vec<Finding> = Vec::new();
        for (edge, location) in self.located_edges() {
            let Some(tag) = edge.tag.clone() else { continue };
            let Some(digest) =
                before.get(&(edge.target.identity(), tag.clone())).filter(|digest| **digest != edge.digest)
            else {
                continue;
            };
            let message =
                format!("the tag `{tag}` moves: `{}` is {digest} in {name}; use another tag", edge.target_image());
            findings.push(Finding { location: location.clone(), severity: Severity::Error, message });
        }
        findings
    }

    /// The edges that an earlier state does not have.
    #[must_use]
    pub fn new_edges(&self, base: &Self) -> Vec<Edge> {
        let before: HashSet<Edge> = base.edges().collect();
        self.edges().filter(|edge| !before.contains(edge)).collect()
    }
}
