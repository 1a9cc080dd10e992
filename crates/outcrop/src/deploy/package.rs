//! Turns the code of a function into the zip that the Lambda API takes.
//!
//! The same files give the same bytes on every machine: names are sorted, times and owners are fixed, and of the file
//! modes only "executable" is kept. So a hash tells whether code has changed.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Largest zip that is sent within a request, in bytes: Lambda's limit.
const ZIP_BYTES_MAX: u64 = 50 * 1024 * 1024;
/// Largest sum of files, in bytes: Lambda's limit.
const FILES_BYTES_MAX: u64 = 250 * 1024 * 1024;
/// Most files in one package.
const FILES_MAX: usize = 20_000;
/// Deepest folder inside a package.
const DEPTH_MAX: usize = 64;

/// Code, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    /// The zip.
    pub zip: Vec<u8>,
    /// SHA-256 of the zip, in hexadecimal.
    pub sha256: String,
}

/// The packages of one deployment; each folder is read once.
#[derive(Debug)]
pub(crate) struct Packages {
    base: PathBuf,
    read: BTreeMap<PathBuf, Result<Arc<Package>, String>>,
}

impl Packages {
    /// Packages of a template that stands in the folder `base`.
    pub(crate) fn new(base: PathBuf) -> Self {
        Self { base, read: BTreeMap::new() }
    }

    /// The package of a folder, a zip or a single file, named relative to the template.
    pub(crate) fn local(&mut self, name: &str) -> Result<Arc<Package>, String> {
        let path = self.base.join(name);
        self.read.entry(path).or_insert_with_key(|path| package(path).map(Arc::new)).clone()
    }
}

/// The package of inline code: one file named as the runtime expects it.
pub(crate) fn inline(code: &str, runtime: Option<&str>) -> Result<Package, String> {
    let file = match runtime {
        Some(runtime) if runtime.starts_with("python") => "index.py",
        Some(runtime) if runtime.starts_with("nodejs") => "index.js",
        _ => return Err("inline code is for Python and Node.js runtimes only".to_owned()),
    };
    zip([(file.to_owned(), false, code.as_bytes().to_vec())])
}

