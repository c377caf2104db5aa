//! Secrets in what an endpoint sends: found in any usual encoding, and blotted out.
//!
//! A secret is looked for as it is, and again in whatever an encoding of a part of the text stands for, so that encodings
//! of encodings are found, too (up to [`DEPTH`] of them): hexadecimal bytes of a request whose key is in base64, a
//! JSON string in percent-encoding. These are undone:
//!
//! - base64 and base64url, padded or not, in lines, with blanks, or with blanks for `+`, also where the secret is a part of
//!   what was encoded;
//! - hexadecimal, in lower or upper case, with `:`, `-`, `,`, blanks or `0x` between the bytes (AWS's
//!   `CanonicalRequestBytes`), and decimal bytes as debuggers write arrays: `[12, 255]`, `[12 255]`, signed as Java's;
//! - percent-encoding, with `+` for a blank or without;
//! - the escapes of JSON and of programming languages: `\u00e9`, `\u{e9}`, `\xe9`, `\351`, `\n`, `\/`;
//! - character references of XML and HTML: `&#233;`, `&#xE9;`, `&eacute;`;
//! - UTF-16 of ASCII: zeros between the characters.
//!
//! Of the bytes of a key each may stand as it is or as the UTF-8 of the Latin-1 character of that number. Its end may be
//! missing, as in a message that was cut off: its first 12 bytes are enough, or 32 of a credential.
//!
//! What is shown is a text, whatever it is. Of what is only searched, more than 4 KiB that are not UTF-8, or more than
//! [`MAX_TEXT`], are no text: they are searched for raw bytes, base64 and hexadecimal only.
//!
//! A text that holds so many encodings, one below the other, that it cannot be searched in a moment is not shown.
//!
//! Not found is what cannot be read by undoing an encoding: a key that is compressed, encrypted, without its beginning, or of which
//! bytes were replaced (by U+FFFD, say). Of a dump with more columns than the bytes', only what stands on the first line is
//! found. Digests are no secrets: the MD5 of a key is part of every answer. Nor are the signatures in an answer: each is good for one request and some minutes.

mod alike;
mod beginnings;
mod encoding;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::ops::Range;
use std::sync::Arc;

use zeroize::Zeroizing;

pub use self::alike::Alike;
use self::beginnings::{BEGINNING, Beginnings};
use self::encoding::Encoding;
use super::MAX_TEXT;
use crate::config::Credentials;

/// What stands in a customer key's place.
/// It breaks neither XML nor JSON in which the key stands: what else an answer says is still read.
pub const REDACTED: &str = "[redacted customer key]";
const REDACTED_SECRET: &str = "[redacted secret access key]";
const REDACTED_TOKEN: &str = "[redacted session token]";
const NOT_SEARCHED: &str = "[not shown: encoded too often to be searched for secrets]";

/// What a key is called of which only the beginning is known, which is that of all keys of a run.
const OF_ANOTHER: &str = "of another request";
/// A customer key has so many bytes.
const KEY_LENGTH: usize = 32;
/// By so many bytes after the beginning that all have in common a key is told from others.
const DISTINCT: usize = 8;

/// What is shorter than this (in bytes) is no secret, and would be found everywhere.
const SHORTEST_SECRET: usize = 12;
/// As many bytes of a credential must be there; all session tokens of AWS begin alike.
const CERTAIN_OF_CREDENTIALS: usize = 32;
/// How many encodings are undone, one below the other.
const DEPTH: usize = 4;
/// Up to so many bytes are searched like a text, whatever they are.
const SHORT: usize = 4096;
/// How many bytes are searched at a time: it bounds the memory that undoing takes.
const CHUNK: usize = 1 << 20;
/// The same where so many take too much: more may be decoded for each.
const SMALL_CHUNK: usize = CHUNK / 4;
/// How many times as long as a secret its encodings may be, to be found at a chunk's border.
const LONGEST_ENCODING: usize = 16;
/// How many bytes may be decoded of a chunk, and how many times its length besides.
const MOST_DECODED: usize = 16 << 20;
const MOST_DECODED_TIMES: usize = 24;

