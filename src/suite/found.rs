//! The mistakes of a file as they are found: each once, and no more with their places than are shown.

use std::cell::Cell;
use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hash, RandomState};

use super::limits::{MAX_MISTAKES, MAX_NAME, take};
use super::locate::{Diagnostic, FileDiagnostics, Located, OddName, near_miss};

/// The longest message, in characters: what is quoted of a file is a part of it.
const MAX_MESSAGE: usize = 400;

/// What may be compared for suggestions about one file, in pairs of bytes: seconds at the worst.
const MAX_COMPARING: u64 = 100_000_000;

/// Mistakes found so far.
pub(super) struct Found<'a> {
    located: &'a Located<'a>,
    hasher: RandomState,
    /// Hashes of place and message of those found.
    seen: HashSet<u64>,
    shown: Vec<Diagnostic>,
    /// How much may still be compared for suggestions, in pairs of bytes.
    comparing: Cell<u64>,
}

impl<'a> Found<'a> {
    pub fn new(located: &'a Located<'a>) -> Self {
        Self {
            located,
            hasher: RandomState::new(),
            seen: HashSet::new(),
            shown: Vec::new(),
            comparing: Cell::new(MAX_COMPARING),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Finds members whose name stands twice in one object, or is too long; the pointers of the former, of as many as are shown.
    pub fn odd_names(&mut self) -> Vec<String> {
        let located = self.located;
        let mut doubled = Vec::new();
        located.odd_names(&mut |pointer, span, odd| {
            let message = match odd {
                OddName::Doubled(name) => format!("`{name}` stands twice in this object; only one would count"),
                OddName::TooLong => format!("the name of a member is at most {MAX_NAME} bytes long"),
            };
            let is_doubled = matches!(odd, OddName::Doubled(_));
            if self.is_to_be_shown((span.start, &message)) {
                doubled.extend(is_doubled.then(|| pointer.to_owned()));
                self.shown.push(located.diagnostic(span, pointer, clipped(message), None));
            }
        });
        doubled
    }

    /// Whether this very mistake is found.
    pub fn is_known(&self, pointer: &str, message: &str) -> bool {
        self.seen.contains(&self.hasher.hash_one((pointer, message)))
    }

    /// Whether the file has a value there.
    pub fn stands_in_file(&self, pointer: &str) -> bool {
        self.located.has(pointer)
    }

    /// Whether as many are found as are shown.
    pub fn is_full(&self) -> bool {
        self.shown.len() >= MAX_MISTAKES
    }

    /// A mistake at the value that `pointer` names.
    pub fn at(&mut self, pointer: &str, message: impl Into<String>, help: Option<String>) {
        self.add(pointer, message.into(), help, false);
    }

    /// A mistake at the name of the member that `pointer` names.
    pub fn at_name(&mut self, pointer: &str, message: impl Into<String>, help: Option<String>) {
        self.add(pointer, message.into(), help, true);
    }

    fn add(&mut self, pointer: &str, message: String, help: Option<String>, name: bool) {
        if !self.is_to_be_shown((pointer, &message)) {
            return;
        }
        let (message, help) = (clipped(message), help.map(clipped));
        let at =
            if name { self.located.at_name(pointer, message, help) } else { self.located.at(pointer, message, help) };
        self.shown.push(at);
    }

    /// Whether a mistake is new, and one of those that are shown.
    fn is_to_be_shown(&mut self, mistake: impl Hash) -> bool {
        self.seen.insert(self.hasher.hash_one(mistake)) && !self.is_full()
    }

    /// The name of `known` that `word` was probably meant to be, as help: see [`nearest`](Self::nearest).
    pub fn suggest<'c>(&self, word: &str, known: impl IntoIterator<Item = &'c str>) -> Option<String> {
        self.nearest(word, known).map(Self::did_you_mean)
    }

    pub fn did_you_mean(name: &str) -> String {
        format!("did you mean `{name}`?")
    }

    /// The name of `known` that `word` was probably meant to be; not looked for where it would not be shown, or has cost too much
    /// before.
    pub fn nearest<'c>(&self, word: &str, known: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
        if self.is_full() {
            return None;
        }
        let affordable = known.into_iter().take_while(|name| {
            let mut left = self.comparing.get();
            let is_affordable = take(&mut left, (word.len() as u64 + 1) * (name.len() as u64 + 1));
            self.comparing.set(left);
            is_affordable
        });
        near_miss(word, affordable)
    }

    /// All of them, in the order of the text.
    pub fn report(mut self, file: &str, text: &str) -> FileDiagnostics {
        self.shown.sort();
        self.shown.dedup();
        // Two that look the same once they are clipped are one.
        let more = if self.seen.len() > MAX_MISTAKES { self.seen.len() - self.shown.len() } else { 0 };
        FileDiagnostics { file: file.to_owned(), text: text.to_owned(), diagnostics: self.shown, more }
    }
}

/// A message without the end of what it quotes, and without control characters, which terminals would obey.
fn clipped(message: String) -> String {
    let message = message.replace(|c: char| c.is_control() && c != '\n', "\u{fffd}");
    match message.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message,
    }
}
