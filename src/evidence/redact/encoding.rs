//! Encodings in which a secret may stand in a text: where one may be, and what it stands for.

use std::ops::Range;
use std::sync::LazyLock;

use quick_xml::escape::resolve_html5_entity;
use regex::bytes::Regex;

/// No name of a character reference is longer.
const LONGEST_REFERENCE: usize = 32;

/// Bytes in hexadecimal, nine or more: fewer are never looked for.
static HEXADECIMAL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i-u)(?:0x)?[0-9a-f]{2}(?:[-:,\s]{0,3}(?:0x)?[0-9a-f]{2}){8,}").ok());
/// Bytes in decimal, as many.
static DECIMAL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?-u)-?[0-9]{1,3}(?:(?:,\s*|\s+)-?[0-9]{1,3}){8,}").ok());

/// An encoding of a part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// `%2B`.
    Percent,
    /// `\u002b`, `\x2b`, `\n`, …; above 7f `\xHH` is the byte, or else the Latin-1 character of that number.
    Backslash { bytes: bool },
    /// `&#43;`, `&plus;`, …
    Reference,
    /// Characters with zeros between them.
    Zeros,
    /// Base64 or base64url from its first group on, after `skip` characters that belong to something else; a blank may stand
    /// for a `+`.
    Base64 { skip: usize, blank: Blank },
    /// Hexadecimal, after `skip` characters that belong to something else.
    Hexadecimal { skip: usize },
    /// `12, 255`.
    Decimal,
}

/// What a blank in base64 stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blank {
    /// Nothing.
    Nothing,
    /// The `+` that it was, before a form was decoded.
    Plus,
}

/// The parts of `bytes` that may be encoded, each with the encoding; those are left out that stand for fewer bytes than so many.
/// Escapes are those of texts.
pub(super) fn each(bytes: &[u8], is_text: bool, fewest: usize, found: &mut dyn FnMut(Encoding, Range<usize>)) {
    if is_text {
        let whole = 0..bytes.len();
        let seen = Seen::in_text(bytes);
        if seen.has(PERCENT) {
            found(Encoding::Percent, whole.clone());
        }
        if seen.has(BACKSLASH) {
            found(Encoding::Backslash { bytes: false }, whole.clone());
            if bytes.windows(2).any(|two| two == b"\\x") {
                found(Encoding::Backslash { bytes: true }, whole.clone());
            }
        }
        if seen.has(AMPERSAND) {
            found(Encoding::Reference, whole.clone());
        }
        if seen.has(ZERO) {
            found(Encoding::Zeros, whole);
        }
        // A byte in decimal has a digit or more, in hexadecimal two.
        if seen.decimal >= fewest {
            for part in parts(bytes, DECIMAL_DIGIT | BETWEEN_DECIMAL) {
                matches(&DECIMAL, bytes, part, |region| found(Encoding::Decimal, region));
            }
        }
        if seen.hexadecimal >= 2 * fewest {
            for part in parts(bytes, HEXADECIMAL_DIGIT | BETWEEN_HEXADECIMAL) {
                hexadecimal(bytes, part, fewest, found);
            }
        }
    }
    let mut at = 0;
    while let Some(run) = base64_run(bytes, at, is_text, (fewest * 4).div_ceil(3)) {
        at = run.end;
        let blanks = bytes[run.clone()].contains(&b' ');
        for blank in [Some(Blank::Nothing), blanks.then_some(Blank::Plus)].into_iter().flatten() {
            // A run may begin with what is no base64, as a path of a URL does.
            let skips = (0..4).take_while(|skip| (run.len() - skip) * 3 / 4 >= fewest);
            skips.for_each(|skip| found(Encoding::Base64 { skip, blank }, run.clone()));
        }
        if !is_text {
            hexadecimal(bytes, run, fewest, found);
        }
    }
}

