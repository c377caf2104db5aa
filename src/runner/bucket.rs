//! The run's buckets: made or taken over before the first case.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::Method;

use super::recorder::Recorder;
use super::rounds::{PAUSE, Rounds};
use super::setting::{DEFAULT_ENCRYPTION, Setting, allowing_sse_c};
use super::{Options, PrepareError};
use crate::client::SentAgain;
use crate::evidence::{Answer, Reply};
use crate::housekeeping::{Housekeeper, in_words, reply_in_words};
use crate::ledger::{Made, RunId};
use crate::suite::model::BucketKind;
use crate::verdict::SseCSupport;

/// The buckets of a run.
#[derive(Debug)]
pub(super) struct Buckets {
    /// The bucket for all cases that need nothing special.
    pub plain: String,
    /// Buckets of other kinds, or why there is none.
    pub special: BTreeMap<BucketKind, Result<String, NoBucket>>,
    /// The endpoint's `Server` header.
    pub server: Option<String>,
    /// What the endpoint does with SSE-C.
    pub support: Option<SseCSupport>,
}

/// Why there is no bucket of a kind.
#[derive(Debug, Clone)]
pub(super) struct NoBucket {
    /// A sentence.
    pub why: String,
    /// Whether the endpoint says that it lacks the setting, or the given bucket does not have it.
    pub is_lacking: bool,
}

impl Buckets {
    /// The bucket of a kind, or why there is none.
    pub fn of(&self, kind: BucketKind) -> Result<&str, &NoBucket> {
        self.special.get(&kind).map_or(Ok(&self.plain), |bucket| bucket.as_deref())
    }
}

/// The kinds of which a run makes one bucket for all cases, besides the plain one.
fn special(kinds: &BTreeSet<BucketKind>) -> impl Iterator<Item = BucketKind> {
    kinds.iter().copied().filter(|kind| !matches!(kind, BucketKind::Plain | BucketKind::Own))
}

fn name(kind: BucketKind, run_id: &RunId) -> String {
    match kind {
        BucketKind::Plain => run_id.bucket(),
        other => format!("{}-{}", run_id.bucket(), other.as_str()),
    }
}

/// Makes buckets, and finds out about them.
#[derive(Clone, Copy)]
pub(super) struct Preparation<'a> {
    pub housekeeper: &'a Housekeeper,
    pub recorder: &'a Recorder,
    pub options: &'a Options,
}

