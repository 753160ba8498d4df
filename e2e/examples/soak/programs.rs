//! The programs of a run, each with the arguments and the account that the chart gives it, and with a port of its own to the API server.

use std::process::Command;

use e2e::{ApiProxy, NAMESPACE, Process, free_port, sync};
use serde_json::Value;

use crate::scene::{Scene, TOKEN_SERVER};
use crate::verdict::Limits;

/// A program, and what the chart starts it by.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) limits: Limits,
    workload: [&'static str; 2],
    namespace: &'static str,
    account: &'static str,
}

/// The programs, with limits that come from runs on a machine with too much to do.
///
/// Memory: in 45 minutes, the medians of the program of the image changed by -16 KiB (sync), 24 (node), -8 (token) and 220
/// (credentials). With a leak of 1 KiB a second put in on purpose, those of the last three grew by 590 to 610 KiB in a quarter of an
/// hour. The sync job takes up to 1.3 MiB and gives it back as CRDs come and go: it needs an hour to show such a leak.
///
/// Open files: they changed by 1 at most. With one leaked each minute, they grew by 6 to 10 in a quarter of an hour.
///
/// Calls: in quiet minutes only watches that begin anew make a difference, and no program has more than five. The most calls of a minute
/// were 72, 25, 156 and 69, and the limits are twice as many. A program that asks again at once makes thousands.
pub(crate) const KINDS: [Kind; 4] = [
    Kind {
        name: "sync",
        limits: Limits { memory: 1024, files: 4, difference: 6, calls: 160 },
        workload: ["deployment", "local-registry-sync"],
        namespace: NAMESPACE,
        account: "local-registry-sync",
    },
    Kind {
        name: "node",
        limits: Limits { memory: 320, files: 4, difference: 6, calls: 60 },
        workload: ["daemonset", "local-registry-node"],
        namespace: "local-registry-nodes",
        account: "local-registry-node",
    },
    Kind {
        name: TOKEN,
        limits: Limits { memory: 320, files: 4, difference: 6, calls: 320 },
        workload: ["deployment", "registry-token"],
        namespace: NAMESPACE,
        account: "registry-token",
    },
    Kind {
        name: "credentials",
        limits: Limits { memory: 512, files: 4, difference: 6, calls: 160 },
        workload: ["deployment", "registry-credentials"],
        namespace: NAMESPACE,
        account: "registry-credentials",
    },
];

/// The name of the token server.
pub(crate) const TOKEN: &str = "token";

/// A program that runs.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) process: Process,
    /// Where it serves what monitoring asks for.
    pub(crate) listens: String,
    /// Where it serves everybody else, if it does.
    pub(crate) serves: String,
    /// By what name clients know the registry, in the token server's arguments.
    pub(crate) service: Option<String>,
    /// How much memory the chart gives to its pod, in KiB.
    pub(crate) memory: u64,
}

impl Program {
    /// Starts a program, which reaches the API server through this proxy.
    pub(crate) fn start(kind: &Kind, scene: &Scene, proxy: &ApiProxy) -> Self {
        let control_plane = &scene.cluster.control_plane;
        let [workload, name] = kind.workload;
        let stored = scene.cluster.kubectl.json(&["get", workload, name, "--namespace", kind.namespace]);
        let container = &stored["spec"]["template"]["spec"]["containers"][0];
        let memory = container["resources"]["limits"]["memory"].as_str().unwrap();
        let mebibytes: u64 = memory.strip_suffix("Mi").expect("mebibytes").parse().expect("a number");
        let given = container["args"].as_array().unwrap();
        let given: Vec<&str> = given.iter().map(|argument| argument.as_str().unwrap()).collect();
        let [listens, serves] = [(); 2].map(|()| format!("{TOKEN_SERVER}:{}", free_port()));
        let mut own = vec![format!("--listen={listens}")];
        match kind.name {
            "node" => own.extend([format!("--host-root={}", scene.root.path().display()), "--node-name=n1".to_owned()]),
            TOKEN => {
                let [certificate, key] = scene.certificate_files().map(|path| path.display().to_string());
                own.extend([
                    format!("--address={serves}"),
                    format!("--tls-certificate={certificate}"),
                    format!("--tls-key={key}"),
                ]);
            }
            _ => {}
        }
        let is_own = |argument: &&&str| {
            let option = argument.split_once('=').map(|(option, _)| format!("{option}="));
            option.is_some_and(|option| own.iter().any(|own| own.starts_with(&option)))
        };
        let mut command = Command::new(sync());
        command.env("KUBECONFIG", control_plane.kubeconfig_at(&proxy.url(), kind.namespace, kind.account));
        command.args(given.iter().filter(|argument| !is_own(argument))).args(&own);
        let service = given.iter().find_map(|argument| argument.strip_prefix("--service="));
        Self {
            name: kind.name,
            process: Process::spawn(&mut command, &control_plane.file(&format!("soak-{}.log", kind.name))),
            listens,
            serves,
            service: service.map(str::to_owned),
            memory: mebibytes * 1024,
        }
    }

    /// What it answers at this path of its port for monitoring: the status code, and the body.
    pub(crate) fn answer(&self, client: &reqwest::blocking::Client, path: &str) -> Option<(u16, String)> {
        let answer = client.get(format!("http://{}{path}", self.listens)).send().ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.text().ok()?))
    }

    /// The value of one of its metrics, by its labels and its name.
    pub(crate) fn metric(&self, client: &reqwest::blocking::Client, name: &str) -> Option<String> {
        let (_, metrics) = self.answer(client, "/metrics")?;
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map(str::to_owned)
    }
}

/// The address of the Service to which a node's file leads for a name that these arguments map to another name, or for the name itself.
pub(crate) fn mapped<'a>(stored: &'a Value, host: &'a str) -> &'a str {
    let given = stored["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap();
    let rule = format!("--address={host}=");
    given.iter().find_map(|argument| argument.as_str().unwrap().strip_prefix(rule.as_str())).unwrap_or(host)
}
