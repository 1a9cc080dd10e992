//! Objects in several parts.

use super::objects::{Claims, check_overwrite, kept_time, metadata, receive, source_of, tags_of};
use super::{Objects, errors};
use crate::attributes::{Algorithm, Attributes, Checksums, Headers};
use crate::uploads::{Part as KeptPart, Upload};
use crate::write::Staged;
use s3s::dto::*;
use s3s::{S3Result, s3_error};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// Highest number of a part: S3's.
const PART_NUMBER_MAX: i32 = 10_000;
/// Least size of every part but the last: S3's.
const PART_BYTES_MIN: u64 = 5 * 1024 * 1024;
/// Most items of a page of parts or uploads: S3's.
const PAGE_ITEMS: i32 = 1_000;

pub(super) async fn create_multipart_upload(
    objects: &Objects,
    input: CreateMultipartUploadInput,
) -> S3Result<CreateMultipartUploadOutput> {
    objects.need_bucket(&input.bucket)?;
    crate::path::of_key(&input.key).map_err(errors::name)?;
    let algorithm = input.checksum_algorithm.as_ref().and_then(|given| Algorithm::parse(given.as_str()));
    let full_object = match &input.checksum_type {
        Some(given) => given.as_str() == ChecksumType::FULL_OBJECT,
        // There is no other for it.
        None => algorithm == Some(Algorithm::Crc64Nvme),
    };
    let upload = Upload {
        bucket: input.bucket.clone(),
        attributes: Attributes {
            key: input.key.clone(),
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
        },
        algorithm: algorithm.map(|algorithm| algorithm.name().to_owned()),
        full_object,
    };
    let begin = move |objects: &Objects| {
        let id = objects.ids.uuid();
        objects.folder.begin_upload(&id, &upload).map_err(|error| errors::io(&error))?;
        Ok(id)
    };
    let id = objects.blocking(begin).await?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id),
        checksum_algorithm: input.checksum_algorithm,
        checksum_type: algorithm.map(|_| {
            ChecksumType::from_static(if full_object { ChecksumType::FULL_OBJECT } else { ChecksumType::COMPOSITE })
        }),
        ..CreateMultipartUploadOutput::default()
    })
}

fn check_number(number: i32) -> S3Result<()> {
    if (1..=PART_NUMBER_MAX).contains(&number) {
        return Ok(());
    }
    Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and {PART_NUMBER_MAX}, inclusive"))
}

pub(super) async fn upload_part(objects: &Objects, input: UploadPartInput) -> S3Result<UploadPartOutput> {
    check_number(input.part_number)?;
    let (id, bucket, key, number) = (input.upload_id, input.bucket, input.key, input.part_number);
    let find = {
        let id = id.clone();
        move |objects: &Objects| objects.folder.find_upload(&id, &bucket, &key).map_err(errors::assemble)
    };
    let upload = objects.blocking(find).await?;
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
    let algorithm = upload.algorithm.map(ChecksumAlgorithm::from);
    let (staged, digested) = receive(objects, input.body, algorithm.as_ref(), claims).await?;
    let keep = move |objects: &Objects| {
        objects.folder.keep_part(&id, number, staged, &digested).map_err(|error| errors::io(&error))
    };
    let part = objects.blocking(keep).await?;
    Ok(UploadPartOutput {
        e_tag: Some(ETag::Strong(part.etag)),
        checksum_crc32: part.checksums.crc32,
        checksum_crc32c: part.checksums.crc32c,
        checksum_crc64nvme: part.checksums.crc64nvme,
        checksum_sha1: part.checksums.sha1,
        checksum_sha256: part.checksums.sha256,
        ..UploadPartOutput::default()
    })
}

