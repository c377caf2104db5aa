//! Words of POSIX shells, quoted so that the shell gives back what went in, whatever that is. What must not be written as it is, is
//! written as octal escapes for `printf`.

use std::fmt::Write as _;

use super::printable::escaped;

/// A piece of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text as it is.
    Text(String),
    /// What a variable of this name holds.
    Variable(String),
}

impl Piece {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn variable(name: impl Into<String>) -> Self {
        Self::Variable(name.into())
    }
}

/// A text as one word of a POSIX shell, quoted where that is needed.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,".contains(c);
    if !text.is_empty() && text.chars().all(is_bare) { text.to_owned() } else { word(&[Piece::text(text)]) }
}

/// One word made of these pieces. Text must not hold NUL, which no argument can.
pub fn word(pieces: &[Piece]) -> String {
    let pieces = &joined(pieces);
    let has_variables = pieces.iter().any(|piece| matches!(piece, Piece::Variable(_)));
    let is_plain = pieces.iter().all(|piece| match piece {
        Piece::Text(text) => !text.contains(is_special) && escaped(text, true, as_octal) == *text,
        Piece::Variable(_) => true,
    });
    // Double quotes are easier to read, and to change by hand.
    if has_variables && is_plain {
        return format!("\"{}\"", pieces.iter().enumerate().map(|(at, _)| unquoted(&pieces[at..])).collect::<String>());
    }
    if let [Piece::Text(text)] = pieces.as_slice()
        && !text.is_empty()
        && text.chars().all(|c| c == '-' || is_part_of_name(c))
    {
        return text.clone();
    }
    let quoted: String = pieces.iter().map(quoted).collect();
    if quoted.is_empty() { "''".to_owned() } else { quoted }
}

/// The pieces with neighbouring texts made one.
fn joined(pieces: &[Piece]) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (joined.last_mut(), piece) {
            (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(text),
            _ => joined.push(piece.clone()),
        }
    }
    joined
}

/// What means something within double quotes, also to a shell that somebody types into.
fn is_special(c: char) -> bool {
    matches!(c, '"' | '\\' | '$' | '`' | '!') || c.is_control()
}

/// The first of the pieces as it stands within double quotes.
fn unquoted(pieces: &[Piece]) -> String {
    match pieces {
        [Piece::Text(text), ..] => text.clone(),
        [Piece::Variable(name), Piece::Text(next), ..] if next.starts_with(is_part_of_name) => format!("${{{name}}}"),
        [Piece::Variable(name), ..] => format!("${name}"),
        [] => String::new(),
    }
}

fn is_part_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn quoted(piece: &Piece) -> String {
    match piece {
        Piece::Text(text) if text.is_empty() => String::new(),
        Piece::Text(text) => in_quotes(text),
        Piece::Variable(name) => format!("\"${{{name}}}\""),
    }
}

/// The text in single quotes; `"$(printf '\302\205')"` stands between them for a character that must not be written as it is.
fn in_quotes(text: &str) -> String {
    let quoted = format!("'{}'", escaped(&text.replace('\'', r"'\''"), true, as_octal));
    quoted.strip_prefix("''").filter(|rest| !rest.is_empty()).map_or(quoted.clone(), str::to_owned)
}

/// Ends the single quotes, has `printf` write the character, and begins them again. No such character is a line feed, which a
/// substitution of a command would drop at its end.
fn as_octal(written: &mut String, c: char) {
    written.push_str("'\"$(printf '");
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        let _ = write!(written, "\\{byte:03o}");
    }
    written.push_str("')\"'");
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// What the shell makes of a word.
    fn given_back(word: &str) -> Vec<u8> {
        let script = format!("printf '%s|' {word}");
        let ran = Command::new("sh").arg("-c").arg(script).env_clear().env("KEY", "a b$x'").output();
        ran.expect("there is a shell").stdout
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_shell_gives_back_what_went_in(before in "[^\0]{0,12}|[-!$`\"'\\\\\n a{}]{0,12}|([\u{1}-\u{9f}]|::|##\\[|\n|\u{200b}|'){0,6}", after in "[^\0]{0,12}") {
            let pieces = [Piece::text(&before), Piece::variable("KEY"), Piece::text(&after)];
            prop_assert_eq!(given_back(&word(&pieces)), format!("{before}a b$x'{after}|").into_bytes());
            prop_assert_eq!(given_back(&word(&pieces[..1])), format!("{before}|").into_bytes());
            for word in [word(&pieces), word(&pieces[..1])] {
                prop_assert_eq!(&super::super::in_a_log(&word), &word);
            }
        }
    }

    #[rstest::rstest]
    #[case("/tmp/.x-1/ca.pem", "/tmp/.x-1/ca.pem")]
    #[case("/a folder/ca.pem", "'/a folder/ca.pem'")]
    #[case("", "''")]
    fn a_text_is_quoted_where_it_must_be(#[case] text: &str, #[case] written: &str) {
        assert_eq!(shell_word(text), written);
    }

    #[rstest::rstest]
    #[case(&[Piece::text("a b")], "'a b'")]
    #[case(&[], "''")]
    #[case(&[Piece::text("a"), Piece::text(" b")], "'a b'")]
    #[case(&[Piece::text("--head")], "--head")]
    #[case(&[Piece::text("it's")], r"'it'\''s'")]
    #[case(&[Piece::text("\u{85}a\n::b")], "\"$(printf '\\302\\205')\"'a\n'\"$(printf '\\072')\"':b'")]
    #[case(&[Piece::text("key: "), Piece::variable("KEY")], r#""key: $KEY""#)]
    #[case(&[Piece::variable("KEY"), Piece::text("_2")], r#""${KEY}_2""#)]
    #[case(&[Piece::text("$x "), Piece::variable("KEY")], r#"'$x '"${KEY}""#)]
    fn words_are_written_so_that_people_can_read_them(#[case] pieces: &[Piece], #[case] written: &str) {
        assert_eq!(word(pieces), written);
    }
}
