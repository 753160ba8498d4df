//! What is done in one namespace, call by call.

use jiff::Timestamp;
use local_registry_cluster::credentials::{Found, Part, Promise, SecretContent, StoredSecret};
use local_registry_cluster::follow::Pace;
use local_registry_cluster::{Cluster, ClusterError};
use local_registry_core::text::with_causes;

use super::record::Record;
use super::report::CredentialResult;
use super::step::{AccountStep, BindingStep, Job, Provision, Remains, SecretStep, Withdrawal};
use super::task::CredentialsTask;
use super::wanted::{Wanted, quotes, without_token};
use crate::audience::AUDIENCE;

/// What works on namespaces.
#[derive(Clone, Copy)]
pub(super) struct Worker<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) task: CredentialsTask<'a>,
    pub(super) pace: &'a Pace,
    /// What credentials are for, if there is anything.
    pub(super) wanted: Option<&'a Wanted>,
}

/// What has come of a namespace.
pub(super) struct Work {
    pub(super) namespace: String,
    pub(super) is_removal: bool,
    /// When the token ends that was there before, if one was.
    pub(super) expires: Option<Timestamp>,
    pub(super) result: Result<Done, Failure>,
}

/// What was done in a namespace.
pub(super) struct Done {
    pub(super) result: CredentialResult,
    /// What its token is good for.
    pub(super) record: Option<Record>,
    /// The Secret, if it was written.
    pub(super) secret: Option<Found<StoredSecret>>,
    /// What failed after that.
    pub(super) failure: Option<Failure>,
}

/// Why something failed.
pub(super) struct Failure {
    pub(super) error: String,
    /// Whether nothing was heard of the API server.
    pub(super) is_silence: bool,
    /// Whether somebody else was faster.
    pub(super) is_outdated: bool,
}

impl Failure {
    fn new(error: &str) -> Self {
        Self { error: error.to_owned(), is_silence: false, is_outdated: false }
    }

    /// The same without what it quotes of a token.
    fn without(mut self, token: &str) -> Self {
        if quotes(&self.error, token) {
            "the Secret was refused, by a message that quotes what is in it".clone_into(&mut self.error);
        }
        self
    }
}

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Self {
        let (is_silence, is_outdated) = (error.is_silence(), error.is_outdated());
        Self { error: with_causes(&error), is_silence, is_outdated }
    }
}

impl From<CredentialResult> for Done {
    fn from(result: CredentialResult) -> Self {
        Self { result, record: None, secret: None, failure: None }
    }
}

