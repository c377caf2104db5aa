//! What is sent: members that go together, and what headers are made from.

use std::sync::Arc;

use super::{Before, Lint};
use crate::suite::limits::MAX_LISTED;
use crate::suite::locate::escape;
use crate::suite::model::{Auth, BucketKind, HeaderSpec, Operation, Payload, Request, SseC, Step};

impl Lint<'_, '_> {
    pub(super) fn request(&mut self, pointer: &str, request: &Request, before: Before<'_>, bucket: BucketKind) {
        let Some(operation) = request.operation else {
            self.error(pointer, "the member `operation` is missing here", None);
            return;
        };
        use Operation as Op;
        let part = matches!(operation, Op::UploadPart | Op::UploadPartCopy);
        let upload =
            part || matches!(operation, Op::CompleteMultipartUpload | Op::AbortMultipartUpload | Op::ListParts);
        let copy = matches!(operation, Op::CopyObject | Op::UploadPartCopy);
        let numbered = part || matches!(operation, Op::GetObject | Op::HeadObject);
        let mut goes_with = |member: &str, given: bool, takes: bool, needs: bool| {
            if given && !takes {
                self.error(&format!("{pointer}/{member}"), format!("{} takes no `{member}`", operation.as_str()), None);
            } else if needs && !given {
                self.error(pointer, format!("{} needs `{member}`", operation.as_str()), None);
            }
        };
        goes_with("upload", request.upload.is_some(), upload, upload);
        goes_with("part_number", request.part_number.is_some(), numbered, part);
        goes_with("copy_source", request.copy_source.is_some(), copy, copy);
        let completes = operation == Op::CompleteMultipartUpload;
        goes_with("parts", request.parts.is_some(), completes, completes);
        let uploads = matches!(operation, Op::PutObject | Op::UploadPart);
        let has_body = uploads || matches!(operation, Op::PostObject | Op::PutObjectTagging | Op::PutBucketEncryption);
        goes_with("body", request.body.is_some(), has_body, has_body);
        goes_with("unlisted", request.unlisted.is_some(), operation == Op::PostObject, false);
        let (deletes, sets_policy) = (operation == Op::DeleteObjects, operation == Op::PutBucketPolicy);
        goes_with("delete", request.delete.is_some(), deletes, deletes);
        goes_with("policy", request.policy.is_some(), sets_policy, sets_policy);
        goes_with("interrupted", request.interrupted.is_some(), uploads, false);
        let has_trailer = request.payload.unwrap_or_default().has_trailer();
        if request.trailer.is_some() && !has_trailer {
            self.error(&format!("{pointer}/trailer"), "only an aws-chunked body can have a trailer", None);
        }
        let sets = matches!(operation, Op::PutBucketPolicy | Op::PutBucketEncryption);
        if sets && bucket != BucketKind::Own {
            let help = Some("add `\"bucket\": \"own\"` to the scenario".to_owned());
            self.error(pointer, "only a bucket of the case's own may be set up by it", help);
        }
        if operation == Op::PostObject && (request.tampered.is_some() || request.unsigned_headers.is_some()) {
            let message = "a form has its key in its fields: use `unlisted`, and no `tampered` or `unsigned_headers`";
            self.error(pointer, message, None);
        }
        let on_its_own =
            [request.interrupted == Some(true), request.header_case.is_some(), request.own_connection == Some(true)];
        if on_its_own.iter().filter(|it| **it).count() > 1 {
            let message = "give at most one of `interrupted`, `header_case` and `own_connection`";
            self.error(pointer, message, None);
        }
        if request.sse_c_if.is_some() && request.sse_c.is_none() {
            self.error(&format!("{pointer}/sse_c_if"), "`sse_c_if` goes with `sse_c`", None);
        }
        if request.version_of.is_some() && bucket != BucketKind::Versioned {
            self.error(
                &format!("{pointer}/version_of"),
                "only a scenario with `\"bucket\": \"versioned\"` has versions",
                None,
            );
        }
        if request.own_connection == Some(true) && operation != Op::HeadObject {
            self.error(&format!("{pointer}/own_connection"), "`own_connection` goes with HeadObject", None);
        }
        if request.payload.unwrap_or_default() != Payload::Whole && request.auth.unwrap_or_default() != Auth::Signed {
            let message = "an aws-chunked body goes with a request signed in its header";
            self.error(&format!("{pointer}/payload"), message, None);
        }
        if request.part_number.is_some_and(|n| !(1..=10_000).contains(&n)) {
            self.error(&format!("{pointer}/part_number"), "a part number is 1 to 10000", None);
        }
        if let Some(body) = &request.body {
            self.body_named(&format!("{pointer}/body"), body);
        }
        self.reach(pointer, request, operation);
        let created = |step: &&Arc<Step>| step.request.operation == Some(Op::CreateMultipartUpload);
        if let Some(name) = request.upload.as_ref().filter(|name| before.get(name).filter(created).is_none()) {
            let creates = before.steps.iter().filter(created).map(|step| step.id.as_str());
            let help = self.found.suggest(name, creates);
            let message = format!("there is no earlier CreateMultipartUpload step `{name}`");
            self.error(&format!("{pointer}/upload"), message, help);
        }
        for (i, name) in request.parts.iter().flatten().take(MAX_LISTED).enumerate() {
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

    fn sse_c(&mut self, pointer: &str, sse_c: &SseC, before: Before<'_>) {
        if let Some(key) = &sse_c.key {
            self.key_named(&format!("{pointer}/key"), key);
        } else if !sse_c.is_empty() {
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
