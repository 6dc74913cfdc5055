//! The checkout as a plain map from path to text, so that a test can write a small one by hand.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::finding::Failure;

/// Folders that hold nothing of ours: what git and cargo write, and what fuzzing collects.
const FOREIGN: &[&str] = &[".git", "artifacts", "corpus", "target"];

/// Every text file of the checkout, by its path from the root, with `/` between folders.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads the checkout at `root`. Files that are not UTF-8 are left out: no rule is about them.
    pub(crate) fn read(root: &Path) -> Result<Self, Failure> {
        let mut tree = Self::default();
        tree.read_folder(root, "")?;
        Ok(tree)
    }

    /// A tree written down in a test.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|(p, t)| (String::from(*p), String::from(*t)));
        Self {
            files: files.collect(),
        }
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// All files, in the order of their paths.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(p, t)| (p.as_str(), t.as_str()))
    }

    /// The names of the folders in `crates/`.
    pub(crate) fn crates(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.files.keys().filter_map(|p| crate_of(p)).collect();
        names.dedup();
        names
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) -> Result<(), Failure> {
        let failed = |source| Failure::Io {
            what: format!("cannot read {}", folder.display()),
            source,
        };
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            if kind.is_dir() && !FOREIGN.contains(&name.as_str()) {
                self.read_folder(&entry.path(), &format!("{path}/"))?;
            } else if kind.is_file() {
                let bytes = fs::read(entry.path()).map_err(failed)?;
                if let Ok(text) = String::from_utf8(bytes) {
                    self.files.insert(path, text);
                }
            }
        }
        Ok(())
    }
}

/// The crate that a file belongs to: the `x` of `crates/x/…`.
pub(crate) fn crate_of(path: &str) -> Option<&str> {
    let (name, _) = path.strip_prefix("crates/")?.split_once('/')?;
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_the_folders_with_files() {
        let tree = Tree::of(&[
            ("crates/room/src/lib.rs", ""),
            ("crates/room/Cargo.toml", ""),
            ("crates/sip/Cargo.toml", ""),
            ("crates/README.md", ""),
            ("xtask/src/main.rs", ""),
        ]);
        assert_eq!(tree.crates(), ["room", "sip"]);
    }
}
