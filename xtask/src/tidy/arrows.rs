//! Who may import whom, read from the `Cargo.toml` files.

use super::PURE;
use crate::finding::Finding;
use crate::tree::Tree;

/// Every crate and the crates of ours that it may depend on. A new crate gets a line here.
const ARROWS: &[(&str, &[&str])] = &[
    ("client", &["imps", "msrp", "sip", "world", "xdm"]),
    ("imps", &[]),
    ("msrp", &[]),
    ("room", &[]),
    (
        "server",
        &["imps", "msrp", "room", "sip", "store", "world", "xdm"],
    ),
    (
        "sim",
        &[
            "client", "imps", "msrp", "room", "server", "sip", "store", "world", "xdm",
        ],
    ),
    ("sip", &[]),
    ("store", &[]),
    (
        "tertulia",
        &[
            "client", "imps", "msrp", "server", "sip", "store", "world", "xdm",
        ],
    ),
    ("world", &[]),
    ("xdm", &[]),
];

/// Our crates that do I/O: a pure crate does not even test with them.
const IMPURE: &[&str] = &["client", "server", "sim", "store", "tertulia", "world"];

/// What would bring clocks, sockets, threads, chance or a database into a pure crate: these
/// packages, and those whose names begin with one of them and a dash or underscore.
const OUTSIDE: &[&str] = &[
    "async",
    "axum",
    "crossbeam",
    "deadpool",
    "fastrand",
    "getrandom",
    "hickory",
    "hyper",
    "mio",
    "quinn",
    "rand",
    "rayon",
    "reqwest",
    "rusqlite",
    "rustls",
    "smol",
    "socket2",
    "sqlx",
    "tokio",
];

/// Names under which things pile up that belong nowhere.
const GRAB_BAGS: &[&str] = &["common", "types", "util", "utils"];

/// Checks every crate's dependencies.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in tree.crates() {
        let path = format!("crates/{name}/Cargo.toml");
        let Some(text) = tree.text(&path) else {
            findings.push(Finding::new(
                &path,
                1,
                "no such file: crates/ holds crates only",
            ));
            continue;
        };
        if GRAB_BAGS.contains(&name) {
            let what = format!("a crate is never called {name}: name what it is about");
            findings.push(Finding::new(&path, 1, what));
        } else if !ARROWS.iter().any(|(known, _)| *known == name) {
            let what =
                format!("{name} has no place in the house: give it a line in ARROWS of xtask tidy");
            findings.push(Finding::new(&path, 1, what));
        }
        for dependency in dependencies(text) {
            if let Some(what) = objection(name, &dependency) {
                findings.push(Finding::new(&path, dependency.line, what));
            }
        }
    }
    findings
}

/// Why this crate may not have this dependency.
fn objection(name: &str, dependency: &Dependency) -> Option<String> {
    let pure = PURE.contains(&name);
    let to = dependency.package.as_str();
    let ours = ARROWS.iter().any(|(known, _)| *known == to);
    if dependency.dev {
        return (pure && IMPURE.contains(&to))
            .then(|| format!("the tests of the pure crate {name} need no {to}: it does I/O"));
    }
    let may = ARROWS
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(&[][..], |(_, may)| may);
    if ours && !may.contains(&to) {
        return Some(format!(
            "{name} may not import {to}: {name} imports {}",
            list(may)
        ));
    }
    let outside = OUTSIDE.iter().any(|family| {
        to.strip_prefix(family)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
    });
    (pure && outside).then(|| {
        format!("{name} is pure and may not depend on {to}: time and chance are arguments")
    })
}

fn list(names: &[&str]) -> String {
    if names.is_empty() {
        "nothing of ours".to_owned()
    } else {
        format!("only {}", names.join(", "))
    }
}

/// One dependency of a `Cargo.toml`.
#[derive(Debug, Eq, PartialEq)]
struct Dependency {
    /// The package, also where it is renamed.
    package: String,
    dev: bool,
    line: usize,
}

