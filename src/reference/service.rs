//! The service whose operations the files after this one carry out.

use std::sync::Arc;

use s3s::S3Response;

use super::error::Refusal;
use super::store::Store;

/// What an operation comes to.
pub(super) type Answer<T> = Result<S3Response<T>, Refusal>;

/// The reference S3 service.
#[derive(Clone)]
pub(super) struct Service {
    pub store: Arc<Store>,
    pub region: String,
}
