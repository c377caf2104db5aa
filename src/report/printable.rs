//! Text that an endpoint sent, made safe to print.

/// The text with everything that a terminal or an XML reader would not take for text written as `\u{…}`: control
/// characters other than line feed and tab, marks that change the direction of writing, and what XML 1.0 excludes.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_printable(c) { shown.push(c) } else { shown.extend(c.escape_unicode()) }
    }
    shown
}

/// Printable text in one line: line feeds and tabs become blanks.
#[must_use]
pub fn one_line(text: &str) -> String {
    printable(text).replace(['\n', '\t'], " ")
}

/// Printable text none of whose lines is a command to the CI that reads a log: GitHub takes lines for commands that begin with
/// `::` or `##[`, also after blanks.
#[must_use]
pub fn in_a_log(text: &str) -> String {
    let is_command = |line: &str| line.trim_start().starts_with("::") || line.trim_start().starts_with("##[");
    let line = |line: &str| if is_command(line) { format!("| {line}") } else { line.to_owned() };
    printable(text).split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn is_printable(c: char) -> bool {
    let changes_direction = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let outside_xml = matches!(c, '\u{fffe}' | '\u{ffff}');
    matches!(c, '\n' | '\t') || !(c.is_control() || changes_direction || outside_xml)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("plain\n\ttext é", "plain\n\ttext é")]
    #[case("\u{1b}[31mred", "\\u{1b}[31mred")]
    #[case("a\u{0}b\rc\u{9b}", "a\\u{0}b\\u{d}c\\u{9b}")]
    #[case("\u{202e}txt", "\\u{202e}txt")]
    #[case("\u{ffff}", "\\u{ffff}")]
    fn escapes_what_is_no_text(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(printable(text), shown);
    }

    #[rstest]
    #[case("a ::b\nc", "a ::b\nc")]
    #[case("::error::x", "| ::error::x")]
    #[case("a\n \t::add-mask::e\n##[error]\n", "a\n|  \t::add-mask::e\n| ##[error]\n")]
    fn no_line_is_a_command(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(in_a_log(text), shown);
    }
}
