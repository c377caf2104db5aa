//! The connection flags as typed.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

use super::resolved::Addressing;

/// The connection options of a run, as typed on the command line and not yet checked.
///
/// An option left out is `None` (or `false`), which lets the other places of the setting, and then its default, decide.
#[derive(clap::Args, Debug, Default, Clone)]
#[command(next_help_heading = "Connection")]
pub struct Typed {
    /// HTTPS address of the service; without one anywhere, the embedded reference endpoint is started
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<UrlText>,

    /// HTTP address of the same service; `none` if it has no listener without TLS, `refuses` if that refuses every request
    #[arg(long, value_name = "URL|none|refuses")]
    pub plain_endpoint: Option<UrlText>,

    /// Region that requests are signed for [default: us-east-1]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,

    /// Where the bucket name goes: in the path or in the host name [default: path]
    #[arg(long, value_enum, value_name = "STYLE")]
    pub addressing: Option<Addressing>,

    /// PEM file of the certificate authorities to trust
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,

    /// Accept any certificate of the service (for a lab only)
    #[arg(long)]
    pub insecure: bool,

    /// Existing bucket to work in; without one, the run creates its own
    #[arg(long, value_name = "NAME")]
    pub bucket: Option<String>,

    /// Text that every object key of the run begins with [default: ssecheck/]
    #[arg(long, value_name = "TEXT")]
    pub prefix: Option<String>,

    /// HTTP proxy to reach the service through
    #[arg(long, value_name = "URL")]
    pub proxy: Option<UrlText>,

    /// Scenarios to run at a time [default: 8]
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,

    /// Requests to send a second at most, the run's own included [default: no limit]
    #[arg(long, value_name = "N")]
    pub max_rps: Option<u32>,

    /// Seconds to wait for a connection [default: 10]
    #[arg(long, value_name = "SECONDS")]
    pub connect_timeout: Option<u64>,

    /// Seconds to wait for the end of one request [default: 60]
    #[arg(long, value_name = "SECONDS")]
    pub request_timeout: Option<u64>,

    /// Seconds to wait for the end of one scenario [default: 300]
    #[arg(long, value_name = "SECONDS")]
    pub scenario_timeout: Option<u64>,

    /// Times to send a scenario's request again where the endpoint says that it is busy: 429, 503, SlowDown [default: 0]
    #[arg(long, value_name = "N")]
    pub retry_throttled: Option<u32>,

    /// Conformance profile to check against [default: portable]
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,

    /// Name of what is tested, for reports: product, version, build [default: $SSECHECK_LABEL]
    #[arg(long, value_name = "TEXT")]
    pub label: Option<String>,

    /// Profile of the AWS files to take access keys, region and endpoint from [default: $AWS_PROFILE, or `default`]
    #[arg(long, value_name = "NAME")]
    pub aws_profile: Option<String>,

    /// Folder for the ledgers of runs, by which `ssecheck sweep` removes what a killed run left behind
    /// [default: $XDG_STATE_HOME/ssecheck/runs, or ~/.local/state/ssecheck/runs]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub ledger: Option<PathBuf>,

    /// File of further settings [default: ./ssecheck.toml if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// A URL as typed.
///
/// Displaying or debugging it leaves out what may be secret: user information, query and fragment.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct UrlText(String);

impl UrlText {
    /// The whole text, secrets included.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for UrlText {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for UrlText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.as_str();
        let (scheme, rest) = match text.find("://") {
            Some(at) => text.split_at(at + 3),
            None => ("", text),
        };
        f.write_str(scheme)?;
        let rest = match rest.rfind('@') {
            Some(at) => {
                f.write_str("***")?;
                &rest[at..]
            }
            None => rest,
        };
        match rest.find(['?', '#']) {
            Some(at) => write!(f, "{}***", &rest[..=at]),
            None => f.write_str(rest),
        }
    }
}

impl fmt::Debug for UrlText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, CommandFactory, FromArgMatches, Parser};
    use rstest::rstest;

    use super::*;

    /// About the command.
    #[derive(Parser)]
    struct Run {
        #[command(flatten)]
        typed: Typed,
        /// Some other option
        #[arg(long)]
        other: bool,
    }

    #[rstest]
    #[case("https://s3.example.com:9000", "https://s3.example.com:9000")]
    #[case("https://ada:s3cret@s3.example.com", "https://***@s3.example.com")]
    #[case("ada:s3cret@s3.example.com", "***@s3.example.com")]
    #[case("https://h/?X-Amz-Signature=s3cret", "https://h/?***")]
    #[case("https://h/#s3cret", "https://h/#***")]
    #[case("https://a:s3?c#ret@h", "https://***@h")]
    #[case("none", "none")]
    fn url_text_hides_secrets(#[case] text: &str, #[case] shown: &str) {
        let url = UrlText::from(text);
        assert_eq!(url.to_string(), shown);
        assert_eq!(format!("{url:?}"), format!("\"{shown}\""));
        assert_eq!(url.as_str(), text);
    }

    #[test]
    fn definition_is_sound() {
        Typed::augment_args(Command::new("run")).debug_assert();
    }

    #[test]
    fn flattening_keeps_the_command_description() {
        let about = Run::command().get_about().map(ToString::to_string);
        assert_eq!(about.as_deref(), Some("About the command"));
    }

    #[test]
    fn every_flag_is_read() {
        let arguments = "run --other --endpoint https://h --plain-endpoint none --region r --addressing virtual \
             --ca-file ca.pem --insecure --bucket b --prefix p/ --proxy http://p --jobs 3 --connect-timeout 4 \
             --request-timeout 5 --scenario-timeout 6 --retry-throttled 7 --profile strict --aws-profile lab \
             --ledger runs --config c.toml";
        let run = Run::try_parse_from(arguments.split_whitespace()).expect("arguments are good");
        assert!(run.other);
        let typed = run.typed;
        assert_eq!(typed.endpoint, Some("https://h".into()));
        assert_eq!(typed.plain_endpoint, Some("none".into()));
        assert_eq!(typed.region.as_deref(), Some("r"));
        assert_eq!(typed.addressing, Some(Addressing::Virtual));
        assert_eq!(typed.ca_file, Some("ca.pem".into()));
        assert!(typed.insecure);
        assert_eq!(typed.bucket.as_deref(), Some("b"));
        assert_eq!(typed.prefix.as_deref(), Some("p/"));
        assert_eq!(typed.proxy, Some("http://p".into()));
        assert_eq!(typed.jobs, Some(3));
        assert_eq!((typed.connect_timeout, typed.request_timeout, typed.scenario_timeout), (Some(4), Some(5), Some(6)));
        assert_eq!(typed.retry_throttled, Some(7));
        assert_eq!(typed.profile.as_deref(), Some("strict"));
        assert_eq!(typed.aws_profile.as_deref(), Some("lab"));
        assert_eq!(typed.ledger, Some("runs".into()));
        assert_eq!(typed.config, Some("c.toml".into()));
    }

    #[test]
    fn no_flag_takes_an_access_key() {
        let command = Typed::augment_args(Command::new("run"));
        for argument in command.get_arguments() {
            let name = argument.get_id().as_str();
            assert!(!name.contains("key") && !name.contains("secret") && !name.contains("token"), "{name}");
        }
        let matches = Typed::augment_args(Command::new("run")).get_matches_from(["run"]);
        assert_eq!(Typed::from_arg_matches(&matches).expect("no flag is required").jobs, None);
    }
}
