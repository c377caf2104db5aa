//! Breaches that any step shows, whatever it is there for: an SSE-C object read without its key, other bytes than were stored, a
//! customer key in a response. A guard or a control that shows one fails its case, and accuses the rule that is broken.

use super::check::{Check, Mismatch};
use super::{Finding, KEY_NEVER_RETURNED, Terms};
use crate::evidence::Answer;
use crate::suite::model::{BucketKind, Level, Operation, Payload, Request, SseC, Step};

/// Finds the breach that the response to a step shows.
pub(super) fn of_step(step: &Step, terms: Terms<'_>, check: &Check<'_>) -> Option<Box<Finding>> {
    let is_evidence = step.needs.as_deref().is_none_or(|needs| check.outcome(needs).is_empty());
    // The rules of a judged step say what its own response breaks.
    if !step.setup && !step.probe && !terms.control && !terms.observes && is_evidence {
        return None;
    }
    let history = History { steps: terms.steps, until: step, check };
    let found = read_without_key(step, terms, &history).or_else(|| part_without_key(step, &history));
    let (rule, mismatches) = found.or_else(|| other_content(step, &history))?;
    Some(finding(step, terms, rule, mismatches))
}

/// The finding for customer keys in a response.
pub(super) fn of_leaks(step: &Step, terms: Terms<'_>, leaks: Vec<Mismatch>) -> Box<Finding> {
    finding(step, terms, KEY_NEVER_RETURNED, leaks)
}

pub(super) fn finding(step: &Step, terms: Terms<'_>, rule: &str, mismatches: Vec<Mismatch>) -> Box<Finding> {
    let (step, rules) = (step.id.clone(), vec![rule.to_owned()]);
    Box::new(Finding { step, control: terms.control, rules, level: Some(Level::Must), mismatches })
}

/// A read, or a copy, of an SSE-C object that succeeds without the object's key.
fn read_without_key(step: &Step, terms: Terms<'_>, history: &History<'_>) -> Option<(&'static str, Vec<Mismatch>)> {
    let request = &step.request;
    // A refusal that holds data of an object is a read as well.
    let discloses = |answer: &&Answer| !answer.body.discloses.is_empty();
    let answer = history.succeeded(step).or_else(|| history.check.transcript.answer(&step.id).filter(discloses))?;
    let (object, version_of, presented, is_copy) = match request.operation? {
        Operation::GetObject | Operation::HeadObject | Operation::GetObjectAttributes => {
            (request.object_name(), request.version_of.as_deref(), request.sse_c.as_deref(), false)
        }
        Operation::CopyObject | Operation::UploadPartCopy => {
            let source = request.copy_source.as_deref()?;
            (source.object_name(), source.version_of.as_deref(), source.sse_c.as_deref(), true)
        }
        _ => return None,
    };
    let key = history.key_of(object, version_of)?;
    let (with, rule) = match presented {
        None => ("without a key", "read-needs-key"),
        Some(sse_c) if *sse_c == SseC::default() => ("without a key", "read-needs-key"),
        // Otherwise written, or without its MD5, it is the object's key all the same.
        Some(SseC { key: Some(other), customer_key: None, .. }) if other != key => {
            ("with another key", "read-wrong-key")
        }
        Some(_) => return None,
    };
    let what =
        if is_copy { "a refusal of the copy of an SSE-C object" } else { "a refusal of the read of an SSE-C object" };
    let rule = match history.write_of(object, version_of)?.request.operation {
        _ if is_copy => "copy-needs-source-key",
        _ if request.operation == Some(Operation::GetObjectAttributes) => "attributes-need-key",
        Some(Operation::CopyObject) => "copy-target-key",
        _ if terms.bucket == BucketKind::DefaultEncrypted => "default-encryption-yields",
        _ => rule,
    };
    Some((rule, vec![Mismatch::new("status", what, format!("{} {with}", answer.status))]))
}

fn is_part(operation: Option<Operation>) -> bool {
    matches!(operation, Some(Operation::UploadPart | Operation::UploadPartCopy))
}

/// A part that is taken without the customer key of its upload.
fn part_without_key(step: &Step, history: &History<'_>) -> Option<(&'static str, Vec<Mismatch>)> {
    let request = &step.request;
    let answer = history.succeeded(step).filter(|_| is_part(request.operation))?;
    let key = history.key_of_upload(request.upload.as_deref()?)?;
    let (with, rule) = match request.sse_c.as_deref() {
        None => ("without a key", "part-as-created"),
        Some(sse_c) if *sse_c == SseC::default() => ("without a key", "part-as-created"),
        Some(sse_c) => ("with another key", right_key(sse_c).filter(|other| *other != key).map(|_| "part-same-key")?),
    };
    let expected = "a refusal of a part without the customer key of its upload";
    Some((rule, vec![Mismatch::new("status", expected, format!("{} {with}", answer.status))]))
}

