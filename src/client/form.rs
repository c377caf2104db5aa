//! Browser form uploads (Amazon S3 API Reference, "Browser-based uploads using POST"): the policy and its encoding.

use bytes::BytesMut;
use futures_util::TryStreamExt as _;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use reqwest::multipart;
use serde_json::json;

use super::build::{Form, HeaderLine, Prepared};
use super::content::Content;
use super::sign::Signer;
use crate::suite::model::Auth;

/// Signs the policy of a form and makes the form the body of its request. Without a signature there is no policy.
///
/// # Errors
/// Why it cannot be made, in a sentence.
pub(super) async fn encode(prepared: &mut Prepared, form: &Form, signer: &Signer<'_>) -> Result<(), String> {
    let mut encoded = multipart::Form::new();
    for HeaderLine { name, value, .. } in &form.fields {
        encoded = encoded.text(name.as_str().to_owned(), text(value)?.to_owned());
    }
    if prepared.auth != Auth::Anonymous {
        for (name, value) in signer.form(conditions(form)?).map_err(|error| error.to_string())? {
            encoded = encoded.text(name, value.to_string());
        }
    }
    let file = multipart::Part::bytes(prepared.body.bytes().to_vec()).file_name("file");
    encoded = encoded.part("file", file);
    let content_type = format!("multipart/form-data; boundary={}", encoded.boundary());
    let whole: BytesMut = encoded
        .into_stream()
        .try_fold(BytesMut::new(), |mut whole, piece| async move {
            whole.extend_from_slice(&piece);
            Ok(whole)
        })
        .await
        .map_err(|error| error.to_string())?;
    prepared.body = Content::Document(whole.freeze());
    let value = HeaderValue::from_str(&content_type).map_err(|error| error.to_string())?;
    prepared.headers.push(HeaderLine { name: CONTENT_TYPE, value, shown: None, signed: false });
    Ok(())
}

/// Every field must be what it is; but for those that the policy is not to list.
fn conditions(form: &Form) -> Result<Vec<serde_json::Value>, String> {
    let mut conditions = vec![json!({"bucket": form.bucket})];
    for HeaderLine { name, value, .. } in &form.fields {
        if !form.unlisted.iter().any(|unlisted| unlisted.eq_ignore_ascii_case(name.as_str())) {
            conditions.push(json!(["eq", format!("${name}"), text(value)?]));
        }
    }
    Ok(conditions)
}

fn text(value: &HeaderValue) -> Result<&str, String> {
    std::str::from_utf8(value.as_bytes()).map_err(|error| error.to_string())
}
