//! Why a case has no verdict: the step that did not come out, and the failing case that shows the same by itself.

use std::collections::BTreeMap;

use super::{CaseRecord, ExplainedBy, FindingRecord, RunRecord};
use crate::evidence::Sent;
use crate::suite::model::{BucketKind, Scheme};
use crate::verdict::{Mismatch, Verdict};

impl CaseRecord {
    /// Whether it has no verdict because something else is not as it must be: it is blocked or inconclusive.
    #[must_use]
    pub fn is_dependent(&self) -> bool {
        matches!(self.found, Verdict::Blocked | Verdict::Inconclusive)
    }

    /// Of a blocked or inconclusive case the finding on the step that did not come out: of the latter, on the control.
    #[must_use]
    pub fn deciding_finding(&self) -> Option<&FindingRecord> {
        let of_control = self.findings.iter().find(|found| found.finding.control);
        match self.found {
            Verdict::Blocked => self.findings.first(),
            Verdict::Inconclusive => of_control.or_else(|| self.findings.last()),
            _ => None,
        }
    }

    /// Ids of the rules whose text and advice a report shows with the case. A case without a verdict accuses no rule: of a blocked or
    /// inconclusive case they are those of the failing case that explains it, if any does.
    #[must_use]
    pub fn rules_advised(&self) -> &[String] {
        match self.found {
            Verdict::Blocked | Verdict::Inconclusive => self.explained_by.as_ref().map_or(&[], |by| &by.rules),
            Verdict::Error | Verdict::NotSupported => &[],
            _ => self.rules_judged(),
        }
    }

    /// The reason of a blocked or inconclusive case: the step, what was sent, what was expected and what came back.
    pub(super) fn reason_of_dependence(&self) -> Option<String> {
        let found = self.deciding_finding()?;
        let step = &found.finding.step;
        let operation = found.exchange.as_ref().map(|exchange| exchange.sent.operation.as_str());
        let operation = operation.filter(|operation| !operation.is_empty());
        let sent = operation.map(|operation| format!(" ({operation})")).unwrap_or_default();
        let Mismatch { subject, expected, actual } = found.finding.mismatches.first()?;
        let came = format!("{subject}: expected {expected}, got {actual}");
        Some(match self.found {
            Verdict::Blocked => format!("step `{step}`{sent}, which it needs, did not come out: {came}"),
            _ if found.finding.control => format!(
                "the positive control of step `{step}` (the same request, put right{}) did not succeed either: {came}",
                operation.map(|operation| format!(": {operation}")).unwrap_or_default()
            ),
            _ => return None,
        })
    }
}

impl RunRecord {
    /// Names for each blocked or inconclusive case the failing case that explains it: one that fails with the same response to the
    /// same kind of request.
    pub(super) fn explain(&mut self) {
        let mut failing: BTreeMap<Symptom, &CaseRecord> = BTreeMap::new();
        for case in self.cases.iter().filter(|case| case.found == Verdict::Fail) {
            for symptom in case.findings.first().into_iter().flat_map(|found| Symptom::of(found, case)) {
                // A general-purpose bucket and few steps until then show the defect most plainly.
                let scaffolding = |case: &CaseRecord| {
                    (case.bucket != BucketKind::Plain, case.findings.first().map_or(0, |found| found.before.len()))
                };
                let known = failing.entry(symptom).or_insert(case);
                if scaffolding(case) < scaffolding(known) {
                    *known = case;
                }
            }
        }
        let explain = |case: &CaseRecord| {
            let by = case.deciding_finding()?;
            let by = Symptom::of(by, case).into_iter().find_map(|symptom| failing.get(&symptom))?;
            Some(ExplainedBy { case: by.id.clone(), rules: by.accused().to_vec() })
        };
        let explained: Vec<Option<ExplainedBy>> = self.cases.iter().map(explain).collect();
        for (case, explained_by) in self.cases.iter_mut().zip(explained) {
            case.explained_by = explained_by;
        }
    }
}

/// What is compared of two findings: the kind of request, and how its response differs from what is expected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Symptom {
    operation: String,
    is_plain: bool,
    /// The headers and form fields of server-side encryption.
    encryption: Vec<(String, String)>,
    subject: String,
    actual: String,
    /// Whether a refusal was expected.
    wants_refusal: bool,
}

