//! Whatever text stands in a record, no report of it does anything but show that text: hostile strings go through every string of a
//! record into every format, and what comes out is read as its readers read it.

use std::path::Path;
use std::sync::LazyLock;

use crate::common::{Outcome, Workplace};
use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use rstest::rstest;
use serde_json::{Map, Value, json};
use ssecheck::record::{self, RunRecord};
use ssecheck::report::{RunFormat, Terminal, curl, difference_as_text, families_as_markdown};
use ssecheck::rules::Catalogue;

const VERDICTS: [&str; 11] = [
    "pass",
    "fail",
    "inconsistent",
    "expected_failure",
    "unexpected_pass",
    "inconclusive",
    "blocked",
    "error",
    "not_supported",
    "observed",
    "skipped",
];

/// A record with a case of each verdict, and with every member that a record may have.
static RECORD: LazyLock<Value> = LazyLock::new(|| {
    let mut record: Value = serde_json::from_slice(include_bytes!("../properties/record.json")).expect("it is JSON");
    record["format"] = json!("ssecheck-run/3");
    record["rules"].as_array_mut().expect("it has rules").iter_mut().for_each(|rule| rule["harm"] = json!("loss"));
    record["rules"][0]["url"] = json!("https://example.com/");
    record["profile"]["file"] = json!("profile.json");
    record["left_behind"] = json!(["object"]);
    record["embedded"] = json!(true);
    record["shard"] =
        json!({"shard": 1, "shards": 2, "cases": 30, "plan_digest": "d", "whole_is_complete": true, "positions": []});
    let first = record["cases"][0].clone();
    let mut exchange = first["findings"][0]["exchange"].clone();
    exchange["sent"]["method"] = json!("PUT");
    exchange["sent"]["fields"] = json!([["field", "value"]]);
    exchange["sent"]["remarks"] = json!(["remark"]);
    exchange["sent"]["body_text"] = json!("body");
    exchange["reply"]["answer"]["leaked_keys"] = json!(["K"]);
    exchange["reply"]["answer"]["body"]["discloses"] = json!(["data"]);
    exchange["reply"]["answer"]["body"]["cut_short"] = json!("why");
    let replies = [
        exchange["reply"].clone(),
        json!({"closed": "why"}),
        json!({"failed": "why"}),
        json!({"not_sent": "why"}),
        json!("interrupted"),
    ];
    let cases = VERDICTS.iter().enumerate().map(|(index, verdict)| {
        let mut case = first.clone();
        case["verdict"] = json!(verdict);
        case["found"] = json!(verdict);
        case["missing"] = json!({"capability": "c", "level": "core"});
        case["key_md5"] = json!({"K": "md5"});
        case["findings"][0]["exchange"] = exchange.clone();
        case["findings"][0]["exchange"]["reply"] = replies[index % replies.len()].clone();
        case["findings"][0]["before"] = json!([exchange.clone()]);
        if *verdict == "pass" {
            case["findings"] = json!([]);
        }
        case
    });
    record["cases"] = cases.collect();
    assert!(parsed(&record).is_ok(), "{:?}", parsed(&record).err());
    record
});

/// Where the strings are that can be any text.
static FREE: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut all = Vec::new();
    strings(&RECORD, String::new(), &mut all);
    let is_free = |place: &String| {
        let mut spoilt = RECORD.clone();
        *spoilt.pointer_mut(place).expect("it is there") = json!("\u{1b}<");
        parsed(&spoilt).is_ok()
    };
    let free: Vec<String> = all.into_iter().filter(is_free).collect();
    assert!(free.len() > 400, "{}", free.len());
    free
});

fn parsed(record: &Value) -> Result<RunRecord, record::RecordError> {
    record::parse(&serde_json::to_vec(record).expect("it is JSON"), Path::new("run.json"))
}

