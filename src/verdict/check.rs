//! One step's answer against what is expected of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Transcript;
use crate::evidence::{Answer, Element, Exchange, Reply};
use crate::suite::body::Body;
use crate::suite::model::{
    BodyDigest, BodyMatch, EntryMatch, EtagFormat, EtagMatch, HeaderMatch, Operation, Outcome, Scheme, Step,
    StepHeader, TextMatch,
};
use crate::suite::pattern;

/// One expectation that was not met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Mismatch {
    /// Part of the answer that it is about: `status`, `header etag`, `body`, …
    pub subject: String,
    /// What was expected.
    pub expected: String,
    /// What came.
    pub actual: String,
}

impl Mismatch {
    /// A mismatch.
    pub fn new(subject: impl Into<String>, expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self { subject: subject.into(), expected: expected.into(), actual: actual.into() }
    }
}

/// Whether the listing that followed a step shows its object.
///
/// # Errors
/// Why it says nothing.
pub(super) fn is_listed(transcript: &Transcript, step: &str) -> Result<bool, &'static str> {
    let probe = transcript.probe_after(step).ok_or("the listing was not made")?;
    let answer =
        probe.reply.answer().filter(|answer| answer.status == 200).ok_or("the listing that would tell failed")?;
    let listing = answer.xml().map_err(|_| "the listing is no XML that can be read")?;
    Ok(entries(&listing).any(|entry| entry.child_text("Key") == Some(probe.sent.object_key.as_str())))
}

/// Whether the object of a step is stored: by the listing, unless HeadObject shows that this is behind.
///
/// # Errors
/// Why it cannot be told.
pub(super) fn storage(transcript: &Transcript, step: &str) -> Result<bool, &'static str> {
    let is_listed = is_listed(transcript, step)?;
    let Some(head) = transcript.head_after(step) else { return Ok(is_listed) };
    match head.reply.answer().map(|answer| answer.status) {
        Some(404) if is_listed => Err("the listing shows an object that HeadObject does not find"),
        Some(404) => Ok(false),
        Some(status) if status < 500 && !matches!(status, 408 | 429) => {
            if is_listed {
                Ok(true)
            } else {
                Err("the listing lacks an object that HeadObject finds")
            }
        }
        _ => Err("HeadObject, which would decide, got no response that can be judged"),
    }
}

/// Checks one step.
pub(super) struct Check<'a> {
    pub exchange: &'a Exchange,
    pub transcript: &'a Transcript,
    pub bodies: &'a BTreeMap<String, Body>,
    pub step: &'a Step,
}

