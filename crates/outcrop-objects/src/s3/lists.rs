//! Lists of objects, in S3's three forms.

use super::{Objects, errors};
use crate::attributes::Attributes;
use crate::folder::FindError;
use crate::list::{Item, Query};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::*;
use s3s::{S3Result, s3_error};
use std::time::SystemTime;

/// Most items of a page, and what it has when nothing is said: S3's.
const PAGE_ITEMS: i32 = 1_000;
/// What `encoding-type=url` leaves as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');

/// What the three forms ask for.
struct Wanted {
    bucket: String,
    prefix: Option<String>,
    delimiter: Option<String>,
    after: Option<String>,
    max_keys: Option<i32>,
    encoding: Option<EncodingType>,
}

/// What each of them tells in words of its own.
struct Listed {
    objects: Vec<Entry>,
    prefixes: Option<Vec<CommonPrefix>>,
    is_truncated: bool,
    /// The last item, as it is, where there are more.
    last: Option<String>,
    max_keys: i32,
    count: i32,
}

struct Entry {
    /// As it is to be told.
    key: String,
    size: i64,
    modified: SystemTime,
    attributes: Attributes,
}

impl Wanted {
    /// As it is to be told.
    fn told(&self, text: &str) -> String {
        match &self.encoding {
            Some(encoding) if encoding.as_str() == EncodingType::URL => utf8_percent_encode(text, PLAIN).to_string(),
            _ => text.to_owned(),
        }
    }

    fn told_if(&self, text: Option<&String>) -> Option<String> {
        text.map(|text| self.told(text))
    }
}

async fn list(objects: &Objects, wanted: Wanted) -> S3Result<(Wanted, Listed)> {
    let max_keys = wanted.max_keys.unwrap_or(PAGE_ITEMS);
    let max = usize::try_from(max_keys)
        .map_err(|_| s3_error!(InvalidArgument, "Argument maxKeys must be an integer between 0 and 2147483647"))?;
    let limit = max.min(usize::try_from(PAGE_ITEMS).unwrap_or(max));
    objects
        .blocking(move |objects| {
            objects.need_bucket(&wanted.bucket)?;
            let query = Query {
                prefix: wanted.prefix.clone().unwrap_or_default(),
                delimiter: wanted.delimiter.clone().filter(|delimiter| !delimiter.is_empty()),
                after: wanted.after.clone(),
                max: limit,
            };
            let page = objects.folder.list(&wanted.bucket, &query).map_err(|error| errors::io(&error))?;
            let last = page.items.last().filter(|_| page.is_truncated).map(|item| item.name().to_owned());
            let count = i32::try_from(page.items.len()).unwrap_or(i32::MAX);
            let (mut entries, mut prefixes) = (Vec::new(), Vec::new());
            for item in page.items {
                match item {
                    Item::Prefix(prefix) => prefixes.push(CommonPrefix { prefix: Some(wanted.told(&prefix)) }),
                    Item::Key(key) => entries.extend(entry(objects, &wanted, &key)?),
                }
            }
            let listed = Listed {
                objects: entries,
                prefixes: Some(prefixes).filter(|prefixes| !prefixes.is_empty()),
                is_truncated: page.is_truncated,
                last,
                max_keys: i32::try_from(limit).unwrap_or(PAGE_ITEMS),
                count,
            };
            Ok((wanted, listed))
        })
        .await
}

/// What a list tells of an object; nothing when it was deleted meanwhile.
fn entry(objects: &Objects, wanted: &Wanted, key: &str) -> S3Result<Option<Entry>> {
    let found = match objects.folder.find(&wanted.bucket, key) {
        Ok(found) => found,
        Err(FindError::NoKey) => return Ok(None),
        Err(error) => return Err(errors::find(error)),
    };
    let attributes = objects.folder.attributes(&wanted.bucket, key, &found).map_err(|error| errors::io(&error))?;
    let size = if found.metadata.is_file() { found.metadata.len() } else { 0 };
    Ok(Some(Entry {
        key: wanted.told(key),
        size: i64::try_from(size).unwrap_or(i64::MAX),
        modified: found.metadata.modified().map_err(|error| errors::io(&error))?,
        attributes,
    }))
}

fn object(entry: Entry, owner: Option<Owner>) -> Object {
    let algorithms: Vec<_> = entry
        .attributes
        .checksums
        .algorithms()
        .map(|algorithm| ChecksumAlgorithm::from_static(algorithm.name()))
        .collect();
    Object {
        checksum_algorithm: Some(algorithms).filter(|algorithms| !algorithms.is_empty()),
        e_tag: Some(ETag::Strong(entry.attributes.etag)),
        key: Some(entry.key),
        last_modified: Some(entry.modified.into()),
        owner,
        size: Some(entry.size),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        ..Object::default()
    }
}

