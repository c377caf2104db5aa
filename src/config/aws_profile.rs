//! The profile of the AWS files.

use std::io;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::aws_sections::{FileKind, Sections};
use super::credentials::{Credentials, Parts};
use super::environment::Environment;
use super::error::ConfigError;
use super::origin::{Origin, Sourced};
use crate::bounded;

const DEFAULT_PROFILE: &str = "default";

/// The largest AWS file that is read, in bytes.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// The file that AWS's tools are given to have none.
const NO_FILE: &str = "/dev/null";

/// Keys of ways to obtain access keys that are not followed: each needs a service or a program besides the files.
const INDIRECT: [&str; 6] =
    ["sso_session", "sso_start_url", "role_arn", "credential_process", "web_identity_token_file", "login_session"];

const FILES: [(FileKind, &str, &str); 2] = [
    (FileKind::Config, "AWS_CONFIG_FILE", ".aws/config"),
    (FileKind::Credentials, "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
];

/// The selected profile of the AWS files; empty where there is none.
pub(super) struct AwsProfile {
    name: Arc<str>,
    sections: Sections,
    files: Vec<String>,
}

impl AwsProfile {
    /// Reads the named profile, which must be there, or else the default one, which need not be.
    pub async fn load(named: Option<Sourced<String>>, environment: &Environment) -> Result<Self, ConfigError> {
        let name: Arc<str> = named.as_ref().map_or(DEFAULT_PROFILE, |named| &named.value).into();
        let (sections, files) = read(environment).await?;
        if let Some(Sourced { value, origin }) = named
            && sections.profile(&value).is_none()
        {
            let suggestion = near_miss(&value, &sections);
            return Err(ConfigError::AwsProfileMissing { origin, name: value, looked_in: files, suggestion });
        }
        Ok(Self { name, sections, files })
    }

    /// A value of the profile. One set to nothing counts as not set.
    pub fn get(&self, key: &'static str) -> Option<Sourced<String>> {
        self.text(key).map(|value| self.sourced(value.to_owned(), key))
    }

    /// The endpoint of the profile: the one its `services` section has for S3, or the one for every service.
    pub fn endpoint(&self) -> Option<Sourced<String>> {
        let key = "endpoint_url";
        let of_s3 = self.text("services").and_then(|services| self.sections.service_setting(services, "s3", key));
        let value = of_s3.or_else(|| self.text(key).map(ToOwned::to_owned))?;
        (!value.is_empty()).then(|| self.sourced(value, key))
    }

    /// The access keys of the profile.
    pub fn credentials(&self) -> Result<Option<Credentials>, ConfigError> {
        let names @ [id, secret, token] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];
        let hidden = |key| self.text(key).map(|value| Zeroizing::new(value.to_owned()));
        let parts = Parts {
            access_key_id: self.text(id).map(ToOwned::to_owned),
            secret_access_key: hidden(secret),
            session_token: hidden(token),
        };
        parts.complete(&format!("the AWS profile `{}`", self.name), names)
    }

    /// Where the profile was looked for.
    pub fn place(&self) -> String {
        let files = if self.files.is_empty() { "no file".to_owned() } else { self.files.join(" and ") };
        format!("the AWS profile `{}` of {files}", self.name)
    }

    /// What the profile has instead of access keys, if it has.
    pub fn indirection(&self) -> Option<&'static str> {
        INDIRECT.into_iter().find(|key| self.text(key).is_some())
    }

    /// The profile's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.sections.profile(&self.name)?.get(key).map(|value| value.as_str()).filter(|value| !value.is_empty())
    }

    fn sourced<T>(&self, value: T, key: &'static str) -> Sourced<T> {
        Sourced { value, origin: Origin::AwsProfile { name: self.name.clone(), key } }
    }
}

/// Reads the files, and says of each whether it is there. A missing one is as good as empty, for every AWS client.
async fn read(environment: &Environment) -> Result<(Sections, Vec<String>), ConfigError> {
    let mut sections = Sections::default();
    let mut places = Vec::new();
    for (kind, variable, default) in FILES {
        let path = environment.path(variable).map(|given| environment.expanded(&given.value));
        let Some(path) = path.or_else(|| environment.at_home(default)) else { continue };
        match text_of(&path) {
            Ok(Some(text)) => {
                places.push(path.display().to_string());
                sections.add(kind, &text).map_err(|error| ConfigError::AwsFileMalformed { path, message: error })?;
            }
            Ok(None) => places.push(format!("{} (no such file)", path.display())),
            Err(source) => return Err(ConfigError::AwsFileUnreadable { path, variable, source }),
        }
    }
    Ok((sections, places))
}

fn text_of(path: &Path) -> io::Result<Option<Zeroizing<String>>> {
    if path == Path::new(NO_FILE) {
        return Ok(None);
    }
    match bounded::read_text(path, MAX_FILE) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn near_miss(name: &str, sections: &Sections) -> Option<String> {
    let distance = |known: &str| strsim::damerau_levenshtein(known, name);
    let nearest = sections.profile_names().min_by_key(|known| (distance(known), (*known).to_owned()))?;
    (distance(nearest) <= nearest.len().div_ceil(3)).then(|| nearest.to_owned())
}
