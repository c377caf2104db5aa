//! What a sequence is made of: the requests that it may send, in the model's terms.

use super::names::{Body, Key, Object};
use super::presented::Presented;

/// What stands among the capabilities for a listener without TLS.
pub const PLAIN_LISTENER: &str = "plain-listener";
/// The capabilities of the suites that actions may need.
pub const CAPABILITIES: &[&str] = &[
    "copy",
    "multipart",
    "part-copy",
    "part-number",
    "head-part-number",
    "presigned",
    "versioning",
    "list-versions",
    "conditional-by-date",
    "response-override[content-type]",
    "content-md5",
    "checksum-crc32",
    "checksum-mode",
    "aws-chunked",
    "signed-chunks",
    "conditional-write",
    "multi-delete",
    "list-uploads",
    "first-listing",
    "attributes",
    "attributes-of-version",
    "default-encryption",
    "tagging",
    "acl",
    "acl-writes",
];

/// How a request is sent, apart from what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Style {
    /// Signed in its header, over TLS.
    Usual,
    /// By a presigned URL.
    Presigned,
    /// Over plain HTTP.
    Plain,
    /// By a presigned URL, over plain HTTP.
    PresignedPlain,
    /// With the names of its headers in upper case.
    UpperCase,
    /// With blanks around the values of its SSE-C headers.
    Padded,
    /// Without a signature.
    Anonymous,
    /// With a signature that does not cover the SSE-C headers.
    Unsigned,
    /// By a presigned URL whose signature does not cover the SSE-C headers.
    PresignedUnsigned,
    /// With another key put in after it was signed.
    Tampered,
}

impl Style {
    /// Those besides the usual one.
    pub const OTHERS: [Self; 9] = [
        Self::Presigned,
        Self::Plain,
        Self::PresignedPlain,
        Self::UpperCase,
        Self::Padded,
        Self::Anonymous,
        Self::Unsigned,
        Self::PresignedUnsigned,
        Self::Tampered,
    ];

    /// Whether it goes over plain HTTP.
    #[must_use]
    pub fn is_plain(self) -> bool {
        matches!(self, Self::Plain | Self::PresignedPlain)
    }
}

/// What a PutObject or UploadPart brings besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extra {
    /// Nothing.
    Nothing,
    /// User metadata and a Content-Type.
    Metadata,
    /// The Content-MD5 of the body.
    ContentMd5,
    /// The Content-MD5 of another body.
    WrongContentMd5,
    /// The CRC32 of the body.
    Crc32,
    /// The CRC32 of another body.
    WrongCrc32,
    /// The body in aws-chunked framing, its CRC32 as trailer.
    Framed,
    /// The same with the CRC32 of another body.
    WrongTrailer,
    /// The body in signed chunks.
    SignedChunks,
    /// `x-amz-server-side-encryption: AES256` beside the customer key.
    OtherEncryption,
    /// `If-None-Match: *`
    IfNoneMatch,
    /// Tags.
    Tagged,
    /// The connection is closed in the middle of the body.
    Interrupted,
}

impl Extra {
    /// Those that a PutObject may bring.
    pub const OF_PUT: [Self; 12] = [
        Self::Metadata,
        Self::ContentMd5,
        Self::WrongContentMd5,
        Self::Crc32,
        Self::WrongCrc32,
        Self::Framed,
        Self::WrongTrailer,
        Self::SignedChunks,
        Self::OtherEncryption,
        Self::IfNoneMatch,
        Self::Tagged,
        Self::Interrupted,
    ];

    /// Those that an UploadPart may bring.
    pub const OF_PART: [Self; 3] = [Self::ContentMd5, Self::WrongContentMd5, Self::Framed];

    /// The capability that it needs, if any.
    fn capability(self) -> &'static str {
        match self {
            Self::Crc32 | Self::WrongCrc32 => "checksum-crc32",
            Self::Framed | Self::WrongTrailer => "aws-chunked",
            Self::SignedChunks => "signed-chunks",
            Self::ContentMd5 | Self::WrongContentMd5 => "content-md5",
            Self::IfNoneMatch => "conditional-write",
            Self::Tagged => "tagging",
            Self::Nothing | Self::Metadata | Self::OtherEncryption | Self::Interrupted => "",
        }
    }
}

