//! Rights on the registry's repositories: what the token server gives is what the cluster's RBAC gives, whoever asks and however.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use e2e::{Chart, ControlPlane, Kubectl, Process, TokenServer, eventually, values};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};

const AUDIENCE: &str = "local-registry";

/// A cluster with the registry's rights, two teams with an account each that may edit its namespace, and one that may do nothing.
struct Tenants {
    server: TokenServer,
    kubectl: Kubectl,
    _controllers: Process,
    control_plane: ControlPlane,
}

/// The accounts of the scenario: the namespace, and the name.
const ACCOUNTS: [(&str, &str); 4] = [("team", "ci"), ("other", "ci"), ("team", "nobody"), ("platform", "admin")];

impl Tenants {
    fn start() -> Self {
        let control_plane = ControlPlane::start();
        let kubectl = control_plane.kubectl();
        // The roles `edit` and `admin` are put together by a controller.
        let controllers = control_plane.start_controllers();
        Chart::of("4", &kubectl).install(&values::tenants());
        kubectl.wait_for_crds();
        for namespace in ["team", "other", "platform"] {
            kubectl.ok(&["create", "namespace", namespace]);
        }
        for (namespace, account) in ACCOUNTS {
            kubectl.ok(&["create", "serviceaccount", account, "--namespace", namespace]);
        }
        let tenants = Self {
            server: TokenServer::start(&control_plane, "token"),
            kubectl,
            _controllers: controllers,
            control_plane,
        };
        tenants.bind("edit", ("team", "ci"), "team");
        tenants.bind("admin", ("other", "ci"), "other");
        tenants.kubectl.ok(&[
            "create",
            "clusterrolebinding",
            "platform",
            "--clusterrole=cluster-admin",
            "--serviceaccount=platform:admin",
        ]);
        eventually("the roles to be put together", || tenants.can("push", "app", "team", ("team", "ci")).then_some(()));
        eventually("the roles to be put together", || {
            tenants.can("delete", "x", "other", ("other", "ci")).then_some(())
        });
        tenants
    }

    fn bind(&self, role: &str, (home, account): (&str, &str), namespace: &str) {
        let (role_argument, subject) = (format!("--clusterrole={role}"), format!("--serviceaccount={home}:{account}"));
        let name = format!("{home}-{account}-{role}");
        self.kubectl.ok(&["create", "rolebinding", &name, &role_argument, &subject, "--namespace", namespace]);
    }

    /// A token of an account for the registry.
    fn token(&self, (namespace, account): (&str, &str)) -> String {
        self.kubectl.ok(&["create", "token", account, "--namespace", namespace, "--audience", AUDIENCE])
    }

    /// What `kubectl auth can-i` says.
    fn can(&self, verb: &str, name: &str, namespace: &str, (home, account): (&str, &str)) -> bool {
        let resource = format!("repositories.registry.local-registry-hosting/{name}");
        let user = format!("--as=system:serviceaccount:{home}:{account}");
        let answer = self.kubectl.run(&["auth", "can-i", verb, &resource, &user, "--namespace", namespace]);
        // It knows the resource. That of the verbs it does not, it always says.
        let mut warnings = answer.stderr.lines().filter(|line| line.starts_with("Warning"));
        assert!(warnings.all(|line| line.contains("is not a known verb")), "{answer:?}");
        answer.stdout.trim() == "yes"
    }

    /// Whether a token of the account gives this, by a fresh token.
    fn gives(&self, password: Option<&str>, verb: &str, repository: &str) -> bool {
        let answer = self.server.ask(&[&format!("repository:{repository}:{verb}")], password);
        assert_eq!(answer.status, 200, "{answer:?}");
        match &answer.access()[..] {
            [] => false,
            [given] => {
                assert_eq!(*given, format!("repository:{repository}:{verb}"));
                true
            }
            more => panic!("{more:?}"),
        }
    }
}

