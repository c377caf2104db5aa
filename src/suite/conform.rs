//! Checks a file, its expanded scenarios and their steps against the schema of suites, reports where they do not conform, and
//! takes out what does not, so that the rest can be checked further.
//!
//! It interprets the published schema, so the two cannot differ. It supports only the keywords of JSON Schema 2020-12 that this
//! schema uses; a test rejects any other.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::expand::Place;
use super::found::Found;
use super::locate::escape;
use super::malformed::Malformed;
use super::schema::SCHEMA;

/// The part of a suite that is checked at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A file. Its scenarios are checked one by one, once they are expanded.
    File,
    /// An expanded scenario. Its steps are checked one by one.
    Scenario,
    /// A step of an expanded scenario.
    Step,
}

impl Shape {
    /// Reports each mismatch of the value, and makes the value conform: an optional member that does not conform is removed, and
    /// whatever is required is replaced by a [stand-in](Schema::stand_in). What stands at `unfilled` was reported when placeholders
    /// were filled in.
    pub fn check(self, value: &mut Value, at: Place<'_>, unfilled: &[String], found: &mut Found<'_>) -> Malformed {
        let schema = match self {
            Self::File => &SUITE_SCHEMA.root,
            Self::Scenario => SUITE_SCHEMA.definition("Scenario"),
            Self::Step => SUITE_SCHEMA.definition("Step"),
        };
        let mut checker = Checker { pointer: at.pointer(), unfilled, malformed: Malformed::default(), found };
        if !checker.check_value(schema, value) {
            checker.malformed.take_out(value);
            *value = schema.stand_in();
        }
        checker.malformed
    }
}

static SUITE_SCHEMA: LazyLock<SuiteSchema> = LazyLock::new(|| {
    SuiteSchema::parse(SCHEMA).unwrap_or_else(|error| unreachable!("the tests read the published schema: {error}"))
});

/// The definition that stands for `${alias.member}` in the published schema. Placeholders are filled in before a value is
/// checked, so the checker ignores this alternative.
const PLACEHOLDER: &str = "Placeholder";

/// A schema and what it refers to.
#[derive(Debug)]
struct SuiteSchema {
    root: Schema,
    definitions: BTreeMap<String, Schema>,
}

/// The keywords of one schema. Those that only describe are read and dropped.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Schema {
    #[serde(rename = "$ref")]
    reference: Option<Reference>,
    #[serde(rename = "type")]
    json_type: Option<JsonType>,
    minimum: Option<f64>,
    format: Option<IntegerFormat>,
    #[serde(default)]
    any_of: Vec<Schema>,
    #[serde(default)]
    one_of: Vec<Word>,
    #[serde(default)]
    properties: BTreeMap<String, Schema>,
    additional_properties: Option<AdditionalProperties>,
    #[serde(default)]
    required: Vec<String>,
    items: Option<Box<Schema>>,
    #[serde(rename = "description")]
    _description: Option<String>,
    #[serde(rename = "default")]
    _default: Option<Value>,
}

/// A word that a member may be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Word {
    #[serde(rename = "const")]
    value: String,
    #[serde(rename = "type")]
    _type: Option<JsonType>,
    #[serde(rename = "description")]
    _description: Option<String>,
}

/// The name of a definition of the same document.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Reference(String);

impl TryFrom<String> for Reference {
    type Error = String;

    fn try_from(reference: String) -> Result<Self, String> {
        let name = reference.strip_prefix("#/$defs/").map(ToOwned::to_owned);
        name.map(Self).ok_or_else(|| format!("{reference} refers to no definition"))
    }
}

/// Members that `properties` does not name.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum AdditionalProperties {
    /// `true` allows any other member, `false` none.
    Allowed(bool),
    /// Each other member must match this schema.
    Each(Box<Schema>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum JsonType {
    Array,
    Boolean,
    Integer,
    Number,
    Object,
    String,
}

/// The width of an unsigned integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum IntegerFormat {
    Uint,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
}

impl IntegerFormat {
    fn largest(self) -> u64 {
        match self {
            Self::Uint => usize::MAX as u64,
            Self::Uint8 => u8::MAX.into(),
            Self::Uint16 => u16::MAX.into(),
            Self::Uint32 => u32::MAX.into(),
            Self::Uint64 => u64::MAX,
        }
    }
}

impl JsonType {
    fn matches(self, value: &Value) -> bool {
        match self {
            Self::Array => value.is_array(),
            Self::Boolean => value.is_boolean(),
            // The numbers that the typed model reads as integers.
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Object => value.is_object(),
            Self::String => value.is_string(),
        }
    }