fn strings(value: &Value, place: String, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(place),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| strings(item, format!("{place}/{at}"), found));
        }
        Value::Object(members) => {
            for (name, member) in members {
                strings(member, format!("{place}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        _ => {}
    }
}

/// The record with each of its strings replaced, or made longer, by one of the texts; so are the names of its maps.
fn spoilt(texts: &[String], choice: u64) -> Value {
    let mut record = RECORD.clone();
    for (at, place) in FREE.iter().enumerate() {
        let number = (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ choice;
        let text = &texts[(number >> 32) as usize % texts.len()];
        let Some(Value::String(old)) = record.pointer_mut(place) else { panic!("{place} is gone") };
        if number & 0x100 == 0 { old.push_str(text) } else { old.clone_from(text) }
    }
    let renamed = |map: &mut Value| {
        let old = std::mem::take(map.as_object_mut().expect("it is a map"));
        let new: Map<String, Value> = old.into_iter().map(|(name, it)| (format!("{name}{}", texts[0]), it)).collect();
        *map = Value::Object(new);
    };
    let cases = record["cases"].as_array_mut().expect("it has cases");
    cases.iter_mut().for_each(|case| renamed(&mut case["key_md5"]));
    record
}

/// Texts that mean something to some reader, and characters that do not show.
fn hostile() -> impl Strategy<Value = Vec<String>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "\n::error::forged",
            "::set-output name=a::b",
            " ::add-mask::e",
            "##[error]forged",
            "##vso[task.setvariable variable=a]b",
            "##teamcity[testFailed]",
            "<evil x=\"1\">",
            "\" evil=\"1\" '",
            "' evil='1' ",
            "</details>",
            "]]>",
            "]]><evil/>",
            "<!--",
            "&evil;",
            "{{ 7 * 7 }}{% evil %}",
            "````\n# evil\n",
            "\n~~~\n",
            "` [a](javascript:evil) ![a](b)",
            "| a |\n| b |",
            "@evil #1 https://evil.example",
            "\n  ...\nnot ok 1 - evil",
            "\nok 1 - evil # SKIP\n1..0\nBail out!",
            "%0A::error::evil",
            "\\",
            "\r\n",
            "\n\n",
            "\t",
            "'\"$(evil)",
        ])
        .prop_map(str::to_owned),
        prop::sample::select(vec![
            0x0, 0x7, 0x8, 0xb, 0x1b, 0x7f, 0x85, 0x9b, 0xad, 0x61c, 0x180e, 0x200b, 0x200e, 0x2028, 0x2029, 0x202e,
            0x2066, 0xfe0f, 0xfeff, 0xfff9, 0xfffe, 0xffff, 0xfdd0, 0x1ffff, 0xe0001, 0xe0041,
        ])
        .prop_map(|c: u32| char::from_u32(c).expect("it is one").to_string()),
        "[ -~]{0,4}",
        any::<char>().prop_map(|c| c.to_string()),
    ];
    prop::collection::vec(prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat()), 5)
}

/// Asserts that nothing in the text does anything: no character but those that show, and no command to a CI.
fn assert_is_tame(text: &str, what: &str) {
    for c in text.chars() {
        let is_odd = (c.is_control() && c != '\n' && c != '\t')
            || matches!(u32::from(c), 0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f)
            || matches!(u32::from(c), 0xfe00..=0xfe0f | 0xfeff | 0xfff9..=0xfffb | 0xfdd0..=0xfdef | 0xe0000..=0xe0fff)
            || u32::from(c) & 0xfffe == 0xfffe;
        assert!(!is_odd, "{what}: {}", c.escape_unicode());
    }
    for line in text.lines() {
        assert!(!line.trim_start().starts_with("::"), "{what}: {line}");
        let line = line.to_ascii_lowercase();
        for prefix in ["##[", "##vso[", "##teamcity["] {
            assert!(!line.contains(prefix), "{what}: {line}");
        }
    }
}

