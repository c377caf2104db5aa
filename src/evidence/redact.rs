//! Customer keys in what an endpoint sends: found in any usual encoding, and blotted out.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use regex::bytes::{Regex, RegexBuilder};

/// What stands in a key's place.
pub const REDACTED: &str = "<redacted customer key>";

/// Keys shorter than this (in bytes) are no secrets, and would be found everywhere.
const SHORTEST_SECRET: usize = 12;

/// Finds the customer keys of a case.
pub struct Redactor {
    patterns: Vec<(String, Regex)>,
}

impl Redactor {
    /// A redactor for these keys, by name.
    pub fn new<'k>(keys: impl IntoIterator<Item = (&'k str, &'k [u8])>) -> Self {
        let patterns = keys
            .into_iter()
            .filter(|(_, key)| key.len() >= SHORTEST_SECRET)
            .filter_map(|(name, key)| {
                let regex = RegexBuilder::new(&pattern(key)).unicode(false).build().ok()?;
                Some((name.to_owned(), regex))
            })
            .collect();
        Self { patterns }
    }

    /// Names of the keys that `bytes` holds.
    #[must_use]
    pub fn found(&self, bytes: &[u8]) -> Vec<String> {
        self.patterns.iter().filter(|(_, regex)| regex.is_match(bytes)).map(|(name, _)| name.clone()).collect()
    }

    /// `bytes` as text with every key blotted out.
    #[must_use]
    pub fn text(&self, bytes: &[u8]) -> String {
        let mut blotted = bytes.to_vec();
        for (_, regex) in &self.patterns {
            blotted = regex.replace_all(&blotted, REDACTED.as_bytes()).into_owned();
        }
        String::from_utf8_lossy(&blotted).into_owned()
    }
}

/// The raw key, or any of its encodings as far as the last full group goes, with what follows of the encoding.
fn pattern(key: &[u8]) -> String {
    let full = key.len() / 3 * 3;
    let base64 = STANDARD.encode(&key[..full]);
    let twice = STANDARD.encode(STANDARD.encode(key));
    let twice = &twice[..base64.len()];
    let raw: String = key.iter().map(|byte| format!(r"\x{byte:02x}")).collect();
    let escape = |text: &str| {
        // Each `+`, `/` and `=` may also be percent- or JSON-escaped.
        text.chars()
            .map(|c| match c {
                '+' => r"(?:\+|%2[Bb]|\\u002[Bb]|&#43;)".to_owned(),
                '/' => r"(?:/|\\/|%2[Ff]|\\u002[Ff]|&#47;)".to_owned(),
                other => regex::escape(&other.to_string()),
            })
            .collect::<String>()
    };
    format!(
        "(?:{}|{}|{}|(?i:{}))[A-Za-z0-9+/=_-]*|{raw}",
        escape(&base64),
        escape(&URL_SAFE.encode(&key[..full])),
        escape(twice),
        hex::encode(key),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_encoding_of_a_key_survives(key in proptest::collection::vec(any::<u8>(), 32), before in ".{0,8}") {
            let redactor = Redactor::new([("K", key.as_slice())]);
            let standard = STANDARD.encode(&key);
            let encodings = [
                standard.clone(),
                standard.trim_end_matches('=').to_owned(),
                standard.replace('+', "%2B").replace('/', "%2F"),
                standard.replace('/', "\\/"),
                URL_SAFE.encode(&key),
                hex::encode(&key),
                hex::encode_upper(&key),
                STANDARD.encode(&standard),
            ];
            for encoding in encodings {
                let text = format!("{before} {encoding} after");
                prop_assert_eq!(redactor.found(text.as_bytes()), vec!["K".to_owned()]);
                prop_assert!(!redactor.text(text.as_bytes()).contains(&encoding));
            }
            prop_assert!(!redactor.found(&key).is_empty());
        }
    }

    #[test]
    fn other_text_is_left_alone() {
        let redactor = Redactor::new([("K", [7u8; 32].as_slice()), ("empty", &[])]);
        assert_eq!(redactor.text(b"nothing secret"), "nothing secret");
    }
}
