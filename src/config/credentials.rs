//! The access keys.
//!
//! # Where secrets are
//!
//! What ssecheck itself keeps of a secret is in memory that is wiped when it is given up, by [`zeroize`]. Where another
//! crate takes a secret over, its copy is that crate's:
//!
//! | secret | ours, wiped | another's, not wiped unless it says so |
//! | --- | --- | --- |
//! | customer keys | [`Key`], [`CustomerKey`] and its forms, [`Redactor`] | `http::HeaderValue` of a request, and what hyper and rustls write of it; the form of a browser upload (reqwest, `bytes`) and the conditions of its policy (`serde_json`); eight bytes of each in the search of a [`Redactor`] (`aho-corasick`) |
//! | secret access key | [`Credentials`], the snapshot [`Environment`], the text of `ssecheck.toml` and of the AWS files, [`Redactor`] | `aws-credential-types` (wipes it), keys derived of it in `aws-sigv4`; the process's own environment; `s3s`, in the embedded endpoint (wipes it) |
//! | session token | as the secret access key | as the secret access key, and as customer keys in the headers and forms of requests |
//! | signing key of certificates | `certificate::PrivateKey` | `ed25519-dalek` (wipes it) |
//!
//! None of these types shows a secret when it is debugged.
//!
//! [`Key`]: crate::suite::Key
//! [`CustomerKey`]: crate::client::CustomerKey
//! [`Redactor`]: crate::evidence::Redactor
//! [`Environment`]: super::Environment

use std::fmt;

use zeroize::Zeroizing;

use super::error::ConfigError;

/// The access keys that requests are signed with.
///
/// Debugging them shows the access key's identifier and no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The identifier of the access key.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: Zeroizing<String>,
    /// The token that temporary keys come with.
    pub session_token: Option<Zeroizing<String>>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &"***")
            .field("session_token", &self.session_token.as_ref().map(|_| "***"))
            .finish()
    }
}

/// What one place has of the three parts; an empty one counts as missing.
pub(super) struct Parts {
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<Zeroizing<String>>,
    pub session_token: Option<Zeroizing<String>>,
}

/// What a place calls the three parts, in the order of [`Parts`].
pub(super) type PartNames = [&'static str; 3];

impl Parts {
    /// The credentials of a place: whole, or none at all.
    pub fn complete(self, place: &str, names: PartNames) -> Result<Option<Credentials>, ConfigError> {
        let [id_name, secret_name, token_name] = names;
        let half = |given, missing| Err(ConfigError::HalfCredentials { place: place.to_owned(), given, missing });
        let access_key_id = self.access_key_id.filter(|id| !id.is_empty());
        let secret_access_key = self.secret_access_key.filter(|secret| !secret.is_empty());
        let session_token = self.session_token.filter(|token| !token.is_empty());
        match (access_key_id, secret_access_key) {
            (Some(access_key_id), Some(secret_access_key)) => {
                Ok(Some(Credentials { access_key_id, secret_access_key, session_token }))
            }
            (Some(_), None) => half(id_name, secret_name),
            (None, Some(_)) => half(secret_name, id_name),
            (None, None) if session_token.is_some() => half(token_name, id_name),
            (None, None) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn parts(id: &str, secret: &str, token: &str) -> Parts {
        let given = |text: &str| (text != "-").then(|| text.to_owned());
        Parts {
            access_key_id: given(id),
            secret_access_key: given(secret).map(Zeroizing::new),
            session_token: given(token).map(Zeroizing::new),
        }
    }

    #[rstest]
    #[case::pair("AK", "s3cret", "-", Some(false))]
    #[case::with_token("AK", "s3cret", "t0ken", Some(true))]
    #[case::empty_token("AK", "s3cret", "", Some(false))]
    #[case::nothing("-", "-", "-", None)]
    #[case::all_empty("", "", "", None)]
    fn whole_or_none(#[case] id: &str, #[case] secret: &str, #[case] token: &str, #[case] has_token: Option<bool>) {
        let found = parts(id, secret, token).complete("the place", ["id", "secret", "token"]).expect("not half");
        assert_eq!(found.map(|found| found.session_token.is_some()), has_token);
    }

    #[rstest]
    #[case::no_secret("AK", "-", "-", "the place has `id` without `secret`")]
    #[case::empty_secret("AK", "", "t0ken", "the place has `id` without `secret`")]
    #[case::no_id("-", "s3cret", "-", "the place has `secret` without `id`")]
    #[case::token_only("-", "-", "t0ken", "the place has `token` without `id`")]
    fn half_is_refused(#[case] id: &str, #[case] secret: &str, #[case] token: &str, #[case] message: &str) {
        let error = parts(id, secret, token).complete("the place", ["id", "secret", "token"]).expect_err("half");
        assert!(error.to_string().starts_with(message), "{error}");
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let found = parts("AKID", "s3cret", "t0ken").complete("", ["id", "secret", "token"]).expect("not half");
        let shown = format!("{found:?}");
        assert!(shown.contains("AKID"), "{shown}");
        assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
    }
}
