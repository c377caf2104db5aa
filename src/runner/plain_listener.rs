//! Whether the plain-HTTP endpoint is a listener of the service under test: only then a refusal there says anything about SSE-C.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use url::Url;

use super::Shared;
use super::recorder::Cut;
use crate::client::{CustomerKey, Disclosures, Earlier, Place, build};
use crate::evidence::{Answer, Reply};
use crate::housekeeping::reply_in_words;
use crate::ledger::Made;
use crate::suite::body::Body;
use crate::suite::model::{BucketKind, Operation, Request, Scheme};

const CONTENT: &[u8] = b"Stored over TLS, unencrypted, and read over plain HTTP.";

impl Shared {
    /// Why refusals over plain HTTP prove nothing in a bucket of this kind, if so: an unencrypted object of the bucket, stored over TLS,
    /// is neither read there nor redirected to TLS. Found out once for each kind.
    pub(super) async fn why_plain_proves_nothing(&self, kind: BucketKind) -> Result<Option<String>, Cut> {
        // A bucket of a case's own is made with the case; what listens is the same.
        let kind = if kind == BucketKind::Own { BucketKind::Plain } else { kind };
        let cell = Arc::clone(self.plain_listeners.lock().await.entry(kind).or_default());
        cell.get_or_try_init(|| self.plain_listener(kind)).await.cloned()
    }

    async fn plain_listener(&self, kind: BucketKind) -> Result<Option<String>, Cut> {
        // Where there is no such bucket, its cases are not run in any case.
        let Ok(bucket) = self.buckets.of(kind) else { return Ok(None) };
        let place = Place {
            bucket: bucket.to_owned(),
            prefix: format!("{}{}/plain-listener/", self.options.prefix, self.run_id),
        };
        self.recorder.may_make(Made::Object { bucket: place.bucket.clone(), key: place.key("object") })?;
        let stored = self.unencrypted(Operation::PutObject, Scheme::Tls, &place).await;
        self.recorder.go_on()?;
        let is_stored = stored.answer().is_some_and(|answer| (200..300).contains(&answer.status));
        let read = if is_stored { self.unencrypted(Operation::GetObject, Scheme::Plain, &place).await } else { stored };
        if is_stored && read.answer().is_some_and(|answer| is_same_bucket(answer, &place, &self.client.target().tls)) {
            return Ok(None);
        }
        let url = self.client.target().plain.as_ref().map(Url::to_string).unwrap_or_default();
        Ok(Some(format!(
            "an unencrypted object of the bucket cannot be read at {url} ({}), so that a refusal of SSE-C there would prove nothing: \
             give the plain-HTTP address of the same service with --plain-endpoint, `none` if it has none, or `refuses` if it refuses \
             every request without TLS",
            reply_in_words(&read)
        )))
    }

    async fn unencrypted(&self, operation: Operation, scheme: Scheme, place: &Place) -> Reply {
        let bodies = BTreeMap::from([("content".to_owned(), Body::Literal(Bytes::from_static(CONTENT)))]);
        let request = Request {
            operation: Some(operation),
            scheme: Some(scheme),
            body: (operation == Operation::PutObject).then(|| "content".to_owned()),
            ..Request::default()
        };
        let keys = BTreeMap::new();
        let earlier = Earlier { keys: &keys, bodies: &bodies, answers: &BTreeMap::new(), steps: &[] };
        let prepared = build(&request, place, self.client.target(), &earlier);
        let redactor = CustomerKey::redactor(&keys);
        self.housekeeper.send_prepared("plain-listener", prepared, &redactor, &Disclosures::of(&bodies)).await.reply
    }
}

/// Tells whether the response has the object, or redirects to the bucket at the TLS endpoint: to its host and port with the bucket first
/// in the path, or to the host of the bucket below it (`BUCKET.HOST`).
fn is_same_bucket(answer: &Answer, place: &Place, tls: &Url) -> bool {
    if answer.status == 200 {
        return answer.body.text.as_deref().map(str::as_bytes) == Some(CONTENT);
    }
    let to = answer.redirect().and_then(|to| Url::parse(to).ok()).filter(|to| to.scheme() == "https");
    let (Some(to), Some(host)) = (to, tls.host_str()) else { return false };
    let is_of_path = to.host_str() == Some(host) && to.path().starts_with(&format!("/{}/", place.bucket));
    let is_of_host = to.host_str() == Some(&format!("{}.{host}", place.bucket));
    (is_of_path || is_of_host) && to.port_or_known_default() == tls.port_or_known_default()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::evidence::samples::answer;

    const STORED: &str = "Stored over TLS, unencrypted, and read over plain HTTP.";

    #[rstest]
    #[case::read(200, STORED, "", true)]
    #[case::something_else_read(200, "It works!", "", false)]
    #[case::redirected(301, "", "https://host:8443/bucket/key", true)]
    #[case::redirected_to_the_host_of_the_bucket(307, "", "https://bucket.host:8443/key", true)]
    #[case::redirected_to_another_bucket(301, "", "https://host:8443/other/key", false)]
    #[case::redirected_to_the_host_of_another_bucket(301, "", "https://other.host:8443/bucket/key", false)]
    #[case::redirected_to_another_host(301, "", "https://elsewhere:8443/bucket/key", false)]
    #[case::redirected_to_a_bucket_at_another_host(301, "", "https://bucket.elsewhere:8443/key", false)]
    #[case::redirected_to_a_host_below_another(301, "", "https://bucket.host.elsewhere:8443/key", false)]
    #[case::redirected_to_another_port(301, "", "https://host/bucket/key", false)]
    #[case::redirected_to_the_host_of_the_bucket_at_another_port(301, "", "https://bucket.host/key", false)]
    #[case::redirected_without_tls(301, "", "http://host:8443/bucket/key", false)]
    #[case::redirected_to_no_address(301, "", "/bucket/key", false)]
    #[case::refused(403, "", "", false)]
    #[case::no_such_bucket(404, "", "", false)]
    fn only_the_same_bucket_will_do(
        #[case] status: u16,
        #[case] text: &str,
        #[case] location: &str,
        #[case] expected: bool,
    ) {
        let mut response = answer(status);
        response.body.text = Some(text.to_owned());
        response.headers.extend((!location.is_empty()).then(|| ("location".to_owned(), location.to_owned())));
        let place = Place { bucket: "bucket".to_owned(), prefix: "p/".to_owned() };
        let tls = Url::parse("https://host:8443/").unwrap();
        assert_eq!(is_same_bucket(&response, &place, &tls), expected);
    }

    #[rstest]
    #[case::left_out("https://host/bucket/key")]
    #[case::given("https://host:443/bucket/key")]
    fn the_port_of_https_may_be_left_out(#[case] location: &str) {
        let mut response = answer(301);
        response.headers.push(("location".to_owned(), location.to_owned()));
        let place = Place { bucket: "bucket".to_owned(), prefix: "p/".to_owned() };
        assert!(is_same_bucket(&response, &place, &Url::parse("https://host").unwrap()));
    }
}
