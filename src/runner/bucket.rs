//! The run's buckets: made or taken over before the first case, emptied after the last.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::Method;

use super::Options;
use crate::client::{Client, CustomerKey, Earlier, Place, build, housekeeping};
use crate::evidence::{Answer, Element, Exchange, Redactor, Reply};
use crate::suite::Key;
use crate::suite::body::Body;
use crate::suite::model::{BucketKind, Operation, Request, SseC};

/// The endpoint cannot be tested.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// No HTTP answer.
    #[error(
        "{endpoint} cannot be reached: {why}\n  Check --endpoint, the network, and for a private certificate authority --ca-file."
    )]
    Unreachable {
        /// The endpoint.
        endpoint: String,
        /// Why.
        why: String,
    },
    /// The credentials were refused.
    #[error(
        "{endpoint} refuses the credentials: {answer}\n  Check the access key, the secret key, the region, and the clock of this machine."
    )]
    Credentials {
        /// The endpoint.
        endpoint: String,
        /// Its answer.
        answer: String,
    },
    /// The bucket could not be made or is not there.
    #[error(
        "bucket {bucket} {what}: {answer}\n  Give an existing bucket with --bucket, or credentials that may make one."
    )]
    Bucket {
        /// The bucket.
        bucket: String,
        /// What did not work.
        what: &'static str,
        /// The endpoint's answer.
        answer: String,
    },
    /// The bucket refuses every SSE-C write.
    #[error(
        "bucket {bucket} takes objects, but refuses every SSE-C write: {answer}\n  SSE-C is probably blocked on the bucket (the default of new AWS buckets since April 2026). With --allow-ssec the run allows it\n  on the buckets that it makes. On a bucket given with --bucket allow it yourself: PutBucketEncryption with a rule whose\n  BlockedEncryptionTypes holds EncryptionType NONE."
    )]
    SseCBlocked {
        /// The bucket.
        bucket: String,
        /// The endpoint's answer.
        answer: String,
    },
    /// Stopped by the user.
    #[error("interrupted before the first case{}", left_behind.iter().map(|item| format!("\n  could not be removed: {item}")).collect::<String>())]
    Interrupted {
        /// What could not be removed, or not be found out about.
        left_behind: Vec<String>,
    },
}

/// The buckets of a run.
#[derive(Debug)]
pub(super) struct Buckets {
    /// The bucket for all cases that need nothing special.
    pub plain: String,
    /// Buckets of other kinds, or why there is none.
    pub special: BTreeMap<BucketKind, Result<String, String>>,
    /// The endpoint's `Server` header.
    pub server: Option<String>,
    /// Those that the run made, and so removes.
    made: Vec<String>,
}

impl Buckets {
    /// Those that a preparation may have made by the time it was cut off.
    pub fn perhaps_made(given: Option<&str>, run_id: &str, kinds: &BTreeSet<BucketKind>) -> Self {
        let mut buckets = Self::none_yet(given, run_id);
        if given.is_none() {
            buckets.made.push(buckets.plain.clone());
            buckets.made.extend(special(kinds).map(|kind| name(kind, run_id)));
        }
        buckets
    }

    fn none_yet(given: Option<&str>, run_id: &str) -> Self {
        let plain = given.map_or_else(|| name(BucketKind::Plain, run_id), str::to_owned);
        Self { plain, special: BTreeMap::new(), server: None, made: Vec::new() }
    }

    /// Those that the run has made besides.
    pub fn add(&mut self, made: Vec<String>) {
        self.made.extend(made);
    }

    /// The bucket of a kind, or why there is none.
    pub fn of(&self, kind: BucketKind) -> Result<&str, &str> {
        match self.special.get(&kind) {
            None => Ok(&self.plain),
            Some(bucket) => bucket.as_deref().map_err(String::as_str),
        }
    }
}

/// The kinds of which a run makes one bucket for all cases, besides the plain one.
fn special(kinds: &BTreeSet<BucketKind>) -> impl Iterator<Item = BucketKind> {
    kinds.iter().copied().filter(|kind| !matches!(kind, BucketKind::Plain | BucketKind::Own))
}

