//! SSE-C headers read otherwise than they were sent.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::engine::{DecodePaddingMode, general_purpose};
use http::{HeaderMap, HeaderName, HeaderValue};
use md5::{Digest as _, Md5};

use super::defect::{Defect, When, request};
use super::facts::{BLOCKED, Facts, KeyRelation};
use super::memory::{KeyHeaders, names};
use crate::reference::request::{Operation, Request, Standing, Transport};
use crate::reference::sse_c::{ENCRYPTION, SOURCE, TARGET, is_header};

/// How SSE-C headers are misread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// As if none had been sent.
    PassedOver,
    /// The MD5 is not compared.
    Md5NotCompared,
    /// Only the first 20 characters of the MD5 are compared.
    Md5ComparedByPrefix,
    /// The MD5 is compared without regard to case.
    Md5ComparedInAnyCase,
    /// The MD5 of the key's base64 text is taken, too.
    Md5OfBase64Taken,
    /// The SHA-256 is taken, too.
    Sha256Taken,
    /// The MD5 need not be there.
    Md5Optional,
    /// The MD5 must be there, on reads too.
    Md5Needed,
    /// The MD5 is taken in hexadecimal, URL-safe base64, and without padding, too.
    Md5InAnySpelling,
    /// Of a longer key the first 32 bytes are taken.
    LongKeyCut,
    /// A shorter key is filled up with zeros.
    ShortKeyPadded,
    /// The key is taken in URL-safe base64 and without padding, too.
    KeyInAnySpelling,
    /// The key is taken in hexadecimal, too.
    KeyInHexTaken,
    /// Characters of the key that are no base64 are passed over, and what is missing is filled up.
    KeyDecodedLeniently,
    /// The key need not be there: without it the data is stored in clear.
    KeyOptional,
    /// The algorithm need not be there.
    AlgorithmOptional,
    /// The algorithm is compared without regard to case.
    AlgorithmInAnyCase,
    /// Any algorithm is taken.
    AlgorithmNotCompared,
    /// Another encryption that is asked for besides is passed over.
    OtherEncryptionPassedOver,
    /// Those of a copy's target are taken for those of its source.
    TargetsTaken,
    /// Of values that are combined in one line the first counts.
    CombinedTaken,
}

/// Misreads the SSE-C headers of requests: of `targets` those of what is read or written, of `sources` those of a copy's source.
pub(super) fn misread(
    reading: Reading,
    targets: &'static [Operation],
    sources: &'static [Operation],
) -> Box<dyn Defect> {
    request(
        |facts| facts.carries || facts.carries_source,
        move |request, facts| {
            for (operations, prefix) in [(targets, TARGET), (sources, SOURCE)] {
                if operations.contains(&facts.operation) && are_read(request, facts) {
                    Lines::of(prefix).misread(reading, &mut request.headers);
                }
            }
        },
    )
}

/// Takes malformed SSE-C headers for the right ones of the object or, of a part, of the upload.
pub(super) fn leaves_unchecked(when: impl When) -> Box<dyn Defect> {
    request(when, |request, facts| {
        if is_malformed(facts.key, &KeyHeaders::of(&request.headers)) && are_read(request, facts) {
            facts.right_key().set(&mut request.headers);
        }
    })
}

/// Takes malformed SSE-C headers of a copy's source for the right ones.
pub(super) fn leaves_source_unchecked() -> Box<dyn Defect> {
    request(Facts::of_sse_c_source, |request, facts| {
        if is_malformed(facts.source_key, &KeyHeaders::of_source(&request.headers)) && are_read(request, facts) {
            facts.right_source_key().set_source(&mut request.headers);
        }
    })
}

/// Whether the service comes to read the SSE-C headers of a request: not without TLS, nor where one comes twice or SSE-C is blocked.
fn are_read(request: &Request, facts: &Facts) -> bool {
    let mut names = request.headers.keys().filter(|name| is_header(name));
    let blocks = facts.bucket.is_some_and(|bucket| bucket.blocks_sse_c) && request.standing != Standing::Operator;
    request.transport == Transport::Tls
        && names.all(|name| request.headers.get_all(name).iter().count() == 1)
        && !(blocks && facts.carries && BLOCKED.contains(&facts.operation))
}

