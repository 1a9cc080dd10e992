//! Backups: a folder with the database, the functions' code and, if wanted, the objects, listed with their hashes in
//! `backup.json`. It is written under another name and renamed when it is whole, so a folder that has the name is one.

use super::{StoreOptions, at, bytes_bar, checked, failed, say, spinner};
use crate::ambient::SystemClock;
use crate::config;
use crate::serve::{Failure, lock};
use outcrop_ports::Clock;
use outcrop_store::care;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};

const LIST: &str = "backup.json";
const DATABASE: &str = "outcrop.db";
const FUNCTIONS: &str = "functions";
const OBJECTS: &str = "objects";
/// Format of a backup: the number goes up when an older program could not restore it.
const FORMAT: u32 = 1;
/// A list is read whole.
const LIST_BYTES_MAX: u64 = 256 << 20;

/// What to back up and where to.
#[derive(Clone, Debug)]
pub(crate) struct BackupOptions {
    /// Which store.
    pub store: StoreOptions,
    /// The folder to make.
    pub to: PathBuf,
    /// Whether the objects folder comes along.
    pub objects: bool,
}

/// What to restore and where to.
#[derive(Clone, Debug)]
pub(crate) struct RestoreOptions {
    /// Which store.
    pub store: StoreOptions,
    /// The backup.
    pub from: PathBuf,
    /// Whether what is there may be put aside.
    pub replace: bool,
}

/// What a backup says of itself.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    format: u32,
    version: String,
    created_at: String,
    schema: i64,
    /// By path below the backup, with `/`.
    files: BTreeMap<String, ListedFile>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ListedFile {
    bytes: u64,
    sha256: String,
}

/// Makes a backup; the server may run.
pub(crate) fn backup(
    options: &BackupOptions,
    environment: &dyn Fn(&str) -> Option<String>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let read = config::load(options.store.config.as_deref(), &options.store.data, environment)?;
    if options.to.exists() {
        return Err(Failure::Usage(format!("{} is there already: name a folder that is not", options.to.display())));
    }
    let mut name =
        options.to.file_name().ok_or_else(|| Failure::Usage("the backup needs a name".to_owned()))?.to_owned();
    name.push(".unfinished");
    let making = options.to.with_file_name(name);
    if making.exists() {
        return Err(Failure::Failed(format!("{} is left of a backup that did not end: remove it", making.display())));
    }
    let made = make(options, &read, &making).and_then(|listed| {
        fs::rename(&making, &options.to).map_err(|error| at(&options.to, error))?;
        Ok(listed)
    });
    if made.is_err() {
        // Why it failed is told; what could not be removed is named by the next attempt.
        let _ = fs::remove_dir_all(&making);
    }
    let listed = made?;
    let bytes: u64 = listed.files.values().map(|file| file.bytes).sum();
    let told = match options.store.json {
        true => serde_json::json!({"folder": options.to, "files": listed.files.len(), "bytes": bytes}).to_string(),
        false => format!(
            "backed up {} files, {} to {}",
            listed.files.len(),
            indicatif::HumanBytes(bytes),
            options.to.display()
        ),
    };
    say(out, &told);
    Ok(())
}

fn make(options: &BackupOptions, read: &config::Config, making: &Path) -> Result<Listed, Failure> {
    private_folder(making)?;
    let working = spinner("copying the database");
    let database = making.join(DATABASE);
    care::copy(&read.store, &database).map_err(|error| failed(&error))?;
    working.finish_and_clear();
    // The copy is what must be whole, and the copy alone cannot be written meanwhile.
    let report = checked(&outcrop_store::StoreOptions::new(database.display().to_string()), making)?;
    if let Some(problem) = report.problems.first() {
        return Err(Failure::Failed(format!("the store is not whole, so it was not backed up: {problem}")));
    }
    let mut files = BTreeMap::from([(DATABASE.to_owned(), digest(&database)?)]);
    let mut folders = vec![(FUNCTIONS, options.store.data.join(FUNCTIONS))];
    if options.objects {
        folders.push((OBJECTS, read.objects_root.clone()));
    }
    for (name, folder) in folders {
        copy_folder(&folder, &making.join(name), name, &mut files)?;
    }
    let listed = Listed {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        created_at: SystemClock.now().to_string(),
        schema: report.schema,
        files,
    };
    let list = making.join(LIST);
    let text = serde_json::to_vec_pretty(&listed).map_err(|error| at(&list, error))?;
    write_synced(&list, &text)?;
    Ok(listed)
}

