//! Buckets, and their settings, which are recorded and change nothing.

use super::{Objects, errors};
use crate::buckets::BucketRecord;
use s3s::dto::*;
use s3s::{S3Error, S3Result, s3_error, xml};

/// Where buckets are that say nothing: of all regions the one whose name S3 leaves out.
const HOME: &str = "us-east-1";
/// Largest setting, in bytes.
const SETTING_BYTES_MAX: usize = 256 * 1024;

pub(super) async fn create_bucket(objects: &Objects, input: CreateBucketInput) -> S3Result<CreateBucketOutput> {
    if !s3s::path::check_bucket_name(&input.bucket) {
        return Err(s3_error!(InvalidBucketName, "The specified bucket is not valid."));
    }
    let location = input.create_bucket_configuration.and_then(|given| given.location_constraint);
    let location = location.map(|location| location.as_str().to_owned());
    let (bucket, record) = (input.bucket, BucketRecord { location, ..BucketRecord::default() });
    objects
        .blocking(move |objects| {
            let made = objects.folder.create_bucket(&bucket, &record).map_err(|error| errors::io(&error))?;
            // Only in the oldest region a bucket of one's own is made once more without complaint.
            if !made && record.location.as_deref().is_some_and(|location| location != HOME) {
                return Err(s3_error!(
                    BucketAlreadyOwnedByYou,
                    "Your previous request to create the named bucket succeeded and you already own it."
                ));
            }
            if made {
                tracing::info!(bucket, "made the bucket {bucket}");
            }
            Ok(CreateBucketOutput { location: Some(format!("/{bucket}")) })
        })
        .await
}

pub(super) async fn head_bucket(objects: &Objects, input: HeadBucketInput) -> S3Result<HeadBucketOutput> {
    let record = read(objects, input.bucket).await?;
    let region = record.location.unwrap_or_else(|| objects.region.clone());
    Ok(HeadBucketOutput { bucket_region: Some(region), ..HeadBucketOutput::default() })
}

pub(super) async fn delete_bucket(objects: &Objects, input: DeleteBucketInput) -> S3Result<DeleteBucketOutput> {
    let delete = move |objects: &Objects| {
        objects.need_bucket(&input.bucket)?;
        match objects.folder.delete_bucket(&input.bucket) {
            Ok(true) => Ok(DeleteBucketOutput {}),
            Ok(false) => Err(s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty")),
            Err(error) => Err(errors::io(&error)),
        }
    };
    objects.blocking(delete).await
}

pub(super) async fn list_buckets(objects: &Objects, input: ListBucketsInput) -> S3Result<ListBucketsOutput> {
    let buckets = objects.blocking(|objects| objects.folder.buckets().map_err(|error| errors::io(&error))).await?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let after = input.continuation_token.unwrap_or_default();
    let limit = usize::try_from(input.max_buckets.unwrap_or(10_000)).unwrap_or(1).max(1);
    let mut found: Vec<Bucket> = buckets
        .into_iter()
        .filter(|(name, _)| name.starts_with(&prefix) && name.as_str() > after.as_str())
        .map(|(name, at)| Bucket { name: Some(name), creation_date: Some(at.into()), bucket_region: None })
        .collect();
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more).and_then(|bucket| bucket.name.clone());
    Ok(ListBucketsOutput {
        buckets: Some(found),
        owner: Some(objects.owner()),
        continuation_token: last,
        prefix: input.prefix,
    })
}

pub(super) async fn get_bucket_location(
    objects: &Objects,
    input: GetBucketLocationInput,
) -> S3Result<GetBucketLocationOutput> {
    let record = read(objects, input.bucket).await?;
    let location = record.location.or_else(|| Some(objects.region.clone())).filter(|location| location != HOME);
    Ok(GetBucketLocationOutput { location_constraint: location.map(BucketLocationConstraint::from) })
}

async fn read(objects: &Objects, bucket: String) -> S3Result<BucketRecord> {
    objects
        .blocking(move |objects| {
            objects.need_bucket(&bucket)?;
            objects.folder.bucket_settings(&bucket).map_err(|error| errors::io(&error))
        })
        .await
}

