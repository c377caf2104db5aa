//! Sub-resources that S3 has and s3s does not route: without this a request for one would be taken for one of the object or bucket itself.

use http::Method;

use super::error::Refusal;

/// The sub-resources of S3 ("Amazon S3 API Reference", "Actions"), each with the methods by which s3s 0.14 routes it to an operation, of
/// objects and of buckets. Other parameters are ignored, as AWS does.
const KNOWN: &[(&str, &str, &str)] = &[
    ("abac", "", ""),
    ("accelerate", "", "GET PUT"),
    ("acl", "GET PUT", "GET PUT"),
    ("analytics", "", "GET PUT DELETE"),
    ("annotation", "", ""),
    ("attributes", "GET", ""),
    ("cors", "", "GET PUT DELETE"),
    ("delete", "", "POST"),
    ("encryption", "", "GET PUT DELETE"),
    ("intelligent-tiering", "", "GET PUT DELETE"),
    ("inventory", "", "GET PUT DELETE"),
    ("legal-hold", "GET PUT", ""),
    ("lifecycle", "", "GET PUT DELETE"),
    ("location", "", "GET"),
    ("logging", "", "GET PUT"),
    ("metadataAnnotationTable", "", ""),
    ("metadataConfiguration", "", ""),
    ("metadataInventoryTable", "", ""),
    ("metadataJournalTable", "", ""),
    ("metadataTable", "", "GET POST DELETE"),
    ("metrics", "", "GET PUT DELETE"),
    ("notification", "", "GET PUT"),
    ("object-lock", "", "GET PUT"),
    ("ownershipControls", "", "GET PUT DELETE"),
    ("policy", "", "GET PUT DELETE"),
    ("policyStatus", "", "GET"),
    ("publicAccessBlock", "", "GET PUT DELETE"),
    ("renameObject", "", ""),
    ("replication", "", "GET PUT DELETE"),
    ("requestPayment", "", "GET PUT"),
    ("restore", "POST", ""),
    ("retention", "GET PUT", ""),
    ("select", "POST", ""),
    ("session", "", "GET"),
    ("tagging", "GET PUT DELETE", "GET PUT DELETE"),
    ("torrent", "GET", ""),
    ("uploads", "POST", "GET"),
    ("versioning", "", "GET PUT"),
    ("versions", "", "GET"),
    ("website", "", "GET PUT DELETE"),
];

/// Whether a parameter names a sub-resource.
pub(super) fn is_known(parameter: &str) -> bool {
    KNOWN.iter().any(|(known, ..)| *known == parameter)
}

/// Refuses a request for a sub-resource that s3s does not route, so that nothing is overwritten, deleted or shown in its place.
///
/// # Errors
/// 501 `NotImplemented`.
pub(super) fn refuse_unrouted(method: &Method, is_of_object: bool, query: &str) -> Result<(), Refusal> {
    if matches!(*method, Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let is_unrouted = |name: &str| {
        let known = KNOWN.iter().find(|(known, ..)| *known == name);
        let routed = known.map(|(_, of_objects, of_buckets)| if is_of_object { of_objects } else { of_buckets });
        routed.is_some_and(|routed| routed.split(' ').all(|routed| routed != method.as_str()))
    };
    let mut asked = url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
    match asked.find(|name| is_unrouted(name)) {
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
