//! Reads a ledger. Strangers may have edited it: nothing in it is taken that its run cannot have made.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::PathBuf;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;

use super::{FORMAT, Head, Made, RunId};
use crate::config::{bucket_fault, prefix_fault};

/// What a ledger says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Where the run was made.
    pub head: Head,
    /// When it started.
    pub started: OffsetDateTime,
    /// The address of the TLS listener.
    pub endpoint: Url,
    /// Its buckets, those that it made and the one that it was given, with the keys of its objects and uploads.
    pub buckets: BTreeMap<String, RecordedBucket>,
}

/// A bucket of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordedBucket {
    /// Whether the run made it.
    pub is_made: bool,
    /// Keys of objects and uploads that the run made in it.
    pub keys: HashSet<String>,
}

/// What is wrong with a ledger, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Damage {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub why: String,
}

/// A ledger cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is none.
    #[error("there is no ledger of run {run} in {}; `ssecheck sweep` lists those that there are, --ledger DIR names another folder", folder.display())]
    NotThere {
        /// The run.
        run: RunId,
        /// The folder.
        folder: PathBuf,
    },
    /// It, or its folder, cannot be read.
    #[error("cannot read {}: {error}; make it readable, or name another folder with --ledger DIR", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is not as a run writes it.
    #[error("the ledger {} is damaged, {damage}; nothing is removed by it. What the run made is named after it: look for its id, and remove it yourself", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where, and what.
        damage: Damage,
    },
}

impl Recorded {
    /// Whether the run made an object or an upload of this key.
    #[must_use]
    pub fn holds(&self, bucket: &str, key: &str) -> bool {
        self.buckets.get(bucket).is_some_and(|bucket| bucket.keys.contains(key))
    }
}

/// Reads a ledger. A last line that is torn, as of a run that was killed as it wrote it, counts as not there: what it names was
/// not made.
///
/// # Errors
/// [`Damage`]: it is not as a run writes it.
pub fn parse(text: &[u8]) -> Result<Recorded, Damage> {
    let damage = |line, why: &dyn std::fmt::Display| Damage { line, why: why.to_string() };
    let (whole, torn) = match text.iter().rposition(|byte| *byte == b'\n') {
        Some(end) => (&text[..end], &text[end + 1..]),
        None => (&[][..], text),
    };
    let mut lines = whole.split(|byte| *byte == b'\n').enumerate().map(|(index, line)| (index + 1, line));
    let (_, first) = lines.next().unwrap_or_default();
    let mut recorded = head(first).map_err(|why| damage(1, &why))?;
    for (number, line) in lines {
        let made = serde_json::from_slice(line).map_err(|error| damage(number, &error))?;
        recorded.add(made).map_err(|why| damage(number, &why))?;
    }
    // Of a line without its end all may be there that counts.
    if let Ok(made) = serde_json::from_slice(torn) {
        let number = whole.split(|byte| *byte == b'\n').count() + 1;
        recorded.add(made).map_err(|why| damage(number, &why))?;
    }
    Ok(recorded)
}

fn head(line: &[u8]) -> Result<Recorded, String> {
    let head: Head =
        serde_json::from_slice(line).map_err(|error| format!("it does not say what run it is of: {error}"))?;
    if head.format != FORMAT {
        return Err(format!(
            "its format is `{}`, and not `{FORMAT}`: another version of ssecheck wrote it",
            head.format
        ));
    }
    let started = OffsetDateTime::parse(&head.started, &Rfc3339);
    let started = started.map_err(|error| format!("`started` is `{}`: {error}", head.started))?;
    let endpoint = Url::parse(&head.endpoint);
    let endpoint = endpoint.map_err(|error| format!("`endpoint` is `{}`: {error}", head.endpoint))?;
    if let Some(fault) = prefix_fault(&head.prefix) {
        return Err(format!("`prefix` is `{}`: {fault}", head.prefix));
    }
    let mut buckets = BTreeMap::new();
    if let Some(bucket) = &head.bucket {
        if let Some(fault) = bucket_fault(bucket) {
            return Err(format!("`bucket` is `{bucket}`: {fault}"));
        }
        buckets.insert(bucket.clone(), RecordedBucket::default());
    }
    Ok(Recorded { head, started, endpoint, buckets })
}

impl Recorded {
    fn add(&mut self, made: Made) -> Result<(), String> {
        match made {
            Made::Bucket { bucket } => {
                let is_given = self.head.bucket.as_ref() == Some(&bucket);
                if is_given || !self.head.run.is_of_bucket(&bucket) || bucket_fault(&bucket).is_some() {
                    return Err(format!("run {} makes no bucket of the name `{bucket}`", self.head.run));
                }
                self.buckets.entry(bucket).or_default().is_made = true;
            }
            Made::Object { bucket, key } | Made::Upload { bucket, key } => {
                let own_prefix = self.head.own_prefix();
                let Some(recorded) = self.buckets.get_mut(&bucket) else {
                    return Err(format!("`{bucket}` is no bucket that the run was given or made before"));
                };
                if !key.starts_with(&own_prefix) {
                    return Err(format!("the key `{key}` is not the run's: it does not begin with `{own_prefix}`"));
                }
                recorded.keys.insert(key);
            }
        }
        Ok(())
    }
}
