//! The S3 API over the folder. What is not here is S3's `NotImplemented`.

mod buckets;
mod errors;
mod lists;
mod multipart;
mod objects;

use crate::folder::Folder;
use outcrop_ports::Ids;
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use std::sync::Arc;

/// Answers S3's operations.
#[derive(Clone)]
pub(crate) struct Objects {
    pub(crate) folder: Folder,
    /// Makes names that nothing else has.
    pub(crate) ids: Arc<dyn Ids>,
    /// Where buckets are that nobody gave a place.
    pub(crate) region: String,
    pub(crate) account_id: String,
}

impl Objects {
    /// Does something with files on a thread that may block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || work(&this)).await.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "work on an object broke off");
            s3_error!(InternalError)
        })?
    }

    fn need_bucket(&self, bucket: &str) -> S3Result<()> {
        if self.folder.has_bucket(bucket) { Ok(()) } else { Err(errors::no_bucket()) }
    }

    fn owner(&self) -> Owner {
        Owner { display_name: Some("outcrop".to_owned()), id: Some(self.account_id.clone()) }
    }
}

/// Where a version of an object is asked for, there is only the one, which S3 calls `null`.
fn check_version(version: Option<&str>) -> S3Result<()> {
    match version {
        None | Some("null" | "") => Ok(()),
        Some(_) => Err(s3_error!(NoSuchVersion, "Objects have no versions here.")),
    }
}

/// Each operation is a function of its own; the trait only wants them in one place.
macro_rules! operations {
    ($($name:ident($input:ident) -> $output:ident by $module:ident;)*) => {
        #[async_trait::async_trait]
        impl S3 for Objects {
            $(
                async fn $name(&self, request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                    $module::$name(self, request.input).await.map(S3Response::new)
                }
            )*
        }
    };
}

operations! {
    create_bucket(CreateBucketInput) -> CreateBucketOutput by buckets;
    head_bucket(HeadBucketInput) -> HeadBucketOutput by buckets;
    delete_bucket(DeleteBucketInput) -> DeleteBucketOutput by buckets;
    list_buckets(ListBucketsInput) -> ListBucketsOutput by buckets;
    get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput by buckets;
    get_bucket_versioning(GetBucketVersioningInput) -> GetBucketVersioningOutput by buckets;
    put_bucket_versioning(PutBucketVersioningInput) -> PutBucketVersioningOutput by buckets;
    get_bucket_policy(GetBucketPolicyInput) -> GetBucketPolicyOutput by buckets;
    put_bucket_policy(PutBucketPolicyInput) -> PutBucketPolicyOutput by buckets;
    delete_bucket_policy(DeleteBucketPolicyInput) -> DeleteBucketPolicyOutput by buckets;
    get_bucket_tagging(GetBucketTaggingInput) -> GetBucketTaggingOutput by buckets;
    put_bucket_tagging(PutBucketTaggingInput) -> PutBucketTaggingOutput by buckets;
    delete_bucket_tagging(DeleteBucketTaggingInput) -> DeleteBucketTaggingOutput by buckets;
    get_bucket_cors(GetBucketCorsInput) -> GetBucketCorsOutput by buckets;
    put_bucket_cors(PutBucketCorsInput) -> PutBucketCorsOutput by buckets;
    delete_bucket_cors(DeleteBucketCorsInput) -> DeleteBucketCorsOutput by buckets;
    get_bucket_encryption(GetBucketEncryptionInput) -> GetBucketEncryptionOutput by buckets;
    put_bucket_encryption(PutBucketEncryptionInput) -> PutBucketEncryptionOutput by buckets;
    delete_bucket_encryption(DeleteBucketEncryptionInput) -> DeleteBucketEncryptionOutput by buckets;
    get_public_access_block(GetPublicAccessBlockInput) -> GetPublicAccessBlockOutput by buckets;
    put_public_access_block(PutPublicAccessBlockInput) -> PutPublicAccessBlockOutput by buckets;
    delete_public_access_block(DeletePublicAccessBlockInput) -> DeletePublicAccessBlockOutput by buckets;
    list_objects(ListObjectsInput) -> ListObjectsOutput by lists;
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output by lists;
    list_object_versions(ListObjectVersionsInput) -> ListObjectVersionsOutput by lists;
    put_object(PutObjectInput) -> PutObjectOutput by objects;
    get_object(GetObjectInput) -> GetObjectOutput by objects;
    head_object(HeadObjectInput) -> HeadObjectOutput by objects;
    copy_object(CopyObjectInput) -> CopyObjectOutput by objects;
    delete_object(DeleteObjectInput) -> DeleteObjectOutput by objects;
    delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput by objects;
    get_object_tagging(GetObjectTaggingInput) -> GetObjectTaggingOutput by objects;
    put_object_tagging(PutObjectTaggingInput) -> PutObjectTaggingOutput by objects;
    delete_object_tagging(DeleteObjectTaggingInput) -> DeleteObjectTaggingOutput by objects;
    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput by multipart;
    upload_part(UploadPartInput) -> UploadPartOutput by multipart;
    upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput by multipart;
    complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput by multipart;
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput by multipart;
    list_parts(ListPartsInput) -> ListPartsOutput by multipart;
    list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput by multipart;
}