pub(super) async fn upload_part_copy(objects: &Objects, input: UploadPartCopyInput) -> S3Result<UploadPartCopyOutput> {
    check_number(input.part_number)?;
    let (from_bucket, from_key) = source_of(input.copy_source)?;
    let range = input.copy_source_range.as_deref().map(Range::parse).transpose();
    let range = range.map_err(|_| s3_error!(InvalidArgument, "The x-amz-copy-source-range value is not valid"))?;
    let (id, bucket, key, number) = (input.upload_id, input.bucket, input.key, input.part_number);
    let copy = move |objects: &Objects| {
        let upload = objects.folder.find_upload(&id, &bucket, &key).map_err(errors::assemble)?;
        let found = objects.folder.find(&from_bucket, &from_key).map_err(errors::find)?;
        let size = if found.metadata.is_file() { found.metadata.len() } else { 0 };
        let bytes = match range {
            Some(range) => {
                range.check(size).map_err(|_| s3_error!(InvalidRange, "The requested range is not satisfiable"))?
            }
            None => 0..size,
        };
        let algorithm = upload.algorithm.as_deref().and_then(Algorithm::parse);
        let io = |error: std::io::Error| errors::io(&error);
        let mut staged = Staged::begin(&objects.folder, &objects.ids.uuid(), algorithm).map_err(io)?;
        if found.metadata.is_file() {
            let mut file = File::open(&found.path).map_err(io)?;
            file.seek(SeekFrom::Start(bytes.start)).map_err(io)?;
            let mut failed = Ok(());
            crate::folder::read_through(&mut file.take(bytes.end - bytes.start), |piece| {
                if failed.is_ok() {
                    failed = staged.write(piece);
                }
            })
            .map_err(io)?;
            failed.map_err(io)?;
        }
        let digested = staged.digested();
        let part = objects.folder.keep_part(&id, number, staged, &digested).map_err(io)?;
        Ok((part, found.metadata.modified().map_err(io)?))
    };
    let (part, modified) = objects.blocking(copy).await?;
    let result = CopyPartResult {
        e_tag: Some(ETag::Strong(part.etag)),
        last_modified: Some(modified.into()),
        checksum_crc32: part.checksums.crc32,
        checksum_crc32c: part.checksums.crc32c,
        checksum_crc64nvme: part.checksums.crc64nvme,
        checksum_sha1: part.checksums.sha1,
        checksum_sha256: part.checksums.sha256,
    };
    Ok(UploadPartCopyOutput { copy_part_result: Some(result), ..UploadPartCopyOutput::default() })
}

pub(super) async fn complete_multipart_upload(
    objects: &Objects,
    input: CompleteMultipartUploadInput,
) -> S3Result<CompleteMultipartUploadOutput> {
    let (id, bucket, key) = (input.upload_id, input.bucket, input.key);
    let wanted = input.multipart_upload.and_then(|given| given.parts).unwrap_or_default();
    let (if_match, if_none_match) = (input.if_match, input.if_none_match);
    let complete = move |objects: &Objects| {
        let upload = objects.folder.find_upload(&id, &bucket, &key).map_err(errors::assemble)?;
        let there = objects.folder.parts(&id).map_err(|error| errors::io(&error))?;
        let parts = chosen(&wanted, &there.into_iter().map(|(part, _)| part).collect::<Vec<_>>())?;
        check_overwrite(objects, &bucket, &key, if_match.as_ref(), if_none_match.as_ref())?;
        let (staged, attributes) =
            objects.folder.assemble(&id, &objects.ids.uuid(), &upload, &parts).map_err(errors::assemble)?;
        let made = objects.folder.put(&bucket, staged, attributes).map_err(errors::put)?;
        objects.folder.end_upload(&id).map_err(|error| errors::io(&error))?;
        Ok((bucket, key, made))
    };
    let (bucket, key, made) = objects.blocking(complete).await?;
    Ok(CompleteMultipartUploadOutput {
        location: Some(format!("/{bucket}/{key}")),
        bucket: Some(bucket),
        key: Some(key),
        e_tag: Some(ETag::Strong(made.etag)),
        checksum_crc32: made.checksums.crc32,
        checksum_crc32c: made.checksums.crc32c,
        checksum_crc64nvme: made.checksums.crc64nvme,
        checksum_sha1: made.checksums.sha1,
        checksum_sha256: made.checksums.sha256,
        ..CompleteMultipartUploadOutput::default()
    })
}

/// The parts that a client names: in order, each as it was uploaded, each but the last large enough.
fn chosen(wanted: &[CompletedPart], there: &[KeptPart]) -> S3Result<Vec<KeptPart>> {
    if wanted.is_empty() {
        return Err(errors::malformed_xml());
    }
    let mut parts: Vec<KeptPart> = Vec::with_capacity(wanted.len());
    for named in wanted {
        let number = named.part_number.unwrap_or_default();
        if parts.last().is_some_and(|before| before.number >= number) {
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order. Parts must be ordered by part number."
            ));
        }
        let part = there.iter().find(|part| part.number == number);
        let part = part.filter(|part| named.e_tag.as_ref().is_none_or(|etag| etag.value() == part.etag));
        let part = part.ok_or_else(|| {
            s3_error!(
                InvalidPart,
                "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."
            )
        })?;
        if parts.last().is_some_and(|before| before.size < PART_BYTES_MIN) {
            return Err(s3_error!(EntityTooSmall, "Your proposed upload is smaller than the minimum allowed size"));
        }
        parts.push(part.clone());
    }
    Ok(parts)
}

