//! Those who ask the token server for tokens, all the time.

use std::time::Duration;

use e2e::{Kubectl, TokenAnswer};
use reqwest::blocking::Client;
use reqwest::tls::TlsInfo;

use crate::clock::Clock;
use crate::plan::{Phase, Plan};
use crate::programs::Program;
use crate::scene::Scene;

/// How many seconds there are between two rounds of requests.
const GAP: u64 = 2;
/// How long a client waits. The server answers within ten seconds, whatever happens.
const LONGEST: Duration = Duration::from_secs(20);
/// How many faults are named.
const NAMED: usize = 5;

/// Who asks.
#[derive(Debug, Clone, Copy)]
enum Asks {
    /// Somebody who may push.
    Pusher,
    /// Somebody who does not say who they are.
    Anonymous,
    /// Somebody with a wrong password.
    Stranger,
}

/// The clients of a token server.
pub(crate) struct Clients {
    client: Client,
    url: String,
    service: String,
    password: String,
}

/// What they got.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) asked: u64,
    pub(crate) given: u64,
    pub(crate) refused: u64,
    /// How many got no answer.
    pub(crate) unanswered: u64,
    /// What they got in quiet times, and should not have got.
    pub(crate) faults: Vec<String>,
}

impl Clients {
    pub(crate) fn new(scene: &Scene, token_server: &Program) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authority = reqwest::Certificate::from_pem(scene.authority.pem().as_bytes()).unwrap();
        let client = Client::builder().no_proxy().tls_certs_only([authority]).tls_info(true).timeout(LONGEST);
        Self {
            client: client.build().unwrap(),
            url: format!("https://{}/token", token_server.serves),
            service: token_server.service.clone().expect("--service of the token server"),
            password: password(&scene.cluster.kubectl),
        }
    }

    /// Asks until the run ends.
    pub(crate) fn ask_until_the_end(&self, plan: &Plan, clock: &Clock) -> Tally {
        let mut tally = Tally::default();
        let mut next = 0;
        while next < plan.length && clock.wait_until(next) {
            for asks in [Asks::Pusher, Asks::Anonymous, Asks::Stranger] {
                let began = clock.now();
                let (answer, _) = self.ask(asks);
                tally.count(answer.as_ref());
                let end = clock.now() + 1;
                let is_quiet = plan.phase(&(began..end)) == Phase::Quiet;
                if is_quiet && !asks.gets_what_it_should(answer.as_ref()) && tally.faults.len() < NAMED {
                    let fault = format!("token: {asks:?} at second {began}, which was quiet: {answer:?}");
                    tally.faults.push(fault);
                }
            }
            next = (next + GAP).max(clock.now());
        }
        tally
    }

    /// Whether somebody who may push gets a token that says so.
    pub(crate) fn gets_a_token(&self) -> bool {
        Asks::Pusher.gets_what_it_should(self.ask(Asks::Pusher).0.as_ref())
    }

    /// The certificate that the server shows, DER.
    pub(crate) fn certificate(&self) -> Option<Vec<u8>> {
        self.ask(Asks::Anonymous).1
    }

    /// Asks once. Returns the answer, if there is one, and the server's certificate.
    fn ask(&self, asks: Asks) -> (Option<TokenAnswer>, Option<Vec<u8>>) {
        let scope = match asks {
            Asks::Pusher => "repository:team/app:pull,push",
            Asks::Anonymous | Asks::Stranger => "repository:team/app:pull",
        };
        let request = [("service", self.service.as_str()), ("scope", scope)];
        let url = reqwest::Url::parse_with_params(&self.url, request).unwrap();
        let request = match asks {
            Asks::Pusher => self.client.get(url).basic_auth("x", Some(&self.password)),
            Asks::Anonymous => self.client.get(url),
            Asks::Stranger => self.client.get(url).basic_auth("x", Some("wrong")),
        };
        let Ok(answer) = request.send() else { return (None, None) };
        let certificate = answer.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate);
        let (certificate, status) = (certificate.map(<[u8]>::to_vec), answer.status().as_u16());
        (Some(TokenAnswer { status, body: answer.json().unwrap_or_default() }), certificate)
    }
}

impl Asks {
    fn gets_what_it_should(self, answer: Option<&TokenAnswer>) -> bool {
        let Some(answer) = answer else { return false };
        let gives = |actions: &[&str]| {
            answer.status == 200
                && answer.access()
                    == actions.iter().map(|action| format!("repository:team/app:{action}")).collect::<Vec<_>>()
        };
        match self {
            Self::Pusher => gives(&["pull", "push"]),
            Self::Anonymous => gives(&["pull"]),
            Self::Stranger => answer.status == 401,
        }
    }
}

impl Tally {
    fn count(&mut self, answer: Option<&TokenAnswer>) {
        self.asked += 1;
        match answer {
            Some(answer) if answer.status == 200 => self.given += 1,
            Some(_) => self.refused += 1,
            None => self.unanswered += 1,
        }
    }
}

fn password(kubectl: &Kubectl) -> String {
    let create = ["create", "token", "ci", "--namespace=team", "--audience=local-registry", "--duration=24h"];
    kubectl.ok(&create).trim_end().to_owned()
}
