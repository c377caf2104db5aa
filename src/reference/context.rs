//! What goes beside a request through s3s, which hands on extensions of requests and of good responses, and nothing else.

use std::sync::{Arc, Mutex, PoisonError};

use http::Extensions;
use s3s::{S3Error, S3ErrorCode, TrailingHeaders};

use super::error::Refusal;
use super::request::{PolicyContext, Request, Standing};
use super::seam::Seam;

/// An extension of requests.
#[derive(Clone, Default)]
pub(super) struct ServiceContext {
    pub policy: PolicyContext,
    /// Whether neither policies nor blocks of SSE-C apply.
    pub is_operator: bool,
    pub trailers: Option<TrailingHeaders>,
    pub seams: Vec<Arc<dyn Seam>>,
    refusal: Arc<Mutex<Option<Refusal>>>,
}

impl ServiceContext {
    pub fn of(request: &Request) -> Self {
        Self {
            policy: request.policy_context.clone(),
            is_operator: matches!(request.standing, Standing::Operator),
            trailers: request.trailers.clone(),
            seams: request.seams.clone(),
            refusal: Arc::default(),
        }
    }

    /// That of a request; an empty one where it has none.
    pub fn in_extensions(extensions: &Extensions) -> Self {
        extensions.get::<Self>().cloned().unwrap_or_default()
    }

    /// Hands a refusal past s3s, whose errors have no fields and no causes. The error returned is not shown to anybody.
    pub fn refuse(&self, refusal: Refusal) -> S3Error {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
        S3Error::new(S3ErrorCode::InternalError)
    }

    /// The refusal that was handed past s3s.
    pub fn refusal(&self) -> Option<Refusal> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