/// What a text has of the characters that encodings are made of: most texts have none of most, and need not be searched for those.
struct Seen {
    characters: u8,
    /// The most digits between characters that belong to no bytes in hexadecimal.
    hexadecimal: usize,
    /// The most digits between characters that belong to no bytes in decimal.
    decimal: usize,
}

const PERCENT: u8 = 1;
const BACKSLASH: u8 = 1 << 1;
const AMPERSAND: u8 = 1 << 2;
const ZERO: u8 = 1 << 3;
const HEXADECIMAL_DIGIT: u8 = 1 << 4;
const BETWEEN_HEXADECIMAL: u8 = 1 << 5;
const DECIMAL_DIGIT: u8 = 1 << 6;
const BETWEEN_DECIMAL: u8 = 1 << 7;
static CHARACTERS: [u8; 256] = {
    let mut characters = [0; 256];
    let mut at = 0u8;
    loop {
        let is_blank = matches!(at, b'\t'..=b'\r' | b' ');
        characters[at as usize] = match at {
            b'%' => PERCENT,
            b'\\' => BACKSLASH,
            b'&' => AMPERSAND,
            0 => ZERO,
            b'0'..=b'9' => HEXADECIMAL_DIGIT | DECIMAL_DIGIT,
            b'a'..=b'f' | b'A'..=b'F' => HEXADECIMAL_DIGIT,
            b'x' | b'X' | b':' => BETWEEN_HEXADECIMAL,
            b'-' | b',' => BETWEEN_HEXADECIMAL | BETWEEN_DECIMAL,
            _ if is_blank => BETWEEN_HEXADECIMAL | BETWEEN_DECIMAL,
            _ => 0,
        };
        if at == u8::MAX {
            break characters;
        }
        at += 1;
    }
};

impl Seen {
    fn in_text(bytes: &[u8]) -> Self {
        let mut seen = Self { characters: 0, hexadecimal: 0, decimal: 0 };
        let (mut hexadecimal, mut decimal) = (0, 0);
        for byte in bytes {
            let character = CHARACTERS[usize::from(*byte)];
            seen.characters |= character;
            let belongs = |characters: u8| usize::from(character & characters != 0);
            hexadecimal = (hexadecimal + belongs(HEXADECIMAL_DIGIT)) * belongs(HEXADECIMAL_DIGIT | BETWEEN_HEXADECIMAL);
            decimal = (decimal + belongs(DECIMAL_DIGIT)) * belongs(DECIMAL_DIGIT | BETWEEN_DECIMAL);
            seen.hexadecimal = seen.hexadecimal.max(hexadecimal);
            seen.decimal = seen.decimal.max(decimal);
        }
        seen
    }

    fn has(&self, character: u8) -> bool {
        self.characters & character != 0
    }
}

/// The longest parts of a text that have only such characters.
fn parts(bytes: &[u8], characters: u8) -> impl Iterator<Item = Range<usize>> {
    let belongs = move |byte: &u8| CHARACTERS[usize::from(*byte)] & characters != 0;
    let alike = bytes.chunk_by(move |a, b| belongs(a) == belongs(b));
    let placed = alike.scan(0, |end, part| {
        *end += part.len();
        Some((*end - part.len()..*end, part))
    });
    placed.filter(move |(_, part)| part.first().is_some_and(belongs)).map(|(place, _)| place)
}

fn hexadecimal(bytes: &[u8], part: Range<usize>, fewest: usize, found: &mut dyn FnMut(Encoding, Range<usize>)) {
    matches(&HEXADECIMAL, bytes, part, |region| {
        let skips = (0..2).filter(|skip| (region.len() - skip) / 2 >= fewest);
        skips.for_each(|skip| found(Encoding::Hexadecimal { skip }, region.clone()));
    });
}

/// Where a part of `bytes` matches.
fn matches(regex: &Option<Regex>, bytes: &[u8], part: Range<usize>, mut found: impl FnMut(Range<usize>)) {
    let matches = regex.iter().flat_map(|regex| regex.find_iter(&bytes[part.clone()]));
    matches.for_each(|region| found(part.start + region.start()..part.start + region.end()));
}

