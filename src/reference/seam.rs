//! The seam of the store: what it asks before it keeps something that no request and no response shows.

use std::ops::Range;

use s3s::dto::StreamingBlob;

/// What an ETag is made for.
pub(crate) struct Minted<'m> {
    /// MD5 of the content in lower-case hexadecimal; empty where the content is an object's parts.
    pub content_md5: &'m str,
    /// MD5 of the customer key in base64, empty where the object is made of parts; none where the store's own key encrypts.
    pub key_md5: Option<&'m str>,
    /// The ETag of what is copied.
    pub source: Option<&'m str>,
}

/// The data that a copy reads.
#[derive(Clone)]
pub(crate) struct Copied<'c> {
    /// Plaintext sizes of the source's parts, in bytes.
    pub parts: &'c [u64],
    /// Whether a customer key encrypts the source.
    pub is_customers: bool,
    /// The bytes that the copy asks for.
    pub range: Range<u64>,
}

/// Answers the store. The answers given here are honest.
pub(crate) trait Seam: Send + Sync {
    /// The ETag to keep, where `made` would be.
    fn etag(&self, made: String, _of: &Minted<'_>) -> String {
        made
    }

    /// The data to keep of a copy; `read` reads any range of the source.
    fn copied(&self, of: &Copied<'_>, read: &dyn Fn(Range<u64>) -> StreamingBlob) -> StreamingBlob {
        read(of.range.clone())
    }
}