/// Finds the customer keys of a case, or the credentials of a target.
///
/// It holds copies of them, which are wiped when it is dropped; the tables that a search begins with hold eight bytes of
/// each, and are not.
pub struct Redactor {
    secrets: Vec<Secret>,
    needles: Vec<Needle>,
    beginnings: Arc<Beginnings>,
    /// What all its keys begin with, where they all do.
    alike: Option<Arc<Alike>>,
    /// Equal for redactors of keys that are alike; no other two have the same.
    identity: u64,
    /// Of each beginning the needles that begin so.
    of_beginning: Vec<Vec<usize>>,
    /// As many bytes must be there of any needle.
    shortest: usize,
    /// How many bytes the longest needle has.
    longest: usize,
}

struct Secret {
    name: String,
    shown: &'static str,
    /// Whether it is any key of which only the beginning is known.
    is_of_another: bool,
}

/// The bytes of a secret in one form.
struct Needle {
    /// What must be there.
    start: Zeroizing<Vec<u8>>,
    /// What belongs to it as far as it is there.
    rest: Zeroizing<Vec<u8>>,
    /// How many bytes of which nothing is known belong to it, too.
    unknown: usize,
    secret: usize,
}

/// Where a secret stands.
struct Hit {
    at: Range<usize>,
    /// Which of the redactors searched for found it, and which of its secrets; `None` where nobody knows what stands there.
    found: Option<(usize, usize)>,
}

/// The redactors whose secrets are looked for: what is encoded is undone for all of them at once.
#[derive(Clone, Copy)]
struct Search<'r>(&'r [&'r Redactor]);

/// How much is left to do, and what was done.
struct Work {
    /// How many bytes may still be decoded.
    left: usize,
    /// Digests of texts that were searched, with the depth: the order in which escapes are undone does not matter.
    done: HashSet<(usize, u64)>,
    digests: RandomState,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} secrets)", self.secrets.len())
    }
}

impl Redactor {
    /// A redactor for these keys, by name.
    pub fn new<'k>(keys: impl IntoIterator<Item = (&'k str, &'k [u8])>) -> Self {
        Self::of_run(keys, None)
    }

    /// A redactor for these keys, by name, and for all others that begin as all keys of a run do.
    pub fn of_run<'k>(keys: impl IntoIterator<Item = (&'k str, &'k [u8])>, alike: Option<&Arc<Alike>>) -> Self {
        let (mut secrets, mut needles, mut are_alike) = (Vec::new(), Vec::new(), true);
        for (name, key) in keys.into_iter().filter(|(_, key)| key.len() >= SHORTEST_SECRET) {
            let beginning = alike.map(|alike| alike.bytes()).filter(|beginning| key.starts_with(beginning));
            are_alike &= beginning.is_some();
            let distinct = beginning.map_or(SHORTEST_SECRET, |beginning| beginning.len() + DISTINCT);
            // Base64 may lack its last group, and a text its end.
            let certain = ((key.len().div_ceil(3) - 1) * 3).min(distinct);
            needles.extend(in_every_form(&key[..certain], &key[certain..], 0, secrets.len()));
            secrets.push(Secret { name: name.to_owned(), shown: REDACTED, is_of_another: false });
        }
        let Some(alike) = alike else { return Self::of(secrets, needles) };
        let unknown = KEY_LENGTH.saturating_sub(alike.bytes().len());
        needles.extend(in_every_form(alike.bytes(), &[], unknown, secrets.len()));
        secrets.push(Secret { name: OF_ANOTHER.to_owned(), shown: REDACTED, is_of_another: true });
        let beginnings = alike.beginnings_of(&needles);
        let redactor = Self::beginning_so(secrets, needles, beginnings);
        if are_alike { Self { alike: Some(Arc::clone(alike)), identity: 0, ..redactor } } else { redactor }
    }

    /// A redactor for a target's secret access key and session token.
    #[must_use]
    pub fn of_credentials(credentials: &Credentials) -> Self {
        let secret = (&credentials.secret_access_key, REDACTED_SECRET);
        let token = credentials.session_token.as_ref().map(|token| (token, REDACTED_TOKEN));
        let (mut secrets, mut needles) = (Vec::new(), Vec::new());
        for (text, shown) in [Some(secret), token].into_iter().flatten() {
            if text.len() >= SHORTEST_SECRET {
                let (start, rest) = text.as_bytes().split_at(text.len().min(CERTAIN_OF_CREDENTIALS));
                let [start, rest] = [start, rest].map(|part| Zeroizing::new(part.to_vec()));
                needles.push(Needle { start, rest, unknown: 0, secret: secrets.len() });
                secrets.push(Secret { name: String::new(), shown, is_of_another: false });
            }
        }
        Self::of(secrets, needles)
    }

    fn of(secrets: Vec<Secret>, needles: Vec<Needle>) -> Self {
        let beginnings = Arc::new(Beginnings::of(&needles));
        Self::beginning_so(secrets, needles, beginnings)
    }

    fn beginning_so(secrets: Vec<Secret>, needles: Vec<Needle>, beginnings: Arc<Beginnings>) -> Self {
        let mut of_beginning = vec![Vec::new(); beginnings.len()];
        for (index, needle) in needles.iter().enumerate() {
            if let Some(number) = beginnings.number(needle) {
                of_beginning[number].push(index);
            }
        }
        let shortest = needles.iter().map(|needle| needle.start.len().max(BEGINNING)).min().unwrap_or(usize::MAX);
        let longest = needles
            .iter()
            .map(|needle| needle.start.len() + needle.rest.len() + needle.unknown)
            .max()
            .unwrap_or_default();
        let (alike, identity) = (None, rand::random());
        Self { secrets, needles, beginnings, alike, identity, of_beginning, shortest, longest }
    }

    /// Names of the keys that `bytes` holds, sorted.
    #[must_use]
    pub fn found(&self, bytes: &[u8]) -> Vec<String> {
        self.names(0, &Search(&[self]).hits(bytes, is_text(bytes)))
    }

    /// `bytes` as text with every secret blotted out.
    #[must_use]
    pub fn text(&self, bytes: &[u8]) -> String {
        self.searched(bytes).0
    }

    /// Both at once.
    #[must_use]
    pub fn searched(&self, bytes: &[u8]) -> (String, Vec<String>) {
        let search = Search(&[self]);
        let hits = search.hits(bytes, true);
        let names = self.names(0, &hits);
        (search.blotted(bytes, hits), names)
    }

    /// Names of its secrets among these, sorted; it is the one of this number among those that were searched for.
    fn names(&self, number: usize, hits: &[Hit]) -> Vec<String> {
        let own = hits.iter().filter_map(|hit| hit.found).filter(|(redactor, _)| *redactor == number);
        let names: BTreeSet<&String> = own.map(|(_, secret)| &self.secrets[secret].name).collect();
        names.into_iter().cloned().collect()
    }
}

