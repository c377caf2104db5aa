//! JUnit XML: a test suite per suite file, a test case per case.
//!
//! The `junit-report` crate writes the document; what it has no words for (properties, the number of skipped cases,
//! the host's name) is added to its output.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use junit_report::{Duration as JunitDuration, Report, TestCase, TestCaseBuilder, TestSuite};
use quick_xml::events::{BytesEnd, BytesStart, Event};
use quick_xml::{Reader, Writer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::limits::{EMBEDDED, limits};
use super::text::xml::{attribute, cdata};
use super::{describe, one_line};
use crate::bounded;
use crate::record::{CaseRecord, RunRecord, SuiteRecord};
use crate::verdict::{SseCSupport, Verdict};

/// The report cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the JUnit report: {0}")]
pub struct JunitError(String);

/// The run as a JUnit document (the dialect of Jenkins' xUnit plugin, `junit-10.xsd`).
///
/// # Errors
/// [`JunitError`] where the XML cannot be written.
pub fn junit(run: &RunRecord) -> Result<Vec<u8>, JunitError> {
    let failed = |error: &dyn std::fmt::Display| JunitError(error.to_string());
    let started = OffsetDateTime::parse(&run.started, &Rfc3339).map_err(|e| failed(&e))?;
    let mut report = Report::new();
    let mut details = Vec::new();
    for suite in suites(run) {
        let cases = || run.cases.iter().filter(|case| case.suite == suite.id);
        // Not by its builder, which would give a copy of all of them.
        let mut written = TestSuite::new(&attribute(&suite.id));
        written.set_timestamp(started);
        written.add_testcases(cases().map(|case| test_case(case, run)));
        if let Some(told) = told_of(run) {
            written.set_system_out(&cdata(&told));
        }
        report.add_testsuite(written);
        let skips = |case: &&CaseRecord| is_skipped(case.verdict, run.is_off_strict_baseline(case));
        details.push(SuiteDetails { skipped: cases().filter(skips).count(), properties: properties(run, &suite) });
    }
    // Grown piece by piece each would take twice as much memory for a while.
    let mut written = Vec::with_capacity(run.cases.len() * BYTES_OF_A_CASE);
    report.write_xml(&mut written).map_err(|e| failed(&e))?;
    drop(report);
    completed(&written, &details).map_err(|e| failed(&e))
}

/// About as many bytes are written of a case that passed.
const BYTES_OF_A_CASE: usize = 128;

/// The suites by their ids, each once. A case whose suite the record does not list has one with its id alone.
fn suites(run: &RunRecord) -> Vec<Cow<'_, SuiteRecord>> {
    let mut suites: Vec<Cow<'_, SuiteRecord>> = Vec::new();
    let mut known = BTreeSet::new();
    suites.extend(run.suites.iter().filter(|suite| known.insert(suite.id.as_str())).map(Cow::Borrowed));
    for case in run.cases.iter().filter(|case| known.insert(case.suite.as_str())) {
        let (title, file, digest) = ("not listed".to_owned(), "not listed".to_owned(), "not listed".to_owned());
        suites.push(Cow::Owned(SuiteRecord { id: case.suite.clone(), title, file, digest }));
    }
    suites
}

/// What readers of a suite are told besides its cases: that a run is limited, and that it tested no product.
fn told_of(run: &RunRecord) -> Option<String> {
    let limits =
        limits(run).into_iter().map(|limit| format!("limited, this run certifies nothing: {}", one_line(&limit)));
    let told: Vec<String> = limits.chain(run.embedded.then(|| EMBEDDED.to_owned())).collect();
    (!told.is_empty()).then(|| told.join("\n"))
}

