//! Text that came from elsewhere, made safe to print.

use std::fmt::Write as _;

use super::character::is_printable;

/// Escapes everything that a terminal, an XML reader or a CI that reads a log would not take for text, as `\u{…}`: the characters
/// that do not show as themselves, and what makes a command of a line.
///
/// The first line is a fragment: what precedes it decides whether it is a command by `::`. See [`in_a_log`].
#[must_use]
pub fn printable(text: &str) -> String {
    escaped(text, false, unicode_escape)
}

/// Escapes text as [`printable`] does and puts it into one line: line feeds and tabs become blanks.
#[must_use]
pub fn one_line(text: &str) -> String {
    printable(&text.replace(['\n', '\t'], " "))
}

/// Escapes whole lines as [`printable`] does, the first among them, so that none is a command to the CI that reads a log.
///
/// GitHub takes lines for commands that begin with `::`, also after blanks, and those that have `##[` anywhere (`ActionCommand.cs`
/// of actions/runner). Azure Pipelines reads `##vso[` and `##[` anywhere in a line, TeamCity `##teamcity[`.
#[must_use]
pub fn in_a_log(text: &str) -> String {
    escaped(text, true, unicode_escape)
}

/// Escapes in a JSON document what [`in_a_log`] escapes, by `\u` escapes of JSON: it stays the same document. All of that stands
/// within strings, since JSON has none of it elsewhere.
#[must_use]
pub fn json(document: &str) -> String {
    escaped(document, true, |written, c| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(written, "\\u{unit:04x}");
        }
    })
}

/// The text with whatever must not be written as it is replaced by what `escape` adds for it.
pub(super) fn escaped(text: &str, begins_line: bool, escape: impl Fn(&mut String, char)) -> String {
    let mut written = String::with_capacity(text.len());
    let mut is_blank_so_far = begins_line;
    for (at, c) in text.char_indices() {
        let is_of_command = match c {
            // Another may follow what is a fragment.
            ':' => is_blank_so_far && matches!(&text[at + 1..], rest if rest.is_empty() || rest.starts_with(':')),
            '[' => is_after_command_prefix(&text[..at]),
            _ => false,
        };
        if is_of_command || !is_printable(c) {
            escape(&mut written, c);
        } else {
            written.push(c);
        }
        is_blank_so_far = c == '\n' || (is_blank_so_far && c.is_whitespace());
    }
    written
}

fn unicode_escape(written: &mut String, c: char) {
    written.extend(c.escape_unicode());
}

/// Whether the text ends with `##`, or with `##` and the name of a CI: a bracket makes a command of it.
fn is_after_command_prefix(text: &str) -> bool {
    text.trim_end_matches(|c: char| c.is_ascii_alphanumeric()).ends_with("##")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("plain\n\ttext é", "plain\n\ttext é")]
    #[case("\u{1b}[31mred", "\\u{1b}[31mred")]
    #[case("a\u{0}b\rc\u{9b}", "a\\u{0}b\\u{d}c\\u{9b}")]
    #[case("\u{202e}txt\u{200b}", "\\u{202e}txt\\u{200b}")]
    #[case("\u{ffff}", "\\u{ffff}")]
    #[case("::1", "::1")]
    #[case("a\n::error::x", "a\n\\u{3a}:error::x")]
    #[case("a\n :", "a\n \\u{3a}")]
    #[case("a\n:b", "a\n:b")]
    fn escapes_what_is_no_text(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(printable(text), shown);
    }

    #[rstest]
    #[case("a ::b\nc", "a ::b\nc")]
    #[case("::error::x", "\\u{3a}:error::x")]
    #[case("a\n \t::add-mask::e\n##[error]\n", "a\n \t\\u{3a}:add-mask::e\n##\\u{5b}error]\n")]
    #[case::after_other_blanks("\u{a0}::error::x\n\u{3000}::x", "\u{a0}\\u{3a}:error::x\n\u{3000}\\u{3a}:x")]
    #[case::within_a_line("a ##[error]b", "a ##\\u{5b}error]b")]
    #[case::other_services("##vso[task.x]\n##TeamCity[x]", "##vso\\u{5b}task.x]\n##TeamCity\\u{5b}x]")]
    #[case::no_command("# [a] ## [b] #[c] a::b", "# [a] ## [b] #[c] a::b")]
    fn no_line_is_a_command(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(in_a_log(text), shown);
    }

    #[test]
    fn one_line_is_one() {
        assert_eq!(one_line("a\n::b\tc\rd\u{2028}e"), "a ::b c\\u{d}d\\u{2028}e");
    }

    proptest! {
        /// Lines are made safe where they are composed, and again where they are printed.
        #[test]
        fn once_is_enough(text in "(::|##|vso|\\[|[ \n\r:]|\\PC|\u{200b}|\u{e0001}){0,12}") {
            let shown = in_a_log(&text);
            prop_assert_eq!(&in_a_log(&shown), &shown);
            prop_assert_eq!(&printable(&printable(&text)), &printable(&text));
        }

        #[test]
        fn json_stays_the_same_document(text in "(::|##\\[|\"|\\\\|[ \n\r]|.|\u{200b}|\u{e0001}|\u{7f}){0,12}") {
            let written = json(&serde_json::to_string(&text).expect("it is JSON"));
            prop_assert_eq!(serde_json::from_str::<String>(&written).expect("it is still JSON"), text);
            prop_assert_eq!(in_a_log(&written), written);
        }
    }
}
