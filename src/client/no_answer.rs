//! Why no HTTP answer came: sorted, and said so that the reader knows what to look at.

use std::error::Error;
use std::io::ErrorKind;

use rustls::CertificateError;

use super::connect::Failure;
use crate::evidence::Reply;
use crate::suite::model::Scheme;

/// What evidence says of a request that nobody waited for any longer.
const IN_TIME: &str = "no answer in time";

/// Whether nobody waited any longer for this reply: the endpoint may still do what it was asked for.
#[must_use]
pub fn is_given_up(reply: &Reply) -> bool {
    matches!(reply, Reply::Failed(why) if why.starts_with(IN_TIME))
}

/// Why no HTTP answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// Nothing, or not all of it, by the end of the time.
    InTime,
    /// The connection was refused, reset, or closed before an answer was complete.
    Closed,
    /// What came is no HTTP/1.1, from its first bytes on.
    NotHttp,
    /// What came begins like HTTP/1.1, and is none.
    Malformed,
    /// The head of the answer is larger than any.
    HeadTooLarge,
    /// The certificate was valid once.
    CertificateExpired,
    /// The certificate will be valid.
    CertificateNotYetValid,
    /// The certificate is for other names.
    CertificateForOtherName,
    /// Nobody who is trusted signed the certificate.
    CertificateOfUnknownAuthority,
    /// The certificate is bad in another way.
    Certificate,
    /// Neither TLS 1.2 nor TLS 1.3.
    TlsVersion,
    /// What came is no TLS, or breaks it off.
    Tls,
    /// Something else.
    Other,
}

/// What went wrong once an answer had begun.
#[derive(Debug)]
pub(super) struct InAnAnswer(pub Failure);

impl std::fmt::Display for InAnAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "in the middle of an answer: {}", self.0)
    }
}

impl Error for InAnAnswer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl NoAnswer {
    /// Sorts an error by what it and its causes are.
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        if let Some(InAnAnswer(error)) = error.downcast_ref() {
            // Who has begun to answer has not refused the connection.
            return match Self::of(&**error) {
                Self::Closed => Self::Malformed,
                other => other,
            };
        }
        let mut cause = Some(error);
        let mut found = Self::Other;
        while let Some(error) = cause {
            if let Some(kind) = Self::of_one(error) {
                // The innermost cause that says something knows best.
                found = kind;
            }
            cause = error.source();
        }
        found
    }

    fn of_one(error: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(error) = error.downcast_ref::<reqwest::Error>() {
            return error.is_timeout().then_some(Self::InTime);
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            return if error.is_parse_too_large() {
                Some(Self::HeadTooLarge)
            } else if error.is_parse() {
                let is_none_at_all = error.to_string().contains("invalid HTTP version");
                Some(if is_none_at_all { Self::NotHttp } else { Self::Malformed })
            } else {
                // One that is cancelled was not even sent, because the connection was closed at once.
                (error.is_incomplete_message() || error.is_canceled()).then_some(Self::Closed)
            };
        }
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(Self::of_tls(error));
        }
        let error = error.downcast_ref::<std::io::Error>()?;
        // What an I/O error wraps is not among its sources.
        if let Some(inner) = error.get_ref().and_then(|inner| Self::of_one(inner)) {
            return Some(inner);
        }
        match error.kind() {
            ErrorKind::TimedOut => Some(Self::InTime),
            ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => Some(Self::Closed),
            _ => None,
        }
    }

    fn of_tls(error: &rustls::Error) -> Self {
        use rustls::{AlertDescription, PeerIncompatible};
        match error {
            rustls::Error::InvalidCertificate(why) => match why {
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::CertificateExpired,
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    Self::CertificateNotYetValid
                }
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    Self::CertificateForOtherName
                }
                CertificateError::UnknownIssuer => Self::CertificateOfUnknownAuthority,
                _ => Self::Certificate,
            },
            rustls::Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            )
            | rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) => Self::TlsVersion,
            _ => Self::Tls,
        }
    }

    /// What the reader is told besides the error's own words.
    fn words(self) -> Option<&'static str> {
        match self {
            Self::Closed | Self::Other => None,
            Self::InTime => Some(IN_TIME),
            Self::NotHttp | Self::Malformed => Some("what came is no HTTP/1.1 answer"),
            Self::HeadTooLarge => Some("the head of the answer is too large to be read"),
            Self::CertificateExpired => {
                Some("the endpoint's TLS certificate has expired; renew it, or set the clock of this machine")
            }
            Self::CertificateNotYetValid => Some(
                "the endpoint's TLS certificate is not valid yet; look at the clocks of the endpoint and of this machine",
            ),
            Self::CertificateForOtherName => {
                Some("the endpoint's TLS certificate is for other names; give one of them with --endpoint")
            }
            Self::CertificateOfUnknownAuthority => {
                Some("nobody who is trusted signed the endpoint's TLS certificate; give its authority with --ca-file")
            }
            Self::Certificate => Some("the endpoint's TLS certificate cannot be accepted"),
            Self::TlsVersion => Some("the endpoint speaks neither TLS 1.2 nor TLS 1.3"),
            Self::Tls => Some("the TLS connection could not be made, or was broken off"),
        }
    }

    /// The reply that stands for it; `why` are the error's own words.
    pub fn reply(self, scheme: Scheme, why: &str) -> Reply {
        let text = self.words().map_or_else(|| why.to_owned(), |words| format!("{words}: {why}"));
        match self {
            Self::Closed => Reply::Closed(text),
            // A listener that speaks something else does not take requests over plain HTTP.
            Self::NotHttp if scheme == Scheme::Plain => Reply::Closed(text),
            _ => Reply::Failed(text),
        }
    }
}