    /// The type as messages name it.
    fn with_article(self) -> &'static str {
        match self {
            Self::Array => "an array",
            Self::Boolean => "a boolean",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::Object => "an object",
            Self::String => "a string",
        }
    }
}

impl SuiteSchema {
    fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let mut root: Value = serde_json::from_str(text)?;
        let mut definitions = BTreeMap::new();
        if let Some(members) = root.as_object_mut() {
            members.retain(|name, _| !matches!(name.as_str(), "$schema" | "title"));
            if let Some(Value::Object(mut definition)) = members.remove("$defs") {
                definition.retain(|name, _| name != PLACEHOLDER);
                definitions = BTreeMap::deserialize(Value::Object(definition))?;
            }
        }
        Ok(Self { root: Schema::deserialize(root)?, definitions })
    }

    fn definition(&self, name: &str) -> &Schema {
        self.definitions.get(name).unwrap_or_else(|| unreachable!("the tests look up {name}"))
    }
}

impl Schema {
    fn is_placeholder(&self) -> bool {
        self.reference.as_ref().is_some_and(|Reference(name)| name == PLACEHOLDER)
    }

    /// A value that conforms, and says nothing: it stands where a required value is missing or does not conform.
    fn stand_in(&self) -> Value {
        let alternative = self.any_of.iter().find(|alternative| !alternative.is_placeholder());
        if let Some(of_alternative) = alternative {
            return of_alternative.stand_in();
        }
        if let Some(Reference(name)) = &self.reference {
            return SUITE_SCHEMA.definition(name).stand_in();
        }
        if let Some(word) = self.one_of.first() {
            return Value::from(word.value.as_str());
        }
        match self.json_type {
            Some(JsonType::Object) => {
                let members = self.required.iter().map(|name| (name.clone(), self.stand_in_of(name)));
                Value::Object(members.collect())
            }
            Some(JsonType::Array) => Value::Array(Vec::new()),
            Some(JsonType::String) => Value::from(""),
            Some(JsonType::Boolean) => Value::from(false),
            Some(JsonType::Integer | JsonType::Number) => Value::from(0),
            None => Value::Null,
        }
    }

    fn stand_in_of(&self, member: &str) -> Value {
        self.properties.get(member).map_or(Value::Null, Self::stand_in)
    }
}

/// Checks a value, notes what does not conform with its place, and takes it out.
struct Checker<'c, 'f> {
    /// Where the value stands in the file (RFC 6901 JSON Pointer).
    pointer: String,
    /// Pointers of what could not be filled in.
    unfilled: &'c [String],
    malformed: Malformed,
    found: &'c mut Found<'f>,
}

impl Checker<'_, '_> {
    /// Whether the value itself conforms; what does not conform in it is taken out of it.
    fn check_value(&mut self, schema: &Schema, value: &mut Value) -> bool {
        if self.unfilled.contains(&self.pointer) {
            self.malformed.add(&self.pointer);
            return false;
        }
        let mut conforms = true;
        if let Some(Reference(name)) = &schema.reference {
            conforms &= self.check_value(SUITE_SCHEMA.definition(name), value);
        }
        // Without the placeholder one alternative is left; a test checks this.
        for alternative in schema.any_of.iter().filter(|alternative| !alternative.is_placeholder()) {
            conforms &= self.check_value(alternative, value);
        }
        let mismatches = self.mismatches(schema, value);
        if !mismatches.is_empty() {
            self.malformed.add(&self.pointer);
            conforms = false;
        }
        for (message, help) in mismatches {
            self.found.at(&self.pointer, message, help);
        }
        match value {
            Value::Object(members) if conforms => self.check_members(schema, members),
            Value::Array(elements) if conforms => {
                let Some(items) = &schema.items else { return conforms };
                for (index, element) in elements.iter_mut().enumerate() {
                    self.descend(&index.to_string(), |checker| {
                        if !checker.check_value(items, element) {
                            checker.malformed.take_out(element);
                            *element = items.stand_in();
                        }
                    });
                }
            }
            _ => {}
        }
        conforms
    }

