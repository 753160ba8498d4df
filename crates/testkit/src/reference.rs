//! The reference page of a program: the help of each of its commands.

use std::fmt::Write as _;
use std::process::Command;

use crate::repository;

/// Asserts that `docs/NAME.md` shows the help of every command of a program. `BLESS=1` rewrites the page.
pub fn check(program: &str, name: &str) {
    let path = repository::root().join(format!("docs/{name}.md"));
    let mut expected = format!("# {name}\n\nWhat the program says of itself (`{name} --help`).\n");
    let help = help(program, &[]);
    write!(expected, "\n```text\n{help}\n```\n").unwrap();
    for command in commands(&help) {
        let help = self::help(program, &[command]);
        assert_eq!(commands(&help), Vec::<&str>::new(), "the page would not show the commands of {name} {command}");
        write!(expected, "\n## {name} {command}\n\n```text\n{help}\n```\n").unwrap();
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "{} is out of date; rewrite it with BLESS=1", path.display());
}

fn help(program: &str, command: &[&str]) -> String {
    // The environment is empty, because help would show its variables.
    let output = Command::new(program).args(command).arg("--help").env_clear().output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// The commands that a help text lists, except `help`.
fn commands(help: &str) -> Vec<&str> {
    let list = help.split_once("\nCommands:\n").map_or("", |(_, rest)| rest.split("\n\n").next().unwrap());
    let names = list.lines().filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").collect()
}