impl Search<'_> {
    /// `bytes` as text, with what stands at these places blotted out.
    fn blotted(self, bytes: &[u8], mut hits: Vec<Hit>) -> String {
        hits.sort_by_key(|hit| (hit.at.start, std::cmp::Reverse(hit.at.end)));
        let (mut blotted, mut done) = (Vec::with_capacity(bytes.len()), 0);
        for Hit { at, found } in hits {
            if at.start >= done {
                blotted.extend_from_slice(&bytes[done..at.start]);
                let shown = |(redactor, secret): (usize, usize)| self.0[redactor].secrets[secret].shown;
                blotted.extend_from_slice(found.map_or(NOT_SEARCHED, shown).as_bytes());
            }
            done = done.max(at.end);
        }
        blotted.extend_from_slice(&bytes[done..]);
        String::from_utf8_lossy(&blotted).into_owned()
    }

    /// Where secrets stand. What held none before holds none now: that is remembered where keys are alike.
    fn hits(self, bytes: &[u8], is_text: bool) -> Vec<Hit> {
        let Some(alike) = self.0.iter().find_map(|redactor| redactor.alike.as_ref()) else {
            return self.hits_anew(bytes, is_text);
        };
        let looked_for = self.0.iter().fold(0u64, |all, redactor| all.rotate_left(1) ^ redactor.identity);
        let digest = alike.digest((looked_for, is_text, bytes));
        if alike.is_clean(digest) {
            return Vec::new();
        }
        let hits = self.hits_anew(bytes, is_text);
        if hits.is_empty() {
            alike.was_clean(digest);
        }
        hits
    }

    fn hits_anew(self, bytes: &[u8], is_text: bool) -> Vec<Hit> {
        let mut hits = Vec::new();
        if self.0.iter().all(|redactor| redactor.needles.is_empty()) {
            return hits;
        }
        let longest = self.0.iter().map(|redactor| redactor.longest).max().unwrap_or_default();
        self.in_chunks(bytes, CHUNK, longest, is_text, &mut hits);
        // Where a key is known, its end is not guessed: an encoding that is undone wrongly (zeros of the key left out) would move it.
        let known: HashSet<usize> = hits.iter().filter(|hit| !self.is_guessed(hit)).map(|hit| hit.at.start).collect();
        hits.retain(|hit| !self.is_guessed(hit) || !known.contains(&hit.at.start));
        hits
    }

    /// Searches so many bytes at a time. Of what takes too much nothing is to be shown; what smaller pieces of it hold is found all the
    /// same.
    fn in_chunks(self, bytes: &[u8], chunk: usize, longest: usize, is_text: bool, hits: &mut Vec<Hit>) {
        for start in (0..bytes.len()).step_by(chunk) {
            let end = bytes.len().min(start + chunk + LONGEST_ENCODING * longest);
            let before = hits.len();
            let mut work = Work::of(end - start);
            self.search(&bytes[start..end], is_text, DEPTH, &mut work, hits);
            if work.left == 0 {
                hits.push(Hit { at: 0..end - start, found: None });
                if chunk > SMALL_CHUNK && end - start > 2 * SMALL_CHUNK {
                    self.in_chunks(&bytes[start..end], SMALL_CHUNK, longest, is_text, hits);
                }
            }
            hits[before..].iter_mut().for_each(|hit| hit.at = start + hit.at.start..start + hit.at.end);
        }
    }

    /// Whether only the beginning is known of what stands there.
    fn is_guessed(self, hit: &Hit) -> bool {
        hit.found.is_some_and(|(redactor, secret)| self.0[redactor].secrets[secret].is_of_another)
    }

    fn search(self, bytes: &[u8], is_text: bool, depth: usize, work: &mut Work, hits: &mut Vec<Hit>) {
        // No encoding has fewer bytes than what it stands for.
        let shortest = self.0.iter().map(|redactor| redactor.shortest).min().unwrap_or(usize::MAX);
        if bytes.len() < shortest {
            return;
        }
        self.0.iter().enumerate().for_each(|(number, redactor)| redactor.as_they_are(number, bytes, work, hits));
        if depth == 0 {
            return;
        }
        encoding::each(bytes, is_text, shortest, &mut |encoding, region| {
            let encoded = &bytes[region.clone()];
            if !work.takes(encoded.len()) {
                return;
            }
            let mut decoded = Zeroizing::new(Vec::with_capacity(encoded.len()));
            encoding.undone(encoded, |byte, _| decoded.push(byte));
            let is_escape = encoding.is_escape();
            if is_escape && (decoded.len() == encoded.len() || !work.is_new(depth, &decoded)) {
                return;
            }
            let mut within = Vec::new();
            if is_escape {
                self.search(&decoded, is_text, depth - 1, work, &mut within);
            } else {
                // What stands elsewhere may be the same: it is searched for itself.
                let mut of_region = Work::of(0);
                of_region.left = work.left;
                self.search(&decoded, self::is_text(&decoded), depth - 1, &mut of_region, &mut within);
                work.left = of_region.left;
            }
            if within.is_empty() {
                return;
            }
            let mut places = Vec::with_capacity(decoded.len());
            encoding.undone(encoded, |_, at| places.push(at));
            for hit in within {
                let (Some(first), Some(last)) = (places.get(hit.at.start), places.get(hit.at.end - 1)) else {
                    continue;
                };
                let (start, mut end) = (region.start + first.start, region.start + last.end);
                if matches!(encoding, Encoding::Base64 { .. }) {
                    end += bytes[end..].iter().take_while(|byte| **byte == b'=').count();
                }
                hits.push(Hit { at: start..end, ..hit });
            }
        });
    }
}

