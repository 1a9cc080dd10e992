//! `cargo xtask tidy`: what the architecture says, checked as code.
//!
//! Every check reads files and gives a list of complaints, each naming the place and the way out.

mod arrows;
mod links;
mod sources;

use crate::command::{self, Outcome, cargo, say};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs every check; an error when one complains.
pub(crate) fn tidy(root: &Path) -> Outcome {
    let tree = Tree::read(root)?;
    let checks: [(&str, Vec<String>); 6] = [
        ("arrows between crates", arrows::between_crates(&tree)),
        ("the planner's dependencies", planner_dependencies(root)?),
        ("Rust sources", sources::check(&tree)),
        ("links in Markdown", links::check(&tree)),
        ("coverage/operations.txt", sorted_without_repeats(&tree, "coverage/operations.txt")),
        ("nothing that does not belong", strays(&tree)),
    ];
    let mut complaints = 0;
    for (subject, found) in &checks {
        for complaint in found {
            say(&format!("{subject}: {complaint}"));
        }
        complaints += found.len();
    }
    if complaints > 0 {
        return Err(format!("tidy: {complaints} to mend"));
    }
    say(&format!("tidy: {} checks over {} files, nothing to mend", checks.len(), tree.files.len()));
    Ok(())
}

/// The project's own text files, by path from the root with `/`.
pub(crate) struct Tree {
    root: PathBuf,
    files: Vec<(String, String)>,
}

impl Tree {
    /// What Git knows or would take up; what it ignores is not the project's.
    fn read(root: &Path) -> Result<Self, String> {
        let listed = command::output(
            Command::new("git")
                .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
                .current_dir(root),
        )?;
        let mut files = Vec::new();
        for path in listed.split('\0').filter(|path| !path.is_empty()) {
            // Deleted but not yet committed, or no text: neither has lines to check.
            if let Ok(text) = fs::read_to_string(root.join(path)) {
                files.push((path.to_owned(), text));
            }
        }
        Ok(Self { root: root.to_owned(), files })
    }

    /// A tree made of texts, for tests.
    #[cfg(test)]
    fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Self { root: PathBuf::from("/nowhere"), files }
    }

    /// Paths and texts of the files with an ending.
    fn with_ending<'a>(&'a self, ending: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files.iter().filter(move |(path, _)| path.ends_with(ending)).map(|(path, text)| (&**path, &**text))
    }

    /// Whether a path is there, as file or folder, checked or not.
    fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        self.files.iter().any(|(known, _)| known == path || known.starts_with(&folder)) || self.root.join(path).exists()
    }
}

/// The planner decides and does nothing else: no runtime and no network may come in, not even by a dependency.
fn planner_dependencies(root: &Path) -> Result<Vec<String>, String> {
    let tree = command::output(cargo(root).args([
        "tree",
        "--package",
        "outcrop-planner",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{lib}",
    ]))?;
    const BANNED: [&str; 8] = ["tokio", "hyper", "mio", "async_std", "smol", "rusqlite", "uuid", "getrandom"];
    Ok(BANNED
        .iter()
        .filter(|banned| tree.lines().any(|line| line.split_whitespace().next() == Some(banned)))
        .map(|banned| format!("outcrop-planner depends on {banned}; see `cargo tree -p outcrop-planner -i {banned}`"))
        .collect())
}

/// A list that people edit: sorted, so that two edits rarely meet, and without repeats. Lines with `#` are comments.
fn sorted_without_repeats(tree: &Tree, path: &str) -> Vec<String> {
    let Some((_, text)) = tree.files.iter().find(|(known, _)| known == path) else {
        return Vec::new();
    };
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    lines
        .windows(2)
        .filter(|pair| pair[0] >= pair[1])
        .map(|pair| format!("`{}` stands before `{}`; sort the list", pair[0], pair[1]))
        .collect()
}

/// Files that tools leave behind and that must not be committed.
fn strays(tree: &Tree) -> Vec<String> {
    const STRAYS: [&str; 5] = [".pyc", ".orig", ".rej", ".db-wal", ".profraw"];
    tree.files
        .iter()
        .filter(|(path, _)| STRAYS.iter().any(|ending| path.ends_with(ending)))
        .map(|(path, _)| format!("{path} is left over; remove it"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_sorted_and_has_no_repeats() {
        let check = |text, complaints| {
            let tree = Tree::of(&[("coverage/operations.txt", text)]);
            assert_eq!(sorted_without_repeats(&tree, "coverage/operations.txt").len(), complaints, "{text}");
        };
        check("", 0);
        check("# head\n\nlambda A\nlambda B\n", 0);
        check("lambda B\nlambda A\n", 1);
        check("lambda A\nlambda A\n", 1);
    }
}