/// Makes a bucket for one run of steps.
///
/// # Errors
/// Why there is none, in a sentence.
pub(super) async fn make_own(client: &Client, bucket: &str, allow_ssec: bool) -> Result<(), String> {
    let housekeeper = Housekeeper { client };
    let answer = housekeeper.create(bucket).await.map_err(|error| error.to_string())?;
    if answer.status >= 300 {
        return Err(format!("it could not be made: {}", in_words(&answer)));
    }
    if allow_ssec { housekeeper.allow_ssec(bucket).await.map_err(|error| error.to_string()) } else { Ok(()) }
}

fn name(kind: BucketKind, run_id: &str) -> String {
    match kind {
        BucketKind::Plain => format!("ssecheck-{run_id}"),
        other => format!("ssecheck-{run_id}-{}", other.as_str()),
    }
}

/// Makes or takes over the buckets and finds out whether they take SSE-C writes at all.
pub(super) async fn prepare(
    client: &Client,
    options: &Options,
    prefix: &str,
    run_id: &str,
    kinds: &BTreeSet<BucketKind>,
) -> Result<Buckets, PrepareError> {
    let given = options.bucket.as_deref();
    let housekeeper = Housekeeper { client };
    let mut buckets = Buckets::none_yet(given, run_id);
    let answer = match given {
        Some(bucket) => housekeeper.reach("HeadBucket", Method::HEAD, bucket, &[], Bytes::new()).await?,
        None => housekeeper.create(&buckets.plain).await?,
    };
    buckets.server = answer.header("server").map(str::to_owned);
    if answer.status >= 300 {
        let what = if given.is_some() { "cannot be used" } else { "cannot be made" };
        return Err(PrepareError::Bucket { bucket: buckets.plain, what, answer: in_words(&answer) });
    }
    if given.is_none() {
        buckets.made.push(buckets.plain.clone());
    }
    let prepared = prepare_further(&housekeeper, &mut buckets, options, prefix, run_id, kinds).await;
    if let Err(error) = prepared {
        clean_up(client, &buckets, prefix, 4).await;
        return Err(error);
    }
    Ok(buckets)
}

async fn prepare_further(
    housekeeper: &Housekeeper<'_>,
    buckets: &mut Buckets,
    options: &Options,
    prefix: &str,
    run_id: &str,
    kinds: &BTreeSet<BucketKind>,
) -> Result<(), PrepareError> {
    if options.allow_ssec {
        housekeeper.allow_ssec(&buckets.plain).await?;
    }
    housekeeper.preflight(&buckets.plain, prefix, options.allow_ssec).await?;
    for kind in special(kinds) {
        let bucket = if let Some(bucket) = options.bucket.as_deref() {
            housekeeper.is_of_kind(kind, bucket).await?
        } else {
            let bucket = name(kind, run_id);
            let answer = housekeeper.create(&bucket).await?;
            if answer.status >= 300 {
                Err(format!("the {} bucket could not be made: {}", kind.as_str(), in_words(&answer)))
            } else {
                buckets.made.push(bucket.clone());
                if options.allow_ssec {
                    housekeeper.allow_ssec(&bucket).await?;
                }
                housekeeper.make_kind(kind, bucket, options.allow_ssec).await?
            }
        };
        buckets.special.insert(kind, bucket);
    }
    Ok(())
}

/// The bucket setting that makes a kind.
struct Setting {
    what: &'static str,
    put: &'static str,
    get: &'static str,
    query: &'static str,
    body: &'static str,
    /// Where the answer of `get` says so: the element's path, and its text.
    path: &'static [&'static str],
    text: &'static str,
}

const VERSIONING: Setting = Setting {
    what: "versioning",
    put: "PutBucketVersioning",
    get: "GetBucketVersioning",
    query: "versioning",
    body: r#"<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>"#,
    path: &["Status"],
    text: "Enabled",
};
const DEFAULT_ENCRYPTION: Setting = Setting {
    what: "default encryption",
    put: "PutBucketEncryption",
    get: "GetBucketEncryption",
    query: "encryption",
    body: r#"<ServerSideEncryptionConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"#,
    path: &["Rule", "ApplyServerSideEncryptionByDefault", "SSEAlgorithm"],
    text: "AES256",
};

