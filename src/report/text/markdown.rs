//! Text in Markdown documents.

use super::{in_a_log, one_line};

/// Returns text in one line that Markdown, HTML within Markdown, and cells of tables show letter by letter.
///
/// Everything that means something is written as a numeric character reference, of which Markdown makes no structure (CommonMark 0.31,
/// section 2.5). A reference to U+200B breaks what GitHub and GitLab make of plain text: mentions, issues, links.
pub fn markup(text: &str) -> String {
    const BREAK: &str = "&#8203;";
    let text = one_line(text);
    let mut shown = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            '<' | '>' | '&' | '*' | '_' | '`' | '[' | ']' | '|' | '~' | '\\' | '!' | '$' | '^' | '{' | '}' => {
                shown.push_str(&format!("&#{};", u32::from(c)));
            }
            '@' => shown.push_str(&format!("@{BREAK}")),
            '#' => shown.push_str(&format!("&#35;{BREAK}")),
            ':' if text[at..].starts_with("://") => shown.push_str(&format!(":{BREAK}")),
            '.' if ends_with_www(&text[..at]) => shown.push_str(&format!("&#46;{BREAK}")),
            _ => shown.push(c),
        }
    }
    shown
}

fn ends_with_www(text: &str) -> bool {
    text.len().checked_sub(3).and_then(|from| text.get(from..)).is_some_and(|end| end.eq_ignore_ascii_case("www"))
}

/// Returns text as code in a line, in which nothing is read as Markdown. It is not for cells of tables, which end at `|` in code, too.
pub fn code(text: &str) -> String {
    let text = one_line(text);
    let fence = "`".repeat(longest_run_of_backticks(&text) + 1);
    // A blank at each end goes where there is one at both.
    format!("{fence} {text} {fence}")
}

/// Returns a fenced block of plain text, without a line feed at its end. The fence is longer than any run of backticks in the text.
pub fn fenced(text: &str) -> String {
    let text = in_a_log(text);
    let fence = "`".repeat(longest_run_of_backticks(&text).max(2) + 1);
    format!("{fence}text\n{}\n{fence}", text.trim_end())
}

fn longest_run_of_backticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Garage 2.5 (x86-64)", "Garage 2.5 (x86-64)")]
    #[case("a | b", "a &#124; b")]
    #[case("<b>&amp;", "&#60;b&#62;&#38;amp;")]
    #[case("[a](b) `c` *d* \\e", "&#91;a&#93;(b) &#96;c&#96; &#42;d&#42; &#92;e")]
    #[case("@all #1", "@&#8203;all &#35;&#8203;1")]
    #[case("https://a WWW.b", "https:&#8203;//a WWW&#46;&#8203;b")]
    #[case("a\nb\u{200b}", "a b&#92;u&#123;200b&#125;")]
    fn text_is_shown_letter_by_letter(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(markup(text), shown);
    }

    #[rstest]
    #[case("a", "` a `")]
    #[case("a`b``c", "``` a`b``c ```")]
    fn code_is_not_ended_by_what_it_holds(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(code(text), shown);
    }

    #[rstest]
    #[case("a\n", "```text\na\n```")]
    #[case("````\n::error::x", "`````text\n````\n\\u{3a}:error::x\n`````")]
    fn a_fence_is_not_ended_by_what_it_holds(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(fenced(text), shown);
    }
}
