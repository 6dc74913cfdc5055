//! Just enough Rust to check rules by: tokens, where the tests are, functions, modules.
//!
//! Written by hand rather than with a parser library: the rules need the comments, which a syntax
//! tree drops, and must see into macros such as `proptest!`, which it leaves opaque. What needs
//! name resolution (a forbidden call behind a rename) is left to clippy's `disallowed-methods`.

mod items;
mod modules;
mod tokens;

pub(crate) use items::{Attribute, Function};
pub(crate) use tokens::{Kind, Token};

use std::collections::BTreeMap;

use crate::tree::{Tree, crate_of};

/// A Rust source file and what we know about it.
#[derive(Debug)]
pub(crate) struct Source<'t> {
    pub(crate) path: &'t str,
    pub(crate) text: &'t str,
    /// All tokens, comments among them.
    pub(crate) tokens: Vec<Token<'t>>,
    /// The tokens that are not comments.
    pub(crate) code: Vec<Token<'t>>,
    /// Some crate root reaches this file by `mod`. Always true outside `crates/*/src`.
    pub(crate) reached: bool,
    whole_file_is_test: bool,
    tests: Vec<(usize, usize)>,
}

impl Source<'_> {
    /// Is this line part of a test: a test file, a test module or a test function?
    pub(crate) fn is_test(&self, line: usize) -> bool {
        let within = |(first, last): &(usize, usize)| (*first..=*last).contains(&line);
        self.whole_file_is_test || self.tests.iter().any(within)
    }

    /// The functions with a body, in order; nested ones too.
    pub(crate) fn functions(&self) -> Vec<Function<'_>> {
        items::functions(&self.code)
    }

    /// The attributes, in order.
    pub(crate) fn attributes(&self) -> Vec<Attribute<'_>> {
        items::attributes(&self.code)
    }

    /// The lines on which these words and marks stand one after the other, as in
    /// `["Instant", ":", ":", "now"]`.
    pub(crate) fn lines_with(&self, pattern: &[&str]) -> Vec<usize> {
        self.code
            .windows(pattern.len())
            .filter(|window| {
                window
                    .iter()
                    .zip(pattern)
                    .all(|(token, want)| token.is(want))
            })
            .filter_map(|window| window.first().map(|token| token.line))
            .collect()
    }
}

/// Every Rust file of the tree.
pub(crate) fn sources(tree: &Tree) -> Vec<Source<'_>> {
    let mut sources: Vec<Source<'_>> = tree
        .files()
        .filter(|(path, _)| path.ends_with(".rs"))
        .map(|(path, text)| source(path, text))
        .collect();
    let reached = reached(tree, &sources);
    for source in &mut sources {
        if in_crate_folder(source.path, "src") {
            source.reached = reached.contains_key(source.path);
            source.whole_file_is_test |= reached.get(source.path).copied().unwrap_or(false);
        }
    }
    sources
}

/// Does the file stand in this folder of its crate: `src`, `tests`, `benches`?
pub(crate) fn in_crate_folder(path: &str, folder: &str) -> bool {
    crate_of(path)
        .and_then(|name| path.strip_prefix("crates/")?.strip_prefix(name))
        .and_then(|rest| rest.strip_prefix('/')?.strip_prefix(folder))
        .is_some_and(|rest| rest.starts_with('/'))
}

fn source<'t>(path: &'t str, text: &'t str) -> Source<'t> {
    let tokens = tokens::tokens(text);
    let code: Vec<Token<'t>> = tokens
        .iter()
        .filter(|t| t.kind != Kind::Comment)
        .copied()
        .collect();
    Source {
        path,
        text,
        whole_file_is_test: in_crate_folder(path, "tests")
            || crate_of(path) == Some("sim")
            || items::is_test_file(&code),
        tests: items::tests(&tokens),
        reached: true,
        tokens,
        code,
    }
}

/// The files that the crate roots reach by `mod`, and whether only tests reach them.
fn reached(tree: &Tree, sources: &[Source<'_>]) -> BTreeMap<String, bool> {
    let declared: BTreeMap<&str, Vec<modules::Declared>> = sources
        .iter()
        .map(|s| (s.path, modules::declared(&s.code)))
        .collect();
    modules::reached(tree, &declared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_reached_from_a_test_module_is_a_test() {
        let tree = Tree::of(&[
            (
                "crates/sip/src/lib.rs",
                "mod uri;\n#[cfg(test)]\nmod samples;\n",
            ),
            ("crates/sip/src/uri.rs", "fn a() {}\n#[test]\nfn b() {}\n"),
            ("crates/sip/src/samples.rs", "fn c() {}\n"),
            ("crates/sip/src/lost.rs", ""),
            ("crates/sip/tests/all.rs", "fn d() {}\n"),
            ("crates/sim/src/lib.rs", "fn e() {}\n"),
        ]);
        let sources = sources(&tree);
        let is_test = |path: &str, line| {
            sources
                .iter()
                .find(|s| s.path == path)
                .unwrap()
                .is_test(line)
        };
        assert!(!is_test("crates/sip/src/uri.rs", 1));
        assert!(is_test("crates/sip/src/uri.rs", 3));
        assert!(is_test("crates/sip/src/samples.rs", 1));
        assert!(is_test("crates/sip/tests/all.rs", 1));
        assert!(is_test("crates/sim/src/lib.rs", 1));
        let lost: Vec<&str> = sources
            .iter()
            .filter(|s| !s.reached)
            .map(|s| s.path)
            .collect();
        assert_eq!(lost, ["crates/sip/src/lost.rs"]);
    }

    #[test]
    fn a_pattern_matches_whole_words() {
        let tree = Tree::of(&[(
            "xtask/a.rs",
            "Instant::now();\nstd::time::Instant :: now();\nMyInstant::now();",
        )]);
        let found = sources(&tree)
            .first()
            .unwrap()
            .lines_with(&["Instant", ":", ":", "now"]);
        assert_eq!(found, [1, 2]);
    }
}
