//! Scripts of `curl` for recorded requests, really run.

use std::process::Command;

use crate::common::{Served, Workplace};
use ssecheck::evidence::Exchange;
use ssecheck::record::RunRecord;
use ssecheck::report::curl_script;

const CASES: &str = "--only key-mismatch/ --only copy/copy-not --only ranges/";

/// Whether this machine's curl signs customer keys' headers in the right order: from version 8.10 on.
fn signs_customer_keys() -> bool {
    let told = Command::new("curl").arg("--version").output().expect("there is curl").stdout;
    let told = String::from_utf8_lossy(&told).into_owned();
    let version = told.split_whitespace().nth(1).unwrap_or_default();
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    (parts.next(), parts.next()) >= (Some(8), Some(10))
}

/// Runs a script against the endpoint; the statuses of all answers, in order.
fn run(workplace: &Workplace, served: &Served, script: &str) -> Vec<u16> {
    let mut shell = Command::new("sh");
    shell.args(["-eu", "-c", script]).current_dir(workplace.path("")).env_clear().envs(&served.settings);
    shell.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("NO_PROXY", "localhost");
    let ran = shell.env("CURL_CA_BUNDLE", workplace.path("ca.pem")).output().expect("there is a shell");
    let out = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{script}\n{out}\n{}", String::from_utf8_lossy(&ran.stderr));
    // An answer begins where the body before it ends, if that is in the middle of a line.
    let answers = out.split("HTTP/1.1 ").skip(1);
    answers.map(|answer| answer[..3].parse().expect("a status")).filter(|status| *status != 100).collect()
}

/// The first exchanges of failing cases that a script can send again as they were.
fn repeatable(record: &RunRecord) -> Vec<(&str, Vec<&Exchange>, &std::collections::BTreeMap<String, String>)> {
    let mut found = Vec::new();
    for case in &record.cases {
        for finding in &case.findings {
            let exchanges: Vec<&Exchange> = finding.before.iter().chain(&finding.exchange).collect();
            let is_repeatable = |exchange: &&Exchange| {
                let sent = &exchange.sent;
                let is_whole = sent.body_text.is_some() || sent.body_length == 0;
                is_whole && sent.remarks.is_empty() && !sent.url.contains("uploadId=")
            };
            if exchanges.len() > 1 && exchanges.iter().all(is_repeatable) {
                found.push((case.id.as_str(), exchanges, &case.key_md5));
            }
        }
    }
    found
}

#[test]
fn a_script_sends_again_what_was_sent_and_gets_the_same_answers() {
    let workplace = Workplace::new();
    // With an older curl only what is sent besides the signature can be tried.
    let unchecked = if signs_customer_keys() { "" } else { "--fault signature-not-checked" };
    let served = Served::start_with(&workplace, &format!("--fault wrong-key-reads {unchecked}"));
    let url = served.settings["SSECHECK_ENDPOINT"].trim_end_matches('/').to_owned();
    let signed = "--aws-sigv4 aws:amz:us-east-1:s3 --user \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\"";
    let bucket = format!("curl -sSi {signed} -H x-amz-content-sha256:UNSIGNED-PAYLOAD -X PUT {url}/mine");
    assert_eq!(run(&workplace, &served, &bucket), [200]);
    let outcome = workplace.run_against(&served, &format!("run --bucket mine --report json=run.json {CASES}"));
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");

    let record = ssecheck::record::read(&workplace.path("run.json")).expect("it is a record");
    let repeatable = repeatable(&record);
    assert!(repeatable.len() >= 3, "{:?}", repeatable.iter().map(|(id, ..)| id).collect::<Vec<_>>());
    for (id, exchanges, key_md5) in repeatable {
        let recorded: Vec<u16> =
            exchanges.iter().filter_map(|exchange| exchange.reply.answer()).map(|answer| answer.status).collect();
        let script = curl_script(&exchanges, key_md5);
        assert_eq!(run(&workplace, &served, &script), recorded, "{id}:\n{script}");
    }
}