fn assert_is_not_evil(tag: &BytesStart<'_>, what: &str) {
    assert_ne!(tag.name().as_ref(), b"evil", "{what}");
    for attribute in tag.html_attributes() {
        let attribute = attribute.unwrap_or_else(|error| panic!("{what}: {error}: {tag:?}"));
        assert_ne!(attribute.key.as_ref(), b"evil", "{what}: {tag:?}");
    }
}

/// Reads a document as XML and counts its elements of a name. Of HTML the elements that have no end are no error.
fn elements(document: &str, name: &str, is_html: bool, what: &str) -> usize {
    let mut reader = Reader::from_str(document);
    reader.config_mut().check_end_names = !is_html;
    let mut count = 0;
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{what}: {error}")) {
            Event::Eof => return count,
            Event::Start(tag) | Event::Empty(tag) => {
                assert_is_not_evil(&tag, what);
                count += usize::from(tag.name().as_ref() == name.as_bytes());
            }
            Event::GeneralRef(entity) => {
                let name = entity.decode().expect("it is UTF-8");
                let is_known = name.starts_with('#') || ["lt", "gt", "amp", "quot", "apos"].contains(&&*name);
                assert!(is_known, "{what}: &{name};");
            }
            Event::Comment(comment) => panic!("{what}: {comment:?}"),
            _ => {}
        }
    }
}

/// The text without its fenced blocks, of which the record has no part in the fences.
fn outside_fences(markdown: &str) -> String {
    let (mut outside, mut fence) = (String::new(), None::<&str>);
    for line in markdown.lines() {
        match fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None => {
                match line.strip_suffix("text").filter(|fence| fence.len() >= 3 && fence.bytes().all(|b| b == b'`')) {
                    Some(open) => fence = Some(open),
                    None => outside.extend([line, "\n"]),
                }
            }
        }
    }
    assert!(fence.is_none(), "a fence is not closed");
    outside
}

/// The line without its code: what stands between a run of backticks and the next run of the same length.
fn without_code(line: &str) -> String {
    let mut rest = line;
    let mut outside = String::new();
    while let Some(start) = rest.find('`') {
        let run = rest[start..].bytes().take_while(|byte| *byte == b'`').count();
        let inner = &rest[start + run..];
        let mut at = 0;
        let end = loop {
            let next = at + inner[at..].find('`').unwrap_or_else(|| panic!("code is not closed: {line}"));
            let length = inner[next..].bytes().take_while(|byte| *byte == b'`').count();
            at = next + length;
            if length == run {
                break at;
            }
        };
        outside.push_str(&rest[..start]);
        rest = &inner[end..];
    }
    outside + rest
}

fn assert_is_safe_markdown(text: &str) {
    let tags = ["<details><summary>", "</summary>", "</details>", "<code>", "</code>"];
    for line in outside_fences(text).lines() {
        let line = without_code(line);
        let shown = tags.iter().fold(line.clone(), |line, tag| line.replace(tag, ""));
        assert!(!shown.contains(['<', '>']), "{line}");
        assert!(!["](", "@evil", "://", "&evil;", "\n#"].iter().any(|it| line.contains(it)), "{line}");
        assert!(line.starts_with("## ") || line.starts_with("### ") || !line.starts_with('#'), "{line}");
        assert!(line.starts_with('|') || !line.contains('|'), "{line}");
    }
}