/// Puts a backup in the place of the state; no server may run.
pub(crate) fn restore(
    options: &RestoreOptions,
    environment: &dyn Fn(&str) -> Option<String>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let data = &options.store.data;
    let read = config::load(options.store.config.as_deref(), data, environment)?;
    let target = care::file_of(&read.store).map_err(|error| failed(&error))?;
    let listed = verified(&options.from)?;
    private_folder(data)?;
    let _lock = lock(data)?;
    let stamp: String = SystemClock.now().to_string().chars().filter(char::is_ascii_alphanumeric).collect();
    let mut places: Vec<_> = target.iter().map(|file| (options.from.join(DATABASE), file.clone())).collect();
    for (name, place) in [(FUNCTIONS, data.join(FUNCTIONS)), (OBJECTS, read.objects_root.clone())] {
        // A backup without objects leaves those that are there alone.
        if options.from.join(name).is_dir() {
            places.push((options.from.join(name), place));
        }
    }
    let taken: Vec<_> =
        places.iter().filter(|(_, place)| is_taken(place)).map(|(_, place)| place.display().to_string()).collect();
    if !taken.is_empty() && !options.replace {
        return Err(Failure::Usage(format!(
            "{} would be replaced: say --replace to put aside what is there, or restore into another folder with --data",
            taken.join(", ")
        )));
    }
    let mut aside = Vec::new();
    for (from, place) in &places {
        aside.extend(put_aside(place, &stamp)?);
        copy_any(from, place)?;
    }
    if target.is_none() {
        aside.extend(fill(&options.from.join(DATABASE), data, &read.store, options.replace.then_some(stamp.as_str()))?);
    }
    let report = checked(&read.store, data)?;
    if let Some(problem) = report.problems.first() {
        return Err(Failure::Failed(format!("what was restored is not whole: {problem}")));
    }
    let told = match options.store.json {
        true => serde_json::json!({"files": listed.files.len(), "rows": report.rows, "putAside": aside}).to_string(),
        false => {
            let mut lines =
                vec![format!("restored {} files, {} rows", listed.files.len(), indicatif::HumanCount(report.rows))];
            lines.extend(aside.iter().map(|path| format!("what was there is at {}", path.display())));
            lines.join("\n")
        }
    };
    say(out, &told);
    Ok(())
}

/// Fills a database that is no file from the backup's; where it may be replaced, what is there is put aside under a name
/// with the stamp.
fn fill(
    from: &Path,
    data: &Path,
    store: &outcrop_store::StoreOptions,
    stamp: Option<&str>,
) -> Result<Option<PathBuf>, Failure> {
    let working = spinner("filling the database");
    let aside = match stamp {
        Some(stamp) => care::put_aside(store, stamp).map_err(|error| failed(&error))?,
        None => None,
    };
    // The backup stays as it is: reading a database brings it up to date.
    let scratch = data.join(format!("restore-{}.db", std::process::id()));
    copy_any(from, &scratch)?;
    let filled = care::fill(&scratch, store).map_err(|error| match error {
        outcrop_store::StoreError::Conflict(why) => Failure::Usage(why),
        error => failed(&error),
    });
    // A file of ours that is of no more use; the next restore has another name.
    let _ = fs::remove_file(&scratch);
    working.finish_and_clear();
    filled?;
    Ok(aside.map(|schema| PathBuf::from(format!("schema {schema}"))))
}

