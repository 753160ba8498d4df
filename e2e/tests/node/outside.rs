//! What leaves the node: the names that it and its pods ask for, and the packets to anywhere else.

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex};

use e2e::node::ADDRESS;

/// Whom the node asks for names, as `e2e/node/machine` sets it. Nothing has this address.
const RESOLVER: &str = "192.0.2.53";
/// The addresses of Services. They are routed to the same interface as what leaves the node, until kube-proxy translates them.
const SERVICES: &str = "10.0.0.0/24";
/// The address of every name outside of the cluster that has a dot. Nobody answers there.
const ELSEWHERE: [u8; 4] = [198, 51, 100, 1];

/// A way out of the node, on which nobody is, and a watch on it.
///
/// It stands in for the name servers of a network. What pods ask for goes this way, too, as in a cluster whose own name server
/// hands on what it does not know.
pub(crate) struct Outside {
    names: Arc<Mutex<BTreeSet<String>>>,
    rules: [(&'static str, String); 3],
}

impl Outside {
    /// Opens the way, and watches it until this is dropped.
    pub(crate) fn watch() -> Self {
        let socket = UdpSocket::bind((ADDRESS, 0)).unwrap();
        let server = socket.local_addr().unwrap();
        let names = Arc::new(Mutex::new(BTreeSet::new()));
        let asked = Arc::clone(&names);
        // It ends with the test, as everything on the node does.
        std::thread::spawn(move || serve(&socket, &asked));
        let questions = format!("--protocol udp --dport 53 --jump DNAT --to-destination {server}");
        let outside = Self {
            names,
            rules: [
                ("nat", format!("OUTPUT --destination {RESOLVER} {questions}")),
                ("nat", format!("PREROUTING ! --in-interface lo --destination {ADDRESS} {questions}")),
                // It only counts.
                ("mangle", format!("POSTROUTING --out-interface node0 ! --destination {SERVICES}")),
            ],
        };
        for (table, rule) in &outside.rules {
            assert!(iptables(table, "--insert", rule).success(), "{table}: {rule}");
        }
        assert!(route("default dev node0").success());
        outside
    }

    /// The names that were asked for so far, without those of the cluster itself.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        self.names.lock().unwrap().clone()
    }

    /// How many packets have left so far. Questions for names are answered before they would.
    pub(crate) fn packets() -> u64 {
        let list = ["--wait", "--table", "mangle", "--numeric", "--verbose", "--exact", "--list", "POSTROUTING"];
        let output = Command::new("iptables").args(list).output().unwrap();
        let list = String::from_utf8(output.stdout).unwrap();
        let rule = list.lines().find(|line| line.contains(" node0 ")).unwrap_or_else(|| panic!("no rule: {list}"));
        rule.split_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        for (table, rule) in &self.rules {
            iptables(table, "--delete", rule);
        }
        route("unreachable default");
    }
}

fn iptables(table: &str, action: &str, rule: &str) -> ExitStatus {
    let mut command = Command::new("iptables");
    command.args(["--wait", "--table", table, action]).args(rule.split(' ')).status().unwrap()
}

fn route(route: &str) -> ExitStatus {
    Command::new("ip").args(["route", "replace"]).args(route.split(' ')).status().unwrap()
}

/// Answers every question, and keeps the names.
fn serve(socket: &UdpSocket, names: &Mutex<BTreeSet<String>>) {
    let mut query = [0; 4096];
    loop {
        let (length, from) = socket.recv_from(&mut query).unwrap();
        let query = &query[..length];
        let Some(question) = Question::read(query) else { continue };
        let answer = if question.name.ends_with(".cluster.local.") {
            ask_the_cluster(query)
        } else {
            names.lock().unwrap().insert(question.name.clone());
            question.answer()
        };
        socket.send_to(&answer, from).unwrap();
    }
}

/// What the cluster's own name server answers.
fn ask_the_cluster(query: &[u8]) -> Vec<u8> {
    let socket = UdpSocket::bind((ADDRESS, 0)).unwrap();
    socket.connect((ADDRESS, 53)).unwrap();
    socket.send(query).unwrap();
    let mut answer = vec![0; 4096];
    let length = socket.recv(&mut answer).unwrap();
    answer.truncate(length);
    answer
}

/// A question for a name (RFC 1035).
struct Question<'a> {
    id: &'a [u8],
    /// The name with a dot at its end, in lower case.
    name: String,
    /// The name, type and class as they were sent.
    text: &'a [u8],
}

impl<'a> Question<'a> {
    fn read(query: &'a [u8]) -> Option<Self> {
        let (mut name, mut end) = (String::new(), 12);
        loop {
            let length = usize::from(*query.get(end)?);
            end += 1;
            if length == 0 {
                break;
            }
            name.push_str(std::str::from_utf8(query.get(end..end + length)?).ok()?);
            name.push('.');
            end += length;
        }
        Some(Self { id: query.get(..2)?, name: name.to_ascii_lowercase(), text: query.get(12..end + 4)? })
    }

    /// A name of one label belongs to nobody. Every other one has an address, for IPv4.
    fn answer(&self) -> Vec<u8> {
        let exists = self.name.matches('.').count() > 1;
        let has_address = exists && self.text.ends_with(&[0, 1, 0, 1]);
        let code = if exists { 0 } else { 3 };
        let mut answer =
            [self.id, &[0x81, 0x80 | code, 0, 1, 0, u8::from(has_address), 0, 0, 0, 0], self.text].concat();
        if has_address {
            // The name is that of the question. It holds for no time.
            answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
            answer.extend_from_slice(&ELSEWHERE);
        }
        answer
    }
}
