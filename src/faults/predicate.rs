//! Predicates, by which a fault is narrowed to some requests: `size>=1MiB`, `framed`, `key=missing`, `one-of=3`.
//!
//! What is said of an object holds of the one that a request reads; for a copy of its source. Of PutObject, a form,
//! CreateMultipartUpload and UploadPart, size and origin are those of what they write, and everything else is of the object that is there.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::facts::{Facts, KeyRelation, ObjectFacts};
use super::memory::{KeyHeaders, Making};
use super::nearest;
use crate::reference::request::{Form, Operation, Request, Target, Transport};
use crate::reference::store::Versioning;

/// A condition on a request and the object that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate {
    is_negated: bool,
    kind: &'static Kind,
    value: Value,
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    AtLeast,
    AtMost,
    /// Is a multiple.
    Multiple,
}

/// What follows the name of a predicate.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    None,
    Number(Comparison, u64),
    Word(String),
}

/// What a kind of predicate takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    /// A number of bytes or things; `KiB` and `MiB` may follow it.
    Number,
    /// A number of milliseconds; `ms` or `s` may follow it.
    Time,
    Word,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// The name of an operation.
    Operation,
}

/// What a predicate is evaluated on.
pub(super) struct Sight<'s> {
    pub request: &'s Request,
    pub facts: &'s Facts,
    /// Who counts.
    pub fault: &'s str,
}

/// A kind of predicate.
struct Kind {
    name: &'static str,
    takes: Takes,
    about: &'static str,
    test: Test,
}

