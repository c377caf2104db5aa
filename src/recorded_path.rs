//! Paths as records name them: a record is shown to others, and tells nothing of the machine.

use std::path::Path;

/// The path as it was typed; of an absolute one the name of the file alone. What is in the file is told by a digest beside it.
#[must_use]
pub fn recorded(path: &str) -> String {
    let typed = Path::new(path);
    let name = typed.file_name().filter(|_| typed.is_absolute());
    name.map_or_else(|| path.to_owned(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("known.json", "known.json")]
    #[case("fixtures/servers/known.json", "fixtures/servers/known.json")]
    #[case("/home/somebody/known.json", "known.json")]
    #[case("built in", "built in")]
    fn an_absolute_path_is_told_by_its_name(#[case] typed: &str, #[case] told: &str) {
        assert_eq!(recorded(typed), told);
    }
}
