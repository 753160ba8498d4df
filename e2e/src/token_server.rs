//! The token server with the arguments and the account that the chart gives it, on loopback.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::blocking::Client;
use serde_json::Value;

use crate::chart::NAMESPACE;
use crate::control_plane::ControlPlane;
use crate::process::{Process, eventually, free_port};
use crate::programs;

/// A token server. It ends with the test.
pub struct TokenServer {
    /// The program.
    pub process: Process,
    address: String,
    service: String,
    client: Client,
}

/// What it answered.
#[derive(Debug, Clone)]
pub struct TokenAnswer {
    /// The status code.
    pub status: u16,
    /// The body, or null if it is not JSON.
    pub body: Value,
}

impl TokenServer {
    /// Starts a token server as the chart's Deployment would, and waits until it has a key.
    #[must_use]
    pub fn start(control_plane: &ControlPlane, name: &str) -> Self {
        let kubectl = control_plane.kubectl();
        let deployment = kubectl.json(&["get", "deployment", "registry-token", "--namespace", NAMESPACE]);
        let given = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap();
        let given: Vec<&str> = given.iter().map(|argument| argument.as_str().unwrap()).collect();
        let service = given.iter().find_map(|argument| argument.strip_prefix("--service=")).unwrap().to_owned();
        let [address, listen] = [(); 2].map(|()| format!("127.0.0.1:{}", free_port()));
        let account = control_plane.kubectl_of(NAMESPACE, "registry-token");
        let mut command = Command::new(programs::ours("local-registry-sync"));
        command.env("KUBECONFIG", account.kubeconfig());
        command.args(
            given.iter().filter(|argument| !["--address=", "--listen="].iter().any(|own| argument.starts_with(own))),
        );
        command.args([format!("--address={address}"), format!("--listen={listen}")]);
        let process = Process::spawn(&mut command, &control_plane.file(&format!("{name}.log")));
        // An error means that a library was chosen before. These requests need none.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = Self { process, address, service, client: Client::new() };
        eventually("the token server to have a key", || {
            let answer = server.client.get(format!("http://{listen}/readyz")).send().ok()?;
            answer.status().is_success().then_some(())
        });
        server
    }

    /// What clients call the registry.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Where clients ask it for tokens.
    #[must_use]
    pub fn realm(&self) -> String {
        format!("http://{}/token", self.address)
    }

    /// Asks for these scopes.
    #[must_use]
    pub fn ask(&self, scopes: &[&str], password: Option<&str>) -> TokenAnswer {
        let scopes = scopes.iter().map(|scope| ("scope", *scope));
        let asked = std::iter::once(("service", self.service.as_str())).chain(scopes);
        let url = reqwest::Url::parse_with_params(&self.realm(), asked).unwrap();
        let mut request = self.client.get(url);
        if let Some(password) = password {
            request = request.basic_auth("x", Some(password));
        }
        let answer = request.send().unwrap();
        let status = answer.status().as_u16();
        TokenAnswer { status, body: answer.json().unwrap_or_default() }
    }

    /// Sends these bytes as they are, and reads until the server closes the connection.
    #[must_use]
    pub fn send(&self, bytes: &[u8]) -> TokenAnswer {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        // A server that has heard enough closes the connection.
        let _ = connection.write_all(bytes);
        let _ = connection.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default();
        TokenAnswer { status, body: serde_json::from_str(body).unwrap_or_default() }
    }
}

impl TokenAnswer {
    /// What the token gives, `type:name:action` each.
    #[must_use]
    pub fn access(&self) -> Vec<String> {
        let claims = self.part(1);
        let access = claims["access"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let each = access.iter().flat_map(|access| {
            let target = format!("{}:{}", text(&access["type"]), text(&access["name"]));
            access["actions"].as_array().unwrap().iter().map(move |action| format!("{target}:{}", text(action)))
        });
        each.collect()
    }

    /// The token.
    #[must_use]
    pub fn token(&self) -> &str {
        self.body["token"].as_str().unwrap_or_else(|| panic!("no token: {self:?}"))
    }

    /// The name of the key that has signed it.
    #[must_use]
    pub fn key(&self) -> String {
        self.part(0)["kid"].as_str().unwrap().to_owned()
    }

    fn part(&self, at: usize) -> Value {
        let part = self.token().split('.').nth(at).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }
}
