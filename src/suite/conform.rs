//! A file and its expanded scenarios against the schema of suites, and what is said where they do not fit.

use std::sync::LazyLock;

use jsonschema::Validator;
use jsonschema::error::{TypeKind, ValidationError, ValidationErrorKind};
use serde_json::{Value, json};

use super::expand::Origin;
use super::found::Found;
use super::locate::escape;
use super::schema::strict_schema;

/// Where the schema has that of a scenario.
const SCENARIO_SCHEMA: &str = "#/$defs/Scenario";

static FILE: LazyLock<Validator> = LazyLock::new(|| validator(&strict_schema()));

static SCENARIO: LazyLock<Validator> =
    LazyLock::new(|| validator(&json!({"$ref": SCENARIO_SCHEMA, "$defs": strict_schema()["$defs"]})));

fn validator(schema: &Value) -> Validator {
    jsonschema::validator_for(schema).unwrap_or_else(|e| unreachable!("the generated schema is valid: {e}"))
}

/// Says what of a file does not fit the schema. Its scenarios are looked at one by one, once they are expanded.
pub(super) fn check_file(file: &Value, found: &mut Found<'_>) {
    for error in FILE.iter_errors(file) {
        tell(&error, str::to_owned, found);
    }
}

/// Says what of an expanded scenario does not fit the schema, unless enough is found: what is found takes much memory.
pub(super) fn check_scenario(scenario: &Value, origin: &Origin, found: &mut Found<'_>) {
    if found.is_full() {
        return;
    }
    for error in SCENARIO.iter_errors(scenario) {
        tell(&error, |pointer| origin.in_file(pointer), found);
    }
}

fn tell(error: &ValidationError<'_>, in_file: impl Fn(&str) -> String, found: &mut Found<'_>) {
    for (pointer, kind) in innermost(error) {
        describe(&in_file(&pointer), kind, found);
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

fn describe(pointer: &str, kind: Kind<'_>, found: &mut Found<'_>) {
    match kind {
        Kind::NotAmong(options, instance) => not_among(pointer, &options, instance, found),
        Kind::Plain(ValidationErrorKind::Enum { options }, error) => {
            let options: Vec<&Value> = options.as_array().into_iter().flatten().collect();
            not_among(pointer, &options, error.instance(), found);
        }
        Kind::Plain(ValidationErrorKind::AdditionalProperties { unexpected }, error) => {
            let known = known_members(error);
            for name in unexpected {
                let near = found.suggest(name, known.iter().map(String::as_str));
                let help = near.or_else(|| (!known.is_empty()).then(|| format!("known here: {}", known.join(", "))));
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

/// The members that the schema knows where `error` says that one is unknown.
fn known_members(error: &ValidationError<'_>) -> Vec<String> {
    static SCHEMA: LazyLock<Value> = LazyLock::new(strict_schema);
    // "/properties/scenarios/items/$ref/…/additionalProperties": follow references down to the object's schema.
    let mut node = &*SCHEMA;
    for segment in error.evaluation_path().as_str().split('/').skip(1) {
        node = match segment {
            "additionalProperties" => break,
            "$ref" => {
                // What validates a scenario refers to it and is nothing else.
                let reference = node.get("$ref").and_then(Value::as_str).unwrap_or(SCENARIO_SCHEMA);
                let Some(pointer) = reference.strip_prefix('#') else { return Vec::new() };
                match SCHEMA.pointer(pointer) {
                    Some(target) => target,
                    None => return Vec::new(),
                }
            }
            segment => match node.get(segment).or_else(|| node.get(segment.parse::<usize>().ok()?)) {
                Some(next) => next,
                None => return Vec::new(),
            },
        };
    }
    node.get("properties").and_then(Value::as_object).into_iter().flat_map(|p| p.keys().cloned()).collect()
}