impl Symptom {
    /// The closest symptom first: by the form of each header, by the names of the headers, by these for reads with and without a body.
    fn of(found: &FindingRecord, case: &CaseRecord) -> Vec<Self> {
        let Some(sent) = found.exchange.as_ref().map(|exchange| &exchange.sent) else { return Vec::new() };
        let Some(Mismatch { subject, expected, actual }) = found.finding.mismatches.first() else { return Vec::new() };
        let closest = Self {
            operation: sent.operation.clone(),
            is_plain: sent.scheme == Scheme::Plain,
            encryption: encryption(sent, case),
            subject: subject.clone(),
            actual: actual.clone(),
            wants_refusal: expected.starts_with("a refusal")
                || matches!(expected.as_str(), "4xx" | "400" | "401" | "403"),
        };
        let mut by_names = closest.clone();
        by_names.encryption.iter_mut().for_each(|(_, form)| form.clear());
        let mut of_reads = by_names.clone();
        if matches!(sent.operation.as_str(), "GetObject" | "HeadObject") {
            of_reads.operation = "read".to_owned();
            // A response to HEAD has no error code.
            of_reads.actual = actual.split(' ').next().unwrap_or_default().to_owned();
        }
        vec![closest, by_names, of_reads]
    }
}

/// The headers and form fields of server-side encryption, each with the form of its value: of a customer key not its name, and of its
/// MD5 whether it is that of the key which is sent with it.
fn encryption(sent: &Sent, case: &CaseRecord) -> Vec<(String, String)> {
    let lines = sent.headers.iter().chain(&sent.fields);
    let lines = lines.map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()));
    let lines: Vec<(String, &str)> = lines.filter(|(name, _)| name.contains("server-side-encryption")).collect();
    let key_of = |name_of_md5: &str| {
        let of_key = name_of_md5.strip_suffix("-md5")?;
        let (_, value) = lines.iter().find(|(name, _)| name == of_key)?;
        Some(value.split_once(KEY)?.1.split_once(':')?.0)
    };
    let form = |name: &str, value: &str| match (value.split_once(KEY), key_of(name)) {
        (Some((before, after)), _) => format!("{before}{}", after.split_once(':').map_or("", |(_, form)| form)),
        (None, Some(key)) => match case.key_md5.get(key) {
            Some(md5) if md5 == value => "of the key".to_owned(),
            _ => format!("other text of {} bytes", value.len()),
        },
        (None, None) => value.to_owned(),
    };
    let mut forms: Vec<(String, String)> =
        lines.iter().map(|(name, value)| (name.clone(), form(name, value))).collect();
    forms.sort();
    forms
}

