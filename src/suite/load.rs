//! From a suite's text to typed cases, with every mistake of the file reported at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::body::Body;
use super::cases::{Cases, typed};
use super::conform::Shape;
use super::expand::{Origin, Place, Tables, expand};
use super::found::Found;
use super::limits::Budget;
use super::lint::{self, Checked};
use super::locate::{FileDiagnostics, Located};
use super::malformed::Malformed;
use super::model::{BucketKind, CapabilitySpec, KeySpec, Level, MAX_KEYS, Scenario, Step, SuiteFile};
use super::source::SuiteSource;
use crate::rules::Catalogue;

/// A suite, typed and checked.
#[derive(Debug, Clone)]
pub struct Suite {
    /// Stable id.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// What it covers and why.
    pub about: String,
    /// The file it was read from, as messages show it.
    pub file: String,
    /// SHA-256 of the file's text, lower-case hexadecimal.
    pub digest: String,
    /// Its customer keys.
    pub keys: BTreeMap<String, Key>,
    /// Its object contents.
    pub bodies: BTreeMap<String, Body>,
    /// Its cases, in the order of the file; plans share them.
    pub cases: Vec<Arc<Case>>,
    /// Its capabilities: what cases may need, and how it is found out whether an endpoint has it.
    pub capabilities: Vec<Capability>,
}

/// Something that an endpoint may have or not, and the probe that tells.
#[derive(Debug, Clone)]
pub struct Capability {
    /// What it is for.
    pub spec: CapabilitySpec,
    /// The probe: its id is the capability's (`scenario` or `scenario[row,…]`), and all its steps must come out as expected.
    pub probe: Case,
}

/// A declared customer key.
#[derive(Clone)]
pub enum Key {
    /// Random bytes of this length, fresh for each case.
    Fresh(usize),
    /// These bytes.
    Fixed(Zeroizing<Vec<u8>>),
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fresh(length) => write!(f, "Fresh({length})"),
            Self::Fixed(_) => f.write_str("Fixed(..)"),
        }
    }
}

/// One case: a scenario with its parameters filled in. It shares with the scenario's other cases what is equal in them.
#[derive(Debug, Clone)]
pub struct Case {
    /// `suite/scenario` or `suite/scenario[row,…]`; unique in a run.
    pub id: String,
    /// The scenario's id.
    pub scenario: Arc<str>,
    /// One line for people.
    pub title: Arc<str>,
    /// Why it matters.
    pub why: Arc<str>,
    /// How binding it is.
    pub level: Level,
    /// Ids of the rules it tests.
    pub rules: Arc<[String]>,
    /// Profiles under which it runs; all when empty.
    pub profiles: Arc<[String]>,
    /// The kind of bucket it runs in.
    pub bucket: BucketKind,
    /// Ids of the capabilities that it names itself.
    pub requires: Arc<[String]>,
    /// Whether `prove` runs it only against faults of the rules that it cites.
    pub heavy: bool,
    /// What is done, in order.
    pub steps: Vec<Arc<Step>>,
}

impl Case {
    /// Ids of the rules that its expectations are about but for those that name rules of their own.
    #[must_use]
    pub fn own_rules(&self) -> Vec<String> {
        let also: Vec<&String> = self.steps.iter().flat_map(|step| &step.also).flat_map(|also| &also.rules).collect();
        self.rules.iter().filter(|rule| !also.contains(rule)).cloned().collect()
    }
}

/// One digest of all these suites, in their order: SHA-256 over their digests, lower-case hexadecimal.
#[must_use]
pub fn digest_of_all(suites: &[Arc<Suite>]) -> String {
    let mut digest = Sha256::new();
    for suite in suites {
        digest.update(suite.digest.as_bytes());
    }
    hex::encode(digest.finalize())
}

/// Reads and checks one suite.
///
/// # Errors
/// Everything that is wrong with the file, each with line, column and field path.
pub fn load(source: &SuiteSource, rules: &Catalogue) -> Result<Suite, FileDiagnostics> {
    load_within(source, rules, &mut Budget::default())
}

