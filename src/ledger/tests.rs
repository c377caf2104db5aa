//! What is written is read, and nothing else is taken.

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::config::Addressing;

const RUN: &str = "0123456789abcdef0123";

fn head() -> Head {
    Head {
        format: FORMAT.to_owned(),
        run: RUN.parse().unwrap(),
        started: "2026-11-26T05:00:00Z".to_owned(),
        ssecheck: "0.1.0".to_owned(),
        endpoint: "https://localhost:9000/".to_owned(),
        region: "us-east-1".to_owned(),
        addressing: Addressing::Path,
        prefix: "ssecheck/".to_owned(),
        bucket: Some("given".to_owned()),
    }
}

fn bucket(name: &str) -> Made {
    Made::Bucket { bucket: name.to_owned() }
}

fn object(bucket: &str, key: &str) -> Made {
    Made::Object { bucket: bucket.to_owned(), key: key.to_owned() }
}

/// The text of a ledger with these further lines.
fn text(lines: &[&str]) -> String {
    let head = serde_json::to_string(&head()).unwrap();
    std::iter::once(head.as_str()).chain(lines.iter().copied()).map(|line| format!("{line}\n")).collect()
}

#[test]
fn what_is_recorded_is_on_disk_at_once_and_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("made/for/it");
    let ledger = Ledger::create(&folder, head()).unwrap();
    let file = folder.join(format!("{RUN}.jsonl"));
    let own = format!("ssecheck-{RUN}");
    for made in [bucket(&own), object(&own, &format!("ssecheck/{RUN}/a")), bucket(&own)] {
        ledger.record(made).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(written.lines().count(), 3, "{written}");
    let recorded = parse(written.as_bytes()).unwrap();
    assert!(recorded.buckets[&own].is_made && !recorded.buckets["given"].is_made);
    assert!(recorded.holds(&own, &format!("ssecheck/{RUN}/a")));
    assert!(!recorded.holds("given", &format!("ssecheck/{RUN}/a")));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    ledger.remove().unwrap();
    assert!(!file.exists());
}

#[test]
fn a_run_holds_the_lock_as_long_as_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let run: RunId = RUN.parse().unwrap();
    let ledger = Ledger::create(folder.path(), head()).unwrap();
    assert!(open(folder.path(), &run).unwrap().is_running);
    drop(ledger);
    let found = open(folder.path(), &run).unwrap();
    assert!(!found.is_running);
    assert!(open(folder.path(), &run).unwrap().is_running, "it is being swept after");
    assert_eq!(runs(folder.path()).unwrap(), std::slice::from_ref(&run));
    found.remove().unwrap();
    assert!(matches!(open(folder.path(), &run), Err(ReadError::NotThere { .. })));
    assert!(runs(folder.path()).unwrap().is_empty() && runs(&folder.path().join("none")).unwrap().is_empty());
}

#[test]
fn no_run_takes_the_ledger_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let _ledger = Ledger::create(folder.path(), head()).unwrap();
    assert!(matches!(Ledger::create(folder.path(), head()), Err(WriteError::Folder { .. })));
}

#[test]
fn a_folder_that_cannot_be_made_is_told_of() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Ledger::create(&file.path().join("below"), head()).unwrap_err();
    assert!(error.to_string().contains("--ledger DIR"), "{error}");
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join(format!("{RUN}.jsonl"));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(matches!(open(folder.path(), &RUN.parse().unwrap()), Err(ReadError::Unreadable { .. })));
}

#[test]
fn a_ledger_under_another_s_name_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let other = "ffffffffffffffffffff";
    std::fs::write(folder.path().join(format!("{other}.jsonl")), text(&[])).unwrap();
    assert!(matches!(open(folder.path(), &other.parse().unwrap()), Err(ReadError::Damaged { .. })));
}

