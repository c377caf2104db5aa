//! The envelope: a statement, and the signature of it (DSSE 1.0.2, <https://github.com/secure-systems-lab/dsse>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::key::{PrivateKey, PublicKey};

/// What an envelope says that it holds: an in-toto statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// An envelope with its one signature, as it is written to a file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload_type: String,
    payload: Base64,
    signatures: [Signature; 1],
}

/// The signature over an envelope's payload type and payload.
#[derive(Serialize, Deserialize)]
struct Signature {
    sig: Base64,
    keyid: String,
}

/// Bytes that are written as base64 (RFC 4648, section 4, padded).
struct Base64(Vec<u8>);

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl Envelope {
    /// Signs a payload of a type.
    fn sign(payload_type: &str, payload: &[u8], key: &PrivateKey) -> Self {
        let sig = key.sign(&pre_authentication_encoding(payload_type, payload)).to_vec();
        Self {
            payload_type: payload_type.to_owned(),
            payload: Base64(payload.to_owned()),
            signatures: [Signature { sig: Base64(sig), keyid: key.public().id() }],
        }
    }

    /// The envelope as it is written to a file.
    fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut text = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
        self.serialize(&mut serde_json::Serializer::with_formatter(&mut text, formatter))?;
        text.push(b'\n');
        Ok(text)
    }
}

/// The bytes that are signed: `PAE` of DSSE 1.0.2 (`protocol.md`, "Signature Definition").
fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut encoded = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    encoded.extend_from_slice(payload);
    encoded
}

/// A file is no certificate, or not one of the key that it should be of.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// It is no envelope with one signature.
    #[error("it is no signed envelope (DSSE with exactly one signature): {0}")]
    Malformed(serde_json::Error),
    /// It holds the members of an envelope, and more or otherwise written.
    #[error("it is not byte for byte as ssecheck writes certificates; it was changed since, or is by another tool")]
    Rewritten,
    /// It holds something else.
    #[error("it is a signed `{0}`, and no in-toto statement (`{PAYLOAD_TYPE}`)")]
    PayloadType(String),
    /// Another key signed it.
    #[error("it says that key {signed} signed it, and the key given is {given}; give the public key of who signed it")]
    OtherKey {
        /// The id of the key that it names.
        signed: String,
        /// The id of the key that it was to be signed with.
        given: String,
    },
    /// The signature is not that of what it holds.
    #[error("the signature does not fit: it was changed since it was signed, or key {0} never signed it")]
    Signature(String),
}

/// The envelope of a payload with the key's signature, as it is written to a file.
///
/// # Errors
/// Where it cannot be written as JSON.
pub fn sign(payload: &[u8], key: &PrivateKey) -> Result<Vec<u8>, serde_json::Error> {
    Envelope::sign(PAYLOAD_TYPE, payload, key).to_json()
}

