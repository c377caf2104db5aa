//! Text in workflow commands of GitHub Actions.

use super::printable;

/// Returns a workflow command with its line feed. `%`, line ends, and in properties `:` and `,` are escaped, so that no text ends
/// it or begins another.
pub fn annotation(command: &str, title: &str, message: &str) -> String {
    let data = |text: &str| printable(text).replace('%', "%25").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    format!("::{command} title={}::{}\n", property(title), data(message))
}
