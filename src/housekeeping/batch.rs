//! Removes many things by one request (DeleteObjects), where the endpoint can. Nothing is believed but what it says of each.

use std::collections::HashSet;
use std::io;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::Method;
use quick_xml::Writer;
use quick_xml::events::BytesText;

use super::listing::{Entry, Kind};
use super::named::Named;
use super::removal::Removal;

/// The most entries of a request (Amazon S3 API Reference, DeleteObjects).
const MOST: usize = 1000;
/// As few are removed one by one.
const FEW: usize = 2;

impl Removal<'_> {
    /// Removes what can be removed by the batch. Gives what was removed, in words, and the entries of which the endpoint did not
    /// say that they are gone: they are to be removed one by one, which tells why they cannot be.
    pub(super) async fn remove_by_batch(&self, bucket: &str, entries: Vec<Entry>) -> (Named, Vec<Entry>) {
        let (batched, mut left): (Vec<_>, Vec<_>) = entries.into_iter().partition(can_be_batched);
        let mut done =
            futures_util::stream::iter(in_batches(batched)).map(|batch| self.batch(bucket, batch)).buffered(self.jobs);
        let mut removed = Named::default();
        while let Some((gone, still)) = done.next().await {
            removed.extend(gone.iter().map(|entry| entry.in_words(bucket)));
            left.extend(still);
        }
        (removed, left)
    }

    /// Sends one; the entries of which the answer says that they are gone, and the others.
    async fn batch(&self, bucket: &str, entries: Vec<Entry>) -> (Vec<Entry>, Vec<Entry>) {
        if entries.len() <= FEW || self.has_no_batches.load(Ordering::Relaxed) {
            return (Vec::new(), entries);
        }
        let Ok(document) = document(&entries) else { return (Vec::new(), entries) };
        let reply = self.send_document("DeleteObjects", Method::POST, bucket, "", &[("delete", "")], document).await;
        let answer = reply.answer().filter(|answer| answer.status == 200);
        let Some(result) = answer.and_then(|answer| answer.xml().ok()).filter(|xml| xml.name == "DeleteResult") else {
            // It has no such operation, or is none that can be talked to: no use to ask for it again.
            self.has_no_batches.store(true, Ordering::Relaxed);
            return (Vec::new(), entries);
        };
        let deleted = result.children.iter().filter(|child| child.name == "Deleted").filter_map(|deleted| {
            let key = deleted.child_text("Key")?;
            let id = deleted.child_text("VersionId").filter(|id| !id.is_empty());
            // What a delete marker was made for is still there.
            let is_hidden = id.is_none() && deleted.child_text("DeleteMarker") == Some("true");
            (!is_hidden).then_some((key, id))
        });
        let deleted: HashSet<(&str, Option<&str>)> = deleted.collect();
        entries.into_iter().partition(|entry| deleted.contains(&(entry.key.as_str(), entry.id.as_deref())))
    }
}

/// Entries, as many together as a request takes, in their order.
fn in_batches(mut entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let mut batches = Vec::new();
    while !entries.is_empty() {
        let last = (entries.len() - 1) / MOST * MOST;
        batches.push(entries.split_off(last));
    }
    batches.reverse();
    batches
}

/// Uploads have another operation; XML 1.0 cannot write all keys, and parsers do not agree on others (section 2.2).
fn can_be_batched(entry: &Entry) -> bool {
    let is_plain = |text: &str| text.chars().all(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'));
    entry.kind != Kind::Upload && is_plain(&entry.key) && entry.id.as_deref().is_none_or(is_plain)
}

/// The request's document. It asks to be told of what is gone, not only of what is not.
fn document(entries: &[Entry]) -> io::Result<Bytes> {
    let mut writer = Writer::new(Vec::new());
    let namespace = ("xmlns", "http://s3.amazonaws.com/doc/2006-03-01/");
    writer.create_element("Delete").with_attribute(namespace).write_inner_content(|writer| {
        for entry in entries {
            writer.create_element("Object").write_inner_content(|writer| {
                writer.create_element("Key").write_text_content(BytesText::new(&entry.key))?;
                if let Some(id) = &entry.id {
                    writer.create_element("VersionId").write_text_content(BytesText::new(id))?;
                }
                Ok(())
            })?;
        }
        Ok(())
    })?;
    Ok(writer.into_inner().into())
}
