//! Files of the repository that are generated from the code: tests hold them to it.

use std::path::Path;

/// Asserts that a file of the repository is this text. With `UPDATE=1` in the environment it is written instead.
pub(crate) fn assert_current(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE").is_some_and(|update| update == "1") {
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("cannot write {file}: {error}"));
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == text, "{file} is out of date; `UPDATE=1 cargo test` writes it");
}
