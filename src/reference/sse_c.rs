//! The rules of SSE-C as AWS S3 answers them (recorded in February and March 2026): headers to a decision.
//!
//! This is one side of the wire; the checks are the other. Nothing here is shared with them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use md5::{Digest as _, Md5};
use s3s::dto::ServerSideEncryption;
use zeroize::Zeroizing;

use super::content::{KeyMac, SealingKey};
use super::error::{Cause, Refusal};

/// How the names of the SSE-C headers begin, but for the source of a copy.
pub(crate) const TARGET: &str = "x-amz-server-side-encryption-customer-";
/// How the names of the SSE-C headers of a copy's source begin.
pub(crate) const SOURCE: &str = "x-amz-copy-source-server-side-encryption-customer-";
/// The header that asks for another server-side encryption.
pub(crate) const ENCRYPTION: &str = "x-amz-server-side-encryption";

/// How AWS names its own encryption, which everything without a customer key gets.
pub(super) const STORE_ENCRYPTION: &str = ServerSideEncryption::AES256;

/// A customer key that came with a request.
#[derive(Clone)]
pub(crate) struct GivenKey {
    /// To encrypt or decrypt by.
    pub key: SealingKey,
    /// Its MD5 in base64, as answers echo it.
    pub md5: String,
}

/// The headers by which a response tells how the object is encrypted.
pub(crate) struct Echo {
    pub customer_algorithm: Option<String>,
    pub customer_key_md5: Option<String>,
    pub store: Option<ServerSideEncryption>,
}

impl Echo {
    pub fn of(key: Option<&GivenKey>) -> Self {
        Self {
            customer_algorithm: key.map(|_| "AES256".to_owned()),
            customer_key_md5: key.map(|given| given.md5.clone()),
            store: key.is_none().then(|| ServerSideEncryption::from_static(STORE_ENCRYPTION)),
        }
    }
}

/// How an object is encrypted: what is kept for later requests.
pub(crate) enum Encryption {
    /// By the store itself (SSE-S3): no key is asked for.
    Store,
    /// By a customer key.
    Customer(KeyMac),
}

/// Whether a request reads or writes: some answers differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Write,
    Read,
}

impl GivenKey {
    /// The key of a request that writes (PutObject, CopyObject's target, CreateMultipartUpload, a part), if it brings one.
    pub fn to_write(headers: &HeaderMap) -> Result<Option<Self>, Refusal> {
        refuse_two_encryptions(headers)?;
        read_headers(headers, TARGET, Use::Write)
    }

    /// The key of a request that reads (GetObject, HeadObject, GetObjectAttributes), if it brings one.
    pub fn to_read(headers: &HeaderMap) -> Result<Option<Self>, Refusal> {
        read_headers(headers, TARGET, Use::Read)
    }

    /// The key of a copy's source, if the request brings one.
    pub fn of_source(headers: &HeaderMap) -> Result<Option<Self>, Refusal> {
        read_headers(headers, SOURCE, Use::Read)
    }
}

impl Encryption {
    /// Under the key given, or else the store's own.
    pub fn under(key: Option<&GivenKey>) -> Self {
        key.map_or(Self::Store, |given| Self::Customer(KeyMac::of(&given.key)))
    }

    /// Whether it is by a customer key.
    pub fn is_customers(&self) -> bool {
        matches!(self, Self::Customer(_))
    }

    /// Whether a request with this key may read the object.
    pub fn admit(&self, key: Option<&GivenKey>) -> Result<(), Refusal> {
        match (self, key) {
            (Self::Store, None) => Ok(()),
            (Self::Store, Some(_)) => Err(not_applicable()),
            (Self::Customer(_), None) => Err(key_needed()),
            (Self::Customer(mac), Some(given)) if mac.fits(&given.key) => Ok(()),
            (Self::Customer(_), Some(_)) => Err(wrong_key()),
        }
    }

    /// Whether the source of a copy may be read. AWS answers a wrong key otherwise than to a read (recorded; of
    /// UploadPartCopy, for a key of another length).
    pub fn admit_source(&self, key: Option<&GivenKey>) -> Result<(), Refusal> {
        match (self, key) {
            (Self::Customer(mac), Some(given)) if !mac.fits(&given.key) => Err(other_key_than_created()),
            (Self::Customer(_), None) => Err(key_needed().because(Cause::KeyNeededForCopy)),
            (_, key) => self.admit(key),
        }
    }