struct SuiteDetails {
    skipped: usize,
    properties: Vec<(&'static str, String)>,
}

fn is_skipped(verdict: Verdict, off_baseline: bool) -> bool {
    matches!(verdict, Verdict::Skipped | Verdict::NotSupported | Verdict::ExpectedFailure | Verdict::Observed)
        && !off_baseline
}

fn test_case(case: &CaseRecord, run: &RunRecord) -> TestCase {
    // What is not as a strict baseline has it fails the run whatever its level.
    let off_baseline = run.is_off_strict_baseline(case);
    let verdict = case.verdict;
    let time = JunitDuration::seconds_f64(case.seconds);
    let (id, reason) = (attribute(&case.id), attribute(&case.reason));
    let mut builder = match verdict {
        Verdict::Pass => TestCaseBuilder::success(&id, time),
        // A broken rule that is no requirement is told, and does not turn the build red.
        Verdict::Fail | Verdict::Inconsistent if !case.is_required() && !off_baseline => {
            let message = format!("{} rule not followed: {reason}", case.level_judged().as_str());
            let mut builder = TestCaseBuilder::success(&id, time);
            builder.set_system_out(&cdata(&format!("{message}\n{}", describe(case, run))));
            builder
        }
        verdict if is_skipped(verdict, off_baseline) => {
            TestCaseBuilder::skipped_with_cause(&id, verdict.as_str(), &reason)
        }
        Verdict::Fail
        | Verdict::Inconsistent
        | Verdict::UnexpectedPass
        | Verdict::Skipped
        | Verdict::NotSupported
        | Verdict::Observed
        | Verdict::ExpectedFailure => TestCaseBuilder::failure(&id, time, verdict.as_str(), &message(case)),
        Verdict::Inconclusive | Verdict::Blocked | Verdict::Error => {
            TestCaseBuilder::error(&id, time, verdict.as_str(), &message(case))
        }
    };
    builder.set_classname(&attribute(&format!("ssecheck.{}", case.suite)));
    if verdict != Verdict::Pass && !is_skipped(verdict, off_baseline) {
        builder.set_trace(&cdata(&describe(case, run)));
    }
    builder.build()
}

/// The rules that a case accuses, what was expected and what came; where nothing was compared, the reason. A case without a verdict
/// accuses no rule: it has the reason, and the case that explains it.
fn message(case: &CaseRecord) -> String {
    let finding = case.findings.first().map(|found| &found.finding);
    let first = finding.and_then(|finding| Some((finding, finding.mismatches.first()?)));
    let text = match (&case.explained_by, first) {
        (Some(by), _) => format!("{}; explained by {}", case.reason, by.case),
        (None, Some((_, first))) if case.found == Verdict::Error => {
            format!("{}: {}: expected {}, got {}", case.reason, first.subject, first.expected, first.actual)
        }
        (None, Some((finding, first))) if !case.is_dependent() => {
            let rules = if finding.rules.is_empty() { "no rule".to_owned() } else { finding.rules.join(", ") };
            format!("{rules}: {}: expected {}, got {}", first.subject, first.expected, first.actual)
        }
        _ => case.reason.clone(),
    };
    attribute(&text)
}

fn properties(run: &RunRecord, suite: &SuiteRecord) -> Vec<(&'static str, String)> {
    let limits = limits(run);
    vec![
        ("ssecheck.version", run.ssecheck.clone()),
        ("endpoint", run.endpoint.clone()),
        ("plain-endpoint", run.plain_endpoint.clone()),
        ("server", run.server.clone().unwrap_or_else(|| "not told".to_owned())),
        ("support", run.support.map_or("not told", SseCSupport::sentence).to_owned()),
        ("label", run.label.clone().unwrap_or_else(|| "none".to_owned())),
        ("limits", if limits.is_empty() { "none".to_owned() } else { limits.join("; ") }),
        ("embedded", if run.embedded { EMBEDDED } else { "no" }.to_owned()),
        ("profile", run.profile.id.clone()),
        ("baseline", run.baseline.as_ref().map_or_else(|| "none".to_owned(), |baseline| baseline.file.clone())),
        ("bucket", run.bucket.clone()),
        ("run-id", run.run.clone()),
        ("started", run.started.clone()),
        ("suite-file", suite.file.clone()),
        ("suite-digest", format!("sha256:{}", suite.digest)),
        ("all-suites-digest", format!("sha256:{}", run.suites_digest)),
        ("throttled", run.throttling.answers.to_string()),
        ("sent-again", run.throttling.sent_again.to_string()),
        ("left-behind", run.left_behind.len().to_string()),
    ]
}

/// The document with what the crate leaves out.
fn completed(document: &[u8], details: &[SuiteDetails]) -> Result<Vec<u8>, quick_xml::Error> {
    let host = host_name();
    let mut reader = Reader::from_reader(document);
    let mut writer = Writer::new_with_indent(Vec::with_capacity(document.len() * 5 / 4), b' ', 1);
    let mut details = details.iter();
    loop {
        match reader.read_event()? {
            Event::Eof => return Ok(writer.into_inner()),
            Event::Start(start) if start.name().as_ref() == b"testsuite" => {
                let Some(suite) = details.next() else { continue };
                writer.write_event(Event::Start(suite_element(&start, suite.skipped, &host)))?;
                write_properties(&mut writer, &suite.properties)?;
            }
            // A suite without cases.
            Event::Empty(empty) if empty.name().as_ref() == b"testsuite" => {
                let Some(suite) = details.next() else { continue };
                writer.write_event(Event::Start(suite_element(&empty, suite.skipped, &host)))?;
                write_properties(&mut writer, &suite.properties)?;
                writer.write_event(Event::End(BytesEnd::new("testsuite")))?;
            }
            Event::Start(start) if start.name().as_ref() == b"testcase" => {
                writer.write_event(Event::Start(with_rounded_time(&start)))?;
            }
            Event::Empty(empty) if empty.name().as_ref() == b"testcase" => {
                writer.write_event(Event::Empty(with_rounded_time(&empty)))?;
            }
            event => writer.write_event(event)?,
        }
    }
}

fn write_properties(
    writer: &mut Writer<Vec<u8>>,
    properties: &[(&'static str, String)],
) -> Result<(), quick_xml::Error> {
    writer.create_element("properties").write_inner_content(|writer| {
        for (name, value) in properties {
            let value = attribute(value);
            let attributes = [("name", *name), ("value", value.as_str())];
            writer.create_element("property").with_attributes(attributes).write_empty()?;
        }
        Ok(())
    })?;
    Ok(())
}

/// The element with its time in milliseconds: the crate writes a floating-point number in full (8.681000000000001),
/// and the schema takes no more than three decimals.
fn with_rounded_time(start: &BytesStart<'_>) -> BytesStart<'static> {
    let mut element = BytesStart::new(String::from_utf8_lossy(start.name().as_ref()).into_owned());
    for attribute in start.attributes().flatten() {
        let number = std::str::from_utf8(&attribute.value).ok().and_then(|value| value.parse::<f64>().ok());
        match (attribute.key.as_ref(), number) {
            (b"time", Some(seconds)) => element.push_attribute(("time", format!("{seconds:.3}").as_str())),
            _ => element.push_attribute(attribute),
        }
    }
    element.into_owned()
}

fn suite_element(start: &BytesStart<'_>, skipped: usize, host: &str) -> BytesStart<'static> {
    let start = with_rounded_time(start);
    let mut element = BytesStart::new("testsuite");
    for attribute in start.attributes().flatten().filter(|attribute| attribute.key.as_ref() != b"hostname") {
        element.push_attribute(attribute);
    }
    element.push_attribute(("hostname", host));
    element.push_attribute(("skipped", skipped.to_string().as_str()));
    element.into_owned()
}

/// The longest name of a machine that is read, in bytes.
const MAX_HOST_NAME: u64 = 1024;

/// The name of this machine, as its system tells.
fn host_name() -> String {
    let told = bounded::read_text(Path::new("/proc/sys/kernel/hostname"), MAX_HOST_NAME).ok();
    let told = told.or_else(|| std::env::var("HOSTNAME").ok());
    let name = told.map(|name| attribute(name.trim())).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| "localhost".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::samples::{case, run};

    /// Of no case and no suite nothing is lost.
    #[test]
    fn cases_of_suites_that_are_not_listed_or_listed_twice_are_there_once() {
        let suite = |id: &str| SuiteRecord {
            id: id.to_owned(),
            title: id.to_owned(),
            file: id.to_owned(),
            digest: id.to_owned(),
        };
        let cases = vec![case("s/a", Verdict::Fail, "r"), case("gone/b", Verdict::Fail, "r")];
        let run = RunRecord { suites: vec![suite("empty"), suite("s"), suite("s")], ..run(cases) };
        let document = String::from_utf8(junit(&run).expect("it can be written")).expect("it is UTF-8");
        for (told, count) in
            [("<testcase name=", 2), ("<failure ", 2), ("<testsuite ", 3), ("</testsuite>", 3), ("<properties>", 3)]
        {
            assert_eq!(document.matches(told).count(), count, "{told}: {document}");
        }
        assert!(document.contains("<property name=\"suite-file\" value=\"empty\"/>"), "{document}");
    }

    #[rstest::rstest]
    #[case("8.681000000000001", "8.681")]
    #[case("0", "0.000")]
    #[case("0.0004", "0.000")]
    #[case("12345.5", "12345.500")]
    fn times_have_three_decimals(#[case] written: &str, #[case] rounded: &str) {
        let document = format!(
            r#"<testsuites><testsuite name="s" time="{written}"><testcase name="a" time="{written}"/><testcase name="b &amp; &quot;c" time="{written}"><failure/></testcase></testsuite></testsuites>"#
        );
        let details = [SuiteDetails { skipped: 0, properties: Vec::new() }];
        let completed = completed(document.as_bytes(), &details).expect("it is XML");
        let completed = String::from_utf8(completed).expect("it is UTF-8");
        assert_eq!(completed.matches(&format!("time=\"{rounded}\"")).count(), 3, "{completed}");
        assert!(completed.contains(r#"name="b &amp; &quot;c""#), "{completed}");
    }
}
