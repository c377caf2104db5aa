//! What stands in the page, whatever the record holds.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_xml::Reader;
use quick_xml::events::Event;
use sha2::{Digest as _, Sha256};

use super::cut::Cut;
use super::matrix::{Cell, Matrix, families};
use super::{SCRIPT, STYLE, html};
use crate::evidence::Reply;
use crate::record::samples::{case, exchange, run};
use crate::record::{CaseRecord, RunRecord, rule_counts};
use crate::rules::{Catalogue, Family, Grade, Rule};
use crate::suite::model::Operation;
use crate::verdict::Verdict;

fn page(run: &RunRecord) -> String {
    String::from_utf8(html(run).expect("it can be rendered")).expect("it is UTF-8")
}

fn rule(id: &str, family: &str) -> Rule {
    let text = |name: &str| format!("{name} of {id}");
    Rule {
        harm: crate::rules::Harm::Disclosure,
        id: id.to_owned(),
        family: family.to_owned(),
        title: text("title"),
        text: text("text"),
        source: text("source"),
        grade: Grade::Recorded,
        url: None,
        fix: text("fix"),
        untested: BTreeMap::new(),
    }
}

fn family(id: &str) -> Family {
    Family { id: id.to_owned(), title: format!("title of {id}"), about: "about".to_owned() }
}

/// A case that accuses the rule where it fails, with what was sent and what came back.
fn with_exchange(id: &str, verdict: Verdict, rule: &str, operations: &[Operation]) -> CaseRecord {
    let mut case = case(id, verdict, rule);
    case.rules = [rule.to_owned()].into();
    case.operations = operations.to_vec();
    for found in &mut case.findings {
        found.exchange = Some(exchange("PUT", "https://localhost:9000/b/o"));
    }
    case
}

fn sample() -> RunRecord {
    let of = |id: &str, verdict, rule: &str, operations: &[Operation]| with_exchange(id, verdict, rule, operations);
    let mut run = run(vec![
        of("s/passes", Verdict::Pass, "one", &[Operation::PutObject, Operation::GetObject]),
        of("s/fails", Verdict::Fail, "one", &[Operation::GetObject]),
        of("s/blocked", Verdict::Blocked, "two", &[Operation::GetObject]),
        of("s/other", Verdict::Fail, "answers-as-mine", &[]),
        of("s/known", Verdict::ExpectedFailure, "three", &[Operation::HeadObject]),
    ]);
    // As reports are: a pass has no findings, and a case may accuse a rule that it does not cite.
    run.cases[0].findings.clear();
    run.cases[3].rules = ["two".to_owned()].into();
    run.cases[4].found = Verdict::Fail;
    run.families = vec![family("f"), family("g")];
    run.rules = vec![rule("one", "f"), rule("two", "f"), rule("three", "g")];
    run
}

/// The texts between two marks.
fn between<'t>(text: &'t str, start: &str, end: &str) -> Vec<&'t str> {
    text.split(start).skip(1).filter_map(|rest| rest.split_once(end)).map(|(text, _)| text).collect()
}

#[test]
fn all_cases_stand_in_it_those_first_that_somebody_has_to_look_at() {
    let page = page(&sample());
    assert_eq!(
        between(&page, "data-id=\"", "\""),
        ["s&#x2f;fails", "s&#x2f;other", "s&#x2f;blocked", "s&#x2f;known", "s&#x2f;passes"]
    );
    assert_eq!(page.matches("<details class=\"case problem\"").count(), 3);
    for told in [
        "text of one",
        "fix of one",
        "source of one",
        "because",
        "4xx",
        "curl -sSi",
        "https:&#x2f;&#x2f;localhost:9000",
    ] {
        assert!(page.contains(told), "{told}");
    }
}