/// Reads and checks one suite of several that come to no more than `budget` together.
///
/// # Errors
/// Everything that is wrong with the file, each with line, column and field path.
pub fn load_within(source: &SuiteSource, rules: &Catalogue, budget: &mut Budget) -> Result<Suite, FileDiagnostics> {
    // The tests check what is compiled in, once and for all.
    load_as(source, rules, budget, source.is_built_in())
}

fn load_as(
    source: &SuiteSource,
    rules: &Catalogue,
    budget: &mut Budget,
    is_known: bool,
) -> Result<Suite, FileDiagnostics> {
    let file: Value = match serde_json::from_str(&source.text) {
        Ok(file) => file,
        Err(e) => {
            let diagnostic = Located::at_line(&source.text, e.line(), e.column(), format!("not valid JSON: {e}"));
            let (file, text) = (source.name.clone(), source.text.clone());
            return Err(FileDiagnostics { file, text, diagnostics: vec![diagnostic], more: 0 });
        }
    };
    let located = Located::new(&source.text);
    let mut found = Found::new(&located);
    match checked(file, source, rules, &mut found, budget, is_known) {
        Some((typed, declared)) if found.is_empty() => Ok(suite(source, typed, declared)),
        _ => Err(found.report(&source.name, &source.text)),
    }
}

/// The typed file and what it declares; nothing where no more can be said. Of a file with mistakes what conforms is checked all the
/// same. What is known to be right is only read.
fn checked(
    mut file: Value,
    source: &SuiteSource,
    rules: &Catalogue,
    found: &mut Found<'_>,
    budget: &mut Budget,
    is_known: bool,
) -> Option<(Typed, Checked)> {
    let scenarios = match file.get_mut("scenarios") {
        Some(Value::Array(scenarios)) => std::mem::take(scenarios),
        _ => Vec::new(),
    };
    // Placeholders are filled in from the tables as they stand: a row that does not conform may have the members that they name.
    let rows = if is_known { None } else { file.get("tables").cloned() };
    let mut malformed = Malformed::default();
    if !is_known {
        malformed = Malformed::of(found.odd_names());
        malformed.join(&mut Shape::File.check(&mut file, Place::Named(""), &[], found));
    }
    let empty = serde_json::Map::new();
    let rows = rows.as_ref().or_else(|| file.get("tables")).and_then(Value::as_object).unwrap_or(&empty);
    let tables = Tables { rows, may_have_others: malformed.is_unknown("/tables") };
    let mut cases = Cases::new(is_known);
    let is_whole = expand(&scenarios, tables, found, budget, |piece, at, unfilled, found| {
        cases.take(piece, at, unfilled, found);
    });
    drop(scenarios);
    // No more would be shown.
    if found.is_full() {
        return None;
    }
    if cases.has_unfilled {
        let mut in_tables = Malformed::default();
        rows.values().for_each(|rows| in_tables.take_out(rows));
        cases.texts.extend(in_tables.texts);
    }
    let gaps = cases.gaps(malformed, is_whole.is_some())?;
    let typed = Typed::new(typed(&file, Place::Named(""), found)?, cases.so_far);
    let declared = lint::check(&typed, &gaps, &source.fixtures, rules, found, budget, is_known);
    Some((typed, declared))
}

fn suite(source: &SuiteSource, typed: Typed, declared: Checked) -> Suite {
    let digest = hex::encode(Sha256::digest(source.text.as_bytes()));
    let Checked { keys, bodies } = declared;
    let (mut cases, mut capabilities) = (Vec::new(), Vec::new());
    let ids: Vec<String> = typed.case_ids().collect();
    let SuiteFile { id, title, about, scenarios, .. } = typed.file;
    for (of_case, scenario) in ids.into_iter().zip(scenarios) {
        let capability = scenario.capability.clone();
        let mut case = case(of_case, scenario);
        match capability {
            Some(spec) => {
                // Ids of capabilities are unique among all suites of a run: they do without the suite's.
                case.id.drain(..=id.len());
                capabilities.push(Capability { spec, probe: case });
            }
            None => cases.push(Arc::new(case)),
        }
    }
    Suite { id, title, about, file: source.name.clone(), digest, keys, bodies, cases, capabilities }
}

