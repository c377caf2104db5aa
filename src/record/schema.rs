//! The JSON Schema of records, generated from their types.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::model::{FORMAT, RunRecord};

/// Where the published schema stands in the repository.
pub const SCHEMA_FILE: &str = "reports/run.schema.json";

/// The published schema (`ssecheck schema run`, `reports/run.schema.json`). Members may be added to the format; readers pass
/// over those that they do not know. Whatever else changes gets another `format`.
#[must_use]
pub fn schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<RunRecord>().to_value();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), json!("ssecheck run"));
        root.insert("description".to_owned(), json!("The record of a run: `ssecheck run --report json=PATH`."));
    }
    if let Some(format) = schema.pointer_mut("/properties/format").and_then(Value::as_object_mut) {
        format.insert("const".to_owned(), json!(FORMAT));
    }
    schema
}
