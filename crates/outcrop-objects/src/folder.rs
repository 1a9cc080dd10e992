//! Objects as files.

use crate::attributes::{Attributes, Digests, Stamp, hex};
use crate::path::{self, HIDDEN, NameError};
use crate::write;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Bytes read at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// A folder with one folder per bucket. It need not exist before something is written. Everything here blocks.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

/// An object that is there.
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) metadata: fs::Metadata,
}

/// Why there is no object.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FindError {
    #[error("there is no such bucket")]
    NoBucket,
    #[error("there is no such key")]
    NoKey,
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Folder {
    /// Objects below this folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where an object is, if there is one: a file that is really inside the folder, all links followed.
    ///
    /// # Errors
    /// When the name can be that of no object.
    pub fn locate(&self, bucket: &str, key: &str) -> Result<Option<PathBuf>, NameError> {
        if !path::is_bucket(bucket) {
            return Err(NameError::Bucket);
        }
        let path = self.bucket(bucket).join(path::of_key(key)?);
        if key.ends_with('/') || !path.is_file() {
            return Ok(None);
        }
        if !path::is_inside(&self.root, &path) {
            return Err(NameError::NoFile);
        }
        Ok(Some(path))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A place for things that are no objects.
    pub(crate) fn hidden(&self, what: &str) -> PathBuf {
        self.root.join(HIDDEN).join(what)
    }

    /// Where a bucket is or would be. The name has to be a bucket's.
    pub(crate) fn bucket(&self, bucket: &str) -> PathBuf {
        self.root.join(bucket)
    }

    /// Whether there is a bucket: a folder, not a link to one.
    pub(crate) fn has_bucket(&self, bucket: &str) -> bool {
        path::is_bucket(bucket) && fs::symlink_metadata(self.bucket(bucket)).is_ok_and(|metadata| metadata.is_dir())
    }

    /// The object of this name.
    pub(crate) fn find(&self, bucket: &str, key: &str) -> Result<Found, FindError> {
        if !self.has_bucket(bucket) {
            return Err(FindError::NoBucket);
        }
        // A key that no file can have is the key of no object.
        let relative = path::of_key(key).map_err(|_| FindError::NoKey)?;
        let path = self.bucket(bucket).join(relative);
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if is_absent(&error) => return Err(FindError::NoKey),
            Err(error) => return Err(error.into()),
        };
        let is_object = match key.ends_with('/') {
            false => metadata.is_file(),
            true => metadata.is_dir() && self.has_record(bucket, key),
        };
        if is_object && path::is_inside(&self.root, &path) {
            Ok(Found { path, metadata })
        } else {
            Err(FindError::NoKey)
        }
    }

    /// Where the record of an object is or would be: named by a hash, because keys are longer than names of files.
    fn record(&self, bucket: &str, key: &str) -> PathBuf {
        let name = hex(&Sha256::digest(key.as_bytes()));
        self.hidden("attributes").join(bucket).join(&name[..2]).join(format!("{name}.json"))
    }

    /// Whether a folder was made an object.
    pub(crate) fn has_record(&self, bucket: &str, key: &str) -> bool {
        self.record(bucket, key).is_file()
    }

    /// What is known of an object beside its content. For a file that came otherwise or was changed since, that is its
    /// ETag; it is read once for that.
    pub(crate) fn attributes(&self, bucket: &str, key: &str, found: &Found) -> io::Result<Attributes> {
        let stamp = Stamp::of(&found.metadata);
        let record = fs::read(self.record(bucket, key)).ok();
        let attributes = record.and_then(|text| serde_json::from_slice::<Attributes>(&text).ok());
        if let Some(attributes) = attributes.filter(|attributes| attributes.stamp == stamp) {
            return Ok(attributes);
        }
        let mut digests = Digests::new([]);
        if found.metadata.is_file() {
            read_through(&mut File::open(&found.path)?, |bytes| digests.update(bytes))?;
        }
        let attributes =
            Attributes { key: key.to_owned(), stamp, etag: digests.finish().etag(), ..Attributes::default() };
        // It can be found out again: a folder that cannot be written to serves all the same.
        if let Err(error) = self.keep_attributes(bucket, &attributes) {
            tracing::debug!(error = &error as &dyn std::error::Error, "cannot keep the ETag of an object");
        }
        Ok(attributes)
    }

    /// Keeps what is known of an object.
    pub(crate) fn keep_attributes(&self, bucket: &str, attributes: &Attributes) -> io::Result<()> {
        write::small_file(&self.record(bucket, &attributes.key), &serde_json::to_vec(attributes)?)
    }

    /// Forgets what was known of an object.
    pub(crate) fn forget_attributes(&self, bucket: &str, key: &str) -> io::Result<()> {
        remove_file(&self.record(bucket, key))
    }

    /// Forgets what was known of all objects of a bucket.
    pub(crate) fn forget_bucket(&self, bucket: &str) -> io::Result<()> {
        match fs::remove_dir_all(self.hidden("attributes").join(bucket)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => remove_file(&self.bucket_record(bucket)),
        }
    }

    /// Where what is known of a bucket is or would be.
    pub(crate) fn bucket_record(&self, bucket: &str) -> PathBuf {
        self.hidden("buckets").join(format!("{bucket}.json"))
    }

    /// Deletes an object and the folders that are empty then. One that is not there is no matter.
    pub(crate) fn delete(&self, bucket: &str, key: &str) -> Result<(), FindError> {
        let found = match self.find(bucket, key) {
            Ok(found) => found,
            Err(FindError::NoKey) => return Ok(()),
            Err(error) => return Err(error),
        };
        if found.metadata.is_file() {
            remove_file(&found.path)?;
        }
        self.forget_attributes(bucket, key)?;
        self.remove_empty(bucket, key)?;
        Ok(())
    }

    /// Removes the folders of a key that hold nothing any more and are no objects of their own.
    fn remove_empty(&self, bucket: &str, key: &str) -> io::Result<()> {
        let mut key = key.strip_suffix('/').unwrap_or(key);
        let is_folder = self.bucket(bucket).join(key).is_dir();
        let mut first = is_folder;
        loop {
            if !first {
                match key.rfind('/') {
                    Some(at) => key = &key[..at],
                    None => return Ok(()),
                }
            }
            first = false;
            if self.has_record(bucket, &format!("{key}/")) {
                return Ok(());
            }
            match fs::remove_dir(self.bucket(bucket).join(key)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => return Ok(()),
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Hands a reader's bytes on, piece by piece.
pub(crate) fn read_through(reader: &mut impl Read, mut take: impl FnMut(&[u8])) -> io::Result<u64> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut count = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(count),
            Ok(read) => {
                take(&buffer[..read]);
                count += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether an error says that there is nothing of the name.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename)
}

/// Removes a file; one that is not there is no matter.
pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
