//! The S3 API: which requests are let in, and who carries them out.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{StatusCode, Uri};
use s3s::service::{S3Service, S3ServiceBuilder};

use super::attributes;
use super::authentication::{OF_SIGNATURE_V2, is_presigned};
use super::context::ServiceContext;
use super::default_encryption;
use super::error::{Refusal, refusal_of_s3s};
use super::hosts::BelowLocalhost;
use super::identity::identify;
use super::layer::{Handler, Reply};
use super::request::{Form, Operation, Request, Standing, Transport, without_parameters};
use super::service::Service;
use super::sse_c;
use super::store::Store;
use super::subresources::refuse_unrouted;

/// Carries out requests.
pub(super) struct Api {
    service: Service,
    /// Routes requests, reads them and writes responses; it looks at no signature.
    s3s: S3Service,
}

impl Api {
    pub fn new(service: Service) -> Self {
        let mut builder = S3ServiceBuilder::new(service.clone());
        builder.set_host(BelowLocalhost);
        Self { service, s3s: builder.build() }
    }

    async fn by_s3s(&self, request: Request) -> Reply {
        let context = ServiceContext::of(&request);
        let mut sent = http::Request::new(request.body);
        (*sent.method_mut(), *sent.uri_mut()) = (request.method, without_signature(request.uri));
        *sent.headers_mut() = request.headers;
        sent.headers_mut().remove(AUTHORIZATION);
        sent.extensions_mut().insert(context.clone());
        let mut response = self.s3s.call(sent).await.map_err(|_| Refusal::internal())?;
        if let Some(refusal) = context.refusal() {
            return Err(refusal);
        }
        if response.status().is_client_error() || response.status().is_server_error() {
            return Err(refusal_of_s3s(response).await);
        }
        // s3s answers HEAD with 200, whatever was asked for.
        if let Some(status) = response.extensions_mut().remove::<StatusCode>() {
            *response.status_mut() = status;
        }
        Ok(response)
    }
}

#[async_trait::async_trait]
impl Handler for Api {
    async fn call(&self, request: Request) -> Reply {
        if request.transport == Transport::Plain {
            sse_c::refuse_without_tls(&request.headers)?;
        }
        let query = request.uri.query().unwrap_or_default();
        if request.form != Form::Html {
            refuse_unrouted(&request.method, !request.target().key.is_empty(), query)?;
        }
        match &request.standing {
            Standing::Owner | Standing::Operator => {}
            Standing::Anonymous => return Err(Refusal::access_denied()),
            Standing::Refused(refusal) => return Err(refusal.clone()),
        }
        let identity = Arc::clone(&request.identity);
        let mut response = match request.operation() {
            Operation::PutBucketEncryption => default_encryption::set(&self.service.store, request).await?,
            Operation::GetBucketEncryption => default_encryption::get(&self.service.store, &request)?,
            Operation::GetObjectAttributes => attributes::get(&self.service, &request)?,
            _ => self.by_s3s(request).await?,
        };
        identify(&mut response, &identity);
        Ok(response)
    }

    fn store(&self) -> &Store {
        &self.service.store
    }
}

/// Takes the signature out of a presigned URL: it has been checked.
fn without_signature(uri: Uri) -> Uri {
    if !is_presigned(uri.query().unwrap_or_default()) {
        return uri;
    }
    without_parameters(&uri, |name| {
        let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
        name.starts_with("X-Amz-") || OF_SIGNATURE_V2.contains(&&*name)
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::v4("/b/k?partNumber=1&X-Amz-Date=d&X-Amz-Signature=s", "/b/k?partNumber=1")]
    #[case::v4_escaped("/b/k?X%2DAmz%2DSignature=s", "/b/k")]
    #[case::v2("/b/k?AWSAccessKeyId=a&Signature=s%3D&Expires=1&versionId=v", "/b/k?versionId=v")]
    #[case::none("/b/k?Expires=1", "/b/k?Expires=1")]
    fn signatures_are_taken_out_of_urls(#[case] signed: &'static str, #[case] expected: &str) {
        assert_eq!(without_signature(Uri::from_static(signed)).to_string(), expected);
    }
}
