//! Where profiles come from: the binary, a file, or the suites that name one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use include_dir::{Dir, include_dir};

use super::Profile;
use crate::bounded;
use crate::rules::Catalogue;
use crate::suite::{Suite, near_miss};

/// The largest profile file that is read, in bytes.
const MAX_FILE: u64 = 64 * 1024 * 1024;

static PROFILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/suites/profiles");

/// A profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// There is none of this name.
    #[error("there is no profile `{name}`; {help}")]
    Unknown {
        /// The name.
        name: String,
        /// What to do.
        help: String,
    },
    /// Its file cannot be read.
    #[error("cannot read the profile {}: {error}; give the name of a built-in profile, or the path of a *.json file", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Its file is no profile.
    #[error("{file}: {path}: {error}")]
    Malformed {
        /// The file.
        file: String,
        /// The member that is wrong.
        path: String,
        /// Why; tells line and column.
        error: serde_json::Error,
    },
    /// It names a rule that there is none of.
    #[error("{file}: there is no rule `{rule}`; `ssecheck explain` lists the rules")]
    UnknownRule {
        /// The file.
        file: String,
        /// The rule.
        rule: String,
    },
    /// A departure says nothing.
    #[error("{file}: departure `{departure}` {what}")]
    Departure {
        /// The file.
        file: String,
        /// Its id.
        departure: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// The profiles compiled into the binary, by id.
///
/// # Errors
/// [`ProfileError`] where a file in `suites/profiles/` is off; a test holds them right.
pub fn embedded(rules: &Catalogue) -> Result<Vec<Profile>, ProfileError> {
    let files = PROFILES.files().filter_map(|file| Some((file.path().display().to_string(), file.contents_utf8()?)));
    let mut profiles: Vec<Profile> =
        files.map(|(name, text)| parse(&format!("suites/profiles/{name}"), text, rules)).collect::<Result<_, _>>()?;
    profiles.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(profiles)
}

/// Whether a name is that of a file.
#[must_use]
pub fn is_path(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "json")
}

/// The profile of a name: a built-in one, that of a `*.json` file, or one that these suites name.
///
/// # Errors
/// [`ProfileError`].
pub fn find(name: &str, rules: &Catalogue, suites: &[Arc<Suite>]) -> Result<Arc<Profile>, ProfileError> {
    let path = Path::new(name);
    if is_path(name) {
        let text = bounded::read_text(path, MAX_FILE)
            .map_err(|error| ProfileError::Unreadable { path: path.to_owned(), error })?;
        let file = Some(name.to_owned());
        return parse(name, &text, rules).map(|profile| Arc::new(Profile { file, ..profile }));
    }
    let embedded = embedded(rules)?;
    let mut known: BTreeSet<String> = embedded.iter().map(|profile| profile.id.clone()).collect();
    if let Some(profile) = embedded.into_iter().find(|profile| profile.id == name) {
        return Ok(Arc::new(profile));
    }
    for case in suites.iter().flat_map(|suite| &suite.cases) {
        known.extend(case.profiles.iter().cloned());
        known.extend(case.steps.iter().flat_map(|step| step.expect_under.keys()).cloned());
    }
    if known.contains(name) {
        return Ok(Arc::new(Profile::named(name)));
    }
    let help = match near_miss(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("choose one of: {}, or a *.json file", known.into_iter().collect::<Vec<_>>().join(", ")),
    };
    Err(ProfileError::Unknown { name: name.to_owned(), help })
}

fn parse(file: &str, text: &str, rules: &Catalogue) -> Result<Profile, ProfileError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let profile: Profile = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        ProfileError::Malformed { file: file.to_owned(), path, error: error.into_inner() }
    })?;
    let required = profile.requires.iter().map(|requirement| &requirement.rule);
    for rule in required.chain(profile.departures.iter().flat_map(|departure| &departure.rules)) {
        if !rules.knows(rule) {
            return Err(ProfileError::UnknownRule { file: file.to_owned(), rule: rule.clone() });
        }
    }
    let mut ids = BTreeSet::new();
    for departure in &profile.departures {
        let wrong = |what| ProfileError::Departure { file: file.to_owned(), departure: departure.id.clone(), what };
        if departure.cases.is_empty() && departure.blocks.is_empty() {
            return Err(wrong("names no case; give `cases` that fail for it, or `blocks`"));
        }
        if departure.rules.is_empty() {
            return Err(wrong("names no rule; give the `rules` that it departs from"));
        }
        if !ids.insert(&departure.id) {
            return Err(wrong("stands twice; give each an id of its own"));
        }
    }
    Ok(profile)
}

/// A day as `YYYY-MM-DD`.
pub(super) mod day {
    use serde::{Deserialize as _, Deserializer, Serializer, de};
    use time::Date;
    use time::macros::format_description;

    pub fn serialize<S: Serializer>(day: &Date, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(day)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
        let text = String::deserialize(deserializer)?;
        let format = format_description!("[year]-[month]-[day]");
        Date::parse(&text, format).map_err(|_| de::Error::custom(format!("`{text}` is no day; write YYYY-MM-DD")))
    }
}
