//! What kind of server is this? A few exchanges before the first case tell whether the endpoint implements SSE-C at all.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::PrepareError;
use super::bucket::Preparation;
use crate::client::{CustomerKey, Disclosures, Earlier, Place, SentAgain, build};
use crate::evidence::{Answer, Redactor, Reply};
use crate::housekeeping::in_words;
use crate::ledger::Made;
use crate::suite::Key;
use crate::suite::body::Body;
use crate::suite::model::{Operation, Request, SseC};
use crate::verdict::SseCSupport;

/// How long a bucket is given until a setting of it takes effect.
const SETTLING: Duration = Duration::from_secs(60);

/// The content of the objects.
const CONTENT: &[u8] = b"May the endpoint be tested?";

/// The customer key that the object is stored under, and another.
const RIGHT: &str = "right";
const OTHER: &str = "other";

impl Preparation<'_> {
    /// Stores an object under a customer key and reads it with that key, with another and without; `None` where the responses do not
    /// tell what the endpoint does with SSE-C, or nobody asks.
    ///
    /// # Errors
    /// [`PrepareError`] where the bucket takes no object, or no SSE-C request succeeds.
    pub(super) async fn preflight(self, bucket: &str, prefix: &str) -> Result<Option<SseCSupport>, PrepareError> {
        let first = FirstExchanges::new(self, bucket, prefix);
        let Some(written) = first.write().await? else { return Ok(None) };
        let Written::Stored(put) = written else { return Ok(Some(SseCSupport::Refuses)) };
        if !self.options.looks_first {
            return Ok(None);
        }
        let read = |key| first.send(Operation::GetObject, "sse-c", key);
        let (right, other, none) = (read(Some(RIGHT)).await?, read(Some(OTHER)).await?, read(None).await?);
        Ok(support(&put, right.answer(), other.answer(), none.answer()))
    }
}

/// What the responses to a write with a key and to reads with that key, with another and with none tell.
fn support(put: &Answer, right: Option<&Answer>, other: Option<&Answer>, none: Option<&Answer>) -> Option<SseCSupport> {
    let succeeds = |answer: Option<&Answer>| answer.is_some_and(|answer| (200..300).contains(&answer.status));
    let refuses = |answer: Option<&Answer>| answer.is_some_and(|answer| (400..500).contains(&answer.status));
    let confirms = |answer: &Answer| answer.header("x-amz-server-side-encryption-customer-algorithm").is_some();
    if succeeds(none) {
        let takes_keys = confirms(put) || right.is_some_and(confirms);
        return Some(if takes_keys { SseCSupport::ServesWithoutKey } else { SseCSupport::Ignores });
    }
    let implements = succeeds(right) && refuses(other) && refuses(none);
    implements.then_some(SseCSupport::Implements)
}

/// What became of the first SSE-C writes.
enum Written {
    /// The object is stored; the response.
    Stored(Box<Answer>),
    /// All of them are refused.
    Refused,
}

/// The exchanges before the first case.
struct FirstExchanges<'a> {
    preparation: Preparation<'a>,
    place: Place,
    keys: BTreeMap<String, CustomerKey>,
    bodies: BTreeMap<String, Body>,
    redactor: Redactor,
}

impl<'a> FirstExchanges<'a> {
    fn new(preparation: Preparation<'a>, bucket: &str, prefix: &str) -> Self {
        let place = Place { bucket: bucket.to_owned(), prefix: format!("{prefix}preflight/") };
        let keys = [RIGHT, OTHER].map(|name| (name.to_owned(), CustomerKey::of(&Key::Fresh(32))));
        let keys = BTreeMap::from(keys);
        let redactor = CustomerKey::redactor(&keys);
        let bodies = BTreeMap::from([("content".to_owned(), Body::Literal(Bytes::from_static(CONTENT)))]);
        Self { preparation, place, keys, bodies, redactor }
    }

