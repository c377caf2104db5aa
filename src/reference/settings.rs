//! What a bucket's owner sets: its policy, and whether SSE-C is blocked.

use http::HeaderMap;
use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::context::ServiceContext;
use super::error::{Cause, Refusal};
use super::policy::Policy;
use super::service::{Answer, Service};
use super::sse_c::TARGET;
use super::store::Bucket;

fn denied(cause: Cause) -> Refusal {
    Refusal::access_denied().because(cause)
}

/// Refuses a write that the settings of the bucket forbid, whatever key it brings.
///
/// # Errors
/// 403 `AccessDenied`.
pub(super) fn refuse_write(
    bucket: &Bucket,
    key: &str,
    headers: &HeaderMap,
    context: &ServiceContext,
) -> Result<(), Refusal> {
    if context.is_operator {
        return Ok(());
    }
    if let Some(policy) = &bucket.policy {
        if policy.denies_all(key) {
            return Err(denied(Cause::PolicyAlways));
        }
        if policy.denies(key, context.policy.algorithm.as_deref(), !context.policy.secure_transport) {
            return Err(denied(Cause::Policy));
        }
    }
    let carries = headers.keys().any(|name| name.as_str().starts_with(TARGET));
    if bucket.blocks_sse_c && carries { Err(denied(Cause::Block)) } else { Ok(()) }
}

impl Service {
    pub(super) async fn set_policy(&self, req: S3Request<PutBucketPolicyInput>) -> Answer<PutBucketPolicyOutput> {
        let PutBucketPolicyInput { bucket: name, policy, .. } = req.input;
        let policy = Policy::read(policy, &name)?;
        self.store.bucket(&name, |bucket| {
            bucket.policy = Some(policy);
            Ok(())
        })?;
        let status = Some(http::StatusCode::NO_CONTENT);
        Ok(S3Response { status, ..S3Response::new(PutBucketPolicyOutput::default()) })
    }

    pub(super) async fn policy(&self, req: S3Request<GetBucketPolicyInput>) -> Answer<GetBucketPolicyOutput> {
        let found = self.store.bucket(&req.input.bucket, |bucket| Ok(bucket.policy.clone()))?;
        let missing = || Refusal::new(404, "NoSuchBucketPolicy", "The bucket policy does not exist");
        let policy = Some(found.ok_or_else(missing)?.text);
        Ok(S3Response::new(GetBucketPolicyOutput { policy }))
    }

    pub(super) async fn remove_policy(
        &self,
        req: S3Request<DeleteBucketPolicyInput>,
    ) -> Answer<DeleteBucketPolicyOutput> {
        self.store.bucket(&req.input.bucket, |bucket| {
            bucket.policy = None;
            Ok(())
        })?;
        let status = Some(http::StatusCode::NO_CONTENT);
        Ok(S3Response { status, ..S3Response::new(DeleteBucketPolicyOutput::default()) })
    }
}
