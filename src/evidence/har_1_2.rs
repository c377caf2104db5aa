//! The members of HAR 1.2 that evidence has ("HAR 1.2 Spec", <http://www.softwareishard.com/blog/har-12-spec/>), in the order in
//! which they are written. Other members are passed over.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What wrote the file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Creator {
    pub name: String,
    pub version: String,
}

/// A request, without what is said of its body by [`PostData`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    pub method: String,
    pub url: String,
    pub http_version: String,
    /// Never any: none is kept.
    pub cookies: Vec<Value>,
    pub headers: Vec<Header>,
    pub query_string: Vec<QueryParameter>,
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
    /// Never any: none is kept.
    pub cookies: Vec<Value>,
    pub headers: Vec<Header>,
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

/// A header line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub name: String,
    pub value: String,
}

/// A query parameter, decoded.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct QueryParameter {
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

/// What a browser's cache did: nothing.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Cache {}

/// Where the time went, in milliseconds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Timings {
    pub send: f64,
    pub wait: f64,
    pub receive: f64,
}
