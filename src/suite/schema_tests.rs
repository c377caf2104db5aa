//! Generates the schema of suite files from [`super::model`], and checks that the published one is current.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::{Map, Value, json};

use super::model::SuiteFile;

/// The schema that a file meets once its placeholders are filled in.
pub(super) fn strict_schema() -> Value {
    SchemaSettings::draft2020_12()
        .with_transform(RecursiveTransform(drop_null))
        .into_generator()
        .into_root_schema_for::<SuiteFile>()
        .to_value()
}

/// The published schema: as the strict one, but inside scenarios `${alias.member}` may stand for any value.
fn published_schema() -> Value {
    let mut schema = strict_schema();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), json!("ssecheck suite"));
    }
    if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        for (name, definition) in definitions.iter_mut() {
            if !matches!(name.as_str(), "KeySpec" | "BodySpec" | "Row" | "Scenario")
                && let Some(properties) = definition.get_mut("properties").and_then(Value::as_object_mut)
            {
                properties.values_mut().for_each(allow_placeholder);
            }
        }
        definitions.insert(
            "Placeholder".to_owned(),
            json!({
                "description": "`${alias.member}`: the member of the current row of the table that `for_each` names so.",
                "type": "string",
                "pattern": "^\\$\\{[a-z][a-z0-9_-]*\\.[a-z][a-z0-9_-]*\\}$",
            }),
        );
    }
    schema
}

/// An optional member may be left out; `null` is no value of it.
fn drop_null(schema: &mut Schema) {
    if let Some(object) = schema.as_object_mut() {
        if let Some(Value::Array(types)) = object.get_mut("type") {
            types.retain(|t| t != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                object.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(branches)) = object.get_mut("anyOf") {
            branches.retain(|b| b != &json!({"type": "null"}));
            if let [Value::Object(only)] = branches.as_slice() {
                let only: Map<String, Value> = only.clone();
                object.remove("anyOf");
                for (key, value) in only {
                    object.entry(key).or_insert(value);
                }
            }
        }
        if object.get("default") == Some(&Value::Null) {
            object.remove("default");
        }
    }
}

fn allow_placeholder(schema: &mut Value) {
    if schema.get("type").is_some_and(|t| t == "string") {
        return;
    }
    let Value::Object(mut inner) = schema.take() else { return };
    let description = inner.remove("description");
    let default = inner.remove("default");
    let mut outer = Map::new();
    outer.extend(description.map(|d| ("description".to_owned(), d)));
    outer.extend(default.map(|d| ("default".to_owned(), d)));
    outer.insert("anyOf".to_owned(), json!([inner, {"$ref": "#/$defs/Placeholder"}]));
    *schema = Value::Object(outer);
}

#[test]
fn published_schema_is_current() {
    let current = serde_json::to_string_pretty(&published_schema()).unwrap() + "\n";
    crate::repository_file::assert_current("suites/suite.schema.json", &current);
}

#[test]
fn no_member_may_be_null() {
    assert!(!strict_schema().to_string().contains("\"null\""));
}
