//! How much a suite may ask for. A suite may be a stranger's: nothing in it decides how much memory or time is spent.

use super::model::MAX_KEYS;

/// The largest suite file, in bytes.
pub const MAX_SUITE: u64 = 4 * 1024 * 1024;
/// The most suite files that a folder may hold.
pub const MAX_SUITES: usize = 1_000;
/// The largest fixture, in bytes.
pub const MAX_FIXTURE: u64 = 64 * 1024 * 1024;
/// The largest object content, in bytes: what S3 takes by one request.
pub const MAX_BODY: u64 = 5 * 1024 * 1024 * 1024;
/// The largest content that is held in memory to be sent, in bytes: framed, as a form, on a connection of its own, without TLS.
pub const MAX_IN_MEMORY: u64 = 64 * 1024 * 1024;
/// The most bytes of literal contents: texts and fixtures, in all suites of a run together.
pub const MAX_LITERAL: u64 = 256 * 1024 * 1024;
/// The most contents that one may join.
pub const MAX_JOINED: usize = 1_000;
/// The most cases, of all suites of a run together.
pub const MAX_CASES: u64 = 100_000;
/// The most steps that one may stand for.
pub const MAX_REPEAT: u64 = 10_000;
/// The most steps of one case.
pub const MAX_STEPS: u64 = 20_000;
/// The most steps, of all suites of a run together, and of their controls.
pub const MAX_ALL_STEPS: u64 = 200_000;
/// The most that all suites of a run may expand to, written out, in bytes; each value counts [`VALUE`] besides its text.
pub const MAX_EXPANDED: u64 = 96 * 1024 * 1024;
/// What a value counts besides its text, in bytes.
pub const VALUE: u64 = 16;
/// The longest name of a member, in bytes.
pub const MAX_NAME: usize = 256;
/// The longest object key, in bytes of UTF-8 (S3's own limit); a suite gives the last part of it.
pub const MAX_OBJECT_NAME: usize = 1024;
/// The longest regular expression, in bytes.
pub const MAX_PATTERN: usize = 1_000;
/// The most memory that a compiled regular expression takes, in bytes.
pub const MAX_COMPILED: usize = 2 * 1024 * 1024;
/// The most capabilities, of all suites of a run together: each case is looked at for each.
pub const MAX_CAPABILITIES: u64 = 100;
/// The most aliases that a scenario has for tables.
pub const MAX_ALIASES: usize = 16;
/// The largest file of a customer key, in bytes of hexadecimal.
pub const MAX_KEY_FILE: u64 = 4 * 1024;
/// The most different regular expressions, of all suites of a run together.
pub const MAX_PATTERNS: u64 = 100;
/// The longest text that is searched for a regular expression, in bytes; a longer one does not match.
pub const MAX_SEARCHED: usize = 8 * 1024;
/// The most texts, headers and elements that a step may compare.
pub const MAX_COMPARED: usize = 1_000;
/// The most header lines that a request may add or change.
pub const MAX_HEADERS: usize = 100;
/// The longest value of a header, in bytes.
pub const MAX_HEADER: usize = 64 * 1024;
/// The longest value of a query parameter, in bytes.
pub const MAX_QUERY: usize = 1024;
/// The most names of objects or parts that a request may list.
pub const MAX_LISTED: usize = 10_000;
/// The largest bucket policy, in bytes of JSON.
pub const MAX_POLICY: usize = 64 * 1024;
/// The most bytes that steps of one group send at the same time.
pub const MAX_TOGETHER: u64 = 64 * 1024 * 1024;
/// The most bytes of contents that one case digests or compares.
pub const MAX_DIGESTED: u64 = 32 * 1024 * 1024 * 1024;
/// The most mistakes of a file that are shown.
pub const MAX_MISTAKES: usize = 100;

/// What is left of the limits that hold for all suites of a run together.
#[derive(Debug, Clone)]
pub struct Budget {
    pub(super) cases: u64,
    pub(super) steps: u64,
    pub(super) expanded: u64,
    pub(super) literal: u64,
    pub(super) patterns: u64,
    pub(super) capabilities: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            cases: MAX_CASES,
            steps: MAX_ALL_STEPS,
            expanded: MAX_EXPANDED,
            literal: MAX_LITERAL,
            patterns: MAX_PATTERNS,
            capabilities: MAX_CAPABILITIES,
        }
    }
}

/// Takes from what is left, if there is as much.
pub(super) fn take(left: &mut u64, amount: u64) -> bool {
    let rest = left.checked_sub(amount);
    *left = rest.unwrap_or(*left);
    rest.is_some()
}

/// The limits as a Markdown table, which README has.
#[must_use]
pub fn table() -> String {
    let rows: [(&str, u64, &str); 28] = [
        ("A suite file", MAX_SUITE, "bytes"),
        ("A folder of suites", MAX_SUITES as u64, "files"),
        (
            "A fixture; a body that is sent framed, as a form, without TLS or on its own connection",
            MAX_IN_MEMORY,
            "bytes",
        ),
        ("Another body", MAX_BODY, "bytes"),
        ("Texts and fixtures of all bodies *", MAX_LITERAL, "bytes"),
        ("Bodies that one joins", MAX_JOINED as u64, ""),
        ("Customer keys", u64::from(MAX_KEYS), ""),
        ("A customer key's file", MAX_KEY_FILE, "bytes"),
        ("Capabilities *", MAX_CAPABILITIES, ""),
        ("Aliases of a scenario (`for_each`)", MAX_ALIASES as u64, ""),
        ("Cases *", MAX_CASES, ""),
        ("Steps, with those of controls *", MAX_ALL_STEPS, ""),
        ("Steps of a case", MAX_STEPS, ""),
        ("`repeat`", MAX_REPEAT, "steps"),
        ("Scenarios with all placeholders filled in *", MAX_EXPANDED, "bytes"),
        ("The name of a member", MAX_NAME as u64, "bytes"),
        ("The name of an object; a query parameter", MAX_OBJECT_NAME as u64, "bytes"),
        ("A regular expression", MAX_PATTERN as u64, "bytes"),
        ("A regular expression, compiled", MAX_COMPILED as u64, "bytes"),
        ("Different regular expressions *", MAX_PATTERNS, ""),
        ("A text that one is looked for in", MAX_SEARCHED as u64, "bytes"),
        ("Texts, headers and elements that a step compares", MAX_COMPARED as u64, ""),
        ("Headers of a request", MAX_HEADERS as u64, "lines"),
        ("A header's value; a bucket policy", MAX_HEADER as u64, "bytes"),
        ("Objects or parts that a request names", MAX_LISTED as u64, ""),
        ("Bodies that steps send together", MAX_TOGETHER, "bytes"),
        ("Bodies that a case sends to compare or digest", MAX_DIGESTED, "bytes"),
        ("Mistakes shown of a file", MAX_MISTAKES as u64, ""),
    ];
    let mut table = "| what | at most |\n| --- | --- |\n".to_owned();
    for (what, limit, unit) in rows {
        let (number, unit) = match unit {
            "bytes" if limit.is_multiple_of(1024 * 1024 * 1024) => (limit / (1024 * 1024 * 1024), "GiB"),
            "bytes" if limit.is_multiple_of(1024 * 1024) => (limit / (1024 * 1024), "MiB"),
            "bytes" if limit.is_multiple_of(1024) && limit > 1024 => (limit / 1024, "KiB"),
            unit => (limit, unit),
        };
        table.push_str(format!("| {what} | {} {unit}", grouped(number)).trim_end());
        table.push_str(" |\n");
    }
    table
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
