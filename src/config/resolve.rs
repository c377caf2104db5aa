//! From what was typed to what it means.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::aws_profile::AwsProfile;
use super::credentials::{Credentials, Parts};
use super::environment::Environment;
use super::error::ConfigError;
use super::file::{self, Lines, SecretText};
use super::naming;
use super::origin::{Origin, Sourced};
use super::resolved::{self, Addressing, AuthorityFile, Config, Endpoint, LedgerFolder, Plain};
use super::typed::{Typed, UrlText};
use super::urls::{self, UrlRole};
use crate::bounded;

/// Settles every setting from the flags, the settings file, the environment and the AWS files, in that order.
///
/// Only files are read; nothing is connected to. Relative paths are relative to the environment's current directory.
pub async fn resolve(typed: Typed, environment: &Environment) -> Result<Config, ConfigError> {
    let (options, lines) = file::read(typed.config.as_deref(), environment)?;

    let named = own(typed.aws_profile, "aws-profile", options.aws_profile, &lines);
    let named = match named {
        Some(named) => Some(not_empty(named)?),
        None => environment.text("AWS_PROFILE")?,
    };
    let named_by = named.as_ref().map(|named| named.origin.clone());
    let aws = AwsProfile::load(named, environment).await?;

    let region = match own(typed.region, "region", options.region, &lines) {
        Some(region) => Some(region),
        None => {
            environment.text("AWS_REGION")?.or(environment.text("AWS_DEFAULT_REGION")?).or_else(|| aws.get("region"))
        }
    };

    let endpoint = match own(typed.endpoint, "endpoint", options.endpoint, &lines) {
        Some(endpoint) => Some(endpoint),
        None => surrounding_endpoint(environment, &aws)?,
    };
    let plain = match own(typed.plain_endpoint, "plain-endpoint", options.plain_endpoint, &lines) {
        Some(plain) => Some(plain),
        None => environment.text("SSECHECK_PLAIN_ENDPOINT")?.map(|plain| plain.map(UrlText::from)),
    };
    let endpoint_origin = endpoint.as_ref().map(|endpoint| endpoint.origin.clone());
    let endpoint = checked_endpoint(endpoint, plain)?;

    let addressing = own(typed.addressing, "addressing", options.addressing, &lines);
    let addressing = checked_addressing(addressing, endpoint.as_ref())?;

    let insecure = own(typed.insecure.then_some(true), "insecure", options.insecure, &lines);
    let ca_file = own(typed.ca_file, "ca-file", options.ca_file, &lines)
        .or_else(|| environment.path("AWS_CA_BUNDLE"))
        .or_else(|| aws.get("ca_bundle").map(|path| path.map(PathBuf::from)));
    let (insecure, ca_file, mut authorities) = checked_trust(insecure, ca_file, environment)?;
    if !insecure {
        authorities.extend(authorities_of_the_system(environment));
    }

    let bucket = own(typed.bucket, "bucket", options.bucket, &lines);
    let prefix = own(typed.prefix, "prefix", options.prefix, &lines);
    let proxy = own(typed.proxy, "proxy", options.proxy, &lines);
    let jobs = own(typed.jobs, "jobs", options.jobs, &lines);
    let rate = own(typed.max_rps, "max-rps", options.max_rps, &lines);
    let connect = own(typed.connect_timeout, "connect-timeout", options.connect_timeout, &lines);
    let request = own(typed.request_timeout, "request-timeout", options.request_timeout, &lines);
    let scenario = own(typed.scenario_timeout, "scenario-timeout", options.scenario_timeout, &lines);
    let retries = own(typed.retry_throttled, "retry-throttled", options.retry_throttled, &lines);
    let profile = own(typed.profile, "profile", options.profile, &lines).map(not_empty).transpose()?;
    let ledger = own(typed.ledger, "ledger", options.ledger, &lines);
    let label = match own(typed.label, "label", options.label, &lines) {
        Some(label) => Some(label),
        None => environment.text("SSECHECK_LABEL")?,
    };
    let label = label.map(not_empty).transpose()?;

    let in_file = KeysInFile {
        access_key_id: options.access_key_id,
        secret_access_key: options.secret_access_key,
        session_token: options.session_token,
    };
    let credentials = found_credentials(in_file, &lines, environment, &aws, named_by.as_ref())?;
    if let (Some(endpoint), None) = (endpoint_origin, &credentials) {
        return Err(no_credentials(endpoint, &lines, &aws));
    }

    Ok(Config {
        endpoint,
        region: checked_region(region)?,
        addressing,
        ca_file,
        insecure,
        authorities,
        bucket: checked_bucket(bucket)?,
        prefix: checked_prefix(prefix)?,
        proxy: proxy.map(|proxy| urls::address(&proxy, UrlRole::Proxy)).transpose()?,
        jobs: checked_jobs(jobs)?,
        max_rps: rate.map(checked_rate).transpose()?,
        connect_timeout: checked_timeout(connect, resolved::DEFAULT_CONNECT_TIMEOUT)?,
        request_timeout: checked_timeout(request, resolved::DEFAULT_REQUEST_TIMEOUT)?,
        scenario_timeout: checked_timeout(scenario, resolved::DEFAULT_SCENARIO_TIMEOUT)?,
        retry_throttled: checked_retries(retries)?,
        ledger: checked_ledger(ledger, environment)?,
        profile: profile.map_or_else(|| resolved::DEFAULT_PROFILE.to_owned(), |profile| profile.value),
        label: label.map(|label| label.value),
        credentials,
    })
}

