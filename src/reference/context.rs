//! What goes beside a request through s3s, which hands on extensions of requests and of good responses, and nothing else.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use http::Extensions;
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3ErrorCode, TrailingHeaders};

use super::error::Refusal;
use super::request::{PolicyContext, Request, Standing};
use super::seam::{Copied, Minted, Seam};

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

    /// The ETag to keep, where `made` would be.
    pub fn minted(&self, made: String, of: &Minted<'_>) -> String {
        self.seams.iter().fold(made, |made, seam| seam.etag(made, of))
    }

    /// The data to keep of a copy; `read` reads any range of the source.
    pub fn copied(&self, of: &Copied<'_>, read: &dyn Fn(Range<u64>) -> StreamingBlob) -> StreamingBlob {
        copied(&self.seams, of, read)
    }

    /// Whether the store is asked before it keeps anything, so that the digest of all content must be known.
    pub fn has_seams(&self) -> bool {
        !self.seams.is_empty()
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

/// The last seam reads the source, the one before it what that gives, and so on.
fn copied(seams: &[Arc<dyn Seam>], of: &Copied<'_>, read: &dyn Fn(Range<u64>) -> StreamingBlob) -> StreamingBlob {
    match seams.split_first() {
        Some((seam, seams)) => seam.copied(of, &|range| copied(seams, &Copied { range, ..of.clone() }, read)),
        None => read(of.range.clone()),
    }
}