fn assert_is_safe(format: RunFormat, name: &str, document: &str, run: &RunRecord) {
    match format {
        RunFormat::Github => {
            for line in document.lines() {
                let is_known = ["::error title=", "::warning title=", "::notice title="];
                let known = is_known.iter().find_map(|start| line.strip_prefix(start)).expect(line);
                assert!(known.split_once("::").is_some_and(|(title, _)| !title.contains([':', ','])), "{line}");
                assert_is_tame(line.trim_start_matches(':'), name);
            }
            assert!(document.lines().count() <= 22, "{document}");
        }
        _ => assert_is_tame(document, name),
    }
    match format {
        RunFormat::Junit => assert_eq!(elements(document, "testcase", false, name), run.cases.len()),
        RunFormat::Badge => assert_eq!(elements(document, "text", false, name), 2),
        RunFormat::Html => {
            let markup = |from: &str, to: &str, text: String| -> String {
                let (before, rest) = text.split_once(from).expect(from);
                format!("{before}{}", rest.split_once(to).expect(to).1)
            };
            let page = markup("<style>", "</style>", markup("<script>", "</script>", document.to_owned()));
            assert_eq!(elements(&page.replacen("<!doctype html>", "", 1), "script", true, name), 0);
            assert_eq!(page.matches("<details class=\"case").count(), run.cases.len());
        }
        RunFormat::Markdown => assert_is_safe_markdown(document),
        RunFormat::Tap => {
            let count = |wanted: fn(&str) -> bool| document.lines().filter(|line| wanted(line)).count();
            assert_eq!(count(|line| line.starts_with("ok") || line.starts_with("not ok")), run.cases.len());
            assert_eq!(count(|line| line == "  ---"), count(|line| line == "  ..."));
            let is_known = |line: &str| {
                ["ok ", "not ok ", "# ", "  ", "TAP version 14", "1.."].iter().any(|start| line.starts_with(start))
            };
            assert!(document.lines().all(is_known), "{document}");
            assert_eq!(count(|line| line.starts_with("1..")), 1);
        }
        RunFormat::Json => {
            let again = record::parse(document.as_bytes(), Path::new("run.json")).expect("it is a record");
            assert!(again.to_json().expect("it is JSON") == run.to_json().expect("it is JSON"));
        }
        RunFormat::Github => {}
    }
}

fn in_terminal(run: &RunRecord, color: bool) -> String {
    let mut out = Vec::new();
    Terminal::new(&mut out, false, color).finish(run).expect("memory takes it");
    String::from_utf8(out).expect("it is UTF-8")
}

/// Text without the colours that the terminal report gives its own words.
fn without_colors(text: &str) -> String {
    ["31", "32", "33", "1", "2", "0"]
        .iter()
        .fold(text.to_owned(), |text, it| text.replace(&format!("\u{1b}[{it}m"), ""))
}

fn holds(record: &Value) {
    let run = parsed(record).expect("it is still a record");
    for (name, format) in RunFormat::ALL {
        let document = format.render(&run).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_is_safe(*format, name, &String::from_utf8(document).expect("it is UTF-8"), &run);
    }
    assert_is_tame(&in_terminal(&run, false), "terminal");
    assert_is_tame(&without_colors(&in_terminal(&run, true)), "terminal in colours");
    let tame = parsed(&RECORD).expect("it is a record");
    for (before, after) in [(&run, &tame), (&tame, &run)] {
        assert_is_tame(&difference_as_text(before, after, &record::difference(before, after)), "difference");
    }
    let name = run.subject().to_owned();
    let table = families_as_markdown(&[(name, run.clone())], &Catalogue::embedded().expect("it is right"));
    assert_is_tame(&table, "table");
    assert_is_safe_markdown(&table);
    assert!(table.lines().all(|line| line.matches('|').count() == 3), "{table}");
    for case in &run.cases {
        for exchange in case.findings.iter().filter_map(|found| found.exchange.as_ref()) {
            assert_is_tame(&curl(exchange, &case.key_md5), "script");
        }
    }
}

#[test]
fn the_record_that_is_spoilt_passes_as_it_is() {
    holds(&RECORD);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn text_of_a_record_does_nothing_but_show(texts in hostile(), choice in any::<u64>()) {
        holds(&spoilt(&texts, choice));
    }
}