/// Settles the folder for the ledgers of runs, and nothing else: no access keys are needed.
///
/// Errors as [`resolve`].
pub async fn ledger_folder(typed: &Typed, environment: &Environment) -> Result<LedgerFolder, ConfigError> {
    let (options, lines) = file::read(typed.config.as_deref(), environment)?;
    let folder = checked_ledger(own(typed.ledger.clone(), "ledger", options.ledger, &lines), environment)?;
    folder.ok_or(ConfigError::NoLedgerFolder)
}

/// A setting from the places that are `ssecheck`'s own: its flag, or else the key of the same name.
fn own<T>(flag: Option<T>, name: &'static str, in_file: Option<T>, lines: &Lines) -> Option<Sourced<T>> {
    Sourced::flag(flag, name).or_else(|| lines.sourced(in_file, name))
}

fn not_empty(text: Sourced<String>) -> Result<Sourced<String>, ConfigError> {
    if text.value.is_empty() { Err(ConfigError::Empty { origin: text.origin }) } else { Ok(text) }
}

/// The endpoint that the environment or the AWS files name.
fn surrounding_endpoint(environment: &Environment, aws: &AwsProfile) -> Result<Option<Sourced<UrlText>>, ConfigError> {
    let mut found = environment.text("SSECHECK_ENDPOINT")?;
    if found.is_none() && !configured_endpoints_ignored(environment, aws)? {
        let variables = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];
        found = environment.text(variables[0])?.or(environment.text(variables[1])?).or_else(|| aws.endpoint());
        // Somebody meant to name an endpoint: the embedded one must not be tested in its place.
        if let (None, Some(empty)) = (&found, variables.into_iter().find(|name| environment.is_empty(name))) {
            return Err(ConfigError::Empty { origin: Origin::Variable(empty) });
        }
    }
    Ok(found.map(|endpoint| endpoint.map(UrlText::from)))
}

/// Whether the user told every AWS client to pass over the endpoints of the `AWS_*` variables and the AWS files.
fn configured_endpoints_ignored(environment: &Environment, aws: &AwsProfile) -> Result<bool, ConfigError> {
    let setting =
        environment.text("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")?.or_else(|| aws.get("ignore_configured_endpoint_urls"));
    match setting {
        None => Ok(false),
        Some(setting) if setting.value.eq_ignore_ascii_case("true") => Ok(true),
        Some(setting) if setting.value.eq_ignore_ascii_case("false") => Ok(false),
        Some(setting) => Err(ConfigError::NotABoolean { origin: setting.origin }),
    }
}

fn checked_endpoint(
    endpoint: Option<Sourced<UrlText>>,
    plain: Option<Sourced<UrlText>>,
) -> Result<Option<Endpoint>, ConfigError> {
    let tls = endpoint.map(|endpoint| urls::address(&endpoint, UrlRole::Endpoint)).transpose()?;
    match (tls, plain) {
        (Some(tls), Some(plain)) => Ok(Some(Endpoint { tls, plain: urls::plain(&plain)? })),
        (Some(tls), None) => Ok(Some(Endpoint { tls, plain: Plain::Unknown })),
        (None, Some(plain)) => Err(ConfigError::PlainEndpointAlone { origin: plain.origin }),
        (None, None) => Ok(None),
    }
}

