//! Text in TAP documents.

use super::{in_a_log, one_line};

/// Returns text for the description of a test point or the reason of a directive: in one line, with `\` and `#` escaped.
pub fn description(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('#', "\\#")
}

/// Returns a comment line without its line feed.
pub fn comment(text: &str) -> String {
    in_a_log(&format!("# {}", one_line(text)))
}