#[test]
fn the_policy_lets_exactly_the_script_and_the_style_run_that_stand_in_it() {
    let page = page(&sample());
    let policy = between(&page, "http-equiv=\"Content-Security-Policy\" content=\"", "\"");
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    let (scripts, styles) = (between(&page, "<script>", "</script>"), between(&page, "<style>", "</style>"));
    assert_eq!((scripts.as_slice(), styles.as_slice()), ([SCRIPT].as_slice(), [STYLE].as_slice()));
    let expected = format!(
        "default-src 'none'; script-src {}; style-src {}; base-uri 'none'; form-action 'none'",
        hash(scripts[0]),
        hash(styles[0])
    );
    assert_eq!(policy, [expected.as_str()]);
    // Whatever else would need the network, or be style that no hash covers.
    let markup = page.replace(SCRIPT, "").replace(STYLE, "");
    for forbidden in ["<link", "<img", "src=", "style=", "@import", "url(", " onclick"] {
        assert!(!markup.contains(forbidden), "{forbidden}");
    }
    assert!(!SCRIPT.contains("</script") && !STYLE.contains("</style"));
}

#[test]
fn cells_count_the_cases_of_a_rule_and_an_operation() {
    let run = sample();
    let mut cut = Cut::default();
    let matrix = Matrix::of(&run, &families(&run, &mut cut), &mut cut);
    assert_eq!(matrix.operations, ["PutObject", "GetObject", "HeadObject"]);
    let cell = |cell: &Option<Cell>| match cell {
        Some(Cell { state, cases, broken: Some(broken), .. }) => format!("{state} {broken}/{cases}"),
        Some(Cell { state, cases, .. }) => format!("{state} {cases}"),
        None => "-".to_owned(),
    };
    let row = |id: &str, total: &Option<Cell>, cells: &[Option<Cell>]| {
        let cells: Vec<String> = cells.iter().map(cell).collect();
        format!("{id}: {} | {}", cell(total), cells.join(" | "))
    };
    let mut told = Vec::new();
    for family in &matrix.families {
        told.push(row(&family.id, &family.total, &family.cells));
        told.extend(family.rules.iter().map(|rule| row(&rule.id, &rule.total, &rule.cells)));
    }
    assert_eq!(
        told,
        [
            "f: broken 1/4 | kept 1 | broken 1/3 | -",
            "one: broken 1/2 | kept 1 | broken 1/2 | -",
            "two: open 2 | - | open 1 | -",
            "g: broken 1/1 | - | - | broken 1/1",
            "three: broken 1/1 | - | - | broken 1/1",
            "other: broken 1/1 | - | - | -",
            "answers-as-mine: broken 1/1 | - | - | -",
        ]
    );
    assert_eq!(matrix.families[0].told, "1 broken, 1 not judged");
    assert!(matrix.families[0].is_broken && cut.told().is_empty());
}

#[test]
fn rules_come_out_as_they_do_elsewhere() {
    let run = sample();
    let mut cut = Cut::default();
    let matrix = Matrix::of(&run, &families(&run, &mut cut), &mut cut);
    let rows = matrix.families.iter().flat_map(|family| &family.rules);
    let shown: BTreeMap<&str, (usize, usize)> = rows
        .filter_map(|row| Some((row.id.as_str(), row.total.as_ref()?)))
        .map(|(id, total)| (id, (total.cases, total.broken.unwrap_or_default())))
        .collect();
    let counted = rule_counts(&run);
    let counted: BTreeMap<&str, (usize, usize)> =
        counted.iter().map(|(id, it)| (*id, (it.passed + it.accusing + it.others, it.accusing))).collect();
    assert_eq!(shown, counted);
}

const HOSTILE: &str = "</details></pre><script>alert(1)</script><img src=x onerror=\"alert(2)\">'\"&amp;\u{202e}\u{1b}[31m\u{0}{{ 7*7 }}{% x %}]]>";

