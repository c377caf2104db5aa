//! Object contents, by literal, by `fixtures/` file, or generated.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use sha2::Sha256;

use super::model::DigestAlgorithm;

/// An object's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// These bytes.
    Literal(Bytes),
    /// Pseudo-random bytes, the same for the same size and seed.
    Generated {
        /// Size in bytes.
        size: u64,
        /// Seed of the generator.
        seed: u64,
    },
    /// Other contents in order.
    Joined(Vec<Body>),
}

impl Body {
    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Literal(bytes) => bytes.len() as u64,
            Self::Generated { size, .. } => *size,
            Self::Joined(parts) => parts.iter().map(Self::len).sum(),
        }
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A digest of the content in base64, as S3's headers have it (CRCs with their highest byte first).
    #[must_use]
    pub fn digest(&self, algorithm: DigestAlgorithm) -> String {
        let bytes = self.bytes();
        let crc = |algorithm| crc_fast::checksum(algorithm, &bytes);
        match algorithm {
            DigestAlgorithm::Md5 => STANDARD.encode(Md5::digest(&bytes)),
            DigestAlgorithm::Crc32 => STANDARD.encode(&crc(CrcAlgorithm::Crc32IsoHdlc).to_be_bytes()[4..]),
            DigestAlgorithm::Crc32c => STANDARD.encode(&crc(CrcAlgorithm::Crc32Iscsi).to_be_bytes()[4..]),
            DigestAlgorithm::Crc64nvme => STANDARD.encode(crc(CrcAlgorithm::Crc64Nvme).to_be_bytes()),
            DigestAlgorithm::Sha256 => STANDARD.encode(Sha256::digest(&bytes)),
        }
    }

    /// The content's bytes.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        match self {
            Self::Literal(bytes) => bytes.clone(),
            Self::Generated { size, seed } => {
                let mut bytes = vec![0; usize::try_from(*size).unwrap_or(usize::MAX)];
                StdRng::seed_from_u64(*seed).fill_bytes(&mut bytes);
                bytes.into()
            }
            Self::Joined(parts) => {
                let mut joined = BytesMut::new();
                for part in parts {
                    joined.extend_from_slice(&part.bytes());
                }
                joined.freeze()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_content_depends_on_size_and_seed_alone() {
        let body = |seed| Body::Generated { size: 100, seed }.bytes();
        assert_eq!(body(1), body(1));
        assert_ne!(body(1), body(2));
    }

    /// Check values of "123456789": those of the CRC catalogue, and of the digests' own specifications.
    #[rstest::rstest]
    #[case(DigestAlgorithm::Crc32, "CBF43926")]
    #[case(DigestAlgorithm::Crc32c, "E3069283")]
    #[case(DigestAlgorithm::Crc64nvme, "AE8B14860A799888")]
    #[case(DigestAlgorithm::Md5, "25F9E794323B453885F5181F1B624D0B")]
    #[case(DigestAlgorithm::Sha256, "15E2B0D3C33891EBB0F1EF609EC419420C20E320CE94C65FBC8C3312448EB225")]
    fn digests_are_those_of_the_catalogues(#[case] algorithm: DigestAlgorithm, #[case] expected: &str) {
        let digest = Body::Literal(Bytes::from_static(b"123456789")).digest(algorithm);
        assert_eq!(hex::encode_upper(STANDARD.decode(digest).unwrap()), expected);
    }

    #[test]
    fn joined_content_is_its_parts_in_order() {
        let part = |text: &'static str| Body::Literal(Bytes::from_static(text.as_bytes()));
        let joined = Body::Joined(vec![part("ab"), part("c")]);
        assert_eq!(joined.bytes().as_ref(), b"abc");
        assert_eq!(joined.len(), 3);
    }
}