/// How an object is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reading {
    /// GetObject
    Get,
    /// HeadObject
    Head,
    /// GetObjectAttributes
    Attributes,
}

impl Reading {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Get, Self::Head, Self::Attributes];

    /// Name of the operation.
    #[must_use]
    pub fn operation(self) -> &'static str {
        match self {
            Self::Get => "GetObject",
            Self::Head => "HeadObject",
            Self::Attributes => "GetObjectAttributes",
        }
    }
}

/// What is read of an object, or on what condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Of {
    /// All of it.
    Whole,
    /// From this byte to that one, inclusive.
    Range(u64, u64),
    /// From this byte to the end.
    From(u64),
    /// The last so many bytes.
    Last(u64),
    /// A range that begins beyond the end.
    BeyondEnd,
    /// The part of this number.
    Part(u32),
    /// With `response-content-type`.
    Override,
    /// With `x-amz-checksum-mode: ENABLED`.
    Checksum,
    /// On a connection of its own, so that a body after HEAD is seen.
    OwnConnection,
    /// If-Match of its own ETag.
    IfMatch,
    /// If-Match of another ETag.
    IfMatchOther,
    /// If-None-Match of its own ETag.
    IfNoneMatch,
    /// If-None-Match of another ETag.
    IfNoneMatchOther,
    /// GetObjectAttributes of the number of parts.
    PartsCount,
    /// If-Modified-Since its own date.
    IfModifiedSince,
    /// If-Modified-Since a date long ago.
    IfModifiedSinceLongAgo,
    /// If-Unmodified-Since a date long ago.
    IfUnmodifiedSinceLongAgo,
}

impl Of {
    /// The capability that it needs, if any.
    fn capability(self) -> &'static str {
        match self {
            Self::Part(_) => "part-number",
            Self::Override => "response-override[content-type]",
            Self::Checksum => "checksum-mode",
            Self::IfModifiedSince | Self::IfModifiedSinceLongAgo | Self::IfUnmodifiedSinceLongAgo => {
                "conditional-by-date"
            }
            _ => "",
        }
    }
}

/// Which version of an object: the newest without being named, or the nth newest by its version id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Which {
    /// The newest, not named.
    Newest,
    /// The version that is this many newer ones away from the newest.
    Back(usize),
}

/// A listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listing {
    /// ListObjectsV2
    Objects,
    /// ListObjects
    FirstVersion,
    /// ListObjectVersions
    Versions,
}

/// What is done with tags or the access control list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Annotation {
    /// PutObjectTagging
    PutTags,
    /// GetObjectTagging
    GetTags,
    /// DeleteObjectTagging
    DeleteTags,
    /// GetObjectAcl
    GetAcl,
    /// PutObjectAcl
    PutAcl,
}

/// The source of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Source {
    /// The object.
    pub object: Object,
    /// Its version.
    pub which: Which,
    /// What is said of its key.
    pub key: Presented,
}

/// A condition on the source of a copy, or what becomes of its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Copying {
    /// None, and the metadata is kept.
    Plainly,
    /// The metadata is replaced.
    Replacing,
    /// If the source's ETag is its own.
    IfMatch,
    /// If the source's ETag is not its own.
    IfNoneMatch,
}