/// A record in which everything that is text is hostile.
fn hostile() -> RunRecord {
    let mut sample = sample();
    for case in &mut sample.cases {
        case.key_md5.insert("K".to_owned(), "x".to_owned());
        for found in &mut case.findings {
            let exchange = found.exchange.as_mut().expect("it has one");
            exchange.sent.headers.push(("name".to_owned(), "value".to_owned()));
            exchange.sent.fields.push(("name".to_owned(), "value".to_owned()));
            exchange.sent.remarks.push("remark".to_owned());
            exchange.sent.body_text = Some("body".to_owned());
            if let Reply::Answer(answer) = &mut exchange.reply {
                answer.headers.push(("name".to_owned(), "value".to_owned()));
                answer.leaked_keys.push("K".to_owned());
                answer.body.text = Some("body".to_owned());
                answer.body.cut_short = Some("why".to_owned());
                answer.body.discloses.push("data".to_owned());
            }
            found.before = vec![exchange.clone()];
        }
    }
    sample.label = Some("label".to_owned());
    sample.server = Some("server".to_owned());
    sample.limits = vec!["limit".to_owned()];
    sample.left_behind = vec!["object".to_owned()];
    let words: BTreeSet<&str> = [
        "ssecheck-run/2",
        "plain",
        "must",
        "core",
        "tls",
        "recorded",
        "disclosure",
        "PutObject",
        "GetObject",
        "HeadObject",
        "pass",
        "fail",
        "blocked",
        "expected_failure",
        "1970-01-01T00:00:00Z",
        "2026-11-25T00:00:00Z",
        "2026-11-25T00:00:01Z",
    ]
    .into();
    let mut value = serde_json::to_value(&sample).expect("it is JSON");
    fn spoil(value: &mut serde_json::Value, words: &BTreeSet<&str>) {
        match value {
            serde_json::Value::String(text) if !words.contains(text.as_str()) => text.push_str(HOSTILE),
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| spoil(item, words)),
            serde_json::Value::Object(members) => members.values_mut().for_each(|member| spoil(member, words)),
            _ => {}
        }
    }
    spoil(&mut value, &words);
    serde_json::from_value(value).expect("it is still a record")
}

#[test]
fn nothing_that_an_endpoint_sends_becomes_markup() {
    let run = hostile();
    let page = page(&run);
    let tame = self::page(&sample());
    let markup = page.replace(SCRIPT, "").replace(STYLE, "");
    for odd in ["\u{202e}", "\u{1b}", "\u{0}", "<img", "onerror=\"", "<script>alert"] {
        assert!(!markup.contains(odd), "{odd:?}");
    }
    assert!(page.contains("\\u{202e}") && page.contains("&lt;script&gt;alert(1)") && page.contains("{{ 7*7 }}"));
    // There are as many elements as without.
    assert_eq!(page.matches("<script>").count(), 1);
    assert_eq!(page.matches("<details class=\"case").count(), tame.matches("<details class=\"case").count());
    well_formed(&page);
    well_formed(&tame);
}

