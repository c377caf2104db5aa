//! Where writes, copies and uploads go wrong: what an endpoint with a fault does beside the honest code.

use std::ops::Range;
use std::sync::Arc;

use http::HeaderMap;
use s3s::dto::{
    AbortMultipartUploadInput, CompleteMultipartUploadInput, ListPartsInput, StreamingBlob, UploadPartInput,
};
use time::OffsetDateTime;

use super::body::{self, Claims};
use super::conditions::Conditions;
use super::content::SEGMENT;
use super::copies::Source;
use super::error::Refusal;
use super::faults::{Action, CopyFlaw, Departure, FormFlaw, PartFlaw, ReadFlaw, Served, WriteFlaw};
use super::service::Service;
use super::sse_c::{Encryption, GivenKey, TARGET};
use super::store::{NULL_VERSION, ObjectHeaders, Part, Version};

impl Service {
    /// What becomes of the body and of the object that was there when a PutObject is refused.
    pub(super) async fn after_refused_put(&self, action: Action, bucket: &str, key: &str, body: Option<StreamingBlob>) {
        let stores = match action {
            Action::Post => self.faults.has(FormFlaw::RefusedStored),
            _ => self.faults.has(WriteFlaw::RefusedStores),
        };
        if stores {
            return self.store_in_clear(bucket, key, body).await;
        }
        if action == Action::Put && self.faults.has(WriteFlaw::RefusedDestroys) {
            let _ = self.store.bucket(bucket, |bucket| Ok(bucket.remove(key, NULL_VERSION)));
        }
    }

    /// What becomes of an object when the body of a PutObject under a customer key breaks off or does not fit its digest.
    pub(super) async fn after_refused_body(&self, refusal: &Refusal, bucket: &str, key: &str) {
        let destroys = match &*refusal.code {
            "IncompleteBody" => self.faults.has(WriteFlaw::InterruptedDestroys),
            "BadDigest" => self.faults.has(WriteFlaw::DamagedDestroys),
            _ => false,
        };
        if destroys {
            let _ = self.store.bucket(bucket, |bucket| Ok(bucket.remove(key, NULL_VERSION)));
        }
        let is_new = || self.store.version(bucket, key, None).is_err();
        if refusal.code == "BadDigest" && is_new() && self.faults.has(WriteFlaw::DamagedStored) {
            self.store_in_clear(bucket, key, None).await;
        }
    }