/// What stands before the name of a customer key in the text by which evidence replaces it.
const KEY: &str = "customer key ";

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::samples::{case, exchange, run};
    use super::*;

    const KEY: &str = "x-amz-server-side-encryption-customer-key";
    const ALGORITHM: &str = "x-amz-server-side-encryption-customer-algorithm";

    /// A case whose finding is about this request and this status.
    fn with(
        id: &str,
        verdict: Verdict,
        operation: &str,
        headers: &[(&str, &str)],
        (expected, actual): (&str, &str),
    ) -> CaseRecord {
        let mut case = case(id, verdict, id);
        let mut exchange = exchange("PUT", "https://localhost/b/o");
        exchange.sent.operation = operation.to_owned();
        exchange.sent.headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        case.findings[0].finding.mismatches = vec![Mismatch::new("status", expected, actual)];
        case.findings[0].exchange = Some(exchange);
        case
    }

    fn explained(cases: Vec<CaseRecord>) -> Option<ExplainedBy> {
        let mut run = run(cases);
        run.explain();
        run.cases.pop().unwrap().explained_by
    }

    const REFUSED: (&str, &str) = ("200", "501 NotImplemented");
    const K: (&str, &str) = (KEY, "<base64 of customer key K: 44 characters>");
    const L: (&str, &str) = (KEY, "<base64 of customer key L: 44 characters>");
    const SHORT: (&str, &str) = (KEY, "<base64 of customer key K: 22 characters>");

    #[rstest]
    #[case::same("CreateMultipartUpload", &[K], ("2xx", "501 NotImplemented"), Some("create"))]
    #[case::other_name_of_the_key("CreateMultipartUpload", &[L], REFUSED, Some("create"))]
    #[case::other_form_of_the_key("CreateMultipartUpload", &[SHORT], REFUSED, Some("create-short"))]
    #[case::form_that_no_case_has("PutObject", &[SHORT], REFUSED, Some("put"))]
    #[case::other_headers("CreateMultipartUpload", &[], REFUSED, None)]
    #[case::other_operation("CopyObject", &[K], REFUSED, None)]
    #[case::other_response("CreateMultipartUpload", &[K], ("200", "403 AccessDenied"), None)]
    #[case::a_refusal_was_expected("CreateMultipartUpload", &[K], ("a refusal: a 4xx", "501 NotImplemented"), None)]
    #[case::head_by_get("HeadObject", &[K], ("2xx", "501"), Some("get"))]
    fn a_case_that_fails_by_the_same_explains(
        #[case] operation: &str,
        #[case] headers: &[(&str, &str)],
        #[case] came: (&str, &str),
        #[case] expected: Option<&str>,
    ) {
        for verdict in [Verdict::Blocked, Verdict::Inconclusive] {
            let cases = vec![
                with("create", Verdict::Fail, "CreateMultipartUpload", &[K], REFUSED),
                with("create-short", Verdict::Fail, "CreateMultipartUpload", &[SHORT], REFUSED),
                with("put", Verdict::Fail, "PutObject", &[K], REFUSED),
                with("get", Verdict::Fail, "GetObject", &[K], REFUSED),
                with("other", Verdict::Blocked, "CopyObject", &[K], REFUSED),
                with("it", verdict, operation, headers, came),
            ];
            let explained = explained(cases);
            assert_eq!(explained.as_ref().map(|by| by.case.as_str()), expected);
            // The samples accuse a rule of the case's name.
            assert_eq!(explained.map(|by| by.rules), expected.map(|id| vec![id.to_owned()]));
        }
    }

    #[test]
    fn the_plainest_case_explains() {
        let versioned = CaseRecord {
            bucket: BucketKind::Versioned,
            ..with("versioned", Verdict::Fail, "PutObject", &[K], REFUSED)
        };
        let mut long = with("long", Verdict::Fail, "PutObject", &[K], REFUSED);
        long.findings[0].before = vec![exchange("PUT", "https://localhost/b/p")];
        let short = with("short", Verdict::Fail, "PutObject", &[K], REFUSED);
        let blocked = with("it", Verdict::Blocked, "PutObject", &[K], REFUSED);
        assert_eq!(explained(vec![versioned, long, short, blocked]).map(|by| by.case), Some("short".to_owned()));
    }

    /// That the MD5 is not that of the key distinguishes a request from one with a key of another length.
    #[rstest]
    #[case::of_the_key("bWQ1", "right")]
    #[case::of_another("b3Ro", "wrong")]
    fn the_digest_of_the_key_is_compared(#[case] md5: &str, #[case] expected: &str) {
        let of = |id: &str, verdict, md5: &str| {
            let headers = [K, ("x-amz-server-side-encryption-customer-key-MD5", md5)];
            let mut case = with(id, verdict, "PutObject", &headers, ("a refusal: a 4xx", "200"));
            case.key_md5.insert("K".to_owned(), "bWQ1".to_owned());
            case
        };
        let cases = vec![
            of("right", Verdict::Fail, "bWQ1"),
            of("wrong", Verdict::Fail, "YW55"),
            of("it", Verdict::Blocked, md5),
        ];
        assert_eq!(explained(cases).map(|by| by.case).as_deref(), Some(expected));
    }

    /// A failure that is declared is one all the same; what passes or fails is explained by itself.
    #[test]
    fn a_declared_failure_explains() {
        let declared = CaseRecord {
            verdict: Verdict::ExpectedFailure,
            ..with("declared", Verdict::Fail, "PutObject", &[(ALGORITHM, "AES256")], REFUSED)
        };
        let mut blocked = with("it", Verdict::Blocked, "PutObject", &[(ALGORITHM, "AES256")], REFUSED);
        assert_eq!(explained(vec![declared.clone(), blocked.clone()]).map(|by| by.case), Some("declared".to_owned()));
        blocked.findings[0].exchange = None;
        assert_eq!(explained(vec![declared.clone(), blocked]), None);
        assert_eq!(explained(vec![declared]), None);
    }

    #[test]
    fn the_reason_names_the_step_what_was_sent_and_what_came_back() {
        let mut case = with("it", Verdict::Blocked, "CopyObject", &[K], REFUSED);
        assert_eq!(
            case.reason_of_dependence().as_deref(),
            Some(
                "step `put` (CopyObject), which it needs, did not come out: status: expected 200, got 501 NotImplemented"
            )
        );
        case.found = Verdict::Inconclusive;
        let own = case.findings[0].clone();
        assert_eq!(case.reason_of_dependence(), None);
        case.findings[0].finding.control = true;
        case.findings.insert(0, own);
        let reason = case.reason_of_dependence().unwrap_or_default();
        assert!(reason.contains("control of step `put`") && reason.contains("put right: CopyObject"), "{reason}");
        case.found = Verdict::Fail;
        assert_eq!(case.reason_of_dependence(), None);
    }
}