/// A setting that was recorded, as it came.
async fn setting(objects: &Objects, bucket: String, name: &'static str) -> S3Result<Option<String>> {
    Ok(read(objects, bucket).await?.settings.remove(name))
}

/// The same, read from its XML.
async fn xml_setting<T>(objects: &Objects, bucket: String, name: &'static str) -> S3Result<Option<T>>
where
    T: for<'xml> xml::Deserialize<'xml>,
{
    let Some(text) = setting(objects, bucket, name).await? else { return Ok(None) };
    let mut reader = xml::Deserializer::new(text.as_bytes());
    T::deserialize(&mut reader).map(Some).map_err(S3Error::internal_error)
}

/// Records a setting, or with `None` forgets it.
async fn record(objects: &Objects, bucket: String, name: &'static str, value: Option<String>) -> S3Result<()> {
    if value.as_ref().is_some_and(|value| value.len() > SETTING_BYTES_MAX) {
        return Err(s3_error!(MaxMessageLengthExceeded));
    }
    objects
        .blocking(move |objects| {
            objects.need_bucket(&bucket)?;
            let recorded = value.is_some();
            let change = |record: &mut BucketRecord| {
                match value {
                    Some(value) => record.settings.insert(name.to_owned(), value),
                    None => record.settings.remove(name),
                };
            };
            objects.folder.change_bucket(&bucket, change).map_err(|error| errors::io(&error))?;
            if recorded {
                tracing::info!(bucket, name, "recorded the {name} of the bucket {bucket}; it changes nothing here");
            }
            Ok(())
        })
        .await
}

async fn record_xml(
    objects: &Objects,
    bucket: String,
    name: &'static str,
    value: &impl xml::Serialize,
) -> S3Result<()> {
    let mut text = Vec::new();
    value.serialize(&mut xml::Serializer::new(&mut text)).map_err(S3Error::internal_error)?;
    let text = String::from_utf8(text).map_err(S3Error::internal_error)?;
    record(objects, bucket, name, Some(text)).await
}

pub(super) async fn get_bucket_versioning(
    objects: &Objects,
    input: GetBucketVersioningInput,
) -> S3Result<GetBucketVersioningOutput> {
    let status = setting(objects, input.bucket, "versioning").await?;
    let status = status.map(BucketVersioningStatus::from);
    Ok(GetBucketVersioningOutput { status, ..GetBucketVersioningOutput::default() })
}

pub(super) async fn put_bucket_versioning(
    objects: &Objects,
    input: PutBucketVersioningInput,
) -> S3Result<PutBucketVersioningOutput> {
    let status = input.versioning_configuration.status;
    let status = status.ok_or_else(|| s3_error!(IllegalVersioningConfigurationException))?;
    record(objects, input.bucket, "versioning", Some(status.as_str().to_owned())).await?;
    Ok(PutBucketVersioningOutput {})
}

pub(super) async fn get_bucket_policy(
    objects: &Objects,
    input: GetBucketPolicyInput,
) -> S3Result<GetBucketPolicyOutput> {
    match setting(objects, input.bucket, "policy").await? {
        Some(policy) => Ok(GetBucketPolicyOutput { policy: Some(policy) }),
        None => Err(s3_error!(NoSuchBucketPolicy, "The bucket policy does not exist")),
    }
}

pub(super) async fn put_bucket_policy(
    objects: &Objects,
    input: PutBucketPolicyInput,
) -> S3Result<PutBucketPolicyOutput> {
    let is_object = serde_json::from_str::<serde_json::Value>(&input.policy).is_ok_and(|policy| policy.is_object());
    if !is_object {
        return Err(s3_error!(MalformedPolicy, "Policies must be valid JSON and the first byte must be '{{'"));
    }
    record(objects, input.bucket, "policy", Some(input.policy)).await?;
    Ok(PutBucketPolicyOutput {})
}

pub(super) async fn delete_bucket_policy(
    objects: &Objects,
    input: DeleteBucketPolicyInput,
) -> S3Result<DeleteBucketPolicyOutput> {
    record(objects, input.bucket, "policy", None).await?;
    Ok(DeleteBucketPolicyOutput {})
}

pub(super) async fn get_bucket_tagging(
    objects: &Objects,
    input: GetBucketTaggingInput,
) -> S3Result<GetBucketTaggingOutput> {
    match xml_setting::<Tagging>(objects, input.bucket, "tagging").await? {
        Some(tagging) => Ok(GetBucketTaggingOutput { tag_set: tagging.tag_set }),
        None => Err(s3_error!(NoSuchTagSet, "The TagSet does not exist")),
    }
}

pub(super) async fn put_bucket_tagging(
    objects: &Objects,
    input: PutBucketTaggingInput,
) -> S3Result<PutBucketTaggingOutput> {
    record_xml(objects, input.bucket, "tagging", &input.tagging).await?;
    Ok(PutBucketTaggingOutput {})
}

pub(super) async fn delete_bucket_tagging(
    objects: &Objects,
    input: DeleteBucketTaggingInput,
) -> S3Result<DeleteBucketTaggingOutput> {
    record(objects, input.bucket, "tagging", None).await?;
    Ok(DeleteBucketTaggingOutput {})
}

pub(super) async fn get_bucket_cors(objects: &Objects, input: GetBucketCorsInput) -> S3Result<GetBucketCorsOutput> {
    match xml_setting::<CORSConfiguration>(objects, input.bucket, "cors").await? {
        Some(cors) => Ok(GetBucketCorsOutput { cors_rules: Some(cors.cors_rules) }),
        None => Err(s3_error!(NoSuchCORSConfiguration, "The CORS configuration does not exist")),
    }
}

pub(super) async fn put_bucket_cors(objects: &Objects, input: PutBucketCorsInput) -> S3Result<PutBucketCorsOutput> {
    record_xml(objects, input.bucket, "cors", &input.cors_configuration).await?;
    Ok(PutBucketCorsOutput {})
}

pub(super) async fn delete_bucket_cors(
    objects: &Objects,
    input: DeleteBucketCorsInput,
) -> S3Result<DeleteBucketCorsOutput> {
    record(objects, input.bucket, "cors", None).await?;
    Ok(DeleteBucketCorsOutput {})
}

pub(super) async fn get_bucket_encryption(
    objects: &Objects,
    input: GetBucketEncryptionInput,
) -> S3Result<GetBucketEncryptionOutput> {
    match xml_setting::<ServerSideEncryptionConfiguration>(objects, input.bucket, "encryption").await? {
        Some(rules) => Ok(GetBucketEncryptionOutput { server_side_encryption_configuration: Some(rules) }),
        None => Err(errors::not_configured(
            "ServerSideEncryptionConfigurationNotFoundError",
            "The server side encryption configuration was not found",
        )),
    }
}

pub(super) async fn put_bucket_encryption(
    objects: &Objects,
    input: PutBucketEncryptionInput,
) -> S3Result<PutBucketEncryptionOutput> {
    record_xml(objects, input.bucket, "encryption", &input.server_side_encryption_configuration).await?;
    Ok(PutBucketEncryptionOutput {})
}

pub(super) async fn delete_bucket_encryption(
    objects: &Objects,
    input: DeleteBucketEncryptionInput,
) -> S3Result<DeleteBucketEncryptionOutput> {
    record(objects, input.bucket, "encryption", None).await?;
    Ok(DeleteBucketEncryptionOutput {})
}

pub(super) async fn get_public_access_block(
    objects: &Objects,
    input: GetPublicAccessBlockInput,
) -> S3Result<GetPublicAccessBlockOutput> {
    match xml_setting(objects, input.bucket, "public access block").await? {
        Some(block) => Ok(GetPublicAccessBlockOutput { public_access_block_configuration: Some(block) }),
        None => Err(errors::not_configured(
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
        )),
    }
}

pub(super) async fn put_public_access_block(
    objects: &Objects,
    input: PutPublicAccessBlockInput,
) -> S3Result<PutPublicAccessBlockOutput> {
    record_xml(objects, input.bucket, "public access block", &input.public_access_block_configuration).await?;
    Ok(PutPublicAccessBlockOutput {})
}

pub(super) async fn delete_public_access_block(
    objects: &Objects,
    input: DeletePublicAccessBlockInput,
) -> S3Result<DeletePublicAccessBlockOutput> {
    record(objects, input.bucket, "public access block", None).await?;
    Ok(DeletePublicAccessBlockOutput {})
}
