//! The settings by which a bucket is made one of a kind.

use crate::evidence::Element;
use crate::suite::model::BucketKind;

/// The bucket setting that makes a kind.
pub(super) struct Setting {
    pub what: &'static str,
    pub put: &'static str,
    pub get: &'static str,
    pub query: &'static str,
    pub body: &'static str,
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
pub(super) const DEFAULT_ENCRYPTION: Setting = Setting {
    what: "default encryption",
    put: "PutBucketEncryption",
    get: "GetBucketEncryption",
    query: "encryption",
    body: r#"<ServerSideEncryptionConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"#,
    path: &["Rule", "ApplyServerSideEncryptionByDefault", "SSEAlgorithm"],
    text: "AES256",
};

/// A default encryption with `BlockedEncryptionTypes` `NONE`: nothing is blocked.
pub(super) fn allowing_sse_c() -> String {
    let nothing_blocked =
        "<BlockedEncryptionTypes><EncryptionType>NONE</EncryptionType></BlockedEncryptionTypes></Rule>";
    DEFAULT_ENCRYPTION.body.replace("</Rule>", nothing_blocked)
}

impl Setting {
    pub fn of(kind: BucketKind) -> Option<&'static Self> {
        match kind {
            BucketKind::Plain | BucketKind::Own => None,
            BucketKind::Versioned => Some(&VERSIONING),
            BucketKind::DefaultEncrypted => Some(&DEFAULT_ENCRYPTION),
        }
    }

    pub fn holds(&self, document: &Element) -> bool {
        let found = self.path.iter().try_fold(document, |element, name| element.child(name));
        found.is_some_and(|element| element.text == self.text)
    }
}