pub(super) async fn list_objects(objects: &Objects, input: ListObjectsInput) -> S3Result<ListObjectsOutput> {
    let wanted = Wanted {
        bucket: input.bucket,
        prefix: input.prefix,
        delimiter: input.delimiter,
        after: input.marker.filter(|marker| !marker.is_empty()),
        max_keys: input.max_keys,
        encoding: input.encoding_type,
    };
    let (wanted, listed) = list(objects, wanted).await?;
    let owner = objects.owner();
    Ok(ListObjectsOutput {
        prefix: Some(wanted.told_if(wanted.prefix.as_ref()).unwrap_or_default()),
        marker: Some(wanted.told_if(wanted.after.as_ref()).unwrap_or_default()),
        delimiter: wanted.told_if(wanted.delimiter.as_ref()),
        next_marker: wanted.told_if(listed.last.as_ref()),
        name: Some(wanted.bucket),
        max_keys: Some(listed.max_keys),
        is_truncated: Some(listed.is_truncated),
        contents: Some(listed.objects.into_iter().map(|entry| object(entry, Some(owner.clone()))).collect()),
        common_prefixes: listed.prefixes,
        encoding_type: wanted.encoding,
        ..ListObjectsOutput::default()
    })
}

pub(super) async fn list_objects_v2(objects: &Objects, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let from_token = input.continuation_token.as_deref().map(|token| {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        text.ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))
    });
    let from_token = from_token.transpose()?;
    let start_after = input.start_after.filter(|after| !after.is_empty());
    let wanted = Wanted {
        bucket: input.bucket,
        prefix: input.prefix,
        delimiter: input.delimiter,
        after: from_token.or_else(|| start_after.clone()),
        max_keys: input.max_keys,
        encoding: input.encoding_type,
    };
    let (wanted, listed) = list(objects, wanted).await?;
    let owner = input.fetch_owner.filter(|fetch| *fetch).map(|_| objects.owner());
    Ok(ListObjectsV2Output {
        prefix: Some(wanted.told_if(wanted.prefix.as_ref()).unwrap_or_default()),
        delimiter: wanted.told_if(wanted.delimiter.as_ref()),
        start_after: wanted.told_if(start_after.as_ref()),
        name: Some(wanted.bucket),
        key_count: Some(listed.count),
        max_keys: Some(listed.max_keys),
        is_truncated: Some(listed.is_truncated),
        contents: Some(listed.objects.into_iter().map(|entry| object(entry, owner.clone())).collect()),
        common_prefixes: listed.prefixes,
        continuation_token: input.continuation_token,
        next_continuation_token: listed.last.map(|last| URL_SAFE_NO_PAD.encode(last)),
        encoding_type: wanted.encoding,
        ..ListObjectsV2Output::default()
    })
}

/// Every object is its only version, which S3 calls `null`: clean-up code deletes versions.
pub(super) async fn list_object_versions(
    objects: &Objects,
    input: ListObjectVersionsInput,
) -> S3Result<ListObjectVersionsOutput> {
    let wanted = Wanted {
        bucket: input.bucket,
        prefix: input.prefix,
        delimiter: input.delimiter,
        after: input.key_marker.filter(|marker| !marker.is_empty()),
        max_keys: input.max_keys,
        encoding: input.encoding_type,
    };
    let (wanted, listed) = list(objects, wanted).await?;
    let owner = objects.owner();
    let version = |entry: Entry| ObjectVersion {
        e_tag: Some(ETag::Strong(entry.attributes.etag)),
        is_latest: Some(true),
        key: Some(entry.key),
        last_modified: Some(entry.modified.into()),
        owner: Some(owner.clone()),
        size: Some(entry.size),
        storage_class: Some(ObjectVersionStorageClass::from_static(ObjectVersionStorageClass::STANDARD)),
        version_id: Some("null".to_owned()),
        ..ObjectVersion::default()
    };
    Ok(ListObjectVersionsOutput {
        prefix: Some(wanted.told_if(wanted.prefix.as_ref()).unwrap_or_default()),
        key_marker: Some(wanted.told_if(wanted.after.as_ref()).unwrap_or_default()),
        delimiter: wanted.told_if(wanted.delimiter.as_ref()),
        next_key_marker: wanted.told_if(listed.last.as_ref()),
        next_version_id_marker: listed.last.as_ref().map(|_| "null".to_owned()),
        name: Some(wanted.bucket),
        max_keys: Some(listed.max_keys),
        is_truncated: Some(listed.is_truncated),
        versions: Some(listed.objects.into_iter().map(version).collect()),
        common_prefixes: listed.prefixes,
        encoding_type: wanted.encoding,
        ..ListObjectVersionsOutput::default()
    })
}
