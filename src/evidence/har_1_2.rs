//! The members of HAR 1.2 that evidence uses ("HAR 1.2 Spec", <http://www.softwareishard.com/blog/har-12-spec/>), in the order in
//! which they are written. Other members are ignored.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What wrote the file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Creator {
    pub name: String,
    pub version: String,
}

/// A request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    pub method: String,
    pub url: String,
    pub http_version: String,
    /// Always empty: cookies are recorded as headers.
    pub cookies: Vec<Value>,
    pub headers: Vec<NameValue>,
    pub query_string: Vec<NameValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_data: Option<PostData>,
    /// In bytes; -1 where it is not known.
    pub headers_size: i64,
    /// In bytes.
    pub body_size: i64,
}

/// A response.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Response {
    pub status: i64,
    pub status_text: String,
    pub http_version: String,
    /// Always empty: cookies are recorded as headers.
    pub cookies: Vec<Value>,
    pub headers: Vec<NameValue>,
    pub content: Content,
    #[serde(rename = "redirectURL", default, skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
    /// In bytes; -1 where it is not known.
    pub headers_size: i64,
    /// In bytes; -1 where there was no response.
    pub body_size: i64,
}

/// The body of a response.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Content {
    /// In bytes.
    pub size: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A name and its value: a header line, or a decoded query parameter.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct NameValue {
    pub name: String,
    pub value: String,
}

/// The body of a request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PostData {
    pub mime_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The state of a browser's cache: always empty.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Cache {}

/// Durations in milliseconds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Timings {
    pub send: f64,
    pub wait: f64,
    pub receive: f64,
}
