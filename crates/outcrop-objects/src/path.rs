//! From names to places on disk, without ever leaving the folder.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Longest key, in bytes: S3's.
pub(crate) const KEY_BYTES_MAX: usize = 1_024;
/// Longest part of a path that file systems take, in bytes.
const PART_BYTES_MAX: usize = 255;
/// Where things are kept that are no objects. No name of a bucket begins with a dot.
pub(crate) const HIDDEN: &str = ".outcrop";

/// Why a name leads to no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is no name of a bucket.
    #[error("the bucket's name has other characters than letters, digits, hyphens, dots and underscores")]
    Bucket,
    /// It is longer than S3 allows.
    #[error("the key is longer than {KEY_BYTES_MAX} bytes")]
    TooLong,
    /// No file can have this name.
    #[error(
        "here a key has no empty part, no part `.` or `..`, no NUL and no part of more than {PART_BYTES_MAX} bytes: objects are files"
    )]
    NoFile,
}

/// Whether a folder can be a bucket. Wider than S3's rule, because folders are made by hand too.
pub(crate) fn is_bucket(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !name.is_empty() && name.len() <= PART_BYTES_MAX && !name.starts_with('.') && name.bytes().all(is_plain)
}

/// The path of an object below its bucket. A key that ends with a slash stands for a folder.
pub(crate) fn of_key(key: &str) -> Result<PathBuf, NameError> {
    if key.len() > KEY_BYTES_MAX {
        return Err(NameError::TooLong);
    }
    let plain = key.strip_suffix('/').unwrap_or(key);
    let is_part = |part: &str| !part.is_empty() && part.len() <= PART_BYTES_MAX && part != "." && part != "..";
    if plain.contains('\0') || !plain.split('/').all(is_part) {
        return Err(NameError::NoFile);
    }
    let path = Path::new(plain);
    // What another system might see in it, such as a drive letter.
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    if is_plain { Ok(path.to_path_buf()) } else { Err(NameError::NoFile) }
}

/// Whether a place is really inside a folder, all links followed.
pub(crate) fn is_inside(root: &Path, path: &Path) -> bool {
    match (fs::canonicalize(path), fs::canonicalize(root)) {
        (Ok(real), Ok(root)) => real.starts_with(root),
        _ => false,
    }
}

/// Makes the folders above a file, below a folder that is there. Follows no links.
///
/// # Errors
/// `NotADirectory` where one of them is something else.
pub(crate) fn make_parents(base: &Path, relative: &Path) -> io::Result<()> {
    let mut place = base.to_path_buf();
    for part in relative.parent().into_iter().flat_map(Path::components) {
        place.push(part);
        match fs::symlink_metadata(&place) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::create_dir(&place) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            },
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_plain() {
        for name in ["docs", "my.bucket-1", "With_Capitals"] {
            assert!(is_bucket(name), "{name}");
        }
        for name in ["", ".", "..", ".outcrop", "a/b", "a b", "ä", "a\0"] {
            assert!(!is_bucket(name), "{name}");
        }
        for key in ["a", "a/b.txt", "folder/", "with space/ä+%", ".hidden", "..."] {
            assert!(of_key(key).is_ok(), "{key}");
        }
        for key in ["", "/", "/a", "a//b", "a/../b", "..", "./a", "a/.", "a\0b", "a//", &"x".repeat(256)] {
            assert_eq!(of_key(key), Err(NameError::NoFile), "{key}");
        }
        assert_eq!(of_key(&"a/".repeat(600)), Err(NameError::TooLong));
    }

    proptest! {
        #[test]
        fn no_key_leaves_its_bucket(key in "[./\\\\a\0:~ ]{0,12}") {
            if let Ok(path) = of_key(&key) {
                prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
                prop_assert!(!path.as_os_str().is_empty());
            }
        }
    }
}