fn checked_addressing(
    addressing: Option<Sourced<Addressing>>,
    endpoint: Option<&Endpoint>,
) -> Result<Addressing, ConfigError> {
    let Some(addressing) = addressing else { return Ok(Addressing::default()) };
    if let (Addressing::Virtual, Some(endpoint)) = (addressing.value, endpoint) {
        urls::check_virtual_host(&endpoint.tls, &addressing.origin)?;
        if let Plain::Url(plain) = &endpoint.plain {
            urls::check_virtual_host(plain, &addressing.origin)?;
        }
    }
    Ok(addressing.value)
}

/// The largest file of certificate authorities that is read, in bytes.
pub(crate) const MAX_CA_FILE: u64 = 16 * 1024 * 1024;

/// Which certificates to trust. A CA bundle meant for every AWS client gives way to `--insecure`; one meant for
/// `ssecheck` contradicts it.
fn checked_trust(
    insecure: Option<Sourced<bool>>,
    ca_file: Option<Sourced<PathBuf>>,
    environment: &Environment,
) -> Result<(bool, Option<PathBuf>, Vec<AuthorityFile>), ConfigError> {
    let insecure = insecure.filter(|insecure| insecure.value);
    match (insecure, ca_file) {
        (Some(insecure), Some(ca_file)) if ca_file.origin.is_own() => {
            Err(ConfigError::InsecureWithCaFile { insecure: insecure.origin, ca_file: ca_file.origin })
        }
        (Some(_), _) => Ok((true, None, Vec::new())),
        (None, None) => Ok((false, None, Vec::new())),
        (None, Some(Sourced { value, origin })) => {
            let path = environment.absolute(&value);
            match bounded::read(&path, MAX_CA_FILE) {
                Ok(pem) => {
                    let sha256 = Some(hex::encode(Sha256::digest(pem)));
                    let named_by = origin.to_string();
                    Ok((false, Some(path), vec![AuthorityFile { named_by, path: value, sha256 }]))
                }
                Err(source) => Err(ConfigError::CaFileUnreadable { origin, path, source }),
            }
        }
    }
}

/// The files and folders in whose place the system's certificate authorities are read, where a variable of OpenSSL names any that are not
/// the system's: the TLS library follows it.
fn authorities_of_the_system(environment: &Environment) -> Vec<AuthorityFile> {
    let mut files = Vec::new();
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        let Some(Sourced { value, origin }) = environment.path(name) else { continue };
        // Only folders may be several.
        let paths = if name == "SSL_CERT_DIR" { std::env::split_paths(&value).collect() } else { vec![value] };
        for path in paths.into_iter().filter(|path| !is_the_systems(&environment.absolute(path))) {
            let read = bounded::read(&environment.absolute(&path), MAX_CA_FILE);
            let sha256 = read.ok().map(|pem| hex::encode(Sha256::digest(pem)));
            files.push(AuthorityFile { named_by: origin.to_string(), path, sha256 });
        }
    }
    files
}

/// Whether a path is a folder in which systems keep their certificate authorities, or directly below one. Images of containers name it in
/// these variables; whoever can write there can change what the system trusts in any case.
fn is_the_systems(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else { return false };
    let mut folders = openssl_probe::candidate_cert_dirs().filter_map(|folder| folder.canonicalize().ok());
    folders.any(|folder| path == folder || path.parent() == Some(&folder))
}

fn checked_region(region: Option<Sourced<String>>) -> Result<String, ConfigError> {
    let Some(Sourced { value: region, origin }) = region else { return Ok(resolved::DEFAULT_REGION.to_owned()) };
    match naming::region_fault(&region) {
        Some(fault) => Err(ConfigError::Region { origin, region, fault }),
        None => Ok(region),
    }
}

fn checked_bucket(bucket: Option<Sourced<String>>) -> Result<Option<String>, ConfigError> {
    let Some(Sourced { value: name, origin }) = bucket.map(not_empty).transpose()? else { return Ok(None) };
    match naming::bucket_fault(&name) {
        Some(fault) => Err(ConfigError::BucketName { origin, name, fault }),
        None => Ok(Some(name)),
    }
}

fn checked_ledger(
    ledger: Option<Sourced<PathBuf>>,
    environment: &Environment,
) -> Result<Option<LedgerFolder>, ConfigError> {
    match ledger {
        Some(Sourced { value, origin }) if value.as_os_str().is_empty() => Err(ConfigError::Empty { origin }),
        Some(Sourced { value, .. }) => Ok(Some(LedgerFolder { path: environment.absolute(&value), is_default: false })),
        None => {
            let default = environment.state_home().map(|home| home.join("ssecheck/runs"));
            Ok(default.map(|path| LedgerFolder { path, is_default: true }))
        }
    }
}

