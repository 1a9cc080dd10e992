//! Buckets, and what was recorded of them.

use crate::folder::{Folder, is_absent};
use crate::path;
use crate::write::small_file;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// What is known of a bucket beside its objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct BucketRecord {
    /// Region that it was made for; none where none was said.
    pub(crate) location: Option<String>,
    /// Settings by name, each as it came: XML, or JSON of a policy.
    pub(crate) settings: BTreeMap<String, String>,
}

impl Folder {
    /// Names and times of all buckets, by name.
    pub(crate) fn buckets(&self) -> io::Result<Vec<(String, SystemTime)>> {
        let entries = match fs::read_dir(self.root()) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            if path::is_bucket(&name) && entry.file_type()?.is_dir() {
                let metadata = entry.metadata()?;
                // Not every file system knows when something was made.
                let at = metadata.created().or_else(|_| metadata.modified())?;
                found.push((name, at));
            }
        }
        found.sort();
        Ok(found)
    }

    /// Makes a bucket; `false` when it is there.
    pub(crate) fn create_bucket(&self, bucket: &str, record: &BucketRecord) -> io::Result<bool> {
        fs::create_dir_all(self.root())?;
        match fs::create_dir(self.bucket(bucket)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(error),
        }
        self.keep_bucket(bucket, record)?;
        Ok(true)
    }

    /// Removes a bucket; `false` when something is in it.
    pub(crate) fn delete_bucket(&self, bucket: &str) -> io::Result<bool> {
        if self.has_object(bucket)? || !remove_empty_folders(&self.bucket(bucket))? {
            return Ok(false);
        }
        self.forget_bucket(bucket)?;
        Ok(true)
    }

    /// What is known of a bucket.
    pub(crate) fn bucket_settings(&self, bucket: &str) -> io::Result<BucketRecord> {
        match fs::read(self.bucket_record(bucket)) {
            Ok(text) => Ok(serde_json::from_slice(&text)?),
            Err(error) if is_absent(&error) => Ok(BucketRecord::default()),
            Err(error) => Err(error),
        }
    }

    /// Changes what is known of a bucket, one change after the other: each reads what the one before wrote.
    pub(crate) fn change_bucket(&self, bucket: &str, change: impl FnOnce(&mut BucketRecord)) -> io::Result<()> {
        static CHANGE: Mutex<()> = Mutex::new(());
        let _turn = CHANGE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut record = self.bucket_settings(bucket)?;
        change(&mut record);
        self.keep_bucket(bucket, &record)
    }

    fn keep_bucket(&self, bucket: &str, record: &BucketRecord) -> io::Result<()> {
        small_file(&self.bucket_record(bucket), &serde_json::to_vec(record)?)
    }
}

/// Removes a folder that has nothing but folders; `false`, and nothing is lost, when there is something else.
fn remove_empty_folders(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() || !remove_empty_folders(&entry.path())? {
            return Ok(false);
        }
    }
    match fs::remove_dir(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
        Err(error) => Err(error),
    }
}
