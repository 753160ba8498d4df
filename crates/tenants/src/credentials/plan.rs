//! What is to be done in each namespace, decided without I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use local_registry_cluster::credentials::{Account, Found, Part, Promise};

use super::record::Record;
use super::report::{CredentialObject, CredentialResult};
use super::step::{AccountStep, BindingStep, Job, Provision, Remains, SecretStep, Step, Withdrawal};
use super::survey::{Holding, Survey};
use super::wanted::Wanted;

/// By what is decided whether a token is good.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    /// What credentials are for, if there is anything.
    pub(super) wanted: Option<&'a Wanted>,
    /// How long tokens are to live.
    pub(super) lifetime: Duration,
    pub(super) now: Timestamp,
    /// When the token of a namespace is to be renewed by what this program knows, whatever its Secret says by now.
    pub(super) renewals: &'a BTreeMap<String, Timestamp>,
}

/// The step of each namespace that asks for a credential, or has something of ours. One that is being deleted has none.
pub(super) fn plan<'a>(terms: Terms<'_>, survey: &Survey<'a>) -> BTreeMap<&'a str, Step> {
    let Survey { asking, holdings } = survey;
    let all: BTreeSet<&str> = asking.labelled.iter().chain(holdings.keys()).copied().collect();
    let step = |namespace: &'a str| {
        let holding = holdings.get(namespace).copied().unwrap_or_default();
        let is_asked = asking.labelled.contains(namespace);
        let step = if is_asked { Some(asked(terms, namespace, holding)) } else { unasked(holding) };
        step.map(|step| (namespace, step))
    };
    all.into_iter().filter(|namespace| !asking.terminating.contains(namespace)).filter_map(step).collect()
}

/// What is to be done where a credential is asked for.
fn asked(terms: Terms<'_>, namespace: &str, holding: Holding<'_>) -> Step {
    let Holding { account, binding, secret } = holding;
    let Some(wanted) = terms.wanted else { return without_registry(holding) };
    if is_foreign(account) {
        return Step::LeaveAlone(CredentialObject::ServiceAccount);
    }
    if is_foreign(secret) {
        let object = CredentialObject::Secret;
        return disclaimed(account, CredentialResult::LeftAlone { object }, Step::LeaveAlone(object));
    }
    if let Some((object, finalizers)) = ending(holding) {
        let wait = Step::Wait(object, finalizers.clone());
        // Meanwhile the account promises nothing, whatever somebody writes into it.
        return disclaimed(account, CredentialResult::Ending { object, finalizers }, wait);
    }
    let binding = match binding {
        Some(found) if !found.is_ours() || found.part().is_right(namespace) => BindingStep::Keep,
        Some(found) if !found.part().has_role() => BindingStep::Replace(found.clone()),
        _ => BindingStep::Apply,
    };
    let uid = account.map(Found::uid);
    let secret = match secret {
        None => SecretStep::Make,
        Some(found) if !found.part().is_writable() => SecretStep::Replace(found.clone()),
        Some(found) => {
            let record = uid.and_then(|uid| Record::of(found, uid, wanted));
            let record = record.filter(|record| record.is_plausible(terms.now, terms.lifetime));
            match record.filter(|record| wanted.has_authority(found.part()) && is_in_time(terms, namespace, *record)) {
                Some(record) => SecretStep::Keep(record),
                None => SecretStep::Fill { uid: found.uid().to_owned(), old: record },
            }
        }
    };
    match (account_step(account, &secret, wanted), binding, secret) {
        (AccountStep::Keep(_), BindingStep::Keep, SecretStep::Keep(record)) => Step::Keep(record),
        (account, binding, secret) => Job::Provide(Provision { account, binding, secret }).into(),
    }
}

/// Lets the account promise nothing, if it still promises something; otherwise, this step.
fn disclaimed(account: Option<&Found<Account>>, result: CredentialResult, otherwise: Step) -> Step {
    promising(account).map_or(otherwise, |uid| Job::Disclaim(uid, result).into())
}

