//! Sub-resources that S3 has and s3s does not route: without this a request for one would be taken for one of the object or bucket itself.

use http::Method;

use super::error::Refusal;

/// The sub-resources of S3 ("Amazon S3 API Reference", "Actions"). Other parameters are ignored, as AWS does.
const KNOWN: &[&str] = &[
    "abac",
    "accelerate",
    "acl",
    "analytics",
    "annotation",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metadataAnnotationTable",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "renameObject",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "session",
    "tagging",
    "torrent",
    "uploads",
    "versioning",
    "versions",
    "website",
];

/// Those that s3s 0.14 routes to an operation, by method, of objects.
fn of_objects(method: &Method) -> &'static [&'static str] {
    match *method {
        Method::GET => &["acl", "attributes", "legal-hold", "retention", "tagging", "torrent"],
        Method::PUT => &["acl", "legal-hold", "retention", "tagging"],
        Method::POST => &["restore", "select", "uploads"],
        Method::DELETE => &["tagging"],
        _ => &[],
    }
}

/// The same of buckets.
fn of_buckets(method: &Method) -> &'static [&'static str] {
    match *method {
        Method::GET => &[
            "accelerate",
            "acl",
            "analytics",
            "cors",
            "encryption",
            "intelligent-tiering",
            "inventory",
            "lifecycle",
            "location",
            "logging",
            "metadataTable",
            "metrics",
            "notification",
            "object-lock",
            "ownershipControls",
            "policy",
            "policyStatus",
            "publicAccessBlock",
            "replication",
            "requestPayment",
            "session",
            "tagging",
            "uploads",
            "versioning",
            "versions",
            "website",
        ],
        Method::PUT => &[
            "accelerate",
            "acl",
            "analytics",
            "cors",
            "encryption",
            "intelligent-tiering",
            "inventory",
            "lifecycle",
            "logging",
            "metrics",
            "notification",
            "object-lock",
            "ownershipControls",
            "policy",
            "publicAccessBlock",
            "replication",
            "requestPayment",
            "tagging",
            "versioning",
            "website",
        ],
        Method::POST => &["delete", "metadataTable"],
        Method::DELETE => &[
            "analytics",
            "cors",
            "encryption",
            "intelligent-tiering",
            "inventory",
            "lifecycle",
            "metadataTable",
            "metrics",
            "ownershipControls",
            "policy",
            "publicAccessBlock",
            "replication",
            "tagging",
            "website",
        ],
        _ => &[],
    }
}

/// Refuses a request for a sub-resource that s3s does not route, so that nothing is overwritten, deleted or shown in its place.
///
/// # Errors
/// 501 `NotImplemented`.
pub(super) fn refuse_unrouted(method: &Method, is_of_object: bool, query: &str) -> Result<(), Refusal> {
    if matches!(*method, Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let routed = if is_of_object { of_objects(method) } else { of_buckets(method) };
    let mut asked = url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
    match asked.find(|name| KNOWN.contains(&&**name) && !routed.contains(&&**name)) {
        None => Ok(()),
        Some(name) => {
            let text = format!("The reference endpoint does not implement `{name}` of this method.");
            Err(Refusal::new(501, "NotImplemented", text))
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::rename(Method::PUT, true, "renameObject", false)]
    #[case::key_rotation(Method::PUT, true, "encryption", false)]
    #[case::delete_of_an_acl(Method::DELETE, true, "acl", false)]
    #[case::bucket_by_attributes(Method::PUT, false, "abac", false)]
    #[case::delete_of_a_table(Method::DELETE, false, "metadataConfiguration", false)]
    #[case::acl(Method::PUT, true, "acl", true)]
    #[case::uploads(Method::POST, true, "uploads=", true)]
    #[case::uploads_of_a_bucket(Method::GET, false, "uploads&prefix=a", true)]
    #[case::id_of_an_sdk(Method::PUT, true, "x-id=PutObject", true)]
    #[case::unknown(Method::PUT, true, "v=2", true)]
    #[case::part(Method::PUT, true, "partNumber=1&uploadId=a", true)]
    #[case::head(Method::HEAD, true, "acl", true)]
    fn what_is_not_routed_is_refused(
        #[case] method: Method,
        #[case] is_of_object: bool,
        #[case] query: &str,
        #[case] is_good: bool,
    ) {
        assert_eq!(refuse_unrouted(&method, is_of_object, query).is_ok(), is_good);
    }
}
