//! Tags and access control lists of objects. None needs a customer key.

use http::StatusCode;
use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::error::Refusal;
use super::service::{Answer, Service};

/// Who owns everything here.
const OWNER: &str = "ssecheck";

impl Service {
    pub(super) async fn tags(&self, req: S3Request<GetObjectTaggingInput>) -> Answer<GetObjectTaggingOutput> {
        let GetObjectTaggingInput { bucket, key, version_id, .. } = req.input;
        let (version, _) = self.store.version(&bucket, &key, version_id.as_deref())?;
        Ok(S3Response::new(GetObjectTaggingOutput { tag_set: version.tags, version_id: None }))
    }

    pub(super) async fn set_tags(&self, req: S3Request<PutObjectTaggingInput>) -> Answer<PutObjectTaggingOutput> {
        let PutObjectTaggingInput { bucket, key, version_id, tagging, .. } = req.input;
        self.tag(&bucket, &key, version_id.as_deref(), tagging.tag_set)?;
        Ok(S3Response::new(PutObjectTaggingOutput::default()))
    }

    pub(super) async fn remove_tags(
        &self,
        req: S3Request<DeleteObjectTaggingInput>,
    ) -> Answer<DeleteObjectTaggingOutput> {
        let DeleteObjectTaggingInput { bucket, key, version_id, .. } = req.input;
        self.tag(&bucket, &key, version_id.as_deref(), Vec::new())?;
        let status = Some(StatusCode::NO_CONTENT);
        Ok(S3Response { status, ..S3Response::new(DeleteObjectTaggingOutput::default()) })
    }

    fn tag(&self, bucket: &str, key: &str, version: Option<&str>, tags: Vec<Tag>) -> Result<(), Refusal> {
        let (version, _) = self.store.version(bucket, key, version)?;
        self.store.bucket(bucket, |bucket| {
            let versions = bucket.objects.get_mut(key).into_iter().flatten();
            for found in versions.filter(|found| found.id == version.id) {
                found.tags.clone_from(&tags);
            }
            Ok(())
        })
    }

    pub(super) async fn acl(&self, req: S3Request<GetObjectAclInput>) -> Answer<GetObjectAclOutput> {
        let GetObjectAclInput { bucket, key, version_id, .. } = req.input;
        self.store.version(&bucket, &key, version_id.as_deref())?;
        let owner = Owner { id: Some(OWNER.to_owned()), display_name: Some(OWNER.to_owned()) };
        let grantee = Grantee {
            id: owner.id.clone(),
            display_name: owner.display_name.clone(),
            type_: Type::from_static(Type::CANONICAL_USER),
            email_address: None,
            uri: None,
        };
        let permission = Some(Permission::from_static(Permission::FULL_CONTROL));
        let grants = Some(vec![Grant { grantee: Some(grantee), permission }]);
        Ok(S3Response::new(GetObjectAclOutput { grants, owner: Some(owner), ..GetObjectAclOutput::default() }))
    }

    pub(super) async fn set_acl(&self, req: S3Request<PutObjectAclInput>) -> Answer<PutObjectAclOutput> {
        let PutObjectAclInput { bucket, key, version_id, acl, .. } = req.input;
        self.store.version(&bucket, &key, version_id.as_deref())?;
        match acl.as_ref().map(ObjectCannedACL::as_str) {
            // There is one user, who may do everything.
            Some(ObjectCannedACL::PRIVATE | ObjectCannedACL::BUCKET_OWNER_FULL_CONTROL) => {
                Ok(S3Response::new(PutObjectAclOutput::default()))
            }
            _ => Err(Refusal::not_implemented("The reference endpoint knows the canned ACL `private` alone.")),
        }
    }
}