impl Check<'_> {
    /// Customer keys in the answer, but for those of these names: looked for in every one, whatever the step expects.
    pub fn leaked_keys(&self, shown: &BTreeSet<&str>) -> Vec<Mismatch> {
        let none = BTreeSet::new();
        let listing = self.transcript.probe_after(&self.step.id);
        let head = self.transcript.head_after(&self.step.id);
        let answers = [
            (Some(self.exchange), "answer", shown),
            (listing, "listing", &none),
            (head, "response to HeadObject", &none),
        ];
        let mut found = Vec::new();
        for (exchange, what, shown) in answers {
            let answer = exchange.and_then(|exchange| exchange.reply.answer());
            let leaked = answer.into_iter().flat_map(|answer| &answer.leaked_keys);
            let not_shown = |key: &&String| !shown.contains(key.as_str());
            let expected = "no customer key, in whatever encoding";
            for key in leaked.filter(not_shown) {
                found.push(Mismatch::new(what, expected, format!("customer key {key} stands in the {what}")));
            }
            let framing = exchange.and_then(|exchange| exchange.framing.as_ref());
            for key in framing.into_iter().flat_map(|framing| &framing.leaked_keys) {
                let actual = format!("customer key {key} stands in bytes that belong to no response");
                found.push(Mismatch::new("connection", expected, actual));
            }
        }
        found
    }

    /// A success whose body broke off, or did not come in time.
    pub fn cut_short(&self) -> Option<Mismatch> {
        let answer = self.exchange.reply.answer().filter(|answer| (200..300).contains(&answer.status))?;
        let why = answer.body.cut_short.as_ref()?;
        Some(Mismatch::new("body", "a whole body", format!("{} bytes (cut short: {why})", answer.body.length)))
    }

    /// Where the rest of the body was lost on its way and only what rests on the body is not met: that it was lost.
    pub fn body_lost(&self, outcome: &Outcome) -> Option<Mismatch> {
        let body = &self.exchange.reply.answer()?.body;
        let why = body.cut_short.as_ref().filter(|_| body.is_lost)?;
        let is_all_else_met = self.outcome(&outcome.without_body()).is_empty();
        is_all_else_met
            .then(|| Mismatch::new("body", "a whole body", format!("{} bytes (cut short: {why})", body.length)))
    }

    /// What of an outcome is not met; empty where all of it is.
    pub fn outcome(&self, outcome: &Outcome) -> Vec<Mismatch> {
        let mut found = Vec::new();
        if !outcome.any_of.is_empty() {
            let tries: Vec<Vec<Mismatch>> = outcome.any_of.iter().map(|o| self.outcome(o)).collect();
            if tries.iter().all(|t| !t.is_empty()) {
                let expected: Vec<String> =
                    tries.iter().flatten().map(|m| format!("{} {}", m.subject, m.expected)).collect();
                found.push(Mismatch::new("answer", format!("any one of: {}", expected.join("; ")), self.summary()));
            }
        }
        if outcome.refused {
            found.extend(self.refused());
        }
        if let Some(step) = &outcome.status_same_as {
            let status = |answer: &Answer| answer.status;
            let (own, other) = (self.exchange.reply.answer().map(status), self.transcript.answer(step).map(status));
            if own != other {
                let other = other.map_or_else(|| "none".to_owned(), |status| status.to_string());
                found.push(Mismatch::new("status", format!("as in step `{step}`: {other}"), self.summary()));
            }
        }
        if let Some(step) = &outcome.status_differs_from {
            let status = |answer: &Answer| answer.status;
            let (own, other) = (self.exchange.reply.answer().map(status), self.transcript.answer(step).map(status));
            if own.is_none() || own == other {
                found.push(Mismatch::new("status", format!("another than in step `{step}`"), self.summary()));
            }
        }
        if let Some(stored) = outcome.stored {
            found.extend(self.stored(stored));
        }
        if let Reply::Answer(answer) = &self.exchange.reply {
            found.extend(self.answer(outcome, answer));
        } else if self.is_interrupted() || (outcome.stored.is_some() && outcome.is_of_storage_alone()) {
            // Nothing is asked of an answer.
        } else if outcome.any_of.is_empty() && !outcome.refused {
            found.push(Mismatch::new("connection", "an HTTP answer", self.summary()));
        }
        found
    }

    /// Whether the response to a probe says that the endpoint lacks what is probed: by its status, by its error code, or as the suite
    /// declares in `lacks`.
    pub fn says_lacking(&self) -> bool {
        self.exchange.reply.answer().is_some_and(Answer::says_lacking)
            || self.step.lacks.as_deref().is_some_and(|lacks| self.outcome(lacks).is_empty())
    }

    fn answer(&self, outcome: &Outcome, answer: &Answer) -> Vec<Mismatch> {
        let mut found = Vec::new();
        if !outcome.status.is_empty() && !outcome.status.iter().any(|s| status_fits(s, answer.status)) {
            found.push(Mismatch::new("status", outcome.status.join(" or "), self.summary()));
            // What follows from another status (headers, body, ETag) is no finding of its own.
            return found;
        }
        if self.is_error_in_success(outcome, answer) {
            return vec![Mismatch::new("status", "a success without an error document", self.summary())];
        }
        // An answer to HEAD never has a body, so there is no code to see.
        let has_error_body = self.exchange.sent.method != "HEAD";
        if !outcome.code.is_empty() && has_error_body {
            let code = answer.s3_code();
            if !code.as_ref().is_some_and(|c| outcome.code.contains(c)) {
                let actual = code.unwrap_or_else(|| "no S3 error code".to_owned());
                found.push(Mismatch::new("error code", outcome.code.join(" or "), actual));
            }
        }
        if has_error_body && !outcome.error_fields.is_empty() {
            let fields = answer.s3_error().unwrap_or_default();
            for (name, text) in &outcome.error_fields {
                let actual = fields.get(name).map(String::as_str);
                found.extend(self.text(&format!("error field {name}"), text, actual, answer));
            }
        }
        if !outcome.elements.is_empty() {
            let root = answer.xml().unwrap_or_default();
            for (path, text) in &outcome.elements {
                let mut at_path = Vec::new();
                collect(&root, path, &mut at_path);
                let mismatch = |actual| self.text(&format!("element {path}"), text, actual, answer);
                if !at_path.iter().any(|actual| mismatch(Some(actual)).is_none()) {
                    found.extend(mismatch(at_path.first().copied()));
                }
            }
        }
        for (name, header) in &outcome.headers {
            found.extend(self.header(name, header, answer));
        }
        if let Some(key) = &outcome.echo {
            found.extend(self.echo(key, answer));
        }
        if let Some(body) = &outcome.body {
            found.extend(self.body(body, answer));
        }
        if let Some(etag) = &outcome.etag {
            found.extend(self.etag(etag, answer.etag()));
        }
        if let Some(entry) = &outcome.entry {
            found.extend(self.entry(entry, answer));
        }
        found
    }

    /// Whether a copy or a completed upload that must succeed is answered with an error document under the status 200 (Amazon S3 API
    /// Reference, CopyObject and CompleteMultipartUpload: the response must be parsed).
    fn is_error_in_success(&self, outcome: &Outcome, answer: &Answer) -> bool {
        let operation = self.step.request.operation;
        let may = [Operation::CopyObject, Operation::UploadPartCopy, Operation::CompleteMultipartUpload].map(Some);
        let is_success = !outcome.status.is_empty() && outcome.status.iter().all(|status| status.starts_with('2'));
        is_success && may.contains(&operation) && answer.s3_code().is_some()
    }

    fn refused(&self) -> Option<Mismatch> {
        let plain = self.exchange.sent.scheme == Scheme::Plain;
        let expected =
            if plain { "a refusal: a 4xx, a redirect to https, or no connection" } else { "a refusal: a 4xx" };
        let answer = match &self.exchange.reply {
            Reply::Answer(answer) => answer,
            Reply::Closed(_) if plain => return None,
            _ => return Some(Mismatch::new("answer", expected, self.summary())),
        };
        if let Some(body) = answer.body.discloses.first() {
            let actual = format!("{} whose body holds data of `{body}`", self.summary());
            return Some(Mismatch::new("body", "a refusal that gives no object data away", actual));
        }
        let redirects = plain && answer.redirect().is_some_and(|to| to.to_ascii_lowercase().starts_with("https://"));
        let refuses = (400..500).contains(&answer.status) || redirects;
        (!refuses).then(|| Mismatch::new("status", expected, self.summary()))
    }

    fn stored(&self, expected: bool) -> Option<Mismatch> {
        let words = |stored| if stored { "the object is stored" } else { "nothing is stored" };
        let stored = self.is_stored().ok()?;
        (stored != expected).then(|| Mismatch::new("storage", words(expected), words(stored)))
    }

    /// Where it matters whether the object is stored and the listing that tells did not come: that.
    pub fn storage_unknown(&self, outcome: &Outcome) -> Option<Mismatch> {
        if !outcome.asks_for_storage() {
            return None;
        }
        self.is_stored().err().map(|why| Mismatch::new("storage", "a listing that tells", why))
    }

    fn is_stored(&self) -> Result<bool, &'static str> {
        storage(self.transcript, &self.step.id)
    }

    fn header(&self, name: &str, expected: &HeaderMatch, answer: &Answer) -> Option<Mismatch> {
        let actual = answer.header(name);
        let subject = format!("header {name}");
        if expected.absent {
            return actual.map(|value| Mismatch::new(subject, "absent", value));
        }
        if let Some(of_step) = &expected.same_as {
            let other = self.step_header(of_step);
            return (actual.is_none() || actual != other).then(|| {
                Mismatch::new(subject, format!("as in step `{}`: {}", of_step.step, shown(other)), shown(actual))
            });
        }
        if let Some(of_step) = &expected.differs_from {
            return (actual.is_none() || actual == self.step_header(of_step))
                .then(|| Mismatch::new(subject, format!("other than in step `{}`", of_step.step), shown(actual)));
        }
        let (equals, matches) = (expected.equals.clone(), expected.matches.clone());
        let text = TextMatch { equals, matches, digest: expected.digest.clone(), same_as_header: None };
        self.text(&subject, &text, actual, answer)
    }

    fn text(&self, subject: &str, expected: &TextMatch, actual: Option<&str>, answer: &Answer) -> Option<Mismatch> {
        if let Some(BodyDigest { body, algorithm }) = &expected.digest {
            let digest = self.bodies.get(body)?.digest(*algorithm);
            let words = format!("{digest}: the {} of body `{body}`", algorithm.as_str());
            return (actual != Some(&digest)).then(|| Mismatch::new(subject, words, shown(actual)));
        }
        if let Some(name) = &expected.same_as_header {
            let header = answer.header(name);
            let words = format!("as in header {name}: {}", shown(header));
            return (actual.is_none() || actual != header).then(|| Mismatch::new(subject, words, shown(actual)));
        }
        text_mismatch(subject, expected, actual)
    }

    fn is_interrupted(&self) -> bool {
        matches!(self.exchange.reply, Reply::Interrupted)
    }

    fn step_header(&self, of_step: &StepHeader) -> Option<&str> {
        self.transcript.answer(&of_step.step)?.header(&of_step.header)
    }

    fn echo(&self, key: &str, answer: &Answer) -> Vec<Mismatch> {
        let md5 = self.transcript.facts.key_md5.get(key).map_or("", String::as_str);
        [("algorithm", "AES256"), ("key-md5", md5)]
            .into_iter()
            .filter_map(|(header, expected)| {
                let name = format!("x-amz-server-side-encryption-customer-{header}");
                let actual = answer.header(&name);
                (actual != Some(expected)).then(|| Mismatch::new(format!("header {name}"), expected, shown(actual)))
            })
            .collect()
    }

    fn body(&self, expected: &BodyMatch, answer: &Answer) -> Option<Mismatch> {
        let received = &answer.body;
        let cut = received.cut_short.as_ref().map(|why| format!(" (cut short: {why})")).unwrap_or_default();
        let actual = |words: &str| format!("{words}{cut}");
        if let Some(size) = expected.size.or_else(|| expected.empty.then_some(0)) {
            return (received.length != size || received.cut_short.is_some()).then(|| {
                Mismatch::new("body", format!("{size} bytes"), actual(&format!("{} bytes", received.length)))
            });
        }
        if let Some(sha256) = &expected.sha256 {
            let differs = received.sha256 != *sha256 || received.cut_short.is_some();
            return differs.then(|| Mismatch::new("SHA-256 of the body", sha256, actual(&received.sha256)));
        }
        let name = expected.equals.as_ref()?;
        let whole = self.bodies.get(name)?;
        let from = expected.offset.unwrap_or(0).min(whole.len());
        let rest = whole.len() - from;
        let length = expected.length.unwrap_or(rest).min(rest);
        let what = format!("{length} bytes: bytes {from} to {} of body `{name}`", from + length);
        if received.length != length || received.cut_short.is_some() {
            return Some(Mismatch::new("body", what, actual(&format!("{} bytes", received.length))));
        }
        (whole.sha256_of(from..from + length) != received.sha256)
            .then(|| Mismatch::new("body", what, "as many bytes, but other ones"))
    }

    fn etag(&self, expected: &EtagMatch, actual: Option<String>) -> Vec<Mismatch> {
        let mut found = Vec::new();
        let Some(actual) = actual else {
            return vec![Mismatch::new("ETag", "an ETag", "none")];
        };
        if let Some(format) = expected.format {
            let (fits, words) = match format {
                EtagFormat::Hex32 => (is_hex32(&actual), "32 hexadecimal digits"),
                EtagFormat::Multipart => {
                    let count = self.step.request.parts.as_ref().map(|parts| parts.len().to_string());
                    let fits = actual.split_once('-').is_some_and(|(hex, parts)| {
                        let is_number = !parts.is_empty() && parts.chars().all(|c| c.is_ascii_digit());
                        is_hex32(hex) && is_number && count.is_none_or(|count| count == parts)
                    });
                    (fits, "32 hexadecimal digits, `-`, the number of parts")
                }
            };
            if !fits {
                found.push(Mismatch::new("ETag", words, &actual));
            }
        }
        if expected.not_an_md5_of_what_was_sent {
            let digits = actual.split('-').next().unwrap_or_default().to_ascii_lowercase();
            if let Some(what) = self.transcript.facts.md5s.get(&digits) {
                found.push(Mismatch::new(
                    "ETag",
                    "no MD5 of anything that was sent",
                    format!("{actual}: the MD5 of {what}"),
                ));
            }
        }
        if let Some(step) = &expected.same_as {
            let other = self.transcript.answer(step).and_then(Answer::etag);
            if other.as_deref() != Some(&actual) {
                found.push(Mismatch::new("ETag", format!("as in step `{step}`: {}", shown(other.as_deref())), &actual));
            }
        }
        if let Some(step) = &expected.differs_from
            && self.transcript.answer(step).and_then(Answer::etag).as_deref() == Some(&actual)
        {
            found.push(Mismatch::new("ETag", format!("other than in step `{step}`"), actual));
        }
        found
    }

    fn entry(&self, expected: &EntryMatch, answer: &Answer) -> Vec<Mismatch> {
        let Ok(root) = answer.xml() else {
            return vec![Mismatch::new("body", "XML that can be read", "none")];
        };
        let attributes = self.exchange.sent.operation == Operation::GetObjectAttributes.as_str();
        let (found, what) = if attributes {
            (Some(&root), String::new())
        } else if let Some(number) = expected.part_number {
            let number = number.to_string();
            let is_it = |part: &&Element| part.name == "Part" && part.child_text("PartNumber") == Some(&number);
            (root.children.iter().find(is_it), format!("part {number}"))
        } else {
            // The object listed is the step's own; its key ends in its name.
            let name = self.step.request.object_name();
            let suffix = format!("/{name}");
            let is_it = |entry: &&Element| entry.child_text("Key").is_some_and(|key| key.ends_with(&suffix));
            (entries(&root).find(is_it), format!("the object {name}"))
        };
        if expected.absent {
            let found = found.map(|_| Mismatch::new("listing", format!("no entry for {what}"), "an entry"));
            return found.into_iter().collect();
        }
        let Some(entry) = found else {
            return vec![Mismatch::new("listing", format!("an entry for {what}"), "none")];
        };
        let mut mismatches = Vec::new();
        if let Some(size) = expected.size {
            let name = if attributes { "ObjectSize" } else { "Size" };
            let actual = entry.child_text(name);
            if actual != Some(size.to_string().as_str()) {
                mismatches.push(Mismatch::new(format!("listed {name}"), size.to_string(), shown(actual)));
            }
        }
        if let Some(step) = &expected.etag_same_as {
            let actual = entry.child_text("ETag").map(|etag| etag.trim_matches('"').to_owned());
            let other = self.transcript.answer(step).and_then(Answer::etag);
            if actual.is_none() || actual != other {
                let expected = format!("as in step `{step}`: {}", shown(other.as_deref()));
                mismatches.push(Mismatch::new("listed ETag", expected, shown(actual.as_deref())));
            }
        }
        mismatches
    }

    /// The answer in a few words.
    fn summary(&self) -> String {
        match &self.exchange.reply {
            Reply::Answer(answer) => {
                let code = answer.s3_code().map(|code| format!(" {code}")).unwrap_or_default();
                format!("{}{code}", answer.status)
            }
            Reply::Closed(why) | Reply::Failed(why) | Reply::NotSent(why) => why.clone(),
            Reply::Interrupted => "no answer was awaited: the request was cut on purpose".to_owned(),
        }
    }
}

