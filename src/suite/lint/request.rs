//! What is sent: members that go together, and what headers are made from.

use std::sync::Arc;

use super::{Before, Lint};
use crate::suite::limits::MAX_LISTED;
use crate::suite::locate::escape;
use crate::suite::model::{Auth, BucketKind, HeaderSpec, Operation, Payload, Request, SseC, Step};

impl Lint<'_, '_> {
    pub(super) fn request(&mut self, pointer: &str, request: &Request, before: Before<'_>, bucket: Option<BucketKind>) {
        match request.operation {
            Some(operation) => self.of_operation(pointer, request, operation, bucket),
            None => self.error(pointer, "the member `operation` is missing here", None),
        }
        let on_its_own =
            [request.interrupted.is_some(), request.header_case.is_some(), request.own_connection == Some(true)];
        if on_its_own.iter().filter(|it| **it).count() > 1 {
            let message = "give at most one of `interrupted`, `header_case` and `own_connection`";
            self.error(pointer, message, None);
        }
        if request.sse_c_if.is_some() && request.sse_c.is_none() {
            self.error(&format!("{pointer}/sse_c_if"), "`sse_c_if` goes with `sse_c`", None);
        }
        if request.version_of.is_some() && bucket.is_some_and(|bucket| bucket != BucketKind::Versioned) {
            self.error(
                &format!("{pointer}/version_of"),
                "only a scenario with `\"bucket\": \"versioned\"` has versions",
                None,
            );
        }
        if request.payload.unwrap_or_default() != Payload::Whole && request.auth.unwrap_or_default() != Auth::Signed {
            let message = "an aws-chunked body goes with a request signed in its header";
            self.error(&format!("{pointer}/payload"), message, None);
        }
        if request.part_number.is_some_and(|n| !(1..=10_000).contains(&n)) {
            self.error(&format!("{pointer}/part_number"), "a part number is 1 to 10000", None);
        }
        self.reach(pointer, request);
        self.names(pointer, request, before);
        let headers = request.headers.iter().flatten().map(|(name, spec)| ("headers", name, spec));
        let tampered = request.tampered.iter().flatten().map(|(name, spec)| ("tampered", name, spec));
        for (member, name, spec) in headers.chain(tampered) {
            let at = format!("{pointer}/{member}/{}", escape(name));
            if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
                self.error(&at, format!("`{name}` is not a header name"), None);
            }
            self.header(&at, spec, None, before);
            if spec.lines().any(|l| l.form.is_some() && l.key.is_none()) {
                self.error(&at, "`form` needs the `key` it is a form of here", None);
            }
        }
    }

    /// Members go with the operation.
    fn of_operation(&mut self, pointer: &str, request: &Request, operation: Operation, bucket: Option<BucketKind>) {
        use Operation as Op;
        let mut goes_with = |member: &str, given: bool, needs: bool| {
            if given && !takes(operation, member) {
                self.error(&format!("{pointer}/{member}"), format!("{} takes no `{member}`", operation.as_str()), None);
            } else if needs && !given {
                self.missing.extend((member == "body").then_some("bodies"));
                self.error(pointer, format!("{} needs `{member}`", operation.as_str()), None);
            }
        };
        // What an operation takes it needs, but for these.
        let is_optional = |member: &str| {
            let numbered = matches!(operation, Op::GetObject | Op::HeadObject) && member == "part_number";
            numbered || matches!(member, "unlisted" | "interrupted")
        };
        let given = [
            ("upload", request.upload.is_some()),
            ("part_number", request.part_number.is_some()),
            ("copy_source", request.copy_source.is_some()),
            ("parts", request.parts.is_some()),
            ("body", request.body.is_some()),
            ("unlisted", request.unlisted.is_some()),
            ("delete", request.delete.is_some()),
            ("policy", request.policy.is_some()),
            ("interrupted", request.interrupted.is_some()),
        ];
        for (member, is_given) in given {
            goes_with(member, is_given, takes(operation, member) && !is_optional(member));
        }
        let has_trailer = request.payload.unwrap_or_default().has_trailer();
        if request.trailer.is_some() && !has_trailer && !self.is_any_unknown(pointer, &["payload"]) {
            self.error(&format!("{pointer}/trailer"), "only an aws-chunked body can have a trailer", None);
        }
        let sets = matches!(operation, Op::PutBucketPolicy | Op::PutBucketEncryption);
        if sets && bucket.is_some_and(|bucket| bucket != BucketKind::Own) {
            let help = Some("add `\"bucket\": \"own\"` to the scenario".to_owned());
            self.error(pointer, "only a bucket of the case's own may be set up by it", help);
        }
        if operation == Op::PostObject && (request.tampered.is_some() || request.unsigned_headers.is_some()) {
            let message = "a form has its key in its fields: use `unlisted`, and no `tampered` or `unsigned_headers`";
            self.error(pointer, message, None);
        }
        if request.own_connection == Some(true) && operation != Op::HeadObject {
            self.error(&format!("{pointer}/own_connection"), "`own_connection` goes with HeadObject", None);
        }
    }

    /// What is named is there: bodies, customer keys, earlier steps. What does not go with the operation is reported as such.
    fn names(&mut self, pointer: &str, request: &Request, before: Before<'_>) {
        use Operation as Op;
        let is_taken = |member: &str| request.operation.is_none_or(|operation| takes(operation, member));
        if let Some(body) = request.body.as_ref().filter(|_| is_taken("body")) {
            self.body_named(&format!("{pointer}/body"), body);
        }
        let created = |step: &&Arc<Step>| step.request.operation == Some(Op::CreateMultipartUpload);
        let upload = request.upload.as_ref().filter(|name| before.get(name).filter(created).is_none());
        if let Some(name) = upload.filter(|name| is_taken("upload") && !self.is_step_unsure(name, before)) {
            let creates = before.steps.iter().filter(created).map(|step| step.id.as_str());
            let help = self.found.suggest(name, creates);
            let message = format!("there is no earlier CreateMultipartUpload step `{name}`");
            self.error(&format!("{pointer}/upload"), message, help);
        }
        let parts = request.parts.iter().filter(|_| is_taken("parts")).flatten();
        for (i, name) in parts.take(MAX_LISTED).enumerate() {
            self.step_named(&format!("{pointer}/parts/{i}"), name, before);
        }
        let source_version = request.copy_source.as_ref().and_then(|s| s.version_of.as_ref());
        for name in request.version_of.iter().chain(source_version) {
            self.step_named(&format!("{pointer}/version_of"), name, before);
        }
        if let Some(sse_c) = &request.sse_c {
            self.sse_c(&format!("{pointer}/sse_c"), sse_c, before);
        }
        if let Some(sse_c) = request.copy_source.as_ref().and_then(|s| s.sse_c.as_ref()) {
            self.sse_c(&format!("{pointer}/copy_source/sse_c"), sse_c, before);
        }
        if let Some(digest) = &request.trailer {
            self.body_named(&format!("{pointer}/trailer/body"), &digest.body);
        }
    }

    fn sse_c(&mut self, pointer: &str, sse_c: &SseC, before: Before<'_>) {
        if let Some(key) = &sse_c.key {
            self.key_named(&format!("{pointer}/key"), key);
        } else if !sse_c.is_empty() {
            self.missing.insert("keys");
            self.error(pointer, "name the customer `key` that the headers are derived from", None);
        }
        let headers = [("algorithm", &sse_c.algorithm), ("customer_key", &sse_c.customer_key), ("md5", &sse_c.md5)];
        for (member, spec) in headers {
            if let Some(spec) = spec {
                self.header(&format!("{pointer}/{member}"), spec, sse_c.key.as_deref(), before);
            }
        }
    }

    fn header(&mut self, pointer: &str, spec: &HeaderSpec, own: Option<&str>, before: Before<'_>) {
        for line in spec.lines() {
            let derived = line.key.is_some() || line.form.is_some();
            let given = [line.absent, line.value.is_some(), line.of_step.is_some(), line.digest.is_some(), derived];
            let count = given.iter().filter(|g| **g).count();
            if count > 1 || (count == 0 && own.is_none()) || (line.absent && spec.then.is_some()) {
                self.missing.extend(["keys", "bodies"]);
                let message = "give one of `absent`, `value`, `of_step`, `digest`, or `key` and/or `form`";
                self.error(pointer, message, None);
            }
            if line.value.as_ref().is_some_and(|v| http::HeaderValue::from_str(v).is_err() || v.trim() != v) {
                let help = Some("HTTP takes visible characters, and strips blanks at the ends".to_owned());
                self.error(&format!("{pointer}/value"), "this cannot be sent as a header value", help);
            }
            if line.seconds_later.is_some() && line.of_step.is_none() {
                self.error(&format!("{pointer}/seconds_later"), "`seconds_later` goes with `of_step`", None);
            }
            self.header_length(&format!("{pointer}/value"), line.value.as_deref().unwrap_or_default());
            if let Some(key) = &line.key {
                self.key_named(&format!("{pointer}/key"), key);
            }
            if let Some(digest) = &line.digest {
                self.body_named(&format!("{pointer}/digest/body"), &digest.body);
            }
            if let Some(of_step) = &line.of_step {
                self.step_named(&format!("{pointer}/of_step/step"), &of_step.step, before);
            }
        }
    }
}

/// Whether an operation takes a member of a request that does not go with all of them.
fn takes(operation: Operation, member: &str) -> bool {
    use Operation as Op;
    let part = matches!(operation, Op::UploadPart | Op::UploadPartCopy);
    let uploads = matches!(operation, Op::PutObject | Op::UploadPart);
    match member {
        "upload" => part || matches!(operation, Op::CompleteMultipartUpload | Op::AbortMultipartUpload | Op::ListParts),
        "part_number" => part || matches!(operation, Op::GetObject | Op::HeadObject),
        "copy_source" => matches!(operation, Op::CopyObject | Op::UploadPartCopy),
        "parts" => operation == Op::CompleteMultipartUpload,
        "body" => uploads || matches!(operation, Op::PostObject | Op::PutObjectTagging | Op::PutBucketEncryption),
        "unlisted" => operation == Op::PostObject,
        "delete" => operation == Op::DeleteObjects,
        "policy" => operation == Op::PutBucketPolicy,
        "interrupted" => uploads,
        _ => true,
    }
}
