//! Pseudo-random contents. Those used last are kept, and what was digested of them: cases send the same ones over and over.

use std::collections::VecDeque;
use std::sync::{LazyLock, Mutex, PoisonError};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// How many bytes are made at a time: a multiple of the words of the generator (4 bytes) and of what base64 encodes (3 bytes).
const PIECE: usize = 192 * 1024;
/// The most bytes of contents that are kept: 64 MiB, enough for the built-in suites.
const MOST: usize = 64 << 20;
/// The largest content, in bytes, that is generated whole and kept: 6 MiB, which is more than those of the built-in suites.
const MOST_WHOLE: u64 = 6 << 20;
/// The most digests that are kept.
const MOST_DIGESTS: usize = 256;

/// A content of this size in bytes and this seed: always the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id {
    pub size: u64,
    pub seed: u64,
}

/// What was used last comes last.
struct Kept<I, T>(VecDeque<(I, T)>);

static CONTENTS: LazyLock<Mutex<Kept<Id, Bytes>>> = LazyLock::new(|| Mutex::new(Kept(VecDeque::new())));
static DIGESTS: LazyLock<Mutex<Kept<(Id, &'static str), String>>> = LazyLock::new(|| Mutex::new(Kept(VecDeque::new())));

impl Id {
    /// All of it.
    pub fn bytes(self) -> Bytes {
        if let Some(kept) = CONTENTS.lock().unwrap_or_else(PoisonError::into_inner).get(&self) {
            return kept;
        }
        let mut bytes = vec![0; usize::try_from(self.size).unwrap_or(usize::MAX)];
        StdRng::seed_from_u64(self.seed).fill_bytes(&mut bytes);
        let bytes = Bytes::from(bytes);
        CONTENTS.lock().unwrap_or_else(PoisonError::into_inner).keep(self, bytes.clone(), MOST, Bytes::len);
        bytes
    }

    /// The same piece by piece, however large it is.
    pub fn pieces(self) -> Pieces {
        if self.size <= MOST_WHOLE { Pieces::InMemory(self.bytes()) } else { self.streamed() }
    }

    /// The same, generated piece by piece.
    fn streamed(self) -> Pieces {
        Pieces::Streamed { generator: Box::new(StdRng::seed_from_u64(self.seed)), left: self.size }
    }

    /// A digest of it by this name, which is `made` unless it was before.
    pub fn digest(self, name: &'static str, made: impl FnOnce() -> String) -> String {
        let id = (self, name);
        if let Some(kept) = DIGESTS.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return kept;
        }
        let digest = made();
        DIGESTS.lock().unwrap_or_else(PoisonError::into_inner).keep(id, digest.clone(), MOST_DIGESTS, |_| 1);
        digest
    }
}

impl<I: PartialEq, T: Clone> Kept<I, T> {
    fn get(&mut self, id: &I) -> Option<T> {
        let place = self.0.iter().position(|(known, _)| known == id)?;
        let kept = self.0.remove(place)?;
        self.0.push_back(kept);
        self.0.back().map(|(_, value)| value.clone())
    }

    /// Keeps a value, and drops what was not used for longest where they come to more than `most`.
    fn keep(&mut self, id: I, value: T, most: usize, weight: impl Fn(&T) -> usize) {
        if weight(&value) > most || self.0.iter().any(|(known, _)| *known == id) {
            return;
        }
        self.0.push_back((id, value));
        while self.0.iter().map(|(_, value)| weight(value)).sum::<usize>() > most {
            self.0.pop_front();
        }
    }
}

/// Pieces of a content.
pub(super) enum Pieces {
    /// What is left of one in memory.
    InMemory(Bytes),
    /// What is generated as it is asked for.
    Streamed {
        /// Gives the next bytes.
        generator: Box<StdRng>,
        /// How many bytes are left.
        left: u64,
    },
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        match self {
            Self::InMemory(left) => (!left.is_empty()).then(|| left.split_to(left.len().min(PIECE))),
            Self::Streamed { generator, left } => {
                let length = usize::try_from(*left).unwrap_or(PIECE).min(PIECE);
                if length == 0 {
                    return None;
                }
                let mut piece = vec![0; length];
                generator.fill_bytes(&mut piece);
                *left -= length as u64;
                Some(piece.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn what_is_used_last_is_kept_within_a_limit() {
        let mut kept = Kept(VecDeque::new());
        let keep = |kept: &mut Kept<u32, usize>, id, weight| kept.keep(id, weight, 24, |weight| *weight);
        keep(&mut kept, 1, 10);
        keep(&mut kept, 2, 10);
        assert!(kept.get(&1).is_some());
        keep(&mut kept, 3, 10);
        keep(&mut kept, 4, 25);
        assert_eq!([1, 2, 3, 4].map(|id| kept.get(&id)), [Some(10), None, Some(10), None]);
    }

    #[rstest::rstest]
    #[case(0)]
    #[case(1)]
    #[case(PIECE as u64)]
    #[case(PIECE as u64 + 5)]
    #[case(3 * PIECE as u64 - 1)]
    #[case(MOST_WHOLE)]
    #[case(MOST_WHOLE + 1)]
    fn pieces_come_to_the_whole(#[case] size: u64) {
        let id = Id { size, seed: 9 };
        let whole = id.bytes();
        assert_eq!(whole.len() as u64, size);
        assert!(id.streamed().flatten().eq(whole.iter().copied()), "streamed");
        assert!(id.pieces().flatten().eq(whole.iter().copied()), "as they are asked for");
        assert!(size < 2 || whole != Id { size, seed: 10 }.bytes());
    }

    /// Evidence of earlier runs is judged by these bytes.
    #[test]
    fn contents_never_change() {
        let digest = hex::encode(Sha256::digest(Id { size: 1000, seed: 12 }.bytes()));
        assert_eq!(digest, "054e8f4364cea369b828f9c307accb43e401b5ce2b879ced5b9d766fd741dc16");
    }

    #[test]
    fn a_digest_is_made_once() {
        let (one, other) = (Id { size: 77, seed: 1_234_567 }, Id { size: 78, seed: 1_234_567 });
        assert_eq!(one.digest("a", || "made".to_owned()), "made");
        assert_eq!(one.digest("a", || unreachable!()), "made");
        assert_eq!(
            (one.digest("b", || "b".to_owned()), other.digest("a", || "o".to_owned())),
            ("b".to_owned(), "o".to_owned())
        );
    }
}