fn case(id: String, scenario: Scenario) -> Case {
    Case {
        id,
        scenario: scenario.id,
        title: scenario.title,
        why: scenario.why,
        level: scenario.level,
        rules: scenario.rules,
        profiles: scenario.profiles,
        bucket: scenario.bucket,
        requires: scenario.requires,
        heavy: scenario.heavy,
        steps: scenario.steps,
    }
}

/// The typed file with its scenarios expanded.
pub(super) struct Typed {
    /// The file; its scenarios are the expanded ones.
    pub file: SuiteFile,
    /// For each expanded scenario where it is from.
    pub origins: Vec<Origin>,
    /// Names of all customer keys.
    pub key_names: BTreeSet<String>,
}

impl Typed {
    /// Of a file, whose scenarios these are.
    fn new(mut file: SuiteFile, expanded: Vec<(Scenario, Origin)>) -> Self {
        let (scenarios, origins) = expanded.into_iter().unzip();
        file.scenarios = scenarios;
        // One more than there may be, in all, is enough to say that there are too many.
        let key_names =
            file.keys.iter().flat_map(|(name, spec)| spec.names(name)).take(MAX_KEYS as usize + 1).collect();
        Self { file, origins, key_names }
    }

    /// The cases' ids, in order.
    pub fn case_ids(&self) -> impl Iterator<Item = String> {
        self.file.scenarios.iter().zip(&self.origins).map(|(scenario, Origin { rows, .. })| {
            if rows.is_empty() {
                format!("{}/{}", self.file.id, scenario.id)
            } else {
                format!("{}/{}[{}]", self.file.id, scenario.id, rows.join(","))
            }
        })
    }
}