/// Every element is closed where it should be; values of attributes are quoted.
fn well_formed(page: &str) {
    const VOID: [&str; 3] = ["meta", "input", "!doctype"];
    let page =
        page.replace(SCRIPT, "").replace(STYLE, "").replace("<!doctype html>", "").replace(" hidden", " hidden=\"\"");
    let mut open: Vec<String> = Vec::new();
    let mut reader = Reader::from_str(&page);
    reader.config_mut().check_end_names = false;
    loop {
        match reader.read_event().expect("tags are written well") {
            Event::Eof => break,
            Event::Start(tag) => {
                for attribute in tag.attributes() {
                    attribute.unwrap_or_else(|error| panic!("{error}: {tag:?}"));
                }
                let name = String::from_utf8_lossy(tag.name().as_ref()).into_owned();
                if !VOID.contains(&name.as_str()) {
                    open.push(name);
                }
            }
            Event::End(tag) => assert_eq!(open.pop().as_deref().map(str::as_bytes), Some(tag.name().as_ref())),
            _ => {}
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn only_addresses_of_the_web_are_links() {
    let mut run = sample();
    let urls = ["javascript:alert(1)", "https://example.com/a?b=\"c", "data:text/html,x"];
    for (rule, url) in run.rules.iter_mut().zip(urls) {
        rule.url = Some(url.to_owned());
    }
    let page = page(&run);
    let links: BTreeSet<&str> =
        between(&page, "<a href=\"", "\"").into_iter().filter(|link| !link.starts_with('#')).collect();
    assert_eq!(links, BTreeSet::from(["https:&#x2f;&#x2f;example.com&#x2f;a?b=%22c"]));
    assert_eq!(page.matches("rel=\"noopener noreferrer\"").count(), page.matches("example.com").count() / 2);
    assert!(!page.contains("href=\"javascript") && !page.contains("href=\"data"));
}

#[test]
fn the_page_stays_small_whatever_the_record_holds() {
    let mut run = sample();
    let long = "x".repeat(3000);
    let mut big = with_exchange("s/big", Verdict::Fail, "one", &[]);
    let exchange = big.findings[0].exchange.as_mut().expect("it has one");
    exchange.sent.headers = vec![(long.clone(), long.clone()); 80];
    exchange.sent.body_text = Some(long.clone());
    (big.title, big.why, big.reason) = (long.as_str().into(), long.as_str().into(), long.clone());
    big.findings[0].before = vec![exchange.clone(); 9];
    big.findings = vec![big.findings[0].clone(); 9];
    run.cases = vec![big; 2];
    run.rules = (0..450).map(|n| rule(&format!("rule-{n}-{long}"), "f")).collect();
    run.limits = vec![long; 100];
    let page = page(&run);
    assert!(page.len() < 10 * 1024 * 1024, "{}", page.len());
    for told in ["cases are shown without", "lines, findings or exchanges are left out", "texts are cut"] {
        assert!(page.contains(told), "{told}");
    }
    let tame = self::page(&sample());
    assert!(!tame.contains("class=\"note cut\""));
}

#[test]
fn cases_beyond_all_bounds_are_left_out_and_told() {
    let mut many = sample();
    many.cases = (0..12_000).map(|n| case(&format!("s/{n}"), Verdict::Pass, "")).collect();
    let page = page(&many);
    assert!(page.len() < 10 * 1024 * 1024, "{}", page.len());
    let shown = page.matches("<details class=\"case").count();
    assert!(page.contains(&format!("{} cases are left out of the list", 12_000 - shown)), "{shown}");
    assert!(page.contains(&format!("{shown} of 12000 cases")));
}

#[test]
fn a_run_of_nothing_has_a_page() {
    let page = page(&run(Vec::new()));
    assert!(page.contains("not testable") && page.contains("0 of 0 cases"));
    well_formed(&page);
}

#[test]
fn an_empty_line_stands_between_headers_and_body() {
    let mut run = sample();
    let exchange = run.cases[1].findings[0].exchange.as_mut().expect("it has one");
    exchange.sent.headers = vec![("a".to_owned(), "1".to_owned())];
    exchange.sent.fields = vec![("f".to_owned(), "2".to_owned())];
    exchange.sent.body_text = Some("sent".to_owned());
    if let Reply::Answer(answer) = &mut exchange.reply {
        answer.headers = vec![("b".to_owned(), "3".to_owned())];
        answer.body.text = Some("came".to_owned());
    }
    let page = page(&run);
    assert!(page.contains("\n<b>a:</b> 1\n\n<b>f:</b> 2\n\nsent</pre>"));
    assert!(page.contains("HTTP&#x2f;1.1 200</b>\n<b>b:</b> 3\n\ncame</pre>"));
}

#[test]
fn what_differs_in_a_finding_is_marked() {
    let mut run = sample();
    let mismatch = &mut run.cases[1].findings[0].finding.mismatches[0];
    (mismatch.expected, mismatch.actual) = ("code A".to_owned(), "code B".to_owned());
    assert!(page(&run).contains("code <mark>A</mark></td><td class=\"actual\">code <mark>B</mark>"));
}

#[test]
fn every_rule_of_the_catalogue_can_be_shown() {
    let catalogue = Catalogue::embedded().expect("it is well formed");
    let mut run = sample();
    run.families = catalogue.families().to_vec();
    run.rules = catalogue.iter().cloned().collect();
    let page = page(&run);
    assert_eq!(page.matches("<section class=\"rule\" id=\"rule=").count(), run.rules.len());
    assert!(!page.contains("class=\"note cut\""));
}
