//! The JSON Schema of suite files.

/// The address by which suite files name their schema, relative to `suites/`.
pub const SCHEMA_FILE: &str = "suite.schema.json";

/// The published schema (`ssecheck schema`, `suites/suite.schema.json`), as JSON. [`super::load`] checks files against it after
/// filling in placeholders; before that, `${alias.member}` may stand for any value in a scenario. The tests generate it from
/// [`super::model`].
pub const SCHEMA: &str = include_str!("../../suites/suite.schema.json");