/// What commands print of records, and of files whose names are hostile, too.
#[rstest]
#[case::diff("diff run.json tame.json", 1)]
#[case::diff_as_json("diff run.json tame.json --format json", 1)]
#[case::compare("compare run.json tame.json", 0)]
#[case::baseline("baseline run.json", 0)]
#[case::merge("merge run.json second.json", 2)]
#[case::no_such_suite("list @", 2)]
#[case::no_such_record("report render @", 2)]
#[case::no_such_evidence("judge @", 2)]
#[case::no_such_certificate("verify @ --public-key @", 2)]
#[case::no_such_baseline("run --baseline @", 2)]
#[case::no_such_profile("run --profile ./@", 2)]
#[case::no_such_id("explain @", 2)]
fn commands_print_nothing_but_text(#[case] words: &str, #[case] code: i32) {
    const NAME: &str = "\u{1b}[2J\n::error::forged\u{202e}\r##[error]a\u{200b}";
    let workplace = Workplace::new();
    let texts = ["\n::error::forged", "\u{1b}[2J", "##vso[task.x]\u{200b}", "\u{202e}|<evil>", "::x::\u{fff9}"];
    let record = spoilt(&texts.map(str::to_owned), 7);
    workplace.file("run.json", &record.to_string());
    workplace.file("tame.json", &RECORD.to_string());
    let mut second = RECORD.clone();
    second["shard"]["shard"] = json!(2);
    workplace.file("second.json", &second.to_string());
    let mut command = workplace.command("");
    command.args(words.split(' ').map(|word| word.replace('@', NAME)));
    let outcome = Outcome::of(command.output().expect("the binary starts"));
    assert_eq!(outcome.code, Some(code), "{outcome:?}");
    assert_is_tame(&outcome.out, "standard output");
    assert_is_tame(&outcome.err, "standard error");
    assert!(!outcome.out.is_empty() || outcome.err.contains("forged"), "{outcome:?}");
    if words.contains("json --format json") || words.starts_with("baseline") {
        let printed: Value = serde_json::from_str(&outcome.out).expect("it is JSON");
        assert!(printed.to_string().contains('\u{200b}'), "it says something else: {printed}");
    }
}

/// Nobody writes to the pipe, and the device has no end.
#[rstest]
#[case("diff FILE FILE")]
#[case("compare FILE")]
#[case("baseline FILE")]
#[case("baseline tame.json --keep FILE")]
#[case("report render FILE")]
#[case("merge FILE")]
#[case("verify FILE --public-key FILE")]
#[case("certify --key FILE")]
#[case("run FILE")]
#[case("validate FILE")]
#[case("run --baseline FILE")]
#[case("run --profile FILE")]
#[case("run --config FILE")]
#[case("run --ca-file FILE")]
#[case("run --shard 1/2 --run-id x --durations FILE")]
fn what_is_no_regular_file_is_refused(#[case] words: &str, #[values("pipe.json", "device.json")] file: &str) {
    let workplace = Workplace::new();
    workplace.file("tame.json", &RECORD.to_string());
    let made = std::process::Command::new("mkfifo").arg(workplace.path("pipe.json")).status();
    assert!(made.expect("mkfifo starts").success());
    std::os::unix::fs::symlink("/dev/zero", workplace.path("device.json")).expect("it can be made");
    let outcome = workplace.run(&words.replace("FILE", file));
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.err.contains("no regular file"), "{outcome:?}");
}

#[rstest]
#[case::credentials("AWS_SHARED_CREDENTIALS_FILE", "/dev/zero", "no regular file")]
#[case::config("AWS_CONFIG_FILE", "/dev/zero", "no regular file")]
#[case::none("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", "access key")]
fn aws_files_are_regular_or_none(#[case] variable: &str, #[case] file: &str, #[case] told: &str) {
    let workplace = Workplace::new();
    let mut command = workplace.command("run --endpoint https://localhost:1 --plain-endpoint none");
    let outcome = Outcome::of(command.env(variable, file).output().expect("the binary starts"));
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.err.contains(told), "{outcome:?}");
}
