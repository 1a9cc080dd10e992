//! The folder behind `s3://bucket/key`, and the S3 API over it.
//!
//! An object is a plain file: `ROOT/BUCKET/KEY`. Files that somebody put there by hand are objects like those that came
//! by the API. What a file cannot say about itself (content type, metadata, ETag) stands beside the buckets, in
//! `ROOT/.outcrop`, and counts only as long as the file is the one it was written for.
//!
//! A file system cannot hold every key that S3 can. `a` and `a/b` cannot both be objects; a key has no empty part, no
//! `.` and `..`, and no part of more than 255 bytes. Such keys are refused and never lead anywhere else.

mod attributes;
mod buckets;
mod folder;
mod list;
mod path;
mod s3;
mod service;
mod uploads;
mod write;

pub use folder::Folder;
pub use path::NameError;
pub use service::{S3Settings, Service, bucket_of_host, error_body};
