//! A current directory and a home directory for tests.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::{Config, ConfigError, Environment, LedgerFolder, Typed, ledger_folder, resolve};

/// Temporary directories and the environment in which they are the current and the home directory.
pub(super) struct Workspace {
    root: TempDir,
    environment: Environment,
}

impl Workspace {
    pub fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary directory can be made");
        let [work, home] = ["work", "home"].map(|name| root.path().join(name));
        fs::create_dir_all(&work).expect("the directory is new");
        fs::create_dir_all(home.join(".aws")).expect("the directory is new");
        let environment = Environment::new(work, Some(home));
        Self { root, environment }
    }

    /// A path below the directory that holds `work`, the current directory, and `home`, the home directory.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    pub fn file(self, path: &str, text: &str) -> Self {
        fs::write(self.path(path), text).expect("the directory is writable");
        self
    }

    pub fn toml(self, text: &str) -> Self {
        self.file("work/ssecheck.toml", text)
    }

    pub fn aws_config(self, text: &str) -> Self {
        self.file("home/.aws/config", text)
    }

    pub fn aws_credentials(self, text: &str) -> Self {
        self.file("home/.aws/credentials", text)
    }

    /// Sets variables: `NAME=value` words.
    pub fn variables(mut self, words: &str) -> Self {
        for word in words.split_whitespace() {
            let (name, value) = word.split_once('=').expect("the word is NAME=value");
            self.environment = self.environment.with(name, value);
        }
        self
    }

    /// Access keys that anything may replace, for tests of other settings.
    pub fn with_keys(self) -> Self {
        self.variables("AWS_ACCESS_KEY_ID=AK AWS_SECRET_ACCESS_KEY=s3cret")
    }

    pub async fn resolve(&self, typed: Typed) -> Result<Config, ConfigError> {
        resolve(typed, &self.environment).await
    }

    pub async fn ledger_folder(&self, typed: Typed) -> Result<LedgerFolder, ConfigError> {
        ledger_folder(&typed, &self.environment).await
    }

    pub async fn resolved(&self, typed: Typed) -> Config {
        self.resolve(typed).await.unwrap_or_else(|error| panic!("{error}"))
    }
}

/// The flags of a command line.
pub(super) fn flags(words: &str) -> Typed {
    use clap::{Args, Command, FromArgMatches};
    let words = std::iter::once("run").chain(words.split_whitespace());
    let matches = Typed::augment_args(Command::new("run")).get_matches_from(words);
    Typed::from_arg_matches(&matches).expect("the words are flags")
}
