//! What each certification level covers, and the capabilities without which it is not reached.

use std::fmt::Write as _;

use super::Knowledge;
use crate::suite::model::Certification;

/// Returns what a level covers besides what the levels below it cover.
pub(super) fn covers(level: Certification) -> &'static str {
    match level {
        Certification::Core => "writing, reading (ranges, too) and deleting objects, their headers and their keys",
        Certification::Extended => {
            "copies, multipart uploads, versions, presigned URLs, preconditions by date, checksums, framed bodies"
        }
        Certification::Full => {
            "forms, policies, tags, access control lists, attributes, default encryption, conditional writes, the block of SSE-C"
        }
    }
}

/// Writes the levels as a Markdown table, which the README has, too.
pub(super) fn table(knowledge: &Knowledge<'_>) -> String {
    let mut table = "| level | covers | is not reached without |\n| --- | --- | --- |\n".to_owned();
    for level in Certification::ALL {
        let _ = writeln!(table, "| `{}` | {} | {} |", level.as_str(), covers(level), needed(knowledge, level));
    }
    table
}

/// Lists the capabilities of a level; those that are rows of one scenario stand together, with their number.
fn needed(knowledge: &Knowledge<'_>, level: Certification) -> String {
    let mut listed: Vec<(&str, usize)> = Vec::new();
    for needed in knowledge.needed_by(level) {
        let scenario = needed.capability.probe.scenario.as_ref();
        match listed.last_mut() {
            Some((last, count)) if *last == scenario => *count += 1,
            _ => listed.push((scenario, 1)),
        }
    }
    let in_words = |(scenario, count): (&str, usize)| match count {
        1 => format!("`{scenario}`"),
        count => format!("`{scenario}[…]` ({count})"),
    };
    listed.into_iter().map(in_words).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::tests::with_all;
    use super::*;

    #[test]
    fn the_readme_has_the_levels() {
        with_all(|knowledge| {
            let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
            let table = table(knowledge);
            assert!(readme.contains(&table), "{table}");
        });
    }

    #[test]
    fn each_level_needs_what_every_s3_of_that_level_has() {
        let expected = [
            (Certification::Core, "system-header[get,cache-control]"),
            (Certification::Core, "response-override[content-type]"),
            (Certification::Core, "object-key[blank]"),
            (Certification::Extended, "copied-object-key[blank]"),
            (Certification::Extended, "copy"),
            (Certification::Extended, "multipart"),
            (Certification::Full, "object-key[percent]"),
            (Certification::Full, "copied-object-key[percent]"),
        ];
        with_all(|knowledge| {
            for (level, id) in expected {
                assert!(knowledge.needed_by(level).any(|needed| needed.id() == id), "{id}");
            }
        });
    }
}
