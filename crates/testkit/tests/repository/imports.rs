//! No two files of a crate import each other, neither directly nor by way of others.
//!
//! This reads `use` and the paths that begin with `crate` or `super`, and follows what a module exports again to where it
//! is. A module that only exports what its parts have does not import them. Unit tests do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use local_registry_testkit::repository::root;

use crate::crates::{product_lines, sources};

/// A module by its path in the crate. The crate's root is empty.
type Module = Vec<String>;

/// What a file imports.
#[derive(Debug, Default)]
struct Imports {
    /// Paths that its code uses.
    used: Vec<Module>,
    /// Paths that it exports again.
    exported: Vec<Module>,
}

/// Identifiers, `::` and single other characters, without white space and comments.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for line in text.lines().map(|line| line.split("//").next().unwrap()) {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let length = match rest.find(|c| !is_word(c)) {
                _ if rest.starts_with("::") => 2,
                Some(0) => first.len_utf8(),
                Some(length) => length,
                None => rest.len(),
            };
            tokens.push(rest[..length].to_owned());
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

/// Reads the paths of a `use`, and returns how many tokens that took, with the one after it.
fn use_tree(tokens: &[String], prefix: &[String], paths: &mut Vec<Module>) -> usize {
    let mut path = prefix.to_vec();
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at].as_str() {
            "," | "}" | ";" => break,
            "::" => {}
            // `use a::{self, b}` names `a`, and `use self::a` does not end there.
            "self" if !prefix.is_empty() => {}
            "as" => at += 1,
            "{" => {
                at += 1;
                while tokens[at] != "}" {
                    at += use_tree(&tokens[at..], &path, paths);
                    at += usize::from(tokens[at] == ",");
                }
                return at + 1;
            }
            part => path.push(part.to_owned()),
        }
        at += 1;
    }
    paths.push(path);
    at
}

fn imports(text: &str) -> Imports {
    let tokens = tokens(text);
    let mut imports = Imports::default();
    let mut at = 0;
    while at < tokens.len() {
        let before = at.checked_sub(1).map_or(";", |before| tokens[before].as_str());
        match tokens[at].as_str() {
            "use" if [";", "{", "}", "]", ")", "pub"].contains(&before) => {
                let paths = if [")", "pub"].contains(&before) { &mut imports.exported } else { &mut imports.used };
                at += use_tree(&tokens[at + 1..], &[], paths);
            }
            "crate" | "super" if tokens.get(at + 1).is_some_and(|next| next == "::") => {
                let length = tokens[at..].chunks(2).take_while(|pair| pair.len() == 2 && pair[1] == "::").count();
                let path = tokens[at..].iter().step_by(2).take(length + 1).cloned();
                imports.used.push(path.collect());
                at += 2 * length;
            }
            _ => {}
        }
        at += 1;
    }
    imports
}

/// A crate's files, by their modules.
struct Crate(BTreeMap<Module, Imports>);

impl Crate {
    /// The path from the root of the crate, if it leads into the crate.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Module> {
        let ups = path.iter().take_while(|part| *part == "super").count();
        let child: Module = module.iter().chain(path.first()).cloned().collect();
        match path.first()?.as_str() {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([module.as_slice(), &path[1..]].concat()),
            "super" => Some([&module[..module.len().checked_sub(ups)?], &path[ups..]].concat()),
            _ if self.0.contains_key(&child) => Some([module.as_slice(), path].concat()),
            _ => None,
        }
    }

    /// The file that has what a path leads to.
    fn file(&self, path: &[String], depth: usize) -> Module {
        let length = (0..=path.len()).rev().find(|length| self.0.contains_key(&path[..*length])).unwrap_or_default();
        let (module, rest) = (path[..length].to_vec(), &path[length..]);
        let Imports { used, exported } = &self.0[&module];
        let named = rest
            .first()
            .and_then(|name| exported.iter().chain(used).find(|path| path.len() > 1 && path.last() == Some(name)));
        let elsewhere = named.and_then(|path| self.absolute(&module, path)).filter(|_| depth < 8);
        elsewhere.map_or(module, |found| self.file(&[found.as_slice(), &rest[1..]].concat(), depth + 1))
    }

    /// The files that this one imports, and those that they import.
    fn reached(&self, module: &Module) -> BTreeSet<Module> {
        let mut reached = BTreeSet::new();
        let mut next = vec![module.clone()];
        while let Some(module) = next.pop() {
            for path in self.0[&module].used.iter().filter_map(|path| self.absolute(&module, path)) {
                let file = self.file(&path, 0);
                if file != module && reached.insert(file.clone()) {
                    next.push(file);
                }
            }
        }
        reached
    }

    /// The files that import each other.
    fn circles(&self) -> BTreeSet<Vec<String>> {
        let reached: BTreeMap<&Module, BTreeSet<Module>> =
            self.0.keys().map(|module| (module, self.reached(module))).collect();
        let in_circles = reached.iter().filter(|(module, files)| files.contains(**module));
        in_circles
            .map(|(module, files)| {
                let back = files.iter().filter(|file| reached[file].contains(*module));
                back.map(|file| file.join("::")).collect()
            })
            .collect()
    }
}

