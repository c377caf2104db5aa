//! What an endpoint does with SSE-C as a whole.

use serde::{Deserialize, Serialize};

/// What an endpoint does with SSE-C as a whole, by the first exchanges of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SseCSupport {
    /// An SSE-C object is read with its key, and with no other and none.
    Implements,
    /// Every SSE-C request is refused.
    Refuses,
    /// The headers are ignored: objects are stored without encryption and served to anybody.
    Ignores,
    /// Keys are confirmed in responses, and objects are served without them.
    ServesWithoutKey,
}

impl SseCSupport {
    /// One sentence for people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Implements => {
                "The endpoint implements SSE-C: an object is read with its customer key, and with no other and none."
            }
            Self::Refuses => {
                "The endpoint refuses every SSE-C request: it does not offer SSE-C. No data is at risk, and nothing can be certified."
            }
            Self::Ignores => {
                "The endpoint ignores SSE-C: objects that are sent with a customer key are served to anybody who may read the bucket."
            }
            Self::ServesWithoutKey => {
                "The endpoint takes customer keys and confirms them, and serves the objects without any key."
            }
        }
    }

    /// Whether it decides most cases before they are run.
    #[must_use]
    pub fn is_decisive(self) -> bool {
        self != Self::Implements
    }
}
