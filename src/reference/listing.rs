//! Listings of a bucket: objects, versions, open uploads. None needs a customer key.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::error::Refusal;
use super::service::{Answer, Service};
use super::store::Version;

/// The most entries of one answer.
const MAX_ENTRIES: i32 = 1000;
/// Kept as they are where a listing is asked to be URL-encoded.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b'*');

/// How keys are written in an answer.
#[derive(Clone)]
struct Spelling(Option<EncodingType>);

impl Spelling {
    fn write(&self, key: &str) -> String {
        match &self.0 {
            Some(encoding) if encoding.as_str() == EncodingType::URL => utf8_percent_encode(key, ENCODED).to_string(),
            _ => key.to_owned(),
        }
    }
}

/// One line of a listing: a key, or what several keys have in common up to a delimiter.
enum Line<T> {
    Entry(String, T),
    Common(String),
}

/// A page of a listing.
struct Page<T> {
    entries: Vec<(String, T)>,
    common: Vec<String>,
    /// The last key looked at, where more follow.
    next: Option<String>,
}

/// Cuts a page out of entries in the order of their keys.
fn page<T>(entries: impl Iterator<Item = (String, T)>, prefix: &str, delimiter: Option<&str>, max: usize) -> Page<T> {
    let mut page = Page { entries: Vec::new(), common: Vec::new(), next: None };
    let mut last = None;
    for (key, entry) in entries {
        let Some(rest) = key.strip_prefix(prefix) else { continue };
        let group = delimiter.filter(|d| !d.is_empty()).and_then(|d| rest.find(d).map(|at| at + d.len()));
        let line = match group {
            Some(end) => Line::Common(format!("{prefix}{}", &rest[..end])),
            None => Line::Entry(key, entry),
        };
        if let Line::Common(group) = &line
            && page.common.last() == Some(group)
        {
            last = Some(format!("{group}\u{10ffff}"));
            continue;
        }
        if page.entries.len() + page.common.len() == max {
            page.next = last;
            return page;
        }
        match line {
            Line::Entry(key, entry) => {
                last = Some(key.clone());
                page.entries.push((key, entry));
            }
            Line::Common(group) => {
                last = Some(format!("{group}\u{10ffff}"));
                page.common.push(group);
            }
        }
    }
    page
}

/// A page of objects as answers list them.
struct Listed {
    contents: Vec<Object>,
    common: Vec<String>,
    next: Option<String>,
}

fn limit(asked: Option<i32>) -> usize {
    usize::try_from(asked.unwrap_or(MAX_ENTRIES).clamp(0, MAX_ENTRIES)).unwrap_or(0)
}

fn common_prefixes(common: Vec<String>, spelling: &Spelling) -> Option<Vec<CommonPrefix>> {
    Some(common.into_iter().map(|prefix| CommonPrefix { prefix: Some(spelling.write(&prefix)) }).collect())
}

