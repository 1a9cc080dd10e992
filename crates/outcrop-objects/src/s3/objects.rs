//! Objects in one piece: put, get, head, copy, delete, tags.

use super::{Objects, check_version, errors};
use crate::attributes::{Algorithm, Attributes, Checksums, Digested, Headers};
use crate::folder::Found;
use crate::write::Staged;
use bytes::Bytes;
use futures_util::StreamExt;
use s3s::dto::*;
use s3s::{S3Error, S3Result, s3_error};
use std::collections::BTreeMap;
use std::io::SeekFrom;
use std::path::PathBuf;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

/// Most bytes of an object's metadata, names and values together: S3's.
const METADATA_BYTES_MAX: usize = 2 * 1024;
/// Most tags of an object: S3's.
const TAGS_MAX: usize = 10;
/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;
/// What an object is that nobody said anything about.
const CONTENT_TYPE: &str = "binary/octet-stream";

/// What a client says that the content is.
#[derive(Default)]
pub(super) struct Claims {
    pub(super) checksums: Checksums,
    pub(super) md5: Option<String>,
}

impl Claims {
    /// Checks the claims; on success gives what of it is kept.
    fn check(&self, digested: &Digested) -> S3Result<()> {
        if self.md5.as_ref().is_some_and(|md5| *md5 != digested.md5_base64()) {
            return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."));
        }
        for algorithm in self.checksums.algorithms() {
            if self.checksums.get(algorithm) != digested.checksums.get(algorithm) {
                return Err(s3_error!(
                    BadDigest,
                    "The {} you specified did not match the calculated checksum.",
                    algorithm.name()
                ));
            }
        }
        Ok(())
    }
}

/// Takes in a body and checks what was claimed of it. `algorithm` is one that is wanted even if nothing was claimed.
pub(super) async fn receive(
    objects: &Objects,
    body: Option<StreamingBlob>,
    algorithm: Option<&ChecksumAlgorithm>,
    claims: Claims,
) -> S3Result<(Staged, Digested)> {
    let mut algorithms: Vec<Algorithm> = claims.checksums.algorithms().collect();
    if let Some(wanted) = algorithm.and_then(|algorithm| Algorithm::parse(algorithm.as_str()))
        && !algorithms.contains(&wanted)
    {
        algorithms.push(wanted);
    }
    let mut staged = objects
        .blocking(move |objects| {
            Staged::begin(&objects.folder, &objects.ids.uuid(), algorithms).map_err(|error| errors::io(&error))
        })
        .await?;
    if let Some(mut body) = body {
        while let Some(piece) = body.next().await {
            let piece: Bytes = piece.map_err(|error| S3Error::with_source(s3s::S3ErrorCode::IncompleteBody, error))?;
            staged = objects
                .blocking(move |_| {
                    staged.write(&piece).map_err(|error| errors::io(&error))?;
                    Ok(staged)
                })
                .await?;
        }
    }
    let digested = staged.digested();
    claims.check(&digested)?;
    Ok((staged, digested))
}

/// Metadata within the limit.
pub(super) fn metadata(given: Option<Metadata>) -> S3Result<BTreeMap<String, String>> {
    let metadata: BTreeMap<String, String> = given.unwrap_or_default().into_iter().collect();
    let bytes: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > METADATA_BYTES_MAX {
        return Err(s3_error!(MetadataTooLarge, "Your metadata headers exceed the maximum allowed metadata size"));
    }
    Ok(metadata)
}

/// A time as it is kept.
pub(super) fn kept_time(time: Option<Timestamp>) -> Option<String> {
    let mut text = Vec::new();
    time?.format(TimestampFormat::DateTime, &mut text).ok()?;
    String::from_utf8(text).ok()
}

/// Tags as the header `x-amz-tagging` has them: `a=b&c=d`.
pub(super) fn tags_of(header: Option<&str>) -> S3Result<Vec<(String, String)>> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = header.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let tags: Vec<_> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decoded(key), decoded(value)))
        .collect();
    check_tags(&tags)?;
    Ok(tags)
}

fn check_tags(tags: &[(String, String)]) -> S3Result<()> {
    let repeated = |at: usize| tags[..at].iter().any(|(key, _)| *key == tags[at].0);
    if tags.len() > TAGS_MAX {
        return Err(s3_error!(InvalidTag, "Object tags cannot be greater than {TAGS_MAX}"));
    }
    if (0..tags.len()).any(repeated) {
        return Err(s3_error!(InvalidTag, "Cannot provide multiple Tags with the same key"));
    }
    Ok(())
}