    /// Whether a part with this key may join an upload so encrypted.
    pub fn admit_part(&self, key: Option<&GivenKey>) -> Result<(), Refusal> {
        match (self, key) {
            (Self::Store, None) => Ok(()),
            (Self::Store, Some(_)) | (Self::Customer(_), None) => Err(part_differs()),
            (Self::Customer(mac), Some(given)) if mac.fits(&given.key) => Ok(()),
            (Self::Customer(_), Some(_)) => Err(other_key_than_created()),
        }
    }
}

/// Whether a name is that of an SSE-C header.
pub(crate) fn is_header(name: &HeaderName) -> bool {
    name.as_str().starts_with(TARGET) || name.as_str().starts_with(SOURCE)
}

/// Refuses a request without TLS that carries any SSE-C header.
pub(crate) fn refuse_without_tls(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.keys().any(is_header) {
        let message = "Requests specifying Server Side Encryption with Customer provided keys must be made over a secure connection.";
        return Err(invalid_argument(message).because(Cause::WithoutTls));
    }
    Ok(())
}

fn refuse_two_encryptions(headers: &HeaderMap) -> Result<(), Refusal> {
    let asks_for_customer_key = headers.keys().any(|name| name.as_str().starts_with(TARGET));
    match headers.get(ENCRYPTION) {
        Some(method) if asks_for_customer_key => {
            let message = "Server Side Encryption with Customer provided key is incompatible with the encryption method specified";
            let value = String::from_utf8_lossy(method.as_bytes()).into_owned();
            Err(Refusal::new(400, "InvalidArgument", message)
                .argument(ENCRYPTION, &value)
                .because(Cause::TwoEncryptions))
        }
        _ => Ok(()),
    }
}

fn read_headers(headers: &HeaderMap, prefix: &str, usage: Use) -> Result<Option<GivenKey>, Refusal> {
    let [algorithm, key, md5] = ["algorithm", "key", "key-md5"].map(|name| headers.get(format!("{prefix}{name}")));
    if algorithm.is_none() && key.is_none() && md5.is_none() {
        return Ok(None);
    }
    let algorithm = algorithm.ok_or_else(no_algorithm)?.as_bytes();
    let key = key.ok_or_else(no_key)?.as_bytes();
    if md5.is_none() && usage == Use::Write {
        return Err(no_md5());
    }
    if key.is_empty() {
        return Err(empty_key());
    }
    // What is not base64 has no MD5. (AWS decodes what it can of it, and finds another MD5, too.)
    let decoded = STANDARD.decode(key).ok().map(Zeroizing::new);
    let right_md5 = decoded.as_ref().map(|bytes| STANDARD.encode(Md5::digest(bytes)));
    if md5.is_some_and(|md5| right_md5.as_ref().is_none_or(|right| right.as_bytes() != md5.as_bytes())) {
        return Err(wrong_md5());
    }
    if algorithm != b"AES256" {
        return Err(unknown_algorithm(algorithm));
    }
    let (Some(bytes), Some(md5)) = (decoded, right_md5) else { return Err(invalid_key()) };
    let key = match <[u8; 32]>::try_from(bytes.as_slice()) {
        Ok(bytes) => SealingKey::new(Zeroizing::new(bytes)),
        // On a read, a key of another length is another key.
        Err(_) if usage == Use::Read => SealingKey::random(),
        Err(_) => return Err(invalid_key()),
    };
    Ok(Some(GivenKey { key, md5 }))
}

fn invalid_argument(message: &'static str) -> Refusal {
    Refusal::new(400, "InvalidArgument", message).argument(ENCRYPTION, "null")
}

fn no_algorithm() -> Refusal {
    invalid_argument(
        "Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.",
    )
    .because(Cause::NoAlgorithm)
}

fn no_key() -> Refusal {
    invalid_argument(
        "Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.",
    )
    .because(Cause::NoKey)
}

fn unknown_algorithm(sent: &[u8]) -> Refusal {
    let message = "The Encryption request you specified is not valid. Supported value: AES256.";
    Refusal::new(400, "InvalidEncryptionAlgorithmError", message)
        .argument(ENCRYPTION, &String::from_utf8_lossy(sent))
        .because(Cause::UnknownAlgorithm)
}