fn package(path: &Path) -> Result<Package, String> {
    let shown = path.display();
    let metadata = fs::metadata(path).map_err(|error| format!("cannot read `{shown}`: {error}"))?;
    if metadata.is_dir() {
        let mut found = Found { root: canonical(path)?, files: Vec::new(), bytes: 0 };
        found.folder(path, "", 0)?;
        if found.files.is_empty() {
            return Err(format!("folder `{shown}` has no files"));
        }
        let contents = found.files.into_iter().map(|file| {
            let content = read(&file.path)?;
            Ok((file.name, file.executable, content))
        });
        return zip_each(contents);
    }
    if metadata.len() > ZIP_BYTES_MAX {
        return Err(format!("`{shown}` is larger than {ZIP_BYTES_MAX} bytes"));
    }
    let content = read(path)?;
    let is_archive = path.extension().is_some_and(|extension| extension == "zip" || extension == "jar");
    if is_archive {
        return Ok(Package { sha256: hex(&content), zip: content });
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    zip([(name, is_executable(&metadata), content)])
}

struct File {
    name: String,
    path: PathBuf,
    executable: bool,
}

struct Found {
    root: PathBuf,
    files: Vec<File>,
    bytes: u64,
}

impl Found {
    fn folder(&mut self, path: &Path, prefix: &str, depth: usize) -> Result<(), String> {
        if depth > DEPTH_MAX {
            return Err(format!("`{}` is nested more than {DEPTH_MAX} folders deep", path.display()));
        }
        let problem = |error: std::io::Error| format!("cannot read `{}`: {error}", path.display());
        let mut entries = fs::read_dir(path).map_err(problem)?.collect::<Result<Vec<_>, _>>().map_err(problem)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let os_name = entry.file_name();
            let Some(name) = os_name.to_str() else {
                return Err(format!("`{}` has no UTF-8 name", entry.path().display()));
            };
            if !is_left_out(name) {
                self.entry(&entry.path(), format!("{prefix}{name}"), depth)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, name: String, depth: usize) -> Result<(), String> {
        let problem = |error: std::io::Error| format!("cannot read `{}`: {error}", path.display());
        let is_link = fs::symlink_metadata(path).map_err(problem)?.is_symlink();
        let metadata = fs::metadata(path).map_err(problem)?;
        // A link to a file of the same folder is stored as that file (`node_modules/.bin` is full of them). A link to a
        // folder could lead in a circle, a link to elsewhere could send what nobody meant to send.
        if is_link && (metadata.is_dir() || !canonical(path)?.starts_with(&self.root)) {
            return Err(format!("`{}` is a link out of the folder or to a folder", path.display()));
        }
        if metadata.is_dir() {
            return self.folder(path, &format!("{name}/"), depth + 1);
        }
        if !metadata.is_file() {
            return Err(format!("`{}` is no regular file", path.display()));
        }
        self.bytes = self.bytes.saturating_add(metadata.len());
        if self.bytes > FILES_BYTES_MAX || self.files.len() >= FILES_MAX {
            let root = self.root.display();
            return Err(format!("`{root}` has more than {FILES_MAX} files or {FILES_BYTES_MAX} bytes"));
        }
        self.files.push(File { name, path: path.to_owned(), executable: is_executable(&metadata) });
        Ok(())
    }
}

/// Caches and the like: they change without a change of the code.
fn is_left_out(name: &str) -> bool {
    matches!(name, ".git" | "__pycache__" | ".DS_Store" | ".pytest_cache" | ".mypy_cache") || name.ends_with(".pyc")
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let problem = |error: std::io::Error| format!("cannot read `{}`: {error}", path.display());
    let mut content = Vec::new();
    let file = fs::File::open(path).map_err(problem)?;
    // The file may have grown since its size was taken.
    file.take(FILES_BYTES_MAX + 1).read_to_end(&mut content).map_err(problem)?;
    Ok(content)
}

fn canonical(path: &Path) -> Result<PathBuf, String> {
    path.canonicalize().map_err(|error| format!("cannot read `{}`: {error}", path.display()))
}

#[cfg(unix)]
fn is_executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    false
}

fn zip<const N: usize>(files: [(String, bool, Vec<u8>); N]) -> Result<Package, String> {
    zip_each(files.into_iter().map(Ok))
}

/// Files come one by one, so that only one is in memory beside the zip.
fn zip_each(files: impl Iterator<Item = Result<(String, bool, Vec<u8>), String>>) -> Result<Package, String> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default());
    let problem = |error: &dyn std::fmt::Display| format!("cannot make a zip: {error}");
    for file in files {
        let (name, executable, content) = file?;
        let mode = if executable { 0o755 } else { 0o644 };
        writer.start_file(name, options.unix_permissions(mode)).map_err(|error| problem(&error))?;
        writer.write_all(&content).map_err(|error| problem(&error))?;
    }
    let zip = writer.finish().map_err(|error| problem(&error))?.into_inner();
    if zip.len() as u64 > ZIP_BYTES_MAX {
        return Err(format!("the zipped code is larger than {ZIP_BYTES_MAX} bytes"));
    }
    Ok(Package { sha256: hex(&zip), zip })
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of a text, in hexadecimal.
pub(crate) fn text_sha256(text: &str) -> String {
    hex(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join("code").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    fn names(package: &Package) -> Vec<String> {
        let mut archive = zip::ZipArchive::new(Cursor::new(package.zip.clone())).unwrap();
        (0..archive.len()).map(|at| archive.by_index(at).unwrap().name().to_owned()).collect()
    }

    #[test]
    fn the_same_files_give_the_same_bytes() {
        let files = [("app.py", "x = 1"), ("lib/z.py", ""), ("lib/a.py", "y"), ("b.py", "b")];
        let (one, mut other) = (folder(&files), files);
        other.reverse();
        let other = folder(&other);
        fs::create_dir_all(other.path().join("code/__pycache__")).unwrap();
        fs::write(other.path().join("code/__pycache__/app.cpython-312.pyc"), "cache").unwrap();
        let package = |folder: &tempfile::TempDir| Packages::new(folder.path().to_owned()).local("./code").unwrap();
        let first = package(&one);
        assert_eq!(first, package(&other));
        assert_eq!(names(&first), ["app.py", "b.py", "lib/a.py", "lib/z.py"]);
        fs::write(one.path().join("code/app.py"), "x = 2").unwrap();
        assert_ne!(first.sha256, package(&one).sha256);
    }

    #[test]
    fn inline_code_is_named_after_its_runtime() {
        let package = inline("print(1)", Some("python3.12")).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(package.zip)).unwrap();
        let mut text = String::new();
        archive.by_name("index.py").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "print(1)");
        assert_eq!(names(&inline("", Some("nodejs22.x")).unwrap()), ["index.js"]);
        assert!(inline("", Some("provided.al2023")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_inside() {
        let folder = folder(&[("app.py", "x"), ("../secret.txt", "s")]);
        let code = folder.path().join("code");
        std::os::unix::fs::symlink("app.py", code.join("again.py")).unwrap();
        let package = |folder: &tempfile::TempDir| Packages::new(folder.path().to_owned()).local("code");
        assert_eq!(names(&package(&folder).unwrap()), ["again.py", "app.py"]);
        std::os::unix::fs::symlink("../secret.txt", code.join("out.txt")).unwrap();
        assert!(package(&folder).unwrap_err().contains("out.txt` is a link out of the folder"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let folder = folder(&[]);
        let mut packages = Packages::new(folder.path().to_owned());
        assert!(packages.local("nowhere").unwrap_err().starts_with("cannot read `"));
        fs::create_dir(folder.path().join("empty")).unwrap();
        assert!(packages.local("empty").unwrap_err().ends_with("empty` has no files"));
    }
}