/// The list of a backup whose every file is there and what it was.
fn verified(from: &Path) -> Result<Listed, Failure> {
    let path = from.join(LIST);
    let size = fs::metadata(&path)
        .map_err(|error| at(&path, format!("{error}; is this a folder that `outcrop store backup` made?")))?;
    if size.len() > LIST_BYTES_MAX {
        return Err(at(&path, "is too large for a list of files"));
    }
    let text = fs::read(&path).map_err(|error| at(&path, error))?;
    let listed: Listed = serde_json::from_slice(&text).map_err(|error| at(&path, error))?;
    if listed.format > FORMAT {
        return Err(at(
            &path,
            format!("has format {}; this program knows {FORMAT}: a newer version made it", listed.format),
        ));
    }
    let bar = bytes_bar(listed.files.values().map(|file| file.bytes).sum(), "verifying");
    for (name, file) in &listed.files {
        let relative = Path::new(name);
        if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(at(&path, format!("names a file outside of the backup: {name}")));
        }
        let found = digest(&from.join(relative))?;
        if found != *file {
            return Err(at(&from.join(relative), "is not what was backed up"));
        }
        bar.inc(file.bytes);
    }
    bar.finish_and_clear();
    if !listed.files.contains_key(DATABASE) {
        return Err(at(&path, "lists no database"));
    }
    Ok(listed)
}

fn is_taken(place: &Path) -> bool {
    match fs::read_dir(place) {
        Ok(mut inside) => inside.next().is_some(),
        Err(_) => place.exists(),
    }
}

/// Renames what is at a place, with what SQLite keeps beside a database.
fn put_aside(place: &Path, stamp: &str) -> Result<Vec<PathBuf>, Failure> {
    let mut moved = Vec::new();
    for suffix in ["", "-wal", "-shm"] {
        let mut from = place.as_os_str().to_owned();
        from.push(suffix);
        let from = PathBuf::from(from);
        if from.exists() {
            let mut to = place.as_os_str().to_owned();
            to.push(format!(".before-{stamp}{suffix}"));
            let to = PathBuf::from(to);
            fs::rename(&from, &to).map_err(|error| at(&from, error))?;
            moved.extend(suffix.is_empty().then_some(to));
        }
    }
    Ok(moved)
}

fn copy_any(from: &Path, to: &Path) -> Result<(), Failure> {
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        private_folder(folder)?;
    }
    match from.is_dir() {
        true => copy_folder(from, to, "", &mut BTreeMap::new()),
        false => copy_file(from, to).map(drop),
    }
}

/// Copies the files of a folder; links are not followed, and a file that goes meanwhile was not to be kept.
fn copy_folder(from: &Path, to: &Path, name: &str, files: &mut BTreeMap<String, ListedFile>) -> Result<(), Failure> {
    let Ok(entries) = fs::read_dir(from) else { return Ok(()) };
    private_folder(to)?;
    for entry in entries {
        let entry = entry.map_err(|error| at(from, error))?;
        let kind = entry.file_type().map_err(|error| at(&entry.path(), error))?;
        let Some(text) = entry.file_name().to_str().map(str::to_owned) else {
            return Err(at(&entry.path(), "has a name that is no text"));
        };
        let (inner, target) = (format!("{name}/{text}"), to.join(&text));
        if kind.is_dir() {
            copy_folder(&entry.path(), &target, &inner, files)?;
        } else if kind.is_file()
            && let Some(file) = copy_file(&entry.path(), &target)?
        {
            files.insert(inner, file);
        }
    }
    Ok(())
}

/// Copies a file; `None` when it is gone.
fn copy_file(from: &Path, to: &Path) -> Result<Option<ListedFile>, Failure> {
    let mut source = match File::open(from) {
        Ok(source) => source,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(from, error)),
    };
    let mut target = private_file(to)?;
    std::io::copy(&mut source, &mut target).and_then(|_| target.sync_all()).map_err(|error| at(to, error))?;
    // Programs among a function's files must stay programs.
    let mode = source.metadata().map_err(|error| at(from, error))?.permissions();
    fs::set_permissions(to, mode).map_err(|error| at(to, error))?;
    digest(to).map(Some)
}

fn digest(path: &Path) -> Result<ListedFile, Failure> {
    let mut file = File::open(path).map_err(|error| at(path, error))?;
    let (mut hash, mut bytes, mut some) = (Sha256::new(), 0_u64, vec![0; 1 << 18]);
    loop {
        let count = file.read(&mut some).map_err(|error| at(path, error))?;
        if count == 0 {
            break;
        }
        hash.update(&some[..count]);
        bytes += u64::try_from(count).unwrap_or(0);
    }
    Ok(ListedFile { bytes, sha256: hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect() })
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = private_file(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| at(path, error))
}

fn private_file(path: &Path) -> Result<File, Failure> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| at(path, error))
}

fn private_folder(path: &Path) -> Result<(), Failure> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| at(path, error))
}
