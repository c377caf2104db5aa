//! What can be wrong with the settings.

use std::io;
use std::path::PathBuf;

use url::Url;

use super::origin::Origin;
use super::typed::UrlText;
use super::urls::UrlRole;

/// A setting that cannot be used: which, where it came from, and what to do about it.
///
/// No message and no debug output shows a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The current directory is gone or out of reach.
    #[error("the current directory cannot be determined ({source}); change to one that exists")]
    CurrentDirectory {
        /// What the system said.
        source: io::Error,
    },

    /// A variable's value is not text.
    #[error("the variable {name} is not valid Unicode; set it again, or unset it")]
    VariableNotUnicode {
        /// The variable.
        name: &'static str,
    },

    /// A variable or AWS key that is either true or false has another value.
    #[error("{origin} is neither `true` nor `false`; set it to one of them, or remove it")]
    NotABoolean {
        /// Where it was given.
        origin: Origin,
    },

    /// The settings file cannot be read, or was named and does not exist.
    #[error("the settings file {} cannot be read ({source}); correct --config, or make the file readable", path.display())]
    FileUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The settings file is not TOML, or a value in it has the wrong type.
    #[error("{}:{line}:{column}: {message}; correct the file", path.display())]
    FileMalformed {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The column in characters, counted from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },

    /// The settings file has a key that is no setting.
    #[error("{}:{line}:{column}: there is no setting `{key}`; {}", path.display(), advice(*suggestion, keys))]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The column in characters, counted from 1.
        column: usize,
        /// The key as written.
        key: String,
        /// The setting that was probably meant.
        suggestion: Option<&'static str>,
        /// Every setting there is.
        keys: &'static [&'static str],
    },

    /// An AWS file is there and cannot be read.
    #[error(
        "the AWS file {} cannot be read ({source}); make it readable, or set {variable} to another file",
        path.display()
    )]
    AwsFileUnreadable {
        /// The file.
        path: PathBuf,
        /// The variable that names another one.
        variable: &'static str,
        /// What the system said.
        source: io::Error,
    },

    /// An AWS file is not in the format of such files.
    #[error(
        "{}: {message}; correct the file, or set AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE to other ones",
        path.display()
    )]
    AwsFileMalformed {
        /// The file.
        path: PathBuf,
        /// Which line, and what is wrong there.
        message: String,
    },

    /// An AWS profile was named that is in none of the AWS files.
    #[error(
        "{origin} names the AWS profile `{name}`, which is in none of the files {}; {}",
        looked_in.join(", "),
        profile_advice(suggestion.as_deref())
    )]
    AwsProfileMissing {
        /// Where it was named.
        origin: Origin,
        /// The profile.
        name: String,
        /// The files looked in.
        looked_in: Vec<String>,
        /// The profile that was probably meant.
        suggestion: Option<String>,
    },

    /// A text that should be a URL is none.
    #[error("{origin} is not a URL: `{text}` ({reason}); write it in full, as in {role}")]
    NotAUrl {
        /// Where it was given.
        origin: Origin,
        /// The text, displayed without secrets.
        text: UrlText,
        /// Why it is none.
        reason: String,
        /// What the URL is for.
        role: UrlRole,
    },

    /// The endpoint is an `http` address.
    #[error(
        "{origin} is `{text}`, and SSE-C keys may only travel over TLS: give the https:// address as --endpoint and \
         the plain listener as --plain-endpoint"
    )]
    EndpointWithoutTls {
        /// Where it was given.
        origin: Origin,
        /// The text, displayed without secrets.
        text: UrlText,
    },

    /// The plain endpoint is an `https` address.
    #[error(
        "{origin} is `{text}`, and the plain endpoint is the listener without TLS: give its http:// address, or `none` \
         if the service has no such listener"
    )]
    PlainEndpointWithTls {
        /// Where it was given.
        origin: Origin,
        /// The text, displayed without secrets.
        text: UrlText,
    },

    /// A URL's scheme is not of the HTTP family.
    #[error("{origin} is `{text}`, which is not an HTTP address; write it as in {role}")]
    UrlScheme {
        /// Where it was given.
        origin: Origin,
        /// The text, displayed without secrets.
        text: UrlText,
        /// What the URL is for.
        role: UrlRole,
    },

    /// A URL has more than a scheme, a host and a port.
    #[error("{origin} is `{text}`, which has {excess}; leave only scheme, host and port, as in {role}")]
    UrlExcess {
        /// Where it was given.
        origin: Origin,
        /// The text, displayed without secrets.
        text: UrlText,
        /// What it has too much.
        excess: &'static str,
        /// What the URL is for.
        role: UrlRole,
    },

    /// A plain endpoint was given and no endpoint.
    #[error("{origin} is given, but no endpoint is; give the https:// address of the same service as --endpoint")]
    PlainEndpointAlone {
        /// Where it was given.
        origin: Origin,
    },

    /// Virtual-hosted addressing cannot be used with an IP address.
    #[error(
        "{origin} is `virtual`, which puts the bucket before the host name, and {url} has an IP address for a host; \
         give a host name, or use --addressing path"
    )]
    VirtualHostIsIp {
        /// Where the addressing was given.
        origin: Origin,
        /// The address.
        url: Box<Url>,
    },

    /// The file of certificate authorities cannot be read.
    #[error("{origin} names {}, which cannot be read ({source}); give a readable PEM file", path.display())]
    CaFileUnreadable {
        /// Where it was given.
        origin: Origin,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// Certificates are to be checked against a file and not to be checked.
    #[error("{insecure} accepts any certificate and {ca_file} says which to trust; leave out one of the two")]
    InsecureWithCaFile {
        /// Where the check was turned off.
        insecure: Origin,
        /// Where the file was given.
        ca_file: Origin,
    },

    /// A setting is empty.
    #[error("{origin} is empty; give it a value, or leave the setting out")]
    Empty {
        /// Where it was given.
        origin: Origin,
    },

    /// The ledgers have no folder.
    #[error(
        "there is no folder for the ledger of the run: neither $XDG_STATE_HOME nor $HOME is set; give --ledger DIR"
    )]
    NoLedgerFolder,

    /// The bucket name breaks the rules.
    #[error("{origin} is `{name}`, which is not a bucket name: {fault}; give the name of an existing bucket")]
    BucketName {
        /// Where it was given.
        origin: Origin,
        /// The name.
        name: String,
        /// The rule it breaks.
        fault: &'static str,
    },

    /// The key prefix breaks the rules.
    #[error("{origin} is `{prefix}`, which cannot begin the object keys: {fault}; give one like `ssecheck/`")]
    Prefix {
        /// Where it was given.
        origin: Origin,
        /// The prefix.
        prefix: String,
        /// The rule it breaks.
        fault: &'static str,
    },

    /// The region cannot be signed for.
    #[error("{origin} is `{region}`, which is not a region: {fault}; give the one the service signs for")]
    Region {
        /// Where it was given.
        origin: Origin,
        /// The region.
        region: String,
        /// The rule it breaks.
        fault: &'static str,
    },

    /// No scenario could ever run.
    #[error("{origin} is 0, and at least one scenario must run at a time; give 1 or more")]
    NoJobs {
        /// Where it was given.
        origin: Origin,
    },

    /// No request could ever be sent.
    #[error("{origin} is 0, and at least one request a second must be sent; give 1 or more, or leave it out")]
    NoRequests {
        /// Where it was given.
        origin: Origin,
    },

    /// A time limit would be over before it began.
    #[error("{origin} is 0 seconds, in which nothing can succeed; give 1 or more")]
    NoTime {
        /// Where it was given.
        origin: Origin,
    },

    /// A busy endpoint would be asked for ever.
    #[error("{origin} is {times}, and a request is sent again {most} times at most; give no more than that")]
    TooManyRetries {
        /// Where it was given.
        origin: Origin,
        /// What was given.
        times: u32,
        /// The most that may be given.
        most: u32,
    },

    /// Some of the access keys are given, and what belongs to them is not.
    #[error("{place} has `{given}` without `{missing}`; give both, or neither")]
    HalfCredentials {
        /// Where they were given.
        place: String,
        /// What is there.
        given: &'static str,
        /// What is not.
        missing: &'static str,
    },

    /// There is a service to check and no access keys for it.
    #[error(
        "the endpoint ({endpoint}) needs access keys, and none were found; looked in {}; {advice}",
        looked_in.join(", ")
    )]
    NoCredentials {
        /// Where the endpoint was given.
        endpoint: Origin,
        /// The places looked in.
        looked_in: Vec<String>,
        /// How to supply them.
        advice: String,
    },
}

fn advice(suggestion: Option<&str>, keys: &[&str]) -> String {
    match suggestion {
        Some(suggestion) => format!("did you mean `{suggestion}`?"),
        None => format!("use one of {}", keys.join(", ")),
    }
}

fn profile_advice(suggestion: Option<&str>) -> String {
    match suggestion {
        Some(suggestion) => format!("did you mean `{suggestion}`?"),
        None => "name one that is there, or add it with `aws configure --profile NAME`".to_owned(),
    }
}
