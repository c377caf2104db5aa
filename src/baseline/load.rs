//! Reads baseline files, and shows every mistake with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use sha2::{Digest as _, Sha256};

use super::{Baseline, FORMAT, KNOWABLE};
use crate::bounded;
use crate::profile::{Profile, covers};
use crate::rules::Catalogue;
use crate::suite::{Diagnostic, FileDiagnostics, Located, Suite, embedded, near_miss};
use crate::verdict::Verdict;

/// The largest baseline file that is read, in bytes.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// A baseline cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// Its file cannot be read.
    #[error("cannot read the baseline {}: {error}; `ssecheck baseline RUN.json` writes one", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Its file has mistakes.
    #[error(transparent)]
    Mistakes(#[from] FileDiagnostics),
}

/// Reads the baseline of a file, for a run of these suites under this profile.
///
/// # Errors
/// [`BaselineError`] where the file cannot be read, is no baseline, or names what there is not.
pub fn read(
    path: &Path,
    strict: bool,
    suites: &[Arc<Suite>],
    rules: &Catalogue,
    profile: &Profile,
) -> Result<Baseline, BaselineError> {
    let (text, mut baseline) = parsed(path)?;
    let located = Located::new(&text);
    let mut mistakes = located.doubled_members();
    if baseline.profile != profile.id {
        let message = format!("the baseline is of profile `{}`, and the run is by `{}`", baseline.profile, profile.id);
        let help = "make one with the report of a run by this profile: ssecheck baseline RUN.json".to_owned();
        mistakes.push(located.at("/profile", message, Some(help)));
    }
    let cases =
        suites.iter().map(|suite| (suite.id.as_str(), suite.cases.iter().map(|case| case.id.as_str()).collect()));
    let nameable = Nameable { rules, cases: cases.collect() };
    check_entries(&baseline, &located, &nameable, &mut mistakes);
    if mistakes.is_empty() {
        baseline.strict = strict;
        return Ok(baseline);
    }
    mistakes.sort();
    Err(FileDiagnostics { file: baseline.file, text, diagnostics: mistakes, more: 0 }.into())
}

/// The baseline of a file as it is written, whether or not its entries have reasons already.
///
/// # Errors
/// [`BaselineError`] where the file cannot be read or is no baseline.
pub fn read_draft(path: &Path) -> Result<Baseline, BaselineError> {
    parsed(path).map(|(_, baseline)| baseline)
}

fn parsed(path: &Path) -> Result<(String, Baseline), BaselineError> {
    let unreadable = |error| BaselineError::Unreadable { path: path.to_owned(), error };
    let text = bounded::read_text(path, MAX_FILE).map_err(unreadable)?;
    let file = path.display().to_string();
    let mistake = |diagnostic: Diagnostic, text: &str| FileDiagnostics {
        file: file.clone(),
        text: text.to_owned(),
        diagnostics: vec![diagnostic],
        more: 0,
    };
    let mut baseline: Baseline = match serde_json::from_str(&text) {
        Ok(baseline) => baseline,
        Err(error) => {
            let message = format!("not a baseline: {error}");
            return Err(mistake(Located::at_line(&text, error.line(), error.column(), message), &text).into());
        }
    };
    if baseline.format != FORMAT {
        let message = format!("this ssecheck reads `{FORMAT}`, and this is `{}`", baseline.format);
        return Err(mistake(Located::new(&text).at("/format", message, None), &text).into());
    }
    baseline.file = file;
    baseline.digest = hex::encode(Sha256::digest(&text));
    Ok((text, baseline))
}

/// What the entries of a baseline may name.
struct Nameable<'n> {
    rules: &'n Catalogue,
    /// Id of a suite → the ids of its cases.
    cases: BTreeMap<&'n str, Vec<&'n str>>,
}

fn check_entries(baseline: &Baseline, located: &Located<'_>, nameable: &Nameable<'_>, mistakes: &mut Vec<Diagnostic>) {
    let mut seen: Vec<&str> = Vec::new();
    for (index, known) in baseline.known.iter().enumerate() {
        let at = format!("/known/{index}");
        if known.reason.trim().is_empty() {
            let help = "say what the server does, and why that is accepted for now".to_owned();
            mistakes.push(located.at(&format!("{at}/reason"), "an entry needs a reason", Some(help)));
        }
        for rule in known.rules.iter().filter(|rule| !nameable.rules.knows(rule)) {
            let near = near_miss(rule, nameable.rules.iter().map(|rule| rule.id.as_str()));
            let help = near.map(|near| format!("did you mean `{near}`?"));
            mistakes.push(located.at(&format!("{at}/rules"), format!("there is no rule `{rule}`"), help));
        }
        if known.cases.values().all(BTreeSet::is_empty) {
            mistakes.push(located.at(&at, "an entry needs `cases`: verdict → ids of cases", None));
        }
        for (verdict, cases) in &known.cases {
            let at = format!("{at}/cases/{}", verdict.id());
            if !KNOWABLE.contains(verdict) {
                let help = format!("known can be: {}", KNOWABLE.map(Verdict::id).join(", "));
                mistakes.push(located.at_name(&at, format!("`{}` is no failure", verdict.as_str()), Some(help)));
            }
            for case in cases {
                if seen.iter().any(|other| covers(other, case) || covers(case, other)) {
                    mistakes.push(located.at(&at, format!("the case `{case}` stands twice in this baseline"), None));
                }
                seen.push(case);
                if !nameable.has(case) {
                    let help = nameable.near(case).map(|near| format!("did you mean `{near}`?"));
                    mistakes.push(located.at(&at, format!("there is no case `{case}`"), help));
                }
            }
        }
    }
}

/// The files of the built-in suites.
static BUILT_IN: LazyLock<Vec<String>> = LazyLock::new(|| embedded().into_iter().map(|source| source.name).collect());

impl Nameable<'_> {
    /// Whether there is a case that a pattern stands for. Of the built-in suites that a run leaves out nothing is asked.
    fn has(&self, pattern: &str) -> bool {
        let suite = pattern.split_once('/').map_or(pattern, |(suite, _)| suite);
        let ids = self.cases.get(suite).map_or(&[][..], Vec::as_slice);
        let left_out = || BUILT_IN.iter().any(|file| file.ends_with(&format!("/{suite}.json")));
        if ids.is_empty() { left_out() } else { ids.iter().any(|id| covers(pattern, id)) }
    }

    fn near(&self, pattern: &str) -> Option<&str> {
        near_miss(pattern, self.cases.values().flatten().copied())
    }
}
