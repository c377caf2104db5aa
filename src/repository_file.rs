//! Compares generated files of the repository with the text that the code generates.

use std::path::Path;

/// Asserts that a file of the repository has this text. With `UPDATE=1` in the environment, writes it first.
pub(crate) fn assert_current(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE").is_some_and(|update| update == "1") {
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("cannot write {file}: {error}"));
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    // What is compiled in is the former text until the next build.
    assert!(stored == text, "{file} is out of date: run `UPDATE=1 cargo test --lib schema`, then the tests again");
}
