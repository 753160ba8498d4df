//! Whether the namespaces whose builds push have a credential that is good. The ServiceAccount of each says so, since `check` may not
//! read their Secrets.

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
/// A token with less than this left should have been renewed at least eight minutes ago. No token is asked for that lives for less than an
/// hour (`--lifetime`), and it is renewed while a third of that, 20 minutes, is left.
const SHORT: SignedDuration = SignedDuration::from_mins(12);
/// No token lives for longer than a year (`--lifetime`), and clocks differ a little.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 366);

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
            let seen = format!("no namespace has the label {PUSH_LABEL}=true");
            vec![Link::ok(LINK, seen).remedy("label those whose builds push")]
        }
        Some((declared, None)) => {
            let mut names = Names::default();
            asking.labelled.iter().for_each(|namespace| names.push(|| (*namespace).to_owned()));
            let seen = format!("there is none for the namespaces with the label {PUSH_LABEL} ({names}): {declared}");
            vec![Link::warning(LINK, seen)]
        }
        Some((_, Some(host))) => Survey::of(asking, accounts, Some(host.as_str()), now).links(Some(host.as_str()), now),
        None => Survey::of(asking, accounts, None, now).links(None, now),
    };
    links
        .into_iter()
        .chain(left_over(asking, accounts))
        .chain(mislabelled(LINK, PUSH_LABEL, &asking.mislabelled))
        .collect()
}

/// The link of namespaces whose label is gone, and whose credential is not.
fn left_over(asking: &Asking<'_>, accounts: &Accounts<'_>) -> Option<Link> {
    let mut names = Names::default();
    let ours = accounts.iter().filter(|(_, account)| account.is_ours()).map(|(namespace, _)| *namespace);
    let is_asked_for = |namespace: &str| asking.labelled.contains(namespace) || asking.terminating.contains(namespace);
    ours.filter(|namespace| !is_asked_for(namespace)).for_each(|namespace| names.push(|| namespace.to_owned()));
    (names.count() > 0).then(|| {
        Link::warning(LINK, format!("namespaces without the label {PUSH_LABEL}=true still have one: {names}"))
            .remedy("see the log of the Deployment registry-credentials, which takes it away")
    })
}

/// What is wrong with the credential of a namespace, as the links have it in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    Missing,
    Ended,
    /// It ends soon.
    Short,
    /// It is for another host than the one that is declared.
    Elsewhere,
    /// When it ends cannot be read.
    Unreadable,
    /// The account is somebody else's.
    Foreign,
}

impl Fault {
    /// What the namespaces have. `host` is declared.
    fn what(self, host: &str) -> String {
        match self {
            Self::Missing => "none".to_owned(),
            Self::Ended => "one that has ended".to_owned(),
            Self::Short => {
                format!("one that ends within {} minutes, and should have been renewed", SHORT.as_mins())
            }
            Self::Elsewhere => format!("one for another host than {host}"),
            Self::Unreadable => format!(
                "something else than a time within a year, such as 2026-11-30T12:00:00Z, in the annotation {EXPIRES} of {NAME}"
            ),
            Self::Foreign => format!("a ServiceAccount {NAME} that somebody else has made"),
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::Missing | Self::Ended | Self::Short | Self::Elsewhere => {
                "see the log of the Deployment registry-credentials, which makes and renews them"
            }
            Self::Unreadable => "see the log of the Deployment registry-credentials, which writes it anew",
            Self::Foreign => "take the label from the namespace, or delete that ServiceAccount if nobody needs it",
        }
    }
}

/// When the credential of a namespace ends, by what its account says.
///
/// # Errors
/// What is wrong with it, and what is to be added to the namespace's name.
fn judge(account: Option<&Found<Account>>, host: Option<&str>, now: Timestamp) -> Result<Timestamp, (Fault, String)> {
    let plain = |fault| (fault, String::new());
    let quoting = |fault, found: &str| (fault, format!(" ({})", Quoted(found)));
    let account = account.ok_or_else(|| plain(Fault::Missing))?;
    if !account.is_ours() {
        return Err(plain(Fault::Foreign));
    }
    let promise = account.part().promise();
    let (Some(expires), Some(is_for), None) = (promise.expires(), promise.host(), account.ending()) else {
        return Err(plain(Fault::Missing));
    };
    let time: Timestamp = expires.parse().map_err(|_| quoting(Fault::Unreadable, expires))?;
    let left = time.duration_since(now);
    match host {
        Some(host) if host != is_for => Err(quoting(Fault::Elsewhere, is_for)),
        _ if left <= SignedDuration::ZERO => Err(plain(Fault::Ended)),
        _ if left > LONGEST => Err(quoting(Fault::Unreadable, expires)),
        _ if left < SHORT => Err((Fault::Short, format!(" (in {})", rounded(left)))),
        _ => Ok(time),
    }
}

