//! A file, its expanded scenarios and their steps against the schema of suites, and what is said where they do not fit.

use std::sync::LazyLock;

use jsonschema::Validator;
use jsonschema::error::{TypeKind, ValidationError, ValidationErrorKind};
use serde_json::{Value, json};

use super::expand::Place;
use super::found::Found;
use super::locate::escape;
use super::schema::strict_schema;

/// What is looked at by itself.
pub(super) struct Shape {
    schema: Value,
    validator: Validator,
}

/// A file. Its scenarios are looked at one by one, once they are expanded.
pub(super) static FILE: LazyLock<Shape> = LazyLock::new(|| Shape::of(strict_schema()));

/// An expanded scenario. Its steps are looked at one by one.
pub(super) static SCENARIO: LazyLock<Shape> = LazyLock::new(|| Shape::of_part("Scenario"));

/// A step of an expanded scenario.
pub(super) static STEP: LazyLock<Shape> = LazyLock::new(|| Shape::of_part("Step"));

impl Shape {
    fn of_part(name: &str) -> Self {
        Self::of(json!({"$ref": format!("#/$defs/{name}"), "$defs": strict_schema()["$defs"]}))
    }

    fn of(schema: Value) -> Self {
        let validator = jsonschema::validator_for(&schema);
        Self { validator: validator.unwrap_or_else(|e| unreachable!("the generated schema is valid: {e}")), schema }
    }

    /// Says what of a value does not fit, unless enough is found: what is found takes much memory.
    pub fn check(&self, value: &Value, at: Place<'_>, found: &mut Found<'_>) {
        if found.is_full() {
            return;
        }
        for error in self.validator.iter_errors(value) {
            for (pointer, kind) in innermost(&error) {
                self.describe(&format!("{}{pointer}", at.pointer()), kind, found);
            }
        }
    }

    fn describe(&self, pointer: &str, kind: Kind<'_>, found: &mut Found<'_>) {
        match kind {
            Kind::NotAmong(options, instance) => not_among(pointer, &options, instance, found),
            Kind::Plain(ValidationErrorKind::Enum { options }, error) => {
                let options: Vec<&Value> = options.as_array().into_iter().flatten().collect();
                not_among(pointer, &options, error.instance(), found);
            }
            Kind::Plain(ValidationErrorKind::AdditionalProperties { unexpected }, error) => {
                let known = self.known_members(error);
                for name in unexpected {
                    let near = found.suggest(name, known.iter().map(String::as_str));
                    let help =
                        near.or_else(|| (!known.is_empty()).then(|| format!("known here: {}", known.join(", "))));
                    found.at_name(&format!("{pointer}/{}", escape(name)), format!("unknown member `{name}`"), help);
                }
            }
            Kind::Plain(ValidationErrorKind::Required { property }, _) => {
                let name = property.as_str().unwrap_or_default();
                found.at_name(pointer, format!("the member `{name}` is missing here"), None);
            }
            Kind::Plain(ValidationErrorKind::Type { kind }, error) => {
                let expected = match kind {
                    TypeKind::Single(one) => one.to_string(),
                    TypeKind::Multiple(set) => set.iter().map(|t| t.to_string()).collect::<Vec<_>>().join(" or "),
                };
                let article = if expected.starts_with(['a', 'i', 'o']) { "an" } else { "a" };
                let instance = error.instance();
                let shown = if instance.is_object() || instance.is_array() {
                    "something else".to_owned()
                } else {
                    instance.to_string()
                };
                found.at(pointer, format!("expected {article} {expected}, found {shown}"), None);
            }
            Kind::Plain(_, error) => found.at(pointer, error.to_string(), None),
        }
    }

    /// The members that the schema knows where `error` says that one is unknown.
    fn known_members(&self, error: &ValidationError<'_>) -> Vec<String> {
        // "/properties/scenarios/items/$ref/…/additionalProperties": follow references down to the object's schema.
        let mut node = &self.schema;
        for segment in error.evaluation_path().as_str().split('/').skip(1) {
            let next = match segment {
                "additionalProperties" => break,
                "$ref" => {
                    let reference = node.get("$ref").and_then(Value::as_str);
                    reference.and_then(|reference| self.schema.pointer(reference.strip_prefix('#')?))
                }
                segment => node.get(segment).or_else(|| node.get(segment.parse::<usize>().ok()?)),
            };
            let Some(next) = next else { return Vec::new() };
            node = next;
        }
        node.get("properties").and_then(Value::as_object).into_iter().flat_map(|p| p.keys().cloned()).collect()
    }
}

/// Of an error that says "none of the alternatives fits", the errors of the alternative that fits best.
fn innermost<'e>(error: &'e ValidationError<'_>) -> Vec<(String, Kind<'e>)> {
    let pointer = error.instance_path().as_str().to_owned();
    match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            let constants: Vec<&Value> = context
                .iter()
                .flatten()
                .filter_map(|e| match e.kind() {
                    ValidationErrorKind::Constant { expected_value } => Some(&**expected_value),
                    _ => None,
                })
                .collect();
            if constants.len() == context.len() {
                return vec![(pointer, Kind::NotAmong(constants, error.instance()))];
            }
            let best = context.iter().min_by_key(|branch| branch.len());
            best.into_iter().flatten().flat_map(innermost).collect()
        }
        kind => vec![(pointer, Kind::Plain(kind, error))],
    }
}

enum Kind<'e> {
    Plain(&'e ValidationErrorKind, &'e ValidationError<'e>),
    NotAmong(Vec<&'e Value>, &'e Value),
}

fn not_among(pointer: &str, options: &[&Value], instance: &Value, found: &mut Found<'_>) {
    let words: Vec<String> = options.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect();
    let help = instance.as_str().and_then(|word| found.suggest(word, words.iter().map(String::as_str)));
    found.at(pointer, format!("{} is not one of: {}", quoted(instance), words.join(", ")), help);
}

/// A value as messages quote it, without the end of a long text.
fn quoted(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
