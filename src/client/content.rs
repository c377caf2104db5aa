//! What a request brings: a document that was written for it, or a suite's body, which may be larger than memory.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::suite::body::Body;
use crate::suite::model::DigestAlgorithm;

/// The body of a request.
#[derive(Clone)]
pub enum Content {
    /// Written for this request.
    Document(Bytes),
    /// A suite's. It is made when it is sent, piece by piece where it is large.
    Body(Body),
}

/// A larger body is sent piece by piece, in bytes: 8 MiB.
const LARGE: u64 = 8 << 20;

impl Content {
    /// Without a byte.
    pub fn none() -> Self {
        Self::Document(Bytes::new())
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Document(bytes) => bytes.len() as u64,
            Self::Body(body) => body.len(),
        }
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of it, in memory.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        match self {
            Self::Document(bytes) => bytes.clone(),
            Self::Body(body) => body.bytes(),
        }
    }

    /// SHA-256 of it, lower-case hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        match self {
            Self::Document(bytes) => hex::encode(Sha256::digest(bytes)),
            Self::Body(body) => body.sha256(),
        }
    }

    /// MD5 of it as `Content-MD5` has it, base64.
    #[must_use]
    pub fn content_md5(&self) -> String {
        match self {
            Self::Document(bytes) => Body::Literal(bytes.clone()).digest(DigestAlgorithm::Md5),
            Self::Body(body) => body.digest(DigestAlgorithm::Md5),
        }
    }

    /// As reqwest sends it. Of what it sends piece by piece it does not know the length.
    pub(super) fn to_be_sent(&self) -> reqwest::Body {
        match self {
            Self::Body(body) if body.len() > LARGE => {
                let pieces = body.pieces().map(Ok::<_, std::convert::Infallible>);
                reqwest::Body::wrap_stream(futures_util::stream::iter(pieces))
            }
            other => other.bytes().into(),
        }
    }
}