/// The files of the crate whose root is in this folder.
fn crate_in(folder: &Path) -> Crate {
    let mut files: BTreeMap<Module, Imports> = BTreeMap::from([(Vec::new(), Imports::default())]);
    for path in sources(folder) {
        let relative = path.strip_prefix(folder).unwrap().with_extension("");
        let mut module: Module = relative.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        // A program in `src/bin` is a crate of its own.
        if module[0] == "bin" {
            continue;
        }
        module.pop_if(|last| {
            *last == "mod" || (relative.parent() == Some(Path::new("")) && ["lib", "main"].contains(&last.as_str()))
        });
        let text = std::fs::read_to_string(&path).unwrap();
        let product: Vec<&str> = text.lines().take(product_lines(&text)).collect();
        let Imports { used, exported } = imports(&product.join("\n"));
        let file = files.entry(module).or_default();
        file.used.extend(used);
        file.exported.extend(exported);
    }
    Crate(files)
}

#[test]
fn no_two_files_import_each_other() {
    let mut files = 0;
    let mut found = Vec::new();
    for folder in std::fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path().join("src")) {
        let programs = std::fs::read_dir(folder.join("bin")).into_iter().flatten().map(|entry| entry.unwrap().path());
        for folder in programs.filter(|path| path.is_dir()).chain([folder.clone()]) {
            let crate_ = crate_in(&folder);
            files += crate_.0.len();
            let name = folder.strip_prefix(root()).unwrap().display().to_string();
            found.extend(crate_.circles().into_iter().map(|circle| format!("{name}: {}", circle.join(", "))));
        }
    }
    assert!(files > 150, "only {files} files");
    assert!(
        found.is_empty(),
        "these import each other; move what both use into a file of its own:\n{}",
        found.join("\n")
    );
}

#[test]
fn a_circle_is_found_also_by_way_of_what_a_module_exports_again() {
    let crate_of = |files: &[(&str, &str)]| {
        let module = |path: &str| path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Crate(files.iter().map(|(path, text)| (module(path), imports(text))).collect())
            .circles()
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
    };
    let reexported = [
        ("", "mod a;\nmod b;\npub use self::a::One;"),
        ("a", "use std::fmt;\nuse crate::b::{self, Two};\npub struct One;"),
        ("b", "use crate::One;\npub struct Two;"),
    ];
    assert_eq!(crate_of(&reexported), ["a", "b"]);
    let through_a_third =
        [("", ""), ("a", "use crate::b::B as C;"), ("b", "use super::c;"), ("c", "fn f() { crate::a::g() }")];
    assert_eq!(crate_of(&through_a_third), ["a", "b", "c"]);
    let parent = [("", ""), ("a", "mod b;\nuse self::b::f;\npub struct A;"), ("a::b", "// crate::a\nuse super::A;")];
    assert_eq!(crate_of(&parent), ["a", "a::b"]);
    let no_circle = [
        ("", "pub use a::A;"),
        ("a", "pub use self::b::B;\npub use self::c::C;"),
        ("a::b", "use super::C;"),
        ("a::c", ""),
    ];
    assert_eq!(crate_of(&no_circle), [""; 0]);
}