    /// The object key under which something is stored.
    pub(super) fn spelt(&self, key: String, under_key: bool) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        if key.chars().all(plain) || !(under_key && self.faults.has(WriteFlaw::EscapedKeysMisspelt)) {
            return key;
        }
        key.chars().map(|c| if plain(c) { c } else { '_' }).collect()
    }

    /// Makes an object unreadable with its key.
    pub(super) fn lose_key(&self, bucket: &str, key: &str, version: &str) -> Result<(), Refusal> {
        self.store.bucket(bucket, |bucket| {
            for version in bucket.objects.get_mut(key).into_iter().flatten().filter(|found| found.id == version) {
                if let Some(object) = &version.object {
                    version.object = Some(Arc::new(object.under(Encryption::lost())));
                }
            }
            Ok(())
        })
    }

    /// Whether a key opens any object of a bucket, at an endpoint where that is enough.
    pub(super) fn opens_another(&self, bucket: &str, given: Option<&GivenKey>) -> bool {
        let Some(given) = given.filter(|_| self.faults.has(ReadFlaw::KeysShared)) else { return false };
        let opens = |version: &Version| {
            let held = version.object.as_ref().and_then(|object| object.encryption.held());
            held.is_some_and(|held| held.opens.key.is(&given.key))
        };
        self.store.bucket(bucket, |bucket| Ok(bucket.objects.values().flatten().any(opens))).unwrap_or(false)
    }

    /// What becomes of a part that is refused for its key.
    pub(super) async fn after_refused_part(&self, input: &mut UploadPartInput) {
        if !self.faults.has(PartFlaw::RefusedKept) {
            return;
        }
        let Ok(taken) = body::take(input.body.take(), None, &self.store.memory, Claims::none(), true).await else {
            return;
        };
        let part = Part {
            content: Arc::new(taken.content),
            etag: taken.md5,
            modified: OffsetDateTime::now_utc(),
            checksums: taken.checksums,
        };
        let _ = self.add_part(&input.bucket, &input.key, &input.upload_id, input.part_number, part, None);
    }

    /// What becomes of the target when a CopyObject is refused.
    pub(super) async fn after_refused_copy(&self, bucket: &str, key: &str) {
        if self.faults.has(CopyFlaw::RefusedDestroys) {
            let _ = self.store.bucket(bucket, |bucket| Ok(bucket.remove(key, NULL_VERSION)));
        }
        if self.faults.has(CopyFlaw::RefusedStores) {
            self.store_in_clear(bucket, key, None).await;
        }
    }

    async fn store_in_clear(&self, bucket: &str, key: &str, body: Option<StreamingBlob>) {
        let taken = body::take(body, None, &self.store.memory, Claims::none(), false).await;
        if let Ok(taken) = taken {
            let object = self.whole_object(None, taken.md5.clone(), taken, ObjectHeaders::default());
            let _ = self.place(bucket, key, object, |_| false, &Conditions::default());
        }
    }

    /// The key, unless the default encryption of the bucket takes its place.
    pub(super) fn unless_overridden(
        &self,
        key: Option<GivenKey>,
        bucket: &str,
        flaw: impl Into<Departure>,
    ) -> Option<GivenKey> {
        let is_set = || self.store.bucket(bucket, |bucket| Ok(bucket.default_encryption_set)).unwrap_or(false);
        let overridden = key.is_some() && is_set() && self.faults.has(flaw);
        key.filter(|_| !overridden)
    }

    /// Copies that an endpoint cannot do.
    pub(super) fn fail_copy(&self, source: &Source) -> Result<(), Refusal> {
        if !source.object.encryption.is_customers() {
            return Ok(());
        }
        if self.faults.has(CopyFlaw::NotImplemented) {
            return Err(Refusal::not_implemented("Copies of encrypted objects are not implemented."));
        }
        if source.onto_itself && self.faults.has(CopyFlaw::RotationFails) {
            return Err(Refusal::internal());
        }
        Ok(())
    }

    /// The key under which a copy is written for which `asked` was asked.
    pub(super) fn key_of_copy(&self, source: &Source, asked: Option<GivenKey>) -> Option<GivenKey> {
        let of_source = || source.given.clone();
        match &asked {
            Some(_) if self.faults.has(CopyFlaw::EncryptionDropped) => None,
            Some(_) if self.faults.has(CopyFlaw::UnderSourceKey) => of_source().or(asked),
            None if self.faults.has(CopyFlaw::SourceKeyInherited) => of_source(),
            _ => asked,
        }
    }

    /// What of its source goes into a copy.
    pub(super) fn served_to_copy(&self, source: &Source) -> Served {
        let size = source.object.size();
        if !source.object.encryption.is_customers() {
            return Served::rightly(0..size, false);
        }
        let border = source.object.parts.first().map(|part| part.content.size()).filter(|_| source.object.multipart);
        if border.is_some() && self.faults.has(CopyFlaw::MultipartCutShort) {
            return Served::rightly(0..size - size % 16, false);
        }
        let garbled_from = match border {
            _ if self.faults.has(CopyFlaw::Garbled) => Some(0),
            Some(border) if self.faults.has(CopyFlaw::LaterPartsGarbled) => Some(border),
            _ => None,
        };
        Served::garbled(0..size, garbled_from)
    }

    /// What of its source goes into a part for which `range` was asked.
    pub(super) fn served_to_part(&self, source: &Source, range: Range<u64>) -> Served {
        let within_segment = !range.start.is_multiple_of(SEGMENT as u64);
        let from_border = range.start > 0 && !within_segment;
        if !source.object.encryption.is_customers() {
            return Served::rightly(range, false);
        }
        if from_border && self.faults.has(PartFlaw::CopyOfAlignedShifted) {
            return Served::rightly(range.start - SEGMENT as u64..range.end - SEGMENT as u64, false);
        }
        let garbled = self.faults.has(PartFlaw::CopyGarbled)
            || (within_segment && self.faults.has(PartFlaw::CopyOfUnalignedGarbled));
        let from = garbled.then_some(range.start);
        Served::garbled(range, from)
    }

    /// Requests that need no key, at an endpoint that asks for one.
    pub(super) fn fail_without_key(
        &self,
        flaw: PartFlaw,
        headers: &HeaderMap,
        upload: &impl OfUpload,
    ) -> Result<(), Refusal> {
        if !self.faults.has(flaw) || headers.contains_key(format!("{TARGET}key")) {
            return Ok(());
        }
        let (bucket, key, id) = upload.address();
        let under_key = self.store.bucket(bucket, |bucket| Ok(bucket.upload(key, id)?.encryption.is_customers()))?;
        if under_key { Err(Refusal::new(400, "InvalidRequest", "The key of the upload is needed.")) } else { Ok(()) }
    }

    /// Requests that take a key without needing it, at an endpoint that refuses one.
    pub(super) fn fail_with_key(&self, flaw: impl Into<Departure>, headers: &HeaderMap) -> Result<(), Refusal> {
        let carries = headers.contains_key(format!("{TARGET}key"));
        if carries && self.faults.has(flaw) {
            return Err(Refusal::new(400, "InvalidRequest", "No key is asked for here."));
        }
        Ok(())
    }

    /// Uploads that an endpoint cannot complete.
    pub(super) fn fail_completion(&self, parts: &[(i32, Part)], is_store_encrypted: bool) -> Result<(), Refusal> {
        let unaligned = parts.iter().any(|(_, part)| part.content.size() % 16 != 0);
        if unaligned && !is_store_encrypted && parts.len() > 1 && self.faults.has(PartFlaw::UnalignedRefused) {
            return Err(Refusal::internal());
        }
        Ok(())
    }

    /// How an object is encrypted that was uploaded in parts.
    pub(super) fn encryption_of_whole(
        &self,
        upload: Arc<Encryption>,
        last_key: Option<GivenKey>,
    ) -> Result<Encryption, Refusal> {
        let created = Arc::into_inner(upload).ok_or_else(Refusal::internal)?;
        match (&created, last_key) {
            (Encryption::Customer(_), Some(last)) if self.faults.has(PartFlaw::LastKeyCounts) => {
                Ok(self.encryption(Some(&last)).opened_as(&created))
            }
            _ => Ok(created),
        }
    }
}

/// Requests that address an upload.
pub(super) trait OfUpload {
    /// Bucket, object key, upload id.
    fn address(&self) -> (&str, &str, &str);
}

impl OfUpload for CompleteMultipartUploadInput {
    fn address(&self) -> (&str, &str, &str) {
        (&self.bucket, &self.key, &self.upload_id)
    }
}

impl OfUpload for AbortMultipartUploadInput {
    fn address(&self) -> (&str, &str, &str) {
        (&self.bucket, &self.key, &self.upload_id)
    }
}

impl OfUpload for ListPartsInput {
    fn address(&self) -> (&str, &str, &str) {
        (&self.bucket, &self.key, &self.upload_id)
    }
}
