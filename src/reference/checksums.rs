//! Checksums: which algorithms there are, and what those of parts come to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::dto::{ChecksumAlgorithm, ChecksumType, CompletedPart};

use super::error::Refusal;
/// The checksums of an object or a part, in base64.
pub(crate) type Checksums = s3s::dto::Checksum;

/// A value of a type of s3s that has a field for each checksum, with those of `$of`.
macro_rules! with_checksums {
    ($of:ident, $type:ident { $($rest:tt)* }) => {
        $type {
            checksum_crc32: $of.checksum_crc32,
            checksum_crc32c: $of.checksum_crc32c,
            checksum_crc64nvme: $of.checksum_crc64nvme,
            checksum_sha1: $of.checksum_sha1,
            checksum_sha256: $of.checksum_sha256,
            $($rest)*
        }
    };
}
pub(crate) use with_checksums;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    pub const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// As it is written in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "crc32",
            Self::Crc32c => "crc32c",
            Self::Crc64Nvme => "crc64nvme",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    pub fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// The one that a request asks for.
    pub fn asked(asked: &ChecksumAlgorithm) -> Result<Self, Refusal> {
        let named = Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(asked.as_str()));
        let message = "Checksum algorithm provided is unsupported. Please try again with any of the valid types: \
                       [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]";
        named.ok_or_else(|| Refusal::new(400, "InvalidRequest", message))
    }

    /// The one that checksums are made by.
    pub fn of(checksums: &Checksums) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.value(checksums).is_some())
    }

    pub fn told(self) -> ChecksumAlgorithm {
        ChecksumAlgorithm::from(self.name().to_ascii_uppercase())
    }

    /// Adds it to what a hasher makes.
    pub fn join(self, hasher: &mut ChecksumHasher) {
        match self {
            Self::Crc32 => hasher.crc32 = Some(Crc32::new()),
            Self::Crc32c => hasher.crc32c = Some(Crc32c::new()),
            Self::Crc64Nvme => hasher.crc64nvme = Some(Crc64Nvme::new()),
            Self::Sha1 => hasher.sha1 = Some(Sha1::new()),
            Self::Sha256 => hasher.sha256 = Some(Sha256::new()),
        }
    }

    pub fn hasher(self) -> ChecksumHasher {
        let mut hasher = ChecksumHasher::default();
        self.join(&mut hasher);
        hasher
    }

    pub fn value(self, checksums: &Checksums) -> Option<&String> {
        match self {
            Self::Crc32 => checksums.checksum_crc32.as_ref(),
            Self::Crc32c => checksums.checksum_crc32c.as_ref(),
            Self::Crc64Nvme => checksums.checksum_crc64nvme.as_ref(),
            Self::Sha1 => checksums.checksum_sha1.as_ref(),
            Self::Sha256 => checksums.checksum_sha256.as_ref(),
        }
    }

    fn with(self, value: String, kind: &'static str) -> Checksums {
        let mut checksums = Checksums { checksum_type: Some(ChecksumType::from_static(kind)), ..Checksums::default() };
        let field = match self {
            Self::Crc32 => &mut checksums.checksum_crc32,
            Self::Crc32c => &mut checksums.checksum_crc32c,
            Self::Crc64Nvme => &mut checksums.checksum_crc64nvme,
            Self::Sha1 => &mut checksums.checksum_sha1,
            Self::Sha256 => &mut checksums.checksum_sha256,
        };
        *field = Some(value);
        checksums
    }

    /// What can be joined from its values for parts.
    fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }
}

/// How an upload was said to be checked when it was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OfParts {
    pub algorithm: Algorithm,
    /// Whether it is of the whole data, and not of the checksums of the parts.
    pub full_object: bool,
}

