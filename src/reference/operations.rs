//! The S3 operations as s3s routes them, each handed to the function that carries it out.

use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};

use super::context::ServiceContext;
use super::service::Service;

/// Implements operations of s3s by functions of the service; their refusals go past s3s.
macro_rules! operations {
    ($($name:ident($input:ident) -> $output:ident by $carries_out:ident;)*) => {
        #[async_trait::async_trait]
        impl S3 for Service {$(
            async fn $name(&self, req: S3Request<$input>) -> S3Result<S3Response<$output>> {
                let context = ServiceContext::in_extensions(&req.extensions);
                self.$carries_out(req).await.map_err(|refusal| context.refuse(refusal))
            }
        )*}
    };
}

operations! {
    create_bucket(CreateBucketInput) -> CreateBucketOutput by make_bucket;
    head_bucket(HeadBucketInput) -> HeadBucketOutput by look_at_bucket;
    delete_bucket(DeleteBucketInput) -> DeleteBucketOutput by remove_bucket;
    list_buckets(ListBucketsInput) -> ListBucketsOutput by all_buckets;
    get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput by location;
    put_bucket_versioning(PutBucketVersioningInput) -> PutBucketVersioningOutput by set_versioning;
    get_bucket_versioning(GetBucketVersioningInput) -> GetBucketVersioningOutput by versioning;
    put_bucket_policy(PutBucketPolicyInput) -> PutBucketPolicyOutput by set_policy;
    get_bucket_policy(GetBucketPolicyInput) -> GetBucketPolicyOutput by policy;
    delete_bucket_policy(DeleteBucketPolicyInput) -> DeleteBucketPolicyOutput by remove_policy;
    get_object_tagging(GetObjectTaggingInput) -> GetObjectTaggingOutput by tags;
    put_object_tagging(PutObjectTaggingInput) -> PutObjectTaggingOutput by set_tags;
    delete_object_tagging(DeleteObjectTaggingInput) -> DeleteObjectTaggingOutput by remove_tags;
    get_object_acl(GetObjectAclInput) -> GetObjectAclOutput by acl;
    put_object_acl(PutObjectAclInput) -> PutObjectAclOutput by set_acl;
    list_objects(ListObjectsInput) -> ListObjectsOutput by list_objects_first_version;
    put_object(PutObjectInput) -> PutObjectOutput by put;
    get_object(GetObjectInput) -> GetObjectOutput by get;
    head_object(HeadObjectInput) -> HeadObjectOutput by head;
    copy_object(CopyObjectInput) -> CopyObjectOutput by copy;
    delete_object(DeleteObjectInput) -> DeleteObjectOutput by delete;
    delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput by delete_many;
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output by list_objects;
    list_object_versions(ListObjectVersionsInput) -> ListObjectVersionsOutput by list_versions;
    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput by create_upload;
    upload_part(UploadPartInput) -> UploadPartOutput by upload_part;
    upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput by copy_part;
    complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput by complete_upload;
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput by abort_upload;
    list_parts(ListPartsInput) -> ListPartsOutput by list_upload_parts;
    list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput by list_uploads;
}
