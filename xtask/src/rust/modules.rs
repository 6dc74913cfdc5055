//! Which files a crate reaches by `mod`, and which of them only for its tests.

use std::collections::BTreeMap;

use super::items::{Attribute, attributes};
use super::{Token, in_crate_folder};
use crate::tree::Tree;

/// A `mod name;`: a promise that there is a file.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Declared {
    /// The inline modules around it, outermost first, and its own name last.
    names: Vec<String>,
    /// The file named by `#[path = "…"]`.
    path: Option<String>,
    /// It, or a module around it, is for tests only.
    test: bool,
}

/// The modules that a file promises.
pub(super) fn declared(code: &[Token<'_>]) -> Vec<Declared> {
    let attributes = attributes(code);
    let mut declared = Vec::new();
    let mut around: Vec<Around> = Vec::new();
    let mut depth = 0_usize;
    let mut item_line = 0; // where the attributes of the item at hand may begin
    for (at, token) in code.iter().enumerate() {
        if token.is("{") {
            depth += 1;
        } else if token.is("}") {
            depth = depth.saturating_sub(1);
            around.retain(|module| module.depth <= depth);
        } else if token.is("mod")
            && let Some([name, end]) = code.get(at + 1..at + 3)
        {
            let own = own_attributes(&attributes, item_line, token.line);
            let test =
                own.clone().any(Attribute::makes_a_test) || around.iter().any(|module| module.test);
            if end.is("{") {
                let name = name.text.to_owned();
                around.push(Around {
                    name,
                    depth: depth + 1,
                    test,
                });
            } else if end.is(";") {
                let names = around.iter().map(|m| m.name.clone());
                declared.push(Declared {
                    names: names.chain([name.text.to_owned()]).collect(),
                    path: own.clone().find_map(|a| a.value("path")).map(str::to_owned),
                    test,
                });
            }
        }
        if token.is(";") || token.is("{") || token.is("}") {
            item_line = token.line;
        }
    }
    declared
}

/// The attributes between the end of the item before and the word `mod`.
fn own_attributes<'a>(
    attributes: &'a [Attribute<'a>],
    after: usize,
    until: usize,
) -> impl Iterator<Item = &'a Attribute<'a>> + Clone {
    attributes
        .iter()
        .filter(move |a| a.line > after && a.line <= until)
}

/// An inline module that we are in.
struct Around {
    name: String,
    /// The brace depth inside it.
    depth: usize,
    test: bool,
}

/// The files that the crate roots reach, and whether only tests reach them.
pub(super) fn reached(
    tree: &Tree,
    declared: &BTreeMap<&str, Vec<Declared>>,
) -> BTreeMap<String, bool> {
    let mut reached = BTreeMap::new();
    let mut waiting: Vec<(String, bool)> = tree
        .files()
        .filter(|(path, _)| is_root(path))
        .map(|(path, _)| (path.to_owned(), false))
        .collect();
    while let Some((path, test)) = waiting.pop() {
        // A file that both a test and the crate proper use is not a test.
        if reached
            .get(&path)
            .is_some_and(|known: &bool| !*known || test)
        {
            continue;
        }
        for module in declared.get(path.as_str()).into_iter().flatten() {
            let files = candidates(&path, module);
            let found = files.into_iter().find(|file| tree.text(file).is_some());
            waiting.extend(found.map(|file| (file, test || module.test)));
        }
        reached.insert(path, test);
    }
    reached
}

fn is_root(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let in_bin = folder.ends_with("/src/bin") && name.ends_with(".rs");
    let in_bin_folder = name == "main.rs" && folder.contains("/src/bin/");
    let top = folder.ends_with("/src") && folder.matches('/').count() == 2;
    in_crate_folder(path, "src")
        && (in_bin || in_bin_folder || top && matches!(name, "lib.rs" | "main.rs"))
}

/// The files in which the compiler would look for a module.
fn candidates(path: &str, module: &Declared) -> Vec<String> {
    let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
    if let Some(given) = &module.path {
        return vec![format!("{folder}/{given}")];
    }
    let stem = name.strip_suffix(".rs").unwrap_or(name);
    let own_folder = if stem == "mod" || is_root(path) {
        folder.to_owned()
    } else {
        format!("{folder}/{stem}")
    };
    let place = format!("{own_folder}/{}", module.names.join("/"));
    vec![format!("{place}.rs"), format!("{place}/mod.rs")]
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::*;

    fn all(files: &[(&str, &str)]) -> Vec<(String, bool)> {
        let tree = Tree::of(files);
        let declared = tree
            .files()
            .map(|(p, t)| (p, declared(&tokens(t))))
            .collect();
        reached(&tree, &declared).into_iter().collect()
    }

    #[test]
    fn files_are_found_where_the_compiler_looks() {
        let got = all(&[
            (
                "crates/a/src/lib.rs",
                "pub mod b;\nmod c { mod d; }\n#[path = \"odd.rs\"]\nmod e;",
            ),
            ("crates/a/src/b/mod.rs", "mod f;"),
            ("crates/a/src/b/f.rs", "mod g;"),
            ("crates/a/src/b/f/g.rs", ""),
            ("crates/a/src/c/d.rs", ""),
            ("crates/a/src/odd.rs", ""),
            ("crates/a/src/bin/tool.rs", "mod h;"),
            ("crates/a/src/bin/h.rs", ""),
            ("crates/a/src/dead.rs", "mod deader;"),
            ("crates/a/src/dead/deader.rs", ""),
        ]);
        let paths: Vec<&str> = got.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "crates/a/src/b/f.rs",
                "crates/a/src/b/f/g.rs",
                "crates/a/src/b/mod.rs",
                "crates/a/src/bin/h.rs",
                "crates/a/src/bin/tool.rs",
                "crates/a/src/c/d.rs",
                "crates/a/src/lib.rs",
                "crates/a/src/odd.rs",
            ]
        );
    }

    #[test]
    fn a_module_inside_a_test_module_is_a_test() {
        let got = all(&[
            (
                "crates/a/src/lib.rs",
                "#[cfg(test)]\nmod t {\n mod u;\n}\nmod v;\n#[cfg(test)] mod w;",
            ),
            ("crates/a/src/t/u.rs", "mod x;"),
            ("crates/a/src/t/u/x.rs", ""),
            ("crates/a/src/v.rs", ""),
            ("crates/a/src/w.rs", ""),
        ]);
        let tests: Vec<&str> = got
            .iter()
            .filter(|(_, test)| *test)
            .map(|(p, _)| p.as_str())
            .collect();
        assert_eq!(
            tests,
            [
                "crates/a/src/t/u.rs",
                "crates/a/src/t/u/x.rs",
                "crates/a/src/w.rs"
            ]
        );
    }
}
