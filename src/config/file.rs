//! `ssecheck.toml`.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use toml::de::DeTable;
use zeroize::Zeroizing;

use super::environment::Environment;
use super::error::ConfigError;
use super::origin::{Origin, Sourced};
use super::resolved::Addressing;
use super::typed::UrlText;
use crate::bounded;

const DEFAULT_FILE: &str = "ssecheck.toml";

/// The largest settings file that is read, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// Every key there is, in kebab case. Each may also be written in snake case.
const KEYS: &[&str] = &[
    "endpoint",
    "plain-endpoint",
    "region",
    "addressing",
    "ca-file",
    "insecure",
    "bucket",
    "prefix",
    "proxy",
    "jobs",
    "connect-timeout",
    "request-timeout",
    "scenario-timeout",
    "retry-throttled",
    "max-rps",
    "profile",
    "label",
    "aws-profile",
    "ledger",
    "access-key-id",
    "secret-access-key",
    "session-token",
];

/// The settings of a file, by the names of the flags.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct FileOptions {
    pub endpoint: Option<UrlText>,
    #[serde(alias = "plain_endpoint")]
    pub plain_endpoint: Option<UrlText>,
    pub region: Option<String>,
    pub addressing: Option<Addressing>,
    #[serde(alias = "ca_file")]
    pub ca_file: Option<PathBuf>,
    pub insecure: Option<bool>,
    pub bucket: Option<String>,
    pub prefix: Option<String>,
    pub proxy: Option<UrlText>,
    pub jobs: Option<usize>,
    #[serde(alias = "connect_timeout")]
    pub connect_timeout: Option<u64>,
    #[serde(alias = "request_timeout")]
    pub request_timeout: Option<u64>,
    #[serde(alias = "scenario_timeout")]
    pub scenario_timeout: Option<u64>,
    #[serde(alias = "retry_throttled")]
    pub retry_throttled: Option<u32>,
    #[serde(alias = "max_rps")]
    pub max_rps: Option<u32>,
    pub profile: Option<String>,
    pub label: Option<String>,
    #[serde(alias = "aws_profile")]
    pub aws_profile: Option<String>,
    pub ledger: Option<PathBuf>,
    #[serde(alias = "access_key_id")]
    pub access_key_id: Option<SecretText>,
    #[serde(alias = "secret_access_key")]
    pub secret_access_key: Option<SecretText>,
    #[serde(alias = "session_token")]
    pub session_token: Option<SecretText>,
}

/// A text that a complaint about its type must not quote.
pub(super) struct SecretText(pub Zeroizing<String>);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

struct SecretVisitor;

impl SecretVisitor {
    fn refuse<T, E: de::Error>(self) -> Result<T, E> {
        Err(E::custom("this must be a string in quotes"))
    }
}

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = SecretText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string in quotes")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(SecretText(Zeroizing::new(text.to_owned())))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self::Value, E> {
        self.refuse()
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Self::Value, E> {
        self.refuse()
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Self::Value, E> {
        self.refuse()
    }

    fn visit_i128<E: de::Error>(self, _: i128) -> Result<Self::Value, E> {
        self.refuse()
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<Self::Value, E> {
        self.refuse()
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self::Value, E> {
        self.refuse()
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        self.refuse()
    }

    fn visit_map<A: de::MapAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        self.refuse()
    }
}

/// Which file the settings are from, and on which line each is.
pub(super) struct Lines {
    path: Arc<Path>,
    lines: BTreeMap<&'static str, usize>,
    present: bool,
}

impl Lines {
    /// A value of this file under the key it was read from.
    pub fn sourced<T>(&self, value: Option<T>, key: &'static str) -> Option<Sourced<T>> {
        let origin = || Origin::File { path: self.path.clone(), line: self.lines.get(key).copied().unwrap_or(1), key };
        value.map(|value| Sourced { value, origin: origin() })
    }

    /// The file as the user knows it.
    pub fn place(&self) -> String {
        let absence = if self.present { "" } else { " (no such file)" };
        format!("{}{absence}", self.path.display())
    }
}

/// Reads the named file, which must be there, or else the default one, which need not be.
pub(super) fn read(named: Option<&Path>, environment: &Environment) -> Result<(FileOptions, Lines), ConfigError> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    match bounded::read_text(&environment.absolute(path), MAX_FILE) {
        Ok(text) => parse(&Zeroizing::new(text), path),
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
            Ok((FileOptions::default(), Lines { path: path.into(), lines: BTreeMap::new(), present: false }))
        }
        Err(source) => Err(ConfigError::FileUnreadable { path: path.to_owned(), source }),
    }
}

fn parse(text: &str, path: &Path) -> Result<(FileOptions, Lines), ConfigError> {
    let malformed = |error: toml::de::Error| {
        let (line, column) = position(text, error.span());
        // The error's own display quotes the line, which may hold a secret.
        ConfigError::FileMalformed { path: path.to_owned(), line, column, message: error.message().to_owned() }
    };
    let table = DeTable::parse(text).map_err(malformed)?;
    let mut lines = BTreeMap::new();
    for key in table.get_ref().keys() {
        let (line, column) = position(text, Some(key.span()));
        let written: &str = key.get_ref();
        match KEYS.iter().find(|known| **known == written || known.replace('-', "_") == written) {
            Some(known) => lines.insert(*known, line),
            None => {
                return Err(ConfigError::UnknownKey {
                    path: path.to_owned(),
                    line,
                    column,
                    key: written.to_owned(),
                    suggestion: near_miss(written),
                    keys: KEYS,
                });
            }
        };
    }
    let options = toml::from_str(text).map_err(malformed)?;
    Ok((options, Lines { path: path.into(), lines, present: true }))
}

