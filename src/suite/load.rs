//! From a suite's text to typed cases, with every mistake of the file reported at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use jsonschema::Validator;
use jsonschema::error::{TypeKind, ValidationError, ValidationErrorKind};
use serde_json::Value;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::body::Body;
use super::expand::{ExpandedScenario, expand};
use super::lint::{self, Checked};
use super::locate::{Diagnostic, FileDiagnostics, Located, near_miss};
use super::model::{BucketKind, CapabilitySpec, KeySpec, Level, Step, SuiteFile};
use super::schema::strict_schema;
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
    /// Its cases, in the order of the file.
    pub cases: Vec<Case>,
    /// Its capabilities: what cases may need, and how it is found out whether an endpoint has it.
    pub capabilities: Vec<Capability>,
}

/// Something that an endpoint may have or not, and the probe that tells.
#[derive(Debug, Clone)]
pub struct Capability {
    /// What it is for.
    pub spec: CapabilitySpec,
    /// The probe: its id is the capability's, and all its steps must come out as expected.
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

/// One case: a scenario with its parameters filled in.
#[derive(Debug, Clone)]
pub struct Case {
    /// `suite/scenario` or `suite/scenario[row,…]`; unique in a run.
    pub id: String,
    /// The scenario's id.
    pub scenario: String,
    /// One line for people.
    pub title: String,
    /// Why it matters.
    pub why: String,
    /// How binding it is.
    pub level: Level,
    /// Ids of the rules it tests.
    pub rules: Vec<String>,
    /// Profiles under which it runs; all when empty.
    pub profiles: Vec<String>,
    /// The kind of bucket it runs in.
    pub bucket: BucketKind,
    /// Ids of the capabilities that it names itself.
    pub requires: Vec<String>,
    /// Whether `prove` runs it only against faults of the rules that it cites.
    pub heavy: bool,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

impl Case {
    /// Ids of the rules that its expectations are about but for those that name rules of their own.
    #[must_use]
    pub fn own_rules(&self) -> Vec<String> {
        let also: Vec<&String> = self.steps.iter().flat_map(|step| &step.also).flat_map(|also| &also.rules).collect();
        self.rules.iter().filter(|rule| !also.contains(rule)).cloned().collect()
    }
}

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    jsonschema::validator_for(&strict_schema()).unwrap_or_else(|e| unreachable!("the generated schema is valid: {e}"))
});

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
    let report = |mut diagnostics: Vec<Diagnostic>| {
        diagnostics.sort();
        diagnostics.dedup();
        FileDiagnostics { file: source.name.clone(), text: source.text.clone(), diagnostics }
    };
    let file: Value = serde_json::from_str(&source.text).map_err(|e| {
        report(vec![Located::at_line(&source.text, e.line(), e.column(), format!("not valid JSON: {e}"))])
    })?;
    let located = Located::new(&source.text);
    let mut diagnostics = located.doubled_members();
    let expanded = expand(&file, &located, &mut diagnostics);
    check_schema(&file, &expanded, &located, &mut diagnostics);
    if !diagnostics.is_empty() {
        return Err(report(diagnostics));
    }
    let typed = type_file(&file, &expanded, &located).map_err(|d| report(vec![d]))?;
    let Checked { keys, bodies } = lint::check(&typed, &file, &source.fixtures, rules, &located).map_err(report)?;
    let (mut cases, mut capabilities) = (Vec::new(), Vec::new());
    for (mut case, scenario) in typed.cases().into_iter().zip(&typed.file.scenarios) {
        match &scenario.capability {
            Some(spec) => {
                case.id.clone_from(&case.scenario);
                capabilities.push(Capability { spec: spec.clone(), probe: case });
            }
            None => cases.push(case),
        }
    }
    let digest = hex::encode(Sha256::digest(source.text.as_bytes()));
    let SuiteFile { id, title, about, .. } = typed.file;
    Ok(Suite { id, title, about, file: source.name.clone(), digest, keys, bodies, cases, capabilities })
}

/// The typed file with its scenarios expanded.
pub(super) struct Typed {
    /// The file; its scenarios are the expanded ones.
    pub file: SuiteFile,
    /// For each expanded scenario where it is from.
    pub origins: Vec<Origin>,
}