impl OfParts {
    /// Of a request that creates an upload; none where it asks for none.
    pub fn asked(algorithm: Option<&ChecksumAlgorithm>, kind: Option<&ChecksumType>) -> Result<Option<Self>, Refusal> {
        let kind = kind.map(ChecksumType::as_str);
        let Some(algorithm) = algorithm else {
            let message = "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.";
            return if kind.is_none() { Ok(None) } else { Err(Refusal::new(400, "InvalidRequest", message)) };
        };
        let algorithm = Algorithm::asked(algorithm)?;
        let full_object = match kind {
            None => algorithm == Algorithm::Crc64Nvme,
            Some(kind) => kind == ChecksumType::FULL_OBJECT,
        };
        let of_parts = Self { algorithm, full_object };
        if (full_object && algorithm.crc().is_none()) || (!full_object && algorithm == Algorithm::Crc64Nvme) {
            let text = format!(
                "The {} checksum type cannot be used with the {} checksum algorithm.",
                of_parts.kind(),
                algorithm.name()
            );
            return Err(Refusal::new(400, "InvalidRequest", text));
        }
        Ok(Some(of_parts))
    }

    fn kind(self) -> &'static str {
        if self.full_object { ChecksumType::FULL_OBJECT } else { ChecksumType::COMPOSITE }
    }

    pub fn told(self) -> ChecksumType {
        ChecksumType::from_static(self.kind())
    }

    /// What the checksums of parts, each with its length, come to.
    pub fn joined(self, parts: &[(&Checksums, u64)]) -> Option<Checksums> {
        let value = if self.full_object { self.of_whole(parts) } else { self.of_checksums(parts) };
        Some(self.algorithm.with(value?, self.kind()))
    }

    fn of_checksums(self, parts: &[(&Checksums, u64)]) -> Option<String> {
        let mut hasher = self.algorithm.hasher();
        for (checksums, _) in parts {
            hasher.update(&STANDARD.decode(self.algorithm.value(checksums)?).ok()?);
        }
        let digest = hasher.finalize();
        Some(format!("{}-{}", self.algorithm.value(&digest)?, parts.len()))
    }

    fn of_whole(self, parts: &[(&Checksums, u64)]) -> Option<String> {
        let crc = self.algorithm.crc()?;
        let (mut whole, mut width) = (None, 0);
        for (checksums, length) in parts {
            let bytes = STANDARD.decode(self.algorithm.value(checksums)?).ok()?;
            width = bytes.len();
            let value = bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
            whole = Some(whole.map_or(value, |whole| crc_fast::checksum_combine(crc, whole, value, *length)));
        }
        let bytes = whole?.to_be_bytes();
        Some(STANDARD.encode(&bytes[bytes.len().checked_sub(width)?..]))
    }
}

