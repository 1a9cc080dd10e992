//! Code of functions: where it comes from, and the folder that keeps it, one zip file per content.

use super::documents::{self, StoredFunction};
use super::zip::{self, ZipProblem};
use super::{errors, layers};
use crate::App;
use crate::errors::{ApiError, OpResult, internal};
use crate::objects::ObjectError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use outcrop_api::lambda as api;
use outcrop_store::{Kind, ReadTx};
use outcrop_wire::Blob;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Largest zip file inside a request, in bytes: Lambda's limit.
const INLINE_BYTES_MAX: usize = 50 * 1024 * 1024;

/// Code as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeptCode {
    /// SHA-256 in hex: names the file.
    pub(super) hash: String,
    /// SHA-256 in base64: what callers see.
    pub(super) sha256: String,
    /// Size of the zip file.
    pub(super) bytes: i64,
}

/// Where a request says that code is.
pub(super) struct CodeSource {
    zip_file: Option<Blob>,
    s3_bucket: Option<String>,
    s3_key: Option<String>,
    s3_object_version: Option<String>,
    image_uri: Option<String>,
}

impl From<api::FunctionCode> for CodeSource {
    fn from(code: api::FunctionCode) -> Self {
        Self {
            zip_file: code.zip_file,
            s3_bucket: code.s3_bucket,
            s3_key: code.s3_key,
            s3_object_version: code.s3_object_version,
            image_uri: code.image_uri,
        }
    }
}

impl From<api::LayerVersionContentInput> for CodeSource {
    fn from(content: api::LayerVersionContentInput) -> Self {
        Self {
            zip_file: content.zip_file,
            s3_bucket: content.s3_bucket,
            s3_key: content.s3_key,
            s3_object_version: content.s3_object_version,
            image_uri: None,
        }
    }
}

impl From<api::UpdateFunctionCodeRequest> for CodeSource {
    fn from(request: api::UpdateFunctionCodeRequest) -> Self {
        Self {
            zip_file: request.zip_file,
            s3_bucket: request.s3_bucket,
            s3_key: request.s3_key,
            s3_object_version: request.s3_object_version,
            image_uri: request.image_uri,
        }
    }
}

/// Why images are refused.
pub(super) fn images_are_not_run() -> ApiError {
    errors::invalid(
        "Functions from container images are not run here. Give the code as a zip file (PackageType Zip), or name the address of the running container in the configuration file ([[function]] with url).",
    )
}

/// Gets the code that a request names and looks whether it is a zip file.
pub(super) async fn read(app: &App, source: CodeSource) -> OpResult<Bytes> {
    let CodeSource { zip_file, s3_bucket, s3_key, s3_object_version, image_uri } = source;
    let bytes = match (zip_file, s3_bucket, s3_key, image_uri) {
        (_, _, _, Some(_)) => return Err(images_are_not_run()),
        (Some(Blob(bytes)), None, None, None) => bytes,
        (Some(_), _, _, None) => {
            return Err(errors::invalid(
                "Please do not provide other FunctionCode parameters when providing a ZipFile.",
            ));
        }
        (None, Some(_), Some(_), None) if s3_object_version.is_some() => {
            return Err(errors::invalid("Objects have no versions here. Leave S3ObjectVersion out."));
        }
        (None, Some(bucket), Some(key), None) => read_object(app, &bucket, &key).await?,
        (None, Some(_), None, None) => {
            return Err(errors::invalid("S3Key is missing: code in S3 is named by S3Bucket and S3Key."));
        }
        (None, None, Some(_), None) => {
            return Err(errors::invalid("S3Bucket is missing: code in S3 is named by S3Bucket and S3Key."));
        }
        (None, None, None, None) => return Err(errors::invalid("Please provide a source for function code.")),
    };
    check(&bytes)?;
    Ok(bytes)
}

fn check(bytes: &[u8]) -> OpResult<()> {
    zip::check(bytes).map_err(|problem| match problem {
        ZipProblem::Unreadable if !bytes.is_empty() => {
            errors::invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
        }
        ZipProblem::Unreadable | ZipProblem::Empty => errors::invalid("Uploaded file must be a non-empty zip"),
        ZipProblem::TooLarge => {
            errors::invalid(format!("Unzipped size must be smaller than {} bytes", zip::UNPACKED_BYTES_MAX))
        }
    })
}

/// Refuses code inside a request that is larger than Lambda takes.
pub(super) fn check_inline_size(zip_file: Option<&Blob>) -> OpResult<()> {
    match zip_file {
        Some(Blob(bytes)) if bytes.len() > INLINE_BYTES_MAX => Err(ApiError::new(
            "RequestEntityTooLargeException",
            format!(
                "Zipped size must be smaller than {INLINE_BYTES_MAX} bytes. Put a larger file into S3 and name it by S3Bucket and S3Key."
            ),
        )),
        _ => Ok(()),
    }
}