impl Redactor {
    fn as_they_are(&self, number: usize, bytes: &[u8], work: &mut Work, hits: &mut Vec<Hit>) {
        let mut at = 0;
        while let Some((place, beginning)) = self.beginnings.find(bytes, at) {
            at = place + 1;
            let before = hits.len();
            for index in &self.of_beginning[beginning] {
                let Needle { start, rest, unknown, secret } = &self.needles[*index];
                let Some(after) = bytes[place..].strip_prefix(start.as_slice()) else { continue };
                // Those that are known to the end come first.
                if (*unknown > 0 && hits.len() > before) || !work.takes(size_of::<Hit>()) {
                    continue;
                }
                let there = after.iter().zip(rest.iter()).take_while(|(a, b)| a == b).count();
                let end = place + start.len() + there + length_of(*unknown, after);
                hits.push(Hit { at: place..end, found: Some((number, *secret)) });
                at = at.max(end);
            }
        }
    }
}

/// How long so many bytes of a key are that may be written as the UTF-8 of Latin-1 characters.
fn length_of(count: usize, written: &[u8]) -> usize {
    let mut length = 0;
    for _ in 0..count {
        length += match written.get(length..) {
            None | Some([]) => break,
            Some([0xc2 | 0xc3, 0x80..=0xbf, ..]) => 2,
            Some(_) => 1,
        };
    }
    length
}