/// What is to be done about the account before the Secret is written. Until then, it promises the token that is still there, or nothing for
/// this host; what it says of another host is nothing for this one.
fn account_step(account: Option<&Found<Account>>, secret: &SecretStep, wanted: &Wanted) -> AccountStep {
    let there = match secret {
        SecretStep::Keep(record) | SecretStep::Fill { old: Some(record), .. } => record.promise(wanted),
        _ => Promise::default(),
    };
    let uid = account.map(|found| found.uid().to_owned());
    let found = account.map(Found::part).filter(|account| account.is_right()).map(Account::promise);
    let is_kept = found.is_some_and(|found| {
        let is_silent = found.expires().is_none() || found.host() != Some(wanted.host().as_str());
        *found == there || is_silent && !matches!(secret, SecretStep::Keep(_))
    });
    match uid {
        Some(uid) if is_kept => AccountStep::Keep(uid),
        Some(uid) if found.is_some() => AccountStep::Promise { uid, promise: there },
        uid => AccountStep::Apply { uid, promise: there },
    }
}

/// Whether a token is not to be renewed yet.
fn is_in_time(terms: Terms<'_>, namespace: &str, record: Record) -> bool {
    let known = terms.renewals.get(namespace).copied().unwrap_or(Timestamp::MAX);
    terms.now < record.renewal(namespace).min(known)
}

/// A token is for nobody then. The account and its right stay: they cost nothing, and are the same for the next registry.
fn without_registry(Holding { account, secret, .. }: Holding<'_>) -> Step {
    let withdrawal = Withdrawal { account: promising(account), secret: still_ours(secret) };
    if withdrawal.account.is_some() || withdrawal.secret.is_some() {
        return Job::Withdraw(withdrawal).into();
    }
    match secret.filter(|secret| secret.is_ours()).and_then(Found::ending) {
        Some(finalizers) => Step::Wait(CredentialObject::Secret, finalizers.to_vec()),
        None => Step::GoWithout,
    }
}

/// The `uid` of an account of ours that promises something.
fn promising(account: Option<&Found<Account>>) -> Option<String> {
    let promising = still_ours(account).filter(|found| *found.part().promise() != Promise::default());
    promising.map(|found| found.uid().to_owned())
}

/// What is to be done where nobody asks for a credential; `None` if nothing there is ours.
pub(super) fn unasked(holding: Holding<'_>) -> Option<Step> {
    let remains = Remains {
        account: still_ours(holding.account),
        binding: still_ours(holding.binding),
        secret: still_ours(holding.secret),
    };
    if remains.account.is_some() || remains.binding.is_some() || remains.secret.is_some() {
        return Some(Job::Remove(remains).into());
    }
    ending(holding).map(|(object, finalizers)| Step::Wait(object, finalizers))
}

fn is_foreign<T: Part>(found: Option<&Found<T>>) -> bool {
    found.is_some_and(|found| !found.is_ours())
}

/// One of ours that is not being deleted yet.
fn still_ours<T: Part>(found: Option<&Found<T>>) -> Option<Found<T>> {
    found.filter(|found| found.is_ours() && found.ending().is_none()).cloned()
}

/// What of ours is being deleted, and its finalizers.
fn ending(holding: Holding<'_>) -> Option<(CredentialObject, Vec<String>)> {
    fn of<T: Part>(found: Option<&Found<T>>) -> Option<Vec<String>> {
        found.filter(|found| found.is_ours()).and_then(Found::ending).map(<[String]>::to_vec)
    }
    let secret = of(holding.secret).map(|finalizers| (CredentialObject::Secret, finalizers));
    let account = || of(holding.account).map(|finalizers| (CredentialObject::ServiceAccount, finalizers));
    let binding = || of(holding.binding).map(|finalizers| (CredentialObject::RoleBinding, finalizers));
    secret.or_else(account).or_else(binding)
}

#[cfg(test)]
mod tests {
    use local_registry_cluster::credentials::{Binding, SecretContent, StoredSecret};
    use local_registry_cluster::namespaces::Asking;
    use serde_json::{Value, json};

    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn now() -> Timestamp {
        "2026-11-30T00:00:00Z".parse().unwrap()
    }

    fn after(duration: Duration) -> Timestamp {
        now().checked_add(duration).unwrap()
    }

    fn wanted(host: &str) -> Wanted {
        Wanted::new(host.parse().unwrap(), None)
    }