/// The payload of an envelope that the key signed. The file must be byte for byte as [`sign`] writes it: whatever is
/// changed in it is refused, also what the signature does not cover.
///
/// # Errors
/// [`EnvelopeError`].
pub fn open(file: &[u8], key: &PublicKey) -> Result<Vec<u8>, EnvelopeError> {
    let envelope: Envelope = serde_json::from_slice(file).map_err(EnvelopeError::Malformed)?;
    if envelope.to_json().map_err(EnvelopeError::Malformed)? != file {
        return Err(EnvelopeError::Rewritten);
    }
    let Envelope { payload_type, payload: Base64(payload), signatures: [signature] } = envelope;
    if payload_type != PAYLOAD_TYPE {
        return Err(EnvelopeError::PayloadType(payload_type));
    }
    let (signed, given) = (signature.keyid, key.id());
    if signed != given {
        return Err(EnvelopeError::OtherKey { signed, given });
    }
    if !key.verifies(&pre_authentication_encoding(&payload_type, &payload), &signature.sig.0) {
        return Err(EnvelopeError::Signature(given));
    }
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn signed() -> (Vec<u8>, PublicKey) {
        let key = PrivateKey::generate().unwrap();
        (sign(br#"{"some": "payload"}"#, &key).unwrap(), key.public())
    }

    fn text(file: &[u8]) -> String {
        String::from_utf8(file.to_vec()).unwrap()
    }

    #[test]
    fn what_was_signed_comes_out() {
        let (file, key) = signed();
        assert_eq!(open(&file, &key).unwrap(), br#"{"some": "payload"}"#);
    }

    /// The example of DSSE's `protocol.md`.
    #[test]
    fn what_is_signed_is_encoded_as_the_specification_says() {
        let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn every_byte_counts() {
        let (file, key) = signed();
        for at in 0..file.len() {
            for change in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80] {
                let mut changed = file.clone();
                changed[at] ^= change;
                assert!(open(&changed, &key).is_err(), "byte {at} ^ {change}: {}", String::from_utf8_lossy(&changed));
            }
            let mut without = file.clone();
            without.remove(at);
            assert!(open(&without, &key).is_err(), "without byte {at}");
            assert!(open(&file[..at], &key).is_err(), "the first {at} bytes");
            for more in [b' ', b'\n', b'0', b'a', b'=', b'"', b',', b'{', 0] {
                let mut with = file.clone();
                with.insert(at, more);
                assert!(open(&with, &key).is_err(), "byte {more} before {at}");
            }
        }
    }

    /// The same base64 in other words: bits that stand for nothing, the other alphabet, no padding.
    fn with_other_base64(file: &str, change: impl Fn(&str) -> String) -> String {
        let payload = file.split('"').nth(7).unwrap();
        file.replacen(payload, &change(payload), 1)
    }

    #[rstest]
    #[case::blank_at_the_end(|file: &str| format!("{file} "))]
    #[case::line_at_the_end(|file: &str| format!("{file}\n"))]
    #[case::no_line_at_the_end(|file: &str| file.trim_end().to_owned())]
    #[case::carriage_returns(|file: &str| file.replace('\n', "\r\n"))]
    #[case::byte_order_mark(|file: &str| format!("\u{feff}{file}"))]
    #[case::second_document(|file: &str| format!("{file}{file}"))]
    #[case::compact(|file: &str| serde_json::from_str::<serde_json::Value>(file).unwrap().to_string())]
    #[case::doubled_payload(|file: &str| file.replacen("{\n", "{\n \"payload\": \"\",\n", 1))]
    #[case::doubled_signatures(|file: &str| file.replacen("{\n", "{\n \"signatures\": [],\n", 1))]
    #[case::unknown_member(|file: &str| file.replacen("{\n", "{\n \"more\": \"\",\n", 1))]
    #[case::unknown_member_of_the_signature(|file: &str| file.replacen("\"sig\"", "\"cert\": \"\",\n   \"sig\"", 1))]
    #[case::escaped_name(|file: &str| file.replacen("payloadType", "payload\\u0054ype", 1))]
    #[case::other_type(|file: &str| file.replacen("vnd.in-toto", "vnd.in-tot0", 1))]
    #[case::no_key_id(|file: &str| { let at = file.find(",\n   \"keyid\"").unwrap(); format!("{}\n  }}\n ]\n}}\n", &file[..at]) })]
    #[case::unused_bits(|file: &str| with_other_base64(file, |base64| base64.replace("Q==", "R==").replace("fQ=", "fR=")))]
    #[case::no_padding(|file: &str| with_other_base64(file, |base64| base64.trim_end_matches('=').to_owned()))]
    #[case::blank_in_base64(|file: &str| with_other_base64(file, |base64| format!("{base64} ")))]
    #[case::line_in_base64(|file: &str| with_other_base64(file, |base64| base64.replacen('e', "e\\n", 1)))]
    fn the_same_written_otherwise_is_refused(#[case] change: fn(&str) -> String) {
        let (file, key) = signed();
        let changed = change(&text(&file));
        assert_ne!(changed.as_bytes(), file, "nothing was changed");
        assert!(open(changed.as_bytes(), &key).is_err(), "{changed}");
    }

    #[test]
    fn one_signature_and_no_other() {
        let (file, key) = signed();
        let mut envelope: serde_json::Value = serde_json::from_slice(&file).unwrap();
        let signature = envelope["signatures"][0].clone();
        for signatures in [vec![], vec![signature.clone(), signature.clone()]] {
            envelope["signatures"] = signatures.into();
            let error = open(envelope.to_string().as_bytes(), &key).unwrap_err();
            assert!(error.to_string().contains("exactly one signature"), "{error}");
        }
    }

    #[test]
    fn another_key_is_told_from_a_signature_that_does_not_fit() {
        let (file, key) = signed();
        let other = PrivateKey::generate().unwrap().public();
        assert!(matches!(open(&file, &other), Err(EnvelopeError::OtherKey { signed, .. }) if signed == key.id()));
        let renamed = text(&file).replace(&key.id(), &other.id());
        assert!(matches!(open(renamed.as_bytes(), &other), Err(EnvelopeError::Signature(_))));
    }

    #[test]
    fn another_payload_type_is_refused_also_when_signed() {
        let key = PrivateKey::generate().unwrap();
        let file = Envelope::sign("text/plain", b"{}", &key).to_json().unwrap();
        assert!(matches!(open(&file, &key.public()), Err(EnvelopeError::PayloadType(found)) if found == "text/plain"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(open(&bytes, &signed().1).is_err());
        }

        #[test]
        fn any_payload_comes_out_as_it_was(payload in proptest::collection::vec(any::<u8>(), 0..300)) {
            let key = PrivateKey::generate().unwrap();
            prop_assert_eq!(open(&sign(&payload, &key).unwrap(), &key.public()).unwrap(), payload);
        }

        #[test]
        fn any_text_in_the_place_of_a_part_is_refused(part in 0..12usize, other in "\\PC{0,80}") {
            let (file, key) = signed();
            let file = text(&file);
            let parts: Vec<&str> = file.split('"').collect();
            let mut changed = parts.clone();
            let at = part % parts.len();
            changed[at] = &other;
            prop_assume!(changed != parts);
            prop_assert!(open(changed.join("\"").as_bytes(), &key).is_err());
        }
    }
}