impl Worker<'_> {
    /// Does what is to be done in a namespace.
    pub(super) async fn perform(self, namespace: String, job: Job) -> Work {
        let (is_removal, expires) = (job.is_removal(), job.expires());
        let result = match job {
            Job::Provide(provision) => self.provide(&namespace, provision).await,
            Job::Withdraw(withdrawal) => self.withdraw(&namespace, withdrawal).await,
            Job::Disclaim(uid, result) => self.disclaim(&namespace, &uid).await.map(|()| result.into()),
            Job::Remove(remains) => self.remove(&namespace, remains).await,
        };
        Work { namespace, is_removal, expires, result }
    }

    async fn provide(self, namespace: &str, provision: Provision) -> Result<Done, Failure> {
        let Provision { account, binding, secret } = provision;
        let (account, promised) = match account {
            AccountStep::Keep(uid) => (uid, Ok(())),
            AccountStep::Apply { uid, promise } => (self.promise(namespace, uid.as_deref(), &promise).await?, Ok(())),
            AccountStep::Promise { uid, promise } => match self.promise(namespace, Some(&uid), &promise).await {
                Err(failure) if failure.is_silence || failure.is_outdated => return Err(failure),
                promised => (uid, promised.map(drop)),
            },
        };
        self.put_binding(namespace, binding).await?;
        if self.task.dry_run {
            promised?;
            return self.try_secret(namespace, &secret).await;
        }
        let (uid, result) = match secret {
            SecretStep::Keep(record) => {
                return Ok(Done { record: Some(record), failure: promised.err(), ..CredentialResult::PutRight.into() });
            }
            SecretStep::Fill { uid, .. } => (uid, CredentialResult::Renewed),
            SecretStep::Make => (self.make(namespace).await?, CredentialResult::Made),
            SecretStep::Replace(found) => {
                self.delete(namespace, &found).await?;
                (self.make(namespace).await?, CredentialResult::Made)
            }
        };
        let (secret, record, promise) = self.fill(namespace, &uid, &account).await?;
        // If the promise of before could not be put right, this one takes its place, or fails as well.
        let promised = self.promise(namespace, Some(&account), &promise).await;
        Ok(Done { result, record: Some(record), secret: Some(secret), failure: promised.err() })
    }

    /// Applies the account, with this promise, and returns its `uid`; with a `uid`, only if it is that one.
    async fn promise(self, namespace: &str, uid: Option<&str>, promise: &Promise) -> Result<String, Failure> {
        self.pace.turn().await;
        let found = self.cluster.apply_push_account(namespace, promise, uid, self.task.dry_run).await?;
        let account = found.part();
        check(found.is_ours() && account.is_right() && account.promise() == promise, "ServiceAccount")?;
        Ok(found.uid().to_owned())
    }

    /// Makes the RoleBinding what it should be.
    async fn put_binding(self, namespace: &str, binding: BindingStep) -> Result<(), Failure> {
        if let BindingStep::Replace(found) = &binding {
            self.delete(namespace, found).await?;
        }
        match binding {
            BindingStep::Keep => {}
            BindingStep::Replace(_) if self.task.dry_run => {}
            BindingStep::Apply | BindingStep::Replace(_) => {
                self.pace.turn().await;
                let found = self.cluster.apply_push_binding(namespace, self.task.dry_run).await?;
                check(found.is_ours() && found.part().is_right(namespace), "RoleBinding")?;
            }
        }
        Ok(())
    }

    /// Lets the account promise nothing.
    async fn disclaim(self, namespace: &str, uid: &str) -> Result<(), Failure> {
        self.promise(namespace, Some(uid), &Promise::default()).await.map(drop)
    }

    /// Looks whether the API server would take the Secret. No token is asked for.
    async fn try_secret(self, namespace: &str, secret: &SecretStep) -> Result<Done, Failure> {
        if matches!(secret, SecretStep::Fill { .. } | SecretStep::Make) {
            self.write(namespace, &without_token(), None).await?;
        }
        Ok(CredentialResult::WouldApply.into())
    }

    /// Makes a Secret without a token, and returns its `uid`: a token can only be bound to one that is there.
    async fn make(self, namespace: &str) -> Result<String, Failure> {
        let content = without_token();
        let found = self.write(namespace, &content, None).await?;
        check(found.is_ours() && found.part().holds(&content), "Secret")?;
        Ok(found.uid().to_owned())
    }

    /// Gives a token to the Secret with this `uid`, and returns what may be promised of it, too.
    async fn fill(
        &self,
        namespace: &str,
        uid: &str,
        account: &str,
    ) -> Result<(Found<StoredSecret>, Record, Promise), Failure> {
        let wanted = self.wanted.ok_or_else(|| Failure::new("there is no registry"))?;
        let asked = self.task.clock.now();
        self.pace.turn().await;
        let token = self.cluster.push_token(namespace, AUDIENCE, self.task.lifetime, uid).await?;
        let Some(record) = Record::given(token.expires(), asked, self.task.lifetime) else {
            return Err(Failure::new(&format!(
                "the API server gave a token that ends at {}, and here it is {}; set the clocks of both machines",
                token.expires(),
                self.task.clock.now()
            )));
        };
        let content = record.sealed(wanted.content(token.as_str()), uid, account, wanted);
        let written = self.write(namespace, &content, Some(uid)).await;
        let secret = written.map_err(|failure| failure.without(token.as_str()))?;
        check(secret.is_ours() && secret.uid() == uid && secret.part().holds(&content), "Secret")?;
        Ok((secret, record, record.promise(wanted)))
    }

    async fn write(
        self,
        namespace: &str,
        content: &SecretContent,
        uid: Option<&str>,
    ) -> Result<Found<StoredSecret>, Failure> {
        self.pace.turn().await;
        Ok(self.cluster.apply_push_secret(namespace, content, uid, self.task.dry_run).await?)
    }

    /// Takes away what there is, as far as that is possible: the promise first. If that fails, the Secret goes all the same, and the next
    /// round takes the promise back.
    async fn withdraw(self, namespace: &str, withdrawal: Withdrawal) -> Result<Done, Failure> {
        let Withdrawal { account, secret } = withdrawal;
        let mut first = Ok(());
        if let Some(uid) = account {
            first = first.and(self.disclaim(namespace, &uid).await);
        }
        if let Some(secret) = secret {
            first = first.and(self.delete(namespace, &secret).await);
        }
        first?;
        Ok(if self.task.dry_run { CredentialResult::WouldDelete } else { CredentialResult::Withdrawn }.into())
    }

    /// Removes what there is, as far as that is possible. The RoleBinding goes first: without it, a token is worth nothing. With the
    /// Secret, its token ends.
    async fn remove(self, namespace: &str, remains: Remains) -> Result<Done, Failure> {
        let Remains { account, binding, secret } = remains;
        let mut first = Ok(());
        if let Some(binding) = binding {
            first = first.and(self.delete(namespace, &binding).await);
        }
        if let Some(secret) = secret {
            first = first.and(self.delete(namespace, &secret).await);
        }
        if let Some(account) = account {
            first = first.and(self.delete(namespace, &account).await);
        }
        first?;
        Ok(if self.task.dry_run { CredentialResult::WouldDelete } else { CredentialResult::Deleted }.into())
    }

    async fn delete<T: Part>(self, namespace: &str, found: &Found<T>) -> Result<(), Failure> {
        self.pace.turn().await;
        Ok(self.cluster.delete_push(namespace, found, self.task.dry_run).await?)
    }
}

/// Looks whether the API server has stored what it was sent.
fn check(is_right: bool, object: &str) -> Result<(), Failure> {
    if is_right {
        return Ok(());
    }
    Err(Failure::new(&format!(
        "the API server answered with a {object} that is not as it was sent; see which mutating webhook changes it"
    )))
}