    fn found<T: Part>(mut object: Value, uid: &str) -> Found<T> {
        object["metadata"]["uid"] = json!(uid);
        object["metadata"]["labels"] = json!({"app.kubernetes.io/managed-by": "local-registry-credentials"});
        serde_json::from_value(object).unwrap()
    }

    /// The same as somebody else would have made it.
    fn foreign<T: Part>(object: Value) -> Found<T> {
        serde_json::from_value(object).unwrap()
    }

    /// An account that promises the token of `secret`.
    fn account() -> Value {
        promising("2026-12-01T00:00:00Z", "reg.io")
    }

    fn promising(expires: &str, host: &str) -> Value {
        let annotations = json!({"local-registry-hosting/expires": expires, "local-registry-hosting/host": host});
        json!({"automountServiceAccountToken": false, "metadata": {"annotations": annotations}})
    }

    fn binding() -> Value {
        let role =
            json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "local-registry-push"});
        let subject = json!({"kind": "ServiceAccount", "name": "local-registry-push", "namespace": "team"});
        json!({"roleRef": role, "subjects": [subject]})
    }

    /// A Secret whose token was given now, and lives for a day.
    fn secret() -> (Value, Record) {
        let wanted = wanted("reg.io");
        let record = Record::given(after(DAY), now(), DAY).unwrap();
        let content = record.sealed(wanted.content("token"), "s", "a", &wanted);
        let text = |value: Option<&str>| value.unwrap().to_owned();
        let stored = content.stored();
        let annotations = json!({
            "local-registry-hosting/expires": text(stored.expires()),
            "local-registry-hosting/lifetime": text(stored.lifetime()),
            "local-registry-hosting/seal": text(stored.seal()),
        });
        let entry = json!({"username": "local-registry-push", "password": "token", "auth": "bG9jYWwtcmVnaXN0cnktcHVzaDp0b2tlbg=="});
        let config = json!({"auths": {"reg.io": entry, "local-registry:5000": entry}}).to_string();
        assert_eq!(SecretContent::new(&config, None).config(), content.config());
        let config = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, config);
        let object = json!({
            "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": config},
            "metadata": {"annotations": annotations},
        });
        (object, record)
    }

    /// A namespace with all that it should have.
    struct Team {
        account: Option<Found<Account>>,
        binding: Option<Found<Binding>>,
        secret: Option<Found<StoredSecret>>,
        now: Timestamp,
        host: Option<&'static str>,
        lifetime: Duration,
        known: Option<Timestamp>,
    }

    impl Team {
        fn new() -> Self {
            Self {
                account: Some(found(account(), "a")),
                binding: Some(found(binding(), "b")),
                secret: Some(found(secret().0, "s")),
                now: now(),
                host: Some("reg.io"),
                lifetime: DAY,
                known: None,
            }
        }

        fn step(&self, asking: Asking<'static>) -> Option<Step> {
            let wanted = self.host.map(wanted);
            let renewals = self.known.map(|known| ("team".to_owned(), known)).into_iter().collect();
            let terms = Terms { wanted: wanted.as_ref(), lifetime: self.lifetime, now: self.now, renewals: &renewals };
            let holding = Holding {
                account: self.account.as_ref(),
                binding: self.binding.as_ref(),
                secret: self.secret.as_ref(),
            };
            let survey = Survey { asking, holdings: BTreeMap::from([("team", holding)]) };
            plan(terms, &survey).remove("team")
        }

        fn asked(&self) -> Step {
            self.step(Asking { labelled: BTreeSet::from(["team"]), ..Asking::default() }).unwrap()
        }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Team), expected: &Step) {
        let mut team = Team::new();
        change(&mut team);
        assert_eq!(&team.asked(), expected);
    }

    fn provide(account: AccountStep, binding: BindingStep, secret: SecretStep) -> Step {
        Job::Provide(Provision { account, binding, secret }).into()
    }

    fn kept(uid: &str) -> AccountStep {
        AccountStep::Keep(uid.to_owned())
    }

    /// An account that is applied with a promise of this record.
    fn applied(uid: Option<&str>, record: Option<Record>) -> AccountStep {
        let promise = record.map(|record| record.promise(&wanted("reg.io"))).unwrap_or_default();
        match uid.map(ToOwned::to_owned) {
            Some(uid) => AccountStep::Promise { uid, promise },
            None => AccountStep::Apply { uid: None, promise },
        }
    }

    fn fill(old: Option<Record>) -> SecretStep {
        SecretStep::Fill { uid: "s".to_owned(), old }
    }

    #[test]
    fn a_token_is_kept_until_it_is_to_be_renewed() {
        let (_, record) = secret();
        let keep = Step::Keep(record);
        let renew = |old| provide(kept("a"), BindingStep::Keep, fill(old));
        let anew = |uid| provide(applied(Some(uid), None), BindingStep::Keep, fill(None));
        check(|_| {}, &keep);
        check(|team| team.now = after(Duration::from_secs(86_400 * 3 / 5 - 1)), &keep);
        check(|team| team.now = after(DAY * 2 / 3), &renew(Some(record)));
        check(|team| team.now = after(DAY * 2), &renew(Some(record)));
        check(|team| team.known = Some(now()), &renew(Some(record)));
        check(|team| team.known = Some(after(DAY * 2)), &keep);
        check(|team| team.host = Some("other.io"), &renew(None));
        check(|team| team.lifetime = DAY / 2, &anew("a"));
        check(|team| team.lifetime = DAY * 2, &keep);
        // The account was made anew, and no token of the one before is worth anything.
        check(|team| team.account = Some(found(account(), "another")), &anew("another"));
        check(|team| team.account = None, &provide(applied(None, None), BindingStep::Keep, fill(None)));
        for (place, value) in [
            ("/data/.dockerconfigjson", json!("e30=")),
            ("/metadata/annotations/local-registry-hosting~1expires", json!("2026-11-30T23:00:00Z")),
            ("/metadata/annotations/local-registry-hosting~1lifetime", json!("1")),
            ("/metadata/annotations/local-registry-hosting~1seal", json!("")),
        ] {
            let mut changed = secret().0;
            *changed.pointer_mut(place).unwrap() = value;
            check(|team| team.secret = Some(found(changed, "s")), &anew("a"));
        }
    }

    #[test]
    fn an_account_promises_what_there_is_and_never_more() {
        let (_, record) = secret();
        let with = |promise: Value| move |team: &mut Team| team.account = Some(found(promise, "a"));
        let put_right = provide(applied(Some("a"), Some(record)), BindingStep::Keep, SecretStep::Keep(record));
        let silent = || json!({"automountServiceAccountToken": false});
        for wrong in [
            silent(),
            promising("2026-12-01T00:00:00Z", "other.io"),
            promising("2999-01-01T00:00:00Z", "reg.io"),
            promising(&"9".repeat(100_000), "reg.io"),
        ] {
            check(with(wrong), &put_right);
        }
        // Before a renewal, it may promise less, and what it promises for another host is nothing for this one.
        let renewed = |account| provide(account, BindingStep::Keep, fill(Some(record)));
        for less in [silent(), promising("", ""), promising("2999-01-01T00:00:00Z", "other.io"), account()] {
            let late = |team: &mut Team| {
                with(less)(team);
                team.now = after(DAY * 2 / 3);
            };
            check(late, &renewed(kept("a")));
        }
        let late = |team: &mut Team| {
            with(promising("2999-01-01T00:00:00Z", "reg.io"))(team);
            team.now = after(DAY * 2 / 3);
        };
        check(late, &renewed(applied(Some("a"), Some(record))));
    }

    #[test]
    fn what_is_missing_or_changed_is_made_or_put_right() {
        let (right, record) = secret();
        let keep = SecretStep::Keep(record);
        check(|team| team.binding = None, &provide(kept("a"), BindingStep::Apply, keep.clone()));
        let mut other = binding();
        other["subjects"][0]["namespace"] = json!("other");
        check(|team| team.binding = Some(found(other, "b")), &provide(kept("a"), BindingStep::Apply, keep.clone()));
        let mut two = binding();
        two["subjects"].as_array_mut().unwrap().push(json!({"kind": "Group", "name": "system:authenticated"}));
        check(|team| team.binding = Some(found(two, "b")), &provide(kept("a"), BindingStep::Apply, keep.clone()));
        let mut admin = binding();
        admin["roleRef"]["name"] = json!("admin");
        let replace = BindingStep::Replace(found(admin.clone(), "b"));
        check(|team| team.binding = Some(found(admin, "b")), &provide(kept("a"), replace, keep.clone()));
        let put_right = AccountStep::Apply { uid: Some("a".to_owned()), promise: record.promise(&wanted("reg.io")) };
        check(|team| team.account = Some(found(json!({}), "a")), &provide(put_right, BindingStep::Keep, keep));
        // Until there is a token again, none is promised.
        let none = || applied(Some("a"), None);
        check(|team| team.secret = None, &provide(none(), BindingStep::Keep, SecretStep::Make));
        for (key, value) in [("type", json!("Opaque")), ("immutable", json!(true))] {
            let mut frozen = right.clone();
            frozen[key] = value;
            let replace = SecretStep::Replace(found(frozen.clone(), "s"));
            check(|team| team.secret = Some(found(frozen, "s")), &provide(none(), BindingStep::Keep, replace));
        }
    }

    #[test]
    fn what_is_not_ours_or_is_ending_is_left_alone() {
        let (right, record) = secret();
        check(|team| team.account = Some(foreign(account())), &Step::LeaveAlone(CredentialObject::ServiceAccount));
        let object = CredentialObject::Secret;
        let disclaimed = |result| Job::Disclaim("a".to_owned(), result).into();
        check(|team| team.secret = Some(foreign(right.clone())), &disclaimed(CredentialResult::LeftAlone { object }));
        let silent = || Some(found(promising("", ""), "a"));
        let replaced = |team: &mut Team| (team.account, team.secret) = (silent(), Some(foreign(right.clone())));
        check(replaced, &Step::LeaveAlone(object));
        check(|team| team.binding = Some(foreign(json!({}))), &Step::Keep(record));
        let ending = |mut object: Value| {
            object["metadata"]["deletionTimestamp"] = json!("2026-11-30T00:00:00Z");
            object["metadata"]["finalizers"] = json!(["f"]);
            object
        };
        let wait = |object| Step::Wait(object, vec!["f".to_owned()]);
        check(|team| team.account = Some(found(ending(account()), "a")), &wait(CredentialObject::ServiceAccount));
        let object = CredentialObject::RoleBinding;
        let finalizers = vec!["f".to_owned()];
        let disclaims = disclaimed(CredentialResult::Ending { object, finalizers });
        let goes = Some(found(ending(binding()), "b"));
        check(|team| team.binding = goes.clone(), &disclaims);
        check(|team| (team.account, team.binding) = (silent(), goes), &wait(object));
        let object = CredentialObject::Secret;
        let goes = Some(found(ending(right), "s"));
        let finalizers = vec!["f".to_owned()];
        check(|team| team.secret = goes.clone(), &disclaimed(CredentialResult::Ending { object, finalizers }));
        check(|team| (team.account, team.secret) = (silent(), goes), &wait(object));
    }

    #[test]
    fn without_a_registry_or_a_label_only_what_is_ours_goes() {
        let mut team = Team { host: None, ..Team::new() };
        let withdrawal = Withdrawal { account: Some("a".to_owned()), secret: team.secret.clone() };
        assert_eq!(team.asked(), Job::Withdraw(withdrawal.clone()).into());
        team.secret = Some(foreign(secret().0));
        assert_eq!(team.asked(), Job::Withdraw(Withdrawal { secret: None, ..withdrawal }).into());
        team.account = Some(found(promising("", ""), "a"));
        assert_eq!(team.asked(), Step::GoWithout);
        let remains = Remains { account: team.account.clone(), binding: team.binding.clone(), secret: None };
        assert_eq!(team.step(Asking::default()), Some(Job::Remove(remains.clone()).into()));
        let mislabelled = Asking { mislabelled: BTreeMap::from([("team", "yes")]), ..Asking::default() };
        assert_eq!(team.step(mislabelled), Some(Job::Remove(remains).into()));
        let terminating = Asking { terminating: BTreeSet::from(["team"]), ..Asking::default() };
        assert_eq!(team.step(terminating), None);
        (team.account, team.binding) = (Some(foreign(account())), None);
        assert_eq!(team.step(Asking::default()), None);
    }
}
