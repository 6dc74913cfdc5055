//! The rows of `specs/*.tsv`.

use std::collections::BTreeSet;

use crate::finding::Finding;
use crate::tree::Tree;

const HEADER: &str = "id\tactor\tlevel\ttext\tnotes\tas";

/// One rule of one document.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: String,
    /// The column `as`, word for word.
    pub(super) treated_as: String,
    pub(super) claim: Claim,
    /// The table it stands in.
    pub(super) path: String,
    pub(super) line: usize,
}

/// What we do about a row: the column `as`.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Claim {
    /// Not done, or done otherwise, for the reason given.
    Exception,
    /// Says something, asks nothing.
    Info,
    /// Obeyed by code, proven by a test.
    Rule,
    /// Another row takes its place.
    Superseded(String),
    /// Obeyed in one position of this configuration key; a test in each.
    Switch(String),
}

impl Claim {
    fn parse(text: &str) -> Option<Self> {
        match text.split_once(' ').unwrap_or((text, "")) {
            ("exception", reason) if !reason.is_empty() => Some(Self::Exception),
            ("info", "") => Some(Self::Info),
            ("rule", "") => Some(Self::Rule),
            ("superseded", id) if !id.is_empty() => Some(Self::Superseded(id.to_owned())),
            ("switch", key) if !key.is_empty() => Some(Self::Switch(key.to_owned())),
            _ => None,
        }
    }

    /// Must code cite it and a test prove it?
    pub(super) fn needs_proof(&self) -> bool {
        matches!(self, Self::Rule | Self::Switch(_))
    }
}

/// All rows, in the order of the files, and what is wrong with the tables themselves.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    pub(super) findings: Vec<Finding>,
    ids: BTreeSet<String>,
}

impl Rows {
    /// Reads every table.
    pub(super) fn read(tree: &Tree) -> Self {
        let mut rows = Self::default();
        let is_table = |path: &str| path.starts_with("specs/") && path.ends_with(".tsv");
        for (path, text) in tree.files().filter(|(path, _)| is_table(path)) {
            rows.read_table(path, text);
        }
        for row in &rows.rows {
            if let Claim::Superseded(by) = &row.claim
                && !rows.ids.contains(by)
            {
                let what = format!("{} is superseded by {by}, which is no row", row.id);
                rows.findings.push(Finding::new(&row.path, row.line, what));
            }
        }
        rows
    }

    /// Is it the id of a row, or the beginning that the ids of a section share?
    pub(super) fn knows(&self, id: &str) -> bool {
        self.ids
            .range(id.to_owned()..)
            .take_while(|known| known.starts_with(id))
            .any(|known| {
                known
                    .strip_prefix(id)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.', '@']))
            })
    }

    fn read_table(&mut self, path: &str, text: &str) {
        if text.lines().next() != Some(HEADER) {
            let what = format!("the first line must be: {}", HEADER.replace('\t', ", "));
            self.findings.push(Finding::new(path, 1, what));
        }
        for (number, line) in (1..).zip(text.lines()).skip(1) {
            let columns: Vec<&str> = line.split('\t').collect();
            let &[id, _, _, _, _, treated_as] = columns.as_slice() else {
                let what = format!("a row has 6 columns, this has {}", columns.len());
                self.findings.push(Finding::new(path, number, what));
                continue;
            };
            let Some(claim) = Claim::parse(treated_as) else {
                let what = format!(
                    "`{treated_as}` is none of rule, switch KEY, superseded ID, info, exception REASON"
                );
                self.findings.push(Finding::new(path, number, what));
                continue;
            };
            if !self.ids.insert(id.to_owned()) {
                self.findings
                    .push(Finding::new(path, number, format!("a second row {id}")));
            }
            self.rows.push(Row {
                id: id.to_owned(),
                treated_as: treated_as.to_owned(),
                claim,
                path: path.to_owned(),
                line: number,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_that_are_wrong() {
        let rows = [
            ("IM-1-S1\tserver\tSHALL\tOne.\t\trule", ""),
            ("IM-1-S1\tserver\tSHALL\tOne.\t\tsuperseded IM-1-S1", ""),
            (
                "IM-1-S1\tserver\tSHALL\tOne.\trule",
                "a row has 6 columns, this has 5",
            ),
            (
                "IM-1-S1\tserver\tSHALL\tOne.\t\texception",
                "`exception` is none of rule, switch KEY, superseded ID, info, exception REASON",
            ),
            (
                "IM-1-S1\tserver\tSHALL\tOne.\t\tsuperseded IM-1-S2",
                "IM-1-S1 is superseded by IM-1-S2, which is no row",
            ),
            (
                "IM-1-S1\tserver\tSHALL\tOne.\t\tinfo\nIM-1-S1\tserver\tSHALL\tOne.\t\tinfo",
                "a second row IM-1-S1",
            ),
        ];
        for (row, want) in rows {
            let text = format!("{HEADER}\n{row}\n");
            let rows = Rows::read(&Tree::of(&[("specs/a.tsv", &text)]));
            let found: Vec<String> = rows.findings.into_iter().map(|f| f.what).collect();
            assert_eq!(found.concat(), want, "{row}");
        }
    }

    #[test]
    fn a_section_is_known_by_its_rows() {
        let text = format!("{HEADER}\nIM-7.1.1.10-OK-S2a\tclient\tSHALL\tX.\t\trule\n");
        let rows = Rows::read(&Tree::of(&[("specs/a.tsv", &text)]));
        for id in [
            "IM-7.1.1.10-OK-S2a",
            "IM-7.1.1.10-OK",
            "IM-7.1.1.10",
            "IM-7.1.1",
        ] {
            assert!(rows.knows(id), "{id}");
        }
        for id in [
            "IM-7.1.1.10-OK-S2",
            "IM-7.1.1.1",
            "IM-7.1.1.10-S2a",
            "IM-7.1.1.10-OK-S2ab",
        ] {
            assert!(!rows.knows(id), "{id}");
        }
    }
}