#[test]
fn a_token_gives_what_kubectl_says_that_somebody_can() {
    let tenants = Tenants::start();
    // One repository alone, and one of a name with slashes.
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "one", "namespace": "other"},
        "rules": [{
            "apiGroups": ["registry.local-registry-hosting"], "resources": ["repositories"],
            "resourceNames": ["shared", "base/go"], "verbs": ["push"],
        }],
    });
    tenants.kubectl.ok_with(&["create", "-f", "-"], &role);
    let subject = ["--role=one", "--serviceaccount=team:ci", "--namespace=other"];
    tenants.kubectl.ok(&[&["create", "rolebinding", "one"], &subject[..]].concat());

    let mut given = 0;
    for account in ACCOUNTS {
        let password = tenants.token(account);
        for (namespace, name) in [
            ("team", "app"),
            ("team", "app/web"),
            ("other", "shared"),
            ("other", "base/go"),
            ("other", "base"),
            ("nowhere", "app"),
        ] {
            for verb in ["pull", "push", "delete"] {
                let expected = tenants.can(verb, name, namespace, account);
                let found = tenants.gives(Some(&password), verb, &format!("{namespace}/{name}"));
                assert_eq!(found, expected, "{account:?} {verb} {namespace}/{name}");
                given += u32::from(found);
            }
        }
    }
    // Everybody may pull: 24. Beside that, the team's editor pushes to two and to the two that it was given, the other's admin
    // pushes and deletes three, and the cluster's admin pushes and deletes all.
    assert_eq!(given, 24 + 4 + 6 + 12);

    // What belongs to no namespace is for those who may do it in the whole cluster.
    let admin = tenants.token(("platform", "admin"));
    let editor = tenants.token(("team", "ci"));
    let catalog =
        |password: &str| tenants.server.ask(&["registry:catalog:*", "repository:app:push"], Some(password)).access();
    assert_eq!(catalog(&admin), ["registry:catalog:*", "repository:app:push"]);
    assert_eq!(catalog(&editor), [""; 0]);
}

#[test]
fn rights_are_felt_with_the_next_token_of_each_replica() {
    let tenants = Tenants::start();
    let password = tenants.token(("team", "ci"));
    let may_push = || tenants.gives(Some(&password), "push", "other/app");
    assert!(!may_push());
    tenants.bind("local-registry-push", ("team", "ci"), "other");
    eventually("the right to be given", || may_push().then_some(()));
    let binding = ["delete", "rolebinding", "team-ci-local-registry-push", "--namespace=other"];
    tenants.kubectl.ok(&binding);
    eventually("the right to be taken away", || (!may_push()).then_some(()));
    let log = tenants.server.process.log();
    let right = "push repositories.registry.local-registry-hosting/app --namespace other";
    let line = log.lines().find(|line| line.contains(right)).unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("system:serviceaccount:team:ci") && line.contains("a right is missing"), "{line}");
    assert!(!log.contains(&password), "a password is in the log");
    no_object_of_the_type_can_be_made(&tenants);
    replicas_share_the_key(&tenants);
    closed_pulls_need_a_right(&tenants);
}

/// Where pulls are not open, a pull needs a right.
fn closed_pulls_need_a_right(tenants: &Tenants) {
    let closed = json!({"registry": {"tenants": {"openPulls": false}}});
    Chart::of("4", &tenants.kubectl).install(&values::merged(values::tenants(), closed));
    let [editor, nobody] = [("team", "ci"), ("team", "nobody")].map(|account| tenants.token(account));
    assert!(tenants.gives(Some(&editor), "pull", "team/app"));
    for password in [Some(nobody.as_str()), None] {
        eventually("pulls to be closed", || (!tenants.gives(password, "pull", "team/app")).then_some(()));
    }
    tenants.bind("local-registry-pull", ("team", "nobody"), "team");
    eventually("the right to be given", || tenants.gives(Some(&nobody), "pull", "team/app").then_some(()));
    assert!(!tenants.gives(Some(&nobody), "push", "team/app"));
}

