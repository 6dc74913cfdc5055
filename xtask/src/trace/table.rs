//! `docs/TRACE.md`: how many rules of each document are proven, and where.

use std::collections::BTreeSet;

use super::{Row, Status, Trace};

const HEAD: &str = "\
# Trace

Written by `cargo xtask trace`: do not edit. [`specs/README.md`](../specs/README.md) says what the
columns mean. *Proven* rows are cited by code and named by a test; *code only*, *test only* and
*missing* rows fail `cargo xtask trace --check`; *pending* rows stand in `specs/pending.txt`.
";

const STATUSES: [(Status, &str); 8] = [
    (Status::Proven, "proven"),
    (Status::CodeOnly, "code only"),
    (Status::TestOnly, "test only"),
    (Status::Missing, "missing"),
    (Status::Pending, "pending"),
    (Status::Info, "info"),
    (Status::Superseded, "superseded"),
    (Status::Exception, "exception"),
];

/// The whole document. No line numbers, so that it changes only when a file gains or loses a rule.
pub(super) fn table(trace: &Trace<'_>) -> String {
    let all: Vec<&Row> = trace.rows.rows.iter().collect();
    let files: BTreeSet<&str> = all.iter().map(|row| row.path.as_str()).collect();
    let in_file =
        |file: &str| -> Vec<&Row> { all.iter().copied().filter(|row| row.path == file).collect() };

    let names: Vec<String> = STATUSES
        .iter()
        .map(|(_, name)| (*name).to_owned())
        .collect();
    let mut lines = vec![HEAD.to_owned()];
    lines.push(cells("document", "rows", &names));
    lines.push(cells("---", "--:", &vec!["--:".to_owned(); names.len()]));
    for file in &files {
        lines.push(counts(trace, file, &in_file(file)));
    }
    lines.push(counts(trace, "all", &all));
    for file in &files {
        lines.push(format!("\n## {file}\n"));
        lines.push("| rule | as | status | code | tests |\n|---|---|---|---|---|".to_owned());
        lines.extend(in_file(file).into_iter().map(|row| places(trace, row)));
    }
    lines.join("\n") + "\n"
}

fn counts(trace: &Trace<'_>, name: &str, rows: &[&Row]) -> String {
    let count = |status| {
        rows.iter()
            .filter(|row| trace.status(row) == status)
            .count()
            .to_string()
    };
    let counts: Vec<String> = STATUSES.iter().map(|(status, _)| count(*status)).collect();
    cells(name, &rows.len().to_string(), &counts)
}

fn cells(first: &str, second: &str, rest: &[String]) -> String {
    format!("| {first} | {second} | {} |", rest.join(" | "))
}

fn places(trace: &Trace<'_>, row: &Row) -> String {
    let places = trace.places(&row.id);
    let status = trace.status(row);
    let status = STATUSES
        .iter()
        .find(|(known, _)| *known == status)
        .map_or("", |(_, name)| name);
    let list = |files: &BTreeSet<&str>| files.iter().copied().collect::<Vec<_>>().join(", ");
    format!(
        "| {} | {} | {status} | {} | {} |",
        row.id,
        row.treated_as,
        list(&places.code),
        list(&places.tests)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Tree;

    #[test]
    fn counts_and_places() {
        let tree = Tree::of(&[
            (
                "specs/im.tsv",
                "id\tactor\tlevel\ttext\tnotes\tas\nIM-1-S1\tserver\tSHALL\tOne.\t\trule\n\
                 IM-1-S2\tserver\tSHALL\tTwo.\t\tinfo\n",
            ),
            ("crates/sip/src/lib.rs", "// IM-1-S1"),
            ("crates/sip/tests/a.rs", "// IM-1-S1"),
            ("crates/sip/tests/b.rs", "// IM-1-S1"),
        ]);
        let table = table(&Trace::of(&tree));
        let wanted = [
            "| document | rows | proven | code only | test only | missing | pending | info | superseded | exception |",
            "| specs/im.tsv | 2 | 1 | 0 | 0 | 0 | 0 | 1 | 0 | 0 |",
            "| all | 2 | 1 | 0 | 0 | 0 | 0 | 1 | 0 | 0 |",
            "## specs/im.tsv",
            "| IM-1-S1 | rule | proven | crates/sip/src/lib.rs | crates/sip/tests/a.rs, crates/sip/tests/b.rs |",
            "| IM-1-S2 | info | info |  |  |",
        ];
        let mut lines = table.lines();
        for want in wanted {
            assert!(lines.any(|line| line == want), "{want}\n{table}");
        }
    }
}
