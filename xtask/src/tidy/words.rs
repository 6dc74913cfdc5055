//! Words that do not land: unfinished work, skipped tests without a reason, machine paths.

use crate::finding::Finding;
use crate::rust::{Kind, Source};
use crate::tree::Tree;

/// Macros that say "not done yet".
const UNFINISHED: &[&str] = &["dbg", "todo", "unimplemented"];

/// Marks that say so, anywhere in a Rust file. Put together here so as not to find themselves.
const MARKS: &[&str] = &[concat!("FIX", "ME"), concat!("XX", "X")];

/// Folders of somebody's machine. They mean nothing in another clone.
const MACHINE: &[&str] = &[
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
];

/// The folder that may lie beside a checkout. Only `.ci/run` looks there, and hands on what it
/// found in the environment.
const BESIDE: &str = concat!("../sha", "red");

const CI_RUN: &str = ".ci/run";

/// Checks every file.
pub(super) fn check(tree: &Tree, sources: &[Source<'_>]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = sources.iter().flat_map(unfinished).collect();
    findings.extend(sources.iter().flat_map(skipped));
    for (path, text) in tree.files() {
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(folder) = MACHINE.iter().find(|folder| has_absolute(line, folder)) {
                let what = format!("{folder} is a folder of one machine: use a relative path");
                findings.push(Finding::new(path, number, what));
            }
            if path != CI_RUN && line.contains(BESIDE) {
                let what = format!("{BESIDE} is not part of a clone: only {CI_RUN} looks there");
                findings.push(Finding::new(path, number, what));
            }
        }
    }
    findings
}

/// Does the line hold the folder at the beginning of a path, and not further on, as in `src/home/`?
fn has_absolute(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        before.is_none_or(|c| {
            !c.is_alphanumeric() && !matches!(c, '.' | '-' | '_' | '*' | '}' | '$' | ')')
        })
    })
}

fn unfinished(source: &Source<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for word in UNFINISHED {
        for line in source.lines_with(&[word, "!"]) {
            let what = format!("{word}! does not land: finish it, or open an issue");
            findings.push(Finding::new(source.path, line, what));
        }
    }
    for (number, line) in (1..).zip(source.text.lines()) {
        if let Some(mark) = MARKS.iter().find(|mark| line.contains(**mark)) {
            let what = format!("{mark} does not land: finish it, or open an issue");
            findings.push(Finding::new(source.path, number, what));
        }
    }
    findings
}

/// `#[ignore]` needs its reason in it: `#[ignore = "…"]`.
fn skipped(source: &Source<'_>) -> Vec<Finding> {
    let reasonless = |tokens: &[crate::rust::Token<'_>]| {
        (0..tokens.len())
            .filter_map(|at| tokens.get(at..))
            .any(|here| match here {
                [ignore, equals, reason, ..] if ignore.is("ignore") && equals.is("=") => {
                    reason.kind != Kind::Text || reason.text.len() <= "\"\"".len()
                }
                [ignore, ..] => ignore.is("ignore"),
                [] => false,
            })
    };
    source
        .attributes()
        .into_iter()
        .filter(|attribute| reasonless(attribute.tokens))
        .map(|attribute| {
            let what = "an ignored test says why: #[ignore = \"reason\"]";
            Finding::new(source.path, attribute.line, what)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rust;

    fn count(path: &str, text: &str) -> usize {
        let tree = Tree::of(&[(path, text)]);
        check(&tree, &rust::sources(&tree)).len()
    }

    #[test]
    fn unfinished_work() {
        for word in UNFINISHED {
            assert_eq!(
                count("crates/a/src/a.rs", &format!("fn a() {{ {word}!() }}")),
                1
            );
            assert_eq!(
                count(
                    "crates/a/src/a.rs",
                    &format!("fn {word}() {{ a() }} // {word}")
                ),
                0
            );
        }
        for mark in MARKS {
            assert_eq!(count("crates/a/src/a.rs", &format!("// {mark}: later")), 1);
            assert_eq!(count("docs/a.md", mark), 0);
        }
    }

    #[test]
    fn paths_of_a_machine() {
        let [home, root, work] = MACHINE else {
            panic!("three folders")
        };
        let rows = [
            ("docs/a.md", format!("see {work}main"), 1),
            ("crates/a/src/a.rs", format!("open(\"{home}me/a\")"), 1),
            ("Cargo.toml", format!("path={root}a"), 1),
            ("docs/a.md", format!("server/src{home}pager.rs"), 0),
            ("docs/a.md", format!("http://localhost/xcap{root}"), 0),
            ("crates/a/src/a.rs", format!("// {BESIDE}/spec"), 1),
            (CI_RUN, format!("cd {BESIDE}"), 0),
        ];
        for (path, text, want) in rows {
            assert_eq!(count(path, &text), want, "{path}: {text}");
        }
    }

    #[test]
    fn ignored_tests() {
        let rows = [
            ("#[test]\n#[ignore]\nfn a() {}", 1),
            ("#[test]\n#[ignore = \"\"]\nfn a() {}", 1),
            ("#[test]\n#[ignore = \"needs a printer\"]\nfn a() {}", 0),
            ("#[cfg_attr(windows, ignore)]\nfn a() {}", 1),
            ("fn ignore() {}", 0),
        ];
        for (text, want) in rows {
            assert_eq!(count("crates/a/tests/a.rs", text), want, "{text}");
        }
    }
}
