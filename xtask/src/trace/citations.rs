//! Finding the ids of rules in code, tests and scenarios.

use crate::rust::{Source, in_crate_folder};
use crate::tree::Tree;

/// What a line that names a rule says about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    /// The code that obeys it.
    Code,
    /// Neither: a bench, a fuzz target. Its ids must exist, nothing more.
    Other,
    /// The test that proves it.
    Test,
}

/// A line that may name rules.
#[derive(Debug)]
pub(super) struct Line<'t> {
    pub(super) path: &'t str,
    pub(super) number: usize,
    pub(super) text: &'t str,
    pub(super) role: Role,
}

/// Every line of Rust under `crates/` and `fuzz/`, and of the scenarios.
///
/// The sources of xtask are not read: their tests name rules that there are none of.
pub(super) fn lines<'t>(tree: &'t Tree, sources: &[Source<'t>]) -> Vec<Line<'t>> {
    let mut lines = Vec::new();
    for source in sources {
        if !source.path.starts_with("crates/") && !source.path.starts_with("fuzz/") {
            continue;
        }
        for (number, text) in (1..).zip(source.text.lines()) {
            let role = if source.is_test(number) {
                Role::Test
            } else if in_crate_folder(source.path, "src") {
                Role::Code
            } else {
                Role::Other
            };
            lines.push(Line {
                path: source.path,
                number,
                text,
                role,
            });
        }
    }
    for (path, text) in tree
        .files()
        .filter(|(path, _)| path.starts_with("scenarios/"))
    {
        let role = if path.ends_with(".md") {
            Role::Other
        } else {
            Role::Test
        };
        let numbered = (1..).zip(text.lines());
        lines.extend(numbered.map(|(number, text)| Line {
            path,
            number,
            text,
            role,
        }));
    }
    lines
}

/// The ids in a line, such as IM-7.2.1.2-S8a, each whole: S2 is not found in S2a.
///
/// The name of a section (IM-7.2.1.2, IM-7.2.1.2-*) comes out as one, without its tail.
pub(super) fn ids(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '_' | '@'))
        .filter_map(|word| word.split("..").next())
        .map(|word| word.trim_end_matches(['.', '-', '@']))
        .filter(|word| {
            ["IMPS-", "IM-", "SSP-"].iter().any(|prefix| {
                word.strip_prefix(prefix)
                    .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            })
        })
}

/// Does the line hold this word, as a whole?
pub(super) fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|found| found == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rust;

    #[test]
    fn whole_ids() {
        let rows: &[(&str, &[&str])] = &[
            ("// IM-7.2.1.2-S2a: why", &["IM-7.2.1.2-S2a"]),
            ("(\"IM-7.1.1.9@004-S1\", 3),", &["IM-7.1.1.9@004-S1"]),
            ("`IM-7.1.1.11-NTFY-S2b`.", &["IM-7.1.1.11-NTFY-S2b"]),
            (
                "IMPS-9.1.11-S15, SSP-16.X.1.1-E1.",
                &["IMPS-9.1.11-S15", "SSP-16.X.1.1-E1"],
            ),
            ("IM-7.2.1.2-S8/S8a", &["IM-7.2.1.2-S8"]),
            ("IM-7.2.1.2-S1..S3", &["IM-7.2.1.2-S1"]),
            ("all of IM-7.2.1.2-*", &["IM-7.2.1.2"]),
            ("IM-session SIMPLE-IM-7 IM 7.2.1 XIM-7", &[]),
        ];
        for (line, want) in rows {
            assert_eq!(ids(line).collect::<Vec<_>>(), *want, "{line}");
        }
    }

    #[test]
    fn roles() {
        let rows = [
            ("crates/sip/src/lib.rs", "x", Role::Code),
            ("crates/sip/src/lib.rs", "#[test] fn x() {}", Role::Test),
            ("crates/sip/tests/x.rs", "x", Role::Test),
            ("crates/sip/benches/x.rs", "x", Role::Other),
            ("crates/sim/src/lib.rs", "x", Role::Test),
            ("fuzz/x.rs", "x", Role::Other),
            ("scenarios/x.scn", "x", Role::Test),
            ("scenarios/README.md", "x", Role::Other),
        ];
        for (path, text, want) in rows {
            let tree = Tree::of(&[(path, text)]);
            let roles: Vec<Role> = lines(&tree, &rust::sources(&tree))
                .iter()
                .map(|l| l.role)
                .collect();
            assert_eq!(roles, [want], "{path}: {text}");
        }
        for path in ["xtask/src/main.rs", "docs/x.md", "specs/im.tsv"] {
            let tree = Tree::of(&[(path, "x")]);
            assert!(lines(&tree, &rust::sources(&tree)).is_empty(), "{path}");
        }
    }

    #[test]
    fn whole_words() {
        assert!(has_word("policy.focus.answer = x", "answer"));
        assert!(!has_word("policy.focus.answers = x", "answer"));
    }
}