pub(super) async fn put_object(objects: &Objects, input: PutObjectInput) -> S3Result<PutObjectOutput> {
    let claims = Claims {
        checksums: Checksums {
            crc32: input.checksum_crc32,
            crc32c: input.checksum_crc32c,
            crc64nvme: input.checksum_crc64nvme,
            sha1: input.checksum_sha1,
            sha256: input.checksum_sha256,
        },
        md5: input.content_md5,
    };
    let attributes = Attributes {
        key: input.key,
        headers: Headers {
            content_type: input.content_type,
            content_encoding: input.content_encoding,
            content_disposition: input.content_disposition,
            content_language: input.content_language,
            cache_control: input.cache_control,
            expires: kept_time(input.expires),
            website_redirect_location: input.website_redirect_location,
        },
        metadata: metadata(input.metadata)?,
        tags: tags_of(input.tagging.as_deref())?,
        ..Attributes::default()
    };
    // Before a byte is taken in.
    objects.need_bucket(&input.bucket)?;
    crate::path::of_key(&attributes.key).map_err(errors::name)?;
    let (staged, digested) = receive(objects, input.body, input.checksum_algorithm.as_ref(), claims).await?;
    let attributes = Attributes { etag: digested.etag(), checksums: digested.checksums, ..attributes };
    let bucket = input.bucket;
    let (if_match, if_none_match) = (input.if_match, input.if_none_match);
    let put = move |objects: &Objects| {
        check_overwrite(objects, &bucket, &attributes.key, if_match.as_ref(), if_none_match.as_ref())?;
        objects.folder.put(&bucket, staged, attributes).map_err(errors::put)
    };
    let attributes = objects.blocking(put).await?;
    let checksums = attributes.checksums;
    Ok(PutObjectOutput {
        e_tag: Some(ETag::Strong(attributes.etag)),
        checksum_crc32: checksums.crc32,
        checksum_crc32c: checksums.crc32c,
        checksum_crc64nvme: checksums.crc64nvme,
        checksum_sha1: checksums.sha1,
        checksum_sha256: checksums.sha256,
        ..PutObjectOutput::default()
    })
}

/// Conditions of a write.
pub(super) fn check_overwrite(
    objects: &Objects,
    bucket: &str,
    key: &str,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    if if_match.is_none() && if_none_match.is_none() {
        return Ok(());
    }
    let there = objects.folder.find(bucket, key).ok();
    let attributes = there.map(|found| objects.folder.attributes(bucket, key, &found)).transpose();
    let etag = attributes.map_err(|error| errors::io(&error))?.map(|attributes| attributes.etag);
    let fails = match (if_match, if_none_match, &etag) {
        (Some(_), _, None) => return Err(errors::no_key()),
        (Some(condition), _, Some(etag)) => !fits(condition, etag),
        (None, Some(condition), Some(etag)) => fits(condition, etag),
        (None, _, _) => false,
    };
    if fails { Err(precondition_failed()) } else { Ok(()) }
}

fn fits(condition: &ETagCondition, etag: &str) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(wanted) => wanted.value() == etag,
    }
}

fn precondition_failed() -> S3Error {
    s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
}

/// Conditions of a read.
struct Conditions {
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
    if_modified_since: Option<Timestamp>,
    if_unmodified_since: Option<Timestamp>,
}

impl Conditions {
    /// A condition on the ETag wins over one on the time.
    fn check(&self, etag: &str, modified: &Timestamp) -> S3Result<()> {
        let newer_than = |since: &Timestamp| whole_seconds(modified) > whole_seconds(since);
        match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) if !fits(condition, etag) => return Err(precondition_failed()),
            (None, Some(since)) if newer_than(since) => return Err(precondition_failed()),
            _ => {}
        }
        match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) if fits(condition, etag) => Err(s3_error!(NotModified)),
            (None, Some(since)) if !newer_than(since) => Err(s3_error!(NotModified)),
            _ => Ok(()),
        }
    }
}

/// Headers have no parts of seconds.
fn whole_seconds(at: &Timestamp) -> i64 {
    let mut text = Vec::new();
    let _ = at.format(TimestampFormat::EpochSeconds, &mut text);
    let text = String::from_utf8(text).unwrap_or_default();
    text.split('.').next().and_then(|seconds| seconds.parse().ok()).unwrap_or_default()
}