pub(super) async fn abort_multipart_upload(
    objects: &Objects,
    input: AbortMultipartUploadInput,
) -> S3Result<AbortMultipartUploadOutput> {
    let abort = move |objects: &Objects| {
        objects.folder.find_upload(&input.upload_id, &input.bucket, &input.key).map_err(errors::assemble)?;
        objects.folder.end_upload(&input.upload_id).map_err(|error| errors::io(&error))
    };
    objects.blocking(abort).await?;
    Ok(AbortMultipartUploadOutput::default())
}

pub(super) async fn list_parts(objects: &Objects, input: ListPartsInput) -> S3Result<ListPartsOutput> {
    let (id, bucket, key) = (input.upload_id.clone(), input.bucket.clone(), input.key.clone());
    let read = move |objects: &Objects| {
        let upload = objects.folder.find_upload(&id, &bucket, &key).map_err(errors::assemble)?;
        Ok((upload, objects.folder.parts(&id).map_err(|error| errors::io(&error))?))
    };
    let (upload, mut there) = objects.blocking(read).await?;
    let after = input.part_number_marker.unwrap_or_default();
    let max = input.max_parts.unwrap_or(PAGE_ITEMS).clamp(0, PAGE_ITEMS);
    there.retain(|(part, _)| part.number > after);
    let limit = usize::try_from(max).unwrap_or_default();
    let more = there.len() > limit;
    there.truncate(limit);
    let last = there.last().filter(|_| more).map(|(part, _)| part.number);
    let told = |(part, at): (KeptPart, std::time::SystemTime)| Part {
        part_number: Some(part.number),
        e_tag: Some(ETag::Strong(part.etag)),
        size: i64::try_from(part.size).ok(),
        last_modified: Some(at.into()),
        checksum_crc32: part.checksums.crc32,
        checksum_crc32c: part.checksums.crc32c,
        checksum_crc64nvme: part.checksums.crc64nvme,
        checksum_sha1: part.checksums.sha1,
        checksum_sha256: part.checksums.sha256,
    };
    Ok(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        max_parts: Some(max),
        part_number_marker: Some(after),
        next_part_number_marker: last,
        is_truncated: Some(more),
        parts: Some(there.into_iter().map(told).collect()),
        owner: Some(objects.owner()),
        checksum_algorithm: upload.algorithm.map(ChecksumAlgorithm::from),
        ..ListPartsOutput::default()
    })
}

pub(super) async fn list_multipart_uploads(
    objects: &Objects,
    input: ListMultipartUploadsInput,
) -> S3Result<ListMultipartUploadsOutput> {
    let bucket = input.bucket.clone();
    let read = move |objects: &Objects| {
        objects.need_bucket(&bucket)?;
        objects.folder.uploads(&bucket).map_err(|error| errors::io(&error))
    };
    let prefix = input.prefix.clone().unwrap_or_default();
    let mut there = objects.blocking(read).await?;
    let after = (input.key_marker.clone().unwrap_or_default(), input.upload_id_marker.clone().unwrap_or_default());
    there.retain(|(id, upload, _)| {
        let key = &upload.attributes.key;
        let is_later = match after.1.is_empty() {
            true => *key > after.0,
            false => (key, id) > (&after.0, &after.1),
        };
        key.starts_with(&prefix) && (after.0.is_empty() || is_later)
    });
    let max = input.max_uploads.unwrap_or(PAGE_ITEMS).clamp(0, PAGE_ITEMS);
    let limit = usize::try_from(max).unwrap_or_default();
    let more = there.len() > limit;
    there.truncate(limit);
    let last = there.last().filter(|_| more).map(|(id, upload, _)| (upload.attributes.key.clone(), id.clone()));
    let (next_key, next_id) = last.unzip();
    let told = |(id, upload, at): (String, Upload, std::time::SystemTime)| MultipartUpload {
        key: Some(upload.attributes.key),
        upload_id: Some(id),
        initiated: Some(at.into()),
        ..MultipartUpload::default()
    };
    Ok(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        key_marker: input.key_marker,
        upload_id_marker: input.upload_id_marker,
        next_key_marker: next_key,
        next_upload_id_marker: next_id,
        max_uploads: Some(max),
        is_truncated: Some(more),
        prefix: input.prefix,
        uploads: Some(there.into_iter().map(told).collect()),
        ..ListMultipartUploadsOutput::default()
    })
}