/// One request of a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// PutObject
    Put {
        /// The object.
        object: Object,
        /// Its key.
        key: Presented,
        /// Its content.
        body: Body,
        /// What comes besides.
        extra: Extra,
        /// How it is sent.
        style: Style,
    },
    /// GetObject, HeadObject, GetObjectAttributes
    Read {
        /// Which of them.
        reading: Reading,
        /// The object.
        object: Object,
        /// Its version.
        which: Which,
        /// What is read.
        of: Of,
        /// What is said of its key.
        key: Presented,
        /// How it is sent.
        style: Style,
    },
    /// CopyObject
    Copy {
        /// From where.
        source: Source,
        /// To where.
        object: Object,
        /// The key of the copy.
        key: Presented,
        /// On what condition.
        copying: Copying,
        /// How it is sent.
        style: Style,
    },
    /// CreateMultipartUpload
    CreateUpload {
        /// The object.
        object: Object,
        /// Its key.
        key: Presented,
        /// `x-amz-server-side-encryption` besides.
        other_encryption: bool,
        /// How it is sent.
        style: Style,
    },
    /// UploadPart, into the open upload of the object
    UploadPart {
        /// The object.
        object: Object,
        /// The part's number.
        number: u32,
        /// What is said of its key.
        key: Presented,
        /// Its content.
        body: Body,
        /// What comes besides.
        extra: Extra,
        /// How it is sent.
        style: Style,
    },
    /// UploadPartCopy, into the open upload of the object
    CopyPart {
        /// The object.
        object: Object,
        /// The part's number.
        number: u32,
        /// From where.
        source: Source,
        /// First and last byte of the source, where not all of it.
        range: Option<(u64, u64)>,
        /// What is said of its key.
        key: Presented,
        /// How it is sent.
        style: Style,
    },
    /// CompleteMultipartUpload
    Complete {
        /// The object.
        object: Object,
        /// Whether the upload's key is presented.
        with_key: bool,
    },
    /// AbortMultipartUpload
    Abort {
        /// The object.
        object: Object,
    },
    /// ListParts
    ListParts {
        /// The object.
        object: Object,
        /// The part that is looked for.
        number: u32,
        /// Whether the upload's key is presented.
        with_key: bool,
    },
    /// ListMultipartUploads
    ListUploads {
        /// The object that is looked for.
        object: Object,
    },
    /// DeleteObject
    Delete {
        /// The object.
        object: Object,
        /// Its version.
        which: Which,
    },
    /// DeleteObjects
    DeleteMany {
        /// The object.
        object: Object,
    },
    /// A listing of objects or versions
    List {
        /// Which.
        listing: Listing,
        /// The object that is looked for.
        object: Object,
    },
    /// Tags or the access control list
    Annotate {
        /// Which.
        annotation: Annotation,
        /// The object.
        object: Object,
    },
}

