//! Where a setting came from.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// The place a setting was given in, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag, named without its dashes.
    Flag(&'static str),
    /// A key of `ssecheck.toml` or of the file of `--config`.
    File {
        /// The file, as the user knows it.
        path: Arc<Path>,
        /// The line of the key, counted from 1.
        line: usize,
        /// The key, in kebab case.
        key: &'static str,
    },
    /// An environment variable.
    Variable(&'static str),
    /// A key of a profile in the AWS files.
    AwsProfile {
        /// The profile.
        name: Arc<str>,
        /// The key.
        key: &'static str,
    },
}

impl Origin {
    /// Whether the place is particular to `ssecheck`, as against shared with every other AWS client.
    pub(super) fn is_own(&self) -> bool {
        match self {
            Self::Flag(_) | Self::File { .. } => true,
            Self::Variable(name) => name.starts_with("SSECHECK_"),
            Self::AwsProfile { .. } => false,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::File { path, line, key } => write!(f, "`{key}` ({}, line {line})", path.display()),
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::AwsProfile { name, key } => write!(f, "`{key}` of the AWS profile `{name}`"),
        }
    }
}

/// A value and the place it came from.
pub(super) struct Sourced<T> {
    pub value: T,
    pub origin: Origin,
}

impl<T> Sourced<T> {
    pub fn flag(value: Option<T>, name: &'static str) -> Option<Self> {
        value.map(|value| Self { value, origin: Origin::Flag(name) })
    }

    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Sourced<U> {
        Sourced { value: change(self.value), origin: self.origin }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Origin::Flag("endpoint"), "--endpoint", true)]
    #[case(
        Origin::File { path: Path::new("ssecheck.toml").into(), line: 3, key: "jobs" },
        "`jobs` (ssecheck.toml, line 3)",
        true
    )]
    #[case(Origin::Variable("SSECHECK_ENDPOINT"), "the variable SSECHECK_ENDPOINT", true)]
    #[case(Origin::Variable("AWS_REGION"), "the variable AWS_REGION", false)]
    #[case(Origin::AwsProfile { name: "lab".into(), key: "region" }, "`region` of the AWS profile `lab`", false)]
    fn names_the_place(#[case] origin: Origin, #[case] shown: &str, #[case] own: bool) {
        assert_eq!(origin.to_string(), shown);
        assert_eq!(origin.is_own(), own);
    }
}
