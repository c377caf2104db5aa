//! Which customer key a request presents, and how its headers are wrong.

use serde_json::{Value, json};

use super::names::{Key, LONG, SHORT};
use crate::suite::model::Level;

/// What a request says of a customer key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presented {
    /// Nothing.
    Nothing,
    /// This key, in headers that are right.
    Key(Key),
    /// This key, in headers that are wrong.
    Malformed(Key, Malformation),
}

impl Presented {
    /// The `sse_c` of the request.
    #[must_use]
    pub fn sse_c(self) -> Value {
        match self {
            Self::Nothing => json!({}),
            Self::Key(key) => json!({"key": key.name()}),
            Self::Malformed(key, how) => how.sse_c(key),
        }
    }

    /// The customer key that its headers are made from.
    #[must_use]
    pub fn key(self) -> Option<Key> {
        match self {
            Self::Nothing => None,
            Self::Key(key) | Self::Malformed(key, _) => Some(key),
        }
    }
}

/// How the SSE-C headers of a request are wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Malformation {
    /// `KMS`
    AlgorithmKms,
    /// `aes256`
    AlgorithmLowerCase,
    /// No algorithm.
    AlgorithmAbsent,
    /// No key.
    KeyAbsent,
    /// An empty key.
    KeyEmpty,
    /// 16 bytes, with their MD5.
    KeyShort,
    /// 48 bytes, with their MD5.
    KeyLong,
    /// The key with 16 bytes more, and the MD5 of both.
    KeyWithMore,
    /// The key in hexadecimal.
    KeyHex,
    /// The key's base64 in base64.
    KeyTwice,
    /// No base64.
    KeyNotBase64,
    /// Neither algorithm nor MD5.
    KeyAlone,
    /// Neither algorithm nor key.
    Md5Alone,
    /// No MD5.
    Md5Absent,
    /// The MD5 of another key.
    Md5OfAnother,
    /// The MD5 of the key's base64 text.
    Md5OfBase64,
    /// An MD5 that differs in its last byte.
    Md5LastByte,
    /// The MD5 with upper and lower case swapped.
    Md5CaseSwapped,
    /// The SHA-256 in its place.
    Md5Sha256,
    /// The MD5 in hexadecimal.
    Md5Hex,
    /// Two lines with a key: the right one, and another.
    KeyTwoLines,
}

impl Malformation {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::AlgorithmKms,
        Self::AlgorithmLowerCase,
        Self::AlgorithmAbsent,
        Self::KeyAbsent,
        Self::KeyEmpty,
        Self::KeyShort,
        Self::KeyLong,
        Self::KeyWithMore,
        Self::KeyHex,
        Self::KeyTwice,
        Self::KeyNotBase64,
        Self::KeyAlone,
        Self::Md5Alone,
        Self::Md5Absent,
        Self::Md5OfAnother,
        Self::Md5OfBase64,
        Self::Md5LastByte,
        Self::Md5CaseSwapped,
        Self::Md5Sha256,
        Self::Md5Hex,
        Self::KeyTwoLines,
    ];

    fn sse_c(self, key: Key) -> Value {
        let key = key.name();
        match self {
            Self::AlgorithmKms => json!({"key": key, "algorithm": {"value": "KMS"}}),
            Self::AlgorithmLowerCase => json!({"key": key, "algorithm": {"value": "aes256"}}),
            Self::AlgorithmAbsent => json!({"key": key, "algorithm": {"absent": true}}),
            Self::KeyAbsent => json!({"key": key, "customer_key": {"absent": true}}),
            Self::KeyEmpty => json!({"key": key, "customer_key": {"value": ""}}),
            Self::KeyShort => json!({"key": SHORT}),
            Self::KeyLong => json!({"key": LONG}),
            Self::KeyWithMore => {
                json!({"key": key, "customer_key": {"form": "base64_with_more"}, "md5": {"form": "md5_with_more"}})
            }
            Self::KeyHex => json!({"key": key, "customer_key": {"form": "hex"}}),
            Self::KeyTwice => json!({"key": key, "customer_key": {"form": "base64_twice"}}),
            Self::KeyNotBase64 => {
                json!({"key": key, "customer_key": {"value": "!!this*is*not*base64!!!!!!!!!!!!!!!!!!!!!!!!"}})
            }
            Self::KeyAlone => json!({"key": key, "algorithm": {"absent": true}, "md5": {"absent": true}}),
            Self::Md5Alone => json!({"key": key, "algorithm": {"absent": true}, "customer_key": {"absent": true}}),
            Self::Md5Absent => json!({"key": key, "md5": {"absent": true}}),
            Self::Md5OfAnother => json!({"key": key, "md5": {"key": Key::Nobody.name()}}),
            Self::Md5OfBase64 => json!({"key": key, "md5": {"form": "md5_of_base64"}}),
            Self::Md5LastByte => json!({"key": key, "md5": {"form": "md5_last_byte_changed"}}),
            Self::Md5CaseSwapped => json!({"key": key, "md5": {"form": "md5_case_swapped"}}),
            Self::Md5Sha256 => json!({"key": key, "md5": {"form": "sha256"}}),
            Self::Md5Hex => json!({"key": key, "md5": {"form": "md5_hex"}}),
            Self::KeyTwoLines => json!({"key": key,
                "customer_key": {"form": "base64", "then": {"key": Key::Nobody.name(), "form": "base64"}}}),
        }
    }

    /// The rule by which a write with such headers is refused, or a copy whose source has such.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Self::AlgorithmKms | Self::AlgorithmLowerCase => "algorithm-exact",
            Self::AlgorithmAbsent | Self::KeyAlone | Self::Md5Alone => "algorithm-required",
            Self::KeyAbsent => "key-required",
            Self::KeyEmpty | Self::KeyShort | Self::KeyLong | Self::KeyWithMore | Self::KeyHex | Self::KeyTwice => {
                "key-is-256-bits"
            }
            Self::KeyNotBase64 => "key-is-base64",
            Self::Md5Absent => "md5-required",
            Self::Md5OfBase64 => "md5-of-raw-key",
            Self::Md5OfAnother | Self::Md5LastByte | Self::Md5CaseSwapped | Self::Md5Sha256 => "md5-compared",
            Self::Md5Hex => "md5-is-base64",
            Self::KeyTwoLines => "headers-once",
        }
    }

    /// How binding it is that they are refused.
    #[must_use]
    pub fn level(self) -> Level {
        if matches!(self, Self::Md5Hex | Self::KeyTwoLines) { Level::Should } else { Level::Must }
    }

    /// Whether a read, or a copy's source, with such headers must be refused, too: AWS serves them without the MD5.
    #[must_use]
    pub fn is_refused_of_reads(self) -> bool {
        !matches!(self, Self::Md5Absent | Self::KeyTwoLines)
    }

    /// The same of a copy's source, of which an empty key may count as none.
    #[must_use]
    pub fn is_refused_of_sources(self) -> bool {
        self.is_refused_of_reads() && self != Self::KeyEmpty
    }
}