/// The credentials of all labelled namespaces.
struct Survey<'a> {
    count: usize,
    /// The one that ends first of those that are good.
    first: Option<(Timestamp, &'a str)>,
    faults: BTreeMap<Fault, Names>,
}

impl<'a> Survey<'a> {
    fn of(asking: &Asking<'a>, accounts: &Accounts<'_>, host: Option<&str>, now: Timestamp) -> Self {
        let mut survey = Self { count: asking.labelled.len(), first: None, faults: BTreeMap::new() };
        for namespace in &asking.labelled {
            match judge(accounts.get(namespace).copied(), host, now) {
                Ok(time) => {
                    let this = (time, *namespace);
                    survey.first = Some(survey.first.map_or(this, |first| first.min(this)));
                }
                Err((fault, detail)) => {
                    survey.faults.entry(fault).or_default().push(|| format!("{namespace}{detail}"));
                }
            }
        }
        survey
    }

    /// One that fails for each fault, or the one that says that all is well.
    fn links(&self, host: Option<&str>, now: Timestamp) -> Vec<Link> {
        let of_fault = |(fault, names): (&Fault, &Names)| {
            let what = fault.what(host.unwrap_or_default());
            let seen = format!("{} of {} namespaces with the label have {what}: {names}", names.count(), self.count);
            Link::failed(LINK, seen).remedy(fault.remedy())
        };
        match self.first {
            Some((time, namespace)) if self.faults.is_empty() => {
                let namespaces = if self.count == 1 { "namespace has" } else { "namespaces have" };
                let left = rounded(time.duration_since(now));
                let seen = format!("{} {namespaces} one; the first ends in {left} ({namespace})", self.count);
                // Without a host, nothing that is declared can be read.
                vec![match host {
                    Some(_) => Link::ok(LINK, seen),
                    None => Link::warning(LINK, format!("{seen}, and none is made or renewed now"))
                        .remedy("see the line ConfigMap"),
                }]
            }
            _ => self.faults.iter().map(of_fault).collect(),
        }
    }
}

/// In minutes below two hours, in hours below three days, or else in days; rounded down.
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

    /// The lines about these namespaces, of which null has no account. All but `unlabelled` have the label.
    fn lines(found: &[(&str, Value)], declared: Option<&Declared>) -> Vec<String> {
        let labelled = found.iter().map(|(name, _)| *name).filter(|name| *name != "unlabelled").collect();
        let asking = Asking { labelled, ..Asking::default() };
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
                "✓ credentials: no namespace has the label local-registry-hosting/push=true; label those whose builds push",
            ],
        );
        check(
            &[
                ("a", after(86_400 * 7)),
                ("b", after(3 * 3_600 + 59 * 60)),
                ("c", account("2027-11-30T12:00:00Z", HOST)),
            ],
            &["✓ credentials: 3 namespaces have one; the first ends in 3 h (b)"],
        );
        for (seconds, left) in [(12 * 60, "12 min"), (7_199, "119 min"), (7_200, "2 h"), (86_400 * 3, "3 d")] {
            let line = format!("✓ credentials: 1 namespace has one; the first ends in {left} (a)");
            check(&[("a", after(seconds))], &[&line]);
        }
    }

    #[test]
    fn a_credential_without_a_label_is_named() {
        check(
            &[("unlabelled", after(3_600))],
            &[
                "✓ credentials: no namespace has the label local-registry-hosting/push=true; label those whose builds push",
                "! credentials: namespaces without the label local-registry-hosting/push=true still have one: unlabelled; see the log of the Deployment registry-credentials, which takes it away",
            ],
        );
        let mut foreign = after(3_600);
        foreign["metadata"]["labels"] = json!({});
        check(
            &[("team", after(3_600)), ("unlabelled", foreign)],
            &["✓ credentials: 1 namespace has one; the first ends in 60 min (team)"],
        );
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
        for forged in ["9999-12-30T22:00:00Z", "2027-12-02T12:00:00Z"] {
            let what = "something else than a time within a year, such as 2026-11-30T12:00:00Z, in the annotation local-registry-hosting/expires of local-registry-push";
            let log = "; see the log of the Deployment registry-credentials, which writes it anew";
            fails(account(forged, HOST), what, &format!(" (`{forged}`){log}"));
        }
        fails(
            account("tomorrow", HOST),
            "something else than a time within a year, such as 2026-11-30T12:00:00Z, in the annotation local-registry-hosting/expires of local-registry-push",
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
        let expected = "! credentials: 1 namespace has one; the first ends in 60 min (team), and none is made or renewed now; see the line ConfigMap";
        assert_eq!(lines(&[("team", after(3_600))], None), [expected]);
        assert_eq!(lines(&[("team", account("2026-11-30T13:00:00Z", "old.io"))], None), [expected]);
    }
}