/// Both replicas sign with the key that the registry reads, and an upgrade keeps it, though the chart's own Secret is empty.
fn replicas_share_the_key(tenants: &Tenants) {
    let second = TokenServer::start(&tenants.control_plane, "second");
    let key = tenants.server.ask(&[], None).key();
    assert_eq!(second.ask(&[], None).key(), key);
    let secret = tenants.kubectl.json(&["get", "secret", "registry-token", "--namespace=local-registry"]);
    let set = STANDARD.decode(secret["data"]["jwks.json"].as_str().unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&set).unwrap()["keys"][0]["kid"], json!(key));
    // An upgrade keeps the key, though the chart's own Secret is empty.
    Chart::of("4", &tenants.kubectl).install(&values::merged(values::tenants(), json!({"registry": {"delete": true}})));
    let kept = tenants.kubectl.json(&["get", "secret", "registry-token", "--namespace=local-registry"]);
    assert_eq!(kept["data"], secret["data"]);
}

/// The type is there for rights alone.
fn no_object_of_the_type_can_be_made(tenants: &Tenants) {
    let repository = json!({
        "apiVersion": "registry.local-registry-hosting/v1", "kind": "Repository", "metadata": {"name": "app", "namespace": "team"},
    });
    let create = ["create", "-f", "-"];
    tenants
        .kubectl
        .run_with(&create, &repository.to_string())
        .failed_with("repositories of the local registry are not objects");
}

/// A token as the API server would have made it for `team:ci`, with other claims.
fn forged(tenants: &Tenants, header: &Value, claims: &Value) -> String {
    let pem = std::fs::read_to_string(tenants.control_plane.file("service-accounts.key")).unwrap();
    let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let random = SystemRandom::new();
    let key =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &STANDARD.decode(der).unwrap(), &random).unwrap();
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let signed = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(key.sign(&random, signed.as_bytes()).unwrap());
    format!("{signed}.{signature}")
}

#[test]
fn what_is_no_token_for_the_registry_opens_nothing() {
    let tenants = Tenants::start();
    let good = tenants.token(("team", "ci"));
    let account = tenants.kubectl.json(&["get", "serviceaccount", "ci", "--namespace=team"]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = |audience: &str, from: u64, until: u64| {
        json!({
            "iss": "https://kubernetes.default.svc", "sub": "system:serviceaccount:team:ci", "aud": [audience],
            "iat": from, "nbf": from, "exp": until,
            "kubernetes.io": {
                "namespace": "team",
                "serviceaccount": {"name": "ci", "uid": account["metadata"]["uid"]},
            },
        })
    };
    let header = json!({"alg": "ES256", "typ": "JWT"});
    let right = claims(AUDIENCE, now - 60, now + 600);
    assert!(tenants.gives(Some(&forged(&tenants, &header, &right)), "push", "team/app"), "the forgery itself works");

    let unsigned = |algorithm: &str| {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": algorithm, "typ": "JWT"}).to_string());
        format!("{header}.{}.", URL_SAFE_NO_PAD.encode(right.to_string()))
    };
    let parts: Vec<&str> = good.split('.').collect();
    let swapped = format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(right.to_string()), parts[2]);
    let of_registry = tenants.server.ask(&["repository:team/app:push"], Some(&good)).token().to_owned();
    tenants.kubectl.ok(&["create", "serviceaccount", "gone", "--namespace=team"]);
    let revoked = tenants.token(("team", "gone"));
    tenants.kubectl.ok(&["delete", "serviceaccount", "gone", "--namespace=team"]);
    let for_the_api_server = tenants.kubectl.ok(&["create", "token", "ci", "--namespace=team"]);
    let for_another = tenants.kubectl.ok(&["create", "token", "ci", "--namespace=team", "--audience=vault"]);
    // The API server remembers for some seconds that a token was good.
    eventually("the revoked token to be refused", || {
        (tenants.server.ask(&[], Some(&revoked)).status == 401).then_some(())
    });

    for (what, password) in [
        ("expired", forged(&tenants, &header, &claims(AUDIENCE, now - 7200, now - 3600))),
        ("not valid yet", forged(&tenants, &header, &claims(AUDIENCE, now + 3600, now + 7200))),
        ("of another audience, forged", forged(&tenants, &header, &claims("vault", now - 60, now + 600))),
        ("without a signature", unsigned("none")),
        ("without a signature, in capitals", unsigned("None")),
        ("HS256", unsigned("HS256")),
        ("another's claims", swapped),
        ("cut", good[..good.len() - 4].to_owned()),
        ("longer", format!("{good}AAAA")),
        ("twice", format!("{good},{good}")),
        ("with a scheme", format!("Bearer {good}")),
        ("the registry's own", of_registry),
        ("of an account that is gone", revoked),
        ("for the API server", for_the_api_server),
        ("for another audience", for_another),
        ("a word", "password".to_owned()),
        ("a NUL", "\0".to_owned()),
        ("not ASCII", "пароль".to_owned()),
        ("long", "x".repeat(20_000)),
    ] {
        let answer = tenants.server.ask(&["repository:team/app:pull,push"], Some(&password));
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        assert_eq!(answer.body["token"], json!(null), "{what}");
    }
}

