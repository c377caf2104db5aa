//! What differs between two short texts.

use serde::Serialize;

/// Longer texts are not compared.
const MOST: usize = 200;
/// Words of so many characters are compared letter by letter.
const LONG_WORD: usize = 8;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Piece {
    pub text: String,
    /// Whether it is not in the other text.
    pub differs: bool,
}

/// Both texts in pieces: what they begin and end with alike, and what differs between.
pub(super) fn marks(one: &str, other: &str) -> (Vec<Piece>, Vec<Piece>) {
    if one.len() > MOST || other.len() > MOST {
        let whole = |text: &str| pieces(&[], &[], &[text]);
        return (whole(one), whole(other));
    }
    let (one, other) = (words(one), words(other));
    let (start, end) = shared(&one, &other);
    let (left, right) = (&one[start..one.len() - end], &other[start..other.len() - end]);
    if let ([left], [right]) = (left, right)
        && left.chars().count() >= LONG_WORD
        && right.chars().count() >= LONG_WORD
    {
        let (left, right) = (letters(left), letters(right));
        let (first, last) = shared(&left, &right);
        let whole = |words: &[&str], letters: &[&str]| {
            let before: Vec<&str> = [&words[..start], &letters[..first]].concat();
            let after: Vec<&str> = [&letters[letters.len() - last..], &words[words.len() - end..]].concat();
            pieces(&before, &letters[first..letters.len() - last], &after)
        };
        return (whole(&one, &left), whole(&other, &right));
    }
    let whole = |words: &[&str]| pieces(&words[..start], &words[start..words.len() - end], &words[words.len() - end..]);
    (whole(&one), whole(&other))
}

/// How many parts two lists have in common at their beginnings, and then at their ends.
fn shared(one: &[&str], other: &[&str]) -> (usize, usize) {
    let start = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let end = one[start..].iter().rev().zip(other[start..].iter().rev()).take_while(|(a, b)| a == b).count();
    (start, end)
}

fn pieces(before: &[&str], between: &[&str], after: &[&str]) -> Vec<Piece> {
    let parts = [(before, false), (between, true), (after, false)];
    let pieces = parts.into_iter().map(|(parts, differs)| Piece { text: parts.concat(), differs });
    pieces.filter(|piece| !piece.text.is_empty()).collect()
}

/// Runs of letters and digits, and every other character by itself.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    for (at, c) in text.char_indices() {
        if !c.is_alphanumeric() {
            words.extend([&text[start..at], &text[at..at + c.len_utf8()]]);
            start = at + c.len_utf8();
        }
    }
    words.push(&text[start..]);
    words.retain(|word| !word.is_empty());
    words
}

fn letters(word: &str) -> Vec<&str> {
    word.char_indices().map(|(at, c)| &word[at..at + c.len_utf8()]).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn shown(pieces: &[Piece]) -> String {
        let piece = |piece: &Piece| if piece.differs { format!("[{}]", piece.text) } else { piece.text.clone() };
        pieces.iter().map(piece).collect()
    }

    #[rstest]
    #[case("200", "403", "[200]", "[403]")]
    #[case("HTTP 400", "HTTP 403", "HTTP [400]", "HTTP [403]")]
    #[case(
        "jKkK+zEwKDMEpsEwgcymCg==",
        "jKkK+zEwKDMEpsEwgcymCh==",
        "jKkK+zEwKDMEpsEwgcymC[g]==",
        "jKkK+zEwKDMEpsEwgcymC[h]=="
    )]
    #[case("same", "same", "same", "same")]
    #[case("a, b", "a, b, c", "a, b", "a, b[, c]")]
    #[case("AES256", "absent", "[AES256]", "[absent]")]
    fn what_differs_is_marked(#[case] one: &str, #[case] other: &str, #[case] left: &str, #[case] right: &str) {
        let (one, other) = marks(one, other);
        assert_eq!((shown(&one).as_str(), shown(&other).as_str()), (left, right));
    }

    #[test]
    fn long_texts_are_left_alone() {
        let (one, _) = marks(&"a".repeat(MOST + 1), "b");
        assert!(one.iter().all(|piece| !piece.differs));
    }

    proptest! {
        #[test]
        fn nothing_is_lost(one in "[a-b é=]{0,20}", other in "[a-b é=]{0,20}") {
            let (left, right) = marks(&one, &other);
            let text = |pieces: &[Piece]| pieces.iter().map(|piece| piece.text.as_str()).collect::<String>();
            prop_assert_eq!(text(&left), one);
            prop_assert_eq!(text(&right), other);
        }
    }
}