/// An object that is about to be served.
struct Served {
    found: Found,
    attributes: Attributes,
    modified: Timestamp,
    size: u64,
}

impl Objects {
    async fn served(&self, bucket: String, key: String, conditions: Conditions) -> S3Result<Served> {
        let look = move |objects: &Self| {
            let found = objects.folder.find(&bucket, &key).map_err(errors::find)?;
            let attributes = objects.folder.attributes(&bucket, &key, &found).map_err(|error| errors::io(&error))?;
            let modified = Timestamp::from(found.metadata.modified().map_err(|error| errors::io(&error))?);
            conditions.check(&attributes.etag, &modified)?;
            let size = if found.metadata.is_file() { found.metadata.len() } else { 0 };
            Ok(Served { found, attributes, modified, size })
        };
        self.blocking(look).await
    }
}

/// The bytes that are wanted, and the `Content-Range` that says so.
fn wanted(range: Option<Range>, size: u64) -> S3Result<(u64, u64, Option<String>)> {
    let Some(range) = range else { return Ok((0, size, None)) };
    let bytes = range.check(size).map_err(|_| s3_error!(InvalidRange, "The requested range is not satisfiable"))?;
    let (first, length) = (bytes.start, bytes.end - bytes.start);
    if length == 0 {
        return Err(s3_error!(InvalidRange, "The requested range is not satisfiable"));
    }
    Ok((first, length, Some(format!("bytes {first}-{}/{size}", bytes.end - 1))))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn is_enabled(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}

fn checksum_type(checksums: &Checksums) -> Option<ChecksumType> {
    checksums.algorithms().next()?;
    let name = if checksums.is_composite() { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT };
    Some(ChecksumType::from_static(name))
}

fn told_time(kept: Option<&str>) -> Option<Timestamp> {
    Timestamp::parse(TimestampFormat::DateTime, kept?).ok()
}

pub(super) async fn get_object(objects: &Objects, input: GetObjectInput) -> S3Result<GetObjectOutput> {
    check_version(input.version_id.as_deref())?;
    let conditions = Conditions {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    let Served { found, attributes, modified, size } = objects.served(input.bucket, input.key, conditions).await?;
    let (first, length, content_range) = wanted(input.range, size)?;
    let body = if found.metadata.is_file() { Some(stream(found.path, first, length).await?) } else { None };
    let whole = content_range.is_none() && is_enabled(input.checksum_mode.as_ref());
    let checksums = if whole { attributes.checksums } else { Checksums::default() };
    let headers = attributes.headers;
    Ok(GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        body,
        checksum_type: checksum_type(&checksums),
        checksum_crc32: checksums.crc32,
        checksum_crc32c: checksums.crc32c,
        checksum_crc64nvme: checksums.crc64nvme,
        checksum_sha1: checksums.sha1,
        checksum_sha256: checksums.sha256,
        content_length: Some(signed(length)),
        content_range,
        last_modified: Some(modified),
        e_tag: Some(ETag::Strong(attributes.etag)),
        metadata: Some(attributes.metadata.into_iter().collect()),
        tag_count: i32::try_from(attributes.tags.len()).ok().filter(|count| *count > 0),
        content_type: Some(headers.content_type.unwrap_or_else(|| CONTENT_TYPE.to_owned())),
        content_encoding: headers.content_encoding,
        content_disposition: headers.content_disposition,
        content_language: headers.content_language,
        cache_control: headers.cache_control,
        expires: told_time(headers.expires.as_deref()),
        website_redirect_location: headers.website_redirect_location,
        ..GetObjectOutput::default()
    })
}

/// A part of a file, read as fast as the client takes it.
async fn stream(path: PathBuf, first: u64, length: u64) -> S3Result<StreamingBlob> {
    let mut file = tokio::fs::File::open(path).await.map_err(|error| s3_error!(error, NoSuchKey))?;
    if first > 0 {
        file.seek(SeekFrom::Start(first)).await.map_err(|error| errors::io(&error))?;
    }
    Ok(StreamingBlob::wrap(ReaderStream::with_capacity(file.take(length), READ_BYTES)))
}

pub(super) async fn head_object(objects: &Objects, input: HeadObjectInput) -> S3Result<HeadObjectOutput> {
    check_version(input.version_id.as_deref())?;
    let conditions = Conditions {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    let Served { attributes, modified, size, .. } = objects.served(input.bucket, input.key, conditions).await?;
    let (_, length, content_range) = wanted(input.range, size)?;
    let checksums = if is_enabled(input.checksum_mode.as_ref()) { attributes.checksums } else { Checksums::default() };
    let headers = attributes.headers;
    Ok(HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        checksum_type: checksum_type(&checksums),
        checksum_crc32: checksums.crc32,
        checksum_crc32c: checksums.crc32c,
        checksum_crc64nvme: checksums.crc64nvme,
        checksum_sha1: checksums.sha1,
        checksum_sha256: checksums.sha256,
        content_length: Some(signed(length)),
        content_range,
        last_modified: Some(modified),
        e_tag: Some(ETag::Strong(attributes.etag)),
        metadata: Some(attributes.metadata.into_iter().collect()),
        content_type: Some(headers.content_type.unwrap_or_else(|| CONTENT_TYPE.to_owned())),
        content_encoding: headers.content_encoding,
        content_disposition: headers.content_disposition,
        content_language: headers.content_language,
        cache_control: headers.cache_control,
        expires: told_time(headers.expires.as_deref()),
        website_redirect_location: headers.website_redirect_location,
        ..HeadObjectOutput::default()
    })
}

/// What a copy is made of.
pub(super) fn source_of(source: CopySource) -> S3Result<(String, String)> {
    match source {
        CopySource::Bucket { bucket, key, version_id } => {
            check_version(version_id.as_deref())?;
            Ok((bucket.into(), key.into()))
        }
        _ => Err(s3_error!(NotImplemented, "There are no access points here.")),
    }
}

pub(super) async fn copy_object(objects: &Objects, input: CopyObjectInput) -> S3Result<CopyObjectOutput> {
    let (from_bucket, from_key) = source_of(input.copy_source)?;
    let replaces = input.metadata_directive.as_ref().is_some_and(|it| it.as_str() == MetadataDirective::REPLACE);
    let replaces_tags = input.tagging_directive.as_ref().is_some_and(|it| it.as_str() == TaggingDirective::REPLACE);
    if from_bucket == input.bucket && from_key == input.key && !replaces {
        return Err(s3_error!(
            InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."
        ));
    }
    let conditions = Conditions {
        if_match: input.copy_source_if_match,
        if_none_match: input.copy_source_if_none_match,
        if_modified_since: input.copy_source_if_modified_since,
        if_unmodified_since: input.copy_source_if_unmodified_since,
    };
    let source = objects.served(from_bucket, from_key, conditions).await.map_err(|mut error| {
        // There is nothing in the client's hands that a copy could leave as it is.
        if *error.code() == s3s::S3ErrorCode::NotModified {
            error = precondition_failed();
        }
        error
    })?;
    let headers = Headers {
        content_type: input.content_type,
        content_encoding: input.content_encoding,
        content_disposition: input.content_disposition,
        content_language: input.content_language,
        cache_control: input.cache_control,
        expires: kept_time(input.expires),
        website_redirect_location: input.website_redirect_location,
    };
    let given = metadata(input.metadata)?;
    let tags = tags_of(input.tagging.as_deref())?;
    let wanted = input.checksum_algorithm.and_then(|algorithm| Algorithm::parse(algorithm.as_str()));
    let (bucket, key) = (input.bucket, input.key);
    let copy = move |objects: &Objects| {
        let Served { found, attributes, .. } = source;
        // Those of parts do not fit an object in one piece.
        let algorithms: Vec<Algorithm> = wanted.into_iter().chain(attributes.checksums.algorithms()).take(1).collect();
        let mut staged =
            Staged::begin(&objects.folder, &objects.ids.uuid(), algorithms).map_err(|error| errors::io(&error))?;
        if found.metadata.is_file() {
            staged.append(&found.path).map_err(|error| errors::io(&error))?;
        }
        let digested = staged.digested();
        let made = Attributes {
            key,
            etag: digested.etag(),
            headers: if replaces { headers } else { attributes.headers },
            metadata: if replaces { given } else { attributes.metadata },
            checksums: digested.checksums,
            tags: if replaces_tags { tags } else { attributes.tags },
            ..Attributes::default()
        };
        let key = made.key.clone();
        let made = objects.folder.put(&bucket, staged, made).map_err(errors::put)?;
        let there = objects.folder.find(&bucket, &key).map_err(errors::find)?;
        Ok((made, there.metadata.modified().map_err(|error| errors::io(&error))?))
    };
    let (made, modified) = objects.blocking(copy).await?;
    let result = CopyObjectResult {
        e_tag: Some(ETag::Strong(made.etag)),
        last_modified: Some(modified.into()),
        checksum_crc32: made.checksums.crc32,
        checksum_crc32c: made.checksums.crc32c,
        checksum_crc64nvme: made.checksums.crc64nvme,
        checksum_sha1: made.checksums.sha1,
        checksum_sha256: made.checksums.sha256,
        ..CopyObjectResult::default()
    };
    Ok(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() })
}

