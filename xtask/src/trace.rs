//! The requirement table: which code obeys and which test proves each rule of `specs/`.
//!
//! `specs/README.md` says what the columns of the tables mean and what is asked of each kind of
//! row. A rule is *cited* by its id in `crates/*/src` outside tests, and *proven* by its id in a
//! test function, a test module, a file under `tests/`, the crate `sim` or a scenario.

mod citations;
mod pending;
mod rows;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::finding::{Failure, Finding, report};
use crate::rust;
use crate::tree::Tree;
use citations::{Line, Role};
use pending::Pending;
use rows::{Claim, Row, Rows};

const TABLE: &str = "docs/TRACE.md";

/// Writes the table.
pub(crate) fn write(tree: &Tree, root: &Path) -> Result<(), Failure> {
    let trace = Trace::of(tree);
    save(root, TABLE, &table::table(&trace))
}

/// Fails on a rule without code or test, on an unknown id, and on a table that is not fresh.
pub(crate) fn check(tree: &Tree) -> Result<(), Failure> {
    let trace = Trace::of(tree);
    let mut findings = trace.findings();
    if tree.text(TABLE) != Some(&table::table(&trace)) {
        findings.push(Finding::new(TABLE, 1, "not fresh: run `cargo xtask trace`"));
    }
    report("trace", findings)
}

/// Takes the rules that have a test out of the pending list.
pub(crate) fn shrink(tree: &Tree, root: &Path) -> Result<(), Failure> {
    let trace = Trace::of(tree);
    let open = |row: &Row| row.claim.needs_proof() && trace.places(&row.id).tests.is_empty();
    let open: BTreeSet<&str> = trace
        .rows
        .rows
        .iter()
        .filter(|row| open(row))
        .map(|row| row.id.as_str())
        .collect();
    save(
        root,
        pending::FILE,
        &trace.pending.shrunk(&trace.rows, &open),
    )
}

fn save(root: &Path, path: &str, text: &str) -> Result<(), Failure> {
    fs::write(root.join(path), text).map_err(|source| Failure::Io {
        what: format!("cannot write {path}"),
        source,
    })
}

/// The rows, what is pending, and every place that names a rule.
struct Trace<'t> {
    rows: Rows,
    pending: Pending,
    lines: Vec<Line<'t>>,
    places: BTreeMap<&'t str, Places<'t>>,
}

/// The files that name one rule.
#[derive(Clone, Default)]
struct Places<'t> {
    code: BTreeSet<&'t str>,
    tests: BTreeSet<&'t str>,
    /// The lines of tests that name it, over all files.
    test_lines: usize,
}

/// How far a row has come.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Status {
    Proven,
    CodeOnly,
    TestOnly,
    Missing,
    Pending,
    Info,
    Superseded,
    Exception,
}

impl<'t> Trace<'t> {
    fn of(tree: &'t Tree) -> Self {
        let lines = citations::lines(tree, &rust::sources(tree));
        let mut places: BTreeMap<&str, Places<'_>> = BTreeMap::new();
        for line in &lines {
            for id in citations::ids(line.text) {
                let places = places.entry(id).or_default();
                match line.role {
                    Role::Code => {
                        places.code.insert(line.path);
                    }
                    Role::Test => {
                        places.tests.insert(line.path);
                        places.test_lines += 1;
                    }
                    Role::Other => {}
                }
            }
        }
        Self {
            rows: Rows::read(tree),
            pending: Pending::read(tree),
            lines,
            places,
        }
    }