    /// How the value itself does not conform, with help.
    fn mismatches(&self, schema: &Schema, value: &Value) -> Vec<(String, Option<String>)> {
        let mut mismatches = Vec::new();
        let options: Vec<&str> = schema.one_of.iter().map(|word| word.value.as_str()).collect();
        if !options.is_empty() && !value.as_str().is_some_and(|value| options.contains(&value)) {
            let help = value.as_str().and_then(|word| self.found.suggest(word, options.iter().copied()));
            mismatches.push((format!("{} is not one of: {}", quoted(value), options.join(", ")), help));
        }
        if let Some(expected) = schema.json_type.filter(|expected| !expected.matches(value)) {
            let shown = if value.is_object() || value.is_array() { "something else".to_owned() } else { quoted(value) };
            mismatches.push((format!("expected {}, found {shown}", expected.with_article()), None));
        }
        if let (Some(minimum), Some(number)) = (schema.minimum, value.as_f64())
            && number < minimum
        {
            mismatches.push((format!("expected at least {minimum}, found {number}"), None));
        }
        if let (Some(format), Some(number)) = (schema.format, value.as_u64())
            && number > format.largest()
        {
            mismatches.push((format!("expected at most {}, found {number}", format.largest()), None));
        }
        mismatches
    }

    fn check_members(&mut self, schema: &Schema, members: &mut serde_json::Map<String, Value>) {
        let missing: Vec<&String> = schema.required.iter().filter(|name| !members.contains_key(*name)).collect();
        // One that is misspelt is not missing besides.
        let is_misspelt = |name: &&&String| {
            let unknown = members.keys().filter(|name| !schema.properties.contains_key(*name));
            let mut meant =
                unknown.filter_map(|unknown| self.found.nearest(unknown, schema.properties.keys().map(String::as_str)));
            schema.additional_properties.is_some() && meant.any(|meant| meant == name.as_str())
        };
        let reported: Vec<&&String> = missing.iter().filter(|name| !is_misspelt(name)).collect();
        for name in reported {
            self.found.at_name(&self.pointer, format!("the member `{name}` is missing here"), None);
        }
        let mut taken_out = Vec::new();
        for (name, value) in &mut *members {
            let known = match (schema.properties.get(name), &schema.additional_properties) {
                (Some(known), _) => Some(known),
                (None, Some(AdditionalProperties::Each(schema))) => Some(&**schema),
                (None, Some(AdditionalProperties::Allowed(false))) => None,
                (None, Some(AdditionalProperties::Allowed(true)) | None) => continue,
            };
            let conforms = match known {
                Some(known) => self.descend(name, |checker| checker.check_value(known, value)),
                None => {
                    self.unknown_member(schema, name);
                    false
                }
            };
            if !conforms {
                self.malformed.take_out(value);
                taken_out.push(name.clone());
            }
        }
        for name in taken_out {
            if schema.required.contains(&name) {
                members.insert(name.clone(), schema.stand_in_of(&name));
            } else {
                members.shift_remove(&name);
            }
        }
        for name in missing {
            self.descend(name, |checker| checker.malformed.add(&checker.pointer));
            members.insert(name.clone(), schema.stand_in_of(name));
        }
    }

    /// Reports it, unless its name could not be filled in. The member that it was probably meant to be counts as malformed, too.
    fn unknown_member(&mut self, schema: &Schema, name: &str) {
        let known = || schema.properties.keys().map(String::as_str);
        let meant = self.found.nearest(name, known());
        let listed = || format!("known here: {}", known().collect::<Vec<_>>().join(", "));
        let help = meant.map(Found::did_you_mean).or_else(|| (!schema.properties.is_empty()).then(listed));
        self.descend(name, |checker| {
            checker.malformed.add(&checker.pointer);
            if !checker.unfilled.contains(&checker.pointer) {
                checker.found.at_name(&checker.pointer, format!("unknown member `{name}`"), help);
            }
        });
        if let Some(meant) = meant {
            self.descend(meant, |checker| checker.malformed.add(&checker.pointer));
        }
    }

    /// Checks what stands in this member or at this index.
    fn descend<T>(&mut self, segment: &str, check: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&escape(segment));
        let checked = check(self);
        self.pointer.truncate(length);
        checked
    }
}