/// The key that a spec declares.
pub(super) fn declared_key(spec: &KeySpec, file: Option<Zeroizing<Vec<u8>>>) -> Key {
    file.map_or_else(|| Key::Fresh(spec.length.unwrap_or(32)), Key::Fixed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rules::Grade;
    use crate::suite::model::Certification;
    use crate::suite::source::{Fixtures, embedded};

    #[test]
    fn what_is_built_in_is_right() {
        let (rules, mut budget) = (Catalogue::embedded().unwrap(), Budget::default());
        for source in embedded() {
            assert!(source.is_built_in());
            let checked = load_as(&source, &rules, &mut budget, false).unwrap_or_else(|mistakes| panic!("{mistakes}"));
            assert_eq!(format!("{checked:?}"), format!("{:?}", load(&source, &rules).unwrap()));
            let changed = SuiteSource { text: source.text.replacen("\"title\"", "\"titel\"", 1), ..source.clone() };
            assert!(!changed.is_built_in() && load(&changed, &rules).is_err());
        }
    }

    #[test]
    fn no_required_scenario_rests_on_inference_alone() {
        let rules = Catalogue::embedded().unwrap();
        for source in embedded() {
            let suite = load(&source, &rules).unwrap_or_else(|mistakes| panic!("{mistakes}"));
            for case in suite.cases.iter().filter(|case| case.level == Level::Must) {
                let known = |rule: &crate::rules::Rule| matches!(rule.grade, Grade::Recorded | Grade::Documented);
                assert!(case.rules.iter().filter_map(|id| rules.get(id)).any(known), "{}", case.id);
            }
        }
    }

    #[test]
    fn every_rule_is_tested_by_some_scenario() {
        let rules = Catalogue::embedded().unwrap();
        let suites: Vec<Suite> = embedded().iter().map(|source| load(source, &rules).unwrap()).collect();
        let cited: BTreeSet<&String> =
            suites.iter().flat_map(|s| &s.cases).flat_map(|case| case.rules.iter()).collect();
        let idle: Vec<&str> =
            rules.iter().map(|r| r.id.as_str()).filter(|id| !cited.contains(&(*id).to_owned())).collect();
        // What only a profile asks for besides.
        assert_eq!(idle, ["answers-as-aws"]);
    }

    /// Each row has a probe of its own, which asks for the same, and which the level requires that requires the row's cases.
    #[rstest::rstest]
    #[case::header_overrides("reads", "overrides")]
    #[case::system_headers("reads", "system-headers")]
    #[case::reads("reads", "reads")]
    #[case::names("consistency", "names")]
    fn tables_of_capabilities_are_those_of_the_cases_that_need_them(#[case] suite: &str, #[case] table: &str) {
        let rows_of = |suite: &str| {
            let source =
                embedded().into_iter().find(|source| source.name.ends_with(&format!("/{suite}.json"))).unwrap();
            let mut file: Value = serde_json::from_str(&source.text).unwrap();
            file["tables"][table].as_array_mut().unwrap().drain(..).collect::<Vec<Value>>()
        };
        let certified = rows_of("capabilities").into_iter().map(|mut row| {
            let members = row.as_object_mut().unwrap();
            let levels = ["certification", "of_copies"].map(|name| members.shift_remove(name));
            let level = match levels.each_ref().map(|level| level.as_ref().and_then(Value::as_str)) {
                [None, None] => return row,
                [Some("core"), Some("extended")] => "must",
                [Some("full"), Some("full")] => "should",
                other => panic!("{other:?}"),
            };
            members.insert("level".to_owned(), level.into());
            row
        });
        assert_eq!(certified.collect::<Vec<_>>(), rows_of(suite));
    }

    fn loaded(text: &str) -> Result<Suite, FileDiagnostics> {
        let source = SuiteSource { name: "x.json".to_owned(), text: text.to_owned(), fixtures: Fixtures::Embedded };
        load(&source, &Catalogue::embedded().unwrap())
    }

    /// One scenario with these steps.
    fn of_steps(steps: &str) -> String {
        format!(
            r#"{{"id": "x", "title": "t", "about": "a", "keys": {{"K": {{}}}}, "bodies": {{"b": {{"text": "t"}}}}, "scenarios": [
            {{"id": "s", "title": "t", "why": "w", "level": "must", "rules": ["put-echoes"], "steps": [
            {{"id": "put", "setup": true, "request": {{"operation": "PutObject", "body": "b", "sse_c": {{"key": "K"}}}}}}, {steps}]}}]}}"#
        )
    }

    #[rstest::rstest]
    #[case::head_never_shows_a_body(
        r#"{"id": "h", "request": {"operation": "HeadObject"}, "expect": {"body": {"empty": true}}}"#,
        "whatever the endpoint sends"
    )]
    #[case::own_connection_of_another_operation(
        r#"{"id": "h", "request": {"operation": "GetObject", "own_connection": true}}"#,
        "goes with HeadObject"
    )]
    #[case::needs_of_a_precondition(
        r#"{"id": "p", "setup": true, "needs": {"status": ["200"]}, "request": {"operation": "GetObject"}}, {"id": "g", "request": {"operation": "GetObject"}}"#,
        "goes with a step that is judged"
    )]
    #[case::refusal_that_is_needed_without_control(
        r#"{"id": "g", "request": {"operation": "GetObject"}, "needs": {"refused": true}, "expect": {}}"#,
        "needs a positive control"
    )]
    #[case::presigned_and_framed(
        r#"{"id": "p", "request": {"operation": "PutObject", "body": "b", "payload": "aws-chunked", "auth": "presigned"}}"#,
        "signed in its header"
    )]
    #[case::version_in_a_bucket_without_any(
        r#"{"id": "g", "request": {"operation": "GetObject", "version_of": "put"}}"#,
        "has versions"
    )]
    #[case::interrupted_read(
        r#"{"id": "g", "request": {"operation": "GetObject", "interrupted": true}}"#,
        "takes no `interrupted`"
    )]
    #[case::answer_that_is_not_awaited(
        r#"{"id": "p", "request": {"operation": "PutObject", "body": "b", "interrupted": true}, "expect": {"status": ["200"]}}"#,
        "whatever the endpoint does"
    )]
    #[case::settings_of_a_bucket_that_others_use(
        r#"{"id": "p", "setup": true, "request": {"operation": "PutBucketPolicy", "policy": {}}}, {"id": "g", "request": {"operation": "GetObject"}}"#,
        "bucket of the case's own"
    )]
    #[case::trailer_of_a_whole_body(
        r#"{"id": "p", "request": {"operation": "PutObject", "body": "b", "trailer": {"body": "b", "algorithm": "crc32"}}}"#,
        "can have a trailer"
    )]
    #[case::controlled_by_another_request(
        r#"{"id": "g", "request": {"operation": "GetObject"}, "expect": {"refused": true}, "controlled_by": "put"}"#,
        "names an earlier setup step"
    )]
    #[case::several_reasons_for_a_connection(
        r#"{"id": "h", "request": {"operation": "HeadObject", "own_connection": true, "header_case": "upper"}}"#,
        "at most one of"
    )]
    #[case::of_a_step_sent_at_the_same_time(
        r#"{"id": "a", "together": "t", "request": {"operation": "GetObject"}}, {"id": "c", "together": "t", "request": {"operation": "GetObject"}, "expect": {"status_differs_from": "a"}}"#,
        "`a`"
    )]
    #[case::too_many_repetitions(
        r#"{"id": "g", "repeat": 20000, "request": {"operation": "GetObject"}}"#,
        "repeats 1 to"
    )]
    #[case::lacks_of_a_step_that_is_no_probe(
        r#"{"id": "h", "request": {"operation": "GetObject"}, "lacks": {"status": ["200"]}}"#,
        "`lacks` goes with a probe"
    )]
    #[case::settling_together(
        r#"{"id": "h", "together": "g", "settles": true, "request": {"operation": "GetObject"}}"#,
        "are sent once"
    )]
    #[case::option_of_nothing(
        r#"{"id": "h", "request": {"operation": "GetObject", "sse_c_if": "complete-with-key"}}"#,
        "goes with `sse_c`"
    )]
    #[case::seconds_after_nothing(
        r#"{"id": "h", "request": {"operation": "GetObject", "headers": {"if-modified-since": {"value": "x", "seconds_later": 1}}}}"#,
        "goes with `of_step`"
    )]
    #[case::two_matches_of_an_element(
        r#"{"id": "g", "request": {"operation": "GetObject"}, "expect": {"elements": {"A": {"equals": "a", "matches": "a"}}}}"#,
        "exactly one of"
    )]
    #[case::status_as_of_no_step(
        r#"{"id": "g", "request": {"operation": "GetObject"}, "expect": {"status_same_as": "gut"}}"#,
        "`gut`"
    )]
    fn what_could_prove_nothing_is_refused(#[case] steps: &str, #[case] told: &str) {
        let mistakes = loaded(&of_steps(steps)).expect_err("it is a mistake").to_string();
        assert!(mistakes.contains(told), "{mistakes}");
    }

    #[rstest::rstest]
    #[case::controlled_by_the_same_request_put_right(
        r#"{"id": "own", "setup": true, "request": {"operation": "GetObject", "sse_c": {"key": "K"}}}, {"id": "g", "request": {"operation": "GetObject"}, "expect": {"refused": true}, "controlled_by": "own"}"#
    )]
    #[case::repeated_together(
        r#"{"id": "g", "repeat": 3, "together": "t", "request": {"operation": "GetObject", "object": "o-${n}", "sse_c": {"key": "K"}}}"#
    )]
    fn what_can_prove_something_is_taken(#[case] steps: &str) {
        assert!(loaded(&of_steps(steps)).is_ok(), "{}", loaded(&of_steps(steps)).unwrap_err());
    }

    #[test]
    fn a_body_of_head_is_seen_on_a_connection_of_its_own() {
        let steps = r#"{"id": "h", "request": {"operation": "HeadObject", "own_connection": true}, "expect": {"body": {"empty": true}}}"#;
        assert!(loaded(&of_steps(steps)).is_ok());
    }

    #[test]
    fn each_row_of_a_capability_is_one_and_has_its_own_level() {
        let suite = r#"{"id": "x", "title": "t", "about": "a", "tables": {"t": [{"id": "a", "level": "core"}, {"id": "b", "level": "full"}]},
            "scenarios": [
            {"id": "has", "title": "t", "why": "w", "level": "may", "capability": {"level": "${r.level}"}, "for_each": {"r": "t"},
              "steps": [{"id": "get", "probe": true, "request": {"operation": "GetObject", "object": "${r.id}"}}]},
            {"id": "s", "title": "t", "why": "w", "level": "must", "rules": ["put-echoes"], "requires": ["has[${r.id}]"], "for_each": {"r": "t"},
              "steps": [{"id": "get", "request": {"operation": "GetObject"}}]}]}"#;
        let suite = loaded(suite).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let capabilities: Vec<_> = suite.capabilities.iter().map(|it| (it.probe.id.as_str(), it.spec.level)).collect();
        assert_eq!(capabilities, [("has[a]", Certification::Core), ("has[b]", Certification::Full)]);
        let needed: Vec<_> = suite.cases.iter().map(|case| (case.id.as_str(), case.requires.join(","))).collect();
        assert_eq!(needed, [("x/s[a]", "has[a]".to_owned()), ("x/s[b]", "has[b]".to_owned())]);
    }

    #[test]
    fn cases_of_one_scenario_share_what_is_equal_in_them() {
        let suite = of_steps(r#"{"id": "g", "request": {"operation": "GetObject", "object": "o-${r.id}"}}"#)
            .replace(r#""scenarios""#, r#""tables": {"t": [{"id": "a"}, {"id": "b"}]}, "scenarios""#)
            .replace(r#""id": "s""#, r#""id": "s", "for_each": {"r": "t"}"#);
        let suite = loaded(&suite).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let [a, b] = suite.cases.as_slice() else { panic!("{suite:?}") };
        assert_eq!((a.id.as_str(), b.id.as_str()), ("x/s[a]", "x/s[b]"));
        assert!(
            Arc::ptr_eq(&a.why, &b.why) && Arc::ptr_eq(&a.rules, &b.rules) && Arc::ptr_eq(&a.steps[0], &b.steps[0])
        );
        assert_eq!(a.steps[1].request.object.as_deref(), Some("o-a"));
        assert_eq!(b.steps[1].request.object.as_deref(), Some("o-b"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn any_text_is_loaded_or_reported(text in ".{0,300}") {
            if let Err(mistakes) = loaded(&text) {
                prop_assert!(!mistakes.diagnostics.is_empty());
                prop_assert!(mistakes.to_string().contains("x.json"));
            }
        }

        /// A real suite with a piece cut out of it is loaded, or reported with a place inside the file.
        #[test]
        fn a_damaged_suite_is_loaded_or_reported(which in 0usize..6, from in any::<prop::sample::Index>(), length in 1usize..60) {
            let sources = embedded();
            let whole = &sources[which % sources.len()].text;
            let start = from.index(whole.len() - length);
            let (start, end) = (whole.floor_char_boundary(start), whole.ceil_char_boundary(start + length));
            let text = format!("{}{}", &whole[..start], &whole[end..]);
            if let Err(mistakes) = loaded(&text) {
                prop_assert!(!mistakes.diagnostics.is_empty());
                prop_assert!(!mistakes.to_string().is_empty());
            }
        }
    }
}
