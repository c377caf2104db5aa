//! The rule catalogue: what a server must obey, and where that is written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// How well a rule is known (the grades of the facts it rests on).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// A real answer of AWS S3, recorded.
    Recorded,
    /// Written in a vendor's documentation.
    Documented,
    /// Asserted by a peer's suite.
    Asserted,
    /// Inferred from the others.
    Inferred,
}

impl Grade {
    /// The grade as the catalogue writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Documented => "documented",
            Self::Asserted => "asserted",
            Self::Inferred => "inferred",
        }
    }
}

/// What the breach of a rule does, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Harm {
    /// Data, or an earlier object, is lost.
    Loss,
    /// Other bytes, sizes or metadata come back than were stored.
    Corruption,
    /// Data, metadata or a key reaches somebody who does not have the key.
    Disclosure,
    /// Clients that work with AWS S3 do not work.
    #[default]
    Interoperability,
    /// A response is worded otherwise.
    Wording,
}

impl Harm {
    /// All of them, worst first.
    pub const ALL: [Self; 5] = [Self::Loss, Self::Corruption, Self::Disclosure, Self::Interoperability, Self::Wording];

    /// The harm as the catalogue writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Corruption => "corruption",
            Self::Disclosure => "disclosure",
            Self::Interoperability => "interoperability",
            Self::Wording => "wording",
        }
    }

    /// Whether data are lost, garbled or given away: then no certification level is reached.
    #[must_use]
    pub fn is_of_data(self) -> bool {
        self <= Self::Disclosure
    }
}

/// One rule.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Stable id.
    pub id: String,
    /// Id of the family it belongs to.
    pub family: String,
    /// One line for people.
    pub title: String,
    /// What a server must do.
    pub text: String,
    /// Document, section or recording in which that stands.
    pub source: String,
    /// How well it is known.
    pub grade: Grade,
    /// What its breach does. Records of the format `ssecheck-run/2` do not say it.
    #[serde(default)]
    pub harm: Harm,
    /// Public address of the source, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How to mend a server that does not.
    pub fix: String,
    /// Operations that it speaks of and that no scenario tests, each with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub untested: BTreeMap<String, String>,
}

/// Rules that belong together.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// Stable id.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// What its rules have in common.
    pub about: String,
}

/// What the ids of the rules begin with that profiles ask for besides; the profile's own id follows.
pub const OF_PROFILES: &str = "answers-as-";

/// All rules by id.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    rules: BTreeMap<String, Rule>,
    /// Ids in the order of the file.
    order: Vec<String>,
    families: Vec<Family>,
    left_out: BTreeMap<String, String>,
    digest: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogueFile {
    families: Vec<Family>,
    /// Operations of the S3 API that take SSE-C headers and that no scenario sends, each with the reason.
    left_out: BTreeMap<String, String>,
    rules: Vec<Rule>,
}

/// The rule catalogue cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// It is no catalogue.
    #[error("suites/rules.json is not a rule catalogue: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Two rules have one id.
    #[error("suites/rules.json: rule id `{0}` stands twice; give each rule an id of its own")]
    DoubledId(String),
    /// A rule belongs to no family.
    #[error("suites/rules.json: rule `{rule}` is of the family `{family}`, and there is none; add it to `families`")]
    UnknownFamily {
        /// The rule.
        rule: String,
        /// Its family.
        family: String,
    },
}

impl Catalogue {
    /// The catalogue compiled into the binary.
    ///
    /// # Errors
    /// [`CatalogueError`] where the file in `suites/` is off; a test holds it right.
    pub fn embedded() -> Result<Self, CatalogueError> {
        Self::parse(include_str!("../../suites/rules.json"))
    }

    /// SHA-256 of its text, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Reads a catalogue.
    ///
    /// # Errors
    /// [`CatalogueError`] where the text is no catalogue, or an id stands twice.
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        let file: CatalogueFile = serde_json::from_str(text)?;
        let mut rules = BTreeMap::new();
        let order = file.rules.iter().map(|rule| rule.id.clone()).collect();
        for rule in file.rules {
            if file.families.iter().all(|family| family.id != rule.family) {
                return Err(CatalogueError::UnknownFamily { rule: rule.id, family: rule.family });
            }
            if let Some(doubled) = rules.insert(rule.id.clone(), rule) {
                return Err(CatalogueError::DoubledId(doubled.id));
            }
        }
        let digest = hex::encode(Sha256::digest(text));
        Ok(Self { rules, order, families: file.families, left_out: file.left_out, digest })
    }

    /// The rule of this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Rule> {
        self.rules.get(id)
    }

    /// Whether there is such a rule. What a profile asks for besides is a rule of its own, in the catalogue or not.
    #[must_use]
    pub fn knows(&self, id: &str) -> bool {
        self.rules.contains_key(id) || id.starts_with(OF_PROFILES)
    }

    /// All rules, in the order of the catalogue.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.order.iter().filter_map(|id| self.rules.get(id))
    }

    /// The families, in the order of the catalogue.
    #[must_use]
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// Operations of the S3 API that take SSE-C headers and that no scenario sends, each with the reason.
    #[must_use]
    pub fn left_out(&self) -> &BTreeMap<String, String> {
        &self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_catalogue_is_well_formed() {
        assert!(Catalogue::embedded().unwrap().iter().count() > 20);
    }

    #[test]
    fn a_doubled_id_is_refused() {
        let rule =
            r#"{"id": "a", "family": "f", "title": "t", "text": "x", "source": "s", "grade": "recorded", "fix": "f"}"#;
        let error = Catalogue::parse(&format!(
            r#"{{"families": [{{"id": "f", "title": "t", "about": "a"}}], "left_out": {{}}, "rules": [{rule}, {rule}]}}"#
        )).unwrap_err();
        assert!(matches!(error, CatalogueError::DoubledId(id) if id == "a"));
    }
}