/// Whether SSE-C headers are refused for their form; on a read a key of another length is another key.
fn is_malformed(relation: KeyRelation, sent: &KeyHeaders) -> bool {
    let length = sent.key().and_then(|key| STANDARD.decode(key).ok()).map(|key| key.len());
    relation == KeyRelation::Malformed || (relation == KeyRelation::Other && length != Some(32))
}

/// The names of the three SSE-C headers that something is read by.
struct Lines {
    algorithm: HeaderName,
    key: HeaderName,
    md5: HeaderName,
}

impl Lines {
    fn of(prefix: &str) -> Self {
        let [algorithm, key, md5] = names(prefix);
        Self { algorithm, key, md5 }
    }

    fn any(&self, headers: &HeaderMap) -> bool {
        [&self.algorithm, &self.key, &self.md5].into_iter().any(|name| headers.contains_key(name))
    }

    fn misread(&self, reading: Reading, headers: &mut HeaderMap) {
        if reading == Reading::TargetsTaken {
            return self.take(&Self::of(TARGET), headers);
        }
        if !self.any(headers) {
            return;
        }
        match reading {
            Reading::PassedOver => self.pass_over(headers),
            Reading::AlgorithmOptional if text(headers, &self.algorithm).is_none_or(str::is_empty) => {
                set(headers, &self.algorithm, "AES256");
            }
            Reading::AlgorithmInAnyCase
                if text(headers, &self.algorithm).is_some_and(|a| a.eq_ignore_ascii_case("AES256")) =>
            {
                set(headers, &self.algorithm, "AES256");
            }
            Reading::AlgorithmNotCompared if text(headers, &self.algorithm).is_some_and(|a| !a.is_empty()) => {
                set(headers, &self.algorithm, "AES256");
            }
            Reading::KeyOptional if text(headers, &self.key).is_none_or(str::is_empty) => self.pass_over(headers),
            Reading::OtherEncryptionPassedOver => {
                headers.remove(ENCRYPTION);
            }
            // None is refused as a wrong one.
            Reading::Md5Needed if text(headers, &self.md5).is_none() => set(headers, &self.md5, ""),
            Reading::CombinedTaken => {
                for name in [&self.algorithm, &self.key, &self.md5] {
                    let first = text(headers, name).and_then(|value| value.split_once(',')).map(|(first, _)| first);
                    if let Some(first) = first.map(str::to_owned) {
                        set(headers, name, first.trim());
                    }
                }
            }
            Reading::Md5Needed
            | Reading::AlgorithmOptional
            | Reading::AlgorithmInAnyCase
            | Reading::AlgorithmNotCompared
            | Reading::KeyOptional => {}
            _ => self.misread_key(reading, headers),
        }
    }

