//! Operations on buckets.

use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::error::Refusal;
use super::service::{Answer, Service};
use super::store::{Bucket, Versioning};

impl Service {
    pub(super) async fn make_bucket(&self, req: S3Request<CreateBucketInput>) -> Answer<CreateBucketOutput> {
        let name = req.input.bucket;
        let mut buckets = self.store.buckets();
        if buckets.contains_key(&name) {
            let message = "Your previous request to create the named bucket succeeded and you already own it.";
            return Err(Refusal::new(409, "BucketAlreadyOwnedByYou", message).field("BucketName", name));
        }
        let location = Some(format!("/{name}"));
        buckets.insert(name, self.store.new_bucket());
        Ok(S3Response::new(CreateBucketOutput { location }))
    }

    pub(super) async fn look_at_bucket(&self, req: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        self.store.bucket(&req.input.bucket, |_| Ok(()))?;
        let bucket_region = Some(self.region.clone());
        Ok(S3Response::new(HeadBucketOutput { bucket_region, ..HeadBucketOutput::default() }))
    }

    pub(super) async fn remove_bucket(&self, req: S3Request<DeleteBucketInput>) -> Answer<DeleteBucketOutput> {
        let name = req.input.bucket;
        let mut buckets = self.store.buckets();
        let bucket = buckets.get(&name).ok_or_else(Refusal::no_such_bucket)?;
        if !bucket.is_empty() {
            let message = "The bucket you tried to delete is not empty";
            return Err(Refusal::new(409, "BucketNotEmpty", message).field("BucketName", name));
        }
        buckets.remove(&name);
        let status = Some(http::StatusCode::NO_CONTENT);
        Ok(S3Response { status, ..S3Response::new(DeleteBucketOutput::default()) })
    }

    pub(super) async fn all_buckets(&self, _: S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
        let entry = |(name, bucket): (&String, &Bucket)| s3s::dto::Bucket {
            name: Some(name.clone()),
            creation_date: Some(bucket.created.into()),
            ..s3s::dto::Bucket::default()
        };
        let buckets = Some(self.store.buckets().iter().map(entry).collect());
        let output = ListBucketsOutput { buckets, ..ListBucketsOutput::default() };
        Ok(S3Response::new(output))
    }

    pub(super) async fn location(&self, req: S3Request<GetBucketLocationInput>) -> Answer<GetBucketLocationOutput> {
        self.store.bucket(&req.input.bucket, |_| Ok(()))?;
        // The first region has no name here.
        let location = (self.region != "us-east-1").then(|| BucketLocationConstraint::from(self.region.clone()));
        Ok(S3Response::new(GetBucketLocationOutput { location_constraint: location }))
    }

    pub(super) async fn set_versioning(
        &self,
        req: S3Request<PutBucketVersioningInput>,
    ) -> Answer<PutBucketVersioningOutput> {
        let status = req.input.versioning_configuration.status;
        let versioning = match status.as_ref().map(BucketVersioningStatus::as_str) {
            Some(BucketVersioningStatus::ENABLED) => Versioning::Enabled,
            Some(BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
            _ => {
                let message = "The Versioning element must be specified";
                return Err(Refusal::new(400, "IllegalVersioningConfigurationException", message));
            }
        };
        self.store.bucket(&req.input.bucket, |bucket| {
            bucket.versioning = versioning;
            Ok(S3Response::new(PutBucketVersioningOutput::default()))
        })
    }

    pub(super) async fn versioning(
        &self,
        req: S3Request<GetBucketVersioningInput>,
    ) -> Answer<GetBucketVersioningOutput> {
        let versioning = self.store.bucket(&req.input.bucket, |bucket| Ok(bucket.versioning))?;
        let status = match versioning {
            Versioning::Never => None,
            Versioning::Enabled => Some(BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED)),
            Versioning::Suspended => Some(BucketVersioningStatus::from_static(BucketVersioningStatus::SUSPENDED)),
        };
        Ok(S3Response::new(GetBucketVersioningOutput { status, ..GetBucketVersioningOutput::default() }))
    }
}
