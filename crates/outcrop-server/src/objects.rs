//! What answers `s3://bucket/key`: a folder with one folder per bucket.

use outcrop_objects::Folder;
use std::io;
use std::path::PathBuf;

/// Largest object that is read as a schema, in bytes. AWS takes less; documents of several megabytes are met in practice.
const SCHEMA_BYTES_MAX: u64 = 10 * 1024 * 1024;

/// The object store as the server reads it. The S3 API over the same folder is [`crate::ops::s3`]'s.
#[derive(Clone, Debug)]
pub struct Objects {
    folder: Folder,
}

/// Why an object cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// There is none.
    #[error("there is no object s3://{0}")]
    Missing(String),
    /// Its name would lead out of its bucket.
    #[error("s3://{0} is not a name of an object")]
    BadName(String),
    /// It is larger than what is wanted of it allows.
    #[error("the object s3://{0} is larger than {1} bytes")]
    TooLarge(String, u64),
    /// It is not text.
    #[error("the object s3://{0} is not UTF-8 text")]
    NotText(String),
    /// The disk says no.
    #[error("the object s3://{0} cannot be read")]
    Io(String, #[source] io::Error),
}

impl Objects {
    /// Objects below a folder; it need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { folder: Folder::new(root) }
    }

    /// The folder.
    pub fn folder(&self) -> Folder {
        self.folder.clone()
    }

    /// Reads an object as text, such as a schema.
    pub async fn read_text(&self, bucket: &str, key: &str) -> Result<String, ObjectError> {
        let bytes = self.read_bytes(bucket, key, SCHEMA_BYTES_MAX).await?;
        String::from_utf8(bytes).map_err(|_| ObjectError::NotText(format!("{bucket}/{key}")))
    }

    /// Reads an object that may have at most so many bytes.
    pub async fn read_bytes(&self, bucket: &str, key: &str, bytes_max: u64) -> Result<Vec<u8>, ObjectError> {
        let name = format!("{bucket}/{key}");
        let path = match self.folder.locate(bucket, key) {
            Ok(Some(path)) => path,
            Ok(None) => return Err(ObjectError::Missing(name)),
            Err(_) => return Err(ObjectError::BadName(name)),
        };
        let read = async {
            if tokio::fs::metadata(&path).await?.len() > bytes_max {
                return Ok(None);
            }
            tokio::fs::read(&path).await.map(Some)
        };
        match read.await {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(ObjectError::TooLarge(name, bytes_max)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ObjectError::Missing(name)),
            Err(error) => Err(ObjectError::Io(name, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn never_leaves_the_root() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(root.path().join("objects/bucket/deep")).expect("folders");
        std::fs::write(root.path().join("objects/bucket/deep/a.yaml"), "text").expect("a file");
        std::fs::write(root.path().join("secret"), "secret").expect("a file");
        std::os::unix::fs::symlink(root.path().join("secret"), root.path().join("objects/bucket/link"))
            .expect("a link");
        let objects = Objects::new(root.path().join("objects"));
        assert_eq!(objects.read_text("bucket", "deep/a.yaml").await.expect("is there"), "text");
        for (bucket, key) in [
            ("bucket", "../../secret"),
            ("..", "secret"),
            ("bucket", "/etc/passwd"),
            ("bucket", "link"),
            ("bucket", ""),
            ("a/b", "c"),
        ] {
            assert!(matches!(objects.read_text(bucket, key).await, Err(ObjectError::BadName(_))), "{bucket} {key}");
        }
        assert!(matches!(objects.read_text("bucket", "none").await, Err(ObjectError::Missing(_))));
    }
}
