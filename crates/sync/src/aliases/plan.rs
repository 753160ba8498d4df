//! What is to be done in each namespace.

use std::collections::{BTreeMap, BTreeSet};

use local_registry_cluster::aliases::Alias;

/// What is to be done about the alias of one namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// Nothing: it is as it should be.
    Keep,
    /// It is missing, or leads elsewhere.
    Apply,
    /// It is ours, and should not be there.
    Delete(&'a Alias),
    /// Nothing: a Service of that name is there that somebody else has made.
    LeaveAlone,
    /// Nothing: there is nothing that it could lead to.
    GoWithout,
}

/// The step of each namespace that has the label or an alias of ours. `target` is what aliases lead to, if there is anything.
///
/// ```
/// use std::collections::{BTreeMap, BTreeSet};
/// use local_registry_sync::aliases::{Step, plan};
///
/// let labelled = BTreeSet::from(["team"]);
/// let steps = plan(Some("registry.infra.svc.cluster.local"), &labelled, &BTreeMap::new());
/// assert_eq!(steps, BTreeMap::from([("team", Step::Apply)]));
/// ```
#[must_use]
pub fn plan<'a>(
    target: Option<&str>,
    labelled: &BTreeSet<&'a str>,
    aliases: &BTreeMap<&'a str, &'a Alias>,
) -> BTreeMap<&'a str, Step<'a>> {
    let asked = labelled.iter().map(|namespace| {
        let step = match (target, aliases.get(namespace)) {
            (Some(target), Some(alias)) if alias.leads_to(target) => Step::Keep,
            (Some(_), Some(alias)) if alias.is_ours() => Step::Apply,
            (Some(_), None) => Step::Apply,
            (Some(_), Some(_)) => Step::LeaveAlone,
            (None, Some(alias)) if alias.is_ours() => Step::Delete(alias),
            (None, _) => Step::GoWithout,
        };
        (*namespace, step)
    });
    let left = aliases.iter().filter(|(namespace, alias)| alias.is_ours() && !labelled.contains(*namespace));
    left.map(|(namespace, alias)| (*namespace, Step::Delete(alias))).chain(asked).collect()
}

#[cfg(test)]
mod tests {
    use local_registry_cluster::follow::Content;

    use super::*;

    const HOST: &str = "registry.infra.svc.cluster.local";

    fn alias(text: &str, managed_by: &str) -> Alias {
        let mut alias: Alias = serde_json::from_str(text).unwrap();
        alias.note_label(managed_by);
        alias
    }

    #[test]
    fn only_what_is_ours_is_touched() {
        let right = format!(r#"{{"type": "ExternalName", "externalName": "{HOST}"}}"#);
        let ours = alias(&right, "local-registry-sync");
        let ours_elsewhere =
            alias(r#"{"type": "ExternalName", "externalName": "evil.example"}"#, "local-registry-sync");
        let foreign = alias(r#"{"type": "ClusterIP"}"#, "Helm");
        let foreign_alike = alias(&right, "Helm");
        let check = |target, is_labelled, alias: Option<&Alias>, expected: Option<Step<'_>>| {
            let labelled = if is_labelled { BTreeSet::from(["team"]) } else { BTreeSet::new() };
            let aliases = alias.into_iter().map(|alias| ("team", alias)).collect();
            assert_eq!(plan(target, &labelled, &aliases).get("team").copied(), expected, "{target:?} {alias:?}");
        };
        check(Some(HOST), true, None, Some(Step::Apply));
        check(Some(HOST), true, Some(&ours), Some(Step::Keep));
        check(Some(HOST), true, Some(&ours_elsewhere), Some(Step::Apply));
        check(Some(HOST), true, Some(&foreign), Some(Step::LeaveAlone));
        check(Some(HOST), true, Some(&foreign_alike), Some(Step::Keep));
        check(None, true, None, Some(Step::GoWithout));
        check(None, true, Some(&ours), Some(Step::Delete(&ours)));
        check(None, true, Some(&foreign), Some(Step::GoWithout));
        for target in [Some(HOST), None] {
            check(target, false, None, None);
            check(target, false, Some(&ours), Some(Step::Delete(&ours)));
            check(target, false, Some(&ours_elsewhere), Some(Step::Delete(&ours_elsewhere)));
            check(target, false, Some(&foreign), None);
            check(target, false, Some(&foreign_alike), None);
        }
    }
}
