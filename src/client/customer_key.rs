//! A customer key in the forms that a suite can ask for.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use md5::{Digest as _, Md5};
use rand::Rng as _;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::evidence::{Alike, Redactor};
use crate::suite::Key;
use crate::suite::model::KeyForm;

/// What all long fresh keys of a process begin with. By it a key is found wherever an endpoint gives it back, also in
/// answers to requests that never sent it, and however many keys there were. 20 random bytes of each are its own.
static BEGINNING: LazyLock<[u8; 12]> = LazyLock::new(rand::random);
static ALIKE: LazyLock<Option<Arc<Alike>>> = LazyLock::new(|| Alike::new(&*BEGINNING));
/// Keys of fewer bytes have nothing in common.
const SHORTEST_ALIKE: usize = 24;

/// The bytes of a customer key; wiped when dropped, never shown.
#[derive(Clone)]
pub struct CustomerKey(Zeroizing<Vec<u8>>);

impl std::fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CustomerKey({} bytes)", self.0.len())
    }
}

impl CustomerKey {
    /// The key that a suite declares: fixed, or fresh from the operating system's random source.
    #[must_use]
    pub fn of(declared: &Key) -> Self {
        match declared {
            Key::Fixed(bytes) => Self(bytes.clone()),
            Key::Fresh(length) => {
                let mut bytes = Zeroizing::new(vec![0; *length]);
                rand::rng().fill_bytes(&mut bytes);
                if *length >= SHORTEST_ALIKE {
                    bytes[..BEGINNING.len()].copy_from_slice(&*BEGINNING);
                }
                Self(bytes)
            }
        }
    }

    /// Finds these keys, and any other that this process has made.
    #[must_use]
    pub fn redactor(keys: &BTreeMap<String, Self>) -> Redactor {
        Redactor::of_run(keys.iter().map(|(name, key)| (name.as_str(), key.bytes())), ALIKE.as_ref())
    }

    /// The raw bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// MD5 of the raw key: 16 bytes.
    #[must_use]
    pub fn md5(&self) -> [u8; 16] {
        Md5::digest(self.bytes()).into()
    }

    /// The raw key followed by 16 bytes that are no secret.
    fn with_more(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([self.bytes(), b"sixteen more b.."].concat())
    }

    /// The key as a header's value (RFC 4648 for the base64 forms, RFC 1321 for MD5).
    #[must_use]
    pub fn form(&self, form: KeyForm) -> Zeroizing<String> {
        let base64 = Zeroizing::new(STANDARD.encode(self.bytes()));
        let md5 = self.md5();
        Zeroizing::new(match form {
            KeyForm::Base64 => base64.to_string(),
            KeyForm::Base64Unpadded => STANDARD_NO_PAD.encode(self.bytes()),
            KeyForm::Base64url => URL_SAFE.encode(self.bytes()),
            KeyForm::Base64Truncated => base64[..base64.len().saturating_sub(4)].to_owned(),
            KeyForm::Base64Twice => STANDARD.encode(base64.as_bytes()),
            KeyForm::Base64WithMore => STANDARD.encode(&*self.with_more()),
            KeyForm::Md5WithMore => STANDARD.encode(Md5::digest(&*self.with_more())),
            KeyForm::Hex => hex::encode(self.bytes()),
            KeyForm::Md5 => STANDARD.encode(md5),
            KeyForm::Md5Hex => hex::encode(md5),
            KeyForm::Md5OfBase64 => STANDARD.encode(Md5::digest(base64.as_bytes())),
            KeyForm::Md5Base64url => URL_SAFE.encode(md5),
            KeyForm::Md5Unpadded => STANDARD_NO_PAD.encode(md5),
            KeyForm::Md5Truncated => STANDARD.encode(&md5[..15]),
            KeyForm::Md5CaseSwapped => STANDARD.encode(md5).chars().map(swap_case).collect(),
            KeyForm::Md5LastByteChanged => {
                let mut changed = md5;
                changed[15] ^= 1;
                STANDARD.encode(changed)
            }
            KeyForm::Sha256 => STANDARD.encode(Sha256::digest(self.bytes())),
        })
    }
}

