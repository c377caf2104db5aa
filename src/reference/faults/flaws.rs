//! The kinds of departure that the honest code asks for by name.

use super::Departure;

macro_rules! flaws {
    ($($flaw:ident => $departure:ident),* $(,)?) => {$(
        impl From<$flaw> for Departure {
            fn from(flaw: $flaw) -> Self {
                Self::$departure(flaw)
            }
        }
    )*};
}

flaws! {
    WriteFlaw => Writes,
    CopyFlaw => Copies,
    PartFlaw => Parts,
    ConditionFlaw => Conditions,
    ListingFlaw => Listings,
    ReadFlaw => Reading,
    ChecksumFlaw => Checksums,
    AnnotationFlaw => Annotations,
    FormFlaw => Forms,
    SettingFlaw => Settings,
}

/// Writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteFlaw {
    /// A refused PutObject stores its body all the same.
    RefusedStores,
    /// A refused PutObject removes the object that was there.
    RefusedDestroys,
    /// A bucket's default encryption takes the place of the customer key.
    DefaultEncryptionWins,
    /// The framing of aws-chunked bodies is stored with them.
    FramingStored,
    /// An overwritten object is still read with its former key.
    FormerKeyKept,
    /// A plain object that was overwritten under a key is still read without one.
    FormerPlainServed,
    /// All versions of an object are checked against the newest one's key.
    VersionsShareKey,
    /// Preconditions of writes under a customer key are passed over.
    ConditionsPassedOver,
    /// Object keys that need escaping are misspelt where an object is written under a customer key.
    EscapedKeysMisspelt,
    /// Of an upload under a customer key that breaks off, what came is stored.
    InterruptedStored,
    /// An upload under a customer key that breaks off removes the object that was there.
    InterruptedDestroys,
    /// An upload that does not fit its digest removes the object that was there.
    DamagedDestroys,
    /// A PutObject whose body does not fit its digest is refused and leaves an object behind.
    DamagedStored,
    /// `aws-chunked` is stored as the encoding of content under a customer key.
    EncodingKept,
    /// Bodies in signed chunks are refused under a customer key.
    SignedChunksRefused,
    /// A plain object that takes the place of one under a customer key is still kept from those without the key.
    FormerKeyAsked,
}

/// Copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CopyFlaw {
    /// The copy is stored in clear whatever was asked for.
    EncryptionDropped,
    /// The copy is stored under its source's key instead of its own.
    UnderSourceKey,
    /// A copy for which no encryption is asked stays under its source's key.
    SourceKeyInherited,
    /// Copies of SSE-C objects are not implemented.
    NotImplemented,
    /// A copy of an object made of parts is garbled from the second part on.
    LaterPartsGarbled,
    /// Of a copy of an object made of parts what exceeds full cipher blocks is lost.
    MultipartCutShort,
    /// The copy has its source's ETag.
    EtagKept,
    /// Copies of SSE-C objects onto themselves fail.
    RotationFails,
    /// After a copy onto itself the former key still reads the object.
    FormerKeyKept,
    /// The copy's content is garbled where it is encrypted anew.
    Garbled,
    /// A refused copy leaves an object at its target.
    RefusedStores,
    /// A refused copy removes the object that was at its target.
    RefusedDestroys,
    /// The default encryption of the target's bucket takes the place of the customer key.
    DefaultEncryptionWins,
    /// Copies of SSE-C objects lose their metadata.
    MetadataLost,
    /// Copies of SSE-C objects keep their source's metadata whatever was asked for.
    ReplacePassedOver,
    /// Preconditions on an SSE-C source are passed over.
    ConditionsPassedOver,
    /// The newest version of an SSE-C source is copied, whatever version was named.
    VersionPassedOver,
}

/// Multipart uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartFlaw {
    /// A part without the upload's key is taken.
    WithoutKeyTaken,
    /// A part under another key is taken, and the last part's key is the object's.
    LastKeyCounts,
    /// A part with a key is taken into an upload without one.
    KeyOnPlainUploadTaken,
    /// Completing asks for the key.
    CompleteNeedsKey,
    /// Listing the parts asks for the key.
    ListNeedsKey,
    /// Parts copied from an SSE-C source hold other bytes.
    CopyGarbled,
    /// Parts copied from a range that starts inside a segment hold other bytes.
    CopyOfUnalignedGarbled,
    /// Parts copied from a range that starts on a segment's border hold the segment before.
    CopyOfAlignedShifted,
    /// UploadPartCopy answers with an empty ETag.
    CopyEtagEmpty,
    /// The ETag of a finished object lacks the number of parts.
    EtagWithoutCount,
    /// The ETag of a finished object says that it has one part.
    EtagCountsOne,
    /// A bucket's default encryption takes the place of the customer key.
    DefaultEncryptionWins,
    /// The framing of aws-chunked parts is stored with them.
    FramingStored,
    /// Parts with other lengths than whole cipher blocks are refused at the end.
    UnalignedRefused,
    /// Aborting asks for the key.
    AbortNeedsKey,
    /// Aborting says so, and the upload goes on.
    AbortKeeps,
    /// A part that is uploaded again keeps its first content.
    FirstContentKept,
    /// Completing with the key is refused.
    CompleteWithKeyRefused,
    /// Listing the parts with the key is refused.
    ListWithKeyRefused,
    /// A part that is refused for its key is kept all the same.
    RefusedKept,
}

