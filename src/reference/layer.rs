//! Layers around the service, and what is inside of a layer.

use std::sync::Arc;

use http::Response;
use s3s::Body;

use super::error::Refusal;
use super::request::Request;
use super::store::Store;

/// What a request comes to: a response, or a refusal that has not been written yet.
pub(crate) type Reply = Result<Response<Body>, Refusal>;

/// Whatever takes requests: the service, or the service with layers around it.
#[async_trait::async_trait]
pub(crate) trait Handler: Send + Sync {
    /// Carries out a request.
    async fn call(&self, request: Request) -> Reply;

    /// What is stored, to be looked at.
    fn store(&self) -> &Store;
}

/// Something around the service: sees each request before it and each response after it. It may change both, refuse, respond
/// itself, and send further requests inward.
#[async_trait::async_trait]
pub(crate) trait Layer: Send + Sync {
    /// Carries out a request by what is inside.
    async fn call(&self, request: Request, inner: &dyn Handler) -> Reply;
}

/// Layers to put around a service; none unless told.
#[derive(Clone, Default)]
pub struct Layers {
    /// Outermost first.
    pub(crate) layers: Vec<Arc<dyn Layer>>,
    /// Whether they look at the heads of requests as they were written.
    pub(crate) keep_heads: bool,
}

impl std::fmt::Debug for Layers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} layers", self.layers.len())
    }
}

/// A service with layers around it.
pub(crate) struct Layered {
    /// Outermost first.
    pub layers: Arc<[Arc<dyn Layer>]>,
    pub service: Arc<dyn Handler>,
}

/// What is inside of the layer at a position.
struct Inside<'l> {
    layers: &'l [Arc<dyn Layer>],
    service: &'l dyn Handler,
}

#[async_trait::async_trait]
impl Handler for Layered {
    async fn call(&self, request: Request) -> Reply {
        Inside { layers: &self.layers, service: &*self.service }.call(request).await
    }

    fn store(&self) -> &Store {
        self.service.store()
    }
}

#[async_trait::async_trait]
impl Handler for Inside<'_> {
    async fn call(&self, request: Request) -> Reply {
        match self.layers.split_first() {
            Some((layer, layers)) => layer.call(request, &Inside { layers, service: self.service }).await,
            None => self.service.call(request).await,
        }
    }

    fn store(&self) -> &Store {
        self.service.store()
    }
}