    fn misread_key(&self, reading: Reading, headers: &mut HeaderMap) {
        let Some(key) = text(headers, &self.key).map(str::to_owned) else { return };
        let md5 = text(headers, &self.md5).map(str::to_owned);
        let sent = md5.as_deref().unwrap_or_default();
        match reading {
            Reading::LongKeyCut | Reading::ShortKeyPadded | Reading::KeyDecodedLeniently => {
                if let Some(bytes) = other_length(reading, &key, sent) {
                    self.set_key(headers, &bytes);
                }
            }
            Reading::KeyInAnySpelling => {
                if let Some(bytes) = any_spelling(&key).filter(|bytes| bytes.len() == 32) {
                    set(headers, &self.key, &STANDARD.encode(bytes));
                }
            }
            Reading::KeyInHexTaken => {
                if let Some(bytes) = hex::decode(&key).ok().filter(|bytes| bytes.len() == 32) {
                    set(headers, &self.key, &STANDARD.encode(bytes));
                }
            }
            _ => {
                let Some(bytes) = STANDARD.decode(&key).ok().filter(|bytes| bytes.len() == 32) else { return };
                let right = STANDARD.encode(Md5::digest(&bytes));
                let taken = match reading {
                    Reading::Md5NotCompared => !sent.is_empty(),
                    Reading::Md5ComparedByPrefix => sent.len() >= 20 && sent.get(..20) == right.get(..20),
                    Reading::Md5ComparedInAnyCase => sent.eq_ignore_ascii_case(&right),
                    Reading::Md5OfBase64Taken => sent == STANDARD.encode(Md5::digest(key.as_bytes())),
                    Reading::Sha256Taken => sent == STANDARD.encode(sha2::Sha256::digest(&bytes)),
                    Reading::Md5Optional => sent.is_empty(),
                    Reading::Md5InAnySpelling => {
                        let raw = Md5::digest(&bytes);
                        sent == hex::encode(raw) || any_spelling(sent).is_some_and(|md5| md5 == raw.as_slice())
                    }
                    _ => false,
                };
                if taken {
                    set(headers, &self.md5, &right);
                }
            }
        }
    }

    fn set_key(&self, headers: &mut HeaderMap, bytes: &[u8]) {
        set(headers, &self.key, &STANDARD.encode(bytes));
        set(headers, &self.md5, &STANDARD.encode(Md5::digest(bytes)));
    }

    /// What others hold in place of one's own.
    fn take(&self, others: &Self, headers: &mut HeaderMap) {
        for (own, other) in [(&self.algorithm, &others.algorithm), (&self.key, &others.key), (&self.md5, &others.md5)] {
            match headers.get(other).cloned() {
                Some(value) => headers.insert(own.clone(), value),
                None => headers.remove(own),
            };
        }
    }

    fn pass_over(&self, headers: &mut HeaderMap) {
        for name in [&self.algorithm, &self.key, &self.md5] {
            headers.remove(name);
        }
    }
}

/// A key of another length than 32 bytes, made to fit.
fn other_length(reading: Reading, key: &str, md5: &str) -> Option<Vec<u8>> {
    let mut bytes = match reading {
        Reading::KeyDecodedLeniently => {
            let known: String = key.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/')).collect();
            any_spelling(&known).or_else(|| any_spelling(&known[..known.len() / 4 * 4]))?
        }
        _ => STANDARD.decode(key).ok()?,
    };
    let fits = match reading {
        Reading::LongKeyCut => bytes.len() > 32,
        Reading::ShortKeyPadded => bytes.len() < 32,
        _ => bytes.len() != 32,
    };
    let is_right = md5 == STANDARD.encode(Md5::digest(&bytes));
    if !fits || (reading != Reading::KeyDecodedLeniently && !is_right) {
        return None;
    }
    bytes.resize(32, 0);
    Some(bytes)
}