fn invalid_key() -> Refusal {
    invalid_argument("The secret key was invalid for the specified algorithm.").because(Cause::InvalidKey)
}

fn empty_key() -> Refusal {
    invalid_argument("The secret key was invalid - too short.").because(Cause::InvalidKey)
}

fn no_md5() -> Refusal {
    invalid_argument(
        "Requests specifying Server Side Encryption with Customer provided keys must provide the client calculated MD5 of the secret key.",
    )
    .because(Cause::NoMd5)
}

fn wrong_md5() -> Refusal {
    let message = "The calculated MD5 hash of the key did not match the hash that was provided.";
    invalid_argument(message).because(Cause::WrongMd5)
}

fn key_needed() -> Refusal {
    let message = "The object was stored using a form of Server Side Encryption. The correct parameters must be provided \
                   to retrieve the object.";
    Refusal::new(400, "InvalidRequest", message).because(Cause::KeyNeeded)
}

fn wrong_key() -> Refusal {
    let message =
        "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.";
    Refusal::new(403, "AccessDenied", message).because(Cause::WrongKey)
}

fn not_applicable() -> Refusal {
    Refusal::new(400, "InvalidRequest", "The encryption parameters are not applicable to this object.")
        .because(Cause::NotApplicable)
}

fn part_differs() -> Refusal {
    let message = "The multipart upload initiate requested encryption. Subsequent part requests must include the \
                   appropriate encryption parameters.";
    Refusal::new(400, "InvalidRequest", message).because(Cause::PartDiffers)
}

