//! Layers that fill the memory of faults.

use std::time::Instant;

use http::Response;
use s3s::Body;

use super::bodies::read_body;
use super::document::Element;
use super::facts::{Facts, KeyRelation};
use super::memory::{Making, Memory};
use crate::reference::layer::{Handler, Layer, Reply};
use crate::reference::request::{Operation, Request, Target};
use crate::reference::sse_c::GivenKey;
use crate::reference::store::{NULL_VERSION, Store};

/// Remembers what is written and deleted; the innermost layer, so that it sees what the service sees.
pub(super) struct Recorder(pub Memory);

#[async_trait::async_trait]
impl Layer for Recorder {
    async fn call(&self, request: Request, inner: &dyn Handler) -> Reply {
        let write = Write::of(&request);
        let response = inner.call(request).await?;
        write.remember(&self.0, response, inner.store()).await
    }
}

/// What is to be remembered of a request.
pub(super) struct Write {
    operation: Operation,
    target: Target,
    upload_id: String,
    version_id: Option<String>,
    making: Making,
}

impl Write {
    pub fn of(request: &Request) -> Self {
        Self {
            operation: request.operation(),
            target: request.target(),
            upload_id: request.parameter("uploadId").map(|id| id.into_owned()).unwrap_or_default(),
            version_id: request.parameter("versionId").map(|id| id.into_owned()),
            making: Making::of(request),
        }
    }

    /// Remembers it, where it succeeded.
    pub async fn remember(self, memory: &Memory, response: Response<Body>, store: &Store) -> Reply {
        let Self { operation, target, upload_id, version_id, making } = self;
        if !response.status().is_success() {
            return Ok(response);
        }
        let shown = response.headers().get("x-amz-version-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let version = shown.or(version_id).unwrap_or_else(|| NULL_VERSION.to_owned());
        let written = match operation {
            Operation::PutObject | Operation::PostObject | Operation::CopyObject => Some(making),
            Operation::CreateMultipartUpload => {
                let (response, document) = read_body(response).await;
                if let Some(id) = Element::parse(&document).and_then(|root| root.text_of("UploadId")) {
                    memory.opened(id, making);
                }
                return Ok(response);
            }
            Operation::CompleteMultipartUpload => {
                memory.closed(&upload_id).map(|upload| Making { operation, at: Instant::now(), ..upload })
            }
            Operation::UploadPart => {
                memory.part_sent(&upload_id, &making);
                None
            }
            Operation::AbortMultipartUpload => {
                memory.closed(&upload_id);
                None
            }
            Operation::DeleteObject | Operation::DeleteObjects => {
                memory.forget_deleted(&target.bucket, store);
                None
            }
            _ => None,
        };
        // Of two writes at the same time the one counts whose key opens what is stored.
        let is_stored = |making: &Making| {
            let key = GivenKey::to_read(&making.key.headers()).ok().flatten();
            let found = store.version(&target.bucket, &target.key, Some(&version));
            found.is_ok_and(|(_, object)| object.encryption.admit(key.as_ref()).is_ok())
        };
        if let Some(making) = written.filter(is_stored) {
            memory.wrote(target, &version, making);
        }
        Ok(response)
    }
}

/// Notes reads with the right key; the outermost layer, so that it sees what clients see.
pub(super) struct ReadRecorder(pub Memory);

#[async_trait::async_trait]
impl Layer for ReadRecorder {
    async fn call(&self, request: Request, inner: &dyn Handler) -> Reply {
        let facts = Facts::of(&request, inner.store(), &self.0);
        let response = inner.call(request).await?;
        if let Some(object) = facts.object.as_ref().filter(|_| facts.reads() && facts.key == KeyRelation::Right)
            && response.status().is_success()
        {
            self.0.was_read(&object.version, facts.connection);
        }
        Ok(response)
    }
}