/// Whether the key can be read out of this form of it.
#[must_use]
pub fn reveals_key(form: KeyForm) -> bool {
    match form {
        KeyForm::Base64
        | KeyForm::Base64Unpadded
        | KeyForm::Base64url
        | KeyForm::Base64Truncated
        | KeyForm::Base64Twice
        | KeyForm::Base64WithMore
        | KeyForm::Hex => true,
        KeyForm::Md5
        | KeyForm::Md5WithMore
        | KeyForm::Md5Hex
        | KeyForm::Md5OfBase64
        | KeyForm::Md5Base64url
        | KeyForm::Md5Unpadded
        | KeyForm::Md5Truncated
        | KeyForm::Md5CaseSwapped
        | KeyForm::Md5LastByteChanged
        | KeyForm::Sha256 => false,
    }
}

fn swap_case(c: char) -> char {
    if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    /// MD5 of the empty string is the first vector of RFC 1321's test suite.
    #[rstest]
    #[case(KeyForm::Md5Hex, "d41d8cd98f00b204e9800998ecf8427e")]
    #[case(KeyForm::Md5, "1B2M2Y8AsgTpgAmY7PhCfg==")]
    #[case(KeyForm::Md5Unpadded, "1B2M2Y8AsgTpgAmY7PhCfg")]
    #[case(KeyForm::Md5CaseSwapped, "1b2m2y8aSGtPGaMy7pHcFG==")]
    #[case(KeyForm::Md5OfBase64, "1B2M2Y8AsgTpgAmY7PhCfg==")]
    #[case(KeyForm::Base64, "")]
    fn forms_of_the_empty_key(#[case] form: KeyForm, #[case] expected: &str) {
        assert_eq!(*CustomerKey::of(&Key::Fixed(Zeroizing::default())).form(form), expected);
    }

    proptest! {
        #[test]
        fn every_wrong_form_differs_from_the_right_one(bytes in proptest::collection::vec(any::<u8>(), 32)) {
            let key = CustomerKey::of(&Key::Fixed(Zeroizing::new(bytes.clone())));
            let right = key.form(KeyForm::Base64);
            prop_assert_eq!(STANDARD.decode(right.as_bytes()).unwrap(), bytes);
            for form in [KeyForm::Base64Unpadded, KeyForm::Base64Truncated, KeyForm::Base64Twice, KeyForm::Hex] {
                prop_assert_ne!(&*key.form(form), &*right);
            }
            let right = key.form(KeyForm::Md5);
            for form in [KeyForm::Md5Hex, KeyForm::Md5OfBase64, KeyForm::Md5Unpadded, KeyForm::Md5Truncated,
                KeyForm::Md5LastByteChanged, KeyForm::Sha256] {
                prop_assert_ne!(&*key.form(form), &*right);
            }
        }
    }

    #[rstest]
    #[case(16)]
    #[case(32)]
    fn fresh_keys_differ(#[case] length: usize) {
        let key = || CustomerKey::of(&Key::Fresh(length));
        let (one, other) = (key(), key());
        assert_ne!(one.bytes()[length - 12..], other.bytes()[length - 12..]);
    }

    #[test]
    fn keys_of_other_requests_are_found_and_told_from_one_s_own() {
        let key = || CustomerKey::of(&Key::Fresh(32));
        let redactor = CustomerKey::redactor(&BTreeMap::from([("K".to_owned(), key())]));
        let text = format!("<Key>{}</Key>", *key().form(KeyForm::Base64));
        assert_eq!(
            redactor.searched(text.as_bytes()),
            ("<Key>[redacted customer key]</Key>".to_owned(), vec!["of another request".to_owned()])
        );
        let own = key();
        let redactor = CustomerKey::redactor(&BTreeMap::from([("K".to_owned(), own.clone()), ("L".to_owned(), key())]));
        assert_eq!(redactor.found(own.form(KeyForm::Hex).as_bytes()), ["K"]);
        assert_eq!(redactor.found(key().bytes()), ["of another request"]);
    }
}