/// Where an expanded scenario is from.
pub(super) struct Origin {
    /// Its index in the file.
    pub scenario: usize,
    /// Ids of its rows.
    pub rows: Vec<String>,
    /// For each of its steps the index in the file.
    pub steps: Vec<usize>,
}

impl Typed {
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

    fn cases(&self) -> Vec<Case> {
        self.case_ids()
            .zip(&self.file.scenarios)
            .map(|(id, scenario)| Case {
                id,
                scenario: scenario.id.clone(),
                title: scenario.title.clone(),
                why: scenario.why.clone(),
                level: scenario.level,
                rules: scenario.rules.clone(),
                profiles: scenario.profiles.clone(),
                bucket: scenario.bucket,
                requires: scenario.requires.clone(),
                heavy: scenario.heavy,
                steps: scenario.steps.clone(),
            })
            .collect()
    }
}

fn with_scenarios(file: &Value, expanded: &[ExpandedScenario]) -> Value {
    let mut filled = file.clone();
    if let Some(Value::Array(scenarios)) = filled.get_mut("scenarios") {
        *scenarios = expanded.iter().map(|e| e.value.clone()).collect();
    }
    filled
}

/// The pointer in the file of what stands at `pointer` in the expanded file.
fn original_pointer(pointer: &str, expanded: &[ExpandedScenario]) -> String {
    let mut segments: Vec<String> = pointer.split('/').map(str::to_owned).collect();
    let index = |segment: Option<&String>| segment.and_then(|number| number.parse::<usize>().ok());
    let is_scenario = segments.get(1).is_some_and(|segment| segment == "scenarios");
    let Some(origin) = index(segments.get(2)).filter(|_| is_scenario).and_then(|i| expanded.get(i)) else {
        return pointer.to_owned();
    };
    segments[2] = origin.index.to_string();
    let is_step = segments.get(3).is_some_and(|segment| segment == "steps");
    if let Some(step) = index(segments.get(4)).filter(|_| is_step).and_then(|i| origin.steps.get(i)) {
        segments[4] = step.to_string();
    }
    segments.join("/")
}

fn check_schema(file: &Value, expanded: &[ExpandedScenario], located: &Located<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let filled = with_scenarios(file, expanded);
    let mut found = BTreeSet::new();
    for error in VALIDATOR.iter_errors(&filled) {
        for (pointer, kind) in innermost(&error) {
            let pointer = original_pointer(&pointer, expanded);
            found.extend(describe(&pointer, kind, located));
        }
    }
    diagnostics.extend(found);
}

/// Of an error that says "none of the alternatives fits", the errors of the alternative that fits best.
fn innermost<'e>(error: &'e ValidationError<'_>) -> Vec<(String, Kind<'e>)> {
    let pointer = error.instance_path().as_str().to_owned();
    match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            let constants: Vec<&Value> = context
                .iter()
                .flatten()
                .filter_map(|e| match e.kind() {
                    ValidationErrorKind::Constant { expected_value } => Some(&**expected_value),
                    _ => None,
                })
                .collect();
            if constants.len() == context.len() {
                return vec![(pointer, Kind::NotAmong(constants, error.instance()))];
            }
            let best = context.iter().min_by_key(|branch| branch.len());
            best.into_iter().flatten().flat_map(innermost).collect()
        }
        kind => vec![(pointer, Kind::Plain(kind, error))],
    }
}

enum Kind<'e> {
    Plain(&'e ValidationErrorKind, &'e ValidationError<'e>),
    NotAmong(Vec<&'e Value>, &'e Value),
}