impl Service {
    pub(super) async fn list_objects(&self, req: S3Request<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
        let input = req.input;
        let (bucket, asked) = (input.bucket.clone(), input.delimiter.clone());
        let spelling = Spelling(input.encoding_type.clone());
        let prefix = input.prefix.unwrap_or_default();
        let max = limit(input.max_keys);
        let after = match &input.continuation_token {
            Some(token) => Some(key_of_token(token)?),
            None => input.start_after.clone(),
        };
        let listed = self.listed(&bucket, &prefix, asked.as_deref(), after, max, &spelling)?;
        let Listed { contents, common, next } = listed;
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(spelling.write(&prefix)),
            delimiter: input.delimiter.map(|delimiter| spelling.write(&delimiter)),
            encoding_type: input.encoding_type,
            max_keys: i32::try_from(max).ok(),
            key_count: i32::try_from(contents.len() + common.len()).ok(),
            continuation_token: input.continuation_token,
            start_after: input.start_after.map(|key| spelling.write(&key)),
            is_truncated: Some(next.is_some()),
            next_continuation_token: next.map(hex::encode),
            contents: Some(contents),
            common_prefixes: common_prefixes(common, &spelling),
            ..ListObjectsV2Output::default()
        }))
    }

    pub(super) async fn list_objects_first_version(
        &self,
        req: S3Request<ListObjectsInput>,
    ) -> Answer<ListObjectsOutput> {
        let input = req.input;
        let spelling = Spelling(input.encoding_type.clone());
        let prefix = input.prefix.unwrap_or_default();
        let max = limit(input.max_keys);
        let (delimiter, after) = (input.delimiter.as_deref(), input.marker.clone());
        let listed = self.listed(&input.bucket, &prefix, delimiter, after, max, &spelling)?;
        let Listed { contents, common, next } = listed;
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(input.bucket),
            prefix: Some(spelling.write(&prefix)),
            delimiter: input.delimiter.map(|delimiter| spelling.write(&delimiter)),
            encoding_type: input.encoding_type,
            max_keys: i32::try_from(max).ok(),
            marker: input.marker,
            is_truncated: Some(next.is_some()),
            next_marker: next,
            contents: Some(contents),
            common_prefixes: common_prefixes(common, &spelling),
            ..ListObjectsOutput::default()
        }))
    }

    /// A page of the newest versions of a bucket's objects.
    fn listed(
        &self,
        bucket: &str,
        prefix: &str,
        delimiter: Option<&str>,
        after: Option<String>,
        max: usize,
        spelling: &Spelling,
    ) -> Result<Listed, Refusal> {
        let page = self.store.bucket(bucket, |bucket| {
            let current = bucket.objects.keys().filter_map(|key| {
                let version = bucket.current(key)?;
                let object = version.object.clone()?;
                let is_after = after.as_ref().is_none_or(|after| key > after);
                is_after.then(|| (key.clone(), (version.modified, object)))
            });
            Ok(page(current, prefix, delimiter, max))
        })?;
        let contents: Vec<Object> = page
            .entries
            .into_iter()
            .map(|(key, (modified, object))| Object {
                key: Some(spelling.write(&key)),
                e_tag: Some(ETag::Strong(object.etag.clone())),
                size: i64::try_from(object.size()).ok(),
                last_modified: Some(modified.into()),
                storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
                ..Object::default()
            })
            .collect();
        Ok(Listed { contents, common: page.common, next: page.next })
    }

    pub(super) async fn list_versions(
        &self,
        req: S3Request<ListObjectVersionsInput>,
    ) -> Answer<ListObjectVersionsOutput> {
        let input = req.input;
        let spelling = Spelling(input.encoding_type.clone());
        let prefix = input.prefix.unwrap_or_default();
        let max = limit(input.max_keys);
        let (key_marker, id_marker) = (input.key_marker.clone(), input.version_id_marker.clone());
        let page = self.store.bucket(&input.bucket, |bucket| {
            let all = bucket.objects.iter().flat_map(|(key, versions)| {
                let newest = versions.len().saturating_sub(1);
                versions.iter().enumerate().rev().map(move |(i, version)| (key.clone(), (i == newest, version.clone())))
            });
            let mut before_marker = key_marker.is_some();
            let after = all.filter(|(key, (_, version))| {
                let Some(marker) = &key_marker else { return true };
                if key != marker {
                    return key > marker;
                }
                // Of the marker's key only what follows the marker's version.
                let shown = !before_marker && id_marker.is_some();
                before_marker = before_marker && Some(&version.id) != id_marker.as_ref();
                shown
            });
            Ok(page(after, &prefix, input.delimiter.as_deref(), max))
        })?;
        let last_id = page.entries.last().map(|(_, (_, version))| version.id.clone());
        let (mut versions, mut delete_markers) = (Vec::new(), Vec::new());
        for (key, (is_latest, version)) in page.entries {
            let key = spelling.write(&key);
            match &version.object {
                Some(object) => versions.push(version_entry(key, is_latest, &version, object)),
                None => delete_markers.push(DeleteMarkerEntry {
                    key: Some(key),
                    is_latest: Some(is_latest),
                    version_id: Some(version.id),
                    last_modified: Some(version.modified.into()),
                    ..DeleteMarkerEntry::default()
                }),
            }
        }
        Ok(S3Response::new(ListObjectVersionsOutput {
            name: Some(input.bucket),
            prefix: Some(spelling.write(&prefix)),
            delimiter: input.delimiter.map(|delimiter| spelling.write(&delimiter)),
            encoding_type: input.encoding_type,
            max_keys: i32::try_from(max).ok(),
            key_marker: input.key_marker,
            version_id_marker: input.version_id_marker,
            is_truncated: Some(page.next.is_some()),
            next_version_id_marker: page.next.as_ref().and(last_id),
            next_key_marker: page.next,
            versions: Some(versions),
            delete_markers: Some(delete_markers),
            common_prefixes: common_prefixes(page.common, &spelling),
            ..ListObjectVersionsOutput::default()
        }))
    }

    pub(super) async fn list_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> Answer<ListMultipartUploadsOutput> {
        let input = req.input;
        let spelling = Spelling(input.encoding_type.clone());
        let prefix = input.prefix.unwrap_or_default();
        let max = limit(input.max_uploads);
        let marker = (input.key_marker.clone(), input.upload_id_marker.clone());
        let page = self.store.bucket(&input.bucket, |bucket| {
            let shown = bucket.uploads.iter();
            let mut uploads: Vec<_> =
                shown.map(|(id, upload)| (upload.key.clone(), (id.clone(), upload.started))).collect();
            uploads.sort();
            uploads.retain(|(key, (id, _))| match &marker {
                (None, _) => true,
                (Some(key_marker), None) => key > key_marker,
                (Some(key_marker), Some(id_marker)) => (key, id) > (key_marker, id_marker),
            });
            Ok(page(uploads.into_iter(), &prefix, input.delimiter.as_deref(), max))
        })?;
        let next_id = page.next.as_ref().and(page.entries.last().map(|(_, (id, _))| id.clone()));
        let uploads = page.entries.into_iter().map(|(key, (id, started))| MultipartUpload {
            key: Some(spelling.write(&key)),
            upload_id: Some(id),
            initiated: Some(started.into()),
            ..MultipartUpload::default()
        });
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            prefix: Some(spelling.write(&prefix)),
            delimiter: input.delimiter.map(|delimiter| spelling.write(&delimiter)),
            encoding_type: input.encoding_type,
            max_uploads: i32::try_from(max).ok(),
            key_marker: input.key_marker,
            upload_id_marker: input.upload_id_marker,
            is_truncated: Some(page.next.is_some()),
            next_upload_id_marker: next_id,
            next_key_marker: page.next,
            uploads: Some(uploads.collect()),
            common_prefixes: common_prefixes(page.common, &spelling),
            ..ListMultipartUploadsOutput::default()
        }))
    }
}

