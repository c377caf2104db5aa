//! What must come back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BodyDigest, StepHeader};

/// What must come back. All members given must hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// One of these must hold (besides the other members).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub any_of: Vec<Outcome>,
    /// Status codes or classes, any one of which will do: `"200"`, `"2xx"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<String>,
    /// Id of an earlier step whose answer had the same status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_same_as: Option<String>,
    /// Id of an earlier step whose answer had another status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_differs_from: Option<String>,
    /// A conformant refusal: a 4xx that is no throttling; over plain HTTP also a redirect to https or a refused
    /// connection. Never a 5xx. The answer holds none of the scenario's object data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// S3 error codes, any one of which will do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub code: Vec<String>,
    /// Fields of the S3 error XML by name (`Message`, `ArgumentName`, …).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub error_fields: BTreeMap<String, TextMatch>,
    /// Elements of the answer's XML by path below its root (`Checksum/ChecksumCRC32`). Where several have the path, one
    /// that matches will do.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub elements: BTreeMap<String, TextMatch>,
    /// Headers of the answer by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, HeaderMatch>,
    /// Name of the customer key whose algorithm and MD5 the answer must echo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<String>,
    /// The answer's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<BodyMatch>,
    /// The ETag (the header, or the element of the answer's XML).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<EtagMatch>,
    /// The entry of the request's object in a listing (of objects, versions or uploads), a part in ListParts, or the
    /// attributes of GetObjectAttributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryMatch>,
    /// Whether the object exists afterwards, seen by a listing that needs no key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<bool>,
}

/// A match of text: give one member.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TextMatch {
    /// Equal to this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<String>,
    /// Matches this regular expression (Rust's `regex` syntax), anywhere in the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
    /// Equal to a digest of a body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<BodyDigest>,
    /// Equal to a header of the same answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as_header: Option<String>,
}

/// A match of a header: give one member.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HeaderMatch {
    /// Equal to this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<String>,
    /// Matches this regular expression, anywhere in the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
    /// Equal to a digest of a body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<BodyDigest>,
    /// Not in the answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
    /// Equal to a header of an earlier step's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<StepHeader>,
    /// Different from a header of an earlier step's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs_from: Option<StepHeader>,
}

/// A match of the body: give `empty`, `size`, `sha256`, or `equals`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BodyMatch {
    /// Equal to this body, or to the slice of it that `offset` and `length` name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<String>,
    /// First byte of the slice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Length of the slice in bytes; to the end unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// Without a body.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty: bool,
    /// Length in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// SHA-256 in lower-case hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// How an ETag is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum EtagFormat {
    /// 32 hexadecimal digits.
    Hex32,
    /// 32 hexadecimal digits, `-`, the number of parts.
    Multipart,
}

/// What must hold of an ETag; quotes do not count.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EtagMatch {
    /// How it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<EtagFormat>,
    /// Neither the MD5 of any body nor of anything else that the scenario sent (the customer key, its base64 text).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_an_md5_of_what_was_sent: bool,
    /// Equal to the ETag of an earlier step's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<String>,
    /// Different from the ETag of an earlier step's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs_from: Option<String>,
}

/// What must hold of the object's entry in a listing, or of its attributes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EntryMatch {
    /// There is none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
    /// ListParts: the part that is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_number: Option<u32>,
    /// The size listed, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Id of an earlier step whose answer's ETag is listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag_same_as: Option<String>,
}

impl Outcome {
    /// Any 2xx: what a step without `expect` must come back with.
    #[must_use]
    pub fn success() -> Self {
        Self { status: vec!["2xx".to_owned()], ..Self::default() }
    }

    /// Whether it depends on the object being stored or not.
    #[must_use]
    pub fn asks_for_storage(&self) -> bool {
        self.stored.is_some() || self.any_of.iter().any(Self::asks_for_storage)
    }

    /// The same but for what rests on the answer's body (an ETag may).
    #[must_use]
    pub fn without_body(&self) -> Self {
        Self {
            any_of: self.any_of.iter().map(Self::without_body).collect(),
            code: Vec::new(),
            error_fields: BTreeMap::new(),
            elements: BTreeMap::new(),
            body: None,
            etag: None,
            entry: None,
            ..self.clone()
        }
    }

    /// Whether it says nothing of the answer, at most of what is stored.
    #[must_use]
    pub fn is_of_storage_alone(&self) -> bool {
        Self { stored: None, ..self.clone() } == Self::default()
    }

    /// Whether it says anything of the body.
    #[must_use]
    pub fn asks_for_body(&self) -> bool {
        self.body.is_some() || self.any_of.iter().any(Self::asks_for_body)
    }

    /// Whether nothing but a refusal can satisfy it, so that a positive control is needed.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.refused
            || (!self.status.is_empty() && self.status.iter().all(|s| s.starts_with(['4', '5'])))
            || (!self.any_of.is_empty() && self.any_of.iter().all(Self::is_refusal))
    }
}
