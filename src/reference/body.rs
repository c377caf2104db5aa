//! Takes in a request's body: seals it, digests it, checks what the client says of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use http::HeaderMap;
use md5::{Digest as _, Md5};
use s3s::TrailingHeaders;
use s3s::dto::{ChecksumType, StreamingBlob};

use super::checksums::{Algorithm, Checksums};
use super::content::{Content, Memory, SealingKey, Writer};
use super::error::Refusal;

/// What a body came to.
pub(super) struct Taken {
    pub content: Content,
    /// MD5 in lower-case hexadecimal; empty where nobody asked for it.
    pub md5: String,
    pub checksums: Checksums,
}

/// What the client says of the body.
pub(super) struct Claims {
    content_md5: Option<String>,
    content_length: Option<i64>,
    algorithm: Algorithm,
    /// Whether the client named it.
    named: bool,
    expected: Option<String>,
    trailing: Option<TrailingHeaders>,
}

impl Claims {
    /// What the headers say: `Content-MD5`, `Content-Length`, and one checksum, which may come as a trailer.
    pub fn of(
        headers: &HeaderMap,
        content_md5: Option<String>,
        content_length: Option<i64>,
        trailing: Option<TrailingHeaders>,
    ) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let sent = |algorithm: &Algorithm| {
            let as_trailer = text("x-amz-trailer").is_some_and(|t| t.eq_ignore_ascii_case(algorithm.header()));
            headers.contains_key(algorithm.header()) || as_trailer
        };
        let asked_for = |algorithm: &Algorithm| {
            text("x-amz-sdk-checksum-algorithm").is_some_and(|asked| asked.eq_ignore_ascii_case(algorithm.name()))
        };
        let named = Algorithm::ALL.into_iter().find(sent).or(Algorithm::ALL.into_iter().find(asked_for));
        // Without a checksum of the client's, AWS makes a CRC64NVME of its own.
        let algorithm = named.unwrap_or(Algorithm::Crc64Nvme);
        let named = named.is_some();
        let expected = text(algorithm.header()).map(str::to_owned);
        let trailing = trailing.filter(|_| headers.contains_key("x-amz-trailer"));
        Self { content_md5, content_length, algorithm, named, expected, trailing }
    }

    /// Whether the client named a checksum algorithm: then the response tells its checksum.
    pub fn is_named(&self) -> bool {
        self.named
    }

    /// Nothing is claimed; a checksum of this algorithm is made.
    pub fn none_but(algorithm: Algorithm) -> Self {
        Self { algorithm, ..Self::of(&HeaderMap::new(), None, None, None) }
    }

    /// The claims on a part of an upload that was created with this algorithm.
    pub fn of_part(mut self, created_with: Option<Algorithm>) -> Result<Self, Refusal> {
        let Some(algorithm) = created_with else { return Ok(self) };
        if self.named && self.algorithm != algorithm {
            let (expected, actual) = (algorithm.name(), self.algorithm.name());
            let text = format!(
                "Checksum Type mismatch occurred, expected checksum Type: {expected}, actual checksum Type: {actual}"
            );
            return Err(Refusal::new(400, "InvalidRequest", text));
        }
        self.algorithm = algorithm;
        Ok(self)
    }
}

/// Reads a body to its end. The MD5 is made of data without a key, and where a client or a seam asks for it: an ETag under a customer key
/// says nothing of the content.
pub(super) async fn take(
    body: Option<StreamingBlob>,
    key: Option<&SealingKey>,
    memory: &Memory,
    claims: Claims,
    md5_wanted: bool,
) -> Result<Taken, Refusal> {
    let mut writer = Writer::new(key, memory);
    let mut md5 = (key.is_none() || md5_wanted || claims.content_md5.is_some()).then(Md5::new);
    let mut hasher = claims.algorithm.hasher();
    let mut body = body;
    while let Some(stream) = &mut body {
        let Some(chunk) = stream.next().await else { break };
        let chunk = chunk.map_err(|_| Refusal::incomplete_body())?;
        if let Some(md5) = &mut md5 {
            md5.update(&chunk);
        }
        hasher.update(&chunk);
        writer.write(&chunk).map_err(|_| Refusal::memory_full())?;
    }
    let content = writer.finish().map_err(|_| Refusal::memory_full())?;
    let md5 = md5.map(|md5| md5.finalize());
    let mut checksums = hasher.finalize();
    checksums.checksum_type = Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT));
    if claims.content_length.is_some_and(|length| u64::try_from(length) != Ok(content.size())) {
        return Err(Refusal::incomplete_body());
    }
    if claims.content_md5.is_some_and(|claimed| md5.is_none_or(|md5| claimed != STANDARD.encode(md5))) {
        return Err(Refusal::bad_digest());
    }
    let in_trailer = claims.trailing.as_ref().and_then(|trailing| {
        trailing.read(|headers| headers.get(claims.algorithm.header())?.to_str().ok().map(str::to_owned)).flatten()
    });
    let expected = claims.expected.or(in_trailer);
    if let Some(expected) = expected
        && claims.algorithm.value(&checksums) != Some(&expected)
    {
        let name = claims.algorithm.name().to_ascii_uppercase();
        let text = format!("The {name} you specified did not match the calculated checksum.");
        return Err(Refusal::bad_digest().saying(text));
    }
    Ok(Taken { content, md5: md5.map(hex::encode).unwrap_or_default(), checksums })
}