/// Conditional reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConditionFlaw {
    /// If-None-Match is looked at before the key.
    NotModifiedFirst,
    /// If-Match is looked at before the key.
    FailedFirst,
    /// If-Match fails for SSE-C objects, whatever the ETag.
    IfMatchFails,
    /// If-None-Match is passed over for SSE-C objects.
    IfNoneMatchPassedOver,
    /// x-amz-copy-source-if-match fails for SSE-C objects, whatever the ETag.
    CopyIfMatchFails,
    /// The preconditions of a copy are looked at before its source's key.
    CopyFailedFirst,
    /// If-Match is passed over for SSE-C objects.
    IfMatchPassedOver,
    /// If-None-Match succeeds for no SSE-C object, whatever the ETag.
    IfNoneMatchFails,
    /// If-Modified-Since is passed over for SSE-C objects.
    IfModifiedSincePassedOver,
    /// If-Unmodified-Since is passed over for SSE-C objects.
    IfUnmodifiedSincePassedOver,
    /// If-Modified-Since is looked at before the key.
    DateFirst,
}

/// Listing and deleting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListingFlaw {
    /// Listings leave SSE-C objects out.
    Hides,
    /// Listings of SSE-C objects are refused.
    Refused,
    /// Deleting an SSE-C object asks for its key.
    DeleteNeedsKey,
    /// Deleting an SSE-C object says so and does not.
    DeleteKeeps,
    /// DeleteObjects asks for the keys of SSE-C objects.
    DeleteManyNeedsKey,
    /// Deleting with SSE-C headers is refused.
    DeleteWithKeyRefused,
    /// Open uploads under a customer key are not listed.
    UploadsHidden,
}

/// Reads with the right key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadFlaw {
    /// A range beyond the end is answered with the whole.
    RangeBeyondEndServed,
    /// Content-Range tells the ciphertext's size.
    ContentRangeOfCiphertext,
    /// HEAD passes the part number over.
    HeadPartPassedOver,
    /// A part number beyond the last is answered with the whole.
    PartBeyondEndServed,
    /// The number of parts is not told.
    PartsCountMissing,
    /// A part read by its number is answered with 200 in place of 206, whatever object it is of.
    PartNotPartial,
    /// GetObjectAttributes shows a size that is 16 bytes too large, whatever object it is of.
    AttributesSizePadded,
    /// User metadata is lost.
    MetadataLost,
    /// Characters of user metadata beyond ASCII are lost.
    UnicodeLost,
    /// Content-Type and its like are lost.
    SystemHeadersLost,
    /// SSE-S3 is told besides SSE-C.
    OtherEncryptionTold,
    /// SSE-C is told of plain objects.
    ToldOfPlain,
    /// A refusal shows the object's user metadata.
    RefusalShowsMetadata,
    /// A refusal shows the object's checksum.
    RefusalShowsChecksum,
    /// A deleted object is read by its key: the newest version that is no delete marker is served.
    MarkerPassedOver,
    /// A delete marker is not told as such.
    MarkerNotTold,
    /// Removing a delete marker removes the versions before it.
    MarkerTakesAll,
    /// GetObjectAttributes gives no checksum.
    AttributesWithoutChecksum,
    /// GetObjectAttributes does not tell of parts.
    AttributesWithoutParts,
    /// A key that opens any object of the bucket opens all.
    KeysShared,
    /// Where SSE-C is blocked, objects stored under a customer key cannot be read.
    BlockCoversReads,
}

/// Digests and checksums of what is written under a customer key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChecksumFlaw {
    /// Content-MD5 is compared with the ciphertext.
    Md5OfCiphertext,
    /// Content-MD5 is not compared.
    Md5NotCompared,
    /// Checksums in headers are compared with the ciphertext.
    OfCiphertext,
    /// Checksums in headers are not compared.
    NotCompared,
    /// The answer to a write does not tell the checksum.
    NotTold,
    /// No checksum is made where the client sent none.
    NoDefault,
    /// Reads do not tell the checksum.
    NotToldOnRead,
    /// Checksums in trailers are compared with the ciphertext.
    TrailerOfCiphertext,
    /// Checksums in trailers are not compared.
    TrailerNotCompared,
}

/// Tags and access control lists of SSE-C objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnnotationFlaw {
    /// Tags ask for the key.
    TagsNeedKey,
    /// An object that is tagged can no longer be read with its key.
    TagsLoseKey,
    /// Tags are lost.
    TagsLost,
    /// Access control lists ask for the key.
    AclNeedsKey,
}

/// Browser form uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FormFlaw {
    /// A refused form stores its file all the same.
    RefusedStored,
}

/// Bucket policies, and the setting that blocks SSE-C.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SettingFlaw {
    /// The absence of the algorithm is not noticed.
    AbsencePassedOver,
    /// The presence of the algorithm is not noticed.
    PresencePassedOver,
    /// The policy is not asked for copies and uploads in parts.
    CopiesAndUploadsPassedOver,
    /// The algorithm counts as absent whether it is sent or not.
    AlwaysAbsent,
    /// The algorithm counts as present whether it is sent or not.
    AlwaysPresent,
    /// SSE-C is taken where it is blocked.
    BlockPassedOver,
    /// SSE-C is taken by copies and uploads in parts where it is blocked.
    BlockPassedOverByCopiesAndUploads,
    /// Where SSE-C is blocked, nothing can be written.
    BlockCoversPlain,
    /// A block that is taken back stays.
    BlockStays,
}
