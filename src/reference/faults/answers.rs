//! What answers say of an object, and how refusals are written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

use super::{Action, Departure, Faults};
use crate::reference::request::{Form, Operation, Request, Transport};
use crate::reference::sse_c::Echo;
use crate::reference::sse_c::{GivenKey, SOURCE, TARGET};

/// Where an answer shows an object's ETag or size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    Get,
    Head,
    Attributes,
    Listing,
    FirstListing,
    Versions,
    Parts,
}

/// How algorithm and MD5 are echoed wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EchoFlaw {
    Missing,
    /// The MD5 in hexadecimal.
    Md5InHex,
    /// The MD5 alone, without the algorithm.
    AlgorithmMissing,
}

/// What an ETag is made of in place of chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EtagFlaw {
    Md5OfPlaintext,
    /// A digest of key and body.
    KeyAndBody,
    /// A digest of the body, salted, so that it is no MD5 of it.
    Body,
    /// Chance, but written as a UUID.
    Uuid,
    /// Chance, but 48 digits.
    Long,
}

/// What is known of a request.
#[derive(Clone)]
pub(crate) struct Asked {
    pub transport: Transport,
    pub presigned: bool,
    pub is_form: bool,
    /// What it does with customer keys: one, or two in a copy.
    pub actions: Vec<Action>,
}

impl Asked {
    pub fn of(request: &Request) -> Self {
        let carries = |prefix: &str| request.headers.keys().any(|name| name.as_str().starts_with(prefix));
        let main = match request.operation() {
            Operation::PutObject => Some(Action::Put),
            Operation::PostObject => Some(Action::Post),
            Operation::GetObject => Some(Action::Get),
            Operation::HeadObject => Some(Action::Head),
            Operation::GetObjectAttributes => Some(Action::Attributes),
            Operation::CopyObject => Some(Action::CopyTarget),
            Operation::CreateMultipartUpload => Some(Action::CreateUpload),
            Operation::UploadPart => Some(Action::UploadPart),
            Operation::UploadPartCopy => Some(Action::PartCopyTarget),
            // CompleteMultipartUpload and ListParts take SSE-C headers, and do nothing with them.
            _ => None,
        };
        let mut actions = Vec::new();
        if carries(TARGET) {
            actions.extend(main);
        }
        if carries(SOURCE) {
            let part = main == Some(Action::PartCopyTarget);
            actions.push(if part { Action::PartCopySource } else { Action::CopySource });
        }
        Self {
            transport: request.transport,
            presigned: request.form == Form::Presigned,
            is_form: request.form == Form::Html,
            actions,
        }
    }
}

impl Faults {
    /// What an answer echoes.
    pub(crate) fn echo(&self, action: Action, rightly: Echo) -> Echo {
        let told = rightly.customer_algorithm.is_some();
        let flaw = self.first(|departure| match departure {
            Departure::Echoes(actions, flaw) if told && actions.contains(&action) => Some(flaw),
            _ => None,
        });
        match flaw {
            None => rightly,
            Some(EchoFlaw::Missing) => Echo { customer_algorithm: None, customer_key_md5: None, ..rightly },
            Some(EchoFlaw::AlgorithmMissing) => Echo { customer_algorithm: None, ..rightly },
            Some(EchoFlaw::Md5InHex) => {
                Echo { customer_key_md5: rightly.customer_key_md5.as_deref().map(in_hex), ..rightly }
            }
        }
    }

    /// The ETag of data written under a customer key; `md5` is that of the plaintext, in hexadecimal.
    pub(crate) fn etag(&self, action: Action, rightly: String, key: &GivenKey, md5: &str) -> String {
        let flaw = self.first(|departure| match departure {
            Departure::MakesEtags(actions, flaw) if actions.contains(&action) => Some(flaw),
            _ => None,
        });
        match flaw {
            None => rightly,
            Some(EtagFlaw::Md5OfPlaintext) => md5.to_owned(),
            Some(EtagFlaw::KeyAndBody) => digest(&[&key.md5, md5]),
            Some(EtagFlaw::Body) => digest(&["of the body", md5]),
            Some(EtagFlaw::Uuid) => {
                let [a, b, c, d] = [8, 12, 16, 20].map(|at| rightly.get(at..).unwrap_or_default());
                format!("{}-{}-{}-{}-{d}", first(&rightly, 8), first(a, 4), first(b, 4), first(c, 4))
            }
            Some(EtagFlaw::Long) => format!("{rightly}{}", first(&rightly, 16)),
        }
    }

    /// The ETag that an answer shows of an SSE-C object.
    pub(crate) fn etag_shown(&self, view: View, rightly: &str) -> String {
        let other = self.any_is(|d| matches!(d, Departure::ShowsOtherEtag(own) if own == view));
        if other { digest(&["another", rightly]) } else { rightly.to_owned() }
    }

    /// The size that an answer shows of data of so many segments under a customer key.
    pub(crate) fn size_shown(&self, view: View, rightly: u64, multipart: bool) -> u64 {
        let of_ciphertext = self.any_is(|departure| match departure {
            Departure::ShowsCiphertextSize(own) => own == view && !multipart,
            Departure::ShowsCiphertextSizeOfParts(own) => own == view && multipart,
            _ => false,
        });
        // A tag of 16 bytes for each segment, of which there is at least one.
        let segments = rightly.div_ceil(crate::reference::content::SEGMENT as u64).max(1);
        if of_ciphertext { rightly + 16 * segments } else { rightly }
    }
}

fn in_hex(base64: &str) -> String {
    hex::encode(STANDARD.decode(base64).unwrap_or_default())
}

fn digest(of: &[&str]) -> String {
    hex::encode(Md5::digest(of.join("\n").as_bytes()))
}

fn first(text: &str, length: usize) -> &str {
    text.get(..length).unwrap_or(text)
}
