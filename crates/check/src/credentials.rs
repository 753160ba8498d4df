//! Whether the namespaces whose builds push have a credential that is good. The ServiceAccount of each says so, since `check` may not
//! read Secrets.

use std::collections::BTreeMap;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use local_registry_cluster::Cluster;
use local_registry_cluster::credentials::{Account, EXPIRES, Found, NAME, PUSH_LABEL, PushLabel};
use local_registry_cluster::namespaces::Asking;
use local_registry_core::Quoted;
use local_registry_declaration::Declared;

use crate::link::Link;
use crate::mislabelled::mislabelled;
use crate::names::Names;

const LINK: &str = "credentials";
/// With less than this, a token is about to end: a fifth of an hour. The account does not say how long its token lives. The shortest life
/// is an hour, by the chart and by what API servers can be told, and a token is renewed when at least a third of its life is left. So
/// renewals have failed for eight minutes then, or for longer.
const SHORT: SignedDuration = SignedDuration::from_mins(12);
const LOG: &str = "see the log of the Deployment registry-credentials, which makes and renews them";

/// The accounts that have the name of the credentials, by their namespaces.
type Accounts<'a> = BTreeMap<&'a str, &'a Found<Account>>;

/// The links of the credentials.
pub(super) async fn credentials(cluster: &Cluster, declared: Option<&Declared>) -> Vec<Link> {
    let mut namespaces = cluster.follow_namespaces::<PushLabel>(None);
    let mut accounts = cluster.follow_push::<Account>(None);
    tokio::join!(namespaces.news(), accounts.news());
    let (Some(asking), Some(seen)) = (Asking::of(&namespaces), accounts.seen()) else {
        let lost = namespaces.lost().or(accounts.lost());
        return lost.map(|lost| Link::warning(LINK, lost.error.clone())).into_iter().collect();
    };
    let accounts = seen.iter().filter_map(|(place, found)| Some((place.namespace.as_deref()?, found))).collect();
    links(&asking, &accounts, declared, Timestamp::now())
}

/// Without a declaration that can be used, credentials stay as they are, and it is not known which host they should be for.
fn links(asking: &Asking<'_>, accounts: &Accounts<'_>, declared: Option<&Declared>, now: Timestamp) -> Vec<Link> {
    let links = match declared.map(|declared| (declared, declared.for_pods())) {
        _ if asking.labelled.is_empty() => {
            let seen = format!("no namespace has the label {PUSH_LABEL}=true, so there are none");
            vec![Link::ok(LINK, seen).remedy("label those whose builds push")]
        }
        Some((declared, None)) => {
            let mut names = Names::default();
            asking.labelled.iter().for_each(|namespace| names.push(|| (*namespace).to_owned()));
            let seen = format!("there is none for the namespaces with the label {PUSH_LABEL} ({names}): {declared}");
            vec![Link::warning(LINK, seen)]
        }
        Some((_, Some(host))) => Survey::of(asking, accounts, Some(host.as_str()), now).links(),
        None => Survey::of(asking, accounts, None, now).links(),
    };
    links.into_iter().chain(mislabelled(LINK, PUSH_LABEL, &asking.mislabelled)).collect()
}

