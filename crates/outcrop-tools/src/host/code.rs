//! A function's code on disk: where it lies, whether it changed, and unpacking of archives.

mod unpack;

use crate::failure::Failure;
use crate::functions::Runtime;
use std::collections::hash_map::DefaultHasher;
use std::fs::Metadata;
use std::hash::{Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Most files looked at to see whether a folder changed; what lies beyond is not watched.
const WATCHED_FILES_MAX: usize = 5_000;

/// Installed packages: looked at as one thing, for they are large and change by installation.
const PACKAGE_FOLDERS: [&str; 2] = ["node_modules", "site-packages"];

/// Code ready to run.
#[derive(Debug)]
pub(super) struct Code {
    /// The task root: a folder.
    pub(super) root: PathBuf,
    /// Layers as folders, in the function's order.
    pub(super) layers: Vec<PathBuf>,
    /// Rises by one each time the code changes.
    pub(super) version: u64,
    /// What the source looked like when it was taken.
    pub(super) stamp: u64,
}

/// What the source looks like now; differs when a file was added, removed, or written. Blocks.
pub(super) fn stamp(source: &Path) -> Result<u64, Failure> {
    let metadata = std::fs::metadata(source).map_err(|error| unusable(source, &error))?;
    if metadata.is_dir() {
        let mut left = WATCHED_FILES_MAX;
        folder_stamp(source, Path::new(""), &mut left).map_err(|error| unusable(source, &error))
    } else {
        Ok(file_stamp(Path::new(""), &metadata))
    }
}

/// Makes code ready: a folder is run in place, an archive is unpacked below `scratch` under its content's hash. Blocks.
pub(super) fn prepare(source: &Path, scratch: &Path) -> Result<PathBuf, Failure> {
    let failed = |error: io::Error| unusable(source, &error);
    if std::fs::metadata(source).map_err(failed)?.is_dir() {
        return std::fs::canonicalize(source).map_err(failed);
    }
    unpack::unpack(source, scratch).map_err(failed)
}

/// The folders of a layer in which Python and Node.js look for modules, as Lambda has them below `/opt`. Blocks.
pub(super) fn module_folders(layers: &[PathBuf], runtime: Runtime) -> Vec<PathBuf> {
    let mut found = Vec::new();
    // What is found first wins.
    for layer in layers.iter().rev() {
        match runtime {
            Runtime::Python => {
                found.push(layer.join("python"));
                let versions = std::fs::read_dir(layer.join("python/lib")).into_iter().flatten().filter_map(Result::ok);
                found.extend(versions.map(|version| version.path().join("site-packages")));
            }
            Runtime::NodeJs => found.push(layer.join("nodejs/node_modules")),
            Runtime::Provided => {}
        }
    }
    found.retain(|folder| folder.is_dir());
    found
}

fn unusable(source: &Path, error: &io::Error) -> Failure {
    Failure::unreachable(
        "cannot be run because its code is missing or broken",
        format!("code {}: {error}", source.display()),
    )
}

/// The sum of all files' stamps, so that the order of the listing does not matter.
fn folder_stamp(folder: &Path, inner: &Path, left: &mut usize) -> io::Result<u64> {
    let mut sum = 0u64;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let shown = name.to_string_lossy();
        // What interpreters, editors and version control write beside the code is not code.
        if shown == "__pycache__" || shown.starts_with('.') || shown.ends_with('~') {
            continue;
        }
        let Some(rest) = left.checked_sub(1) else { break };
        *left = rest;
        let inner = inner.join(&name);
        // A file may go away between the listing and the look: then it is not there.
        let Ok(metadata) = std::fs::metadata(entry.path()) else { continue };
        let descend = metadata.is_dir()
            && entry.file_type().is_ok_and(|kind| kind.is_dir())
            && !PACKAGE_FOLDERS.contains(&shown.as_ref());
        sum = sum.wrapping_add(match descend {
            true => folder_stamp(&entry.path(), &inner, left).unwrap_or_default(),
            false => file_stamp(&inner, &metadata),
        });
    }
    Ok(sum)
}

fn file_stamp(inner: &Path, metadata: &Metadata) -> u64 {
    let mut hasher = DefaultHasher::new();
    inner.hash(&mut hasher);
    // The inode tells a file that was replaced by another of equal size within the clock's grain.
    (metadata.len(), metadata.mtime(), metadata.mtime_nsec(), metadata.mode(), metadata.ino()).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_changes_of_code_only() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let mut last = stamp(folder.path()).unwrap();
        let mut check = |what: &str, changes: bool| {
            let now = stamp(folder.path()).unwrap();
            assert_eq!(now != last, changes, "{what}");
            last = now;
        };
        check("nothing", false);
        write("app.py", "a");
        check("a new file", true);
        write("app.py", "ab");
        check("a longer file", true);
        write("__pycache__/app.pyc", "x");
        write(".git/HEAD", "x");
        write("app.py~", "x");
        check("files that are no code", false);
        write("inner/deep/app.py", "a");
        check("a new file deep inside", true);
        std::fs::rename(folder.path().join("inner/deep"), folder.path().join("inner/other")).unwrap();
        check("a renamed folder", true);
        std::fs::remove_file(folder.path().join("app.py")).unwrap();
        check("a removed file", true);
        let Err(Failure::Unreachable { detail, .. }) = stamp(Path::new("/nowhere")) else { panic!("found nowhere") };
        assert!(detail.contains("/nowhere"));
    }
}
