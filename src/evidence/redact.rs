//! Customer keys in what an endpoint sends: found in any usual encoding, and blotted out.

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use regex::bytes::{Regex, RegexBuilder};

/// What stands in a key's place.
pub const REDACTED: &str = "<redacted customer key>";

/// Shorter pieces of a key would be found everywhere.
const SHORTEST_PIECE: usize = 4;

/// Keys shorter than this (in bytes) are no secrets, and would be found everywhere.
const SHORTEST_SECRET: usize = 12;

/// Finds the customer keys of a case.
pub struct Redactor {
    patterns: Vec<(String, Regex)>,
    /// A piece of each form of each key, where there are several keys: what holds none of these holds no key.
    pieces: Option<AhoCorasick>,
}

impl Redactor {
    /// A redactor for these keys, by name.
    pub fn new<'k>(keys: impl IntoIterator<Item = (&'k str, &'k [u8])>) -> Self {
        let keys: Vec<(&str, &[u8])> = keys.into_iter().filter(|(_, key)| key.len() >= SHORTEST_SECRET).collect();
        let pieces: Vec<Vec<u8>> = keys.iter().flat_map(|(_, key)| pieces(key)).collect();
        let pieces = (keys.len() > 1 && pieces.iter().all(|piece| piece.len() >= SHORTEST_PIECE)).then_some(pieces);
        let pieces = pieces.and_then(|all| AhoCorasick::builder().ascii_case_insensitive(true).build(all).ok());
        let compiled = |key: &[u8]| RegexBuilder::new(&pattern(key)).unicode(false).build().ok();
        let patterns = keys.iter().filter_map(|(name, key)| Some(((*name).to_owned(), compiled(key)?))).collect();
        Self { patterns, pieces }
    }

    fn holds_none(&self, bytes: &[u8]) -> bool {
        self.pieces.as_ref().is_some_and(|pieces| !pieces.is_match(bytes))
    }

    /// Names of the keys that `bytes` holds.
    #[must_use]
    pub fn found(&self, bytes: &[u8]) -> Vec<String> {
        if self.holds_none(bytes) {
            return Vec::new();
        }
        self.patterns.iter().filter(|(_, regex)| regex.is_match(bytes)).map(|(name, _)| name.clone()).collect()
    }

    /// `bytes` as text with every key blotted out.
    #[must_use]
    pub fn text(&self, bytes: &[u8]) -> String {
        if self.holds_none(bytes) {
            return String::from_utf8_lossy(bytes).into_owned();
        }
        let mut blotted = bytes.to_vec();
        for (_, regex) in &self.patterns {
            blotted = regex.replace_all(&blotted, REDACTED.as_bytes()).into_owned();
        }
        String::from_utf8_lossy(&blotted).into_owned()
    }
}

/// Of each form that [`pattern`] matches a piece that stands in it however it is escaped: the longest without `+` and
/// `/`; of hexadecimal bytes that may have blanks between them the first eight, with and without.
fn pieces(key: &[u8]) -> impl Iterator<Item = Vec<u8>> + use<> {
    let full = key.len() / 3 * 3;
    let base64 = STANDARD.encode(&key[..full]);
    let twice = STANDARD.encode(STANDARD.encode(key));
    let start: Vec<String> = base64.bytes().take(8).map(|byte| format!("{byte:02x}")).collect();
    let encoded = [twice[..base64.len()].to_owned(), URL_SAFE.encode(&key[..full]), base64, hex::encode(key)];
    let longest = |text: &String| {
        let pieces = text.split(['+', '/', '-', '_']);
        pieces.max_by_key(|piece| piece.len()).unwrap_or_default().as_bytes().to_vec()
    };
    let pieces: Vec<Vec<u8>> = encoded.iter().map(longest).collect();
    pieces.into_iter().chain([key.to_vec(), start.concat().into_bytes(), start.join(" ").into_bytes()])
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
                '+' => r"(?:\+|%2[Bb]|\\u002[Bb]|&#43;|&#[xX]2[bB];)".to_owned(),
                '/' => r"(?:/|\\/|%2[Ff]|\\u002[Ff]|&#47;|&#[xX]2[fF];)".to_owned(),
                other => regex::escape(&other.to_string()),
            })
            .collect::<String>()
    };
    // AWS shows what it signed as hexadecimal bytes with blanks between them.
    let hex_of_base64: Vec<String> = base64.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "(?:{}|{}|{}|(?i:{}|{}))[A-Za-z0-9+/=_-]*|{raw}",
        escape(&base64),
        escape(&URL_SAFE.encode(&key[..full])),
        escape(twice),
        hex::encode(key),
        hex_of_base64.join(" ?"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_encoding_of_a_key_survives(key in proptest::collection::vec(any::<u8>(), 32), before in ".{0,8}") {
            // With several keys most text is passed over by the pieces alone.
            let other: Vec<u8> = key.iter().map(|byte| byte ^ 0x5a).collect();
            let alone = Redactor::new([("K", key.as_slice())]);
            let among_others = Redactor::new([("OTHER", other.as_slice()), ("K", key.as_slice())]);
            let standard = STANDARD.encode(&key);
            let hex_of_base64: Vec<String> = standard.bytes().map(|byte| format!("{byte:02x}")).collect();
            let encodings = [
                standard.clone(),
                standard.trim_end_matches('=').to_owned(),
                standard.replace('+', "%2B").replace('/', "%2F"),
                standard.replace('/', "\\/"),
                standard.replace('+', "&#x2B;").replace('/', "&#x2F;"),
                standard.replace('+', "&#43;").replace('/', "&#47;"),
                hex_of_base64.concat(),
                hex_of_base64.join(" "),
                URL_SAFE.encode(&key),
                hex::encode(&key),
                hex::encode_upper(&key),
                STANDARD.encode(&standard),
            ];
            for encoding in encodings {
                let text = format!("{before} {encoding} after");
                for redactor in [&alone, &among_others] {
                    prop_assert_eq!(redactor.found(text.as_bytes()), vec!["K".to_owned()]);
                    prop_assert!(!redactor.text(text.as_bytes()).contains(&encoding));
                }
            }
            prop_assert!(!alone.found(&key).is_empty() && !among_others.found(&key).is_empty());
        }
    }

    #[test]
    fn other_text_is_left_alone() {
        let redactor = Redactor::new([("K", [7u8; 32].as_slice()), ("empty", &[])]);
        assert_eq!(redactor.text(b"nothing secret"), "nothing secret");
    }
}