    /// Stores an object under the right key. Where that is refused, an unencrypted write and the beginning of an SSE-C upload tell why;
    /// `None` where they do not.
    async fn write(&self) -> Result<Option<Written>, PrepareError> {
        let options = self.preparation.options;
        // Settings of buckets take effect in the end, says AWS, and not at once.
        let attempts = if options.allow_ssec { SETTLING.as_secs() } else { 1 };
        let mut attempt = 1;
        let refusal = loop {
            let Reply::Answer(answer) = self.send(Operation::PutObject, "sse-c", Some(RIGHT)).await? else {
                return Ok(None);
            };
            if answer.status < 300 {
                return Ok(Some(Written::Stored(Box::new(answer))));
            }
            if attempt == 1 {
                let Reply::Answer(plain) = self.send(Operation::PutObject, "plain", None).await? else {
                    return Ok(None);
                };
                if plain.status >= 300 {
                    let bucket = self.place.bucket.clone();
                    return Err(PrepareError::Bucket { bucket, what: "takes no object", answer: in_words(&plain) });
                }
            }
            if answer.status != 403 || attempt == attempts {
                break answer;
            }
            attempt += 1;
            self.preparation.housekeeper.count_again(SentAgain::Settles, 1);
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = self.preparation.recorder.stopped() => {}
            }
        };
        let answer = in_words(&refusal);
        if refusal.status == 403 {
            return Err(PrepareError::SseCBlocked { bucket: self.place.bucket.clone(), answer });
        }
        let lacks = refusal.says_lacking();
        if !options.looks_first || !(lacks || (400..500).contains(&refusal.status)) {
            return Ok(None);
        }
        let begun = self.send(Operation::CreateMultipartUpload, "upload", Some(RIGHT)).await?;
        let is_refused = begun.answer().is_some_and(|begun| (400..500).contains(&begun.status) || begun.says_lacking());
        match is_refused {
            false => Ok(None),
            true if options.asks_all => Ok(Some(Written::Refused)),
            true if lacks => Err(PrepareError::SseCRefused { answer }),
            true => Err(PrepareError::TlsEndsInFront { answer, is_told: asks_for_tls(&refusal) }),
        }
    }

    /// Sends a request about an object, with a customer key or without.
    async fn send(&self, operation: Operation, object: &str, key: Option<&str>) -> Result<Reply, PrepareError> {
        let Self { preparation: Preparation { housekeeper, recorder, .. }, place, keys, bodies, redactor } = self;
        let (bucket, object_key) = (place.bucket.clone(), place.key(object));
        match operation {
            Operation::PutObject => recorder.may_make(Made::Object { bucket, key: object_key })?,
            Operation::CreateMultipartUpload => recorder.may_make(Made::Upload { bucket, key: object_key })?,
            _ => {}
        }
        let request = Request {
            operation: Some(operation),
            object: Some(object.to_owned()),
            body: (operation == Operation::PutObject).then(|| "content".to_owned()),
            sse_c: key.map(|key| Box::new(SseC { key: Some(key.to_owned()), ..SseC::default() })),
            ..Request::default()
        };
        let earlier = Earlier { keys, bodies, answers: &BTreeMap::new(), steps: &[] };
        let prepared = build(&request, place, housekeeper.target(), &earlier);
        Ok(housekeeper.send_prepared("preflight", prepared, redactor, &Disclosures::of(bodies)).await.reply)
    }
}

/// Whether a refusal says that the request did not come over TLS. AWS, MinIO and Ceph RGW say so in one sentence ("… must be made over a
/// secure connection."); who translates it still names what is missing.
fn asks_for_tls(refusal: &Answer) -> bool {
    let error = refusal.s3_error().unwrap_or_default();
    let told = [error.get("Code"), error.get("Message")].into_iter().flatten();
    let told = told.map(|text| text.to_ascii_lowercase()).collect::<Vec<_>>().join(" ");
    let words = ["secure connection", "https", "ssl", "tls", "encrypted connection", "insecure", "securetransport"];
    words.iter().any(|word| told.contains(word))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::evidence::samples::answer;

    #[rstest]
    #[case::implements(200, 403, 400, false, Some(SseCSupport::Implements))]
    #[case::ignores(200, 200, 200, false, Some(SseCSupport::Ignores))]
    #[case::ignores_but_asks_who_has_a_key(400, 400, 200, false, Some(SseCSupport::Ignores))]
    #[case::serves_without(200, 200, 200, true, Some(SseCSupport::ServesWithoutKey))]
    #[case::serves_with_any_key(200, 200, 400, true, None)]
    #[case::serves_nobody(500, 403, 400, true, None)]
    #[case::fails(200, 403, 500, true, None)]
    fn responses_tell_what_is_done_with_sse_c(
        #[case] right: u16,
        #[case] other: u16,
        #[case] none: u16,
        #[case] confirms: bool,
        #[case] expected: Option<SseCSupport>,
    ) {
        let mut put = answer(200);
        let algorithm = ("x-amz-server-side-encryption-customer-algorithm".to_owned(), "AES256".to_owned());
        put.headers.extend(confirms.then_some(algorithm));
        let [right, other, none] = [right, other, none].map(answer);
        assert_eq!(support(&put, Some(&right), Some(&other), Some(&none)), expected);
    }

    #[rstest]
    #[case::as_aws_says(
        "InvalidRequest",
        "Requests specifying Server Side Encryption with Customer provided keys must be made over a secure connection.",
        true
    )]
    #[case::in_other_words("InvalidArgument", "SSE-C needs HTTPS", true)]
    #[case::something_else("InvalidArgument", "The secret key was invalid for the specified algorithm.", false)]
    fn a_refusal_for_want_of_tls_is_known(#[case] code: &str, #[case] message: &str, #[case] expected: bool) {
        let mut refusal = answer(400);
        refusal.body.text = Some(format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"));
        assert_eq!(asks_for_tls(&refusal), expected);
    }
}