impl Action {
    /// Name of the S3 operation.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        match self {
            Self::Put { .. } => "PutObject",
            Self::Read { reading, .. } => reading.operation(),
            Self::Copy { .. } => "CopyObject",
            Self::CreateUpload { .. } => "CreateMultipartUpload",
            Self::UploadPart { .. } => "UploadPart",
            Self::CopyPart { .. } => "UploadPartCopy",
            Self::Complete { .. } => "CompleteMultipartUpload",
            Self::Abort { .. } => "AbortMultipartUpload",
            Self::ListParts { .. } => "ListParts",
            Self::ListUploads { .. } => "ListMultipartUploads",
            Self::Delete { .. } => "DeleteObject",
            Self::DeleteMany { .. } => "DeleteObjects",
            Self::List { listing: Listing::Objects, .. } => "ListObjectsV2",
            Self::List { listing: Listing::FirstVersion, .. } => "ListObjects",
            Self::List { listing: Listing::Versions, .. } => "ListObjectVersions",
            Self::Annotate { annotation, .. } => match annotation {
                Annotation::PutTags => "PutObjectTagging",
                Annotation::GetTags => "GetObjectTagging",
                Annotation::DeleteTags => "DeleteObjectTagging",
                Annotation::GetAcl => "GetObjectAcl",
                Annotation::PutAcl => "PutObjectAcl",
            },
        }
    }

    /// What its steps' ids begin with.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Put { .. } => "put",
            Self::Read { reading: Reading::Get, .. } => "get",
            Self::Read { reading: Reading::Head, .. } => "head",
            Self::Read { reading: Reading::Attributes, .. } => "attributes",
            Self::Copy { .. } => "copy",
            Self::CreateUpload { .. } => "create",
            Self::UploadPart { .. } => "part",
            Self::CopyPart { .. } => "part-copy",
            Self::Complete { .. } => "complete",
            Self::Abort { .. } => "abort",
            Self::ListParts { .. } => "list-parts",
            Self::ListUploads { .. } => "list-uploads",
            Self::Delete { .. } => "delete",
            Self::DeleteMany { .. } => "delete-many",
            Self::List { .. } => "list",
            Self::Annotate { annotation, .. } => match annotation {
                Annotation::GetAcl | Annotation::PutAcl => "acl",
                _ => "tags",
            },
        }
    }

    /// Ids of the capabilities that it needs.
    #[must_use]
    pub fn capabilities(&self) -> Vec<&'static str> {
        let own = match self {
            Self::Read { reading: Reading::Attributes, .. } => "attributes",
            Self::Copy { .. } => "copy",
            Self::CreateUpload { .. } => "multipart",
            Self::CopyPart { .. } => "part-copy",
            Self::ListUploads { .. } => "list-uploads",
            Self::DeleteMany { .. } => "multi-delete",
            Self::List { listing: Listing::FirstVersion, .. } => "first-listing",
            Self::List { listing: Listing::Versions, .. } => "list-versions",
            Self::Annotate { annotation, .. } => match annotation {
                Annotation::GetAcl => "acl",
                Annotation::PutAcl => "acl-writes",
                _ => "tagging",
            },
            _ => "",
        };
        let of_style = match self.style() {
            Style::Presigned => "presigned",
            Style::Plain => PLAIN_LISTENER,
            Style::PresignedPlain | Style::PresignedUnsigned => "presigned",
            _ => "",
        };
        let of_plain = if self.style().is_plain() { PLAIN_LISTENER } else { "" };
        let of_extra = match self {
            Self::Put { extra, .. } | Self::UploadPart { extra, .. } => extra.capability(),
            _ => "",
        };
        let of_read = match self {
            Self::Read { reading: Reading::Head, of: Of::Part(_), .. } => "head-part-number",
            Self::Read { reading: Reading::Attributes, which, .. } if *which != Which::Newest => {
                "attributes-of-version"
            }
            Self::Read { of, .. } => of.capability(),
            _ => "",
        };
        [own, of_style, of_plain, of_extra, of_read].into_iter().filter(|id| !id.is_empty()).collect()
    }

    /// The customer keys that it sends.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        let presented = match self {
            Self::Put { key, .. }
            | Self::Read { key, .. }
            | Self::CreateUpload { key, .. }
            | Self::UploadPart { key, .. } => [Some(*key), None],
            Self::Copy { key, source, .. } | Self::CopyPart { key, source, .. } => [Some(*key), Some(source.key)],
            _ => [None, None],
        };
        presented.into_iter().flatten().filter_map(Presented::key).collect()
    }

    /// Whether it sends megabytes.
    #[must_use]
    pub fn is_large(&self) -> bool {
        matches!(self, Self::Put { body: Body::Part, .. } | Self::UploadPart { body: Body::Part, .. })
    }

    /// The same with one thing less to look at, or with one thing that is more usual.
    #[must_use]
    pub fn simpler(&self) -> Vec<Self> {
        let mut all = Vec::new();
        let mut with = |change: &dyn Fn(&mut Self)| {
            let mut simpler = self.clone();
            change(&mut simpler);
            if simpler != *self {
                all.push(simpler);
            }
        };
        with(&|action| {
            if let Self::Put { extra, .. } | Self::UploadPart { extra, .. } = action {
                *extra = Extra::Nothing;
            }
        });
        with(&|action| match action {
            Self::Put { body, .. } | Self::UploadPart { body, .. } => *body = Body::Small,
            Self::Read { of, .. } => *of = Of::Whole,
            Self::Copy { copying, .. } => *copying = Copying::Plainly,
            Self::CopyPart { range, .. } => *range = None,
            Self::Complete { with_key, .. } | Self::ListParts { with_key, .. } => *with_key = false,
            Self::List { listing, .. } => *listing = Listing::Objects,
            _ => {}
        });
        with(&|action| match action {
            Self::Read { which, .. } | Self::Delete { which, .. } => *which = Which::Newest,
            Self::Copy { source, .. } | Self::CopyPart { source, .. } => source.which = Which::Newest,
            _ => {}
        });
        with(&|action| {
            if let Self::Read { reading, .. } = action {
                *reading = Reading::Get;
            }
        });
        with(&|action| match action {
            Self::Put { style, .. }
            | Self::Read { style, .. }
            | Self::Copy { style, .. }
            | Self::CreateUpload { style, .. }
            | Self::UploadPart { style, .. }
            | Self::CopyPart { style, .. } => *style = Style::Usual,
            _ => {}
        });
        all
    }

    /// How it is sent.
    #[must_use]
    pub fn style(&self) -> Style {
        match self {
            Self::Put { style, .. }
            | Self::Read { style, .. }
            | Self::Copy { style, .. }
            | Self::CreateUpload { style, .. }
            | Self::UploadPart { style, .. }
            | Self::CopyPart { style, .. } => *style,
            _ => Style::Usual,
        }
    }
}