    fn places(&self, id: &str) -> Places<'t> {
        self.places.get(id).cloned().unwrap_or_default()
    }

    fn status(&self, row: &Row) -> Status {
        let places = self.places(&row.id);
        match row.claim {
            Claim::Info => Status::Info,
            Claim::Superseded(_) => Status::Superseded,
            Claim::Exception => Status::Exception,
            Claim::Rule | Claim::Switch(_) if self.pending.covers(&row.id) => Status::Pending,
            Claim::Rule | Claim::Switch(_) => {
                match (places.code.is_empty(), places.tests.is_empty()) {
                    (false, false) => Status::Proven,
                    (false, true) => Status::CodeOnly,
                    (true, false) => Status::TestOnly,
                    (true, true) => Status::Missing,
                }
            }
        }
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings = self.rows.findings.clone();
        findings.extend(self.pending.findings(&self.rows));
        findings.extend(self.rows.rows.iter().flat_map(|row| self.row_findings(row)));
        findings.extend(self.unknown_ids());
        findings
    }

    fn row_findings(&self, row: &Row) -> Vec<Finding> {
        let at = |what: String| Finding::new(&row.path, row.line, format!("{} {what}", row.id));
        let proven = || {
            self.places(&row.id)
                .tests
                .into_iter()
                .collect::<Vec<_>>()
                .join(", ")
        };
        match self.status(row) {
            Status::CodeOnly => vec![at("is cited by code, but no test proves it".to_owned())],
            Status::TestOnly => vec![at(format!(
                "has a test ({}), but no code cites it",
                proven()
            ))],
            Status::Missing => vec![at("has neither code nor test".to_owned())],
            Status::Pending if !proven().is_empty() => vec![at(format!(
                "is pending and has a test ({}): the list can only shrink, run `cargo xtask trace --shrink`",
                proven()
            ))],
            Status::Proven => self.switch_findings(row).into_iter().map(at).collect(),
            Status::Pending | Status::Info | Status::Superseded | Status::Exception => Vec::new(),
        }
    }

    /// What is missing for a switch: two lines of tests that name the rule, one for each position,
    /// and its key in one of those files.
    fn switch_findings(&self, row: &Row) -> Option<String> {
        let Claim::Switch(key) = &row.claim else {
            return None;
        };
        let places = self.places(&row.id);
        let short = key.rsplit('.').next().unwrap_or(key);
        let names_key = |line: &&Line<'_>| {
            line.role == Role::Test
                && places.tests.contains(line.path)
                && citations::has_word(line.text, short)
        };
        if places.test_lines < 2 {
            Some(format!(
                "is a switch ({key}): a test has to name it in each of its positions"
            ))
        } else if !self.lines.iter().any(|line| names_key(&line)) {
            Some(format!(
                "is a switch, but no test that names it turns {key}"
            ))
        } else {
            None
        }
    }

    fn unknown_ids(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for line in &self.lines {
            for id in citations::ids(line.text) {
                if !self.rows.knows(id) {
                    let what = match id.split_once('-') {
                        Some((document, clause)) if !clause.contains('-') => {
                            format!(
                                "no row of specs/ is in {id}: a mere clause is written {document} {clause}"
                            )
                        }
                        _ => format!("{id} is no row of specs/"),
                    };
                    findings.push(Finding::new(line.path, line.number, what));
                }
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = "id\tactor\tlevel\ttext\tnotes\tas\n\
        IM-1.1-S2\tserver\tSHALL\tTwo.\t\trule\n\
        IM-1.1-S2a\tserver\tSHALL\tTwo and a bit.\t\trule\n\
        IM-1.1-S3\tserver\tSHALL\tThree.\t\tswitch focus.answer\n\
        IM-1.1-S4\tserver\tMAY\tFour.\t\tinfo\n";

    /// What `check` finds in SPEC with this pending list and this code, without the paths.
    fn found(pending: &str, code: &str) -> Vec<String> {
        let tree = Tree::of(&[
            ("specs/im.tsv", SPEC),
            ("specs/pending.txt", pending),
            ("crates/server/src/lib.rs", code),
        ]);
        let mut findings = Trace::of(&tree).findings();
        findings.sort();
        findings.into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_rule_needs_code_and_test() {
        let rows: &[(&str, &[&str])] = &[
            (
                "// IM-1.1-S2: why\nfn a() {}\n#[test]\nfn t() { \"IM-1.1-S2\" }",
                &[],
            ),
            (
                "fn a() { refuse(\"IM-1.1-S2\") }\n// IM-1.1-S2\n#[test]\nfn t() {}",
                &[],
            ),
            (
                "// IM-1.1-S2\nfn a() {}",
                &["IM-1.1-S2 is cited by code, but no test proves it"],
            ),
            (
                "#[cfg(test)]\nmod t { // IM-1.1-S2\n}",
                &["IM-1.1-S2 has a test (crates/server/src/lib.rs), but no code cites it"],
            ),
            ("// IM-1.1-S2a", &["IM-1.1-S2 has neither code nor test"]),
        ];
        for (code, want) in rows {
            assert_eq!(
                found("IM-1.1-S2a later\nIM-1.1-S3 later\n", code),
                *want,
                "{code}"
            );
        }
    }

    #[test]
    fn a_pending_rule_with_a_test_is_no_longer_pending() {
        let code = "// IM-1.1-S2\nfn a() {}\n#[test]\nfn t() { \"IM-1.1-S2\" }";
        let found = found("IM-1.1-* later\n", code);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found
                .concat()
                .starts_with("IM-1.1-S2 is pending and has a test"),
            "{found:?}"
        );
    }

    #[test]
    fn an_unknown_id_is_found_anywhere() {
        let rows: &[(&str, &[&str])] = &[
            ("// IM-1.1-S9", &["IM-1.1-S9 is no row of specs/"]),
            (
                "#[test]\nfn t() { \"IM-1.1-S2b\" }",
                &["IM-1.1-S2b is no row of specs/"],
            ),
            ("// IM-1.1 as a whole, IM-1.1-* and IM-1.1-S4.", &[]),
            (
                "// IM-2.1",
                &["no row of specs/ is in IM-2.1: a mere clause is written IM 2.1"],
            ),
            ("// IM 2.1", &[]),
        ];
        for (code, want) in rows {
            assert_eq!(found("IM-1.1-* later\n", code), *want, "{code}");
        }
    }

    #[test]
    fn a_switch_needs_a_test_in_each_position() {
        let once = "// IM-1.1-S3\nfn a() {}\n#[test]\nfn t() { answer(\"IM-1.1-S3\"); }\n";
        let nameless =
            "// IM-1.1-S3\nfn a() {}\n#[test]\nfn t() {\n\"IM-1.1-S3\";\n\"IM-1.1-S3\"; }";
        let twice = "// IM-1.1-S3\nfn a() {}\n#[test]\nfn t() {\nanswer(1, \"IM-1.1-S3\");\n\
                     answer(2, \"IM-1.1-S3\"); }";
        let rows: &[(&str, &[&str])] = &[
            (
                once,
                &[
                    "IM-1.1-S3 is a switch (focus.answer): a test has to name it in each of its positions",
                ],
            ),
            (
                nameless,
                &["IM-1.1-S3 is a switch, but no test that names it turns focus.answer"],
            ),
            (twice, &[]),
        ];
        for (code, want) in rows {
            assert_eq!(
                found("IM-1.1-S2 later\nIM-1.1-S2a later\n", code),
                *want,
                "{code}"
            );
        }
    }

    #[test]
    fn a_stale_table_is_found() {
        let files = [
            ("specs/im.tsv", SPEC),
            ("specs/pending.txt", "IM-* later\n"),
        ];
        let tree = Tree::of(&files);
        assert!(check(&tree).is_err());
        let fresh = table::table(&Trace::of(&tree));
        let [spec, pending] = files;
        assert!(check(&Tree::of(&[spec, pending, (TABLE, &fresh)])).is_ok());
    }
}