async fn read_object(app: &App, bucket: &str, key: &str) -> OpResult<Bytes> {
    // What unpacks to less is no larger when packed.
    let bytes = app.objects.read_bytes(bucket, key, zip::UNPACKED_BYTES_MAX).await.map_err(|error| match error {
        ObjectError::Missing(_) | ObjectError::BadName(_) => errors::invalid(
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.",
        ),
        ObjectError::Io(..) => {
            tracing::error!(error = &error as &dyn std::error::Error, "cannot read code of a function");
            internal()
        }
        other => errors::invalid(format!("Error occurred while GetObject: {other}.")),
    })?;
    Ok(Bytes::from(bytes))
}

/// What keeping this code would answer; keeps nothing.
pub(super) async fn describe_only(bytes: Bytes) -> OpResult<KeptCode> {
    tokio::task::spawn_blocking(move || describe(&bytes)).await.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "cannot hash code of a function");
        internal()
    })
}

/// Hashes. Takes a second for the largest files.
pub(super) fn describe(bytes: &[u8]) -> KeptCode {
    let digest = Sha256::digest(bytes);
    let mut hash = String::with_capacity(64);
    for byte in &digest {
        // Writing to a string cannot fail.
        let _ = write!(hash, "{byte:02x}");
    }
    KeptCode { hash, sha256: STANDARD.encode(digest), bytes: i64::try_from(bytes.len()).unwrap_or(i64::MAX) }
}

/// Keeps code, durably. To be called inside a change.
pub(super) async fn keep(app: &App, bytes: Bytes) -> OpResult<KeptCode> {
    let folder = app.settings.functions_dir.clone();
    let kept = tokio::task::spawn_blocking(move || {
        let kept = describe(&bytes);
        write_file(&folder, &kept.hash, &bytes).map(|()| kept)
    });
    let error = match kept.await {
        Ok(Ok(kept)) => return Ok(kept),
        Ok(Err(error)) => error,
        Err(error) => io::Error::other(error),
    };
    tracing::error!(error = &error as &dyn std::error::Error, folder = %app.settings.functions_dir.display(), "cannot write code of a function");
    Err(internal())
}

/// Where code of this hash is.
pub(super) fn path(folder: &Path, hash: &str) -> PathBuf {
    folder.join(format!("{hash}.zip"))
}

/// Hashes of all code that a function or a layer needs.
pub(super) async fn used(app: &App) -> OpResult<HashSet<String>> {
    let read = |tx: &ReadTx<'_>| {
        let functions: Vec<StoredFunction> = tx.list_all(Kind::Function, documents::PARENT)?;
        let mut used: HashSet<String> = layers::codes(tx)?;
        for function in functions {
            used.insert(function.code);
            used.extend(function.layer_codes);
        }
        Ok::<_, ApiError>(used)
    };
    app.store.read(read).await
}

/// Removes code if nothing that is stored uses it. To be called inside a change. A failure is logged: the file does no harm,
/// and the next start tries again.
pub(super) async fn remove_unused(app: &App, hash: &str) {
    let Ok(used) = used(app).await else { return };
    if !used.contains(hash) {
        remove(&path(&app.settings.functions_dir, hash)).await;
    }
}

/// Removes every file of code but these. Other files are left alone.
pub(super) async fn sweep(folder: &Path, used: HashSet<String>) {
    let mut files = match tokio::fs::read_dir(folder).await {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, folder = %folder.display(), "cannot list code of functions");
            return;
        }
    };
    while let Ok(Some(file)) = files.next_entry().await {
        let name = file.file_name();
        let hash = name.to_str().and_then(|name| name.strip_suffix(".zip").or_else(|| name.strip_suffix(".zip.new")));
        let is_hash = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let Some(hash) = hash.filter(|hash| is_hash(hash)) else { continue };
        if !used.contains(hash) {
            remove(&file.path()).await;
        }
    }
}

async fn remove(path: &Path) {
    match tokio::fs::remove_file(path).await {
        Ok(()) => tracing::debug!(path = %path.display(), "removed code that no function uses"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, path = %path.display(), "cannot remove code that no function uses");
        }
    }
}

/// Writes a file whole or not at all: under another name first, then flushed, then renamed.
fn write_file(folder: &Path, hash: &str, bytes: &[u8]) -> io::Result<()> {
    let path = path(folder, hash);
    let is_there = fs::metadata(&path).is_ok_and(|there| usize::try_from(there.len()) == Ok(bytes.len()));
    if is_there {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let new = folder.join(format!("{hash}.zip.new"));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, &path)?;
    fs::File::open(folder)?.sync_all()
}