impl Preparation<'_> {
    /// Makes or takes over the buckets and finds out whether they take SSE-C writes at all.
    pub async fn prepare(
        self,
        prefix: &str,
        run_id: &RunId,
        kinds: &BTreeSet<BucketKind>,
    ) -> Result<Buckets, PrepareError> {
        let given = self.options.bucket.as_deref();
        let plain = given.map_or_else(|| name(BucketKind::Plain, run_id), str::to_owned);
        let mut buckets = Buckets { plain, special: BTreeMap::new(), server: None, support: None };
        let answer = match given {
            Some(bucket) => self.reach("HeadBucket", Method::HEAD, bucket, &[], Bytes::new()).await?,
            None => {
                // Where there is no endpoint this finds out, before a bucket is perhaps made and its answer lost.
                let query = [("list-type", "2"), ("max-keys", "1")];
                self.reach("ListObjectsV2", Method::GET, &buckets.plain, &query, Bytes::new()).await?;
                self.create(&buckets.plain).await?
            }
        };
        buckets.server = answer.header("server").map(str::to_owned);
        if answer.status >= 300 {
            let what = if given.is_some() { "cannot be used" } else { "cannot be made" };
            return Err(PrepareError::Bucket { bucket: buckets.plain.clone(), what, answer: in_words(&answer) });
        }
        if self.options.allow_ssec {
            self.allow_ssec(&buckets.plain).await?;
        }
        buckets.support = self.preflight(&buckets.plain, prefix).await?;
        let making = special(kinds).map(|kind| async move {
            let bucket = match given {
                Some(bucket) => self.is_of_kind(kind, bucket).await,
                None => self.make_special(kind, name(kind, run_id)).await,
            };
            Ok((kind, bucket?))
        });
        // Each to its end, also where another fails: what is cut off may be made all the same.
        let made: Vec<Result<_, PrepareError>> = futures_util::future::join_all(making).await;
        buckets.special = made.into_iter().collect::<Result<_, _>>()?;
        Ok(buckets)
    }

    async fn make_special(self, kind: BucketKind, bucket: String) -> Result<Result<String, NoBucket>, PrepareError> {
        let answer = self.create(&bucket).await?;
        if answer.status >= 300 {
            let why = format!("the {} bucket could not be made: {}", kind.as_str(), in_words(&answer));
            return Ok(Err(NoBucket { why, is_lacking: false }));
        }
        if self.options.allow_ssec {
            self.allow_ssec(&bucket).await?;
        }
        self.make_kind(kind, bucket).await
    }

    /// Makes a bucket for one run of steps.
    ///
    /// # Errors
    /// Why there is none, in a sentence.
    pub async fn make_own(self, bucket: &str) -> Result<(), String> {
        let answer = self.create(bucket).await.map_err(|error| error.to_string())?;
        if answer.status >= 300 {
            return Err(format!("it could not be made: {}", in_words(&answer)));
        }
        if self.options.allow_ssec { self.allow_ssec(bucket).await.map_err(|error| error.to_string()) } else { Ok(()) }
    }

    /// Sends a request to a bucket, unless the run is to stop; no answer and refused credentials are errors.
    async fn reach(
        self,
        operation: &'static str,
        method: Method,
        bucket: &str,
        query: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer, PrepareError> {
        self.recorder.go_on()?;
        let endpoint = self.housekeeper.target().tls.to_string();
        let exchange = self.housekeeper.send(operation, method, bucket, "", query, body).await;
        let skew = exchange.clock_skew();
        match exchange.reply {
            Reply::Answer(answer) => {
                let code = answer.s3_code().unwrap_or_default();
                let refused = [
                    "InvalidAccessKeyId",
                    "SignatureDoesNotMatch",
                    "RequestTimeTooSkewed",
                    "InvalidToken",
                    "ExpiredToken",
                    "AuthorizationHeaderMalformed",
                ];
                if answer.status == 401
                    || refused.contains(&code.as_str())
                    || (method_head(operation) && answer.status == 403)
                {
                    return Err(PrepareError::Credentials { endpoint, answer: in_words(&answer), skew });
                }
                Ok(answer)
            }
            other => Err(PrepareError::Unreachable { endpoint, why: reply_in_words(&other) }),
        }
    }

    /// Makes a bucket. It counts as made, also where no answer comes or this is cut off, unless the endpoint refuses to.
    async fn create(self, bucket: &str) -> Result<Answer, PrepareError> {
        let region = &self.housekeeper.target().region;
        let body = if region == "us-east-1" { Bytes::new() } else { location(region) };
        self.recorder.may_make(Made::Bucket { bucket: bucket.to_owned() })?;
        let answer = self.reach("CreateBucket", Method::PUT, bucket, &[], body).await;
        let is_refused = match &answer {
            // Its name is random: who says that it is there, or in the making, speaks of ours (a request that was sent twice).
            Ok(answer) => (300..500).contains(&answer.status) && !matches!(answer.status, 408 | 409),
            Err(error) => matches!(error, PrepareError::Credentials { .. } | PrepareError::Interrupted),
        };
        if is_refused {
            self.recorder.was_not_made(bucket);
        }
        answer
    }

    /// Allows SSE-C on a bucket, as new buckets of AWS do not since April 2026.
    async fn allow_ssec(self, bucket: &str) -> Result<(), PrepareError> {
        let query = [(DEFAULT_ENCRYPTION.query, "")];
        let body = Bytes::from(allowing_sse_c());
        let answer = self.reach(DEFAULT_ENCRYPTION.put, Method::PUT, bucket, &query, body).await?;
        if answer.status < 300 {
            return Ok(());
        }
        let what = "cannot be set to allow SSE-C (--allow-ssec)";
        Err(PrepareError::Bucket { bucket: bucket.to_owned(), what, answer: in_words(&answer) })
    }

    /// Whether a bucket is set up as a kind needs, by the endpoint's own word.
    async fn is_of_kind(self, kind: BucketKind, bucket: &str) -> Result<Result<String, NoBucket>, PrepareError> {
        let Some(setting) = Setting::of(kind) else { return Ok(Ok(bucket.to_owned())) };
        let answer = self.reach(setting.get, Method::GET, bucket, &[(setting.query, "")], Bytes::new()).await?;
        let is_set = answer.status < 300 && answer.xml().is_ok_and(|xml| setting.holds(&xml));
        let none = || {
            let why =
                format!("bucket {bucket} has no {}: {} answered {}", setting.what, setting.get, in_words(&answer));
            // A response that shows another setting says so, too.
            NoBucket { why, is_lacking: answer.status < 300 || answer.status == 404 || answer.says_lacking() }
        };
        Ok(if is_set { Ok(bucket.to_owned()) } else { Err(none()) })
    }

    /// Whether the endpoint ignores the query parameter of a setting and answers with a listing.
    async fn ignores(self, setting: &Setting, bucket: &str) -> Result<bool, PrepareError> {
        let answer = self.reach(setting.get, Method::GET, bucket, &[(setting.query, "")], Bytes::new()).await?;
        Ok(answer.status < 300 && answer.xml().is_ok_and(|xml| xml.child("Name").is_some()))
    }

    /// Sets a bucket up as a kind needs.
    async fn make_kind(self, kind: BucketKind, bucket: String) -> Result<Result<String, NoBucket>, PrepareError> {
        if kind == BucketKind::DefaultEncrypted && self.options.allow_ssec {
            // What allows SSE-C has set it.
            return self.is_of_kind(kind, &bucket).await;
        }
        let Some(setting) = Setting::of(kind) else { return Ok(Ok(bucket)) };
        let body = Bytes::from_static(setting.body.as_bytes());
        let answer = self.reach(setting.put, Method::PUT, &bucket, &[(setting.query, "")], body).await?;
        if answer.status >= 300 {
            let why = format!("{} cannot be set: {} answered {}", setting.what, setting.put, in_words(&answer));
            // A 400 may be the response to another operation, for which an endpoint without the setting takes the request.
            let is_lacking = answer.says_lacking() || (answer.status == 400 && self.ignores(setting, &bucket).await?);
            return Ok(Err(NoBucket { why, is_lacking }));
        }
        let rounds = Rounds::new(PAUSE);
        loop {
            let found = self.is_of_kind(kind, &bucket).await?;
            // What was accepted may take effect with a delay.
            if found.is_ok() || !rounds.next(self.options.settling).await {
                return Ok(found);
            }
            self.housekeeper.count_again(SentAgain::Settles, 1);
        }
    }
}

fn method_head(operation: &str) -> bool {
    operation == "HeadBucket"
}

fn location(region: &str) -> Bytes {
    let mut writer = quick_xml::Writer::new(Vec::new());
    let written = writer
        .create_element("CreateBucketConfiguration")
        .with_attribute(("xmlns", "http://s3.amazonaws.com/doc/2006-03-01/"))
        .write_inner_content(|writer| {
            let text = quick_xml::events::BytesText::new(region);
            writer.create_element("LocationConstraint").write_text_content(text).map(|_| ())
        });
    if written.is_ok() { writer.into_inner().into() } else { Bytes::new() }
}