fn position(text: &str, span: Option<Range<usize>>) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(span.map_or(0, |span| span.start))];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

fn near_miss(written: &str) -> Option<&'static str> {
    let written = written.to_ascii_lowercase().replace('_', "-");
    let distance = |known: &str| strsim::damerau_levenshtein(known, &written);
    let nearest = *KEYS.iter().min_by_key(|known| distance(known))?;
    (distance(nearest) <= nearest.len().div_ceil(3)).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn parsed(text: &str) -> Result<(FileOptions, Lines), ConfigError> {
        parse(text, Path::new("ssecheck.toml"))
    }

    fn refused(text: &str) -> ConfigError {
        match parsed(text) {
            Ok(_) => panic!("accepted: {text}"),
            Err(error) => error,
        }
    }

    fn value_for(key: &str) -> &'static str {
        match key {
            "addressing" => "'path'",
            "insecure" => "true",
            "jobs" | "connect-timeout" | "request-timeout" | "scenario-timeout" | "retry-throttled" | "max-rps" => "1",
            _ => "'text'",
        }
    }

    #[test]
    fn every_key_is_read_in_either_case() {
        for key in KEYS {
            for written in [(*key).to_owned(), key.replace('-', "_")] {
                let text = format!("# first line\n{written} = {}", value_for(key));
                let (_, lines) = parsed(&text).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(lines.lines.get(key), Some(&2));
            }
        }
    }

    #[rstest]
    #[case::misspelt("endpont = ''", 1, 1, "endpont", Some("endpoint"))]
    #[case::swapped("\n  buckte = ''", 2, 3, "buckte", Some("bucket"))]
    #[case::snake("aws_profil = ''", 1, 1, "aws_profil", Some("aws-profile"))]
    #[case::camel("\"caFile\" = ''", 1, 1, "caFile", Some("ca-file"))]
    #[case::table("[connection]\nendpoint = ''", 1, 2, "connection", None)]
    #[case::flag_that_is_no_setting("config = 'x'", 1, 1, "config", None)]
    fn unknown_keys_are_refused(
        #[case] text: &str,
        #[case] at_line: usize,
        #[case] at_column: usize,
        #[case] written: &str,
        #[case] meant: Option<&str>,
    ) {
        let error = refused(text);
        let ConfigError::UnknownKey { line, column, key, suggestion, .. } = &error else { panic!("{error}") };
        assert_eq!((*line, *column, key.as_str(), *suggestion), (at_line, at_column, written, meant));
        let advice = meant.map_or("use one of endpoint, ".to_owned(), |meant| format!("did you mean `{meant}`?"));
        assert!(error.to_string().contains(&advice), "{error}");
    }

    #[rstest]
    #[case::syntax("region = 'a'\nbucket = = 'b'", 2, 10)]
    #[case::unquoted("region = us-east-1", 1, 10)]
    #[case::counted_in_characters("region = 'é' 'b'", 1, 14)]
    #[case::wrong_type("jobs = 'many'", 1, 8)]
    #[case::negative("jobs = -1", 1, 8)]
    #[case::bad_word("\naddressing = 'dns'", 2, 14)]
    #[case::twice("region = 'a'\nregion = 'b'", 2, 1)]
    fn faults_have_a_position(#[case] text: &str, #[case] at_line: usize, #[case] at_column: usize) {
        let error = refused(text);
        let ConfigError::FileMalformed { line, column, .. } = &error else { panic!("{error}") };
        assert_eq!((*line, *column), (at_line, at_column), "{error}");
        assert!(error.to_string().starts_with(&format!("ssecheck.toml:{line}:{column}: ")), "{error}");
    }

    #[test]
    fn one_key_in_both_cases_is_refused() {
        let error = refused("ca-file = 'a'\nca_file = 'b'");
        assert!(error.to_string().contains("duplicate field `ca-file`"), "{error}");
    }

    #[rstest]
    #[case("secret_access_key = 31415926535")]
    #[case("secret_access_key = 0x31415926535")]
    #[case("secret_access_key = 31415926535.5")]
    #[case("secret_access_key = 31415926535314159265353141592653531415926535")]
    #[case("secret_access_key = ['31415926535']")]
    #[case("secret_access_key = { k = '31415926535' }")]
    #[case("secret_access_key.x31415926535 = 1")]
    #[case("secret_access_key = x31415926535")]
    #[case("secret_access_key = 31415926535x")]
    #[case("secret_access_key = x31415926535/+abc=")]
    #[case("secret_access_key = '31415926535")]
    #[case("secret_access_key = '31415926535' 31415926535")]
    #[case("secret_access_key = \"31415926535\\q\"")]
    #[case("secret_access_key = '''31415926535")]
    #[case("secret_access_key '31415926535'")]
    #[case("secret_access_key = '31415926535'\nsecret_access_key = '31415926535'")]
    #[case("secret_access_key = '31415926535'\n'secret_access_key' = '31415926535'")]
    #[case("secret_access_kye = '31415926535'")]
    #[case("secret_access_key = '31415926535' = ''")]
    fn no_fault_quotes_a_secret(#[case] text: &str) {
        for text in [text.to_owned(), text.replace("secret_access_key", "session_token")] {
            let error = refused(&text);
            for shown in [error.to_string(), format!("{error:?}"), format!("{error:#?}")] {
                assert!(!shown.contains("31415926535"), "{shown}");
            }
        }
    }
}
