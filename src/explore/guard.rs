//! Guards: setup steps that show that a finding is about its rule, and not about something more basic that is broken, too.

use serde_json::{Value, json};

use super::action::Reading;
use super::names::{Body, GUARD, Key};

/// Steps of a scenario that must come out as expected, else it is blocked.
#[derive(Debug, Clone, PartialEq)]
pub struct Guard {
    /// The number of the request that they come before; at the beginning where there is none.
    pub before: Option<usize>,
    /// The steps.
    pub steps: Vec<Value>,
}

fn at_the_beginning(steps: Vec<Value>) -> Guard {
    Guard { before: None, steps }
}

fn put_guarded() -> Value {
    json!({"id": "put-guarded", "setup": true,
        "request": {"operation": "PutObject", "object": "guarded", "body": Body::Small.name(), "sse_c": {"key": GUARD}}})
}

/// There is SSE-C at all: an object is not read without its key.
pub fn encrypted() -> Guard {
    refused(Reading::Get)
}

/// This read of an object without its key is refused.
pub fn refused(reading: Reading) -> Guard {
    at_the_beginning(vec![
        put_guarded(),
        json!({"id": format!("guard-{}", reading.operation().to_ascii_lowercase()), "setup": true,
            "request": {"operation": reading.operation(), "object": "guarded"}, "expect": {"refused": true}}),
    ])
}

/// This read of an object under a key that no object is stored under is refused.
pub fn other_key_refused(reading: Reading) -> Guard {
    at_the_beginning(vec![
        put_guarded(),
        json!({"id": format!("guard-key-{}", reading.operation().to_ascii_lowercase()), "setup": true,
            "request": {"operation": reading.operation(), "object": "guarded", "sse_c": {"key": Key::Nobody.name()}},
            "expect": {"refused": true}}),
    ])
}

/// This read of an object under its key succeeds.
pub fn read(reading: Reading) -> Guard {
    let expected = match reading {
        Reading::Get => json!({"status": ["200"], "body": {"equals": Body::Small.name()}}),
        _ => json!({"status": ["200"]}),
    };
    at_the_beginning(vec![
        put_guarded(),
        json!({"id": format!("seen-{}", reading.operation().to_ascii_lowercase()), "setup": true,
            "request": {"operation": reading.operation(), "object": "guarded", "sse_c": {"key": GUARD}}, "expect": expected}),
    ])
}

/// A copy under a customer key is not read without it.
pub fn copies_encrypted() -> Guard {
    at_the_beginning(vec![
        put_guarded(),
        copy_guarded(),
        json!({"id": "guard-copy", "setup": true, "request": {"operation": "GetObject", "object": "guarded-copy"},
            "expect": {"refused": true}}),
    ])
}

/// A copy under a customer key reads under it.
pub fn copies_read() -> Guard {
    at_the_beginning(vec![
        put_guarded(),
        copy_guarded(),
        json!({"id": "seen-copy", "setup": true,
            "request": {"operation": "GetObject", "object": "guarded-copy", "sse_c": {"key": GUARD}},
            "expect": {"status": ["200"], "body": {"equals": Body::Small.name()}}}),
    ])
}

/// A body in aws-chunked framing is stored without it.
pub fn framed_read() -> Guard {
    at_the_beginning(vec![
        json!({"id": "put-framed", "setup": true,
            "request": {"operation": "PutObject", "object": "guarded-framed", "body": Body::Small.name(),
                "payload": "aws-chunked", "sse_c": {"key": GUARD}}}),
        json!({"id": "seen-framed", "setup": true,
            "request": {"operation": "GetObject", "object": "guarded-framed", "sse_c": {"key": GUARD}},
            "expect": {"status": ["200"], "body": {"equals": Body::Small.name()}}}),
    ])
}

/// User metadata of a write under a customer key comes back.
pub fn metadata_read() -> Guard {
    at_the_beginning(vec![
        json!({"id": "put-metadata", "setup": true,
            "request": {"operation": "PutObject", "object": "guarded-metadata", "body": Body::Small.name(),
                "headers": {"x-amz-meta-owner": {"value": "ssecheck"}}, "sse_c": {"key": GUARD}}}),
        json!({"id": "seen-metadata", "setup": true,
            "request": {"operation": "HeadObject", "object": "guarded-metadata", "sse_c": {"key": GUARD}},
            "expect": {"status": ["200"], "headers": {"x-amz-meta-owner": {"equals": "ssecheck"}}}}),
    ])
}

fn copy_guarded() -> Value {
    json!({"id": "copy-guarded", "setup": true,
        "request": {"operation": "CopyObject", "object": "guarded-copy",
            "copy_source": {"object": "guarded", "sse_c": {"key": GUARD}}, "sse_c": {"key": GUARD}}})
}

/// An object made of parts reads under its key.
pub fn parts_read() -> Guard {
    at_the_beginning(vec![
        json!({"id": "create-guarded", "setup": true,
            "request": {"operation": "CreateMultipartUpload", "object": "guarded-parts", "sse_c": {"key": GUARD}}}),
        json!({"id": "part-guarded", "setup": true,
            "request": {"operation": "UploadPart", "object": "guarded-parts", "upload": "create-guarded", "part_number": 1,
                "body": Body::Small.name(), "sse_c": {"key": GUARD}}}),
        json!({"id": "complete-guarded", "setup": true,
            "request": {"operation": "CompleteMultipartUpload", "object": "guarded-parts", "upload": "create-guarded",
                "parts": ["part-guarded"]}}),
        json!({"id": "seen-parts", "setup": true,
            "request": {"operation": "GetObject", "object": "guarded-parts", "sse_c": {"key": GUARD}},
            "expect": {"status": ["200"], "body": {"equals": Body::Small.name()}}}),
    ])
}

/// Before the request of this number the object reads whole under its key.
pub fn seen_before(number: usize, object: &str, sse_c: &Value, body: &Value) -> Guard {
    let step = json!({"id": format!("seen-{object}-before-{}", number + 1), "setup": true,
        "request": {"operation": "GetObject", "object": object, "sse_c": sse_c},
        "expect": {"status": ["200"], "body": body}});
    Guard { before: Some(number), steps: vec![step] }
}