pub(super) async fn delete_object(objects: &Objects, input: DeleteObjectInput) -> S3Result<DeleteObjectOutput> {
    let delete = move |objects: &Objects| objects.folder.delete(&input.bucket, &input.key).map_err(errors::find);
    objects.blocking(delete).await?;
    Ok(DeleteObjectOutput::default())
}

pub(super) async fn delete_objects(objects: &Objects, input: DeleteObjectsInput) -> S3Result<DeleteObjectsOutput> {
    const OBJECTS_MAX: usize = 1_000;
    if input.delete.objects.len() > OBJECTS_MAX {
        return Err(errors::malformed_xml());
    }
    let quiet = input.delete.quiet.unwrap_or(false);
    let delete = move |objects: &Objects| {
        objects.need_bucket(&input.bucket)?;
        let (mut deleted, mut failed) = (Vec::new(), Vec::new());
        for object in input.delete.objects {
            match objects.folder.delete(&input.bucket, &object.key) {
                Ok(()) => deleted.push(DeletedObject {
                    key: Some(object.key),
                    version_id: object.version_id,
                    ..DeletedObject::default()
                }),
                Err(error) => {
                    let error = errors::find(error);
                    failed.push(Error {
                        code: Some(error.code().as_str().to_owned()),
                        message: error.message().map(str::to_owned),
                        key: Some(object.key),
                        version_id: object.version_id,
                    });
                }
            }
        }
        Ok((deleted, failed))
    };
    let (deleted, failed) = objects.blocking(delete).await?;
    Ok(DeleteObjectsOutput {
        deleted: Some(deleted).filter(|_| !quiet),
        errors: Some(failed).filter(|failed| !failed.is_empty()),
        ..DeleteObjectsOutput::default()
    })
}