fn describe(pointer: &str, kind: Kind<'_>, located: &Located<'_>) -> Vec<Diagnostic> {
    let not_among = |options: Vec<&Value>, instance: &Value| {
        let words: Vec<String> =
            options.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect();
        let near = instance.as_str().and_then(|word| near_miss(word, words.iter().map(String::as_str)));
        let message = format!("{instance} is not one of: {}", words.join(", "));
        vec![located.at(pointer, message, near.map(|n| format!("did you mean `{n}`?")))]
    };
    match kind {
        Kind::NotAmong(options, instance) => not_among(options, instance),
        Kind::Plain(ValidationErrorKind::Enum { options }, error) => {
            not_among(options.as_array().into_iter().flatten().collect(), error.instance())
        }
        Kind::Plain(ValidationErrorKind::AdditionalProperties { unexpected }, error) => {
            let known = known_members(error);
            unexpected
                .iter()
                .map(|name| {
                    let near = near_miss(name, known.iter().map(String::as_str));
                    let help = near
                        .map(|n| format!("did you mean `{n}`?"))
                        .or_else(|| (!known.is_empty()).then(|| format!("known here: {}", known.join(", "))));
                    let at = format!("{pointer}/{}", super::locate::escape(name));
                    located.at_name(&at, format!("unknown member `{name}`"), help)
                })
                .collect()
        }
        Kind::Plain(ValidationErrorKind::Required { property }, _) => {
            let name = property.as_str().unwrap_or_default();
            vec![located.at_name(pointer, format!("the member `{name}` is missing here"), None)]
        }
        Kind::Plain(ValidationErrorKind::Type { kind }, error) => {
            let expected = match kind {
                TypeKind::Single(one) => one.to_string(),
                TypeKind::Multiple(set) => set.iter().map(|t| t.to_string()).collect::<Vec<_>>().join(" or "),
            };
            let article = if expected.starts_with(['a', 'i', 'o']) { "an" } else { "a" };
            let found = error.instance();
            let shown =
                if found.is_object() || found.is_array() { "something else".to_owned() } else { found.to_string() };
            vec![located.at(pointer, format!("expected {article} {expected}, found {shown}"), None)]
        }
        Kind::Plain(_, error) => vec![located.at(pointer, error.to_string(), None)],
    }
}

/// The members that the schema knows where `error` says that one is unknown.
fn known_members(error: &ValidationError<'_>) -> Vec<String> {
    static SCHEMA: LazyLock<Value> = LazyLock::new(strict_schema);
    // "/properties/scenarios/items/$ref/…/additionalProperties": follow references down to the object's schema.
    let mut node = &*SCHEMA;
    for segment in error.evaluation_path().as_str().split('/').skip(1) {
        node = match segment {
            "additionalProperties" => break,
            "$ref" => {
                let Some(pointer) = node.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix('#')) else {
                    return Vec::new();
                };
                match SCHEMA.pointer(pointer) {
                    Some(target) => target,
                    None => return Vec::new(),
                }
            }
            segment => match node.get(segment).or_else(|| node.get(segment.parse::<usize>().ok()?)) {
                Some(next) => next,
                None => return Vec::new(),
            },
        };
    }
    node.get("properties").and_then(Value::as_object).into_iter().flat_map(|p| p.keys().cloned()).collect()
}

fn type_file(file: &Value, expanded: &[ExpandedScenario], located: &Located<'_>) -> Result<Typed, Diagnostic> {
    let filled = with_scenarios(file, expanded);
    let file = serde_path_to_error::deserialize(&filled).map_err(|error| {
        let path: String = error
            .path()
            .iter()
            .filter_map(|segment| match segment {
                serde_path_to_error::Segment::Seq { index } => Some(format!("/{index}")),
                serde_path_to_error::Segment::Map { key } => Some(format!("/{}", super::locate::escape(key))),
                _ => None,
            })
            .collect();
        let pointer = original_pointer(&path, expanded);
        located.at(&pointer, error.inner().to_string(), None)
    })?;
    let origin = |e: &ExpandedScenario| Origin { scenario: e.index, rows: e.rows.clone(), steps: e.steps.clone() };
    let origins = expanded.iter().map(origin).collect();
    Ok(Typed { file, origins })
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
    use crate::suite::source::{Fixtures, embedded};

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
        let cited: BTreeSet<&String> = suites.iter().flat_map(|s| &s.cases).flat_map(|case| &case.rules).collect();
        let idle: Vec<&str> =
            rules.iter().map(|r| r.id.as_str()).filter(|id| !cited.contains(&(*id).to_owned())).collect();
        // What only a profile asks for besides.
        assert_eq!(idle, ["answers-as-aws"]);
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
            let text = format!("{}{}", &whole[..start], &whole[start + length..]);
            if let Err(mistakes) = loaded(&text) {
                prop_assert!(!mistakes.diagnostics.is_empty());
                prop_assert!(!mistakes.to_string().is_empty());
            }
        }
    }
}
