//! The regular expressions of suites: the one place that compiles them, within limits.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use regex::{Regex, RegexBuilder};

use super::limits::{MAX_COMPILED, MAX_PATTERN, MAX_SEARCHED};

/// The deepest nesting of groups and repetitions.
const MAX_NESTING: u32 = 50;
/// How many compiled expressions are kept.
const KEPT: usize = 32;

/// Compiles a suite's regular expression.
///
/// # Errors
/// A sentence for people: it is too long, takes too much memory, or is none.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > MAX_PATTERN {
        return Err(format!("a regular expression is at most {MAX_PATTERN} bytes long"));
    }
    let mut builder = RegexBuilder::new(pattern);
    let built = builder.size_limit(MAX_COMPILED).dfa_size_limit(MAX_COMPILED / 2).nest_limit(MAX_NESTING).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            format!("a regular expression takes at most {MAX_COMPILED} bytes once compiled; let it repeat less")
        }
        error => format!("not a regular expression: {error}"),
    })
}

/// Whether a suite's regular expression matches somewhere in a text of at most [`MAX_SEARCHED`] bytes. What cannot be
/// compiled matches nothing: the linter has said so.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    text.len() <= MAX_SEARCHED && compiled(pattern).is_some_and(|regex| regex.is_match(text))
}

/// A pattern compiled, or as it was compiled before.
fn compiled(pattern: &str) -> Option<Arc<Regex>> {
    static COMPILED: LazyLock<Mutex<HashMap<String, Arc<Regex>>>> = LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(regex) = compiled.get(pattern) {
        return Some(Arc::clone(regex));
    }
    let regex = Arc::new(compile(pattern).ok()?);
    if compiled.len() >= KEPT {
        compiled.clear();
    }
    compiled.insert(pattern.to_owned(), Arc::clone(&regex));
    Some(regex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::too_long(&"a".repeat(MAX_PATTERN + 1), "bytes long")]
    #[case::too_large_once_compiled(r"(\w{100}){100}", "let it repeat less")]
    #[case::too_deep(&format!("{}a{}", "(".repeat(60), ")".repeat(60)), "not a regular expression")]
    #[case::none("(", "not a regular expression")]
    fn what_would_take_too_much_is_refused(#[case] pattern: &str, #[case] told: &str) {
        let error = compile(pattern).expect_err(pattern);
        assert!(error.contains(told), "{error}");
        assert!(!matches(pattern, "a"));
    }

    #[test]
    fn a_text_is_searched_up_to_the_limit() {
        assert!(matches("a$", &"a".repeat(MAX_SEARCHED)));
        assert!(!matches("a$", &"a".repeat(MAX_SEARCHED + 1)));
    }

    #[test]
    fn more_expressions_than_are_kept_match_as_they_should() {
        for number in (0..KEPT * 2).chain(0..KEPT * 2) {
            let pattern = format!("^a{number}$");
            assert!(matches(&pattern, &format!("a{number}")) && !matches(&pattern, "a"));
        }
    }
}