fn version_entry(key: String, is_latest: bool, version: &Version, object: &super::store::Object) -> ObjectVersion {
    ObjectVersion {
        key: Some(key),
        is_latest: Some(is_latest),
        version_id: Some(version.id.clone()),
        last_modified: Some(version.modified.into()),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        size: i64::try_from(object.size()).ok(),
        storage_class: Some(ObjectVersionStorageClass::from_static(ObjectVersionStorageClass::STANDARD)),
        ..ObjectVersion::default()
    }
}

/// A continuation token is the last key looked at in hexadecimal.
fn key_of_token(token: &str) -> Result<String, Refusal> {
    let bytes = hex::decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    bytes.ok_or_else(|| Refusal::invalid_argument("The continuation token provided is incorrect"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Reading page by page gives every key once, or its group once, in order.
        #[test]
        fn pages_join_to_the_whole(
            keys in proptest::collection::btree_set("[ab/]{1,4}", 0..20), max in 1usize..5, delimited: bool,
        ) {
            let delimiter = delimited.then_some("/");
            let whole = page(keys.iter().map(|k| (k.clone(), ())), "", delimiter, usize::MAX);
            let (mut entries, mut common, mut after) = (Vec::new(), Vec::new(), None::<String>);
            loop {
                let rest = keys.iter().filter(|k| after.as_ref().is_none_or(|after| *k > after)).map(|k| (k.clone(), ()));
                let next = page(rest, "", delimiter, max);
                entries.extend(next.entries);
                common.extend(next.common);
                after = next.next;
                if after.is_none() {
                    break;
                }
            }
            prop_assert_eq!(entries, whole.entries);
            prop_assert_eq!(common, whole.common);
        }
    }
}
