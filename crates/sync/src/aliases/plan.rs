//! What is to be done in each namespace.

use std::collections::{BTreeMap, BTreeSet};

use local_registry_cluster::aliases::{ALIAS, Alias};

/// What is to be done about the alias of one namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing: it is as it should be.
    Keep,
    /// It is missing, or leads elsewhere.
    Apply,
    /// It is ours, and somebody has made something else than a name of it.
    Replace(Alias),
    /// It is ours, and should not be there.
    Delete(Alias),
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
) -> BTreeMap<&'a str, Step> {
    let asked = labelled.iter().map(|namespace| {
        let ours = aliases.get(namespace).filter(|alias| alias.is_ours());
        let step = match (target, aliases.get(namespace), ours) {
            // The registry itself has that name there.
            (Some(target), _, None) if is_alias_of(namespace, target) => Step::Keep,
            (Some(target), _, Some(alias)) if is_alias_of(namespace, target) => Step::Delete((*alias).clone()),
            (Some(target), Some(alias), _) if alias.leads_to(target) => Step::Keep,
            (Some(_), _, Some(alias)) if alias.is_name() => Step::Apply,
            (Some(_), _, Some(alias)) => Step::Replace((*alias).clone()),
            (Some(_), None, None) => Step::Apply,
            (Some(_), Some(_), None) => Step::LeaveAlone,
            (None, _, Some(alias)) => Step::Delete((*alias).clone()),
            (None, _, None) => Step::GoWithout,
        };
        (*namespace, step)
    });
    let left = aliases.iter().filter(|(namespace, alias)| alias.is_ours() && !labelled.contains(*namespace));
    left.map(|(namespace, alias)| (*namespace, Step::Delete((*alias).clone()))).chain(asked).collect()
}

/// Whether this name is that of the alias itself.
fn is_alias_of(namespace: &str, target: &str) -> bool {
    let rest = target.strip_prefix(ALIAS).and_then(|rest| rest.strip_prefix('.'));
    rest.and_then(|rest| rest.strip_prefix(namespace)).is_some_and(|rest| rest.starts_with(".svc."))
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
        let ours_with_port = alias(r#"{"type": "NodePort"}"#, "local-registry-sync");
        let foreign = alias(r#"{"type": "ClusterIP"}"#, "Helm");
        let foreign_alike = alias(&right, "Helm");
        let check = |target, is_labelled, alias: Option<&Alias>, expected: Option<Step>| {
            let labelled = if is_labelled { BTreeSet::from(["team"]) } else { BTreeSet::new() };
            let aliases = alias.into_iter().map(|alias| ("team", alias)).collect();
            assert_eq!(plan(target, &labelled, &aliases).get("team").cloned(), expected, "{target:?} {alias:?}");
        };
        check(Some(HOST), true, None, Some(Step::Apply));
        check(Some(HOST), true, Some(&ours), Some(Step::Keep));
        check(Some(HOST), true, Some(&ours_elsewhere), Some(Step::Apply));
        check(Some(HOST), true, Some(&ours_with_port), Some(Step::Replace(ours_with_port.clone())));
        check(Some(HOST), true, Some(&foreign), Some(Step::LeaveAlone));
        check(Some(HOST), true, Some(&foreign_alike), Some(Step::Keep));
        check(None, true, None, Some(Step::GoWithout));
        check(None, true, Some(&ours), Some(Step::Delete(ours.clone())));
        check(None, true, Some(&foreign), Some(Step::GoWithout));
        for target in [Some(HOST), None] {
            check(target, false, None, None);
            check(target, false, Some(&ours), Some(Step::Delete(ours.clone())));
            check(target, false, Some(&ours_elsewhere), Some(Step::Delete(ours_elsewhere.clone())));
            check(target, false, Some(&foreign), None);
            check(target, false, Some(&foreign_alike), None);
        }
    }

    #[test]
    fn the_registry_itself_may_have_the_name() {
        let registry = alias(r#"{"type": "ClusterIP"}"#, "Helm");
        let (labelled, aliases) = (BTreeSet::from(["infra", "inf", "team"]), BTreeMap::from([("infra", &registry)]));
        let steps = plan(Some("local-registry.infra.svc.cluster.local"), &labelled, &aliases);
        assert_eq!(steps, BTreeMap::from([("inf", Step::Apply), ("infra", Step::Keep), ("team", Step::Apply)]));
    }
}