/// How a kind is evaluated.
enum Test {
    Is(fn(&Sight<'_>) -> bool),
    Amount(fn(&Sight<'_>) -> Option<u64>),
    Words(fn(&Sight<'_>, &str) -> bool),
    /// Counts the requests; true of every Nth.
    Turn(fn(&Sight<'_>, u64) -> u64),
}

const RELATIONS: &[&str] = &["unneeded", "missing", "right", "other", "on-unencrypted", "malformed"];

const fn is(name: &'static str, about: &'static str, test: fn(&Sight<'_>) -> bool) -> Kind {
    Kind { name, takes: Takes::Nothing, about, test: Test::Is(test) }
}

const fn amount(name: &'static str, about: &'static str, test: fn(&Sight<'_>) -> Option<u64>) -> Kind {
    Kind { name, takes: Takes::Number, about, test: Test::Amount(test) }
}

static KINDS: &[Kind] = &[
    // How the object came to be.
    Kind {
        name: "made-by",
        takes: Takes::Operation,
        about: "the operation that wrote the object",
        test: Test::Words(|sight, word| sight.making().is_some_and(|making| making.operation.name() == word)),
    },
    is("framed", "its body came in the framing of aws-chunked", |sight| sight.made(Making::is_framed)),
    is("made-presigned", "it was written by a presigned request", |sight| {
        sight.made(|making| making.form == Form::Presigned)
    }),
    is("with-metadata", "it has user metadata", |sight| sight.made(|making| making.has_header("x-amz-meta-"))),
    is("with-tags", "it was written with tags", |sight| sight.made(|making| making.has_header("x-amz-tagging"))),
    is("with-content-md5", "it was written with Content-MD5", |sight| {
        sight.made(|making| making.has_header("content-md5"))
    }),
    is("with-checksum", "it was written with a checksum, or a checksum algorithm", |sight| {
        let named = |making: &Making, name| making.has_header(name);
        sight.made(|making| {
            named(making, "x-amz-checksum-") || named(making, "x-amz-sdk-checksum") || named(making, "x-amz-trailer")
        })
    }),
    is("with-storage-class", "it was written with a storage class", |sight| {
        sight.made(|making| making.has_header("x-amz-storage-class"))
    }),
    is("conditional-write", "it was written with a precondition", |sight| {
        sight.made(|making| making.has_header("if-match") || making.has_header("if-none-match"))
    }),
    is("in-place", "a copy wrote it onto itself", |sight| sight.made(|making| making.is_in_place)),
    is("from-sse-c", "it is the copy of an SSE-C object", |sight| sight.made(|making| !making.source_key.is_empty())),
    is("overwrote", "it took the place of another object", |sight| sight.made(|making| !making.former_keys.is_empty())),
    is("made-anew", "an object of this name was deleted before", |sight| match sight.writes() {
        true => sight.facts.object.is_none() && sight.facts.memory.was_deleted(&sight.facts.target),
        false => sight.made(|making| making.is_made_anew),
    }),
    is("sse-c", "a customer key encrypts it", |sight| match sight.writes() {
        true => sight.facts.carries,
        false => sight.object().is_some_and(|object| object.is_customers),
    }),
    // Size and parts.
    amount("size", "bytes of the object, or of what is written", |sight| sight.size()),
    amount("parts", "number of its parts; 1, where it was not made of parts", |sight| match &sight.facts.upload {
        Some(upload) => u64::try_from(upload.parts.len()).ok(),
        None => sight.object().and_then(|object| u64::try_from(object.parts.len()).ok()),
    }),
    is("multipart", "it was made of parts", |sight| sight.object().is_some_and(|object| object.is_multipart)),
    // Its name.
    amount("name-length", "bytes of its name", |sight| u64::try_from(sight.target().key.len()).ok()),
    Kind {
        name: "name-has",
        takes: Takes::Word,
        about: "its name has this text; `%20` and the like stand for characters",
        test: Test::Words(|sight, word| {
            let text = percent_encoding::percent_decode_str(word).decode_utf8_lossy();
            sight.target().key.contains(&*text)
        }),
    },
    // Versions and the bucket.
    is("versioned", "its bucket keeps versions", |sight| sight.versioning() == Some(Versioning::Enabled)),
    is("suspended", "its bucket kept versions", |sight| sight.versioning() == Some(Versioning::Suspended)),
    amount("versions", "number of versions of its name", |sight| {
        sight.object().and_then(|object| u64::try_from(object.versions).ok())
    }),
    is("newest", "no version is newer", |sight| sight.object().is_some_and(|object| object.is_newest)),
    is("default-encrypted", "its bucket has a default encryption", |sight| {
        sight.facts.bucket.is_some_and(|bucket| bucket.is_default_encrypted)
    }),
    // How it is asked for.
    Kind {
        name: "operation",
        takes: Takes::Operation,
        about: "the operation asked for",
        test: Test::Words(|sight, word| sight.facts.operation.name() == word),
    },
    is("range", "a range is asked for", |sight| {
        sight.request.headers.contains_key("range") || sight.request.headers.contains_key("x-amz-copy-source-range")
    }),
    amount("part-number", "the number of the part that is read or written", |sight| {
        sight.facts.part_number.and_then(|number| u64::try_from(number).ok())
    }),
    is("version-id", "a version is named", |sight| sight.facts.version_id.is_some()),
    is("presigned", "the request is presigned", |sight| sight.facts.form == Form::Presigned),
    is("form", "the request is an HTML form", |sight| sight.facts.form == Form::Html),
    is("plain-http", "the request came without TLS", |sight| sight.facts.transport == Transport::Plain),
    is("conditional", "the request has a precondition", |sight| {
        sight.request.headers.keys().any(|name| {
            let name = name.as_str().trim_start_matches("x-amz-copy-source-");
            name.starts_with("if-")
        })
    }),
    is("checksum-mode", "the request asks for checksums", |sight| {
        sight.request.headers.contains_key("x-amz-checksum-mode")
    }),
    // The key.
    Kind {
        name: "key",
        takes: Takes::OneOf(RELATIONS),
        about: "how the key stands to the object, or of a copy to its source",
        test: Test::Words(|sight, word| relation_word(sight.relation()) == word),
    },
    amount("key-shares-first", "leading bytes that the key has in common with the right one", |sight| {
        sight.keys().map(|(sent, right)| common(sent.iter(), right.iter()))
    }),
    amount("key-shares-last", "last bytes that the key has in common with the right one", |sight| {
        sight.keys().map(|(sent, right)| common(sent.iter().rev(), right.iter().rev()))
    }),
    // Order, time, and where.
    is("read-before", "the object was read with the right key before", |sight| {
        sight.made(|making| !making.read_over.is_empty())
    }),
    is("read-over-connection", "the object was read with the right key over this connection before", |sight| {
        sight.made(|making| making.read_over.contains(&sight.facts.connection))
    }),
    Kind {
        name: "age",
        takes: Takes::Time,
        about: "time since the object was written",
        test: Test::Amount(|sight| {
            let since = sight.object()?.making.as_ref()?.at.elapsed();
            u64::try_from(since.as_millis()).ok()
        }),
    },
    Kind {
        name: "one-of",
        takes: Takes::Number,
        about: "every Nth request for an operation on an object",
        test: Test::Turn(|sight, of| {
            let whom = format!("{} {of} one", sight.fault);
            sight.facts.memory.count(whom, sight.target(), Some(sight.facts.operation))
        }),
    },
    Kind {
        name: "node-of",
        takes: Takes::Number,
        about: "requests for an object go to N nodes in turn; the fault is on the last",
        test: Test::Turn(|sight, of| {
            sight.facts.memory.count(format!("{} {of} node", sight.fault), sight.target(), None)
        }),
    },
    amount("connection", "number of the connection, from 0", |sight| Some(sight.facts.connection)),
];

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Kind {}

fn relation_word(relation: KeyRelation) -> &'static str {
    let index = match relation {
        KeyRelation::Unneeded => 0,
        KeyRelation::Missing => 1,
        KeyRelation::Right => 2,
        KeyRelation::Other => 3,
        KeyRelation::OnUnencrypted => 4,
        KeyRelation::Malformed => 5,
    };
    RELATIONS[index]
}

fn common<'b>(one: impl Iterator<Item = &'b u8>, other: impl Iterator<Item = &'b u8>) -> u64 {
    one.zip(other).take_while(|(one, other)| one == other).count() as u64
}

impl Sight<'_> {
    /// The object that is read.
    fn object(&self) -> Option<&ObjectFacts> {
        self.facts.source.as_ref().or(self.facts.object.as_ref())
    }

    /// The object that is read or written; for a copy its source.
    fn target(&self) -> &Target {
        self.facts.source.as_ref().map_or(&self.facts.target, |source| &source.version.target)
    }

    fn writes(&self) -> bool {
        use Operation::{CreateMultipartUpload, PostObject, PutObject, UploadPart};
        matches!(self.facts.operation, PutObject | PostObject | CreateMultipartUpload | UploadPart)
    }

    fn making(&self) -> Option<Making> {
        if self.writes() {
            return Some(Making::of(self.request));
        }
        self.object().and_then(|object| object.making.clone())
    }

    fn made(&self, is: impl Fn(&Making) -> bool) -> bool {
        self.making().is_some_and(|making| is(&making))
    }

    fn size(&self) -> Option<u64> {
        if self.writes() {
            let length = |name| self.request.header(name).and_then(|length| length.parse().ok());
            return length("x-amz-decoded-content-length").or_else(|| length("content-length"));
        }
        match &self.facts.upload {
            Some(upload) => Some(upload.parts.iter().map(|(_, size)| size).sum()),
            None => self.object().map(|object| object.size),
        }
    }

    fn versioning(&self) -> Option<Versioning> {
        self.facts.bucket.map(|bucket| bucket.versioning)
    }

    fn relation(&self) -> KeyRelation {
        if self.facts.source.is_some() { self.facts.source_key } else { self.facts.key }
    }

    /// The key that was sent, and the right one.
    fn keys(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let (sent, right) = match self.facts.source {
            Some(_) => (KeyHeaders::of_source(&self.request.headers), self.facts.right_source_key()),
            None => (KeyHeaders::of(&self.request.headers), self.facts.right_key()),
        };
        Some((STANDARD.decode(sent.key()?).ok()?, STANDARD.decode(right.key()?).ok()?))
    }
}

impl Predicate {
    /// All kinds: the name with what it takes, and what it is about.
    pub fn kinds() -> impl Iterator<Item = (String, &'static str)> {
        KINDS.iter().map(|kind| {
            let value = match kind.takes {
                Takes::Nothing => String::new(),
                Takes::Number if matches!(kind.test, Test::Turn(_)) => "=N".to_owned(),
                Takes::Number => ">=N".to_owned(),
                Takes::Time => ">=MS".to_owned(),
                Takes::Word => "=TEXT".to_owned(),
                Takes::OneOf(words) => format!("={}", words.join("|")),
                Takes::Operation => "=OPERATION".to_owned(),
            };
            (format!("{}{value}", kind.name), kind.about)
        })
    }

    /// Whether it counts the requests that it is asked about.
    pub(super) fn counts(&self) -> bool {
        matches!(self.kind.test, Test::Turn(_))
    }

    /// Whether it depends on nothing but the requests of a case and their order.
    pub(super) fn is_steady(&self) -> bool {
        !["age", "connection", "read-over-connection"].contains(&self.kind.name)
    }

    /// Whether it holds.
    pub(super) fn holds(&self, sight: &Sight<'_>) -> bool {
        let holds = match (&self.kind.test, &self.value) {
            (Test::Is(test), _) => test(sight),
            (Test::Words(test), Value::Word(word)) => test(sight, word),
            (Test::Amount(test), Value::Number(comparison, wanted)) => {
                test(sight).is_some_and(|amount| match comparison {
                    Comparison::Equal => amount == *wanted,
                    Comparison::AtLeast => amount >= *wanted,
                    Comparison::AtMost => amount <= *wanted,
                    Comparison::Multiple => amount.is_multiple_of(*wanted),
                })
            }
            (Test::Turn(count), Value::Number(_, of)) => count(sight, *of).is_multiple_of(*of),
            _ => false,
        };
        holds != self.is_negated
    }
}

/// A predicate cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no predicate: {help}")]
pub struct PredicateError {
    text: String,
    help: String,
}

impl FromStr for Predicate {
    type Err = PredicateError;

    fn from_str(text: &str) -> Result<Self, PredicateError> {
        let failed = |help: String| PredicateError { text: text.to_owned(), help };
        let (is_negated, rest) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        let end = rest.find(['=', '>', '<', '%']).unwrap_or(rest.len());
        let (name, value) = rest.split_at(end);
        let kind = KINDS.iter().find(|kind| kind.name == name);
        let kind = kind.ok_or_else(|| failed(nearest(name, KINDS.iter().map(|kind| kind.name))))?;
        let value = kind.read(value).map_err(failed)?;
        Ok(Self { is_negated, kind, value })
    }
}

impl Kind {
    fn read(&self, value: &str) -> Result<Value, String> {
        let (comparison, rest) = if let Some(rest) = value.strip_prefix(">=") {
            (Comparison::AtLeast, rest)
        } else if let Some(rest) = value.strip_prefix("<=") {
            (Comparison::AtMost, rest)
        } else if let Some(rest) = value.strip_prefix('%') {
            (Comparison::Multiple, rest)
        } else if let Some(rest) = value.strip_prefix('=') {
            (Comparison::Equal, rest)
        } else if value.is_empty() && self.takes == Takes::Nothing {
            return Ok(Value::None);
        } else {
            return Err("a value follows `=`, `>=`, `<=` or `%`".to_owned());
        };
        let word = || {
            let is_one = comparison == Comparison::Equal && !rest.is_empty();
            is_one.then(|| Value::Word(rest.to_owned())).ok_or_else(|| "a text follows `=`".to_owned())
        };
        match self.takes {
            Takes::Nothing => Err("it takes no value".to_owned()),
            Takes::Word => word(),
            Takes::OneOf(words) if words.contains(&rest) => word(),
            Takes::OneOf(words) => Err(format!("the value is one of {}", words.join(", "))),
            Takes::Operation if Operation::ALL.iter().any(|(_, name)| *name == rest) => word(),
            Takes::Operation => Err("there is no such operation; GetObject is one".to_owned()),
            Takes::Number | Takes::Time => {
                let number = if self.takes == Takes::Time { time(rest) } else { bytes(rest) };
                let is_turn = matches!(self.test, Test::Turn(_));
                match number {
                    None => {
                        Err("the value is a number, which `KiB` or `MiB` or, of a time, `ms` or `s` may follow"
                            .to_owned())
                    }
                    Some(0) if is_turn || comparison == Comparison::Multiple => {
                        Err("the number is 1 or more".to_owned())
                    }
                    Some(_) if is_turn && comparison != Comparison::Equal => Err("a number follows `=`".to_owned()),
                    Some(number) => Ok(Value::Number(comparison, number)),
                }
            }
        }
    }
}

fn bytes(text: &str) -> Option<u64> {
    let (digits, unit) = match (text.strip_suffix("KiB"), text.strip_suffix("MiB")) {
        (Some(digits), _) => (digits, 1 << 10),
        (_, Some(digits)) => (digits, 1 << 20),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// Milliseconds.
fn time(text: &str) -> Option<u64> {
    let (digits, unit) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(digits), _) => (digits, Duration::from_millis(1)),
        (_, Some(digits)) => (digits, Duration::from_secs(1)),
        _ => (text, Duration::from_millis(1)),
    };
    digits.parse::<u64>().ok()?.checked_mul(u64::try_from(unit.as_millis()).ok()?)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("framed", Value::None)]
    #[case("size>=1MiB", Value::Number(Comparison::AtLeast, 1 << 20))]
    #[case("size%64KiB", Value::Number(Comparison::Multiple, 1 << 16))]
    #[case("parts=3", Value::Number(Comparison::Equal, 3))]
    #[case("age<=2s", Value::Number(Comparison::AtMost, 2000))]
    #[case("key=missing", Value::Word("missing".to_owned()))]
    #[case("operation=UploadPart", Value::Word("UploadPart".to_owned()))]
    fn predicates_are_read(#[case] text: &str, #[case] value: Value) {
        let read: Predicate = text.parse().unwrap();
        assert_eq!((read.value, read.is_negated), (value, false));
        assert!(format!("!{text}").parse::<Predicate>().unwrap().is_negated);
    }

    #[rstest]
    #[case("framd", "the nearest is `framed`")]
    #[case("framed=1", "it takes no value")]
    #[case("size", "a value follows")]
    #[case("size=big", "the value is a number")]
    #[case("size%0", "the number is 1 or more")]
    #[case("one-of>=3", "a number follows `=`")]
    #[case("key=wrong", "the value is one of")]
    #[case("operation=Get", "there is no such operation")]
    fn what_is_none_is_said(#[case] text: &str, #[case] help: &str) {
        let error = text.parse::<Predicate>().unwrap_err().to_string();
        assert!(error.contains(help), "{error}");
    }

    #[test]
    fn every_kind_is_shown_as_it_is_written() {
        for (shown, about) in Predicate::kinds() {
            let written =
                shown.replace("=TEXT", "=a").replace("OPERATION", "GetObject").replace("=N", "=1").replace("MS", "1");
            let written = written.split('|').next().unwrap();
            assert!(written.parse::<Predicate>().is_ok() && !about.is_empty(), "{written}");
        }
    }
}