/// What the account of a namespace says of its credential.
enum State<'a> {
    /// It is good until then.
    Good(Timestamp),
    /// There is none.
    Missing,
    /// It has ended.
    Ended,
    /// It ends after so long, which is soon.
    Short(SignedDuration),
    /// It is for this host, and another one is declared.
    Elsewhere(&'a str),
    /// This should be a time.
    Unreadable(&'a str),
    /// The account is somebody else's.
    Foreign,
}

impl<'a> State<'a> {
    fn of(account: Option<&'a Found<Account>>, host: Option<&str>, now: Timestamp) -> Self {
        let Some(account) = account else { return Self::Missing };
        if !account.is_ours() {
            return Self::Foreign;
        }
        let promise = account.part().promise();
        let (Some(expires), Some(is_for), None) = (promise.expires(), promise.host(), account.ending()) else {
            return Self::Missing;
        };
        let Ok(time) = expires.parse::<Timestamp>() else { return Self::Unreadable(expires) };
        let left = time.duration_since(now);
        match host {
            Some(host) if host != is_for => Self::Elsewhere(is_for),
            _ if left <= SignedDuration::ZERO => Self::Ended,
            _ if left < SHORT => Self::Short(left),
            _ => Self::Good(time),
        }
    }
}

/// The credentials of all labelled namespaces, by what is wrong with them.
struct Survey<'a> {
    count: usize,
    host: Option<&'a str>,
    now: Timestamp,
    /// The one that ends first of those that are good.
    first: Option<(Timestamp, &'a str)>,
    missing: Names,
    ended: Names,
    short: Names,
    elsewhere: Names,
    unreadable: Names,
    foreign: Names,
}

impl<'a> Survey<'a> {
    fn of(asking: &Asking<'a>, accounts: &Accounts<'_>, host: Option<&'a str>, now: Timestamp) -> Self {
        let mut survey = Self {
            count: asking.labelled.len(),
            host,
            now,
            first: None,
            missing: Names::default(),
            ended: Names::default(),
            short: Names::default(),
            elsewhere: Names::default(),
            unreadable: Names::default(),
            foreign: Names::default(),
        };
        for namespace in &asking.labelled {
            survey.add(namespace, &State::of(accounts.get(namespace).copied(), host, now));
        }
        survey
    }

    fn add(&mut self, namespace: &'a str, state: &State<'_>) {
        let name = || namespace.to_owned();
        let quoting = |found: &str| format!("{namespace} ({})", Quoted(found));
        match state {
            State::Good(time) => {
                let this = (*time, namespace);
                self.first = Some(self.first.map_or(this, |first| first.min(this)));
            }
            State::Missing => self.missing.push(name),
            State::Ended => self.ended.push(name),
            State::Short(left) => self.short.push(|| format!("{namespace} (in {})", rounded(*left))),
            State::Elsewhere(found) => self.elsewhere.push(|| quoting(found)),
            State::Unreadable(found) => self.unreadable.push(|| quoting(found)),
            State::Foreign => self.foreign.push(name),
        }
    }

    /// One that fails for each fault, or the one that says that all is well.
    fn links(&self) -> Vec<Link> {
        let host = self.host.unwrap_or_default();
        let minutes = SHORT.as_mins();
        let faults = [
            (&self.missing, "none".to_owned(), LOG),
            (&self.ended, "one that has ended".to_owned(), LOG),
            (&self.short, format!("one that ends within {minutes} minutes, and should have been renewed"), LOG),
            (&self.elsewhere, format!("one for another host than {host}"), LOG),
            (
                &self.unreadable,
                format!(
                    "something else than a time, such as 2026-11-30T12:00:00Z, in the annotation {EXPIRES} of {NAME}"
                ),
                "see the log of the Deployment registry-credentials, which writes it anew",
            ),
            (
                &self.foreign,
                format!("a ServiceAccount {NAME} that somebody else has made"),
                "take the label from the namespace, or delete that ServiceAccount if nobody needs it",
            ),
        ];
        let found = faults.into_iter().filter(|(names, ..)| names.count() > 0).map(|(names, what, remedy)| {
            let seen = format!("{} of {} namespaces with the label have {what}: {names}", names.count(), self.count);
            Link::failed(LINK, seen).remedy(remedy)
        });
        let failed: Vec<Link> = found.collect();
        match self.first {
            Some((time, namespace)) if failed.is_empty() => {
                let namespaces =
                    if self.count == 1 { "1 namespace".to_owned() } else { format!("{} namespaces", self.count) };
                let left = rounded(time.duration_since(self.now));
                let seen = format!("{namespaces} may push; the first credential ends in {left} ({namespace})");
                vec![Link::ok(LINK, seen)]
            }
            _ => failed,
        }
    }
}

/// A time in a unit of which there are several, rounded down.
fn rounded(time: SignedDuration) -> String {
    match (time.as_mins(), time.as_hours()) {
        (minutes, _) if minutes < 120 => format!("{minutes} min"),
        (_, hours) if hours < 72 => format!("{hours} h"),
        (_, hours) => format!("{} d", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use local_registry_declaration::{AllowedHosts, Data};
    use serde_json::{Value, json};

    use super::*;

    const HOST: &str = "kind-registry:5000";
    const FIRST_LOG: &str = "; see the log of the Deployment registry-credentials, which makes and renews them";

    fn now() -> Timestamp {
        "2026-11-30T12:00:00Z".parse().unwrap()
    }

    fn account(expires: &str, host: &str) -> Value {
        json!({
            "metadata": {
                "labels": {"app.kubernetes.io/managed-by": "local-registry-credentials"},
                "annotations": {"local-registry-hosting/expires": expires, "local-registry-hosting/host": host},
            },
        })
    }

    fn after(seconds: i64) -> Value {
        account(&now().checked_add(SignedDuration::from_secs(seconds)).unwrap().to_string(), HOST)
    }

    fn declared(value: &str) -> Declared {
        let data: Data = [("localRegistryHosting.v1", value)].into_iter().collect();
        Declared::read(&data, &AllowedHosts::default()).unwrap()
    }

    /// The lines about labelled namespaces, of which null has no account.
    fn lines(found: &[(&str, Value)], declared: Option<&Declared>) -> Vec<String> {
        let asking = Asking { labelled: found.iter().map(|(name, _)| *name).collect(), ..Asking::default() };
        let there = found.iter().filter(|(_, account)| !account.is_null());
        let read = |account: &Value| serde_json::from_value(account.clone()).unwrap();
        let accounts: Vec<(&str, Found<Account>)> = there.map(|(name, account)| (*name, read(account))).collect();
        let accounts = accounts.iter().map(|(name, account)| (*name, account)).collect();
        links(&asking, &accounts, declared, now()).iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn check(found: &[(&str, Value)], expected: &[&str]) {
        let declared = declared(&format!("hostFromClusterNetwork: {HOST}"));
        assert_eq!(lines(found, Some(&declared)), expected);
    }

    #[test]
    fn credentials_that_are_good_are_counted() {
        check(
            &[],
            &[
                "✓ credentials: no namespace has the label local-registry-hosting/push=true, so there are none; label those whose builds push",
            ],
        );
        check(
            &[
                ("a", after(86_400 * 7)),
                ("b", after(3 * 3_600 + 59 * 60)),
                ("c", account("9999-12-30T22:00:00Z", HOST)),
            ],
            &["✓ credentials: 3 namespaces may push; the first credential ends in 3 h (b)"],
        );
        for (seconds, left) in [(12 * 60, "12 min"), (7_199, "119 min"), (7_200, "2 h"), (86_400 * 3, "3 d")] {
            let line = format!("✓ credentials: 1 namespace may push; the first credential ends in {left} (a)");
            check(&[("a", after(seconds))], &[&line]);
        }
    }

    #[test]
    fn each_fault_names_its_namespaces() {
        let of = |what: &str| format!("✗ credentials: 1 of 1 namespaces with the label have {what}: team");
        let fails =
            |account: Value, what: &str, rest: &str| check(&[("team", account)], &[&format!("{}{rest}", of(what))]);
        let mut ending = after(3_600);
        ending["metadata"]["deletionTimestamp"] = json!("2026-11-30T12:00:00Z");
        for none in [Value::Null, account("", ""), account("2026-11-30T13:00:00Z", ""), account("", HOST), ending] {
            fails(none, "none", FIRST_LOG);
        }
        for ended in [after(0), after(-1), account("-009999-01-02T01:59:59Z", HOST)] {
            fails(ended, "one that has ended", FIRST_LOG);
        }
        let soon = "one that ends within 12 minutes, and should have been renewed";
        fails(after(12 * 60 - 1), soon, &format!(" (in 11 min){FIRST_LOG}"));
        fails(after(1), soon, &format!(" (in 0 min){FIRST_LOG}"));
        let other = format!("one for another host than {HOST}");
        fails(account("2026-11-30T13:00:00Z", "old.io"), &other, &format!(" (`old.io`){FIRST_LOG}"));
        fails(
            account("tomorrow", HOST),
            "something else than a time, such as 2026-11-30T12:00:00Z, in the annotation local-registry-hosting/expires of local-registry-push",
            " (`tomorrow`); see the log of the Deployment registry-credentials, which writes it anew",
        );
        let mut foreign = after(3_600);
        foreign["metadata"]["labels"] = json!({});
        fails(
            foreign,
            "a ServiceAccount local-registry-push that somebody else has made",
            "; take the label from the namespace, or delete that ServiceAccount if nobody needs it",
        );
    }

    #[test]
    fn nobody_hides_others_or_writes_to_the_terminal() {
        let mut found: Vec<(String, Value)> =
            (0..8).map(|index| (format!("loud-{index}"), account(&"\u{1b}[31m\n".repeat(10_000), HOST))).collect();
        found.push(("loud-host".to_owned(), account("2026-11-30T13:00:00Z", &"`x\u{202e}".repeat(10_000))));
        found.push(("quiet".to_owned(), after(-1)));
        found.push(("well".to_owned(), after(3_600)));
        let found: Vec<(&str, Value)> = found.iter().map(|(name, account)| (name.as_str(), account.clone())).collect();
        let lines = lines(&found, Some(&declared(&format!("hostFromClusterNetwork: {HOST}"))));
        let quiet =
            format!("✗ credentials: 1 of 11 namespaces with the label have one that has ended: quiet{FIRST_LOG}");
        assert_eq!((lines.len(), &lines[0]), (3, &quiet));
        assert!(lines[2].starts_with("✗ credentials: 8 of 11 ") && lines[2].contains(" and 3 more; "), "{lines:#?}");
        for line in lines {
            assert!(line.chars().count() < 3_000 && !line.contains(char::is_control), "{line}");
            assert!(!line.contains('\u{202e}'), "{line}");
        }
    }

    #[test]
    fn what_is_declared_decides() {
        let found = [("team", after(3_600))];
        let none = Declared::absent();
        let expected = format!(
            "! credentials: there is none for the namespaces with the label local-registry-hosting/push (team): {none}"
        );
        assert_eq!(lines(&found, Some(&none)), [expected]);
        // A declaration that cannot be used changes no credential.
        let expected = "✓ credentials: 1 namespace may push; the first credential ends in 60 min (team)";
        assert_eq!(lines(&[("team", after(3_600))], None), [expected]);
        assert_eq!(lines(&[("team", account("2026-11-30T13:00:00Z", "old.io"))], None), [expected]);
    }
}
