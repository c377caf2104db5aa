//! The S3 errors of the reference endpoint, with the fields that AWS puts beside code and message.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use http::StatusCode;
use s3s::{S3Error, S3ErrorCode};

/// Further fields of the error that a request ends in (`ArgumentName`, …), and its cause. Handed down in the request's extensions,
/// because s3s's own error holds none; [`super::http`] writes them into the answer.
#[derive(Clone, Default)]
pub(super) struct ErrorFields(Arc<Mutex<Told>>);

/// What a refusal hands up to the HTTP layer.
#[derive(Default)]
pub(super) struct Told {
    pub fields: Vec<(&'static str, String)>,
    pub cause: Option<Cause>,
    /// A status in place of the operation's own.
    pub status: Option<StatusCode>,
    /// Further headers of the answer.
    pub headers: Vec<(&'static str, String)>,
}

impl ErrorFields {
    pub fn tell(&self, told: Told) {
        if let Ok(mut held) = self.0.lock() {
            *held = told;
        }
    }

    pub fn take(&self) -> Told {
        self.0.lock().map(|mut held| std::mem::take(&mut *held)).unwrap_or_default()
    }
}

/// What of SSE-C a request was refused for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    WithoutTls,
    TwoEncryptions,
    NoAlgorithm,
    UnknownAlgorithm,
    NoKey,
    InvalidKey,
    NoMd5,
    WrongMd5,
    /// An SSE-C object is read without a key.
    KeyNeeded,
    /// An SSE-C object is copied without its key.
    KeyNeededForCopy,
    WrongKey,
    /// A plain object is read with a key.
    NotApplicable,
    PartDiffers,
    OtherKeyThanCreated,
    /// A bucket policy, or SSE-C blocked on the bucket.
    Setting,
    /// A form's policy does not list its SSE-C fields.
    NotInPolicy,
}

/// A refusal: status, code, message, further fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// What of SSE-C it is for, if it is for that.
    pub cause: Option<Cause>,
    pub status: u16,
    pub code: &'static str,
    pub message: Cow<'static, str>,
    pub fields: Vec<(&'static str, String)>,
    /// Headers of the answer.
    pub headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub fn new(status: u16, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { cause: None, status, code, message: message.into(), fields: Vec::new(), headers: Vec::new() }
    }

    /// The same with further headers.
    pub fn with_headers(mut self, headers: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        self.headers.extend(headers);
        self
    }

    /// The same with `ArgumentName` and `ArgumentValue`.
    pub fn argument(mut self, name: &str, value: &str) -> Self {
        self.fields = vec![("ArgumentName", name.to_owned()), ("ArgumentValue", value.to_owned())];
        self
    }

    /// The same with a message of this request's own.
    pub fn saying(mut self, text: String) -> Self {
        self.message = text.into();
        self
    }

    /// The same for this cause.
    pub fn because(mut self, cause: Cause) -> Self {
        self.cause = Some(cause);
        self
    }

    /// The same with one more field.
    pub fn field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// As an error of s3s; the fields go by way of `extensions`.
    pub fn into_error(self, extensions: &http::Extensions) -> S3Error {
        if let Some(fields) = extensions.get::<ErrorFields>() {
            fields.tell(Told { fields: self.fields, cause: self.cause, status: None, headers: self.headers });
        }
        let code = S3ErrorCode::from_bytes(self.code.as_bytes()).unwrap_or(S3ErrorCode::InternalError);
        let mut error = S3Error::with_message(code, self.message);
        error.set_status_code(StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
        error
    }
}

/// Refusals that have nothing to do with SSE-C.
impl Refusal {
    pub fn no_such_bucket() -> Self {
        Self::new(404, "NoSuchBucket", "The specified bucket does not exist")
    }

    pub fn no_such_key() -> Self {
        Self::new(404, "NoSuchKey", "The specified key does not exist.")
    }

    pub fn no_such_version() -> Self {
        Self::new(404, "NoSuchVersion", "The specified version does not exist.")
    }

    pub fn no_such_upload() -> Self {
        let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been \
                       aborted or completed.";
        Self::new(404, "NoSuchUpload", message)
    }

    pub fn precondition_failed() -> Self {
        let message = "At least one of the pre-conditions you specified did not hold";
        Self::new(412, "PreconditionFailed", message)
    }

    pub fn not_modified() -> Self {
        Self::new(304, "NotModified", "Not Modified")
    }

    pub fn invalid_range() -> Self {
        Self::new(416, "InvalidRange", "The requested range is not satisfiable")
    }

    pub fn invalid_part(upload_id: &str, number: i32, etag: &str) -> Self {
        let message = "One or more of the specified parts could not be found.  The part may not have been uploaded, or \
                       the specified entity tag may not match the part's entity tag.";
        let refusal = Self::new(400, "InvalidPart", message);
        refusal.field("UploadId", upload_id).field("PartNumber", number.to_string()).field("ETag", etag)
    }

    pub fn bad_digest() -> Self {
        let message = "The Content-MD5 you specified did not match what we received.";
        Self::new(400, "BadDigest", message)
    }

    pub fn invalid_argument(message: &'static str) -> Self {
        Self::new(400, "InvalidArgument", message)
    }

    pub fn not_implemented(message: &'static str) -> Self {
        Self::new(501, "NotImplemented", message)
    }

    pub fn memory_full() -> Self {
        Self::new(503, "ServiceUnavailable", "The memory set aside for objects is full.")
    }

    pub fn internal() -> Self {
        Self::new(500, "InternalError", "We encountered an internal error. Please try again.")
    }
}
