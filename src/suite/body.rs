//! Object contents, by literal, by `fixtures/` file, or generated.

use bytes::{Bytes, BytesMut};
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

/// The largest object content that a suite may ask for, in bytes.
pub const MAX_BODY: u64 = 64 * 1024 * 1024;

/// An object's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// These bytes.
    Literal(Bytes),
    /// Pseudo-random bytes, the same for the same size and seed.
    Generated {
        /// Size in bytes.
        size: u64,
        /// Seed of the generator.
        seed: u64,
    },
    /// Other contents in order.
    Joined(Vec<Body>),
}

impl Body {
    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Literal(bytes) => bytes.len() as u64,
            Self::Generated { size, .. } => *size,
            Self::Joined(parts) => parts.iter().map(Self::len).sum(),
        }
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The content's bytes.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        match self {
            Self::Literal(bytes) => bytes.clone(),
            Self::Generated { size, seed } => {
                let mut bytes = vec![0; usize::try_from(*size).unwrap_or(usize::MAX)];
                StdRng::seed_from_u64(*seed).fill_bytes(&mut bytes);
                bytes.into()
            }
            Self::Joined(parts) => {
                let mut joined = BytesMut::new();
                for part in parts {
                    joined.extend_from_slice(&part.bytes());
                }
                joined.freeze()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_content_depends_on_size_and_seed_alone() {
        let body = |seed| Body::Generated { size: 100, seed }.bytes();
        assert_eq!(body(1), body(1));
        assert_ne!(body(1), body(2));
    }

    #[test]
    fn joined_content_is_its_parts_in_order() {
        let part = |text: &'static str| Body::Literal(Bytes::from_static(text.as_bytes()));
        let joined = Body::Joined(vec![part("ab"), part("c")]);
        assert_eq!(joined.bytes().as_ref(), b"abc");
        assert_eq!(joined.len(), 3);
    }
}
