//! What a Secret says of its token: when it ends, how long it lives, and a seal over all that matters.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use local_registry_cluster::credentials::{
    EXPIRES, Fingerprint, Found, LIFETIME, Promise, SEAL, SecretContent, StoredSecret,
};

use super::wanted::Wanted;

/// Until when a token has to live at least, so that it is of use.
const SHORTEST: SignedDuration = SignedDuration::from_secs(60);
/// How much the clocks of machines may differ on which this program has run.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// When a token ends, and how long it lives.
///
/// Whoever may write Secrets of a namespace may forge it, with its seal. That keeps a Secret of theirs as it is for as long as a
/// token lives, and no longer: what ends later than any token of ours is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    expires: Timestamp,
    lifetime: SignedDuration,
}

impl Record {
    /// The record of a token that was just given; `None` if it is over by this program's clock. The one that counts is never later
    /// than what was asked for.
    pub(super) fn given(expires: Timestamp, now: Timestamp, asked: Duration) -> Option<Self> {
        let lifetime = expires.duration_since(now).min(SignedDuration::try_from(asked).unwrap_or(SignedDuration::MAX));
        let expires = now.checked_add(lifetime).ok()?;
        let whole = |time: Timestamp| Timestamp::from_second(time.as_second()).ok();
        let record = Self { expires: whole(expires)?, lifetime: SignedDuration::from_secs(lifetime.as_secs()) };
        (lifetime >= SHORTEST).then_some(record)
    }

    /// What a Secret says, if its seal fits it.
    pub(super) fn of(secret: &Found<StoredSecret>, account: &str, wanted: &Wanted) -> Option<Self> {
        let stored = secret.part();
        let expires = stored.expires()?.parse().ok()?;
        let lifetime = SignedDuration::from_secs(stored.lifetime()?.parse::<u32>().ok()?.into());
        let record = Self { expires, lifetime };
        let seal = record.seal(secret.uid(), account, wanted, stored.config()?);
        (stored.seal() == Some(seal.as_str())).then_some(record)
    }

    /// The content with this record in it.
    pub(super) fn sealed(&self, content: SecretContent, uid: &str, account: &str, wanted: &Wanted) -> SecretContent {
        let seal = self.seal(uid, account, wanted, content.config());
        content
            .with_annotation(EXPIRES, self.expires.to_string())
            .with_annotation(LIFETIME, self.lifetime.as_secs().to_string())
            .with_annotation(SEAL, seal)
    }

    /// What the account says of it.
    pub(super) fn promise(&self, wanted: &Wanted) -> Promise {
        Promise::new(self.expires.to_string(), wanted.host().to_string())
    }

    /// What fits only this record, in this Secret, with this configuration, for this account.
    fn seal(&self, uid: &str, account: &str, wanted: &Wanted, config: Fingerprint) -> String {
        let (expires, lifetime) = (self.expires.to_string(), self.lifetime.as_secs().to_string());
        let texts = [uid, account, &expires, &lifetime].map(str::as_bytes);
        let [uid, account, expires, lifetime] = texts;
        Fingerprint::of(&[uid, account, expires, lifetime, wanted.fingerprint().as_bytes(), config.as_bytes()]).to_hex()
    }

    /// When the token ends.
    pub(super) fn expires(&self) -> Timestamp {
        self.expires
    }

    /// When the token is renewed: at two thirds of its life, or up to a fifteenth of it earlier, so that a thousand tokens of one minute
    /// are not renewed in one second.
    pub(super) fn renewal(&self, namespace: &str) -> Timestamp {
        let random = Fingerprint::of(&[namespace.as_bytes(), self.expires.to_string().as_bytes()]);
        let part = random.as_bytes().first_chunk().map_or(0, |bytes| u16::from_be_bytes(*bytes));
        let early = self.lifetime.as_secs() / 15 * i64::from(part) / i64::from(u16::MAX);
        let left = SignedDuration::from_secs(self.lifetime.as_secs() / 3 + early);
        self.expires.checked_sub(left).unwrap_or(Timestamp::MIN)
    }

    /// Whether a token that lives for so long can end then.
    pub(super) fn is_plausible(&self, now: Timestamp, asked: Duration) -> bool {
        let longest = SignedDuration::try_from(asked).unwrap_or(SignedDuration::MAX).saturating_add(SKEW);
        self.expires.duration_since(now) <= longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn now() -> Timestamp {
        "2026-11-30T00:00:00.7Z".parse().unwrap()
    }

    fn after(seconds: i64) -> Timestamp {
        now().checked_add(SignedDuration::from_secs(seconds)).unwrap()
    }

    #[test]
    fn a_token_is_renewed_at_two_thirds_of_the_life_that_it_was_given() {
        for (given, lifetime) in [(86_400, 86_400), (3_600, 3_600), (365 * 86_400, 86_400)] {
            let record = Record::given(after(given), now(), DAY).unwrap();
            let mut renewals = Vec::new();
            for namespace in 0..1_000 {
                let second = record.renewal(&format!("team-{namespace}")).as_second() - now().as_second();
                assert!((lifetime * 3 / 5..=lifetime * 2 / 3).contains(&second), "{second} of {lifetime}");
                renewals.push(second);
            }
            renewals.sort_unstable();
            renewals.dedup();
            assert!(renewals.len() > 150, "{} different seconds", renewals.len());
        }
    }

    #[test]
    fn a_token_that_is_over_is_none() {
        for seconds in [-86_400, 0, 59] {
            assert_eq!(Record::given(after(seconds), now(), DAY), None);
        }
        assert!(Record::given(after(60), now(), DAY).is_some());
    }

    #[test]
    fn what_ends_later_than_any_token_is_not_believed() {
        let record = Record::given(after(86_400), now(), DAY).unwrap();
        assert!(record.is_plausible(now(), DAY) && record.is_plausible(after(-299), DAY));
        assert!(!record.is_plausible(after(-302), DAY) && !record.is_plausible(now(), Duration::from_hours(1)));
    }
}