/// A value as messages quote it, without the end of a long text.
fn quoted(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::suite::locate::Located;

    impl Schema {
        /// Itself and all schemas in it.
        fn all(&self) -> Vec<&Self> {
            let each = match &self.additional_properties {
                Some(AdditionalProperties::Each(schema)) => Some(&**schema),
                _ => None,
            };
            let inner = self.any_of.iter().chain(self.properties.values()).chain(each);
            [self].into_iter().chain(inner.chain(self.items.as_deref()).flat_map(Self::all)).collect()
        }
    }

    /// What the checker relies on: see [`Checker::check_value`].
    #[test]
    fn the_published_schema_has_no_keyword_that_is_passed_over() {
        let document = SuiteSchema::parse(SCHEMA).unwrap_or_else(|error| panic!("{error}"));
        let schemas: Vec<&Schema> = document.root.all();
        let schemas = schemas.into_iter().chain(document.definitions.values().flat_map(Schema::all));
        let mut references = 0;
        for schema in schemas {
            if let Some(Reference(name)) = &schema.reference {
                assert!(name == PLACEHOLDER || document.definitions.contains_key(name), "{name}");
                references += 1;
            }
            let alternatives = schema.any_of.iter().filter(|alternative| !alternative.is_placeholder()).count();
            assert!(alternatives <= 1, "one of several alternatives: {schema:?}");
            let is_number = matches!(schema.json_type, Some(JsonType::Integer | JsonType::Number));
            assert!(
                is_number || (schema.minimum.is_none() && schema.format.is_none()),
                "bounds of no number: {schema:?}"
            );
            let is_placeholder_alone = schema.any_of.len() == 1 && schema.any_of[0].is_placeholder();
            assert!(!is_placeholder_alone, "nothing but a placeholder: {schema:?}");
        }
        assert!(references > 50);
        for name in ["Scenario", "Step"] {
            assert!(document.definitions.contains_key(name));
        }
    }

    #[rstest]
    #[case::keyword(r#"{"maxItems": 3}"#, "maxItems")]
    #[case::deeper(r#"{"properties": {"a": {"enum": []}}}"#, "enum")]
    #[case::type_of_several(r#"{"type": ["string", "null"]}"#, "expected")]
    #[case::elsewhere(r#"{"$ref": "other.json"}"#, "refers to no definition")]
    fn a_schema_of_other_keywords_is_refused(#[case] schema: &str, #[case] expected: &str) {
        let error = SuiteSchema::parse(schema).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    /// What is said of a step.
    fn diagnostics_of(step: &str) -> String {
        let located = Located::new(step);
        let mut found = Found::new(&located);
        Shape::Step.check(&mut serde_json::from_str(step).unwrap(), Place::Named(""), &[], &mut found);
        let said = found.report("step.json", step).diagnostics;
        let said = said.into_iter().map(|d| format!("{}: {} ({})", d.pointer, d.message, d.help.unwrap_or_default()));
        said.collect::<Vec<_>>().join("\n")
    }

    #[rstest]
    #[case::good("{}", "")]
    #[case::type_of_a_member(r#"{"body": 5}"#, "/request/body: expected a string, found 5 ()")]
    #[case::type_of_an_element(r#"{"parts": ["p", 5]}"#, "/request/parts/1: expected a string, found 5 ()")]
    #[case::type_of_a_structure(r#"{"sse_c": []}"#, "/request/sse_c: expected an object, found something else ()")]
    #[case::placeholder(r#"{"sse_c": "${r.a}"}"#, "/request/sse_c: expected an object, found \"${r.a}\" ()")]
    #[case::near_name(
        r#"{"sse_c": {"algoritm": {}}}"#,
        "/request/sse_c/algoritm: unknown member `algoritm` (did you mean `algorithm`?)"
    )]
    #[case::other_name(
        r#"{"copy_source": {"zz": 1}}"#,
        "/request/copy_source/zz: unknown member `zz` (known here: object, sse_c, version_of)"
    )]
    #[case::word(
        r#"{"auth": "signd"}"#,
        "/request/auth: \"signd\" is not one of: signed, presigned, anonymous (did you mean `signed`?)"
    )]
    #[case::no_word(r#"{"auth": 5}"#, "/request/auth: 5 is not one of: signed, presigned, anonymous ()")]
    #[case::too_large(
        r#"{"part_number": 4294967296}"#,
        "/request/part_number: expected at most 4294967295, found 4294967296 ()"
    )]
    #[case::too_small(r#"{"part_number": -1}"#, "/request/part_number: expected at least 0, found -1 ()")]
    #[case::no_integer(r#"{"part_number": 1.5}"#, "/request/part_number: expected an integer, found 1.5 ()")]
    #[case::free_value(r#"{"policy": {"any": [1, null]}}"#, "")]
    fn mismatches_are_reported_with_their_pointer(#[case] besides: &str, #[case] expected: &str) {
        let mut request: serde_json::Map<String, Value> = serde_json::from_str(besides).unwrap();
        request.insert("operation".to_owned(), "GetObject".into());
        let step = serde_json::json!({"id": "s", "request": request});
        assert_eq!(diagnostics_of(&step.to_string()), expected);
    }

    #[test]
    fn a_missing_member_is_reported_at_the_object() {
        assert_eq!(diagnostics_of(r#"{"id": "s"}"#), ": the member `request` is missing here ()");
    }
}