#[rstest]
#[case::not_json("nonsense", "expected")]
#[case::empty("", "EOF")]
#[case::other_thing(r#"{"made":"planet","bucket":"given"}"#, "planet")]
#[case::more(r#"{"made":"bucket","bucket":"ssecheck-0123456789abcdef0123","key":"k"}"#, "key")]
#[case::stranger_s_bucket(r#"{"made":"bucket","bucket":"payroll"}"#, "no bucket of the name `payroll`")]
#[case::given_bucket(r#"{"made":"bucket","bucket":"given"}"#, "no bucket of the name `given`")]
#[case::longer_name(r#"{"made":"bucket","bucket":"ssecheck-0123456789abcdef0123x"}"#, "makes no bucket")]
#[case::host_name(r#"{"made":"bucket","bucket":"ssecheck-0123456789abcdef0123-/../x"}"#, "makes no bucket")]
#[case::unknown_bucket(r#"{"made":"object","bucket":"payroll","key":"ssecheck/0123456789abcdef0123/k"}"#, "`payroll`")]
#[case::bucket_not_made_yet(
    r#"{"made":"object","bucket":"ssecheck-0123456789abcdef0123","key":"ssecheck/0123456789abcdef0123/k"}"#,
    "made before"
)]
#[case::neighbour_s_key(r#"{"made":"object","bucket":"given","key":"payroll"}"#, "is not the run's")]
#[case::without_the_slash(
    r#"{"made":"upload","bucket":"given","key":"ssecheck/0123456789abcdef0123"}"#,
    "is not the run's"
)]
fn damage_is_refused_with_its_line(#[case] line: &str, #[case] told: &str) {
    let good = r#"{"made":"object","bucket":"given","key":"ssecheck/0123456789abcdef0123/k"}"#;
    assert!(parse(text(&[good, good]).as_bytes()).is_ok());
    let damage = parse(text(&[good, line, good]).as_bytes()).unwrap_err();
    assert_eq!(damage.line, 3, "{damage}");
    assert!(damage.why.contains(told), "{damage}");
}

#[rstest]
#[case::no_head("", "what run")]
#[case::other_format(&text(&[]).replace("ledger/1", "ledger/2"), "another version")]
#[case::bad_run(&text(&[]).replace(RUN, "../x"), "hexadecimal")]
#[case::bad_prefix(&text(&[]).replace("\"ssecheck/\"", "\"../\""), "`prefix`")]
#[case::bad_bucket(&text(&[]).replace("given", "a/b"), "`bucket`")]
#[case::bad_endpoint(&text(&[]).replace("https://localhost:9000/", "localhost"), "`endpoint`")]
#[case::bad_start(&text(&[]).replace("T05", " at 05"), "`started`")]
fn a_head_must_be_sound(#[case] text: &str, #[case] told: &str) {
    let damage = parse(text.as_bytes()).unwrap_err();
    assert_eq!(damage.line, 1);
    assert!(damage.why.contains(told), "{damage}");
}

#[test]
fn a_last_line_that_lacks_its_end_only_counts() {
    let line = r#"{"made":"object","bucket":"given","key":"ssecheck/0123456789abcdef0123/k"}"#;
    let text = text(&[line]);
    let recorded = parse(text.trim_end().as_bytes()).unwrap();
    assert!(recorded.holds("given", "ssecheck/0123456789abcdef0123/k"));
    let neighbour = text.replace("/k\"", "x\"").replace("0123/", "0123");
    assert!(parse(neighbour.trim_end().as_bytes()).is_err());
}

proptest! {
    #[test]
    fn what_is_written_is_read(keys in proptest::collection::vec(".{0,20}", 0..8)) {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::create(folder.path(), head()).unwrap();
        for (index, key) in keys.iter().enumerate() {
            let (bucket, key) = ("given".to_owned(), format!("ssecheck/{RUN}/{key}"));
            let made = if index % 2 == 0 { Made::Object { bucket, key } } else { Made::Upload { bucket, key } };
            ledger.record(made).unwrap();
        }
        let found = open(folder.path(), &RUN.parse().unwrap()).unwrap();
        prop_assert_eq!(&found.recorded.head, ledger.head());
        for key in &keys {
            let key = format!("ssecheck/{RUN}/{key}");
            prop_assert!(found.recorded.holds("given", &key));
        }
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        prop_assert_eq!(found.recorded.buckets["given"].keys.len(), distinct.len());
    }

    /// However a ledger is cut off behind its first line, what is whole is read.
    #[test]
    fn a_torn_end_hides_nothing_before_it(keys in proptest::collection::vec("[a-é]{1,6}", 1..8), cut: proptest::sample::Index) {
        let line = |key: &String| serde_json::to_string(&object("given", &format!("ssecheck/{RUN}/{key}"))).unwrap();
        let lines: Vec<String> = keys.iter().map(line).collect();
        let whole = text(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let first = text(&[]).len();
        let cut = first + cut.index(whole.len() - first + 1);
        let recorded = parse(&whole.as_bytes()[..cut]).unwrap();
        let mut end = first;
        for (key, line) in keys.iter().zip(&lines) {
            end += line.len();
            if end <= cut {
                let key = format!("ssecheck/{RUN}/{key}");
                prop_assert!(recorded.holds("given", &key));
            }
            end += 1;
        }
    }

    #[test]
    fn nothing_read_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
        let mut behind = text(&[]).into_bytes();
        behind.extend(bytes);
        let _ = parse(&behind);
    }
}