/// The dependencies in all sections, `[dependencies.x]` and those of targets too.
fn dependencies(text: &str) -> Vec<Dependency> {
    let mut found: Vec<Dependency> = Vec::new();
    let mut section = Section::Other;
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.trim();
        if let Some(header) = text
            .strip_prefix('[')
            .and_then(|text| text.split(']').next())
        {
            section = Section::of(header);
            if let Section::One { dev, package } = &section {
                let (package, dev) = (package.clone(), *dev);
                found.push(Dependency { package, dev, line });
            }
            continue;
        }
        let Some((key, value)) = text.split_once('=') else {
            continue;
        };
        let key = key.trim().trim_matches('"');
        match &section {
            Section::Many { dev } if !text.starts_with('#') => {
                let key = key.split('.').next().unwrap_or(key).to_owned();
                let package = renamed(value).unwrap_or(key);
                found.push(Dependency {
                    package,
                    dev: *dev,
                    line,
                });
            }
            Section::One { .. } if key == "package" => {
                if let Some(last) = found.last_mut() {
                    last.package = value.trim().trim_matches('"').to_owned();
                }
            }
            Section::Many { .. } | Section::One { .. } | Section::Other => {}
        }
    }
    found
}

/// The `x` of `{ package = "x", … }`.
fn renamed(value: &str) -> Option<String> {
    let (_, after) = value.split_once("package")?;
    after
        .trim_start()
        .strip_prefix('=')?
        .split('"')
        .nth(1)
        .map(str::to_owned)
}

/// A section of a `Cargo.toml`.
enum Section {
    /// `[dependencies]`: one dependency per line.
    Many {
        dev: bool,
    },
    /// `[dependencies.x]`: the whole section is one.
    One {
        dev: bool,
        package: String,
    },
    Other,
}

impl Section {
    fn of(header: &str) -> Self {
        let kinds = [
            ("dev-dependencies", true),
            ("build-dependencies", false),
            ("dependencies", false),
        ];
        for (kind, dev) in kinds {
            if header == kind || header.ends_with(&format!(".{kind}")) {
                return Self::Many { dev };
            }
            if let Some((before, package)) = header.rsplit_once('.')
                && (before == kind || before.ends_with(&format!(".{kind}")))
            {
                let package = package.trim_matches('"').to_owned();
                return Self::One { dev, package };
            }
        }
        Self::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_in_every_spelling() {
        let text = "[package]\nname = \"x\"\n[dependencies]\n# a = 1\nbytes.workspace = true\n\
                    tokio = { version = \"1\" }\nours = { package = \"sip\", path = \"../sip\" }\n\
                    [dev-dependencies]\nproptest = \"1\"\n[dependencies.room]\npath = \"../room\"\n\
                    [target.'cfg(unix)'.dependencies]\nlibc = \"1\"\n[features]\nx = []\n";
        let got: Vec<_> = dependencies(text)
            .into_iter()
            .map(|d| (d.package, d.dev, d.line))
            .collect();
        let want = [
            ("bytes", false, 5),
            ("tokio", false, 6),
            ("sip", false, 7),
            ("proptest", true, 9),
            ("room", false, 10),
            ("libc", false, 13),
        ];
        assert_eq!(
            got,
            want.map(|(package, dev, line)| (package.to_owned(), dev, line))
        );
    }

    #[test]
    fn arrows() {
        let rows = [
            ("server", "[dependencies]\nroom.workspace = true", ""),
            (
                "server",
                "[dependencies]\nclient.workspace = true",
                "server may not import client: server imports only imps, msrp, room, sip, store, world, xdm",
            ),
            ("server", "[dev-dependencies]\nclient.workspace = true", ""),
            (
                "room",
                "[dependencies]\nsip.workspace = true",
                "room may not import sip: room imports nothing of ours",
            ),
            (
                "room",
                "[dev-dependencies]\nworld.workspace = true",
                "the tests of the pure crate room need no world: it does I/O",
            ),
            (
                "sip",
                "[dependencies]\ntokio-util = \"1\"",
                "sip is pure and may not depend on tokio-util: time and chance are arguments",
            ),
            ("sip", "[dependencies]\nrandom_name = \"1\"", ""),
            ("store", "[dependencies]\nrusqlite.workspace = true", ""),
            (
                "common",
                "",
                "a crate is never called common: name what it is about",
            ),
            (
                "novel",
                "",
                "novel has no place in the house: give it a line in ARROWS of xtask tidy",
            ),
        ];
        for (name, text, want) in rows {
            let tree = Tree::of(&[(&format!("crates/{name}/Cargo.toml"), text)]);
            let found: Vec<String> = check(&tree).into_iter().map(|f| f.what).collect();
            assert_eq!(found.concat(), want, "{name}: {text}");
        }
    }

    #[test]
    fn every_pure_crate_has_no_arrow() {
        for name in PURE {
            assert!(ARROWS.contains(&(name, &[])), "{name}");
        }
    }
}
