//! From what went wrong with files to S3's errors.

use crate::folder::FindError;
use crate::path::NameError;
use crate::uploads::AssembleError;
use crate::write::PutError;
use s3s::{S3Error, S3ErrorCode, s3_error};
use std::io;

/// The disk's fault, which the log tells.
pub(super) fn io(error: &io::Error) -> S3Error {
    tracing::error!(error = error as &dyn std::error::Error, "cannot read or write objects");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            s3_error!(InternalError, "There is no room for the object.")
        }
        _ => s3_error!(InternalError, "We encountered an internal error. Please try again."),
    }
}

pub(super) fn no_bucket() -> S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist")
}

pub(super) fn no_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}

pub(super) fn malformed_xml() -> S3Error {
    s3_error!(MalformedXML, "The XML you provided was not well-formed or did not validate against our published schema")
}

/// An error whose status the library does not know.
pub(super) fn not_configured(code: &str, message: &'static str) -> S3Error {
    let mut error = S3Error::new(code.parse().unwrap_or(S3ErrorCode::InternalError));
    error.set_status_code(http::StatusCode::NOT_FOUND);
    error.set_message(message);
    error
}

pub(super) fn find(error: FindError) -> S3Error {
    match error {
        FindError::NoBucket => no_bucket(),
        FindError::NoKey => no_key(),
        FindError::Name(error) => name(error),
        FindError::Io(error) => io(&error),
    }
}

pub(super) fn name(error: NameError) -> S3Error {
    match error {
        NameError::Bucket => s3_error!(InvalidBucketName, "The specified bucket is not valid."),
        NameError::TooLong => s3_error!(KeyTooLongError, "Your key is too long"),
        NameError::NoFile => s3_error!(InvalidArgument, "This key cannot be kept: {error}."),
    }
}

pub(super) fn put(error: PutError) -> S3Error {
    match error {
        PutError::NoBucket => no_bucket(),
        PutError::Name(error) => name(error),
        PutError::InTheWay | PutError::FolderWithContent => {
            s3_error!(InvalidArgument, "This key cannot be kept: {error}.")
        }
        PutError::Io(error) => io(&error),
    }
}

pub(super) fn assemble(error: AssembleError) -> S3Error {
    match error {
        AssembleError::NoUpload => s3_error!(
            NoSuchUpload,
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
        ),
        AssembleError::NoPart => s3_error!(InvalidPart, "One or more of the specified parts could not be found."),
        AssembleError::Io(error) => io(&error),
    }
}
