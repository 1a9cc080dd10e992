//! Unpacking of zip archives that anybody may have made.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};
use zip::ZipArchive;

/// Lambda's limit for unpacked code, in bytes.
const UNPACKED_BYTES_MAX: u64 = 250 * 1024 * 1024;
/// Most entries of an archive.
const ENTRIES_MAX: usize = 50_000;

/// Unpacks below `scratch` and returns the folder; the same content is unpacked once. Nothing is left behind of an
/// archive that is refused. Blocks.
pub(super) fn unpack(archive: &Path, scratch: &Path) -> io::Result<PathBuf> {
    let mut file = File::open(archive)?;
    if file.metadata()?.len() > UNPACKED_BYTES_MAX {
        return Err(refused("the archive is larger than 250 MB"));
    }
    let target = scratch.join(content_hash(&mut file)?);
    if target.is_dir() {
        return Ok(target);
    }
    file.seek(SeekFrom::Start(0))?;
    // Unpacked aside and then renamed, so that a folder under the final name is always whole.
    let aside = target.with_extension("part");
    remove_if_there(&aside)?;
    std::fs::create_dir_all(&aside)?;
    let unpacked = unpack_into(file, &aside).and_then(|()| std::fs::rename(&aside, &target));
    if let Err(error) = unpacked {
        remove_if_there(&aside)?;
        return Err(error);
    }
    Ok(target)
}

fn unpack_into(file: File, folder: &Path) -> io::Result<()> {
    let mut archive = ZipArchive::new(io::BufReader::new(file)).map_err(|error| refused(&error.to_string()))?;
    if archive.len() > ENTRIES_MAX {
        return Err(refused("the archive has more than 50000 entries"));
    }
    let mut left = UNPACKED_BYTES_MAX;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| refused(&error.to_string()))?;
        let name = entry.name().to_owned();
        let inner = inner_path(&name).ok_or_else(|| refused(&format!("entry `{name}` leads out of the folder")))?;
        let path = folder.join(inner);
        if entry.is_symlink() {
            return Err(refused(&format!("entry `{name}` is a symbolic link")));
        }
        if entry.is_dir() {
            std::fs::create_dir_all(&path)?;
            continue;
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let executable = entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
        let mode = if executable { 0o755 } else { 0o644 };
        let mut output = File::options().write(true).create(true).truncate(true).mode(mode).open(&path)?;
        // The size an archive announces may be a lie: what counts is what comes out.
        let written = io::copy(&mut entry.by_ref().take(left.saturating_add(1)), &mut output)?;
        left = left.checked_sub(written).ok_or_else(|| refused("the archive unpacks to more than 250 MB"))?;
    }
    Ok(())
}

/// The path below the folder; `None` when it would lead out of it.
fn inner_path(name: &str) -> Option<PathBuf> {
    if name.is_empty() || name.contains(['\\', '\0']) {
        return None;
    }
    let path = Path::new(name);
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)).then(|| path.to_owned())
}

fn content_hash(file: &mut File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            length => hasher.update(&buffer[..length]),
        }
    }
    let mut text = String::with_capacity(64);
    for byte in hasher.finalize() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

fn remove_if_there(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn refused(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use zip::write::SimpleFileOptions;

    fn archive(folder: &Path, entries: &[(&str, &str)]) -> PathBuf {
        let path = folder.join("code.zip");
        let mut writer = zip::ZipWriter::new(File::create(&path).unwrap());
        for (name, text) in entries {
            let mode = if *name == "bootstrap" { 0o755 } else { 0o600 };
            match *text {
                "->" => writer.add_symlink(*name, "/etc/passwd", SimpleFileOptions::default()).unwrap(),
                text => {
                    writer.start_file(*name, SimpleFileOptions::default().unix_permissions(mode)).unwrap();
                    writer.write_all(text.as_bytes()).unwrap();
                }
            }
        }
        writer.finish().unwrap();
        path
    }

    #[test]
    fn unpacks_once_per_content() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = folder.path().join("scratch");
        let zip = archive(folder.path(), &[("app.py", "one"), ("deep/er/data.json", "{}"), ("./bootstrap", "#!")]);
        let first = unpack(&zip, &scratch).unwrap();
        assert_eq!(std::fs::read_to_string(first.join("deep/er/data.json")).unwrap(), "{}");
        let mode = |name: &str| std::fs::metadata(first.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("app.py") & 0o111, 0);
        assert_eq!(unpack(&zip, &scratch).unwrap(), first);
        let zip = archive(folder.path(), &[("app.py", "two"), ("bootstrap", "#!")]);
        let second = unpack(&zip, &scratch).unwrap();
        assert_ne!(first, second);
        assert_ne!(std::fs::metadata(second.join("bootstrap")).unwrap().permissions().mode() & 0o100, 0);
    }

    #[test]
    fn refuses_what_leads_out() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = folder.path().join("scratch");
        let check = |entries: &[(&str, &str)], problem: &str| {
            let error = unpack(&archive(folder.path(), entries), &scratch).unwrap_err();
            assert!(error.to_string().contains(problem), "{error}");
            assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0, "nothing is left behind");
        };
        check(&[("app.py", "x"), ("../evil.py", "x")], "`../evil.py` leads out");
        check(&[("a/../../evil.py", "x")], "leads out");
        check(&[("/etc/evil.py", "x")], "leads out");
        check(&[("..\\evil.py", "x")], "leads out");
        check(&[("link", "->")], "symbolic link");
        std::fs::write(folder.path().join("no.zip"), "no archive").unwrap();
        assert!(unpack(&folder.path().join("no.zip"), &scratch).is_err());
        assert!(!folder.path().join("evil.py").exists());
    }
}