/// Names that are not a repository of `other`, but might be taken for one of `team`.
const NAMES: [&str; 36] = [
    "team/app",
    "team/../team/app",
    "other/../team/app",
    "other/./../team/app",
    "other/..%2fteam/app",
    "other%2f..%2fteam/app",
    "other\\..\\team/app",
    "/team/app",
    "//team/app",
    "team//app",
    "team/app/",
    "./team/app",
    "team/app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "team/app:v1",
    "TEAM/app",
    "tеam/app",
    "team\u{200b}/app",
    "team\0/app",
    "team%00/app",
    "other/x,team/app",
    "other/x:push repository:team/app",
    "other/x:push,repository:team/app",
    "*",
    "*/*",
    "team/*",
    "",
    ".",
    "..",
    "team",
    "localhost/team/app",
    "registry:5000/team/app",
    "other/x\nteam/app",
    "other/x\r\nX-Scope: team/app",
    "other/${team}/app",
    "{team,other}/app",
    "kube-system/app",
];

/// Requests that are not as a client sends them, for a right of `team`.
fn odd_requests(service: &str, password: &str) -> Vec<(&'static str, String)> {
    let basic = STANDARD.encode(format!("x:{password}"));
    let query = format!("service={service}&scope=repository:team/app:push");
    let authorization = format!("Authorization: Basic {basic}\r\n");
    let form = format!("grant_type=password&{query}&username=x&password={password}");
    let post = |headers: &str, body: &str| {
        format!("POST /token HTTP/1.0\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len())
    };
    let long = "x".repeat(100_000);
    vec![
        ("GET", format!("GET /token?{query} HTTP/1.0\r\n{authorization}\r\n")),
        ("two passwords", format!("GET /token?{query} HTTP/1.0\r\n{authorization}{authorization}\r\n")),
        ("a password in the query", format!("GET /token?{query}&username=x&password={password} HTTP/1.0\r\n\r\n")),
        ("a body on a GET", format!("GET /token?{query} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{form}", form.len())),
        ("another account", format!("GET /token?{query}&account=system:admin HTTP/1.0\r\n{authorization}\r\n")),
        (
            "impersonation",
            format!("GET /token?{query} HTTP/1.0\r\n{authorization}Impersonate-User: system:admin\r\n\r\n"),
        ),
        (
            "an override of the method",
            format!("GET /token?{query} HTTP/1.0\r\n{authorization}X-HTTP-Method-Override: POST\r\n\r\n"),
        ),
        (
            "a front proxy",
            format!(
                "GET /token?{query} HTTP/1.0\r\n{authorization}X-Remote-User: admin\r\nX-Remote-Group: system:masters\r\n\r\n"
            ),
        ),
        ("a long query", format!("GET /token?{query}&x={long} HTTP/1.0\r\n{authorization}\r\n")),
        ("a long header", format!("GET /token?{query} HTTP/1.0\r\nX: {long}\r\n{authorization}\r\n")),
        ("a long password", format!("GET /token?{query} HTTP/1.0\r\nAuthorization: Basic {long}\r\n\r\n")),
        ("many headers", format!("GET /token?{query} HTTP/1.0\r\n{}{authorization}\r\n", "X: y\r\n".repeat(1_000))),
        (
            "many scopes",
            format!(
                "GET /token?{query}{} HTTP/1.0\r\n{authorization}\r\n",
                "&scope=repository:team/app:push".repeat(500)
            ),
        ),
        ("bad escapes", format!("GET /token?{query}%zz%&scope=%ff%fe HTTP/1.0\r\n{authorization}\r\n")),
        (
            "escapes twice",
            format!(
                "GET /token?service={service}&scope=repository%253Ateam%252Fapp%253Apush HTTP/1.0\r\n{authorization}\r\n"
            ),
        ),
        (
            "an array",
            format!("GET /token?service={service}&scope[]=repository:team/app:push HTTP/1.0\r\n{authorization}\r\n"),
        ),
        (
            "another service",
            format!("GET /token?service=other&scope=repository:team/app:push HTTP/1.0\r\n{authorization}\r\n"),
        ),
        ("two services", format!("GET /token?{query}&service=other HTTP/1.0\r\n{authorization}\r\n")),
        ("a path", format!("GET /token/../token?{query} HTTP/1.0\r\n{authorization}\r\n")),
        ("a whole URL", format!("GET http://elsewhere/token?{query} HTTP/1.0\r\n{authorization}\r\n")),
        ("another path", format!("GET /metrics?{query} HTTP/1.0\r\n{authorization}\r\n")),
        ("a form", post("", &form)),
        ("a form as JSON", post("Content-Type: application/json\r\n", &json!({"grant_type": "password"}).to_string())),
        ("a long form", post("", &format!("{form}&x={long}"))),
        ("a form that is cut", format!("POST /token HTTP/1.0\r\nContent-Length: 9999\r\n\r\n{form}")),
        (
            "two lengths",
            format!("POST /token HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: {}\r\n\r\n{form}", form.len()),
        ),
        (
            "a length and chunks",
            format!(
                "POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{form}",
                form.len()
            ),
        ),
        ("a refresh token", post("", &format!("grant_type=refresh_token&refresh_token={password}&{query}"))),
        ("a client's secret", post("", &format!("grant_type=client_credentials&client_secret={password}&{query}"))),
        ("PUT", format!("PUT /token?{query} HTTP/1.0\r\n{authorization}\r\n")),
        ("no HTTP", "hello\r\n\r\n".to_owned()),
        ("TLS", "\u{16}\u{3}\u{1}".to_owned()),
        ("nothing", String::new()),
    ]
}

#[test]
fn nothing_is_given_that_rbac_does_not_give() {
    let tenants = Tenants::start();
    let password = tenants.token(("other", "ci"));
    let is_own = |access: &str| access.starts_with("repository:other/");
    let mut asked = 0;
    let mut check = |what: &str, answer: &e2e::TokenAnswer| {
        asked += 1;
        assert!([0, 200, 400, 401, 404, 405, 413, 414, 429, 431].contains(&answer.status), "{what}: {answer:?}");
        let given = if answer.body["token"].is_string() { answer.access() } else { Vec::new() };
        // Everybody may pull.
        let wrong = given.iter().find(|access| !is_own(access) && !access.ends_with(":pull"));
        assert_eq!(wrong, None, "{what}: {given:?}");
    };
    for name in NAMES {
        for (kind, actions) in [
            ("repository", "push"),
            ("repository", "*"),
            ("repository", "pull,push,delete"),
            ("repository", "PUSH"),
            ("repository(plugin)", "push"),
            (" repository", "push"),
        ] {
            let scope = format!("{kind}:{name}:{actions}");
            // Below the rate at which one address is told to wait.
            std::thread::sleep(std::time::Duration::from_millis(50));
            let answer = tenants.server.ask(&[&scope], Some(&password));
            assert_eq!(answer.status, 200, "{scope}: {answer:?}");
            check(&scope, &answer);
        }
    }

    for (what, request) in odd_requests(tenants.server.service(), &password) {
        check(what, &tenants.server.send(request.as_bytes()));
    }
    assert!(asked > 240, "{asked} requests");
    // It is still there for others.
    assert!(tenants.gives(Some(&tenants.token(("team", "ci"))), "push", "team/app"));
}