fn other_key_than_created() -> Refusal {
    let message = "The provided encryption parameters did not match the ones used originally.";
    Refusal::new(400, "InvalidRequest", message).because(Cause::OtherKeyThanCreated)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use http::{HeaderName, HeaderValue};
    use rstest::rstest;

    use super::*;

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    /// RFC 1321 leaves 32 zero bytes to us: `head -c32 /dev/zero | openssl md5 -binary | base64`.
    const MD5: &str = "cLyPS3KoaSFGi/joRB3OUQ==";

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let lines = lines.iter().map(|(name, value)| {
            (HeaderName::from_bytes(format!("{TARGET}{name}").as_bytes()).unwrap(), HeaderValue::from_static(value))
        });
        lines.collect()
    }

    fn refusal(outcome: Result<Option<GivenKey>, Refusal>) -> Option<(u16, &'static str)> {
        outcome.err().map(|refusal| match refusal.message {
            Cow::Borrowed(message) => (refusal.status, message),
            Cow::Owned(message) => panic!("not one of the recorded messages: {message}"),
        })
    }

    /// The recorded answers, first to PutObject and then to GetObject.
    #[rstest]
    #[case::right(&[("algorithm", "AES256"), ("key", KEY), ("key-md5", MD5)], None, None)]
    #[case::none(&[], None, None)]
    #[case::kms(
        &[("algorithm", "KMS"), ("key", KEY), ("key-md5", MD5)],
        Some((400, "The Encryption request you specified is not valid. Supported value: AES256.")),
        Some((400, "The Encryption request you specified is not valid. Supported value: AES256."))
    )]
    #[case::no_md5(
        &[("algorithm", "AES256"), ("key", KEY)],
        Some((400, "Requests specifying Server Side Encryption with Customer provided keys must provide the client calculated MD5 of the secret key.")),
        None
    )]
    #[case::empty_md5(
        &[("algorithm", "AES256"), ("key", KEY), ("key-md5", "")],
        Some((400, "The calculated MD5 hash of the key did not match the hash that was provided.")),
        Some((400, "The calculated MD5 hash of the key did not match the hash that was provided."))
    )]
    #[case::short(
        &[("algorithm", "AES256"), ("key", "AAAA"), ("key-md5", "aT6a+E09/MceZA4AW9xeLg==")],
        Some((400, "The secret key was invalid for the specified algorithm.")),
        None
    )]
    #[case::short_with_another_md5(
        &[("algorithm", "AES256"), ("key", "AAAA"), ("key-md5", MD5)],
        Some((400, "The calculated MD5 hash of the key did not match the hash that was provided.")),
        Some((400, "The calculated MD5 hash of the key did not match the hash that was provided."))
    )]
    #[case::short_with_another_algorithm(
        &[("algorithm", "KMS"), ("key", "AAAA"), ("key-md5", "aT6a+E09/MceZA4AW9xeLg==")],
        Some((400, "The Encryption request you specified is not valid. Supported value: AES256.")),
        Some((400, "The Encryption request you specified is not valid. Supported value: AES256."))
    )]
    #[case::no_base64(
        &[("algorithm", "AES256"), ("key", "not-valid-base64!!!"), ("key-md5", MD5)],
        Some((400, "The calculated MD5 hash of the key did not match the hash that was provided.")),
        Some((400, "The calculated MD5 hash of the key did not match the hash that was provided."))
    )]
    #[case::other_md5(
        &[("algorithm", "AES256"), ("key", KEY), ("key-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")],
        Some((400, "The calculated MD5 hash of the key did not match the hash that was provided.")),
        Some((400, "The calculated MD5 hash of the key did not match the hash that was provided."))
    )]
    #[case::no_algorithm(
        &[("key", KEY), ("key-md5", MD5)],
        Some((400, "Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.")),
        Some((400, "Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm."))
    )]
    #[case::empty_algorithm(
        &[("algorithm", ""), ("key", KEY), ("key-md5", MD5)],
        Some((400, "The Encryption request you specified is not valid. Supported value: AES256.")),
        Some((400, "The Encryption request you specified is not valid. Supported value: AES256."))
    )]
    #[case::empty_key(
        &[("algorithm", "AES256"), ("key", ""), ("key-md5", MD5)],
        Some((400, "The secret key was invalid - too short.")),
        Some((400, "The secret key was invalid - too short."))
    )]
    #[case::all_empty(
        &[("algorithm", ""), ("key", ""), ("key-md5", "")],
        Some((400, "The secret key was invalid - too short.")),
        Some((400, "The secret key was invalid - too short."))
    )]
    #[case::algorithm_alone(
        &[("algorithm", "AES256")],
        Some((400, "Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.")),
        Some((400, "Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key."))
    )]
    fn answers_as_recorded(
        #[case] lines: &[(&'static str, &'static str)],
        #[case] put: Option<(u16, &'static str)>,
        #[case] get: Option<(u16, &'static str)>,
    ) {
        assert_eq!(refusal(GivenKey::to_write(&headers(lines))), put);
        assert_eq!(refusal(GivenKey::to_read(&headers(lines))), get);
    }

    #[test]
    fn a_read_with_a_key_of_another_length_is_one_with_another_key() {
        let right = GivenKey::to_read(&headers(&[("algorithm", "AES256"), ("key", KEY)])).ok().unwrap();
        let short = GivenKey::to_read(&headers(&[("algorithm", "AES256"), ("key", "AAAA")])).ok().unwrap();
        let object = Encryption::under(right.as_ref());
        assert_eq!(object.admit(short.as_ref()).unwrap_err().code, "AccessDenied");
        assert_eq!(object.admit_source(short.as_ref()).unwrap_err().code, "InvalidRequest");
        assert!(object.admit_source(right.as_ref()).is_ok());
    }

    #[test]
    fn two_encryptions_are_refused_with_the_method_sent() {
        let mut both = headers(&[("algorithm", "AES256"), ("key", KEY), ("key-md5", MD5)]);
        both.insert(ENCRYPTION, HeaderValue::from_static("AES256"));
        let refusal = GivenKey::to_write(&both).err().unwrap();
        assert_eq!(refusal.fields[1], ("ArgumentValue", "AES256".to_owned()));
    }

    #[rstest]
    #[case::target("x-amz-server-side-encryption-customer-key", true)]
    #[case::source("x-amz-copy-source-server-side-encryption-customer-algorithm", true)]
    #[case::sse_s3("x-amz-server-side-encryption", false)]
    fn sse_c_headers_need_tls(#[case] name: &'static str, #[case] refused: bool) {
        let headers = [(HeaderName::from_static(name), HeaderValue::from_static(""))].into_iter().collect();
        assert_eq!(refuse_without_tls(&headers).is_err(), refused);
    }
}
