//! What a connection held that belongs to none of its responses.

use serde::{Deserialize, Serialize};

/// What is wrong with the connection of an exchange: bytes came over it that belong to no response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Framing {
    /// Id of the step after whose response they came. Where it was not the first on the connection, an earlier one may have left them.
    pub broken_by: String,
    /// For the exchange of that step: the first of those bytes as text, secrets redacted, control characters escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stray: Option<String>,
    /// Names of the customer keys in those bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaked_keys: Vec<String>,
    /// Whether another exchange used the connection before, so that the response may be one to that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_doubtful: bool,
}
