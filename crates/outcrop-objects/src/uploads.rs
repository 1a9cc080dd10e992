//! Uploads in several parts, each a folder of files until they become one object.

use crate::attributes::{Algorithm, Attributes, Checksums, Digested, etag_of_parts};
use crate::folder::{Folder, is_absent};
use crate::write::{Staged, small_file};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// An upload that nothing was added to for so long is given up.
const UPLOAD_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// An upload that was begun.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Upload {
    pub(crate) bucket: String,
    /// What the object will have; its key is in it.
    pub(crate) attributes: Attributes,
    /// The checksum that the parts have, by S3's name.
    pub(crate) algorithm: Option<String>,
    /// Whether the object's checksum is one over all bytes, not over those of the parts.
    pub(crate) full_object: bool,
}

/// A part that has arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Part {
    pub(crate) number: i32,
    pub(crate) size: u64,
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) checksums: Checksums,
}

/// Why parts do not make an object.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AssembleError {
    #[error("there is no such upload")]
    NoUpload,
    #[error("one or more of the specified parts could not be found")]
    NoPart,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Folder {
    fn upload(&self, id: &str) -> Option<PathBuf> {
        // Ids are ours: letters, digits and hyphens.
        let is_id = !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        is_id.then(|| self.hidden("uploads").join(id))
    }

    /// Begins an upload.
    pub(crate) fn begin_upload(&self, id: &str, upload: &Upload) -> io::Result<()> {
        let folder = self.upload(id).ok_or(io::ErrorKind::InvalidInput)?;
        small_file(&folder.join("upload.json"), &serde_json::to_vec(upload)?)
    }

    /// The upload of this id, if it is one of the object.
    pub(crate) fn find_upload(&self, id: &str, bucket: &str, key: &str) -> Result<Upload, AssembleError> {
        let folder = self.upload(id).ok_or(AssembleError::NoUpload)?;
        let text = match fs::read(folder.join("upload.json")) {
            Ok(text) => text,
            Err(error) if is_absent(&error) => return Err(AssembleError::NoUpload),
            Err(error) => return Err(error.into()),
        };
        let upload: Upload = serde_json::from_slice(&text).map_err(io::Error::from)?;
        if upload.bucket == bucket && upload.attributes.key == key { Ok(upload) } else { Err(AssembleError::NoUpload) }
    }

    /// Every upload under way, by key and id, with the time at which it began.
    pub(crate) fn uploads(&self, bucket: &str) -> io::Result<Vec<(String, Upload, SystemTime)>> {
        let mut found = Vec::new();
        for (id, path) in self.upload_folders()? {
            let record = path.join("upload.json");
            let upload = fs::read(&record).ok().and_then(|text| serde_json::from_slice::<Upload>(&text).ok());
            if let Some(upload) = upload.filter(|upload| upload.bucket == bucket) {
                found.push((id, upload, fs::metadata(&record)?.modified()?));
            }
        }
        found.sort_by(|(id, one, _), (other_id, other, _)| {
            (&one.attributes.key, id).cmp(&(&other.attributes.key, other_id))
        });
        Ok(found)
    }

    fn upload_folders(&self) -> io::Result<Vec<(String, PathBuf)>> {
        let entries = match fs::read_dir(self.hidden("uploads")) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let name_and_path = |entry: fs::DirEntry| Some((entry.file_name().to_str()?.to_owned(), entry.path()));
        Ok(entries.filter_map(Result::ok).filter_map(name_and_path).collect())
    }

    /// Keeps a part; one of the number is replaced.
    pub(crate) fn keep_part(&self, id: &str, number: i32, staged: Staged, digested: &Digested) -> io::Result<Part> {
        let folder = self.upload(id).ok_or(io::ErrorKind::InvalidInput)?;
        let part = Part { number, size: staged.size(), etag: digested.etag(), checksums: digested.checksums.clone() };
        staged.place(&folder.join(format!("part-{number}")))?;
        small_file(&folder.join(format!("part-{number}.json")), &serde_json::to_vec(&part)?)?;
        Ok(part)
    }

    /// The parts that have arrived, by number.
    pub(crate) fn parts(&self, id: &str) -> io::Result<Vec<(Part, SystemTime)>> {
        let folder = self.upload(id).ok_or(io::ErrorKind::InvalidInput)?;
        let mut parts = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let is_part =
                entry.file_name().to_str().is_some_and(|name| name.starts_with("part-") && name.ends_with(".json"));
            if is_part {
                let part: Part = serde_json::from_slice(&fs::read(entry.path())?)?;
                parts.push((part, entry.metadata()?.modified()?));
            }
        }
        parts.sort_by_key(|(part, _)| part.number);
        Ok(parts)
    }

    /// Puts parts that have arrived together. Nothing has its place yet, and the upload stays.
    pub(crate) fn assemble(
        &self,
        id: &str,
        name: &str,
        upload: &Upload,
        parts: &[Part],
    ) -> Result<(Staged, Attributes), AssembleError> {
        let folder = self.upload(id).ok_or(AssembleError::NoUpload)?;
        let algorithm = upload.algorithm.as_deref().and_then(Algorithm::parse);
        let mut staged = Staged::begin(self, name, algorithm.filter(|_| upload.full_object))?;
        for part in parts {
            staged
                .append(&folder.join(format!("part-{}", part.number)))
                .map_err(|error| if is_absent(&error) { AssembleError::NoPart } else { AssembleError::Io(error) })?;
        }
        let etags: Vec<String> = parts.iter().map(|part| part.etag.clone()).collect();
        let mut attributes = upload.attributes.clone();
        attributes.etag = etag_of_parts(&etags).ok_or(AssembleError::NoPart)?;
        attributes.checksums = staged.digested().checksums;
        if let Some(algorithm) = algorithm.filter(|_| !upload.full_object)
            && let Some(value) = Checksums::composite(algorithm, parts.iter().map(|part| &part.checksums))
        {
            attributes.checksums.set(algorithm, value);
        }
        Ok((staged, attributes))
    }

    /// Ends an upload, whatever came of it.
    pub(crate) fn end_upload(&self, id: &str) -> io::Result<()> {
        let Some(folder) = self.upload(id) else { return Ok(()) };
        match fs::remove_dir_all(folder) {
            Err(error) if !is_absent(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Gives up uploads that nobody went on with.
    pub(crate) fn sweep_uploads(&self, now: SystemTime) -> io::Result<()> {
        for (id, path) in self.upload_folders()? {
            let last = fs::metadata(path).and_then(|metadata| metadata.modified());
            if last.is_ok_and(|last| now.duration_since(last).is_ok_and(|age| age > UPLOAD_LIFE)) {
                self.end_upload(&id)?;
            }
        }
        Ok(())
    }
}
