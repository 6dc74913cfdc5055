//! How long files, functions and comments are, and whether every file is used.

use crate::finding::Finding;
use crate::rust::{Kind, Source};

/// A file beyond this is two files, tests included.
const FILE_LINES: usize = 800;

/// Most files stay below this; a longer one is noted, not refused.
const FILE_LINES_AIM: usize = 400;

/// What a reader sees on one screen; a longer function is two, test functions too.
const FUNCTION_LINES: usize = 70;

/// The width of a line with a comment, in characters. rustfmt cares for the code.
const COMMENT_WIDTH: usize = 100;

/// Checks every Rust file.
pub(super) fn check(sources: &[Source<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let lines = source.text.lines().count();
        if lines > FILE_LINES {
            let what = format!("{lines} lines, {FILE_LINES} at most: split it by idea");
            findings.push(Finding::new(source.path, FILE_LINES + 1, what));
        }
        if !source.reached {
            let what = "no `mod` reaches this file: it is dead, or forgotten";
            findings.push(Finding::new(source.path, 1, what));
        }
        for function in source.functions() {
            let lines = function.last + 1 - function.first;
            if lines > FUNCTION_LINES {
                let name = function.name;
                let what = format!("fn {name} has {lines} lines, {FUNCTION_LINES} at most");
                findings.push(Finding::new(source.path, function.first, what));
            }
        }
        findings.extend(wide_comments(source));
    }
    findings
}

/// The files above the aim, each as a note.
pub(super) fn long_files(sources: &[Source<'_>]) -> Vec<String> {
    let lengths = sources
        .iter()
        .map(|source| (source.path, source.text.lines().count()));
    lengths
        .filter(|(_, lines)| (FILE_LINES_AIM + 1..=FILE_LINES).contains(lines))
        .map(|(path, lines)| format!("{path} has {lines} lines; {FILE_LINES_AIM} is the aim"))
        .collect()
}

fn wide_comments(source: &Source<'_>) -> Vec<Finding> {
    let comments = source
        .tokens
        .iter()
        .filter(|token| token.kind == Kind::Comment);
    let mut lines = source.text.lines();
    let mut next = 1;
    let mut findings = Vec::new();
    for number in comments.flat_map(|comment| comment.line..=comment.last_line()) {
        if number < next {
            continue; // a second comment on the same line
        }
        let line = lines.nth(number - next).unwrap_or("");
        next = number + 1;
        let width = line.chars().count();
        // An address cannot be broken.
        if width > COMMENT_WIDTH && !line.contains("://") {
            let what = format!("a comment {width} wide, {COMMENT_WIDTH} at most");
            findings.push(Finding::new(source.path, number, what));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rust;
    use crate::tree::Tree;

    fn found(path: &str, text: &str) -> Vec<(usize, String)> {
        let tree = Tree::of(&[(path, text)]);
        check(&rust::sources(&tree))
            .into_iter()
            .map(|f| (f.line, f.what))
            .collect()
    }

    #[test]
    fn long_and_longer_files() {
        for (lines, noted, refused) in [(400, 0, 0), (401, 1, 0), (800, 1, 0), (801, 0, 1)] {
            let text = "//\n".repeat(lines);
            let tree = Tree::of(&[("crates/sip/src/lib.rs", text.as_str())]);
            let sources = rust::sources(&tree);
            assert_eq!(long_files(&sources).len(), noted, "{lines}");
            assert_eq!(check(&sources).len(), refused, "{lines}");
        }
    }

    #[test]
    fn long_functions() {
        let function =
            |lines: usize| format!("\n#[test]\nfn a() {{\n{}}}\n", "b();\n".repeat(lines - 2));
        assert_eq!(found("crates/sip/src/lib.rs", &function(70)), []);
        let want = [(3, "fn a has 71 lines, 70 at most".to_owned())];
        assert_eq!(found("crates/sip/src/lib.rs", &function(71)), want);
    }

    #[test]
    fn wide_lines() {
        let wide = "w".repeat(98);
        let rows = [
            (format!("//{wide}\n"), 0),
            (format!("// {wide}\n"), 1),
            (format!("// https://{wide}\n"), 0),
            (format!("let x = \"{wide}\";\n"), 0),
            (format!("/*\n\n   {wide}\n*/\nfn a() {{}} // {wide}\n"), 2),
            (format!("/* a */ /* {wide} */\n"), 1),
        ];
        for (text, want) in rows {
            assert_eq!(found("xtask/src/a.rs", &text).len(), want, "{text}");
        }
    }

    #[test]
    fn dead_files() {
        let want = [(
            1,
            "no `mod` reaches this file: it is dead, or forgotten".to_owned(),
        )];
        assert_eq!(found("crates/sip/src/lost.rs", ""), want);
        assert_eq!(found("crates/sip/src/main.rs", ""), []);
        assert_eq!(found("crates/sip/tests/all.rs", ""), []);
    }
}