/// How long a bucket is given until a setting of it takes effect.
const SETTLING: Duration = Duration::from_secs(60);

/// A default encryption with `BlockedEncryptionTypes` `NONE`: nothing is blocked.
fn allowing_sse_c() -> String {
    let nothing_blocked =
        "<BlockedEncryptionTypes><EncryptionType>NONE</EncryptionType></BlockedEncryptionTypes></Rule>";
    DEFAULT_ENCRYPTION.body.replace("</Rule>", nothing_blocked)
}

impl Setting {
    fn of(kind: BucketKind) -> Option<&'static Self> {
        match kind {
            BucketKind::Plain | BucketKind::Own => None,
            BucketKind::Versioned => Some(&VERSIONING),
            BucketKind::DefaultEncrypted => Some(&DEFAULT_ENCRYPTION),
        }
    }

    fn holds(&self, document: &Element) -> bool {
        let found = self.path.iter().try_fold(document, |element, name| element.child(name));
        found.is_some_and(|element| element.text == self.text)
    }
}

/// What DELETE removes: an object key, and the query that names its version or upload.
type Listed = (String, Vec<(String, String)>);

struct Housekeeper<'a> {
    client: &'a Client,
}

impl Housekeeper<'_> {
    /// Sends a request of the runner's own.
    async fn send(
        &self,
        operation: &'static str,
        method: Method,
        bucket: &str,
        key: &str,
        query: &[(&str, &str)],
        body: Bytes,
    ) -> Exchange {
        let prepared = housekeeping(operation, method, bucket, key, query, body, self.client.target());
        let nothing_secret = Redactor::new(std::iter::empty());
        self.client.send(operation, false, prepared, &nothing_secret, &BTreeMap::new()).await
    }

    /// As [`Self::send`] to a bucket; no answer and refused credentials are errors.
    async fn reach(
        &self,
        operation: &'static str,
        method: Method,
        bucket: &str,
        query: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer, PrepareError> {
        let endpoint = self.client.target().tls.to_string();
        match self.send(operation, method, bucket, "", query, body).await.reply {
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
                    return Err(PrepareError::Credentials { endpoint, answer: in_words(&answer) });
                }
                Ok(answer)
            }
            other => Err(PrepareError::Unreachable { endpoint, why: reply_in_words(&other) }),
        }
    }

    async fn create(&self, bucket: &str) -> Result<Answer, PrepareError> {
        let region = &self.client.target().region;
        let body = if region == "us-east-1" { Bytes::new() } else { location(region) };
        self.reach("CreateBucket", Method::PUT, bucket, &[], body).await
    }

    /// Allows SSE-C on a bucket, as new buckets of AWS do not since April 2026.
    async fn allow_ssec(&self, bucket: &str) -> Result<(), PrepareError> {
        let query = [(DEFAULT_ENCRYPTION.query, "")];
        let body = Bytes::from(allowing_sse_c());
        let answer = self.reach(DEFAULT_ENCRYPTION.put, Method::PUT, bucket, &query, body).await?;
        if answer.status < 300 {
            return Ok(());
        }
        let what = "cannot be set to allow SSE-C (--allow-ssec)";
        Err(PrepareError::Bucket { bucket: bucket.to_owned(), what, answer: in_words(&answer) })
    }

    /// A plain PUT that works and an SSE-C PUT that is forbidden: SSE-C is blocked on the bucket.
    async fn preflight(&self, bucket: &str, prefix: &str, allowed: bool) -> Result<(), PrepareError> {
        let place = Place { bucket: bucket.to_owned(), prefix: format!("{prefix}preflight/") };
        let plain = self.put(&place, "plain", None).await;
        let Reply::Answer(answer) = &plain else { return Ok(()) };
        if answer.status >= 300 {
            let bucket = bucket.to_owned();
            return Err(PrepareError::Bucket { bucket, what: "takes no object", answer: in_words(answer) });
        }
        // Settings of buckets take effect in the end, says AWS, and not at once.
        let attempts = if allowed { SETTLING.as_secs() } else { 1 };
        for attempt in 1..=attempts {
            let Reply::Answer(answer) = self.put(&place, "sse-c", Some("preflight")).await else { break };
            if answer.status != 403 {
                break;
            }
            if attempt == attempts {
                return Err(PrepareError::SseCBlocked { bucket: bucket.to_owned(), answer: in_words(&answer) });
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    }

    async fn put(&self, place: &Place, object: &str, key: Option<&str>) -> Reply {
        let request = Request {
            operation: Some(Operation::PutObject),
            object: Some(object.to_owned()),
            body: Some("preflight".to_owned()),
            sse_c: key.map(|key| SseC { key: Some(key.to_owned()), ..SseC::default() }),
            ..Request::default()
        };
        let keys = BTreeMap::from([("preflight".to_owned(), CustomerKey::of(&Key::Fresh(32)))]);
        let content = Body::Literal(Bytes::from_static(b"May the endpoint be tested?"));
        let bodies = BTreeMap::from([("preflight".to_owned(), content)]);
        let earlier = Earlier { keys: &keys, bodies: &bodies, answers: &BTreeMap::new(), steps: &[] };
        let prepared = build(&request, place, self.client.target(), &earlier);
        let redactor = Redactor::new(keys.iter().map(|(name, key)| (name.as_str(), key.bytes())));
        self.client.send("preflight", false, prepared, &redactor, &bodies).await.reply
    }

    /// Whether a bucket is set up as a kind needs, by the endpoint's own word.
    async fn is_of_kind(&self, kind: BucketKind, bucket: &str) -> Result<Result<String, String>, PrepareError> {
        let Some(setting) = Setting::of(kind) else { return Ok(Ok(bucket.to_owned())) };
        let answer = self.reach(setting.get, Method::GET, bucket, &[(setting.query, "")], Bytes::new()).await?;
        let is_set = answer.status < 300 && answer.xml().is_ok_and(|xml| setting.holds(&xml));
        let why = || {
            let words = in_words(&answer);
            format!("bucket {bucket} has no {}: {} answered {words}", setting.what, setting.get)
        };
        Ok(if is_set { Ok(bucket.to_owned()) } else { Err(why()) })
    }

    /// Sets a bucket up as a kind needs.
    async fn make_kind(
        &self,
        kind: BucketKind,
        bucket: String,
        allow_ssec: bool,
    ) -> Result<Result<String, String>, PrepareError> {
        if kind == BucketKind::DefaultEncrypted && allow_ssec {
            // What allows SSE-C has set it.
            return self.is_of_kind(kind, &bucket).await;
        }
        let Some(setting) = Setting::of(kind) else { return Ok(Ok(bucket)) };
        let body = Bytes::from_static(setting.body.as_bytes());
        let answer = self.reach(setting.put, Method::PUT, &bucket, &[(setting.query, "")], body).await?;
        if answer.status >= 300 {
            let words = in_words(&answer);
            return Ok(Err(format!("the endpoint has no {}: {} answered {words}", setting.what, setting.put)));
        }
        self.is_of_kind(kind, &bucket).await
    }

    /// Removes one entry; what it is and why not, where it could not be.
    async fn remove(&self, bucket: &str, (key, query): Listed) -> Option<String> {
        let query: Vec<(&str, &str)> = query.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let reply = self.send("Delete", Method::DELETE, bucket, &key, &query, Bytes::new()).await.reply;
        let removed = reply.answer().is_some_and(|a| a.status < 300 || a.status == 404);
        let words = query.iter().map(|(n, v)| format!(" ({n} {v})")).collect::<String>();
        (!removed).then(|| format!("{bucket}/{key}{words}: {}", reply_in_words(&reply)))
    }

    /// All object versions, delete markers and open uploads below a prefix, as DELETE takes them: key and query.
    async fn contents(&self, bucket: &str, prefix: &str) -> Vec<Listed> {
        let mut found = Vec::new();
        let versions = |entry: &Element| {
            let version = entry.child_text("VersionId").map(|v| ("versionId".to_owned(), v.to_owned()));
            Some((entry.child_text("Key")?.to_owned(), version.into_iter().collect()))
        };
        let next = [("NextKeyMarker", "key-marker"), ("NextVersionIdMarker", "version-id-marker")];
        let listed = self
            .pages(bucket, ("versions", ""), prefix, &["Version", "DeleteMarker"], &next, versions, &mut found)
            .await;
        if !listed {
            let objects = |entry: &Element| Some((entry.child_text("Key")?.to_owned(), Vec::new()));
            let next = [("NextContinuationToken", "continuation-token")];
            self.pages(bucket, ("list-type", "2"), prefix, &["Contents"], &next, objects, &mut found).await;
        }
        let uploads = |entry: &Element| {
            let upload = entry.child_text("UploadId")?.to_owned();
            Some((entry.child_text("Key")?.to_owned(), vec![("uploadId".to_owned(), upload)]))
        };
        let next = [("NextKeyMarker", "key-marker"), ("NextUploadIdMarker", "upload-id-marker")];
        self.pages(bucket, ("uploads", ""), prefix, &["Upload"], &next, uploads, &mut found).await;
        found
    }

    /// Reads a listing page by page; false where the endpoint cannot list so.
    #[allow(clippy::too_many_arguments)]
    async fn pages(
        &self,
        bucket: &str,
        kind: (&'static str, &str),
        prefix: &str,
        names: &[&str],
        next: &[(&str, &'static str)],
        entry: impl Fn(&Element) -> Option<Listed>,
        found: &mut Vec<Listed>,
    ) -> bool {
        let mut markers: Vec<(&'static str, String)> = Vec::new();
        // A listing that never ends is cut off; what is left is named at the end of the run.
        for _ in 0..1000 {
            let mut query = vec![kind, ("prefix", prefix)];
            query.extend(markers.iter().map(|(name, value)| (*name, value.as_str())));
            let reply = self.send("List", Method::GET, bucket, "", &query, Bytes::new()).await.reply;
            let Some(listing) = reply.answer().filter(|a| a.status == 200).and_then(|a| a.xml().ok()) else {
                return false;
            };
            let entries = listing.children.iter().filter(|child| names.contains(&child.name.as_str()));
            // Only what the run made, whatever the endpoint lists.
            found.extend(entries.filter_map(&entry).filter(|(key, _)| key.starts_with(prefix)));
            if listing.child_text("IsTruncated") != Some("true") {
                return true;
            }
            markers = next
                .iter()
                .filter_map(|(element, parameter)| Some((*parameter, listing.child_text(element)?.to_owned())))
                .collect();
        }
        true
    }
}

/// Removes everything below the run's prefix and the buckets that the run made. Returns what could not be removed.
pub(super) async fn clean_up(client: &Client, buckets: &Buckets, prefix: &str, jobs: usize) -> Vec<String> {
    let housekeeper = Housekeeper { client };
    let mut left_behind = Vec::new();
    let mut all = vec![buckets.plain.clone()];
    all.extend(buckets.special.values().flatten().cloned());
    all.extend(buckets.made.iter().cloned());
    all.sort();
    all.dedup();
    for bucket in &all {
        let contents = housekeeper.contents(bucket, prefix).await;
        let removals: Vec<Option<String>> = futures_util::stream::iter(contents)
            .map(|listed| housekeeper.remove(bucket, listed))
            .buffer_unordered(jobs)
            .collect()
            .await;
        left_behind.extend(removals.into_iter().flatten());
        if buckets.made.contains(bucket) {
            let reply = housekeeper.send("DeleteBucket", Method::DELETE, bucket, "", &[], Bytes::new()).await.reply;
            if !reply.answer().is_some_and(|a| a.status < 300 || a.status == 404) {
                left_behind.push(format!("bucket {bucket}: {}", reply_in_words(&reply)));
            }
        }
    }
    left_behind
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

fn in_words(answer: &Answer) -> String {
    let error = answer.s3_error().unwrap_or_default();
    let field = |name: &str| error.get(name).map(|text| format!(" {text}")).unwrap_or_default();
    format!("{}{}{}", answer.status, field("Code"), field("Message"))
}

fn reply_in_words(reply: &Reply) -> String {
    match reply {
        Reply::Answer(answer) => in_words(answer),
        Reply::Closed(why) | Reply::Failed(why) | Reply::NotSent(why) => why.clone(),
        Reply::Interrupted => "no answer was awaited".to_owned(),
    }
}