/// The texts of all elements at a path below an element.
fn collect<'e>(element: &'e Element, path: &str, found: &mut Vec<&'e str>) {
    let (name, rest) = path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
    for child in element.children.iter().filter(|child| child.name == name) {
        match rest {
            Some(rest) => collect(child, rest, found),
            None => found.push(&child.text),
        }
    }
}

fn entries(listing: &Element) -> impl Iterator<Item = &Element> {
    let names = ["Contents", "Version", "Upload"];
    listing.children.iter().filter(move |child| names.contains(&child.name.as_str()))
}

fn shown(value: Option<&str>) -> String {
    value.map_or_else(|| "absent".to_owned(), str::to_owned)
}

fn is_hex32(text: &str) -> bool {
    text.len() == 32 && text.chars().all(|c| c.is_ascii_hexdigit())
}

fn status_fits(pattern: &str, status: u16) -> bool {
    let digits = status.to_string();
    pattern == digits || (pattern.ends_with("xx") && pattern.starts_with(&digits[..1]))
}

fn text_mismatch(subject: &str, expected: &TextMatch, actual: Option<&str>) -> Option<Mismatch> {
    if let Some(equals) = &expected.equals {
        return (actual != Some(equals)).then(|| Mismatch::new(subject, equals, shown(actual)));
    }
    let pattern = expected.matches.as_ref()?;
    let fits = actual.is_some_and(|text| pattern::matches(pattern, text));
    (!fits).then(|| Mismatch::new(subject, format!("matching /{pattern}/"), shown(actual)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("200", 200, true)]
    #[case("2xx", 204, true)]
    #[case("4xx", 503, false)]
    #[case("403", 400, false)]
    fn statuses_and_classes(#[case] pattern: &str, #[case] status: u16, #[case] fits: bool) {
        assert_eq!(status_fits(pattern, status), fits);
    }

    #[rstest]
    #[case("0123456789abcdef0123456789ABCDEF", true)]
    #[case("0123456789abcdef0123456789abcde", false)]
    #[case("0123456789abcdef0123456789abcdeg", false)]
    fn etags_of_32_hexadecimal_digits(#[case] etag: &str, #[case] fits: bool) {
        assert_eq!(is_hex32(etag), fits);
    }
}