/// The next run of so many characters of base64 or more, line breaks among them and blanks where they may be. Of other bytes few are
/// looked at.
fn base64_run(bytes: &[u8], mut from: usize, blanks: bool, shortest: usize) -> Option<Range<usize>> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let belongs = |byte: &u8| sextet(*byte).is_some() || matches!(byte, b'\r' | b'\n') || (blanks && is_blank(byte));
    while let Some(window) = bytes.get(from..from + shortest) {
        match window.iter().rposition(|byte| !belongs(byte)) {
            Some(stranger) => from += stranger + 1,
            None => {
                let end = bytes[from..].iter().position(|byte| !belongs(byte)).map_or(bytes.len(), |more| from + more);
                return Some(from..end);
            }
        }
    }
    None
}

/// What a character stands for in base64 or base64url (RFC 4648, sections 4 and 5).
fn sextet(character: u8) -> Option<u8> {
    let value = SEXTETS[usize::from(character)];
    (value != NO_SEXTET).then_some(value)
}

const NO_SEXTET: u8 = 64;
static SEXTETS: [u8; 256] = {
    let standard = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut sextets = [NO_SEXTET; 256];
    let mut value = 0;
    while value < NO_SEXTET {
        sextets[standard[value as usize] as usize] = value;
        value += 1;
    }
    sextets[b'-' as usize] = 62;
    sextets[b'_' as usize] = 63;
    sextets
};

impl Encoding {
    /// Whether what is not escaped stands for itself.
    pub fn is_escape(self) -> bool {
        matches!(self, Self::Percent | Self::Backslash { .. } | Self::Reference | Self::Zeros)
    }

    /// What `encoded` stands for: `each` takes a byte, and where what it was written as stands.
    pub fn undone(self, encoded: &[u8], mut each: impl FnMut(u8, Range<usize>)) {
        let each = &mut each;
        match self {
            Self::Percent => escapes(encoded, percent, each),
            Self::Backslash { bytes: true } => escapes(encoded, |text| backslash(text, true), each),
            Self::Backslash { bytes: false } => escapes(encoded, |text| backslash(text, false), each),
            Self::Reference => escapes(encoded, reference, each),
            Self::Zeros => {
                let others = encoded.iter().enumerate().filter(|(_, byte)| **byte != 0);
                others.for_each(|(at, byte)| each(*byte, at..at + 1));
            }
            Self::Base64 { skip, blank } => base64(encoded, skip, blank, each),
            Self::Hexadecimal { skip } => hexadecimal_bytes(encoded, skip, each),
            Self::Decimal => decimal_bytes(encoded, each),
        }
    }
}

/// What an escape stands for.
enum Escaped {
    Byte(u8),
    /// A Latin-1 character, by its number.
    Character(u8),
}

/// Replaces each escape that `read` finds at the beginning of a text, with its length, by what it stands for.
fn escapes(text: &[u8], read: impl Fn(&[u8]) -> Option<(Escaped, usize)>, each: &mut impl FnMut(u8, Range<usize>)) {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let introduces = matches!(byte, b'%' | b'\\' | b'&');
        let Some((escaped, length)) = introduces.then(|| read(&text[at..])).flatten() else {
            each(*byte, at..at + 1);
            at += 1;
            continue;
        };
        match escaped {
            Escaped::Byte(byte) => each(byte, at..at + length),
            Escaped::Character(number) => {
                let mut utf8 = [0; 2];
                char::from(number).encode_utf8(&mut utf8).bytes().for_each(|byte| each(byte, at..at + length));
            }
        }
        at += length;
    }
}

fn percent(text: &[u8]) -> Option<(Escaped, usize)> {
    let digits = text.strip_prefix(b"%")?.get(..2)?;
    Some((Escaped::Byte(number(digits, 16)?), 3))
}