/// Base64 in the standard or the URL-safe alphabet, padded or not.
fn any_spelling(text: &str) -> Option<Vec<u8>> {
    let lenient: GeneralPurposeConfig =
        general_purpose::NO_PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engines =
        [GeneralPurpose::new(&alphabet::STANDARD, lenient), GeneralPurpose::new(&alphabet::URL_SAFE, lenient)];
    engines.iter().find_map(|engine| engine.decode(text).ok())
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn set(headers: &mut HeaderMap, name: &HeaderName, value: &str) {
    if let Ok(mut value) = HeaderValue::from_str(value) {
        value.set_sensitive(true);
        headers.insert(name.clone(), value);
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// 32 zero bytes, and their MD5 as openssl gives it.
    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const MD5: &str = "cLyPS3KoaSFGi/joRB3OUQ==";

    fn misread(reading: Reading, algorithm: &str, key: &str, md5: &str) -> [String; 3] {
        let lines = Lines::of(TARGET);
        let mut headers = HeaderMap::new();
        for (name, value) in [(&lines.algorithm, algorithm), (&lines.key, key), (&lines.md5, md5)] {
            headers.insert(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        lines.misread(reading, &mut headers);
        [&lines.algorithm, &lines.key, &lines.md5].map(|name| text(&headers, name).unwrap_or("none").to_owned())
    }

    #[rstest]
    #[case(Reading::Md5NotCompared, "anything")]
    #[case(Reading::Md5ComparedByPrefix, "cLyPS3KoaSFGi/joRB3O")]
    #[case(Reading::Md5ComparedInAnyCase, "ClYps3kOAsfgI/JOrb3ouq==")]
    #[case(Reading::Md5Optional, "")]
    #[case(Reading::Md5InAnySpelling, "cLyPS3KoaSFGi_joRB3OUQ")]
    #[case(Reading::Md5InAnySpelling, "70bc8f4b72a86921468bf8e8441dce51")]
    fn a_wrong_md5_is_read_as_the_right_one(#[case] reading: Reading, #[case] md5: &str) {
        assert_eq!(misread(reading, "AES256", KEY, md5), ["AES256", KEY, MD5]);
    }

    #[rstest]
    #[case(Reading::Md5ComparedByPrefix, "xLyPS3KoaSFGi/joRB3OUQ==")]
    #[case(Reading::Md5ComparedInAnyCase, "xLyPS3KoaSFGi/joRB3OUQ==")]
    #[case(Reading::Md5NotCompared, "")]
    #[case(Reading::Md5OfBase64Taken, "xLyPS3KoaSFGi/joRB3OUQ==")]
    #[case(Reading::LongKeyCut, MD5)]
    fn what_a_fault_is_not_about_stays(#[case] reading: Reading, #[case] md5: &str) {
        assert_eq!(misread(reading, "AES256", KEY, md5), ["AES256", KEY, md5]);
    }

    #[rstest]
    #[case(Reading::ShortKeyPadded, 16, true)]
    #[case(Reading::ShortKeyPadded, 33, false)]
    #[case(Reading::LongKeyCut, 33, true)]
    #[case(Reading::LongKeyCut, 31, false)]
    fn keys_are_made_to_fit(#[case] reading: Reading, #[case] length: usize, #[case] fits: bool) {
        let bytes = vec![0; length];
        let (key, md5) = (STANDARD.encode(&bytes), STANDARD.encode(Md5::digest(&bytes)));
        let read = misread(reading, "AES256", &key, &md5);
        assert_eq!(read == ["AES256", KEY, MD5], fits);
    }

    #[rstest]
    #[case::there(&["algorithm", "key", "key-md5"])]
    #[case::not_there(&[])]
    fn a_source_is_read_by_the_headers_of_the_target(#[case] of_target: &[&str]) {
        let mut headers = HeaderMap::new();
        set(&mut headers, &Lines::of(SOURCE).key, "own");
        for name in of_target {
            set(&mut headers, &HeaderName::try_from(format!("{TARGET}{name}")).unwrap(), "target's");
        }
        Lines::of(SOURCE).misread(Reading::TargetsTaken, &mut headers);
        for name in ["algorithm", "key", "key-md5"] {
            let read = headers.get(format!("{SOURCE}{name}")).map(|value| value.to_str().unwrap());
            assert_eq!(read, of_target.contains(&name).then_some("target's"));
        }
    }

    #[rstest]
    #[case(Reading::AlgorithmInAnyCase, "aes256", "AES256")]
    #[case(Reading::AlgorithmInAnyCase, "KMS", "KMS")]
    #[case(Reading::AlgorithmNotCompared, "KMS", "AES256")]
    #[case(Reading::AlgorithmOptional, "", "AES256")]
    #[case(Reading::PassedOver, "AES256", "none")]
    fn algorithms(#[case] reading: Reading, #[case] sent: &str, #[case] read: &str) {
        assert_eq!(misread(reading, sent, KEY, MD5)[0], read);
    }
}
