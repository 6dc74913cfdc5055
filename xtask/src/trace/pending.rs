//! The rules that no code claims yet: `specs/pending.txt`. The list can only shrink.

use std::collections::BTreeSet;

use super::rows::Rows;
use crate::finding::Finding;
use crate::tree::Tree;

pub(super) const FILE: &str = "specs/pending.txt";

/// The list, line by line.
#[derive(Debug, Default)]
pub(super) struct Pending {
    lines: Vec<Line>,
}

#[derive(Debug)]
enum Line {
    /// A comment or an empty line.
    Aside(String),
    Entry(Entry),
}

/// An id, or a pattern with one `*`, and why its rules are pending.
#[derive(Debug)]
struct Entry {
    pattern: String,
    reason: String,
    line: usize,
}

impl Entry {
    fn matches(&self, id: &str) -> bool {
        match self.pattern.split_once('*') {
            Some((start, end)) => id
                .strip_prefix(start)
                .is_some_and(|rest| rest.ends_with(end)),
            None => id == self.pattern,
        }
    }
}

impl Pending {
    /// Reads the list. Without a file nothing is pending.
    pub(super) fn read(tree: &Tree) -> Self {
        let text = tree.text(FILE).unwrap_or("");
        let lines = (1..).zip(text.lines()).map(|(line, text)| {
            if text.trim().is_empty() || text.starts_with('#') {
                return Line::Aside(text.to_owned());
            }
            let (pattern, reason) = text.split_once(' ').unwrap_or((text, ""));
            Line::Entry(Entry {
                pattern: pattern.to_owned(),
                reason: reason.trim().to_owned(),
                line,
            })
        });
        Self {
            lines: lines.collect(),
        }
    }

    pub(super) fn covers(&self, id: &str) -> bool {
        self.entries().any(|entry| entry.matches(id))
    }

    /// Entries without a reason, and entries that match nothing which could be pending.
    pub(super) fn findings(&self, rows: &Rows) -> Vec<Finding> {
        let mut findings = Vec::new();
        for entry in self.entries() {
            let could_be = |row: &super::Row| row.claim.needs_proof() && entry.matches(&row.id);
            if entry.reason.is_empty() {
                let what = format!("{} needs a reason after it", entry.pattern);
                findings.push(Finding::new(FILE, entry.line, what));
            }
            if !rows.rows.iter().any(could_be) {
                let what = format!("{} matches no rule: delete the line", entry.pattern);
                findings.push(Finding::new(FILE, entry.line, what));
            }
        }
        findings
    }

    /// The list without the rules that are not open any more.
    ///
    /// A pattern of which all rules are open stays; of another the open ids that no pattern which
    /// stays covers are written out one by one.
    pub(super) fn shrunk(&self, rows: &Rows, open: &BTreeSet<&str>) -> String {
        let ids = |entry: &Entry| -> Vec<String> {
            let rows = rows.rows.iter().filter(|row| row.claim.needs_proof());
            rows.filter(|row| entry.matches(&row.id))
                .map(|row| row.id.clone())
                .collect()
        };
        let is_open = |id: &String| open.contains(id.as_str());
        let stays = |entry: &Entry| ids(entry).iter().all(is_open) && !ids(entry).is_empty();
        let mut written: BTreeSet<String> = self
            .entries()
            .filter(|entry| stays(entry))
            .flat_map(ids)
            .collect();
        let mut lines = Vec::new();
        for line in &self.lines {
            match line {
                Line::Aside(aside) => lines.push(aside.clone()),
                Line::Entry(entry) if stays(entry) => {
                    lines.push(format!("{} {}", entry.pattern, entry.reason));
                }
                Line::Entry(entry) => {
                    for id in ids(entry).into_iter().filter(is_open) {
                        if written.insert(id.clone()) {
                            lines.push(format!("{id} {}", entry.reason));
                        }
                    }
                }
            }
        }
        lines.join("\n") + "\n"
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.lines.iter().filter_map(|line| match line {
            Line::Entry(entry) => Some(entry),
            Line::Aside(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = "id\tactor\tlevel\ttext\tnotes\tas\n\
        IM-1-S1\tserver\tSHALL\tOne.\t\trule\n\
        IM-1-S1a\tserver\tSHALL\tOne a.\t\trule\n\
        IM-1-IMS\tserver\tSHALL\tIn IMS.\t\trule\n\
        IM-10-S1\tserver\tSHALL\tTen.\t\trule\n\
        IM-10-N1\tserver\tMAY\tA note.\t\tinfo\n";

    fn read(list: &str) -> (Pending, Rows) {
        let tree = Tree::of(&[("specs/a.tsv", SPEC), (FILE, list)]);
        (Pending::read(&tree), Rows::read(&tree))
    }

    #[test]
    fn patterns() {
        let rows = [
            ("IM-1-S1 x", "IM-1-S1", true),
            ("IM-1-S1 x", "IM-1-S1a", false),
            ("IM-1-* x", "IM-1-S1a", true),
            ("IM-1-* x", "IM-10-S1", false),
            ("*-IMS x", "IM-1-IMS", true),
            ("*-IMS x", "IM-1-IMSX", false),
        ];
        for (list, id, want) in rows {
            assert_eq!(read(list).0.covers(id), want, "{list}: {id}");
        }
    }

    #[test]
    fn entries_that_are_wrong() {
        let rows = [
            ("# aside\n\nIM-1-S1 later", ""),
            ("IM-1-S1", "IM-1-S1 needs a reason after it"),
            ("IM-1-S2 later", "IM-1-S2 matches no rule: delete the line"),
            (
                "IM-10-N1 later",
                "IM-10-N1 matches no rule: delete the line",
            ),
        ];
        for (list, want) in rows {
            let (pending, rows) = read(list);
            let found: Vec<String> = pending
                .findings(&rows)
                .into_iter()
                .map(|f| f.what)
                .collect();
            assert_eq!(found.concat(), want, "{list}");
        }
    }

    #[test]
    fn shrinking_writes_out_what_is_left_of_a_pattern() {
        let (pending, rows) = read("# why\nIM-1-* later\nIM-10-* much later\n*-IMS core\n");
        let open = BTreeSet::from(["IM-1-S1a", "IM-1-IMS", "IM-10-S1"]);
        let want = "# why\nIM-1-S1a later\nIM-10-* much later\n*-IMS core\n";
        assert_eq!(pending.shrunk(&rows, &open), want);
    }
}
