//! The part of the process's surroundings that settings are read from.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroize as _;

use super::error::ConfigError;
use super::origin::{Origin, Sourced};

/// The variables that are read; no other is copied into a snapshot.
const VARIABLES: [&str; 18] = [
    "SSECHECK_LABEL",
    "SSECHECK_ENDPOINT",
    "SSECHECK_PLAIN_ENDPOINT",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "XDG_STATE_HOME",
];

/// A snapshot of the environment variables, the current directory and the home directory.
///
/// Debugging it shows which variables are set and no value.
#[derive(Clone)]
pub struct Environment {
    variables: BTreeMap<String, OsString>,
    current_dir: PathBuf,
    home_dir: Option<PathBuf>,
}

impl Environment {
    /// A snapshot without variables.
    pub fn new(current_dir: impl Into<PathBuf>, home_dir: Option<PathBuf>) -> Self {
        Self { variables: BTreeMap::new(), current_dir: current_dir.into(), home_dir }
    }

    /// A snapshot of this process.
    ///
    /// Fails only when the current directory no longer exists or may not be looked at.
    pub fn from_process() -> Result<Self, ConfigError> {
        let current_dir = std::env::current_dir().map_err(|source| ConfigError::CurrentDirectory { source })?;
        let mut environment = Self::new(current_dir, std::env::home_dir());
        for name in VARIABLES {
            if let Some(value) = std::env::var_os(name) {
                environment = environment.with(name, value);
            }
        }
        Ok(environment)
    }

    /// The same snapshot with one variable more.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Reads the text of a variable. A variable of other AWS clients that is set to nothing counts as not set, as it does for them.
    ///
    /// # Errors
    /// [`ConfigError::VariableNotUnicode`], and [`ConfigError::Empty`] of a variable of `ssecheck` that is set to nothing: a CI
    /// secret that does not exist must not change what is tested.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<Sourced<String>>, ConfigError> {
        let origin = Origin::Variable(name);
        if origin.is_own() && self.is_empty(name) {
            return Err(ConfigError::Empty { origin });
        }
        let Some(value) = self.raw(name) else { return Ok(None) };
        let value = value.to_str().ok_or(ConfigError::VariableNotUnicode { name })?.to_owned();
        Ok(Some(Sourced { value, origin }))
    }

    /// Whether a variable is set to nothing.
    pub(super) fn is_empty(&self, name: &str) -> bool {
        self.variables.get(name).is_some_and(|value| value.is_empty())
    }

    /// The path in a variable. One set to nothing counts as not set.
    pub(super) fn path(&self, name: &'static str) -> Option<Sourced<PathBuf>> {
        self.raw(name).map(|value| Sourced { value: value.into(), origin: Origin::Variable(name) })
    }

    /// A path as seen from the current directory.
    pub(super) fn absolute(&self, path: &Path) -> PathBuf {
        self.current_dir.join(path)
    }

    /// A path in which a leading `~` stands for the home directory, as the AWS variables allow.
    pub(super) fn expanded(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), &self.home_dir) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => self.absolute(path),
        }
    }

    /// A path below the home directory, if there is one.
    pub(super) fn at_home(&self, path: &str) -> Option<PathBuf> {
        self.home_dir.as_ref().map(|home| home.join(path))
    }

    /// Where programs keep what is to outlast a restart, if there is such a place. A relative `XDG_STATE_HOME` counts as not
    /// set (XDG Base Directory Specification 0.8).
    pub(super) fn state_home(&self) -> Option<PathBuf> {
        let set = self.path("XDG_STATE_HOME").map(|set| set.value).filter(|path| path.is_absolute());
        set.or_else(|| self.at_home(".local/state"))
    }

    fn raw(&self, name: &str) -> Option<&OsString> {
        self.variables.get(name).filter(|value| !value.is_empty())
    }
}

/// What the variables held is wiped from this copy of them; the process's own stays.
impl Drop for Environment {
    fn drop(&mut self) {
        for value in self.variables.values_mut() {
            std::mem::take(value).into_encoded_bytes().zeroize();
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys())
            .field("current_dir", &self.current_dir)
            .field("home_dir", &self.home_dir)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn debug_shows_no_value() {
        let environment = Environment::new("/work", None).with("AWS_SECRET_ACCESS_KEY", "s3cret");
        let shown = format!("{environment:?}");
        assert!(shown.contains("AWS_SECRET_ACCESS_KEY") && !shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn empty_is_unset_for_variables_of_aws_and_an_error_for_our_own() {
        let environment = Environment::new("/work", None).with("AWS_REGION", "").with("AWS_CA_BUNDLE", "");
        assert!(environment.text("AWS_REGION").expect("nothing to decode").is_none());
        assert!(environment.path("AWS_CA_BUNDLE").is_none());
        let environment = environment.with("SSECHECK_LABEL", "");
        assert!(matches!(environment.text("SSECHECK_LABEL"), Err(ConfigError::Empty { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn undecodable_text_is_refused_and_an_undecodable_path_is_not() {
        use std::os::unix::ffi::OsStringExt;
        let value = OsString::from_vec(vec![0xff]);
        let environment = Environment::new("/work", None).with("AWS_REGION", &value).with("AWS_CA_BUNDLE", &value);
        assert!(matches!(environment.text("AWS_REGION"), Err(ConfigError::VariableNotUnicode { name: "AWS_REGION" })));
        assert_eq!(environment.path("AWS_CA_BUNDLE").map(|path| path.value), Some(PathBuf::from(value)));
    }

    #[rstest]
    #[case("aws", "/work/aws")]
    #[case("/etc/aws", "/etc/aws")]
    #[case("~/aws", "/home/ada/aws")]
    #[case("~ada/aws", "/work/~ada/aws")]
    fn expands_paths(#[case] path: &str, #[case] expanded: &str) {
        let environment = Environment::new("/work", Some("/home/ada".into()));
        assert_eq!(environment.expanded(Path::new(path)), Path::new(expanded));
    }

    #[rstest]
    #[case::set("/state", Some("/home/ada"), Some("/state"))]
    #[case::not_set("", Some("/home/ada"), Some("/home/ada/.local/state"))]
    #[case::relative("state", Some("/home/ada"), Some("/home/ada/.local/state"))]
    #[case::nowhere("", None, None)]
    fn finds_the_home_of_state(#[case] set: &str, #[case] home: Option<&str>, #[case] found: Option<&str>) {
        let environment = Environment::new("/work", home.map(PathBuf::from)).with("XDG_STATE_HOME", set);
        assert_eq!(environment.state_home(), found.map(PathBuf::from));
    }

    #[test]
    fn reads_the_process() {
        let environment = Environment::from_process().expect("tests run in a directory");
        assert_eq!(
            environment.absolute(Path::new("")),
            std::env::current_dir().expect("tests run in a directory").join("")
        );
        assert!(environment.variables.keys().all(|name| VARIABLES.contains(&name.as_str())));
    }
}