impl Work {
    fn of(length: usize) -> Self {
        let left = MOST_DECODED.saturating_add(length.saturating_mul(MOST_DECODED_TIMES));
        Self { left, done: HashSet::new(), digests: RandomState::new() }
    }

    /// Takes note of work; whether it may be done.
    fn takes(&mut self, bytes: usize) -> bool {
        self.left = self.left.saturating_sub(bytes);
        self.left > 0
    }

    /// Whether a text was not searched at this depth yet.
    fn is_new(&mut self, depth: usize, text: &[u8]) -> bool {
        self.done.insert((depth, self.digests.hash_one(text)))
    }
}

/// What must be there of a secret, and what belongs to it, as they are written.
fn in_every_form(certain: &[u8], rest: &[u8], unknown: usize, secret: usize) -> Vec<Needle> {
    let forms: [fn(u8) -> Bytes; 3] = [as_it_is, with_plus_for_blanks, as_utf8_of_latin1];
    let mut needles: Vec<Needle> = Vec::new();
    for form in forms {
        let written = |bytes: &[u8]| {
            let mut written = Zeroizing::new(Vec::with_capacity(2 * bytes.len()));
            bytes.iter().for_each(|byte| written.extend_from_slice(form(*byte).as_slice()));
            written
        };
        let (start, rest) = (written(certain), written(rest));
        if needles.iter().all(|needle| needle.start != start || needle.rest != rest) {
            needles.push(Needle { start, rest, unknown, secret });
        }
    }
    needles
}

impl Needle {
    /// Its first bytes; of a secret that is shorter, which there is none, zeros after it.
    fn beginning(&self) -> [u8; BEGINNING] {
        let mut beginning = [0; BEGINNING];
        beginning.iter_mut().zip(self.start.iter()).for_each(|(own, byte)| *own = *byte);
        beginning
    }
}

/// Everything that must not be shown of an exchange.
#[derive(Debug, Clone, Copy)]
pub struct Secrets<'r> {
    /// The customer keys of the case; that one stands in an answer is a finding.
    pub keys: &'r Redactor,
    /// The target's credentials: who is told what it was sent learns nothing.
    pub credentials: &'r Redactor,
}

impl Secrets<'_> {
    /// `bytes` as text with every secret blotted out, and the names of the keys among them, sorted.
    #[must_use]
    pub fn searched(self, bytes: &[u8]) -> (String, Vec<String>) {
        let redactors = [self.keys, self.credentials];
        let search = Search(&redactors);
        let hits = search.hits(bytes, true);
        let keys = self.keys.names(0, &hits);
        (search.blotted(bytes, hits), keys)
    }

    /// Whether `bytes` hold no secret and may be shown as they are.
    #[must_use]
    pub fn may_be_shown(self, bytes: &[u8]) -> bool {
        Search(&[self.keys, self.credentials]).hits(bytes, true).is_empty()
    }

    /// The same of what nobody sends again: it is not remembered.
    #[must_use]
    pub fn may_be_shown_once(self, bytes: &[u8]) -> bool {
        Search(&[self.keys, self.credentials]).hits_anew(bytes, true).is_empty()
    }

    /// A text with every secret blotted out.
    #[must_use]
    pub fn hidden(self, text: String) -> String {
        self.searched(text.as_bytes()).0
    }
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.len() <= SHORT || (bytes.len() <= MAX_TEXT && std::str::from_utf8(bytes).is_ok())
}

/// What one byte of a key is written as.
struct Bytes {
    bytes: [u8; 2],
    count: usize,
}

impl Bytes {
    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.count]
    }
}

fn as_it_is(byte: u8) -> Bytes {
    Bytes { bytes: [byte, 0], count: 1 }
}

fn with_plus_for_blanks(byte: u8) -> Bytes {
    as_it_is(if byte == b' ' { b'+' } else { byte })
}

fn as_utf8_of_latin1(byte: u8) -> Bytes {
    let mut bytes = [0; 2];
    let count = char::from(byte).encode_utf8(&mut bytes).len();
    Bytes { bytes, count }
}
