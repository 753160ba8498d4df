//! What may have to be done in a namespace, as values.

use jiff::Timestamp;
use local_registry_cluster::credentials::{Account, Binding, Found, Promise, StoredSecret};

use super::record::Record;
use super::report::{CredentialObject, CredentialResult};

/// What is to be done about the credential of one namespace.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Nothing: it is as it should be.
    Keep(Record),
    /// Nothing: there is no registry, and no Secret of ours.
    GoWithout,
    /// Nothing: this is there, and somebody else has made it.
    LeaveAlone(CredentialObject),
    /// Nothing: this is being deleted, and has these finalizers.
    Wait(CredentialObject, Vec<String>),
    /// Something.
    Do(Box<Job>),
}

/// What is to be written or deleted in one namespace.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Job {
    /// Some of the credential is missing, old, or not as it should be.
    Provide(Provision),
    /// There is no registry: its Secret goes.
    Withdraw(Withdrawal),
    /// The account with this `uid` promises a token, and its Secret is somebody else's, or is being deleted.
    Disclaim(String, CredentialResult),
    /// Nobody asks for it: what there is of it goes.
    Remove(Remains),
}

impl From<Job> for Step {
    fn from(job: Job) -> Self {
        Self::Do(Box::new(job))
    }
}

impl Job {
    /// Whether something goes.
    pub(super) fn is_removal(&self) -> bool {
        matches!(self, Self::Remove(_) | Self::Withdraw(_) | Self::Disclaim(..))
    }

    /// When the token ends that is still there, if one is.
    pub(super) fn expires(&self) -> Option<Timestamp> {
        match self {
            Self::Provide(Provision { secret: SecretStep::Keep(record), .. }) => Some(record.expires()),
            Self::Provide(Provision { secret: SecretStep::Fill { old, .. }, .. }) => old.map(|old| old.expires()),
            _ => None,
        }
    }
}

/// What is missing of a credential, or not as it should be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Provision {
    pub(super) account: AccountStep,
    pub(super) binding: BindingStep,
    pub(super) secret: SecretStep,
}

/// What is to be done about an account before its Secret is. After a new token is in the Secret, the account is applied once more, with a
/// promise of that token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum AccountStep {
    /// Nothing: the one with this `uid` is as it should be.
    Keep(String),
    /// It is to be applied, with a promise of what there is: the one with this `uid`, if there is one.
    Apply { uid: Option<String>, promise: Promise },
    /// Only what the one with this `uid` promises is to be put right. If that fails, there is a token all the same.
    Promise { uid: String, promise: Promise },
}

/// What is to be done about a RoleBinding.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum BindingStep {
    /// Nothing: it is as it should be, or somebody else's.
    Keep,
    /// It is to be applied.
    Apply,
    /// It gives another role, which nobody can change.
    Replace(Found<Binding>),
}

/// What is to be done about a Secret.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum SecretStep {
    /// Nothing: its token is good.
    Keep(Record),
    /// The one with this `uid` needs a token, since it has none, or this one is to be renewed.
    Fill { uid: String, old: Option<Record> },
    /// There is none.
    Make,
    /// It is of a type that takes no token, or is immutable.
    Replace(Found<StoredSecret>),
}

/// What there is of a credential without a registry that it could be for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Withdrawal {
    /// The `uid` of the account that promises a token.
    pub(super) account: Option<String>,
    pub(super) secret: Option<Found<StoredSecret>>,
}

/// What is left of a credential that nobody asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Remains {
    pub(super) account: Option<Found<Account>>,
    pub(super) binding: Option<Found<Binding>>,
    pub(super) secret: Option<Found<StoredSecret>>,
}