/// Whether what a completion says of a part's checksum is right; `kept` is what is known of it, `invalid` how the part is
/// refused.
pub(crate) fn check_listed(
    part: &CompletedPart,
    of_parts: Option<OfParts>,
    kept: &Checksums,
    invalid: impl Fn() -> Refusal,
) -> Result<(), Refusal> {
    let claimed = Checksums {
        checksum_crc32: part.checksum_crc32.clone(),
        checksum_crc32c: part.checksum_crc32c.clone(),
        checksum_crc64nvme: part.checksum_crc64nvme.clone(),
        checksum_sha1: part.checksum_sha1.clone(),
        checksum_sha256: part.checksum_sha256.clone(),
        ..Checksums::default()
    };
    let number = part.part_number.unwrap_or_default();
    match (Algorithm::of(&claimed), of_parts) {
        // AWS keeps none of an upload that was created without an algorithm.
        (Some(_), None) => Err(invalid()),
        (Some(named), Some(of_parts)) if named != of_parts.algorithm => {
            let text = format!("The {} you specified for part {number} did not match what we received.", named.name());
            Err(Refusal::bad_digest().saying(text))
        }
        (Some(named), Some(_)) if named.value(&claimed) != named.value(kept) => Err(invalid()),
        (None, Some(OfParts { algorithm, full_object: false })) => {
            let text = format!(
                "The upload was created using a {} checksum. The complete request must include the checksum for each \
                 part. It was missing for part {number} in the request.",
                algorithm.name()
            );
            Err(Refusal::new(400, "InvalidRequest", text))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn of(algorithm: Algorithm, data: &[u8]) -> Checksums {
        let mut hasher = algorithm.hasher();
        hasher.update(data);
        hasher.finalize()
    }

    /// As AWS was recorded to answer for two parts of 5 MiB + 1 times `a`, and one of ten.
    #[rstest]
    #[case::composite(Algorithm::Crc32, false, "5FRUiw==-3")]
    #[case::full_object(Algorithm::Crc32, true, "qSEQSA==")]
    fn parts_come_to_what_was_recorded(
        #[case] algorithm: Algorithm,
        #[case] full_object: bool,
        #[case] recorded: &str,
    ) {
        let (long, short) = (vec![b'a'; 5_242_881], vec![b'a'; 10]);
        let (first, last) = (of(algorithm, &long), of(algorithm, &short));
        let parts = [(&first, 5_242_881), (&first, 5_242_881), (&last, 10)];
        let joined = OfParts { algorithm, full_object }.joined(&parts).unwrap();
        assert_eq!(algorithm.value(&joined).unwrap(), recorded);
    }

    #[rstest]
    #[case(Algorithm::Crc32)]
    #[case(Algorithm::Crc32c)]
    #[case(Algorithm::Crc64Nvme)]
    fn a_joined_crc_is_that_of_the_whole(#[case] algorithm: Algorithm) {
        let parts = [of(algorithm, b"some "), of(algorithm, b"content")];
        let joined = OfParts { algorithm, full_object: true }.joined(&[(&parts[0], 5), (&parts[1], 7)]).unwrap();
        assert_eq!(algorithm.value(&joined), algorithm.value(&of(algorithm, b"some content")));
    }

    #[rstest]
    #[case::none(None, None, Ok(None))]
    #[case::crc32(Some("CRC32"), None, Ok(Some("COMPOSITE")))]
    #[case::crc64(Some("CRC64NVME"), None, Ok(Some("FULL_OBJECT")))]
    #[case::whole(Some("CRC32C"), Some("FULL_OBJECT"), Ok(Some("FULL_OBJECT")))]
    #[case::sha1(
        Some("SHA1"),
        Some("FULL_OBJECT"),
        Err("The FULL_OBJECT checksum type cannot be used with the sha1 checksum algorithm.")
    )]
    #[case::type_alone(
        None,
        Some("COMPOSITE"),
        Err("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
    )]
    fn what_an_upload_asks_for(
        #[case] algorithm: Option<&'static str>,
        #[case] kind: Option<&'static str>,
        #[case] expected: Result<Option<&str>, &str>,
    ) {
        let algorithm = algorithm.map(ChecksumAlgorithm::from_static);
        let asked = OfParts::asked(algorithm.as_ref(), kind.map(ChecksumType::from_static).as_ref());
        let told = asked.map(|of_parts| of_parts.map(OfParts::kind)).map_err(|refusal| refusal.message.into_owned());
        assert_eq!(told, expected.map_err(str::to_owned));
    }

    #[rstest]
    #[case::right(Some((Algorithm::Crc32, false)), Some(b"data"), None)]
    #[case::wrong(Some((Algorithm::Crc32, false)), Some(b"date"), Some("InvalidPart"))]
    #[case::wrong_of_whole(Some((Algorithm::Crc32, true)), Some(b"date"), Some("InvalidPart"))]
    #[case::missing(Some((Algorithm::Crc32, false)), None, Some("InvalidRequest"))]
    #[case::not_needed(Some((Algorithm::Crc32, true)), None, None)]
    #[case::another_algorithm(Some((Algorithm::Sha256, false)), Some(b"data"), Some("BadDigest"))]
    #[case::none_kept(None, Some(b"data"), Some("InvalidPart"))]
    #[case::none(None, None, None)]
    fn what_is_listed_is_checked(
        #[case] of_parts: Option<(Algorithm, bool)>,
        #[case] claimed: Option<&[u8; 4]>,
        #[case] refused: Option<&str>,
    ) {
        let claimed = claimed.map(|data| of(Algorithm::Crc32, data).checksum_crc32.unwrap());
        let part = CompletedPart { checksum_crc32: claimed, part_number: Some(1), ..CompletedPart::default() };
        let of_parts = of_parts.map(|(algorithm, full_object)| OfParts { algorithm, full_object });
        let checked =
            check_listed(&part, of_parts, &of(Algorithm::Crc32, b"data"), || Refusal::invalid_part("u", 1, "e"));
        assert_eq!(checked.err().map(|refusal| refusal.code.into_owned()).as_deref(), refused);
    }
}
