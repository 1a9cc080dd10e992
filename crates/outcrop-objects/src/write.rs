//! Writing files whole or not at all: beside, flushed, then renamed.

use crate::attributes::{Algorithm, Attributes, Digested, Digests, Stamp};
use crate::folder::{Folder, is_absent, read_through};
use crate::path;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A file that is being written. Dropped before it has a place, it leaves nothing behind.
pub(crate) struct Staged {
    path: PathBuf,
    file: File,
    digests: Option<Digests>,
    size: u64,
    placed: bool,
}

impl Staged {
    /// Begins a file; `name` has to be one that nothing else has.
    pub(crate) fn begin(
        folder: &Folder,
        name: &str,
        algorithms: impl IntoIterator<Item = Algorithm>,
    ) -> io::Result<Self> {
        let staging = folder.hidden("staging");
        fs::create_dir_all(&staging)?;
        let path = staging.join(name);
        let file = File::options().write(true).create_new(true).open(&path)?;
        Ok(Self { path, file, digests: Some(Digests::new(algorithms)), size: 0, placed: false })
    }

    /// Adds bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.size += bytes.len() as u64;
        if let Some(digests) = &mut self.digests {
            digests.update(bytes);
        }
        Ok(())
    }

    /// Adds a file's bytes.
    pub(crate) fn append(&mut self, path: &Path) -> io::Result<()> {
        let mut failed = Ok(());
        read_through(&mut File::open(path)?, |bytes| {
            if failed.is_ok() {
                failed = self.write(bytes);
            }
        })?;
        failed
    }

    /// Bytes so far.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// What the content was; to be asked once, when it is complete.
    pub(crate) fn digested(&mut self) -> Digested {
        self.digests.take().map(Digests::finish).unwrap_or_default()
    }

    /// Flushes and moves it to its place, over what is there.
    pub(crate) fn place(mut self, target: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, target)?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.placed {
            // It is swept at the next start otherwise.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Why an object cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PutError {
    #[error("there is no such bucket")]
    NoBucket,
    #[error("an object and a folder cannot have one name here: objects are files")]
    InTheWay,
    #[error("a key that ends with a slash stands for a folder here, and a folder has no content")]
    FolderWithContent,
    #[error(transparent)]
    Name(#[from] path::NameError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Folder {
    /// Makes a written file an object, and keeps what is said of it; the stamp is filled in.
    pub(crate) fn put(&self, bucket: &str, staged: Staged, mut attributes: Attributes) -> Result<Attributes, PutError> {
        if !self.has_bucket(bucket) {
            return Err(PutError::NoBucket);
        }
        let relative = path::of_key(&attributes.key)?;
        let place = self.bucket(bucket).join(&relative);
        let in_the_way = |error: io::Error| match error.kind() {
            io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory | io::ErrorKind::AlreadyExists => {
                PutError::InTheWay
            }
            _ => PutError::Io(error),
        };
        path::make_parents(&self.bucket(bucket), &relative).map_err(in_the_way)?;
        if attributes.key.ends_with('/') {
            if staged.size() > 0 {
                return Err(PutError::FolderWithContent);
            }
            match fs::create_dir(&place) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && place.is_dir() => {}
                made => made.map_err(in_the_way)?,
            }
        } else {
            if fs::symlink_metadata(&place).is_ok_and(|there| there.is_dir()) {
                return Err(PutError::InTheWay);
            }
            staged.place(&place).map_err(in_the_way)?;
        }
        attributes.stamp = Stamp::of(&fs::metadata(&place)?);
        self.keep_attributes(bucket, &attributes)?;
        Ok(attributes)
    }

    /// Removes what broken-off writes left behind; to be called once at start, before anything is written.
    pub(crate) fn sweep_staging(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.hidden("staging")) {
            Err(error) if !is_absent(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

static WRITES: AtomicU64 = AtomicU64::new(0);

/// Writes a small file of ours.
pub(crate) fn small_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // Two writers of one name must not write into each other's file.
    name.push(format!(".{}.new", WRITES.fetch_add(1, Ordering::Relaxed)));
    let new = path.with_file_name(name);
    fs::write(&new, bytes)?;
    fs::rename(&new, path)
}