/// An error with its causes. reqwest's errors name the URL; a presigned one has a signature, so it is left out.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.downcast_ref::<reqwest::Error>().map_or_else(|| error.to_string(), without_url);
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// [`reqwest::Error::without_url`] takes the error by value; this shows one without its URL.
fn without_url(error: &reqwest::Error) -> String {
    let text = error.to_string();
    error.url().map_or(text.clone(), |url| text.replace(&format!(" for url ({url})"), ""))
}

#[cfg(test)]
mod tests {
    use std::io;

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::expired(CertificateError::Expired, NoAnswer::CertificateExpired)]
    #[case::not_yet(CertificateError::NotValidYet, NoAnswer::CertificateNotYetValid)]
    #[case::other_name(CertificateError::NotValidForName, NoAnswer::CertificateForOtherName)]
    #[case::unknown(CertificateError::UnknownIssuer, NoAnswer::CertificateOfUnknownAuthority)]
    #[case::revoked(CertificateError::Revoked, NoAnswer::Certificate)]
    fn certificates_are_told_apart_within_other_errors(#[case] why: CertificateError, #[case] expected: NoAnswer) {
        let error = io::Error::new(ErrorKind::InvalidData, rustls::Error::InvalidCertificate(why));
        assert_eq!(NoAnswer::of(&error), expected);
    }

    #[rstest]
    #[case(NoAnswer::Closed, Scheme::Plain, true)]
    #[case(NoAnswer::Closed, Scheme::Tls, true)]
    #[case(NoAnswer::NotHttp, Scheme::Plain, true)]
    #[case(NoAnswer::NotHttp, Scheme::Tls, false)]
    #[case(NoAnswer::Malformed, Scheme::Plain, false)]
    #[case(NoAnswer::InTime, Scheme::Plain, false)]
    #[case(NoAnswer::HeadTooLarge, Scheme::Plain, false)]
    fn what_counts_as_a_closed_connection(#[case] why: NoAnswer, #[case] scheme: Scheme, #[case] closed: bool) {
        assert_eq!(matches!(why.reply(scheme, "why"), Reply::Closed(_)), closed);
    }
}
