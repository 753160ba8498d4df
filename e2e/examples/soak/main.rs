//! `make soak`: the programs that run for months, for an hour against a real API server, while everything that they follow changes and
//! breaks. It says what grows, what asks too often, and what is not in line with the cluster at the end.
//!
//! `SOAK_SECONDS` says how long it takes, and `SOAK_SEED` what happens when.

mod clients;
mod clock;
mod dice;
mod ending;
mod observer;
mod plan;
mod programs;
mod scene;
mod verdict;

use std::process::ExitCode;

use e2e::{ApiProxy, Trouble};

use crate::clients::{Clients, Tally};
use crate::clock::{Clock, EndsRun};
use crate::plan::{Event, Plan};
use crate::programs::{KINDS, Program, TOKEN};
use crate::scene::Scene;
use crate::verdict::{Course, JUDGED_FROM, Record};

/// The shortest run, in seconds.
const SHORTEST: u64 = 60;
/// How many lines of a program's log are shown if something is wrong.
const LINES: usize = 30;

fn main() -> ExitCode {
    let number = |name: &str, usual| std::env::var(name).map_or(usual, |text| text.parse().expect("a number"));
    let (length, seed) = (number("SOAK_SECONDS", 3_600).max(SHORTEST), number("SOAK_SEED", 1));
    println!("{length} seconds, SOAK_SEED={seed}");
    let plan = Plan::new(length, seed);
    let mut scene = Scene::new(seed);
    let proxies: Vec<ApiProxy> = KINDS.iter().map(|_| ApiProxy::start(&scene.cluster.control_plane)).collect();
    let start = |(kind, proxy)| Program::start(kind, &scene, proxy);
    let mut programs: Vec<Program> = KINDS.iter().zip(&proxies).map(start).collect();
    let token_server = programs.iter().find(|program| program.name == TOKEN).expect("the token server");
    let clients = Clients::new(&scene, token_server);

    let clock = Clock::start();
    let (records, tally, late) = std::thread::scope(|threads| {
        let observer = threads.spawn(|| {
            let _ends = EndsRun(&clock);
            observer::observe(&mut programs, &proxies, &plan, &clock)
        });
        let asking = threads.spawn(|| clients.ask_until_the_end(&plan, &clock));
        let driving = EndsRun(&clock);
        let late = play(&mut scene, &proxies, &plan, &clock);
        let records = observer.join().expect("the observer");
        drop(driving);
        (records, asking.join().expect("the clients"), late)
    });

    let mut faults: Vec<String> = records.iter().flat_map(|record| record.faults(length)).collect();
    faults.extend(tally.faults.iter().cloned());
    let ended = programs.iter_mut().filter_map(|program| (!program.process.runs()).then_some(program.name));
    let ended: Vec<String> = ended.map(|name| format!("{name}: has ended; expected it to run")).collect();
    // What has ended is not in line either.
    faults.extend(if ended.is_empty() { ending::not_in_line(&scene, &programs, &clients) } else { ended });
    report(&plan, &records, &tally, &late, &faults);
    if faults.is_empty() {
        return ExitCode::SUCCESS;
    }
    for program in programs.iter().filter(|program| faults.iter().any(|fault| fault.starts_with(program.name))) {
        let log = program.process.log();
        let lines: Vec<&str> = log.lines().collect();
        eprintln!("--- {}\n{}", program.name, lines[lines.len().saturating_sub(LINES)..].join("\n"));
    }
    ExitCode::FAILURE
}

/// Lets everything of the plan happen, until the run ends. Returns which rounds were settled too late to end with a quiet minute.
fn play(scene: &mut Scene, proxies: &[ApiProxy], plan: &Plan, clock: &Clock) -> Vec<String> {
    let set = |trouble| proxies.iter().for_each(|proxy| proxy.set(trouble));
    let mut late = Vec::new();
    let mut over: Option<u64> = None;
    for (at, event) in &plan.events {
        if let Some(until) = over.filter(|until| until <= at) {
            if !clock.wait_until(until) {
                return late;
            }
            set(Trouble::None);
            over = None;
        }
        if !clock.wait_until(*at) {
            return late;
        }
        match event {
            Event::Change(change) => scene.change(*change),
            Event::Settle(round, before) => {
                scene.settle(*round);
                let now = clock.now();
                if now >= *before {
                    late.push(format!("round {round}: settled at second {now}; expected it before {before}, so its last minute is not quiet; use a machine with less to do"));
                }
            }
            Event::Trouble(Trouble::Away, until) => {
                set(Trouble::Away);
                scene.cluster.control_plane.kill_api_server();
                if !clock.wait_until(*until) {
                    return late;
                }
                scene.start_api_server();
                set(Trouble::None);
            }
            Event::Trouble(trouble, until) => {
                set(*trouble);
                over = Some(*until);
            }
        }
    }
    late
}

fn report(plan: &Plan, records: &[Record], tally: &Tally, late: &[String], faults: &[String]) {
    let course = |course: Option<Course>| {
        course.map_or("not known".to_owned(), |Course { first, last }| format!("{first} -> {last}"))
    };
    println!("\nmedians of the first and of the last third after a warm-up:");
    for record in records {
        println!(
            "{:12} memory {} KiB, at its peak {} KiB; open files {}; calls of a quiet minute {}, of any minute at most {}",
            record.program,
            course(record.memory(plan.length)),
            record.peak,
            course(record.files(plan.length)),
            course(record.quiet_calls(plan.length)),
            record.most_calls()
        );
    }
    let Tally { asked, given, refused, unanswered, .. } = tally;
    println!("{asked} requests for tokens: {given} given, {refused} refused, {unanswered} without an answer");
    if plan.length < JUDGED_FROM {
        println!("{} seconds are too short to judge growth; {JUDGED_FROM} are enough", plan.length);
    }
    for round in late {
        println!("{round}");
    }
    for fault in faults {
        println!("fault: {fault}");
    }
    println!("{}", if faults.is_empty() { "no faults" } else { "there are faults" });
}