/// Changes what is known of an object, and gives what was known.
async fn with_attributes<T: Send + 'static>(
    objects: &Objects,
    bucket: String,
    key: String,
    work: impl FnOnce(&mut Attributes) -> T + Send + 'static,
) -> S3Result<T> {
    objects
        .blocking(move |objects| {
            let found = objects.folder.find(&bucket, &key).map_err(errors::find)?;
            let before = objects.folder.attributes(&bucket, &key, &found).map_err(|error| errors::io(&error))?;
            let mut attributes = before.clone();
            let done = work(&mut attributes);
            if attributes != before {
                objects.folder.keep_attributes(&bucket, &attributes).map_err(|error| errors::io(&error))?;
            }
            Ok(done)
        })
        .await
}

pub(super) async fn get_object_tagging(
    objects: &Objects,
    input: GetObjectTaggingInput,
) -> S3Result<GetObjectTaggingOutput> {
    check_version(input.version_id.as_deref())?;
    let tags = with_attributes(objects, input.bucket, input.key, |attributes| attributes.tags.clone()).await?;
    let tag_set = tags.into_iter().map(|(key, value)| Tag { key: Some(key), value: Some(value) }).collect();
    Ok(GetObjectTaggingOutput { tag_set, ..GetObjectTaggingOutput::default() })
}

pub(super) async fn put_object_tagging(
    objects: &Objects,
    input: PutObjectTaggingInput,
) -> S3Result<PutObjectTaggingOutput> {
    check_version(input.version_id.as_deref())?;
    let pair = |tag: Tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
    let tags: Vec<_> = input.tagging.tag_set.into_iter().map(pair).collect();
    check_tags(&tags)?;
    with_attributes(objects, input.bucket, input.key, move |attributes| attributes.tags = tags).await?;
    Ok(PutObjectTaggingOutput::default())
}

pub(super) async fn delete_object_tagging(
    objects: &Objects,
    input: DeleteObjectTaggingInput,
) -> S3Result<DeleteObjectTaggingOutput> {
    check_version(input.version_id.as_deref())?;
    with_attributes(objects, input.bucket, input.key, |attributes| attributes.tags.clear()).await?;
    Ok(DeleteObjectTaggingOutput::default())
}