/// A read of an SSE-C object under its key that succeeds with other content, or another size, than was stored.
fn other_content(step: &Step, history: &History<'_>) -> Option<(&'static str, Vec<Mismatch>)> {
    let request = &step.request;
    let is_get = match request.operation? {
        Operation::GetObject => true,
        Operation::HeadObject => false,
        _ => return None,
    };
    let answer = history.succeeded(step).filter(|answer| answer.body.cut_short.is_none())?;
    let key = history.key_of(request.object_name(), request.version_of.as_deref())?;
    request.sse_c.as_deref().filter(|presented| right_key(presented) == Some(key))?;
    let outcomes = step.needs.as_deref().into_iter().chain(step.expect.as_deref());
    let found: Vec<Mismatch> = outcomes.flat_map(|outcome| history.check.outcome(outcome)).collect();
    let about = |subject: &str| found.iter().find(|mismatch| mismatch.subject == subject).cloned();
    let is_range = request.headers.iter().flatten().any(|(name, _)| name.eq_ignore_ascii_case("range"));
    if let Some(body) = about("body").or_else(|| about("SHA-256 of the body")).filter(|_| is_get) {
        let rule = match () {
            () if is_range => "range-exact",
            () if request.part_number.is_some() => "part-number-exact",
            () => match history.write_of(request.object_name(), request.version_of.as_deref())?.request {
                Request { operation: Some(Operation::CopyObject), .. } => "copy-target-key",
                Request { operation: Some(Operation::CompleteMultipartUpload), .. } => "multipart-round-trip",
                Request { payload: Some(framed), .. } if framed != Payload::Whole && begins_with_a_chunk(answer) => {
                    "aws-chunked-decoded"
                }
                _ => "read-right-key",
            },
        };
        return Some((rule, vec![body]));
    }
    let rule = if request.part_number.is_some() { "head-part-number" } else { "content-length-plaintext" };
    about("header content-length")
        .filter(|_| !is_get && answer.header("content-length").is_some())
        .map(|length| (rule, vec![length]))
}

/// Whether a body begins with the size of a chunk in hexadecimal, as the aws-chunked framing does.
fn begins_with_a_chunk(answer: &Answer) -> bool {
    let line = answer.body.text.as_deref().and_then(|text| text.split_once("\r\n")).map(|(line, _)| line);
    let size = line.map(|line| line.split(';').next().unwrap_or_default());
    size.is_some_and(|size| !size.is_empty() && size.chars().all(|digit| digit.is_ascii_hexdigit()))
}

/// The customer key whose three headers are sent as they must be.
fn right_key(sse_c: &SseC) -> Option<&str> {
    let SseC { key, algorithm: None, customer_key: None, md5: None } = sse_c else { return None };
    key.as_deref()
}

/// The steps before one, as far as they succeeded.
struct History<'a> {
    steps: &'a [std::sync::Arc<Step>],
    until: &'a Step,
    check: &'a Check<'a>,
}

impl<'a> History<'a> {
    /// The response to a step, where it is a success that names no error.
    fn succeeded(&self, step: &Step) -> Option<&'a Answer> {
        let answer = self.check.transcript.answer(&step.id)?;
        ((200..300).contains(&answer.status) && answer.s3_code().is_none()).then_some(answer)
    }

    fn before(&self) -> impl DoubleEndedIterator<Item = &'a Step> + Clone + use<'a> {
        let until = self.until.id.clone();
        let end = self.steps.iter().position(|step| step.id == until).unwrap_or(0);
        self.steps[..end].iter().map(AsRef::as_ref)
    }

    /// The step that last changed an object.
    fn last_write(&self, object: &str) -> Option<&'a Step> {
        let changes = |request: &Request| match request.operation {
            Some(Operation::DeleteObjects) => request.delete.iter().flatten().any(|name| name == object),
            Some(
                Operation::PutObject
                | Operation::PostObject
                | Operation::CopyObject
                | Operation::CompleteMultipartUpload
                | Operation::DeleteObject,
            ) => request.object_name() == object,
            _ => false,
        };
        let mut writes = self.before().rev().filter(|step| changes(&step.request));
        // A failed or interrupted write, or one of several at the same time, may have changed it or not.
        let last = writes.next().filter(|step| self.succeeded(step).is_some())?;
        let is_alone = last.together.is_none() || writes.all(|other| other.together != last.together);
        is_alone.then_some(last)
    }

    /// The customer key under which an object, or the version that a step made, is stored; `None` where it is unencrypted or unknown.
    fn key_of(&self, object: &str, version_of: Option<&str>) -> Option<&'a str> {
        let write = self.write_of(object, version_of)?;
        match write.request.operation? {
            Operation::PutObject | Operation::PostObject | Operation::CopyObject => {
                right_key(write.request.sse_c.as_deref()?)
            }
            Operation::CompleteMultipartUpload => self.key_of_upload(write.request.upload.as_deref()?),
            _ => None,
        }
    }

    /// The customer key that the step of this id created an upload under.
    fn key_of_upload(&self, create: &str) -> Option<&'a str> {
        let create = self.before().find(|step| step.id == create).filter(|step| self.succeeded(step).is_some())?;
        right_key(create.request.sse_c.as_deref()?)
    }

    /// The successful step that made an object, or a version of it.
    fn write_of(&self, object: &str, version_of: Option<&str>) -> Option<&'a Step> {
        match version_of {
            Some(id) => self.before().find(|step| step.id == id).filter(|step| self.succeeded(step).is_some()),
            None => self.last_write(object),
        }
    }
}
