//! A folder of an export as one map in memory, and between it and the disk.

use super::TransferError;
use super::layout::MANIFEST;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Files by their path in the folder, with `/` between names.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// Folders of an export. What else stands beside them is the user's.
const FOLDERS: [&str; 1] = ["agents"];
/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Largest folder that is read, in bytes.
const FOLDER_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Most files that are read.
const FILES_MAX: usize = 50_000;
/// Deepest folder that is read.
const DEPTH_MAX: usize = 8;

/// Writes the files, and removes what an earlier export left in the folder and this one does not have.
///
/// Files that are as they should be are not touched. While it writes, the manifest says that the export is not whole.
///
/// # Errors
/// When the folder holds something else than an export, or holds one and `force` does not allow to replace it.
pub(super) fn write(folder: &Path, files: &Files, force: bool) -> Result<(), TransferError> {
    check_target(folder, force)?;
    let failed = |path: &Path, error: &io::Error| TransferError::Failed(format!("{}: {error}", path.display()));
    fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let is_same = |path: &Path, content: &[u8]| fs::read(path).is_ok_and(|old| old == content);
    let changes = files.iter().any(|(name, content)| !is_same(&folder.join(name), content));
    let stale = stale(folder, files)?;
    if !changes && stale.is_empty() {
        return Ok(());
    }
    let manifest = folder.join(MANIFEST);
    let unfinished = json!({"format": super::layout::FORMAT, "unfinished": true});
    fs::write(&manifest, format!("{unfinished}\n")).map_err(|error| failed(&manifest, &error))?;
    for path in stale {
        fs::remove_file(&path).map_err(|error| failed(&path, &error))?;
    }
    for (name, content) in files.iter().filter(|(name, _)| *name != MANIFEST) {
        let path = folder.join(name);
        if is_same(&path, content) {
            continue;
        }
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|error| failed(parent, &error))?;
        fs::write(&path, content).map_err(|error| failed(&path, &error))?;
    }
    for top in FOLDERS {
        remove_empty(&folder.join(top));
    }
    if let Some(content) = files.get(MANIFEST) {
        fs::write(&manifest, content).map_err(|error| failed(&manifest, &error))?;
    }
    Ok(())
}

/// Whether the folder may be written to.
///
/// # Errors
/// As [`write`].
pub(super) fn check_target(folder: &Path, force: bool) -> Result<(), TransferError> {
    let usage = |message: String| Err(TransferError::Usage(format!("{}: {message}", folder.display())));
    let mut entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return usage(error.to_string()),
    };
    let is_empty = entries.next().is_none();
    match (is_empty, folder.join(MANIFEST).is_file(), force) {
        (true, _, _) | (_, true, true) => Ok(()),
        (_, true, false) => usage("holds an export already; --force replaces it, --to names another folder".to_owned()),
        (_, false, _) => usage(format!("holds something else than an export (no {MANIFEST}); name another with --to")),
    }
}

/// Files below the export's folders that it does not have any more.
fn stale(folder: &Path, files: &Files) -> Result<Vec<PathBuf>, TransferError> {
    let mut walk = Walk { names: Vec::new(), problems: Vec::new(), bytes: 0, links: false };
    for top in FOLDERS {
        walk.folder(folder, top, 0);
    }
    if let Some(problem) = walk.problems.into_iter().next() {
        return Err(TransferError::Usage(format!("{}/{problem}", folder.display())));
    }
    Ok(walk.names.into_iter().filter(|name| !files.contains_key(name)).map(|name| folder.join(name)).collect())
}

/// Removes folders that hold nothing; one that cannot be removed stays.
fn remove_empty(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        remove_empty(&entry.path());
    }
    let _ = fs::remove_dir(folder);
}

/// Reads a folder. Gives its files, and what is wrong with it as `path: what`.
pub(super) fn read(folder: &Path) -> Result<Files, Vec<String>> {
    let mut walk = Walk { names: Vec::new(), problems: Vec::new(), bytes: 0, links: false };
    if !folder.is_dir() {
        return Err(vec![format!("{}: there is no such folder", folder.display())]);
    }
    if !folder.join(MANIFEST).is_file() {
        let mend = "it is no export; `outcrop export AGENT --to FOLDER` writes one";
        return Err(vec![format!("{}: {MANIFEST} is missing: {mend}", folder.display())]);
    }
    walk.file(folder, MANIFEST.to_owned());
    for top in FOLDERS {
        walk.folder(folder, top, 0);
    }
    let mut files = Files::new();
    for name in walk.names {
        match read_file(&folder.join(&name)) {
            Ok(content) => drop(files.insert(name, content)),
            Err(error) => walk.problems.push(format!("{name}: {error}")),
        }
    }
    match walk.problems.is_empty() {
        true => Ok(files),
        false => Err(walk.problems.into_iter().map(|problem| format!("{}/{problem}", folder.display())).collect()),
    }
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut content)?;
    if content.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(content)
}

/// Finds files; follows no links.
struct Walk {
    names: Vec<String>,
    problems: Vec<String>,
    bytes: u64,
    /// Whether links were met; one is told.
    links: bool,
}

impl Walk {
    fn folder(&mut self, root: &Path, name: &str, depth: usize) {
        let path = root.join(name);
        let kind = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return self.problems.push(format!("{name}: {error}")),
        };
        if kind.is_symlink() {
            return self.link(name);
        }
        let entries = match fs::read_dir(&path) {
            Ok(entries) if depth <= DEPTH_MAX => entries,
            Ok(_) => return self.problems.push(format!("{name}: folders more than {DEPTH_MAX} deep")),
            Err(error) => return self.problems.push(format!("{name}: {error}")),
        };
        let mut inner: Vec<_> = entries.flatten().collect();
        inner.sort_by_key(fs::DirEntry::file_name);
        for entry in inner {
            let Ok(last) = entry.file_name().into_string() else {
                self.problems.push(format!("{name}: a file name is not UTF-8"));
                continue;
            };
            let name = format!("{name}/{last}");
            match entry.file_type() {
                Ok(kind) if kind.is_symlink() => self.link(&name),
                Ok(kind) if kind.is_dir() => self.folder(root, &name, depth + 1),
                Ok(kind) if kind.is_file() => self.file(root, name),
                Ok(_) => self.problems.push(format!("{name}: not a file")),
                Err(error) => self.problems.push(format!("{name}: {error}")),
            }
            if self.names.len() > FILES_MAX || self.bytes > FOLDER_BYTES_MAX {
                return;
            }
        }
    }

    fn file(&mut self, root: &Path, name: String) {
        match fs::symlink_metadata(root.join(&name)) {
            Ok(metadata) if metadata.file_type().is_symlink() => return self.link(&name),
            Ok(metadata) => self.bytes += metadata.len(),
            Err(error) => return self.problems.push(format!("{name}: {error}")),
        }
        self.names.push(name);
        if self.names.len() == FILES_MAX + 1 {
            self.problems.push(format!("more than {FILES_MAX} files"));
        } else if self.bytes > FOLDER_BYTES_MAX {
            self.problems.push(format!("more than {FOLDER_BYTES_MAX} bytes altogether"));
        }
    }

    fn link(&mut self, name: &str) {
        if !std::mem::replace(&mut self.links, true) {
            self.problems
                .push(format!("{name}: is a symbolic link, which could lead anywhere; put the file itself there"));
        }
    }
}
