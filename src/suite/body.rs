//! Object contents, by literal, by `fixtures/` file, or generated.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use crc_fast::CrcAlgorithm;
use md5::digest::Output;
use md5::{Digest, Md5};
use sha2::Sha256;

use super::generated::Id;
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
        let crc = |algorithm| {
            let mut crc = crc_fast::Digest::new(algorithm);
            self.pieces().for_each(|piece| crc.update(&piece));
            crc.finalize()
        };
        match algorithm {
            DigestAlgorithm::Md5 => STANDARD.encode(self.digested(Md5::new())),
            DigestAlgorithm::Crc32 => STANDARD.encode(&crc(CrcAlgorithm::Crc32IsoHdlc).to_be_bytes()[4..]),
            DigestAlgorithm::Crc32c => STANDARD.encode(&crc(CrcAlgorithm::Crc32Iscsi).to_be_bytes()[4..]),
            DigestAlgorithm::Crc64nvme => STANDARD.encode(crc(CrcAlgorithm::Crc64Nvme).to_be_bytes()),
            DigestAlgorithm::Sha256 => STANDARD.encode(self.digested(Sha256::new())),
        }
    }

    /// SHA-256 of the content, lower-case hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        self.once("sha256", || hex::encode(self.digested(Sha256::new())))
    }

    /// SHA-256 of a part of the content, lower-case hexadecimal.
    #[must_use]
    pub fn sha256_of(&self, range: Range<u64>) -> String {
        if range == (0..self.len()) {
            return self.sha256();
        }
        let (mut digest, mut at) = (Sha256::new(), 0);
        for piece in self.pieces() {
            let within =
                |position: u64| usize::try_from(position.saturating_sub(at)).unwrap_or(usize::MAX).min(piece.len());
            digest.update(&piece[within(range.start)..within(range.end)]);
            at += piece.len() as u64;
            if at >= range.end {
                break;
            }
        }
        hex::encode(digest.finalize())
    }

    /// MD5 of the content, lower-case hexadecimal.
    #[must_use]
    pub fn md5(&self) -> String {
        self.once("md5", || hex::encode(self.digested(Md5::new())))
    }

    /// MD5 of the content's base64 text, lower-case hexadecimal.
    #[must_use]
    pub fn md5_of_base64(&self) -> String {
        self.once("md5 of base64", || {
            let mut digest = Md5::new();
            // Three bytes are encoded together: those that are left over go before the next piece.
            let mut over: Vec<u8> = Vec::new();
            for piece in self.pieces() {
                over.extend_from_slice(&piece);
                let whole = over.len() - over.len() % 3;
                digest.update(STANDARD.encode(&over[..whole]));
                over.drain(..whole);
            }
            digest.update(STANDARD.encode(&over));
            hex::encode(digest.finalize())
        })
    }

    /// MD5 of these bytes followed by the content, lower-case hexadecimal.
    #[must_use]
    pub fn md5_after(&self, before: &[u8]) -> String {
        hex::encode(self.digested(Md5::new_with_prefix(before)))
    }

    /// A digest goes on with the content.
    fn digested<D: Digest>(&self, mut digest: D) -> Output<D> {
        self.pieces().for_each(|piece| digest.update(&piece));
        digest.finalize()
    }

    /// A digest of a content that is generated is made once.
    fn once(&self, name: &'static str, made: impl FnOnce() -> String) -> String {
        match self {
            Self::Generated { size, seed } => Id { size: *size, seed: *seed }.digest(name, made),
            _ => made(),
        }
    }

    /// The content's bytes, all of them in memory.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        match self {
            Self::Literal(bytes) => bytes.clone(),
            Self::Generated { size, seed } => Id { size: *size, seed: *seed }.bytes(),
            Self::Joined(parts) => {
                let mut joined = BytesMut::new();
                for part in parts {
                    joined.extend_from_slice(&part.bytes());
                }
                joined.freeze()
            }
        }
    }

    /// The content's bytes piece by piece: however large it is, that takes little memory.
    #[must_use]
    pub fn pieces(&self) -> Box<dyn Iterator<Item = Bytes> + Send + Sync> {
        match self {
            Self::Literal(bytes) => Box::new(std::iter::once(bytes.clone())),
            Self::Generated { size, seed } => Box::new(Id { size: *size, seed: *seed }.pieces()),
            Self::Joined(parts) => Box::new(parts.clone().into_iter().flat_map(|part| part.pieces())),
        }
    }

    /// The first and the last bytes of the content, `length` of them each.
    #[must_use]
    pub fn ends(&self, length: usize) -> (Vec<u8>, Vec<u8>) {
        let (mut first, mut last) = (Vec::new(), Vec::new());
        for piece in self.pieces() {
            first.extend_from_slice(&piece[..piece.len().min(length - first.len())]);
            last.extend_from_slice(&piece[piece.len().saturating_sub(length)..]);
            last.drain(..last.len().saturating_sub(length));
        }
        (first, last)
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

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(48))]

        /// However it comes, it is the same content.
        #[test]
        fn pieces_come_to_the_same_as_the_whole(sizes in proptest::collection::vec(0..400_000u64, 1..4), from in 0..900_000u64, length in 0..900_000u64) {
            let parts: Vec<Body> = sizes.iter().zip(1..).map(|(size, seed)| match size % 3 {
                0 => Body::Literal(vec![7; *size as usize].into()),
                _ => Body::Generated { size: *size, seed },
            }).collect();
            let body = Body::Joined(parts);
            let whole = body.bytes();
            proptest::prop_assert_eq!(body.pieces().flatten().collect::<Vec<u8>>(), whole.to_vec());
            proptest::prop_assert_eq!(body.sha256(), hex::encode(Sha256::digest(&whole)));
            proptest::prop_assert_eq!(body.md5(), hex::encode(Md5::digest(&whole)));
            proptest::prop_assert_eq!(body.md5_of_base64(), hex::encode(Md5::digest(STANDARD.encode(&whole))));
            proptest::prop_assert_eq!(body.md5_after(b"key"), hex::encode(Md5::digest([b"key", &whole[..]].concat())));
            let (from, to) = (from.min(body.len()), (from + length).min(body.len()));
            proptest::prop_assert_eq!(body.sha256_of(from..to), hex::encode(Sha256::digest(&whole[from as usize..to as usize])));
            let ends = whole.len().min(24);
            proptest::prop_assert_eq!(body.ends(24), (whole[..ends].to_vec(), whole[whole.len() - ends..].to_vec()));
        }
    }

    #[test]
    fn joined_content_is_its_parts_in_order() {
        let part = |text: &'static str| Body::Literal(Bytes::from_static(text.as_bytes()));
        let joined = Body::Joined(vec![part("ab"), part("c")]);
        assert_eq!(joined.bytes().as_ref(), b"abc");
        assert_eq!(joined.len(), 3);
    }
}