fn backslash(text: &[u8], bytes: bool) -> Option<(Escaped, usize)> {
    let rest = text.strip_prefix(b"\\")?;
    let byte = |byte| Some((Escaped::Byte(byte), 2));
    match rest.first()? {
        b'u' if rest.get(1) == Some(&b'{') => {
            let digits = rest.get(2..)?.iter().take(6).take_while(|digit| **digit != b'}').count();
            let value = number(rest.get(2..2 + digits)?, 16)?;
            (rest.get(2 + digits) == Some(&b'}')).then_some((Escaped::Character(value), digits + 4))
        }
        b'u' => Some((Escaped::Character(number(rest.get(1..5)?, 16)?), 6)),
        b'x' => {
            let value = number(rest.get(1..3)?, 16)?;
            Some((if bytes { Escaped::Byte(value) } else { Escaped::Character(value) }, 4))
        }
        b'0'..=b'3' if let Some(value) = rest.get(..3).and_then(|digits| number(digits, 8)) => {
            Some((Escaped::Byte(value), 4))
        }
        b'0' => byte(0),
        b'a' => byte(7),
        b'b' => byte(8),
        b't' => byte(9),
        b'n' => byte(10),
        b'v' => byte(11),
        b'f' => byte(12),
        b'r' => byte(13),
        other if other.is_ascii_punctuation() => byte(*other),
        _ => None,
    }
}

fn reference(text: &[u8]) -> Option<(Escaped, usize)> {
    let rest = text.strip_prefix(b"&")?;
    let length = rest.iter().take(LONGEST_REFERENCE).position(|byte| *byte == b';')?;
    let value = match &rest[..length] {
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 16)?,
        [b'#', digits @ ..] => number(digits, 10)?,
        name => {
            let mut characters = resolve_html5_entity(std::str::from_utf8(name).ok()?)?.chars();
            let only = characters.next().filter(|_| characters.next().is_none())?;
            u8::try_from(u32::from(only)).ok()?
        }
    };
    Some((Escaped::Character(value), length + 2))
}

fn number(digits: &[u8], radix: u32) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
    u8::from_str_radix(text, radix).ok()
}

fn base64(text: &[u8], skip: usize, blank: Blank, each: &mut impl FnMut(u8, Range<usize>)) {
    let value = |character: u8| match sextet(character) {
        None if character == b' ' && blank == Blank::Plus => Some(62),
        value => value,
    };
    // Bits that no byte is made of yet, and where the last character stood.
    let (mut bits, mut count, mut last, mut skip) = (0u16, 0, 0, skip);
    for (at, character) in text.iter().enumerate() {
        let Some(value) = value(*character) else { continue };
        if skip > 0 {
            skip -= 1;
            continue;
        }
        let from = if count == 0 { at } else { last };
        bits = bits << 6 | u16::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            each((bits >> count) as u8, from..at + 1);
            bits &= (1 << count) - 1;
        }
        last = at;
    }
}

fn hexadecimal_bytes(text: &[u8], skip: usize, each: &mut impl FnMut(u8, Range<usize>)) {
    let mut at = skip;
    while at < text.len() {
        let prefix = if text[at..].starts_with(b"0x") || text[at..].starts_with(b"0X") { 2 } else { 0 };
        match text.get(at + prefix..at + prefix + 2).and_then(|digits| number(digits, 16)) {
            Some(byte) => {
                each(byte, at..at + prefix + 2);
                at += prefix + 2;
            }
            None => at += 1,
        }
    }
}

fn decimal_bytes(text: &[u8], each: &mut impl FnMut(u8, Range<usize>)) {
    let mut at = 0;
    while at < text.len() {
        let length = text[at..].iter().take_while(|byte| **byte == b'-' || byte.is_ascii_digit()).count();
        let value = std::str::from_utf8(&text[at..at + length]).ok().and_then(|text| text.parse::<i16>().ok());
        let byte = value.and_then(|value| u8::try_from(value).or_else(|_| i8::try_from(value).map(|v| v as u8)).ok());
        if let Some(byte) = byte {
            each(byte, at..at + length);
        }
        at += length.max(1);
    }
}
