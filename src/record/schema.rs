//! The JSON Schema of records.

/// The published schema (`ssecheck schema run`, `reports/run.schema.json`), as JSON. Members may be added to the format; readers
/// pass over those that they do not know. Whatever else changes gets another `format`. The tests generate it from
/// [`super::RunRecord`].
pub const SCHEMA: &str = include_str!("../../reports/run.schema.json");

#[cfg(test)]
mod tests {
    use schemars::generate::SchemaSettings;
    use serde_json::{Value, json};

    use super::super::model::{FORMAT, FORMER_FORMAT, OLDEST_FORMAT, RunRecord};

    fn generated() -> Value {
        let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<RunRecord>().to_value();
        if let Some(root) = schema.as_object_mut() {
            root.insert("title".to_owned(), json!("ssecheck run"));
            root.insert("description".to_owned(), json!("The record of a run: `ssecheck run --report json=PATH`."));
        }
        if let Some(format) = schema.pointer_mut("/properties/format").and_then(Value::as_object_mut) {
            format.insert("enum".to_owned(), json!([FORMAT, FORMER_FORMAT, OLDEST_FORMAT]));
        }
        schema
    }

    #[test]
    fn published_schema_is_current() {
        let current = serde_json::to_string_pretty(&generated()).unwrap() + "\n";
        crate::repository_file::assert_current("reports/run.schema.json", &current);
    }
}
