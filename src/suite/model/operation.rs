//! The operations that a step can send.

use serde::{Deserialize, Serialize};

/// S3 operations that a step can send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Operation {
    /// `PUT /bucket/key`
    PutObject,
    /// `GET /bucket/key`
    GetObject,
    /// `HEAD /bucket/key`
    HeadObject,
    /// `DELETE /bucket/key`
    DeleteObject,
    /// `PUT /bucket/key` with `x-amz-copy-source`
    CopyObject,
    /// `POST /bucket`: a browser's form upload. Its policy covers every field but those of `unlisted`.
    PostObject,
    /// `GET /bucket/key?attributes`
    GetObjectAttributes,
    /// `POST /bucket/key?uploads`
    CreateMultipartUpload,
    /// `PUT /bucket/key?partNumber&uploadId`
    UploadPart,
    /// `PUT /bucket/key?partNumber&uploadId` with `x-amz-copy-source`
    UploadPartCopy,
    /// `POST /bucket/key?uploadId`
    CompleteMultipartUpload,
    /// `DELETE /bucket/key?uploadId`
    AbortMultipartUpload,
    /// `GET /bucket/key?uploadId`
    ListParts,
    /// `GET /bucket?uploads`, prefix = the scenario's own
    ListMultipartUploads,
    /// `GET /bucket?list-type=2`, prefix = the scenario's own
    ListObjectsV2,
    /// `GET /bucket` (the first version of the listing), prefix = the scenario's own
    ListObjects,
    /// `GET /bucket?versions`, prefix = the scenario's own
    ListObjectVersions,
    /// `POST /bucket?delete`
    DeleteObjects,
    /// `GET /bucket/key?tagging`
    GetObjectTagging,
    /// `PUT /bucket/key?tagging`
    PutObjectTagging,
    /// `DELETE /bucket/key?tagging`
    DeleteObjectTagging,
    /// `GET /bucket/key?acl`
    GetObjectAcl,
    /// `PUT /bucket/key?acl`; the canned ACL is the header `x-amz-acl`
    PutObjectAcl,
    /// `PUT /bucket?policy`
    PutBucketPolicy,
    /// `PUT /bucket?encryption`
    PutBucketEncryption,
    /// `GET /bucket?encryption`
    GetBucketEncryption,
}

impl Operation {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::PutObject,
        Self::GetObject,
        Self::HeadObject,
        Self::DeleteObject,
        Self::CopyObject,
        Self::PostObject,
        Self::GetObjectAttributes,
        Self::CreateMultipartUpload,
        Self::UploadPart,
        Self::UploadPartCopy,
        Self::CompleteMultipartUpload,
        Self::AbortMultipartUpload,
        Self::ListParts,
        Self::ListMultipartUploads,
        Self::ListObjectsV2,
        Self::ListObjects,
        Self::ListObjectVersions,
        Self::DeleteObjects,
        Self::GetObjectTagging,
        Self::PutObjectTagging,
        Self::DeleteObjectTagging,
        Self::GetObjectAcl,
        Self::PutObjectAcl,
        Self::PutBucketPolicy,
        Self::PutBucketEncryption,
        Self::GetBucketEncryption,
    ];

    /// The operation's name in the S3 API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PutObject => "PutObject",
            Self::GetObject => "GetObject",
            Self::HeadObject => "HeadObject",
            Self::DeleteObject => "DeleteObject",
            Self::CopyObject => "CopyObject",
            Self::PostObject => "PostObject",
            Self::GetObjectAttributes => "GetObjectAttributes",
            Self::CreateMultipartUpload => "CreateMultipartUpload",
            Self::UploadPart => "UploadPart",
            Self::UploadPartCopy => "UploadPartCopy",
            Self::CompleteMultipartUpload => "CompleteMultipartUpload",
            Self::AbortMultipartUpload => "AbortMultipartUpload",
            Self::ListParts => "ListParts",
            Self::ListMultipartUploads => "ListMultipartUploads",
            Self::ListObjectsV2 => "ListObjectsV2",
            Self::ListObjects => "ListObjects",
            Self::ListObjectVersions => "ListObjectVersions",
            Self::DeleteObjects => "DeleteObjects",
            Self::GetObjectTagging => "GetObjectTagging",
            Self::PutObjectTagging => "PutObjectTagging",
            Self::DeleteObjectTagging => "DeleteObjectTagging",
            Self::GetObjectAcl => "GetObjectAcl",
            Self::PutObjectAcl => "PutObjectAcl",
            Self::PutBucketPolicy => "PutBucketPolicy",
            Self::PutBucketEncryption => "PutBucketEncryption",
            Self::GetBucketEncryption => "GetBucketEncryption",
        }
    }

    /// Whether it addresses a bucket, and no object in it.
    #[must_use]
    pub fn is_of_bucket(self) -> bool {
        use Operation::{
            DeleteObjects, GetBucketEncryption, ListMultipartUploads, ListObjectVersions, ListObjects, ListObjectsV2,
            PostObject, PutBucketEncryption, PutBucketPolicy,
        };
        matches!(
            self,
            ListObjectsV2
                | ListObjects
                | ListObjectVersions
                | ListMultipartUploads
                | DeleteObjects
                | PostObject
                | PutBucketPolicy
                | PutBucketEncryption
                | GetBucketEncryption
        )
    }
}
