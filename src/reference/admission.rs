//! Who may read and write what: the key that a request brings, and whether it fits.

use std::sync::Arc;

use http::{Extensions, HeaderMap};

use super::content::SealingKey;
use super::error::{Cause, Refusal};
use super::faults::{Action, Asked, PartFlaw, Read, Serves};
use super::service::Service;
use super::sse_c::{CustomerKey, Encryption, GivenKey, TARGET, invalid_key};
use super::store::Object;

/// The parts of a request that admission looks at.
#[derive(Clone, Copy)]
pub(super) struct Request<'r> {
    pub headers: &'r HeaderMap,
    pub extensions: &'r Extensions,
}

impl<'r> Request<'r> {
    pub fn of(headers: &'r HeaderMap, extensions: &'r Extensions) -> Self {
        Self { headers, extensions }
    }

    pub fn presigned(self) -> bool {
        self.extensions.get::<Asked>().is_some_and(|asked| asked.presigned)
    }

    /// Whether the request has any SSE-C header for an action.
    pub fn carries(self, action: Action) -> bool {
        self.extensions.get::<Asked>().is_some_and(|asked| asked.actions.contains(&action))
    }

    /// Whether it has a customer key, also where none is taken.
    pub fn carries_key(self) -> bool {
        self.headers.contains_key(format!("{TARGET}key"))
    }

    /// Whether it came as a form.
    pub fn is_form(self) -> bool {
        self.extensions.get::<Asked>().is_some_and(|asked| asked.is_form)
    }
}

/// The customer key that a request brings; or, at an endpoint that does not check its headers, why it must be refused.
pub(super) type Presented = Result<Option<GivenKey>, Refusal>;

/// A read that goes on.
pub(super) struct Admitted {
    /// The key that the request brought.
    pub given: Option<GivenKey>,
    /// The key that opens the data.
    pub opens: Option<SealingKey>,
    pub serves: Serves,
}

/// The key that a part came with, and the one that seals it.
pub(super) struct PartKey {
    pub given: Option<GivenKey>,
    pub seals: Option<SealingKey>,
}

impl Service {
    /// The customer key that a request brings for an action, its headers checked.
    pub(super) fn key_of(&self, action: Action, request: Request<'_>) -> Result<Option<GivenKey>, Refusal> {
        let headers = self.faults.headers(action, request.headers)?;
        let key = match action {
            Action::Get | Action::Head | Action::Attributes => CustomerKey::to_read(&headers),
            Action::CopySource | Action::PartCopySource => CustomerKey::of_source(&headers),
            Action::Put
            | Action::Post
            | Action::CopyTarget
            | Action::CreateUpload
            | Action::UploadPart
            | Action::PartCopyTarget => CustomerKey::to_write(&headers),
        };
        key.map(CustomerKey::given)
    }

    /// The customer key that a request brings for something that is there already, its headers checked.
    pub(super) fn presented(&self, action: Action, request: Request<'_>) -> Result<Presented, Refusal> {
        let key = self.key_of(action, request);
        let is_right = key.as_ref().is_ok_and(|given| given.as_ref().is_none_or(|given| !given.of_other_length));
        if is_right || !self.faults.leaves_unchecked(action) {
            return key.map(Ok);
        }
        Ok(match key {
            Ok(Some(given)) if given.of_other_length => Err(invalid_key()),
            key => key,
        })
    }

    /// How data written with this key is encrypted.
    pub(super) fn encryption(&self, key: Option<&GivenKey>) -> Encryption {
        Encryption::under(key, self.faults.any())
    }

    /// Whether a read with this key may go on. `newest` is the version whose key counts in place of the object's own, at
    /// an endpoint whose versions share a key.
    pub(super) fn admit(
        &self,
        read: Read,
        object: &Object,
        newest: Option<&Arc<Object>>,
        presented: Presented,
    ) -> Result<Admitted, Refusal> {
        let held = object.encryption.held();
        let given = match (presented, held) {
            (Ok(given), _) => given,
            // What is not checked counts as the right key.
            (Err(_), Some(held)) => Some(held.opens.clone()),
            (Err(refusal), None) => return Err(refusal),
        };
        let checked = newest.map_or(&object.encryption, |newest| &newest.encryption);
        let key = given.as_ref();
        let is_source = matches!(read.action, Action::CopySource | Action::PartCopySource);
        let admitted = if is_source { checked.admit_source(key) } else { checked.admit(key) };
        let serves = match admitted {
            Ok(()) => Serves::Data,
            Err(refusal) => {
                let by_another = held.is_some_and(|held| match key {
                    None => held.formerly_plain,
                    Some(given) => read.key_opens_another || held.former.iter().any(|former| former.is(&given.key)),
                });
                let let_through = if by_another { Some(Serves::Data) } else { self.faults.admits(read, checked, key) };
                let of_copy = is_source && refusal.cause == Some(Cause::KeyNeeded);
                let refusal = if of_copy { refusal.because(Cause::KeyNeededForCopy) } else { refusal };
                let_through.ok_or(refusal)?
            }
        };
        let opens = held.map(|held| &held.opens).or(key).map(|given| given.key.clone());
        Ok(Admitted { given, opens, serves })
    }

    /// Whether a part with this key may join an upload so encrypted.
    pub(super) fn admit_part(&self, upload: &Encryption, presented: Presented) -> Result<PartKey, Refusal> {
        let held = upload.held().map(|held| &held.opens);
        let given = match (presented, held) {
            (Ok(given), _) => given,
            (Err(_), Some(held)) => Some(held.clone()),
            (Err(refusal), None) => return Err(refusal),
        };
        let key = given.as_ref();
        let seals = match upload.admit_part(key) {
            Ok(()) => held.or(key),
            Err(refusal) => match (upload, key) {
                (Encryption::Customer(_), None) if self.faults.has(PartFlaw::WithoutKeyTaken) => held,
                (Encryption::Customer(_), Some(_)) if self.faults.has(PartFlaw::LastKeyCounts) => held,
                (Encryption::Store, _) if self.faults.has(PartFlaw::KeyOnPlainUploadTaken) => None,
                _ => return Err(refusal),
            },
        };
        let seals = seals.map(|given| given.key.clone());
        Ok(PartKey { given, seals })
    }
}
