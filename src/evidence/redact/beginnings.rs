//! The first bytes of secrets, by which they are looked for.

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};

use super::Needle;

/// How many bytes a search begins with; shorter than the part of any secret that must be there.
pub(super) const BEGINNING: usize = 8;

/// What finds them.
pub(super) struct Beginnings {
    /// Each once, in order.
    patterns: Vec<[u8; BEGINNING]>,
    automaton: Option<AhoCorasick>,
}

impl Beginnings {
    pub fn of(needles: &[Needle]) -> Self {
        let patterns = patterns_of(needles);
        // All are equally long: the leftmost is the first, and is found faster.
        // There are few, so that what is found by their bytes alone is nearly all there is: nothing more is worth being built.
        let mut builder = AhoCorasick::builder();
        builder.match_kind(MatchKind::LeftmostFirst).kind(Some(AhoCorasickKind::NoncontiguousNFA));
        // A few thousand patterns of eight bytes: it is always made.
        let automaton = (!patterns.is_empty()).then(|| builder.build(&patterns).ok()).flatten();
        Self { patterns, automaton }
    }

    /// Whether these needles begin so, and some with each.
    pub fn are_those_of(&self, needles: &[Needle]) -> bool {
        self.patterns == patterns_of(needles)
    }

    /// The number of a beginning.
    pub fn number(&self, needle: &Needle) -> Option<usize> {
        self.patterns.binary_search(&needle.beginning()).ok()
    }

    pub fn len(&self) -> usize {
        self.patterns.len()
    }

    /// The next beginning from a place on: where it stands, and its number.
    pub fn find(&self, bytes: &[u8], from: usize) -> Option<(usize, usize)> {
        let found = self.automaton.as_ref()?.find(Input::new(bytes).range(from..))?;
        Some((found.start(), found.pattern().as_usize()))
    }
}

fn patterns_of(needles: &[Needle]) -> Vec<[u8; BEGINNING]> {
    let mut patterns: Vec<[u8; BEGINNING]> = needles.iter().map(Needle::beginning).collect();
    patterns.sort_unstable();
    patterns.dedup();
    patterns
}