fn checked_prefix(prefix: Option<Sourced<String>>) -> Result<String, ConfigError> {
    let Some(Sourced { value: prefix, origin }) = prefix else { return Ok(resolved::DEFAULT_PREFIX.to_owned()) };
    match naming::prefix_fault(&prefix) {
        Some(fault) => Err(ConfigError::Prefix { origin, prefix, fault }),
        None => Ok(prefix),
    }
}

fn checked_jobs(jobs: Option<Sourced<usize>>) -> Result<NonZeroUsize, ConfigError> {
    let Some(Sourced { value, origin }) = jobs else {
        return Ok(const { NonZeroUsize::new(resolved::DEFAULT_JOBS).expect("the default is not 0") });
    };
    NonZeroUsize::new(value).ok_or(ConfigError::NoJobs { origin })
}

fn checked_rate(Sourced { value, origin }: Sourced<u32>) -> Result<NonZeroU32, ConfigError> {
    NonZeroU32::new(value).ok_or(ConfigError::NoRequests { origin })
}

fn checked_timeout(seconds: Option<Sourced<u64>>, default: u64) -> Result<Duration, ConfigError> {
    match seconds {
        None => Ok(Duration::from_secs(default)),
        Some(Sourced { value: 0, origin }) => Err(ConfigError::NoTime { origin }),
        Some(Sourced { value, .. }) => Ok(Duration::from_secs(value)),
    }
}

fn checked_retries(times: Option<Sourced<u32>>) -> Result<u32, ConfigError> {
    let most = resolved::MOST_RETRIES;
    match times {
        None => Ok(0),
        Some(Sourced { value: times, origin }) if times > most => {
            Err(ConfigError::TooManyRetries { origin, times, most })
        }
        Some(Sourced { value, .. }) => Ok(value),
    }
}

/// The access keys that the settings file has.
struct KeysInFile {
    access_key_id: Option<SecretText>,
    secret_access_key: Option<SecretText>,
    session_token: Option<SecretText>,
}

impl KeysInFile {
    fn credentials(self, lines: &Lines) -> Result<Option<Credentials>, ConfigError> {
        let parts = Parts {
            access_key_id: self.access_key_id.map(|text| text.0.as_str().to_owned()),
            secret_access_key: self.secret_access_key.map(|text| text.0),
            session_token: self.session_token.map(|text| text.0),
        };
        parts.complete(&lines.place(), ["access-key-id", "secret-access-key", "session-token"])
    }
}

/// The access keys of the first place that has them. A profile's keys rank with the place that named the profile.
fn found_credentials(
    in_file: KeysInFile,
    lines: &Lines,
    environment: &Environment,
    aws: &AwsProfile,
    named_by: Option<&Origin>,
) -> Result<Option<Credentials>, ConfigError> {
    use KeyPlace::{Environment, Profile, SettingsFile};
    let mut in_file = in_file.credentials(lines)?;
    let order = match named_by {
        Some(Origin::Flag(_)) => [Profile, SettingsFile, Environment],
        Some(Origin::File { .. }) => [SettingsFile, Profile, Environment],
        _ => [SettingsFile, Environment, Profile],
    };
    for place in order {
        let found = match place {
            SettingsFile => in_file.take(),
            Environment => environment_credentials(environment)?,
            Profile => aws.credentials()?,
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// A place that may have access keys.
enum KeyPlace {
    SettingsFile,
    Environment,
    Profile,
}

fn environment_credentials(environment: &Environment) -> Result<Option<Credentials>, ConfigError> {
    let names @ [id, secret, token] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
    let text = |name| Ok::<_, ConfigError>(environment.text(name)?.map(|text| text.value));
    let parts = Parts {
        access_key_id: text(id)?,
        secret_access_key: text(secret)?.map(Zeroizing::new),
        session_token: text(token)?.map(Zeroizing::new),
    };
    parts.complete("the environment", names)
}

fn no_credentials(endpoint: Origin, lines: &Lines, aws: &AwsProfile) -> ConfigError {
    let looked_in =
        vec![lines.place(), "the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned(), aws.place()];
    let advice = match aws.indirection() {
        Some(key) => format!(
            "the profile's `{key}` is not followed: run `eval \"$(aws configure export-credentials --profile {} --format \
             env)\"` first",
            aws.name()
        ),
        None => "set the two variables, or name a profile that has keys with --aws-profile".to_owned(),
    };
    ConfigError::NoCredentials { endpoint, looked_in, advice }
}
